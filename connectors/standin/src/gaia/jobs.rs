//! Asynchronous queries over HTTP.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, StatusCode};

use super::archive::Archive;
use super::call::{Call, Reply};
use super::routes::written_reply;
use super::tap;
use super::uws::{self, Job, Phase};
use super::votable;
use crate::faults::Struck;

/// The longest a client may wait in one request.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// Answers beneath `/tap-server/tap/async`.
pub(super) async fn answer(
    archive: &Arc<Archive>,
    call: &Call,
    rest: &[&str],
    struck: &Struck,
) -> Reply {
    let Some((id, rest)) = rest.split_first() else {
        return if call.is_post() {
            create(archive, call, struck)
        } else {
            Reply::xml(uws::references(&archive.jobs.all(), &call.base))
        };
    };
    let Some(job) = archive.jobs.get(id) else {
        return Reply::text(StatusCode::NOT_FOUND, &format!("There is no job `{id}`"));
    };
    if job.is_private && !call.has_session() {
        return Reply::text(StatusCode::FORBIDDEN, "The job is another user's");
    }
    match (rest, call.is_post()) {
        ([], true) => change_job(archive, call, &job),
        ([], false) if call.method == Method::DELETE => delete(archive, call, &job.id),
        ([], false) => show(archive, call, job).await,
        (["phase"], true) => change_phase(archive, call, &job, struck),
        (["phase"], false) => Reply::text(StatusCode::OK, job.phase.name()),
        (["executionduration"], true) => change_duration(archive, call, &job),
        (["executionduration"], false) => Reply::text(StatusCode::OK, &job.duration_s.to_string()),
        (["destruction"], _) => Reply::text(StatusCode::OK, &job.time(job.destruction)),
        (["quote"], _) => Reply::text(StatusCode::OK, "-1"),
        (["owner"], _) => Reply::text(StatusCode::OK, "anonymous"),
        (["parameters"], _) => Reply::xml(job.parameters_document()),
        (["results"], _) => Reply::xml(job.results_document(&call.base)),
        (["results", "result"], _) => result(call, job, struck).await,
        (["error"], _) => error(&job),
        _ => Reply::not_found(),
    }
}

/// The list of TAP+, by phase if asked.
pub(super) fn list(archive: &Archive, call: &Call) -> Reply {
    let mut jobs = archive.jobs.all();
    if let Some(phase) = call.parameter("PHASE") {
        jobs.retain(|job| job.phase.name().eq_ignore_ascii_case(phase));
    }
    Reply::xml(uws::jobs(&jobs, &call.base))
}

fn job_url(call: &Call, id: &str) -> String {
    format!("{}/tap-server/tap/async/{id}", call.base)
}

fn create(archive: &Arc<Archive>, call: &Call, struck: &Struck) -> Reply {
    let id = archive
        .jobs
        .create(call.parameters.clone(), call.has_session());
    if call
        .parameter("PHASE")
        .is_some_and(|phase| phase.eq_ignore_ascii_case("RUN"))
    {
        start(archive, &id, struck);
    }
    Reply::see_other(job_url(call, &id))
}

/// Queues a job, and runs it unless it is to stay queued.
fn start(archive: &Arc<Archive>, id: &str, struck: &Struck) {
    archive.jobs.advance(id, Phase::Queued);
    if struck.stays_queued {
        return;
    }
    let (archive, id) = (Arc::clone(archive), id.to_owned());
    tokio::spawn(async move {
        archive.jobs.advance(&id, Phase::Executing);
        tokio::time::sleep(archive.job_time).await;
        let Some(job) = archive
            .jobs
            .get(&id)
            .filter(|job| job.phase == Phase::Executing)
        else {
            return;
        };
        let running = Arc::clone(&archive);
        let outcome =
            tokio::task::spawn_blocking(move || tap::answer(&running, &job.parameters, None)).await;
        let failed = |_| tap::Outcome {
            answer: Err("the query could not be run".to_owned()),
        };
        archive.jobs.finish(&id, outcome.unwrap_or_else(failed));
    });
}

fn delete(archive: &Archive, call: &Call, id: &str) -> Reply {
    archive.jobs.delete(id);
    Reply::see_other(format!("{}/tap-server/tap/async", call.base))
}

/// ACTION=DELETE, or new parameters of a job that has not begun.
fn change_job(archive: &Archive, call: &Call, job: &Job) -> Reply {
    if call
        .parameter("ACTION")
        .is_some_and(|action| action.eq_ignore_ascii_case("DELETE"))
    {
        return delete(archive, call, &job.id);
    }
    if job.phase == Phase::Pending {
        archive.jobs.change(&job.id, |job| {
            job.parameters.extend(call.parameters.clone())
        });
    }
    Reply::see_other(job_url(call, &job.id))
}

/// The job; with WAIT, when its phase has changed.
async fn show(archive: &Archive, call: &Call, job: Job) -> Reply {
    let is_phase = call
        .parameter("PHASE")
        .is_none_or(|phase| phase.eq_ignore_ascii_case(job.phase.name()));
    let seconds = call
        .parameter("WAIT")
        .and_then(|text| text.parse::<i64>().ok());
    if let Some(seconds) = seconds.filter(|_| is_phase && job.phase.is_active()) {
        let wait = u64::try_from(seconds)
            .map_or(MAX_WAIT, Duration::from_secs)
            .min(MAX_WAIT);
        // Either it has changed or the time is over; both are answered with the job as it is.
        let _ = tokio::time::timeout(wait, archive.jobs.wait(&job.id, job.phase)).await;
    }
    match archive.jobs.get(&job.id) {
        Some(job) => Reply::xml(job.document(&call.base)),
        None => Reply::not_found(),
    }
}

fn change_phase(archive: &Arc<Archive>, call: &Call, job: &Job, struck: &Struck) -> Reply {
    let phase = call
        .parameter("PHASE")
        .unwrap_or_default()
        .to_ascii_uppercase();
    match (phase.as_str(), job.phase) {
        ("RUN", Phase::Pending) => start(archive, &job.id, struck),
        ("ABORT", _) => {
            archive.jobs.advance(&job.id, Phase::Aborted);
        }
        ("RUN", _) => {}
        _ => {
            return Reply::text(
                StatusCode::BAD_REQUEST,
                &format!("PHASE must be RUN or ABORT, not `{phase}`"),
            );
        }
    }
    Reply::see_other(job_url(call, &job.id))
}

fn change_duration(archive: &Archive, call: &Call, job: &Job) -> Reply {
    match call
        .parameter("EXECUTIONDURATION")
        .and_then(|text| text.parse().ok())
    {
        Some(seconds) => archive.jobs.change(&job.id, |job| job.duration_s = seconds),
        None => {
            return Reply::text(
                StatusCode::BAD_REQUEST,
                "EXECUTIONDURATION is a number of seconds",
            );
        }
    }
    Reply::see_other(job_url(call, &job.id))
}

async fn result(call: &Call, job: Job, struck: &Struck) -> Reply {
    let Some(outcome) = job
        .outcome
        .clone()
        .filter(|_| job.phase == Phase::Completed)
    else {
        return Reply::text(
            StatusCode::NOT_FOUND,
            &format!(
                "The job `{}` has no result; it is {}",
                job.id,
                job.phase.name()
            ),
        );
    };
    let (base, id) = (call.base.clone(), job.id.clone());
    let written =
        tokio::task::spawn_blocking(move || tap::write(&outcome, &job.parameters, &base, &job.id));
    match written.await {
        Ok(written) => written_reply(written, struck, &id),
        Err(_) => Reply::text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the result could not be written",
        ),
    }
}

fn error(job: &Job) -> Reply {
    match job.error() {
        Some(message) => Reply::new(
            StatusCode::OK,
            "application/x-votable+xml",
            votable::error(message),
        ),
        None => Reply::text(StatusCode::NOT_FOUND, "The job has no error"),
    }
}
