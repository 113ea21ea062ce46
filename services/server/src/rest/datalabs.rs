//! Datalabs over REST.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gantry_labs::{DatalabView, LaunchRequest, OpensOn, notebook_name};
use gantry_staging::{WORKSPACE, members};
use gantry_store::{Datalab, StagingJob, User};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::App;
use crate::extract::{FromPath, FromQuery, JSON_BYTES, from_json, once, read_body};
use crate::identity::Caller;
use crate::problem::{LAB_UNAVAILABLE, Problem, UNPROCESSABLE};
use crate::rest::events;
use crate::rest::idempotency::{self, Answer};
use crate::rest::staging_jobs::{AddToVolume, abort, start_staging};
use crate::search_query::limit;
use crate::select::{Take, selection_of};

/// What to open.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct OpenInNotebook {
    /// What to take.
    #[serde(flatten)]
    pub(crate) take: Take,
    /// Which lab; the first that opens notebooks by default.
    pub(crate) lab: Option<String>,
    /// The volume to stage into; `workspace` by default.
    pub(crate) volume: Option<String>,
    /// The name of the datalab and its notebook; the first title by default.
    pub(crate) name: Option<String>,
    /// Whether the page opens it as soon as it is ready.
    pub(crate) select_when_ready: Option<bool>,
    /// Whether it leaves the list once it has ended.
    pub(crate) auto_remove: Option<bool>,
    /// What else its datalab is to have; the launch dialog says it.
    #[serde(skip)]
    #[schema(ignore)]
    pub(crate) launch: LaunchRequest,
}

/// Open in a notebook: stages the selection and starts a lab on a notebook about it.
#[utoipa::path(post, path = "/api/v1/open-in-notebook", tag = "labs", operation_id = "openInNotebook", request_body = OpenInNotebook,
    params(("Idempotency-Key" = Option<String>, Header, description = "the same key and body within 24 hours give the same answer")),
    responses((status = 202, description = "the datalab and the staging job", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn open_in_notebook(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    caller.may("staging")?;
    let user = caller.may("datalabs")?;
    let body: Bytes = read_body(request, JSON_BYTES).await?;
    let asked: OpenInNotebook = from_json(&body)?;
    idempotency::once(&app, user, ("open-in-notebook", &headers, &body), async {
        let (datalab, job) = open(&app, user, &asked).await?;
        let view = app.labs.view(&datalab)?;
        Ok(Answer {
            status: StatusCode::ACCEPTED,
            location: Some(format!("/api/v1/datalabs/{}", datalab.id)),
            body: json!({"datalab": datalab.id, "staging_job": job.id, "notebook": datalab.notebook, "url": view.url}),
        })
    })
    .await
}

/// Stages a selection and starts a lab on it.
pub(crate) async fn open(
    app: &App,
    user: &User,
    asked: &OpenInNotebook,
) -> Result<(Datalab, StagingJob), Problem> {
    let lab = match &asked.lab {
        Some(lab) => app.labs.catalogue().lab(lab)?,
        None => app.labs.catalogue().for_notebooks().ok_or_else(|| {
            Problem::new(
                &LAB_UNAVAILABLE,
                "no lab that opens notebooks is in the catalogue",
            )
        })?,
    };
    if let Some(why) = app.labs.lacks(lab) {
        return Err(gantry_labs::LabError::Unavailable {
            lab: lab.title.clone(),
            why,
        }
        .into());
    }
    let selection = selection_of(app, Some(user), &asked.take).await?;
    let first = members(&app.store, &selection.id, 0, 1).await?;
    let title = first
        .first()
        .map(|(_, record)| record.asset.title.clone())
        .unwrap_or_default();
    let name = asked
        .name
        .as_deref()
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map_or_else(
            || notebook_title(&title, selection.n_assets),
            ToOwned::to_owned,
        );
    let staging = AddToVolume {
        take: Take {
            selection: Some(selection.id.clone()),
            ..Take::default()
        },
        volume: asked.volume.clone().unwrap_or_else(|| WORKSPACE.to_owned()),
        ..AddToVolume::default()
    };
    let job = start_staging(app, user, &staging).await?;
    let request = LaunchRequest {
        lab: lab.id(),
        name: Some(name.clone()),
        select_when_ready: asked.select_when_ready.unwrap_or(true),
        auto_remove: asked.auto_remove,
        ..asked.launch.clone()
    };
    let opens_on = OpensOn {
        notebook: lab
            .opens_notebooks()
            .then(|| notebook_name(&name, &selection.id)),
        selection: selection.id,
        staging_job: job.id.clone(),
    };
    let datalab = app.labs.launch(user, request, Some(opens_on)).await?;
    app.store
        .audit(Some(&user.id), "datalab.open", &datalab.id)
        .await?;
    Ok((datalab, job))
}

fn notebook_title(first: &str, n_assets: u64) -> String {
    if n_assets > 1 {
        format!("{first} and {} more", n_assets - 1)
    } else {
        first.to_owned()
    }
}

/// How many datalabs are listed where nobody says.
const PAGE: u32 = 100;

/// Which datalabs.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DatalabsParams {
    /// How many, at most 1000; 100 by default.
    #[serde(deserialize_with = "once")]
    limit: Option<u32>,
    /// The datalab the page before ended with.
    #[serde(deserialize_with = "once")]
    after: Option<Uuid>,
}

/// The caller's datalabs.
#[utoipa::path(get, path = "/api/v1/datalabs", tag = "labs", operation_id = "listDatalabs", params(DatalabsParams),
    responses((status = 200, description = "the datalabs, newest first", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list_datalabs(
    State(app): State<App>,
    caller: Caller,
    FromQuery(params): FromQuery<DatalabsParams>,
) -> Result<Json<Value>, Problem> {
    let owner = &caller.may("datalabs")?.id;
    let limit = limit(params.limit.or(Some(PAGE)))?;
    let after = params.after.map(|after| after.to_string());
    let n = u32::try_from(limit).unwrap_or(1000);
    let datalabs = app.store.datalabs(owner, after.as_deref(), n).await?;
    let next = datalabs
        .last()
        .filter(|_| datalabs.len() == limit && limit > 0)
        .map(|last| app.at(&format!("/api/v1/datalabs?limit={limit}&after={}", last.id)));
    let views: Vec<DatalabView> = datalabs
        .iter()
        .map(|datalab| app.labs.view(datalab))
        .collect::<Result<_, _>>()?;
    Ok(Json(json!({"datalabs": views, "next": next})))
}

/// Start a lab; `dry_run` only says what it would be.
#[utoipa::path(post, path = "/api/v1/datalabs", tag = "labs", operation_id = "createDatalab",
    request_body(content = Object, description = "`{lab, name?, volumes: [{name, subpath?, mount_path?, read_only?}], env?, select_when_ready?, auto_remove?, time_limit_s?, dry_run?}`"),
    params(("Idempotency-Key" = Option<String>, Header, description = "the same key and body within 24 hours give the same answer")),
    responses((status = 202, description = "the datalab", body = Object), (status = 200, description = "the plan of a dry run", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn create_datalab(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    let user = caller.may("datalabs")?;
    let body: Bytes = read_body(request, JSON_BYTES).await?;
    let asked: LaunchRequest = from_json(&body)?;
    idempotency::once(&app, user, ("datalabs", &headers, &body), async {
        if asked.dry_run {
            let plan = app.labs.plan(user, &asked).await?;
            return Ok(Answer {
                status: StatusCode::OK,
                location: None,
                body: json!(plan),
            });
        }
        let datalab = app.labs.launch(user, asked, None).await?;
        app.store
            .audit(Some(&user.id), "datalab.create", &datalab.id)
            .await?;
        let body = json!(app.labs.view(&datalab)?);
        Ok(Answer {
            status: StatusCode::ACCEPTED,
            location: Some(format!("/api/v1/datalabs/{}", datalab.id)),
            body,
        })
    })
    .await
}

/// The path of a datalab.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct DatalabPath {
    /// Its id.
    pub(crate) id: String,
}

impl DatalabPath {
    pub(crate) async fn datalab(&self, app: &App, caller: &Caller) -> Result<Datalab, Problem> {
        Ok(app
            .store
            .datalab(&self.id, &caller.may("datalabs")?.id)
            .await?)
    }
}

/// One datalab.
#[utoipa::path(get, path = "/api/v1/datalabs/{id}", tag = "labs", operation_id = "showDatalab", params(DatalabPath),
    responses((status = 200, description = "the datalab", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn show_datalab(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<DatalabPath>,
) -> Result<Json<DatalabView>, Problem> {
    let datalab = path.datalab(&app, &caller).await?;
    Ok(Json(app.labs.view(&datalab)?))
}

/// How much of the log.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogParams {
    /// So many bytes from its end; 64 KiB by default, at most 1 MiB.
    #[serde(deserialize_with = "once")]
    tail_bytes: Option<u64>,
}

/// The log of a datalab, also after its end.
#[utoipa::path(get, path = "/api/v1/datalabs/{id}/logs", tag = "labs", operation_id = "showDatalabLogs", params(DatalabPath, LogParams),
    responses((status = 200, description = "the end of its log", body = String, content_type = "text/plain"), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn show_datalab_logs(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<DatalabPath>,
    FromQuery(params): FromQuery<LogParams>,
) -> Result<Response, Problem> {
    let datalab = path.datalab(&app, &caller).await?;
    let text = app
        .labs
        .logs(&datalab, params.tail_bytes.unwrap_or(64 << 10).min(1 << 20))
        .await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

/// Follow a datalab and its staging job as server-sent events.
#[utoipa::path(get, path = "/api/v1/datalabs/{id}/events", tag = "labs", operation_id = "followDatalab", params(DatalabPath),
    responses((status = 200, description = "events `datalab`, `job`, `file`, `log` and `end`", content_type = "text/event-stream", body = String), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn follow_datalab(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<DatalabPath>,
) -> Result<Response, Problem> {
    let datalab = path.datalab(&app, &caller).await?;
    Ok(events::of_datalab(app, datalab.id, datalab.owner))
}

/// How much longer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Extend {
    /// So many seconds more, at most a week.
    seconds: u64,
}

/// Give a datalab more time.
#[utoipa::path(post, path = "/api/v1/datalabs/{id}/extend", tag = "labs", operation_id = "extendDatalab", params(DatalabPath), request_body = Extend,
    responses((status = 200, description = "the datalab", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn extend_datalab(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<DatalabPath>,
    crate::extract::FromJson(extend): crate::extract::FromJson<Extend>,
) -> Result<Json<DatalabView>, Problem> {
    let datalab = path.datalab(&app, &caller).await?;
    let datalab = self::extend(&app, &datalab, extend.seconds).await?;
    Ok(Json(app.labs.view(&datalab)?))
}

pub(crate) async fn extend(app: &App, datalab: &Datalab, seconds: u64) -> Result<Datalab, Problem> {
    if datalab.phase.is_final() || !(1..=604_800).contains(&seconds) {
        return Err(Problem::new(
            &UNPROCESSABLE,
            "a datalab that runs can get 1 to 604800 `seconds` more",
        ));
    }
    let datalab = app.store.extend_datalab(datalab, seconds).await?;
    app.store
        .audit(Some(&datalab.owner), "datalab.extend", &datalab.id)
        .await?;
    Ok(datalab)
}

/// Destroy a datalab: the lab ends, the staging job that still runs for it is aborted, volumes stay; one that has ended
/// leaves the list.
#[utoipa::path(delete, path = "/api/v1/datalabs/{id}", tag = "labs", operation_id = "destroyDatalab", params(DatalabPath),
    responses((status = 202, description = "it stops", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn destroy_datalab(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<DatalabPath>,
) -> Result<Response, Problem> {
    let datalab = path.datalab(&app, &caller).await?;
    destroy(&app, &datalab).await?;
    let datalab = app.store.datalab_by_id(&datalab.id).await?;
    Ok((StatusCode::ACCEPTED, Json(app.labs.view(&datalab)?)).into_response())
}

pub(crate) async fn destroy(app: &App, datalab: &Datalab) -> Result<(), Problem> {
    app.labs.stop(datalab).await?;
    if let Some(id) = &datalab.staging_job {
        let job = app.store.staging_job_by_id(id).await?;
        if !job.phase.is_final() {
            abort(app, &job).await?;
        }
    }
    app.store
        .audit(Some(&datalab.owner), "datalab.destroy", &datalab.id)
        .await?;
    Ok(())
}
