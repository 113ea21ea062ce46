//! Jobs: UWS 1.0 as the archive speaks it, with WAIT of 1.1.
//!
//! Anonymous jobs live three days; the oldest give way when there are too many.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use tokio::sync::watch;

use super::tap::Outcome;
use super::votable::escaped;

const MAX_JOBS: usize = 1000;
const LIFE_DAYS: i64 = 3;
const DURATION_S: u64 = 7200;
/// The offset of the archive's clock, written without a colon.
const OFFSET_S: i32 = 3600;
const NAMESPACES: &str = concat!(
    "xmlns:uws=\"http://www.ivoa.net/xml/UWS/v1.0\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" ",
    "xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" ",
    "xsi:schemaLocation=\"http://www.ivoa.net/xml/UWS/v1.0 http://www.ivoa.net/xml/UWS/v1.0\"",
);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Pending,
    Queued,
    Executing,
    Completed,
    Error,
    Aborted,
}

impl Phase {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Queued => "QUEUED",
            Self::Executing => "EXECUTING",
            Self::Completed => "COMPLETED",
            Self::Error => "ERROR",
            Self::Aborted => "ABORTED",
        }
    }

    pub(crate) fn is_active(self) -> bool {
        matches!(self, Self::Pending | Self::Queued | Self::Executing)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) phase: Phase,
    pub(crate) parameters: Vec<(String, String)>,
    /// Whether it is of somebody who had logged in, and nobody else's.
    pub(crate) is_private: bool,
    pub(crate) duration_s: u64,
    pub(crate) destruction: DateTime<Utc>,
    /// Whether it is written as the standard has it and not as the archive does.
    is_standard: bool,
    created: DateTime<Utc>,
    started: Option<DateTime<Utc>>,
    ended: Option<DateTime<Utc>>,
    pub(crate) outcome: Option<Outcome>,
}

#[derive(Debug)]
pub(crate) struct Jobs {
    is_standard: bool,
    jobs: Mutex<BTreeMap<String, Job>>,
    changed: watch::Sender<()>,
}

impl Jobs {
    pub(crate) fn new(is_standard: bool) -> Self {
        Self {
            is_standard,
            jobs: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }

    /// Makes a pending job, and gives its number: milliseconds since 1970 and an `O`.
    pub(crate) fn create(&self, parameters: Vec<(String, String)>, is_private: bool) -> String {
        let created = Utc::now();
        let mut jobs = self.lock();
        let mut milliseconds = created.timestamp_millis();
        while jobs.contains_key(&format!("{milliseconds:013}O")) {
            milliseconds += 1;
        }
        let id = format!("{milliseconds:013}O");
        let job = Job {
            id: id.clone(),
            phase: Phase::Pending,
            parameters,
            is_private,
            duration_s: DURATION_S,
            destruction: created + TimeDelta::days(LIFE_DAYS),
            is_standard: self.is_standard,
            created,
            started: None,
            ended: None,
            outcome: None,
        };
        jobs.insert(id.clone(), job);
        while jobs.len() > MAX_JOBS {
            jobs.pop_first();
        }
        id
    }

    pub(crate) fn get(&self, id: &str) -> Option<Job> {
        self.lock()
            .get(id)
            .filter(|job| job.destruction > Utc::now())
            .cloned()
    }

    pub(crate) fn all(&self) -> Vec<Job> {
        self.lock().values().cloned().collect()
    }

    /// Whether there was one.
    pub(crate) fn delete(&self, id: &str) -> bool {
        let was_there = self.lock().remove(id).is_some();
        self.changed.send_replace(());
        was_there
    }

    pub(crate) fn change(&self, id: &str, change: impl FnOnce(&mut Job)) {
        if let Some(job) = self.lock().get_mut(id) {
            change(job);
        }
        self.changed.send_replace(());
    }

    /// Changes the phase of a job that has not ended; says whether it did.
    pub(crate) fn advance(&self, id: &str, phase: Phase) -> bool {
        let mut advanced = false;
        self.change(id, |job| {
            advanced = job.phase.is_active();
            if advanced {
                job.phase = phase;
                let time = if phase == Phase::Executing {
                    &mut job.started
                } else {
                    &mut job.ended
                };
                if phase != Phase::Queued {
                    *time = Some(Utc::now());
                }
            }
        });
        advanced
    }

    pub(crate) fn finish(&self, id: &str, outcome: Outcome) {
        let phase = if outcome.answer.is_ok() {
            Phase::Completed
        } else {
            Phase::Error
        };
        self.change(id, |job| {
            if job.phase == Phase::Executing {
                job.phase = phase;
                job.ended = Some(Utc::now());
                job.outcome = Some(outcome);
            }
        });
    }

    /// Waits until the phase is not this one any more, or the job is gone.
    pub(crate) async fn wait(&self, id: &str, phase: Phase) {
        let mut changed = self.changed.subscribe();
        while self.get(id).is_some_and(|job| job.phase == phase) {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `2016-11-17T13:33:50.755+0100`, as no standard has it.
pub(crate) fn time(time: DateTime<Utc>) -> String {
    let offset = FixedOffset::east_opt(OFFSET_S)
        .unwrap_or_else(|| FixedOffset::east_opt(0).expect("zero is an offset"));
    time.with_timezone(&offset)
        .format("%Y-%m-%dT%H:%M:%S%.3f%z")
        .to_string()
}

fn cdata(text: &str) -> String {
    format!("<![CDATA[{}]]>", text.replace("]]>", "]]]]><![CDATA[>"))
}

fn element(xml: &mut String, name: &str, value: Option<&str>) {
    let _ = match value {
        Some(value) => writeln!(xml, "\t<uws:{name}>{value}</uws:{name}>"),
        None => writeln!(xml, "\t<uws:{name} xsi:nil=\"true\"/>"),
    };
}

impl Job {
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let named = |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
        self.parameters
            .iter()
            .find(named)
            .map(|(_, value)| value.as_str())
    }

    /// The job as an element; `namespaces` are written when it is the root.
    fn element(&self, base: &str, namespaces: &str) -> String {
        let mut xml = format!(
            "<uws:job{}{namespaces}>\n",
            if namespaces.is_empty() { "" } else { " " }
        );
        element(&mut xml, "jobId", Some(&cdata(&self.id)));
        element(&mut xml, "runId", None);
        element(&mut xml, "ownerId", Some(&cdata("anonymous")));
        element(&mut xml, "phase", Some(self.phase.name()));
        element(&mut xml, "quote", (!self.is_standard).then_some("-1"));
        element(
            &mut xml,
            "startTime",
            self.started.map(|at| self.time(at)).as_deref(),
        );
        element(
            &mut xml,
            "endTime",
            self.ended.map(|at| self.time(at)).as_deref(),
        );
        element(
            &mut xml,
            "executionDuration",
            Some(&self.duration_s.to_string()),
        );
        element(&mut xml, "destruction", Some(&self.time(self.destruction)));
        element(&mut xml, "creationTime", Some(&self.time(self.created)));
        let place = format!("anonymous/{}/{}", self.created.format("%Y/%m/%d"), self.id);
        element(&mut xml, "locationId", Some(&place));
        element(
            &mut xml,
            "name",
            Some(&cdata(self.parameter("jobname").unwrap_or_default())),
        );
        xml += &self.parameters_element("");
        xml += &self.results_element(base, "");
        match self.error() {
            Some(message) => {
                let message = escaped(message);
                let _ = writeln!(
                    xml,
                    "\t<uws:errorSummary type=\"fatal\" hasDetail=\"true\">\n\t\t<uws:message>{message}</uws:message>\n\t</uws:errorSummary>"
                );
            }
            None => element(&mut xml, "errorSummary", None),
        }
        xml + "</uws:job>\n"
    }

    pub(crate) fn time(&self, at: DateTime<Utc>) -> String {
        if self.is_standard {
            at.format("%Y-%m-%dT%H:%M:%S%.3f").to_string()
        } else {
            time(at)
        }
    }

    pub(crate) fn error(&self) -> Option<&str> {
        self.outcome
            .as_ref()
            .and_then(|outcome| outcome.answer.as_ref().err())
            .map(String::as_str)
    }

    pub(crate) fn document(&self, base: &str) -> String {
        document(&self.element(base, NAMESPACES))
    }

    pub(crate) fn parameters_document(&self) -> String {
        document(&self.parameters_element(NAMESPACES))
    }

    pub(crate) fn results_document(&self, base: &str) -> String {
        document(&self.results_element(base, NAMESPACES))
    }

    fn parameters_element(&self, namespaces: &str) -> String {
        let mut xml = format!("\t<uws:parameters {namespaces}>\n");
        for (name, value) in self
            .parameters
            .iter()
            .filter(|(name, _)| !name.eq_ignore_ascii_case("phase"))
        {
            let name = escaped(&name.to_lowercase());
            let _ = writeln!(
                xml,
                "\t\t<uws:parameter id=\"{name}\">{}</uws:parameter>",
                cdata(value)
            );
        }
        xml + "\t</uws:parameters>\n"
    }

    fn results_element(&self, base: &str, namespaces: &str) -> String {
        let mut xml = format!("\t<uws:results {namespaces}>\n");
        if self.phase == Phase::Completed {
            let href = format!("{base}/tap-server/tap/async/{}/results/result", self.id);
            let _ = writeln!(
                xml,
                "\t\t<uws:result id=\"result\" xlink:type=\"simple\" xlink:href=\"{}\"/>",
                escaped(&href)
            );
        }
        xml + "\t</uws:results>\n"
    }
}

fn document(element: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}",
        element.trim_start()
    )
}

/// The list of TAP: references.
pub(crate) fn references(jobs: &[Job], base: &str) -> String {
    let mut xml = format!("<uws:jobs {NAMESPACES}>\n");
    for job in jobs {
        let href = escaped(&format!("{base}/tap-server/tap/async/{}", job.id));
        let _ = writeln!(
            xml,
            "<uws:jobref id=\"{}\" xlink:type=\"simple\" xlink:href=\"{href}\">\n\t<uws:phase>{}</uws:phase>\n</uws:jobref>",
            job.id,
            job.phase.name()
        );
    }
    document(&(xml + "</uws:jobs>\n"))
}

/// The list of TAP+: whole jobs.
pub(crate) fn jobs(jobs: &[Job], base: &str) -> String {
    let all: String = jobs.iter().map(|job| job.element(base, "")).collect();
    document(&format!(
        "<uws:jobs {NAMESPACES} total=\"{}\">\n{all}</uws:jobs>\n",
        jobs.len()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_an_offset_without_a_colon() {
        let at = DateTime::from_timestamp_millis(1_479_386_030_755).unwrap();
        assert_eq!(time(at), "2016-11-17T13:33:50.755+0100");
    }
}
