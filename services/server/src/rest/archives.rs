//! Archives and harvests over REST.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use gantry_asset::ArchiveId;
use gantry_connector::{Archive, Connector, Login};
use gantry_harvest::{HarvestRunError, harvest, next_harvest};
use gantry_store::{Harvest, Rejection};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::form_urlencoded;
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::extract::{FromJson, FromPath, FromQuery, once};
use crate::identity::Caller;
use crate::problem::{BAD_REQUEST, CONFLICT, Problem, UNPROCESSABLE};

/// The path of an archive.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ArchivePath {
    /// Its id.
    pub(crate) id: String,
}

/// The configured archives, with their health and their last harvest.
#[utoipa::path(get, path = "/api/v1/archives", tag = "archives", operation_id = "listArchives",
    responses((status = 200, description = "the archives", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list_archives(
    State(app): State<App>,
    caller: Option<Caller>,
) -> Result<Json<Value>, Problem> {
    let mut archives = Vec::new();
    for (_, access) in app.archives.iter() {
        archives.push(archive_json(&app, caller.as_ref(), &*access.connector).await?);
    }
    Ok(Json(json!({"archives": archives})))
}

/// One archive.
#[utoipa::path(get, path = "/api/v1/archives/{id}", tag = "archives", operation_id = "showArchive", params(ArchivePath),
    responses((status = 200, description = "the archive", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn show_archive(
    State(app): State<App>,
    caller: Option<Caller>,
    FromPath(path): FromPath<ArchivePath>,
) -> Result<Json<Value>, Problem> {
    let connector = connector(&app, &path.id)?;
    let shown = archive_json(&app, caller.as_ref(), &*connector).await?;
    Ok(Json(shown))
}

/// The connector of an archive named in an address.
pub(crate) fn connector(app: &App, id: &str) -> Result<Arc<dyn Connector>, Problem> {
    let known = || {
        app.archives
            .iter()
            .map(|(id, _)| id.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let found = ArchiveId::new(id).ok().and_then(|id| app.connector(&id));
    found.ok_or_else(|| {
        Problem::new(
            &crate::problem::NOT_FOUND,
            format!("no archive `{id}`; there are {}", known()),
        )
    })
}

async fn archive_json(
    app: &App,
    caller: Option<&Caller>,
    connector: &dyn Connector,
) -> Result<Value, Problem> {
    let archive = connector.archive();
    let (state, text) = app.archive_state(connector);
    let harvests = Harvests::of(app, &archive.id).await?;
    Ok(json!({
        "id": archive.id, "kind": archive.kind, "title": archive.title, "home": archive.home, "license": archive.license,
        "n_assets": app.store.n_assets(&archive.id).await?, "state": state, "text": text,
        "health": connector.health(), "last_harvest": harvests.newest.first().map(harvest_json),
        "last_good_harvest": harvests.good.as_ref().map(harvest_json), "schedule_s": harvests.every.map(|every| every.as_secs()),
        "next_harvest": harvests.next(), "error_budget": harvests.budget, "notice": app.notices.of(&archive.id),
        "asks": archive.asks, "login": login_json(app, caller, archive).await?,
    }))
}

/// Failures that an archive may have among its harvests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct ErrorBudget {
    /// Over so many days.
    pub(crate) days: u32,
    /// Harvests that ended in them.
    pub(crate) harvests: u64,
    /// Those of them that failed.
    pub(crate) failed: u64,
    /// How many may: one in ten, and one in any case.
    pub(crate) allowed: u64,
}

/// What the record and the configuration say of an archive's harvests.
pub(crate) struct Harvests {
    /// The newest ones, newest first.
    pub(crate) newest: Vec<Harvest>,
    /// The newest that came to its end.
    pub(crate) good: Option<Harvest>,
    /// How often it is harvested by itself.
    pub(crate) every: Option<Duration>,
    /// How often it may fail.
    pub(crate) budget: ErrorBudget,
}

const BUDGET_DAYS: u32 = 30;
/// As many as the schedule looks at.
const NEWEST: u32 = 16;

impl Harvests {
    pub(crate) async fn of(app: &App, archive: &ArchiveId) -> Result<Self, Problem> {
        let since = Utc::now() - Duration::from_secs(u64::from(BUDGET_DAYS) * 24 * 3600);
        let (harvests, failed) = app.store.ended_harvests(archive, since).await?;
        Ok(Self {
            newest: app.store.harvests(Some(archive), NEWEST).await?,
            good: app.store.good_harvest(archive).await?,
            every: app.harvested_every(archive),
            budget: ErrorBudget {
                days: BUDGET_DAYS,
                harvests,
                failed,
                allowed: (harvests / 10).max(1),
            },
        })
    }

    /// When the next one is due; `None` when it is never harvested by itself.
    pub(crate) fn next(&self) -> Option<DateTime<Utc>> {
        let every = self.every?;
        Some(next_harvest(&self.newest, every).unwrap_or_else(Utc::now))
    }
}

/// A user's login at an archive.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArchiveLoginRequest {
    /// Their name there.
    username: String,
    /// Their password there. It never comes out again.
    #[schema(write_only)]
    password: String,
}

/// The longest name, and the longest password.
const LOGIN_BYTES: usize = 1000;

impl std::fmt::Debug for ArchiveLoginRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ArchiveLoginRequest(…)")
    }
}

/// Keep your login at an archive, sealed; your queries are then asked with it.
#[utoipa::path(put, path = "/api/v1/archives/{id}/credentials", tag = "archives", operation_id = "keepArchiveLogin", params(ArchivePath), request_body = ArchiveLoginRequest,
    responses((status = 204, description = "it is kept"), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn keep_login(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<ArchivePath>,
    FromJson(request): FromJson<ArchiveLoginRequest>,
) -> Result<StatusCode, Problem> {
    let (username, password) = (request.username, request.password);
    keep_login_of(&app, &caller, &path.id, Login { username, password }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Keeps a caller's login at an archive.
pub(crate) async fn keep_login_of(
    app: &App,
    caller: &Caller,
    archive: &str,
    login: Login,
) -> Result<(), Problem> {
    let user = caller.may("volumes:write")?;
    let connector = connector(app, archive)?;
    let archive = connector.archive();
    if !archive.asks.login {
        let why = format!("{} has no logins that could be used", archive.title);
        return Err(Problem::new(&UNPROCESSABLE, why));
    }
    for (name, text) in [("username", &login.username), ("password", &login.password)] {
        let is_good = (1..=LOGIN_BYTES).contains(&text.len()) && !text.contains(char::is_control);
        if !is_good {
            let why = format!("`{name}`: 1 to {LOGIN_BYTES} bytes without control characters");
            return Err(Problem::new(&BAD_REQUEST, why));
        }
    }
    app.volumes
        .keep_archive_login(&user.id, &archive.id, &login)
        .await?;
    let what = archive.id.as_str();
    Ok(app
        .store
        .audit(Some(&user.id), "archive.login", what)
        .await?)
}

/// Forget your login at an archive.
#[utoipa::path(delete, path = "/api/v1/archives/{id}/credentials", tag = "archives", operation_id = "forgetArchiveLogin", params(ArchivePath),
    responses((status = 204, description = "there is none any more"), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn forget_login(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<ArchivePath>,
) -> Result<StatusCode, Problem> {
    let user = caller.may("volumes:write")?;
    let archive = connector(&app, &path.id)?.archive().id.clone();
    if app.store.forget_archive_login(&user.id, &archive).await? {
        let what = archive.as_str();
        app.store
            .audit(Some(&user.id), "archive.logout", what)
            .await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// What a caller may know of their login at an archive.
async fn login_json(
    app: &App,
    caller: Option<&Caller>,
    archive: &Archive,
) -> Result<Value, Problem> {
    let Some(user) = caller.and_then(|caller| caller.may("volumes:read").ok()) else {
        return Ok(Value::Null);
    };
    let login = app.store.archive_login(&user.id, &archive.id).await?;
    Ok(login.map_or(
        Value::Null,
        |login| json!({"username": login.username, "changed": login.changed}),
    ))
}

/// Whether to begin anew.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HarvestParams {
    /// `true` begins anew where a harvest that was cut could be taken up.
    #[serde(deserialize_with = "once")]
    full: Option<bool>,
}

/// Harvest an archive; for operators.
#[utoipa::path(post, path = "/api/v1/archives/{id}/harvests", tag = "archives", operation_id = "harvestArchive", params(ArchivePath, HarvestParams),
    responses((status = 202, description = "it has begun; Location says where to look", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn harvest_archive(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<ArchivePath>,
    FromQuery(params): FromQuery<HarvestParams>,
) -> Result<Response, Problem> {
    let user = caller.operates()?;
    let connector = connector(&app, &path.id)?;
    app.store
        .audit(Some(&user.id), "harvest.start", &path.id)
        .await?;
    let id = start_harvest(&app, connector, params.full.unwrap_or(false)).await?;
    let location = format!("/api/v1/harvests/{id}");
    Ok((
        StatusCode::ACCEPTED,
        [(header::LOCATION, location)],
        Json(json!({"harvest": id})),
    )
        .into_response())
}

/// Starts a harvest beside requests and returns its id once its row is there.
pub(crate) async fn start_harvest(
    app: &App,
    connector: Arc<dyn Connector>,
    full: bool,
) -> Result<String, Problem> {
    let archive = connector.archive().id.clone();
    let before = app
        .store
        .harvests(Some(&archive), 1)
        .await?
        .first()
        .map(|harvest| harvest.id.clone());
    let (sender, mut failed) = tokio::sync::oneshot::channel();
    let (runner, owner) = (
        app.clone(),
        format!("{}:{}", app.owner, uuid::Uuid::new_v4().simple()),
    );
    app.tasks.spawn(async move {
        let ended = harvest(
            &runner.store,
            &*connector,
            &owner,
            full,
            &runner.stop,
            &|_| {},
        )
        .await;
        // Whoever asked may have gone; the report is in the record all the same.
        let _asked = sender.send(ended.err());
    });
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    loop {
        let newest = app.store.harvests(Some(&archive), 1).await?;
        if let Some(harvest) = newest
            .first()
            .filter(|harvest| Some(&harvest.id) != before.as_ref() || harvest.ended.is_none())
        {
            if let Ok(Some(HarvestRunError::Busy(_))) = failed.try_recv() {
                return Err(Problem::new(
                    &CONFLICT,
                    format!(
                        "{archive} is being harvested right now; see /api/v1/harvests/{}",
                        harvest.id
                    ),
                ));
            }
            return Ok(harvest.id.clone());
        }
        match failed.try_recv() {
            Ok(Some(HarvestRunError::Busy(_))) => {
                return Err(Problem::new(
                    &CONFLICT,
                    format!("{archive} is being harvested right now; wait for that harvest to end"),
                ));
            }
            Ok(Some(error)) => return Err(Problem::internal(&error)),
            _ if tokio::time::Instant::now() > deadline => {
                return Err(Problem::new(
                    &crate::problem::BUSY,
                    "the harvest did not begin in time; try again",
                ));
            }
            _ => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Which harvests.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HarvestsParams {
    /// Only those of this archive.
    #[serde(deserialize_with = "once")]
    archive: Option<String>,
    /// How many, at most 1000.
    #[serde(deserialize_with = "once")]
    limit: Option<u32>,
}

/// The newest harvests.
#[utoipa::path(get, path = "/api/v1/harvests", tag = "archives", operation_id = "listHarvests", params(HarvestsParams),
    responses((status = 200, description = "harvests, newest first", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list_harvests(
    State(app): State<App>,
    FromQuery(params): FromQuery<HarvestsParams>,
) -> Result<Json<Value>, Problem> {
    let archive = params
        .archive
        .as_deref()
        .map(|id| connector(&app, id))
        .transpose()?;
    let id = archive
        .as_ref()
        .map(|connector| connector.archive().id.clone());
    let harvests = app
        .store
        .harvests(id.as_ref(), params.limit.unwrap_or(20).min(1000))
        .await?;
    Ok(Json(
        json!({"harvests": harvests.iter().map(harvest_json).collect::<Vec<_>>(), "next": null}),
    ))
}

/// The path of a harvest.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct HarvestPath {
    /// Its id.
    pub(crate) id: String,
}

/// One harvest.
#[utoipa::path(get, path = "/api/v1/harvests/{id}", tag = "archives", operation_id = "showHarvest", params(HarvestPath),
    responses((status = 200, description = "its report", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn show_harvest(
    State(app): State<App>,
    FromPath(path): FromPath<HarvestPath>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(harvest_json(&app.store.harvest(&path.id).await?)))
}

/// Which rejections.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RejectionsParams {
    /// How many, at most 1000.
    #[serde(deserialize_with = "once")]
    pub(crate) limit: Option<u32>,
    /// Where the page before ended; take `next` as it is.
    #[serde(deserialize_with = "once")]
    pub(crate) after: Option<String>,
}

/// A page of what a harvest could not catalogue, and the address of the next one below `route`.
pub(crate) async fn rejections_page(
    app: &App,
    route: &str,
    harvest: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<(Vec<Rejection>, Option<String>), Problem> {
    // One more than is shown tells whether there is a next page.
    let mut page = app.store.rejections(harvest, after, limit + 1).await?;
    let has_more = page.len() > limit as usize;
    page.truncate(limit as usize);
    let last = page.last().filter(|_| has_more);
    let next = last.map(|last| {
        let mut query = form_urlencoded::Serializer::new(format!("{route}?limit={limit}&"));
        query.append_pair("after", &last.what).finish()
    });
    Ok((page, next))
}

/// What a harvest could not catalogue.
#[utoipa::path(get, path = "/api/v1/harvests/{id}/rejections", tag = "archives", operation_id = "listRejections", params(HarvestPath, RejectionsParams),
    responses((status = 200, description = "what was rejected, and why", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list_rejections(
    State(app): State<App>,
    FromPath(path): FromPath<HarvestPath>,
    FromQuery(params): FromQuery<RejectionsParams>,
) -> Result<Json<Value>, Problem> {
    let id = app.store.harvest(&path.id).await?.id;
    let route = app.at(&format!("/api/v1/harvests/{id}/rejections"));
    let limit = params.limit.unwrap_or(100).clamp(1, 1000);
    let (rejections, next) =
        rejections_page(&app, &route, &id, params.after.as_deref(), limit).await?;
    Ok(Json(json!({"rejections": rejections, "next": next})))
}

/// Take out of the catalogue what a harvest found gone; for operators.
#[utoipa::path(post, path = "/api/v1/harvests/{id}/accept-withdrawals", tag = "archives", operation_id = "acceptWithdrawals", params(HarvestPath),
    responses((status = 200, description = "its report", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn accept_withdrawals(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<HarvestPath>,
) -> Result<Json<Value>, Problem> {
    let user = caller.operates()?;
    app.store
        .audit(Some(&user.id), "harvest.accept-withdrawals", &path.id)
        .await?;
    Ok(Json(harvest_json(
        &app.store.accept_withdrawals(&path.id).await?,
    )))
}

pub(crate) fn harvest_json(harvest: &Harvest) -> Value {
    json!({
        "id": harvest.id, "archive": harvest.archive, "phase": harvest.phase, "started": harvest.started, "ended": harvest.ended,
        "new": harvest.counts.new, "changed": harvest.counts.changed, "unchanged": harvest.counts.unchanged,
        "withdrawn": harvest.n_withdrawn, "rejected": harvest.n_rejected, "withdrawals_waiting": harvest.n_withdrawals_waiting,
        "message": harvest.message,
    })
}
