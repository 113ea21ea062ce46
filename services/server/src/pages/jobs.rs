//! The pages of staging jobs.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use gantry_staging::archive_titles;
use gantry_store::{FileCounts, Phase, StagingFile, StagingJob, Wanted};
use serde::Deserialize;

use super::login::BareForm;
use super::page;
use super::shell::{Link, Shell};
use crate::app::App;
use crate::extract::{FromForm, FromPath, FromQuery, once};
use crate::format;
use crate::identity::Caller;
use crate::problem::{NOT_FOUND, Problem};
use crate::rest::staging_jobs::{JobPath, Progress, abort, live, retry};
use crate::words::{filters, t, tn};

#[derive(Template)]
#[template(path = "staging_jobs.html")]
struct StagingJobsPage {
    shell: Shell,
    jobs: Vec<JobRow>,
    next: Option<String>,
}

struct JobRow {
    id: String,
    href: String,
    title: String,
    volume: String,
    phase: String,
    phase_text: String,
    counts: String,
    bytes: String,
    percent: u8,
    created: String,
    failed: bool,
}

#[derive(Template)]
#[template(path = "staging_job.html")]
struct StagingJobPage {
    shell: Shell,
    id: String,
    title: String,
    href: String,
    volume: Link,
    selection: Option<Link>,
    datalab: Option<Link>,
    phase: String,
    phase_text: String,
    events: String,
    created: String,
    started: Option<String>,
    ended: Option<String>,
    counts: Counts,
    part: JobPart,
    next: Option<String>,
    error: Option<String>,
    can_hold: bool,
    can_release: bool,
    can_retry: bool,
    can_abort: bool,
    report_href: Option<String>,
}

struct Counts {
    total: String,
    staged: String,
    present: String,
    skipped: String,
    failed: String,
    waiting: String,
}

/// A job as a part of a page.
pub(crate) struct JobPart {
    pub(crate) href: String,
    pub(crate) summary: String,
    pub(crate) percent: u8,
    pub(crate) counts: String,
    pub(crate) rate: Option<String>,
    pub(crate) waiting: Vec<Waiting>,
    pub(crate) files: Vec<FileRow>,
    pub(crate) more: Option<String>,
}

/// What a job waits for.
pub(crate) struct Waiting {
    pub(crate) text: String,
    pub(crate) since: String,
}

/// One file of a job.
pub(crate) struct FileRow {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) outcome: &'static str,
    pub(crate) text: String,
    pub(crate) detail: String,
    pub(crate) percent: u8,
    pub(crate) warnings: Vec<String>,
}

const FILES: u32 = 200;
const PAGE: u32 = 50;

/// From which entry on.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ListParams {
    #[serde(deserialize_with = "once")]
    after: Option<String>,
}

pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    FromQuery(params): FromQuery<ListParams>,
) -> Result<Response, Problem> {
    let jobs = app
        .store
        .staging_jobs(&caller.may("staging")?.id, params.after.as_deref(), PAGE)
        .await?;
    let mut rows = Vec::with_capacity(jobs.len());
    for job in &jobs {
        rows.push(row(&app, job).await?);
    }
    let next = jobs
        .last()
        .filter(|_| jobs.len() as u32 == PAGE)
        .map(|last| format!("/staging-jobs?after={}", last.id));
    page(&StagingJobsPage {
        shell: Shell::new(&app, Some(&caller), "jobs", t("Jobs")).await?,
        jobs: rows,
        next,
    })
}

async fn row(app: &App, job: &StagingJob) -> Result<JobRow, Problem> {
    let progress = Progress::of(app, job).await?;
    Ok(JobRow {
        id: job.id.clone(),
        href: format!("/staging-jobs/{}", job.id),
        title: title(app, job).await?,
        volume: app
            .store
            .volume_by_id(&job.volume)
            .await
            .map(|volume| volume.name)
            .unwrap_or_default(),
        phase: job.phase.as_str().to_owned(),
        phase_text: end_text(job.phase, &progress.counts),
        counts: counts_text(&progress.counts),
        bytes: format::part_of(progress.counts.bytes_done, progress.counts.bytes_total),
        percent: format::percent(progress.counts.bytes_done, progress.counts.bytes_total),
        created: format::time(job.created),
        failed: progress.counts.failed > 0,
    })
}

/// The first product, and how many more there are.
async fn title(app: &App, job: &StagingJob) -> Result<String, Problem> {
    let counts = app.store.file_counts(&job.id).await?;
    let first = app.store.staging_files(&job.id, 0, 1).await?;
    let Some(first) = first.first() else {
        return Ok(t("Nothing").into());
    };
    let title = app
        .store
        .asset(&first.asset, Some(&job.owner))
        .await
        .map_or_else(|_| first.name.clone(), |record| record.asset.title);
    Ok(if counts.total > 1 {
        tn(
            "{title} and {n} more",
            "{title} and {n} more",
            counts.total - 1,
        )
        .with("title", title)
        .into()
    } else {
        title
    })
}

pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<JobPath>,
    FromQuery(params): FromQuery<ListParams>,
) -> Result<Response, Problem> {
    let job = path.job(&app, &caller).await?;
    let volume = app.store.volume_by_id(&job.volume).await?;
    let from = params
        .after
        .as_deref()
        .and_then(|after| after.parse().ok())
        .unwrap_or(0);
    let part = job_part(&app, &job, from).await?;
    let counts = app.store.file_counts(&job.id).await?;
    let href = format!("/staging-jobs/{}", job.id);
    let ended = job.phase.is_final();
    let report = if ended {
        report_href(&app, &job, &volume.name).await?
    } else {
        None
    };
    let title = title(&app, &job).await?;
    page(&StagingJobPage {
        shell: Shell::new(&app, Some(&caller), "jobs", title.clone()).await?,
        title,
        volume: Link::new(volume.title.clone(), format!("/volumes/{}", volume.name)),
        selection: Some(Link::new(
            t("Selection"),
            format!("/selections/{}", job.selection),
        )),
        datalab: None,
        phase: job.phase.as_str().to_owned(),
        phase_text: end_text(job.phase, &counts),
        events: format!("/api/v1/staging-jobs/{}/events", job.id),
        created: format::time(job.created),
        started: job.started.map(format::time),
        ended: job.ended.filter(|_| ended).map(format::time),
        next: (counts.total > from + u64::from(FILES))
            .then(|| format!("{href}?after={}", from + u64::from(FILES))),
        error: job.message.clone(),
        can_hold: matches!(job.phase, Phase::Queued | Phase::Executing),
        can_release: job.phase == Phase::Held,
        can_retry: ended && (counts.failed > 0 || counts.waiting > 0),
        can_abort: !ended,
        report_href: report,
        counts: Counts {
            total: format::count(counts.total),
            staged: format::count(counts.staged),
            present: format::count(counts.present),
            skipped: format::count(counts.skipped),
            failed: format::count(counts.failed),
            waiting: format::count(counts.waiting),
        },
        part,
        href,
        id: job.id,
    })
}

/// Where the job's report lies in the volume, if it is there.
async fn report_href(app: &App, job: &StagingJob, volume: &str) -> Result<Option<String>, Problem> {
    let row = app.store.volume_by_id(&job.volume).await?;
    let Ok(files) = app.volumes.open(&row) else {
        return Ok(None);
    };
    let request: gantry_staging::StageRequest =
        serde_json::from_str(&job.request).unwrap_or_default();
    let Some(first) = app
        .store
        .staging_files(&job.id, 0, 1)
        .await?
        .into_iter()
        .next()
    else {
        return Ok(None);
    };
    let path = request
        .folder(first.asset.archive().as_str())?
        .join(&format!("report-{}.json", job.id))?;
    // A page does not wait for storage elsewhere: what has ended has its report there, unless the job says otherwise.
    let is_there = match files.as_local() {
        Some(local) => local.stat(&path).ok().flatten().is_some(),
        None => job.phase == Phase::Completed && job.message.is_none(),
    };
    Ok(is_there.then(|| {
        format!(
            "/api/v1/volumes/{volume}/files/{}",
            format::encode_path(path.as_str())
        )
    }))
}

/// A job as a part of a page: how far it is, and its files from a position on.
pub(crate) async fn job_part(app: &App, job: &StagingJob, from: u64) -> Result<JobPart, Problem> {
    let progress = Progress::of(app, job).await?;
    let files = app.store.staging_files(&job.id, from, FILES).await?;
    let moving = app.staging.worker().live().moving(&job.id);
    let waiting: Vec<Waiting> = progress
        .waiting_for
        .iter()
        .map(|wait| Waiting {
            text: wait["text"].as_str().unwrap_or_default().to_owned(),
            since: wait["since"].as_str().unwrap_or_default().to_owned(),
        })
        .collect();
    let cause = waiting
        .first()
        .map_or_else(|| t("waiting").into(), |wait| wait.text.clone());
    let rate = progress
        .bytes_per_second
        .filter(|speed| *speed > 0)
        .map(|speed| {
            let speed = format!("{}/s", format::size(speed));
            match progress.seconds_left {
                Some(left) => t("{speed} · {time} left")
                    .with("speed", speed)
                    .with("time", format::duration(left))
                    .to_string(),
                None => speed,
            }
        });
    let shown = from + files.len() as u64;
    Ok(JobPart {
        href: format!("/staging-jobs/{}", job.id),
        summary: format::part_of(progress.counts.bytes_done, progress.counts.bytes_total),
        percent: format::percent(progress.counts.bytes_done, progress.counts.bytes_total),
        counts: counts_text(&progress.counts),
        rate,
        files: files
            .iter()
            .map(|file| file_row(file, moving.get(&file.position).copied(), &cause))
            .collect(),
        more: (progress.counts.total > shown).then(|| {
            tn(
                "and {n} further file",
                "and {n} further files",
                progress.counts.total - shown,
            )
            .into()
        }),
        waiting,
    })
}

fn file_row(file: &StagingFile, moving: Option<u64>, cause: &str) -> FileRow {
    let outcome = file.outcome.clone().unwrap_or_default();
    let done = moving.unwrap_or(file.bytes_done);
    let total = file.size_bytes.unwrap_or(done);
    let reason = outcome.reason.clone().unwrap_or_default();
    let (state, text) = match (outcome.outcome.as_str(), outcome.method.as_deref()) {
        ("staged", Some("link")) => ("staged", t("linked to the mounted archive").to_string()),
        ("staged", Some("clone")) => ("staged", t("cloned from the shared cache").to_string()),
        ("staged", _) => {
            let said = t("copied, {size}").with("size", format::size(total));
            ("staged", said.to_string())
        }
        ("present", _) => ("present", t("already there").to_string()),
        ("skipped", _) => {
            let said = t("skipped: {reason}").with("reason", reason);
            ("skipped", said.to_string())
        }
        ("failed", _) => {
            let said = if outcome.retry_may_help == Some(true) {
                t("failed: {reason}; a retry may help")
            } else {
                t("failed: {reason}")
            };
            ("failed", said.with("reason", reason).to_string())
        }
        _ if done > 0 => ("moving", format::part_of(done, total)),
        _ => ("waiting", cause.to_owned()),
    };
    let whole = matches!(state, "staged" | "present");
    FileRow {
        key: format!("{} {}", file.asset, file.name),
        name: file.name.clone(),
        outcome: state,
        text,
        detail: detail(outcome.verified_by.as_deref()),
        percent: if whole {
            100
        } else {
            format::percent(done, total)
        },
        warnings: outcome.warnings,
    }
}

fn detail(verified_by: Option<&str>) -> String {
    let said = match verified_by {
        Some("archive-checksum") => t("checked against the archive's checksum"),
        Some("embedded-checksum") => t("checked by the checksum inside"),
        Some("previous-copy") => t("same as the copy known before"),
        Some("size") => t("checked by size"),
        Some("unverified") => t("not verified"),
        _ => return String::new(),
    };
    said.into()
}

fn counts_text(counts: &FileCounts) -> String {
    let there = format::count(counts.staged + counts.present);
    let said = tn(
        "{there} of {n} file there",
        "{there} of {n} files there",
        counts.total,
    );
    let mut texts = vec![said.with("there", there).to_string()];
    if counts.skipped > 0 {
        texts.push(tn("{n} skipped", "{n} skipped", counts.skipped).into());
    }
    if counts.failed > 0 {
        texts.push(tn("{n} failed", "{n} failed", counts.failed).into());
    }
    texts.join(", ")
}

/// A phase in words.
pub(crate) fn phase_text(phase: Phase) -> String {
    let said = match phase {
        Phase::Pending => t("accepted"),
        Phase::Queued => t("waiting its turn"),
        Phase::Executing => t("under way"),
        Phase::Held => t("held"),
        Phase::Completed => t("complete"),
        Phase::Error => t("could not go on"),
        Phase::Aborted => t("aborted"),
    };
    said.into()
}

/// A phase in words, where the outcomes of its files are known.
fn end_text(phase: Phase, counts: &FileCounts) -> String {
    match phase {
        Phase::Completed if counts.failed > 0 => t("ended, not all is there").into(),
        Phase::Completed if counts.skipped > 0 => t("ended, some left out").into(),
        phase => phase_text(phase),
    }
}

/// What a form on the page of a job asks for.
#[derive(Deserialize)]
pub(crate) struct ActionPath {
    id: String,
    action: String,
}

pub(crate) async fn act(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<ActionPath>,
    FromForm(form): FromForm<BareForm>,
) -> Result<Response, Problem> {
    caller.check_form(form.csrf.as_deref())?;
    let job = JobPath { id: path.id }.job(&app, &caller).await?;
    match path.action.as_str() {
        "hold" => {
            live(&job)?;
            app.store.ask_staging_job(&job, Wanted::Hold).await?;
        }
        "release" => {
            app.store.release_staging_job(&job).await?;
            app.staging.worker().wake();
        }
        "retry" => retry(&app, &job).await?,
        "abort" => abort(&app, &job).await?,
        other => {
            return Err(Problem::new(
                &NOT_FOUND,
                format!("a staging job has no action `{other}`"),
            ));
        }
    }
    Ok(Redirect::to(&format!("/staging-jobs/{}", job.id)).into_response())
}

/// What a datalab's page says of where its products come from: `3 products from Planck`.
pub(crate) async fn products_text(app: &App, job: &StagingJob) -> Result<String, Problem> {
    let files = app.store.staging_files(&job.id, 0, FILES).await?;
    let counts = app.store.file_counts(&job.id).await?;
    let titles = archive_titles(&app.archives, files.iter().map(|file| &file.asset));
    let and = format!(" {} ", t("and"));
    let said = tn(
        "{n} file from {archives}",
        "{n} files from {archives}",
        counts.total,
    );
    Ok(said.with("archives", titles.join(and.as_str())).into())
}
