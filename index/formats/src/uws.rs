//! Jobs: queries that a service works on by itself, and how far they are.
//!
//! Names are local names, so any prefix goes; what a service adds of its own is passed over. Of an element that stands
//! twice the last one counts.
//!
//! # Source
//! IVOA UWS 1.1 (and 1.0, which has the same namespace). Two habits of ESA's servers are read as well: times with an
//! offset without a colon, and a quote of −1 for none.

use std::io::Read;
use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime, Utc};

use crate::document::{DocumentError, children, open, push, said, wrong};
use crate::xml::{Element, Xml, XmlLimits};

/// Jobs of a list.
const MAX_JOBS: usize = 100_000;
/// Parameters or results of a job.
const MAX_PARTS: usize = 100_000;

/// How far a job is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Phase {
    /// Made, and waits to be run.
    Pending,
    /// Waits for its turn.
    Queued,
    /// Runs.
    Executing,
    /// Done; its results are there.
    Completed,
    /// Failed; what failed is in its error summary.
    Error,
    /// Stopped by somebody.
    Aborted,
    /// Waits to be run again.
    Held,
    /// Interrupted by the service, which goes on by itself.
    Suspended,
    /// Done long ago; its results are gone.
    Archived,
    /// Nobody knows.
    #[default]
    Unknown,
}

impl Phase {
    /// Whether it will not change any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Error | Self::Aborted | Self::Archived
        )
    }
}

impl FromStr for Phase {
    type Err = DocumentError;

    fn from_str(text: &str) -> Result<Self, DocumentError> {
        Ok(match text.trim() {
            "PENDING" => Self::Pending,
            "QUEUED" => Self::Queued,
            "EXECUTING" => Self::Executing,
            "COMPLETED" => Self::Completed,
            "ERROR" => Self::Error,
            "ABORTED" => Self::Aborted,
            "HELD" => Self::Held,
            "SUSPENDED" => Self::Suspended,
            "ARCHIVED" => Self::Archived,
            "UNKNOWN" => Self::Unknown,
            other => return Err(wrong("phase", other)),
        })
    }
}

/// A job. Times that cannot be read are left out, as those that were not said; one without an offset is in UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Job {
    /// What the service calls it.
    pub id: String,
    /// What its maker calls it.
    pub run_id: Option<String>,
    /// Whose it is.
    pub owner: Option<String>,
    /// How far it is.
    pub phase: Phase,
    /// When it may be done.
    pub quote: Option<DateTime<Utc>>,
    /// When it was made.
    pub created: Option<DateTime<Utc>>,
    /// When it began to run.
    pub started: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended: Option<DateTime<Utc>>,
    /// For how many seconds it may run, 0 for any.
    pub duration: Option<u64>,
    /// When the service forgets it.
    pub destruction: Option<DateTime<Utc>>,
    /// Names and values in the order of the document; a value that is not there is empty.
    pub parameters: Vec<(String, String)>,
    /// What came of it.
    pub results: Vec<JobResult>,
    /// Why it failed.
    pub error: Option<JobError>,
    /// Where the job is, in lists that refer to it.
    pub href: Option<String>,
}

/// A result of a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobResult {
    /// Its name within the job, such as `result`.
    pub id: String,
    /// Where it is, as it is written: some services escape the whole address.
    pub href: Option<String>,
    /// Its type.
    pub mime_type: Option<String>,
    /// Its length in bytes.
    pub n_bytes: Option<u64>,
}

/// Why a job failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobError {
    /// Whether it may go well another time.
    pub is_transient: bool,
    /// Whether there is more under the job's `/error`.
    pub has_detail: bool,
    /// What the service said.
    pub message: String,
}

/// Reads a job.
///
/// # Errors
/// [`DocumentError`] when it is none, is cut, has no id, or is in a phase that there is none of.
pub fn read_job(reader: impl Read, limits: XmlLimits) -> Result<Job, DocumentError> {
    let (mut xml, root) = open(reader, limits, &["job"], "a job")?;
    job(&mut xml, &root)
}

/// Reads a list of jobs, whether they stand in it or are referred to.
///
/// # Errors
/// As [`read_job`], and when there are too many.
pub fn read_jobs(reader: impl Read, limits: XmlLimits) -> Result<Vec<Job>, DocumentError> {
    let (mut xml, _) = open(reader, limits, &["jobs"], "a list of jobs")?;
    let mut jobs = Vec::new();
    children(&mut xml, |xml, child| match child.name.as_str() {
        "job" | "jobref" => push(&mut jobs, job(xml, child)?, "jobs", MAX_JOBS),
        _ => Ok(xml.skip()?),
    })?;
    Ok(jobs)
}

fn job(xml: &mut Xml<'_>, element: &Element) -> Result<Job, DocumentError> {
    let mut job = Job {
        id: element.owned("id").unwrap_or_default(),
        href: element.owned("href"),
        ..Job::default()
    };
    children(xml, |xml, child| part(&mut job, xml, child))?;
    if job.id.is_empty() {
        return Err(DocumentError::Missing {
            within: "job",
            element: "a jobId",
        });
    }
    Ok(job)
}

fn part(job: &mut Job, xml: &mut Xml<'_>, element: &Element) -> Result<(), DocumentError> {
    match element.name.as_str() {
        "jobId" => job.id = xml.text()?,
        "runId" => job.run_id = said(xml)?,
        "ownerId" => job.owner = said(xml)?,
        "phase" => {
            let phase = said(xml)?.map(|text| text.parse()).transpose()?;
            job.phase = phase.unwrap_or_default();
        }
        "quote" => job.quote = time(&xml.text()?),
        "creationTime" => job.created = time(&xml.text()?),
        "startTime" => job.started = time(&xml.text()?),
        "endTime" => job.ended = time(&xml.text()?),
        "executionDuration" => job.duration = xml.text()?.parse().ok(),
        "destruction" => job.destruction = time(&xml.text()?),
        "parameters" => children(xml, |xml, child| {
            let parameter = (child.owned("id").unwrap_or_default(), xml.text()?);
            push(&mut job.parameters, parameter, "parameters", MAX_PARTS)
        })?,
        "results" => children(xml, |xml, child| {
            let result = result(child);
            xml.skip()?;
            push(&mut job.results, result, "results", MAX_PARTS)
        })?,
        "errorSummary" => job.error = error(xml, element)?,
        _ => xml.skip()?,
    }
    Ok(())
}

fn result(element: &Element) -> JobResult {
    let size = element.attribute("size");
    JobResult {
        id: element.owned("id").unwrap_or_default(),
        href: element.owned("href"),
        mime_type: element.owned("mime-type"),
        n_bytes: size.and_then(|text| text.trim().parse().ok()),
    }
}

fn error(xml: &mut Xml<'_>, element: &Element) -> Result<Option<JobError>, DocumentError> {
    let mut error = JobError {
        is_transient: element.attribute("type") == Some("transient"),
        has_detail: matches!(element.attribute("hasDetail"), Some("true" | "1")),
        ..JobError::default()
    };
    children(xml, |xml, child| {
        match child.name.as_str() {
            "message" => error.message = xml.text()?,
            _ => xml.skip()?,
        }
        Ok(())
    })?;
    let is_said = !error.message.is_empty() || element.attribute("type").is_some();
    Ok(is_said.then_some(error))
}

/// A time with an offset, with or without a colon in it, or with none.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let with_offset = |format| DateTime::parse_from_str(text, format).ok();
    let found = DateTime::parse_from_rfc3339(text)
        .ok()
        .or_else(|| with_offset("%Y-%m-%dT%H:%M:%S%.f%z"));
    let without = || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok();
    found
        .map(|time| time.to_utc())
        .or_else(|| without().map(|time| time.and_utc()))
}
