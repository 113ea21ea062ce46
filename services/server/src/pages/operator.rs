//! The operator's page: archives, work, users, portals, what was done lately.

use askama::Template;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::page;
use super::shell::{Component, Link, Pair, Shell, State as ServiceState, state_text};
use crate::app::App;
use crate::format;
use crate::identity::Caller;
use crate::problem::Problem;
use crate::words::{filters, t, tn};

#[derive(Template)]
#[template(path = "operator.html")]
struct OperatorPage {
    shell: Shell,
    version: &'static str,
    uptime: String,
    components: Vec<Component>,
    incidents: Vec<(String, String)>,
    archives: Vec<ArchiveRow>,
    work: Vec<Pair>,
    quota: String,
    users: Vec<UserRow>,
    more_users: bool,
    clicks: Vec<ClickRow>,
    audit: Vec<AuditRow>,
}

struct ArchiveRow {
    id: String,
    title: String,
    state: &'static str,
    state_text: String,
    last: Option<Link>,
}

struct UserRow {
    name: String,
    operator: bool,
    n_volumes: u64,
    bytes: String,
    n_jobs: u64,
    n_datalabs: u64,
    n_sessions: u64,
}

struct ClickRow {
    day: String,
    portal: String,
    action: String,
    n: String,
}

struct AuditRow {
    at: String,
    who: String,
    action: String,
    object: String,
}

/// How many users, and lines of the audit and of clicks, the page shows.
const USERS: u32 = 200;
const LINES: u32 = 50;

pub(crate) async fn show(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    caller.operates()?;
    let state = ServiceState::of(&app).await;
    let mut users = app.store.user_overviews(USERS + 1).await?;
    let more_users = users.len() > USERS as usize;
    users.truncate(USERS as usize);
    let work = app.store.work_counts().await?.into_iter();
    let quota = app.staging.worker().quota();
    page(&OperatorPage {
        shell: Shell::new(&app, Some(&caller), "", t("Operation")).await?,
        version: env!("CARGO_PKG_VERSION"),
        uptime: format::duration(app.started.elapsed().as_secs()),
        components: state.components,
        incidents: state.incidents,
        archives: archives(&app).await?,
        work: work
            .map(|(what, phase, n)| Pair::new(&work_text(&what, &phase), format::count(n)))
            .collect(),
        quota: quota_text(quota.bytes, quota.files),
        audit: audit(&app, &users).await?,
        users: users
            .into_iter()
            .map(|user| UserRow {
                name: user.name,
                operator: user.operator,
                n_volumes: user.n_volumes,
                bytes: format::size(user.staged_bytes),
                n_jobs: user.n_jobs,
                n_datalabs: user.n_datalabs,
                n_sessions: user.n_sessions,
            })
            .collect(),
        more_users,
        clicks: clicks_shown(&app).await?,
    })
}

/// What is counted of the work, and in which phase.
fn work_text(what: &str, phase: &str) -> String {
    let said = match what {
        "staging jobs" => t("staging jobs {phase}"),
        "datalabs" => t("datalabs {phase}"),
        other => return format!("{other} {phase}"),
    };
    said.with("phase", phase_name(phase)).into()
}

/// The name of a phase, in the reader's language.
fn phase_name(phase: &str) -> String {
    match phase {
        "PENDING" => t("PENDING").into(),
        "QUEUED" => t("QUEUED").into(),
        "EXECUTING" => t("EXECUTING").into(),
        "HELD" => t("HELD").into(),
        "COMPLETED" => t("COMPLETED").into(),
        "ERROR" => t("ERROR").into(),
        "ABORTED" => t("ABORTED").into(),
        other => other.to_owned(),
    }
}

fn quota_text(bytes: Option<u64>, files: Option<u64>) -> String {
    match (bytes, files) {
        (None, None) => t("no bound").into(),
        (Some(bytes), None) => format::size(bytes),
        (None, Some(files)) => tn("{n} file", "{n} files", files).into(),
        (Some(bytes), Some(files)) => {
            let files = tn("{n} file", "{n} files", files);
            format!("{}, {files}", format::size(bytes))
        }
    }
}

async fn archives(app: &App) -> Result<Vec<ArchiveRow>, Problem> {
    let mut rows = Vec::new();
    for (id, access) in app.archives.iter() {
        let (state, _) = app.archive_state(&*access.connector);
        let newest = app.store.harvests(Some(id), 1).await?;
        rows.push(ArchiveRow {
            id: id.to_string(),
            title: access.connector.archive().title.clone(),
            state,
            state_text: state_text(state),
            last: newest.first().map(|harvest| {
                let text = format!(
                    "{}, {}",
                    format::time(harvest.started),
                    phase_name(harvest.phase.as_str())
                );
                Link::new(text, format!("/harvests/{}", harvest.id))
            }),
        });
    }
    Ok(rows)
}

async fn clicks_shown(app: &App) -> Result<Vec<ClickRow>, Problem> {
    let clicks = app.store.clicks().await?.into_iter().take(LINES as usize);
    Ok(clicks
        .map(|(day, portal, action, n)| ClickRow {
            day,
            portal,
            action,
            n: format::count(n),
        })
        .collect())
}

async fn audit(app: &App, users: &[gantry_store::UserOverview]) -> Result<Vec<AuditRow>, Problem> {
    let name = |id: &str| {
        let known = users.iter().find(|user| user.id == id);
        known.map_or_else(|| id.to_owned(), |user| user.name.clone())
    };
    let lines = app.store.audit_entries(None, LINES).await?.into_iter();
    Ok(lines
        .map(|line| AuditRow {
            at: format::time(line.at),
            who: line
                .actor
                .as_deref()
                .map_or_else(|| "Gantry".to_owned(), name),
            action: line.action,
            object: line.object,
        })
        .collect())
}

/// The clicks by day, portal and action, as CSV; nothing in it is about persons.
pub(crate) async fn clicks(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    caller.operates()?;
    let mut text = "day,portal,action,clicks\r\n".to_owned();
    for (day, portal, action, n) in app.store.clicks().await? {
        // None of them can hold a comma: a day, an origin, one of two words.
        text.push_str(&format!("{day},{portal},{action},{n}\r\n"));
    }
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"gantry-clicks.csv\"",
        ),
    ];
    Ok((headers, text).into_response())
}
