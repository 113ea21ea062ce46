//! One job: from a claimed row to an outcome for every file.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::PoisonError;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use gantry_asset::ArchiveId;
use gantry_net::Circuit;
use gantry_store::{FileOutcome, Lease, StagingJob, Store, StoreError, Volume, Wanted as Asked};
use serde_json::json;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::archives::{ArchiveAccess, Archives};
use crate::cache::Cache;
use crate::fair::Places;
use crate::finish::finish;
use crate::live::Live;
use crate::moving::move_files;
use crate::names::Names;
use crate::quota::Quotas;
use crate::request::StageRequest;
use crate::volume::{Files, LocalVolume, VolumeError, VolumePath};
use crate::volumes::Volumes;

pub(crate) const PAGE: u32 = 500;

/// A claimed job and everything it needs.
pub(crate) struct JobRun<'a> {
    pub(crate) store: &'a Store,
    pub(crate) archives: &'a Archives,
    pub(crate) volumes: &'a Volumes,
    pub(crate) live: &'a Live,
    pub(crate) lease: &'a Lease,
    pub(crate) job: StagingJob,
    pub(crate) request: StageRequest,
    pub(crate) row: Volume,
    pub(crate) files: Files,
    /// Where files that may not be kept wait to be sent elsewhere.
    pub(crate) spool: LocalVolume,
    pub(crate) cache: Option<&'a Cache>,
    pub(crate) places: &'a Places,
    pub(crate) quotas: &'a Quotas,
    /// How often the job looks up: less often when many run.
    pub(crate) look_every: Duration,
    /// Cancelled when the job is to stop, for whatever reason.
    pub(crate) stop: CancellationToken,
    /// Why it stopped, when it did.
    pub(crate) why: Mutex<Option<Why>>,
    pub(crate) names: Names,
    pub(crate) seen: Seen,
}

/// What a job has touched so far.
#[derive(Default)]
pub(crate) struct Seen {
    /// The archives it asks.
    archives: std::sync::Mutex<BTreeSet<ArchiveId>>,
    /// Where it has begun to write, by the file's position.
    written: std::sync::Mutex<HashMap<u64, VolumePath>>,
    /// How many of its files wait for a place at an archive.
    queued: std::sync::Mutex<BTreeMap<ArchiveId, i64>>,
    /// How many of its files are being fetched for other jobs.
    n_shared: AtomicI64,
}

/// Why a job stopped before its end.
#[derive(Debug)]
pub(crate) enum Why {
    Asked(Asked),
    /// The volume is full, or does not serve.
    Volume(VolumeError),
    Lost(StoreError),
    Shutdown,
}

/// Since when a job waits, by archive and cause.
type Since = BTreeMap<(ArchiveId, &'static str), DateTime<Utc>>;

impl JobRun<'_> {
    /// Runs the job to its end and keeps how it ended.
    pub(crate) async fn run(&self) -> Result<(), StoreError> {
        self.store.start_staging_job(self.lease).await?;
        let (sender, receiver) = mpsc::channel(1024);
        let finishing = async {
            if let Err(error) = finish(self, receiver).await {
                self.halt(Why::Lost(error)).await;
            }
        };
        let moving = async {
            if let Err(error) = move_files(self, sender).await {
                self.halt(Why::Lost(error)).await;
            }
        };
        let done = CancellationToken::new();
        let working = async {
            tokio::join!(finishing, moving);
            done.cancel();
        };
        let watching = async {
            tokio::select! {
                () = self.watch() => {}
                () = done.cancelled() => {}
            }
        };
        tokio::join!(working, watching);
        self.end().await
    }

    pub(crate) async fn halt(&self, why: Why) {
        self.why.lock().await.get_or_insert(why);
        self.stop.cancel();
    }

    /// Notes that a file of this archive is wanted.
    pub(crate) fn asks(&self, archive: &ArchiveId) {
        let mut archives = self
            .seen
            .archives
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !archives.contains(archive) {
            archives.insert(archive.clone());
        }
    }

    /// Notes where a file is written.
    pub(crate) fn writes(&self, position: u64, path: &VolumePath) {
        self.seen
            .written
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(position, path.clone());
    }

    /// Where this process wrote files of the job.
    pub(crate) fn written(&self) -> HashMap<u64, VolumePath> {
        self.seen
            .written
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Notes that a file waits for a place at an archive, or waits no more.
    pub(crate) fn queues(&self, archive: &ArchiveId, more: i64) {
        let mut queued = self
            .seen
            .queued
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *queued.entry(archive.clone()).or_default() += more;
    }

    /// Notes that a file waits for another job that fetches it, or waits no more.
    pub(crate) fn waits_for_others(&self, more: i64) {
        self.seen.n_shared.fetch_add(more, Ordering::Relaxed);
    }

    /// Renews the lease, keeps what is waited for, and hears what the owner wants, until the job ends.
    async fn watch(&self) {
        let mut tick = interval(self.look_every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut renewed, mut since) = (None::<Instant>, Since::new());
        loop {
            tick.tick().await;
            let waiting_for = self.waiting_for(&mut since);
            let told = async {
                if renewed.is_none_or(|at| at.elapsed() >= Lease::RENEW_EVERY) {
                    self.store.renew_staging_job(self.lease).await?;
                    renewed = Some(Instant::now());
                }
                let moved = self.live.take_moved(&self.lease.id);
                self.store
                    .keep_waiting(self.lease, &waiting_for, moved)
                    .await?;
                self.store.staging_job_by_id(&self.lease.id).await
            };
            match told.await {
                Ok(job) => {
                    if let Some(wanted) = job.wanted
                        && !self.stop.is_cancelled()
                    {
                        self.halt(Why::Asked(wanted)).await;
                    }
                }
                Err(error) if error.is_transient() => {}
                Err(error) => return self.halt(Why::Lost(error)).await,
            }
        }
    }

    /// What the job waits for, named by the state of the archives it asks, and since when.
    fn waiting_for(&self, since: &mut Since) -> String {
        let asked = self
            .seen
            .archives
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut still = Since::new();
        let mut causes = Vec::new();
        let n_shared = self.seen.n_shared.load(Ordering::Relaxed);
        if n_shared > 0 {
            let text = format!("{n_shared} of its files are being fetched for another job");
            causes.push(json!({"cause": "shared-download", "text": text}));
        }
        for id in asked {
            let waits = self.waits_at(&id);
            let found = self
                .archives
                .get(&id)
                .and_then(|access| cause(access, waits));
            let Some((cause, text)) = found else {
                continue;
            };
            let key = (id, cause);
            let from = since.get(&key).copied().unwrap_or_else(Utc::now);
            causes.push(json!({"cause": cause, "text": text, "since": from}));
            still.insert(key, from);
        }
        *since = still;
        json!(causes).to_string()
    }

    fn waits_at(&self, archive: &ArchiveId) -> bool {
        let queued = self
            .seen
            .queued
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        queued.get(archive).is_some_and(|n| *n > 0)
    }

    /// Keeps the name of a file that this job brought to its end before it was taken up again.
    pub(crate) fn reserve(&self, outcome: &FileOutcome) {
        let path = outcome.path.as_deref().map(VolumePath::parse);
        if let Some(Ok(path)) = path {
            self.names.take(&path);
        }
    }
}

/// Why an archive keeps a job waiting, if it does.
fn cause(access: &ArchiveAccess, waits: bool) -> Option<(&'static str, String)> {
    let (archive, health) = (access.connector.archive(), access.connector.health());
    match health.circuit {
        Circuit::OpenUntil(until) => Some((
            "circuit-open",
            format!(
                "{} does not answer; it is asked again at {} UTC",
                archive.title,
                until.format("%H:%M:%S")
            ),
        )),
        Circuit::Closed if waits || health.waiting > 0 => Some((
            "archive-limit",
            format!(
                "{} allows {} at a time",
                archive.title, access.max_in_flight
            ),
        )),
        Circuit::Closed => None,
    }
}
