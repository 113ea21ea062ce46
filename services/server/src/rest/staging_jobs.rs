//! Staging jobs over REST.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, extract::Request};
use gantry_staging::{CutOut, Method, OnConflict, StageRequest, file_json};
use gantry_store::{FileCounts, Phase, StagingFile, StagingJob, User, Wanted};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::App;
use crate::extract::{FromPath, FromQuery, JSON_BYTES, from_json, once, read_body};
use crate::identity::Caller;
use crate::problem::{CONFLICT, Problem, UNPROCESSABLE};
use crate::rest::events;
use crate::rest::idempotency::{self, Answer};
use crate::rest::selections::PageParams;
use crate::search_query::limit;
use crate::select::{Take, selection_of};

/// A cone, ICRS, in degrees.
#[derive(ToSchema)]
#[schema(as = CutOut)]
#[expect(dead_code, reason = "describes what gantry-staging reads")]
pub(crate) struct CutOutParams {
    /// Right ascension of its centre, 0 to 360.
    ra: f64,
    /// Declination of its centre, -90 to 90.
    dec: f64,
    /// Its radius, a millionth of a degree to 90 degrees.
    radius: f64,
}

/// What to put where.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct AddToVolume {
    /// What to take.
    #[serde(flatten)]
    pub(crate) take: Take,
    /// The volume.
    pub(crate) volume: String,
    /// The folder in it; the archive's id by default.
    pub(crate) directory: Option<String>,
    /// `auto`, `link`, `clone` or `copy`.
    #[schema(value_type = Option<String>)]
    pub(crate) method: Method,
    /// Whether gzip, `.Z`, bzip2 and Hatanaka come off on the way; ZIP archives stay as they are.
    pub(crate) unpack: bool,
    /// A cone, ICRS in degrees, to cut out of HEALPix maps in NESTED order: only its bytes are fetched, and the file is a
    /// partial map. What is no such map is skipped. Not together with `unpack`.
    #[schema(value_type = Option<CutOutParams>)]
    pub(crate) cut_out: Option<CutOut>,
    /// `keep`, `replace` or `rename`.
    #[schema(value_type = Option<String>)]
    pub(crate) on_conflict: OnConflict,
}

/// Add to a data volume: starts a staging job, or finds the live one for the same request.
#[utoipa::path(post, path = "/api/v1/add-to-volume", tag = "staging", operation_id = "addToVolume", request_body = AddToVolume,
    params(("Idempotency-Key" = Option<String>, Header, description = "the same key and body within 24 hours give the same answer")),
    responses((status = 202, description = "the job; Location says where to look", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn add_to_volume(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    let user = caller.may("staging")?;
    let body: Bytes = read_body(request, JSON_BYTES).await?;
    let asked: AddToVolume = from_json(&body)?;
    idempotency::once(&app, user, ("add-to-volume", &headers, &body), async {
        let job = start_staging(&app, user, &asked).await?;
        Ok(Answer {
            status: StatusCode::ACCEPTED,
            location: Some(format!("/api/v1/staging-jobs/{}", job.id)),
            body: job_json(&app, &job).await?,
        })
    })
    .await
}

/// Makes the job that a request asks for.
pub(crate) async fn start_staging(
    app: &App,
    user: &User,
    asked: &AddToVolume,
) -> Result<StagingJob, Problem> {
    if asked.volume.is_empty() {
        return Err(Problem::new(
            &UNPROCESSABLE,
            "name the `volume` to stage into; GET /api/v1/volumes lists yours",
        ));
    }
    let volume = app.store.volume(&user.id, &asked.volume).await?;
    let selection = selection_of(app, Some(user), &asked.take).await?;
    let request = StageRequest {
        directory: asked.directory.clone(),
        method: asked.method,
        unpack: asked.unpack,
        cut_out: asked.cut_out,
        on_conflict: asked.on_conflict,
    };
    let job = app
        .staging
        .stage(user, &selection, &volume, &request)
        .await?;
    app.store
        .audit(Some(&user.id), "staging.start", &job.id)
        .await?;
    Ok(job)
}

/// Which jobs.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct JobsParams {
    /// How many, at most 1000.
    #[serde(deserialize_with = "once")]
    limit: Option<u32>,
    /// The job the page before ended with.
    #[serde(deserialize_with = "once")]
    after: Option<Uuid>,
}

/// The caller's staging jobs, newest first.
#[utoipa::path(get, path = "/api/v1/staging-jobs", tag = "staging", operation_id = "listStagingJobs", params(JobsParams),
    responses((status = 200, description = "the jobs", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list_staging_jobs(
    State(app): State<App>,
    caller: Caller,
    FromQuery(params): FromQuery<JobsParams>,
) -> Result<Json<Value>, Problem> {
    let user = caller.may("staging")?;
    let limit = limit(params.limit)?;
    let after = params.after.map(|after| after.to_string());
    let n = u32::try_from(limit).unwrap_or(1000);
    let jobs = app
        .store
        .staging_jobs(&user.id, after.as_deref(), n)
        .await?;
    let mut rows = Vec::with_capacity(jobs.len());
    for job in &jobs {
        rows.push(job_json(&app, job).await?);
    }
    let next = jobs
        .last()
        .filter(|_| jobs.len() == limit && limit > 0)
        .map(|last| {
            app.at(&format!(
                "/api/v1/staging-jobs?limit={limit}&after={}",
                last.id
            ))
        });
    Ok(Json(json!({"staging_jobs": rows, "next": next})))
}

/// The path of a job.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct JobPath {
    /// Its id.
    pub(crate) id: String,
}

impl JobPath {
    pub(crate) async fn job(&self, app: &App, caller: &Caller) -> Result<StagingJob, Problem> {
        Ok(app
            .store
            .staging_job(&self.id, &caller.may("staging")?.id)
            .await?)
    }
}

/// One staging job.
#[utoipa::path(get, path = "/api/v1/staging-jobs/{id}", tag = "staging", operation_id = "showStagingJob", params(JobPath),
    responses((status = 200, description = "the job", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn show_staging_job(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<JobPath>,
) -> Result<Json<Value>, Problem> {
    let job = path.job(&app, &caller).await?;
    Ok(Json(job_json(&app, &job).await?))
}

/// A job as the interface shows it.
pub(crate) async fn job_json(app: &App, job: &StagingJob) -> Result<Value, Problem> {
    let progress = Progress::of(app, job).await?;
    let volume = app
        .store
        .volume_by_id(&job.volume)
        .await
        .map(|volume| volume.name)
        .unwrap_or_default();
    Ok(json!({
        "id": job.id, "phase": job.phase, "volume": volume, "selection": job.selection,
        "created": job.created, "started": job.started, "ended": job.ended,
        "files": progress.counts,
        "bytes": {"total": progress.counts.bytes_total, "done": progress.counts.bytes_done, "moved": job.bytes_moved},
        "bytes_per_second": progress.bytes_per_second,
        "seconds_left": progress.seconds_left,
        "waiting_for": progress.waiting_for,
        "message": job.message,
    }))
}

/// How far a job is.
pub(crate) struct Progress {
    pub(crate) counts: FileCounts,
    pub(crate) bytes_per_second: Option<u64>,
    pub(crate) seconds_left: Option<u64>,
    pub(crate) waiting_for: Vec<Value>,
}

impl Progress {
    pub(crate) async fn of(app: &App, job: &StagingJob) -> Result<Self, Problem> {
        let live = app.staging.worker().live();
        let moving = live.moving(&job.id);
        let counts = app.store.file_counts_moving(&job.id, &moving).await?;
        let bytes_per_second = live
            .bytes_per_second(&job.id)
            .filter(|_| job.phase == Phase::Executing);
        let left = counts.bytes_total.saturating_sub(counts.bytes_done);
        let seconds_left = bytes_per_second
            .filter(|speed| *speed > 0)
            .map(|speed| left.div_ceil(speed));
        Ok(Self {
            counts,
            bytes_per_second,
            seconds_left,
            waiting_for: waiting_for(app, job).await?,
        })
    }
}

async fn waiting_for(app: &App, job: &StagingJob) -> Result<Vec<Value>, Problem> {
    if job.phase == Phase::Queued {
        let before = app.store.jobs_before(job).await?;
        let text = if before == 0 {
            "waiting for a free worker".to_owned()
        } else {
            format!("{} before this one", crate::format::plural(before, "job"))
        };
        return Ok(vec![
            json!({"cause": "queue", "text": text, "since": job.created}),
        ]);
    }
    if job.phase.is_final() {
        return Ok(Vec::new());
    }
    Ok(serde_json::from_str(&job.waiting_for).unwrap_or_default())
}

/// The files of a job.
#[utoipa::path(get, path = "/api/v1/staging-jobs/{id}/files", tag = "staging", operation_id = "listStagingFiles", params(JobPath, PageParams),
    responses((status = 200, description = "a page of its files", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list_staging_files(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<JobPath>,
    FromQuery(page): FromQuery<PageParams>,
) -> Result<Json<Value>, Problem> {
    let job = path.job(&app, &caller).await?;
    let limit = limit(page.limit)?;
    let files = app
        .store
        .staging_files(
            &job.id,
            page.after.unwrap_or(0),
            u32::try_from(limit).unwrap_or(1000),
        )
        .await?;
    let next = files
        .last()
        .filter(|_| files.len() == limit && limit > 0)
        .map(|last| {
            let (id, after) = (&job.id, last.position + 1);
            app.at(&format!(
                "/api/v1/staging-jobs/{id}/files?limit={limit}&after={after}"
            ))
        });
    let moving = app.staging.worker().live().moving(&job.id);
    let rows: Vec<Value> = files
        .iter()
        .map(|file| moving_json(file, moving.get(&file.position).copied()))
        .collect();
    Ok(Json(json!({"files": rows, "next": next})))
}

/// One file of a job with how far it is.
pub(crate) fn moving_json(file: &StagingFile, moving: Option<u64>) -> Value {
    let mut row = file_json(file);
    let done = if file.outcome.is_some() {
        file.size_bytes
    } else {
        Some(moving.unwrap_or(file.bytes_done))
    };
    row["bytes_done"] = json!(done);
    row
}

/// Follow a job: its present state first, then every change, as server-sent events.
#[utoipa::path(get, path = "/api/v1/staging-jobs/{id}/events", tag = "staging", operation_id = "followStagingJob", params(JobPath),
    responses((status = 200, description = "events `job`, `file` and `end`", content_type = "text/event-stream", body = String), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn follow_staging_job(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<JobPath>,
) -> Result<Response, Problem> {
    let job = path.job(&app, &caller).await?;
    Ok(events::of_job(app, job.id))
}

/// Stage again what failed.
#[utoipa::path(post, path = "/api/v1/staging-jobs/{id}/retry", tag = "staging", operation_id = "retryStagingJob", params(JobPath),
    responses((status = 202, description = "the job", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn retry_staging_job(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<JobPath>,
) -> Result<Response, Problem> {
    let job = path.job(&app, &caller).await?;
    retry(&app, &job).await?;
    changed(&app, &job).await
}

pub(crate) async fn retry(app: &App, job: &StagingJob) -> Result<(), Problem> {
    if !job.phase.is_final() {
        return Err(Problem::new(
            &CONFLICT,
            format!(
                "the job `{}` has not ended; wait, or abort it first",
                job.id
            ),
        ));
    }
    if !app.store.retry_staging_job(job).await? {
        return Err(Problem::new(
            &CONFLICT,
            format!("nothing failed in the job `{}`", job.id),
        ));
    }
    app.staging.worker().wake();
    Ok(())
}

/// Hold a job: it stops and keeps what it has.
#[utoipa::path(post, path = "/api/v1/staging-jobs/{id}/hold", tag = "staging", operation_id = "holdStagingJob", params(JobPath),
    responses((status = 202, description = "the job", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn hold_staging_job(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<JobPath>,
) -> Result<Response, Problem> {
    let job = path.job(&app, &caller).await?;
    live(&job)?;
    app.store.ask_staging_job(&job, Wanted::Hold).await?;
    changed(&app, &job).await
}

/// Let a held job go on.
#[utoipa::path(post, path = "/api/v1/staging-jobs/{id}/release", tag = "staging", operation_id = "releaseStagingJob", params(JobPath),
    responses((status = 202, description = "the job", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn release_staging_job(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<JobPath>,
) -> Result<Response, Problem> {
    let job = path.job(&app, &caller).await?;
    app.store.release_staging_job(&job).await?;
    app.staging.worker().wake();
    changed(&app, &job).await
}

/// Abort a job: it stops and leaves nothing half done; whole files stay.
#[utoipa::path(delete, path = "/api/v1/staging-jobs/{id}", tag = "staging", operation_id = "abortStagingJob", params(JobPath),
    responses((status = 202, description = "the job", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn abort_staging_job(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<JobPath>,
) -> Result<Response, Problem> {
    let job = path.job(&app, &caller).await?;
    abort(&app, &job).await?;
    changed(&app, &job).await
}

pub(crate) async fn abort(app: &App, job: &StagingJob) -> Result<(), Problem> {
    app.store.ask_staging_job(job, Wanted::Abort).await?;
    app.staging.worker().wake();
    Ok(())
}

pub(crate) fn live(job: &StagingJob) -> Result<(), Problem> {
    if job.phase.is_final() {
        Err(Problem::new(
            &CONFLICT,
            format!("the job `{}` has ended", job.id),
        ))
    } else {
        Ok(())
    }
}

async fn changed(app: &App, job: &StagingJob) -> Result<Response, Problem> {
    let job = app.store.staging_job_by_id(&job.id).await?;
    Ok((StatusCode::ACCEPTED, Json(job_json(app, &job).await?)).into_response())
}
