//! One job: from a claimed row to an outcome for every file.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::PoisonError;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use gantry_asset::ArchiveId;
use gantry_net::Circuit;
use gantry_store::{FileOutcome, Lease, StagingJob, Store, StoreError, Volume, Wanted as Asked};
use serde_json::json;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::archives::{ArchiveAccess, Archives};
use crate::finish::{Finished, finish};
use crate::live::Live;
use crate::names::Names;
use crate::request::StageRequest;
use crate::turn::Turns;
use crate::volume::{LocalVolume, VolumeError, VolumePath};

/// How many files of one job move at once; the archives' own limits are `gantry-net`'s.
const FILES_AT_ONCE: usize = 6;
pub(crate) const PAGE: u32 = 500;

/// A claimed job and everything it needs.
pub(crate) struct JobRun<'a> {
    pub(crate) store: &'a Store,
    pub(crate) archives: &'a Archives,
    pub(crate) live: &'a Live,
    pub(crate) lease: &'a Lease,
    pub(crate) job: StagingJob,
    pub(crate) request: StageRequest,
    pub(crate) row: Volume,
    pub(crate) volume: LocalVolume,
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
}

/// Why a job stopped before its end.
#[derive(Debug)]
pub(crate) enum Why {
    Asked(Asked),
    Full(VolumeError),
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
            if let Err(error) = self.move_files(sender).await {
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

    /// Renews the lease, keeps what is waited for, and hears what the owner wants, until the job ends.
    async fn watch(&self) {
        let mut tick = interval(Duration::from_millis(500));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut n, mut since) = (0_u32, Since::new());
        loop {
            tick.tick().await;
            n += 1;
            let waiting_for = self.waiting_for(&mut since);
            let told = async {
                if n % 8 == 1 {
                    self.store.renew_staging_job(self.lease).await?;
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
        for id in asked {
            let Some((cause, text)) = self.archives.get(&id).and_then(cause) else {
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

    async fn move_files(&self, sender: mpsc::Sender<Finished>) -> Result<(), StoreError> {
        let mut moving: FuturesUnordered<BoxFuture<'_, Result<Option<Finished>, StoreError>>> =
            FuturesUnordered::new();
        let (mut from, mut turns) = (0, Turns::default());
        while !self.stop.is_cancelled() {
            let page = self.store.staging_files(&self.job.id, from, PAGE).await?;
            let Some(last) = page.last() else { break };
            from = last.position + 1;
            for file in page {
                if let Some(outcome) = &file.outcome {
                    self.reserve(outcome);
                    continue;
                }
                while moving.len() >= FILES_AT_ONCE
                    && let Some(finished) = moving.next().await
                {
                    send(&sender, finished?).await;
                }
                moving.push(Box::pin(self.move_file(file, turns.next())));
            }
        }
        while let Some(finished) = moving.next().await {
            send(&sender, finished?).await;
        }
        Ok(())
    }

    /// Keeps the name of a file that this job brought to its end before it was taken up again.
    fn reserve(&self, outcome: &FileOutcome) {
        let path = outcome.path.as_deref().map(VolumePath::parse);
        if let Some(Ok(path)) = path {
            self.names.take(&path);
        }
    }
}

/// Why an archive keeps a job waiting, if it does.
fn cause(access: &ArchiveAccess) -> Option<(&'static str, String)> {
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
        Circuit::Closed if health.waiting > 0 => Some((
            "archive-limit",
            format!(
                "{} allows {} at a time",
                archive.title, access.max_in_flight
            ),
        )),
        Circuit::Closed => None,
    }
}

/// Hands a finished file on; the receiver is gone only when the record failed, which ends the job anyhow.
async fn send(sender: &mpsc::Sender<Finished>, finished: Option<Finished>) {
    if let Some(finished) = finished {
        let _received = sender.send(finished).await;
    }
}
