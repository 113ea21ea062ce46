//! The pages of datalabs: the list, one that starts or runs, its log.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use gantry_labs::{DatalabView, Stops};
use gantry_store::{Datalab, Phase};
use serde::Deserialize;
use uuid::Uuid;

use super::jobs::{JobPart, job_part, phase_text, products_text};
use super::labs::icon;
use super::login::BareForm;
use super::page;
use super::shell::Shell;
use crate::app::App;
use crate::extract::{FromForm, FromPath, FromQuery, once};
use crate::format;
use crate::identity::Caller;
use crate::problem::{LAB_UNAVAILABLE, Problem};
use crate::rest::datalabs::{DatalabPath, destroy as destroy_datalab, extend as extend_datalab};
use crate::words::{Said, filters, t};

#[derive(Template)]
#[template(path = "datalabs.html")]
struct DatalabsPage {
    shell: Shell,
    datalabs: Vec<DatalabRow>,
    /// Whether there are others before these.
    is_later: bool,
    next: Option<String>,
}

struct DatalabRow {
    id: String,
    name: String,
    lab: String,
    icon: &'static str,
    phase: String,
    phase_text: String,
    cause: String,
    href: String,
    ready: bool,
    volumes: String,
    created: String,
    stops: Option<StopsPart>,
    message: Option<String>,
    live: bool,
}

/// When a datalab is stopped, in words.
struct StopsPart {
    text: String,
    soon: bool,
}

impl StopsPart {
    fn of(stops: &Stops) -> Self {
        let said = if stops.cause == "unused" {
            t("stops {time}, when nobody uses it until then")
        } else {
            t("stops {time}, when its time is over")
        };
        Self {
            text: said.with("time", format::time(stops.at)).into(),
            soon: stops.soon,
        }
    }
}

/// How many datalabs a page lists, as many as the interface does.
const PAGE: u32 = 100;

/// Which datalabs are listed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ListParams {
    /// The datalab the page before ended with.
    #[serde(deserialize_with = "once")]
    after: Option<Uuid>,
}

pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    FromQuery(params): FromQuery<ListParams>,
) -> Result<Response, Problem> {
    let after = params.after.map(|after| after.to_string());
    let owner = &caller.may("datalabs")?.id;
    let datalabs = app.store.datalabs(owner, after.as_deref(), PAGE).await?;
    let rows = datalabs.iter().map(|datalab| row(&app, datalab));
    let last = datalabs.last().filter(|_| datalabs.len() as u32 == PAGE);
    page(&DatalabsPage {
        is_later: after.is_some(),
        next: last.map(|last| format!("/datalabs?after={}", last.id)),
        datalabs: rows.collect::<Result<_, _>>()?,
        shell: Shell::new(&app, Some(&caller), "datalabs", t("Datalabs")).await?,
    })
}

fn row(app: &App, datalab: &Datalab) -> Result<DatalabRow, Problem> {
    let view = app.labs.view(datalab)?;
    let lab = app.labs.catalogue().lab(&datalab.lab).ok();
    let live = !datalab.phase.is_final();
    let names: Vec<&str> = view
        .volumes
        .iter()
        .map(|volume| volume.name.as_str())
        .collect();
    Ok(DatalabRow {
        id: datalab.id.clone(),
        name: datalab.name.clone(),
        lab: lab.map_or_else(|| datalab.lab.clone(), |lab| lab.title.clone()),
        icon: lab.map_or("application", icon),
        phase: datalab.phase.as_str().to_owned(),
        phase_text: state_text(datalab, &view),
        cause: causes(&view),
        href: format!("/datalabs/{}", datalab.id),
        ready: view.ready,
        volumes: names.join(", "),
        created: format::time(datalab.created),
        stops: view.stops.as_ref().map(StopsPart::of),
        message: datalab.message.clone().filter(|_| !live),
        live,
    })
}

fn state_text(datalab: &Datalab, view: &DatalabView) -> String {
    let said = match view.phase {
        phase if phase.is_final() => return phase_text(phase),
        _ if datalab.stop_wanted => t("stopping"),
        Phase::Executing if view.ready => t("serving"),
        Phase::Executing => t("serving, products not there yet"),
        Phase::Queued => t("starting"),
        phase => return phase_text(phase),
    };
    said.into()
}

/// What a datalab waits for, in a sentence.
fn causes(view: &DatalabView) -> String {
    let waits = view.waiting_for.as_array().into_iter().flatten();
    let texts: Vec<&str> = waits.filter_map(|wait| wait["text"].as_str()).collect();
    texts.join("; ")
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
    open_text: String,
    login_hint: Option<String>,
    log: String,
    stops: Option<StopsPart>,
}

struct Step {
    key: &'static str,
    state: &'static str,
    state_text: String,
    text: String,
    note: Option<String>,
    code: Option<String>,
}

/// How far a step is, in words.
fn step_text(state: &str) -> String {
    let said = match state {
        "done" => t("done"),
        "now" => t("now"),
        "failed" => t("failed"),
        _ => t("later"),
    };
    said.into()
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
    let entry = app.labs.catalogue().lab(&datalab.lab).ok();
    let lab = entry.map_or_else(|| datalab.lab.clone(), |lab| lab.title.clone());
    let log = app.labs.logs(&datalab, 8 << 10).await.unwrap_or_default();
    let ended = datalab.phase.is_final();
    page(&DatalabPage {
        shell: Shell::new(&app, Some(&caller), "datalabs", datalab.name.clone()).await?,
        lead: products.map_or_else(
            || format!("{lab}."),
            |products| {
                let said = t("{products}, then {lab}.").with("products", products);
                said.with("lab", &lab).into()
            },
        ),
        events: format!("/api/v1/datalabs/{}/events", datalab.id),
        href: format!("/datalabs/{}", datalab.id),
        open_href: format!("/datalabs/{}/open", datalab.id),
        ready: view.ready,
        ended,
        ended_text: ended.then(|| {
            datalab.message.clone().unwrap_or_else(|| {
                let said = t("The lab has ended: {phase}.");
                said.with("phase", phase_text(datalab.phase)).into()
            })
        }),
        steps: steps(&datalab, &view, &lab),
        open_when_ready: view.select_when_ready,
        open_text: if datalab.notebook.is_some() {
            t("Open Notebook").into()
        } else {
            t("Open").into()
        },
        login_hint: entry.and_then(|lab| lab.login_hint.clone()),
        log,
        stops: view.stops.as_ref().map(StopsPart::of),
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
    let cause = Some(causes(view)).filter(|text| !text.is_empty());
    let names: Vec<&str> = view
        .volumes
        .iter()
        .map(|volume| volume.name.as_str())
        .collect();
    let note = |at: usize, now: Said, done: Said| match states[at] {
        "now" => Some(cause.clone().unwrap_or_else(|| now.into())),
        "done" => Some(done.into()),
        _ => None,
    };
    let mut steps = vec![
        Step {
            key: "volumes",
            state: states[0],
            state_text: step_text(states[0]),
            text: t("Volumes {names}").with("names", names.join(", ")).into(),
            note: note(0, t("attaching"), t("attached")),
            code: None,
        },
        Step {
            key: "lab",
            state: states[1],
            state_text: step_text(states[1]),
            text: lab.to_owned(),
            note: note(1, t("starting"), t("running")),
            code: None,
        },
    ];
    if datalab.notebook.is_some() {
        steps.push(Step {
            key: "notebook",
            state: states[2],
            state_text: step_text(states[2]),
            text: t("Notebook").into(),
            note: note(2, t("being written"), t("ready")),
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

#[derive(Template)]
#[template(path = "logs.html")]
struct LogsPage {
    shell: Shell,
    name: String,
    href: String,
    log_href: String,
    log: String,
    live: bool,
}

/// So much of a log is shown.
const LOG_BYTES: u64 = 256 << 10;

pub(crate) async fn logs(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<DatalabPath>,
) -> Result<Response, Problem> {
    let datalab = path.datalab(&app, &caller).await?;
    let title = t("Log of {name}").with("name", &datalab.name);
    page(&LogsPage {
        shell: Shell::new(&app, Some(&caller), "datalabs", title).await?,
        log: app.labs.logs(&datalab, LOG_BYTES).await?,
        href: format!("/datalabs/{}", datalab.id),
        log_href: format!(
            "/api/v1/datalabs/{}/logs?tail_bytes={LOG_BYTES}",
            datalab.id
        ),
        live: !datalab.phase.is_final(),
        name: datalab.name,
    })
}

/// The form that gives a datalab more time.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ExtendForm {
    #[serde(deserialize_with = "once")]
    csrf: Option<String>,
    #[serde(deserialize_with = "once")]
    seconds: Option<u64>,
    /// Whether the list is shown afterwards, and not the datalab.
    #[serde(deserialize_with = "once")]
    list: Option<String>,
}

pub(crate) async fn extend(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<DatalabPath>,
    FromForm(form): FromForm<ExtendForm>,
) -> Result<Response, Problem> {
    caller.check_form(form.csrf.as_deref())?;
    let datalab = path.datalab(&app, &caller).await?;
    let datalab = extend_datalab(&app, &datalab, form.seconds.unwrap_or_default()).await?;
    let back = match form.list {
        Some(_) => "/datalabs".to_owned(),
        None => format!("/datalabs/{}", datalab.id),
    };
    Ok(Redirect::to(&back).into_response())
}
