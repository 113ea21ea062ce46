//! The pages of labs and datalabs.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use gantry_labs::DatalabView;
use gantry_store::{Datalab, Phase};

use super::jobs::{JobPart, job_part, phase_text, products_text};
use super::login::BareForm;
use super::page;
use super::shell::{Pair, Shell, VolumeChoice, volume_choices};
use crate::app::App;
use crate::extract::{FromForm, FromPath};
use crate::format;
use crate::identity::Caller;
use crate::problem::{LAB_UNAVAILABLE, Problem};
use crate::rest::datalabs::{DatalabPath, destroy as destroy_datalab};

#[derive(Template)]
#[template(path = "labs.html")]
struct LabsPage {
    shell: Shell,
    labs: Vec<LabRow>,
    volumes: Vec<VolumeChoice>,
}

struct LabRow {
    id: String,
    title: String,
    description: String,
    facts: Vec<Pair>,
    launchable: bool,
    why_not: Option<String>,
}

pub(crate) async fn labs(
    State(app): State<App>,
    caller: Option<Caller>,
) -> Result<Response, Problem> {
    let why_not = match &*app.environment.borrow() {
        gantry_labs::EnvironmentState::Failed(text) => Some(text.clone()),
        _ => None,
    };
    let labs = app
        .labs
        .catalogue()
        .iter()
        .map(|lab| LabRow {
            id: lab.id(),
            title: lab.title.clone(),
            description: lab.description.clone(),
            facts: vec![
                Pair::new("Domains", lab.domain.join(", ")),
                Pair::new("Opens", lab.media_types.join(", ")),
            ],
            launchable: why_not.is_none() && caller.is_some(),
            why_not: why_not.clone(),
        })
        .collect();
    let volumes = volume_choices(&app, caller.as_ref(), None).await?;
    page(&LabsPage {
        shell: Shell::new(&app, caller.as_ref(), "labs", "Labs").await?,
        labs,
        volumes,
    })
}

#[derive(Template)]
#[template(path = "datalabs.html")]
struct DatalabsPage {
    shell: Shell,
    datalabs: Vec<DatalabRow>,
}

struct DatalabRow {
    id: String,
    name: String,
    lab: String,
    phase: String,
    phase_text: String,
    href: String,
    open_href: Option<String>,
    logs_href: String,
    volumes: String,
    created: String,
    expires: Option<String>,
    live: bool,
}

pub(crate) async fn list(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    let datalabs = app.store.datalabs(&caller.may("datalabs")?.id, 100).await?;
    let mut rows = Vec::with_capacity(datalabs.len());
    for datalab in &datalabs {
        let view = app.labs.view(datalab)?;
        rows.push(DatalabRow {
            id: datalab.id.clone(),
            name: datalab.name.clone(),
            lab: datalab.lab.clone(),
            phase: datalab.phase.as_str().to_owned(),
            phase_text: if datalab.stop_wanted && !datalab.phase.is_final() {
                "stopping"
            } else {
                state_text(&view)
            }
            .to_owned(),
            href: format!("/datalabs/{}", datalab.id),
            open_href: view.ready.then(|| format!("/datalabs/{}/open", datalab.id)),
            logs_href: format!("/api/v1/datalabs/{}/logs", datalab.id),
            volumes: view
                .volumes
                .iter()
                .map(|volume| volume.name.as_str())
                .collect::<Vec<_>>()
                .join(", "),
            created: format::time(datalab.created),
            expires: datalab.expires.map(format::time),
            live: !datalab.phase.is_final(),
        });
    }
    page(&DatalabsPage {
        shell: Shell::new(&app, Some(&caller), "datalabs", "Datalabs").await?,
        datalabs: rows,
    })
}

fn state_text(view: &DatalabView) -> &'static str {
    match view.phase {
        Phase::Executing if view.ready => "serving",
        Phase::Executing => "serving, notebook not ready yet",
        Phase::Queued => "starting",
        phase => phase_text(phase),
    }
}

#[derive(Template)]
#[template(path = "datalab.html")]
struct DatalabPage {
    shell: Shell,
    id: String,
    name: String,
    lead: String,
    phase: String,
    events: String,
    href: String,
    open_href: String,
    ready: bool,
    ended: bool,
    ended_text: Option<String>,
    job: Option<JobPart>,
    steps: Vec<Step>,
    open_when_ready: bool,
    log: Vec<String>,
    logs_href: String,
    expires: Option<String>,
}

struct Step {
    key: &'static str,
    state: &'static str,
    text: String,
    note: Option<String>,
    code: Option<String>,
}

pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<DatalabPath>,
) -> Result<Response, Problem> {
    let datalab = path.datalab(&app, &caller).await?;
    let view = app.labs.view(&datalab)?;
    let job = match &datalab.staging_job {
        Some(id) => Some(app.store.staging_job_by_id(id).await?),
        None => None,
    };
    let (part, products) = match &job {
        Some(job) => (
            Some(job_part(&app, job, 0).await?),
            Some(products_text(&app, job).await?),
        ),
        None => (None, None),
    };
    let lab = app
        .labs
        .catalogue()
        .lab(&datalab.lab)
        .map_or_else(|_| datalab.lab.clone(), |lab| lab.title.clone());
    let log = app.labs.logs(&datalab, 8 << 10).await.unwrap_or_default();
    let ended = datalab.phase.is_final();
    page(&DatalabPage {
        shell: Shell::new(&app, Some(&caller), "datalabs", datalab.name.clone()).await?,
        lead: products.map_or_else(
            || format!("{lab}."),
            |products| format!("{products}, then {lab}."),
        ),
        events: format!("/api/v1/datalabs/{}/events", datalab.id),
        href: format!("/datalabs/{}", datalab.id),
        open_href: format!("/datalabs/{}/open", datalab.id),
        logs_href: format!("/api/v1/datalabs/{}/logs", datalab.id),
        ready: view.ready,
        ended,
        ended_text: ended.then(|| {
            datalab
                .message
                .clone()
                .unwrap_or_else(|| format!("The lab has ended: {}.", phase_text(datalab.phase)))
        }),
        steps: steps(&datalab, &view, &lab),
        open_when_ready: true,
        log: log
            .lines()
            .rev()
            .take(50)
            .map(ToOwned::to_owned)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect(),
        expires: datalab.expires.map(format::time),
        phase: datalab.phase.as_str().to_owned(),
        job: part,
        id: datalab.id,
        name: datalab.name,
    })
}

/// The datalab's way in steps, in the words the script uses too.
fn steps(datalab: &Datalab, view: &DatalabView, lab: &str) -> Vec<Step> {
    let failed = matches!(datalab.phase, Phase::Error | Phase::Aborted);
    let states: [&str; 3] = match (datalab.phase, view.ready) {
        (_, true) => ["done", "done", "done"],
        _ if failed => ["done", "failed", "later"],
        (Phase::Executing, _) => ["done", "done", "now"],
        (Phase::Queued, _) => ["done", "now", "later"],
        (Phase::Pending, _) => ["now", "later", "later"],
        _ => ["done", "done", "done"],
    };
    let cause = view
        .waiting_for
        .as_array()
        .and_then(|waits| waits.first())
        .and_then(|wait| wait["text"].as_str())
        .map(ToOwned::to_owned);
    let names: Vec<&str> = view
        .volumes
        .iter()
        .map(|volume| volume.name.as_str())
        .collect();
    let note = |at: usize, now: &str, done: &str| match states[at] {
        "now" => Some(cause.clone().unwrap_or_else(|| now.to_owned())),
        "done" => Some(done.to_owned()),
        _ => None,
    };
    let mut steps = vec![
        Step {
            key: "volumes",
            state: states[0],
            text: format!("Volumes {}", names.join(", ")),
            note: note(0, "attaching", "attached"),
            code: None,
        },
        Step {
            key: "lab",
            state: states[1],
            text: lab.to_owned(),
            note: note(1, "starting", "running"),
            code: None,
        },
    ];
    if datalab.notebook.is_some() {
        steps.push(Step {
            key: "notebook",
            state: states[2],
            text: "Notebook".to_owned(),
            note: note(2, "being written", "ready"),
            code: datalab.notebook.clone(),
        });
    }
    steps
}

/// Sends a browser to the lab: the one answer that holds a secret, for its owner only.
pub(crate) async fn open(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<DatalabPath>,
) -> Result<Response, Problem> {
    let datalab = path.datalab(&app, &caller).await?;
    if !app.labs.view(&datalab)?.ready {
        return Err(Problem::new(
            &LAB_UNAVAILABLE,
            format!(
                "the datalab `{}` is not ready; its page shows what it waits for",
                datalab.id
            ),
        ));
    }
    let url = app.labs.open_url(&datalab).await?;
    app.store.touch_datalab(&datalab.id).await?;
    let mut response = Redirect::to(&url).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    Ok(response)
}

pub(crate) async fn destroy(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<DatalabPath>,
    FromForm(form): FromForm<BareForm>,
) -> Result<Response, Problem> {
    caller.check_form(form.csrf.as_deref())?;
    let datalab = path.datalab(&app, &caller).await?;
    destroy_datalab(&app, &datalab).await?;
    Ok(Redirect::to("/datalabs").into_response())
}
