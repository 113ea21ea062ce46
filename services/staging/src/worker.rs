//! The worker: takes jobs one after the other, several at once, and goes on with those a dead process left.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gantry_store::{Lease, Phase, Store, StoreError, Volume};
use tokio::sync::{Mutex, Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::archives::Archives;
use crate::blocking::blocking;
use crate::cache::Cache;
use crate::error::StagingError;
use crate::fair::Places;
use crate::job::{JobRun, Seen, Why};
use crate::live::Live;
use crate::names::Names;
use crate::quota::{Quota, Quotas};
use crate::request::StageRequest;
use crate::volume::{Files, LocalVolume, VolumeError, VolumePath};
use crate::volumes::Volumes;

/// Carries staging jobs out; cheap to clone.
#[derive(Clone)]
pub struct Worker {
    config: WorkerConfig,
    live: Live,
    places: Places,
    quotas: Quotas,
    running: Arc<AtomicUsize>,
    woken: Arc<Notify>,
}

/// What a worker works with.
#[derive(Clone)]
pub struct WorkerConfig {
    /// The record.
    pub store: Store,
    /// The archives files come from.
    pub archives: Archives,
    /// The volumes they go to.
    pub volumes: Volumes,
    /// The name of this process, in leases.
    pub owner: String,
    /// How many jobs are carried out at once.
    pub jobs: usize,
    /// The shared cache, if there is one.
    pub cache: Option<Cache>,
    /// Where files that may not be kept wait to be sent elsewhere.
    pub spool: PathBuf,
    /// What a user may put into local volumes.
    pub quota: Quota,
}

/// How long a worker sleeps when nobody wakes it: jobs of other processes are found so.
const LOOK_EVERY: Duration = Duration::from_millis(700);
/// How often a job looks up; longer the more jobs run, since each look asks the record.
const JOB_LOOKS_EVERY: Duration = Duration::from_millis(500);
const JOBS_FOR_TWICE_AS_LONG: u32 = 32;
/// How often the cache is put in order.
const TIDY_EVERY: Duration = Duration::from_secs(600);

impl Worker {
    /// A worker that carries out what waits.
    #[must_use]
    pub fn new(config: WorkerConfig) -> Self {
        let quotas = Quotas::new(config.quota);
        Self {
            config,
            live: Live::default(),
            places: Places::default(),
            quotas,
            running: Arc::default(),
            woken: Arc::default(),
        }
    }

    /// The volumes it writes to.
    #[must_use]
    pub fn volumes(&self) -> &Volumes {
        &self.config.volumes
    }

    /// The shared cache, if there is one.
    #[must_use]
    pub fn cache(&self) -> Option<&Cache> {
        self.config.cache.as_ref()
    }

    /// What a user may put into local volumes.
    #[must_use]
    pub fn quota(&self) -> &Quota {
        self.quotas.quota()
    }

    /// What is moving right now.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// Tells the worker that a job was made.
    pub fn wake(&self) {
        self.woken.notify_one();
    }

    /// Carries jobs out until it is cancelled; what is under way then stays resumable.
    pub async fn run(&self, cancelled: CancellationToken) {
        let jobs = self.config.jobs.max(1);
        let (places, tracker) = (Arc::new(Semaphore::new(jobs)), TaskTracker::new());
        let tidying = self.clone();
        let until = cancelled.clone();
        tracker.spawn(async move { tidying.keep_tidy(until).await });
        while !cancelled.is_cancelled() {
            let place = tokio::select! {
                place = Arc::clone(&places).acquire_owned() => place,
                () = cancelled.cancelled() => break,
            };
            let Ok(place) = place else { break };
            match self
                .config
                .store
                .claim_staging_job(&self.config.owner)
                .await
            {
                Ok(Some(lease)) => {
                    let (worker, cancelled) = (self.clone(), cancelled.clone());
                    tracker.spawn(async move {
                        worker.carry_out(lease, cancelled).await;
                        drop(place);
                        worker.wake();
                    });
                    continue;
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "could not look for staging jobs"),
            }
            drop(place);
            tokio::select! {
                () = self.woken.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = cancelled.cancelled() => {}
            }
        }
        tracker.close();
        tracker.wait().await;
    }

    /// Puts the cache and the spool in order now and then.
    async fn keep_tidy(&self, cancelled: CancellationToken) {
        let spool = self.config.spool.clone();
        loop {
            if let Some(cache) = &self.config.cache
                && let Err(error) = cache.tidy().await
            {
                tracing::warn!(%error, "could not put the cache in order");
            }
            let spool = spool.clone();
            if let Err(error) = blocking(move || forget_old_parts(&spool)).await {
                tracing::warn!(%error, "could not put the spool in order");
            }
            tokio::select! {
                () = tokio::time::sleep(TIDY_EVERY) => {}
                () = cancelled.cancelled() => return,
            }
        }
    }

    /// Carries out whatever waits, one job after the other, here and now; for the command line.
    ///
    /// # Errors
    /// [`StoreError`] when the record fails.
    pub async fn run_until_idle(&self, cancelled: &CancellationToken) -> Result<(), StoreError> {
        let (store, owner) = (&self.config.store, &self.config.owner);
        while let Some(lease) = store.claim_staging_job(owner).await? {
            self.carry_out(lease, cancelled.clone()).await;
            if cancelled.is_cancelled() {
                break;
            }
        }
        Ok(())
    }

    async fn carry_out(&self, lease: Lease, cancelled: CancellationToken) {
        self.running.fetch_add(1, Ordering::Relaxed);
        let ended = self.try_carry_out(&lease, cancelled).await;
        self.running.fetch_sub(1, Ordering::Relaxed);
        self.live.forget(&lease.id);
        match ended {
            Ok(()) => {}
            Err(StoreError::LeaseLost { .. }) => {
                tracing::info!(job.id = lease.id, "another worker has the job now")
            }
            Err(error) => {
                tracing::error!(job.id = lease.id, %error, "a staging job broke off; it is taken up again")
            }
        }
    }

    async fn try_carry_out(
        &self,
        lease: &Lease,
        cancelled: CancellationToken,
    ) -> Result<(), StoreError> {
        let store = &self.config.store;
        let job = store.staging_job_by_id(&lease.id).await?;
        let row = store.volume_by_id(&job.volume).await?;
        let refuse = |why: String| async move {
            store.end_staging_job(lease, Phase::Error, Some(&why)).await
        };
        let opened = self.open(&row, &job.owner).await;
        let (files, spool) = match opened {
            Ok(opened) => opened,
            Err(StagingError::Store(error)) => return Err(error),
            Err(error) => return refuse(format!("volume `{}`: {error}", row.name)).await,
        };
        let Ok(request) = serde_json::from_str::<StageRequest>(&job.request) else {
            return refuse("what was asked for cannot be read any more".to_owned()).await;
        };
        let run = JobRun {
            store,
            archives: &self.config.archives,
            volumes: &self.config.volumes,
            live: &self.live,
            lease,
            job,
            request,
            row,
            files,
            spool,
            cache: self.config.cache.as_ref(),
            places: &self.places,
            quotas: &self.quotas,
            look_every: self.look_every(),
            stop: CancellationToken::new(),
            why: Mutex::new(None),
            names: Names::default(),
            seen: Seen::default(),
        };
        let ended = async {
            let running = run.run();
            tokio::pin!(running);
            tokio::select! {
                ended = &mut running => return ended,
                () = cancelled.cancelled() => run.halt(Why::Shutdown).await,
            }
            running.await
        };
        let ended = ended.await;
        if let Some(remote) = run.files.as_remote()
            && let Err(error) = self.config.volumes.keep_host_key(&run.row, remote).await
        {
            tracing::warn!(%error, "could not keep the key of a host");
        }
        ended
    }

    /// Opens the volume of a job and the spool, and measures what its user has.
    async fn open(&self, row: &Volume, owner: &str) -> Result<(Files, LocalVolume), StagingError> {
        let files = self.config.volumes.open(row)?;
        if files.is_read_only() {
            let path = row.title.clone();
            return Err(VolumeError::ReadOnly { path }.into());
        }
        let spool = LocalVolume::create(&self.config.spool)?;
        self.quotas.measure(&self.config.volumes, owner).await?;
        Ok((files, spool))
    }

    fn look_every(&self) -> Duration {
        let n_jobs = u32::try_from(self.running.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        JOB_LOOKS_EVERY * (1 + n_jobs / JOBS_FOR_TWICE_AS_LONG).min(6)
    }
}

/// What lay in the spool this long is gone on with by nobody.
const OLD: Duration = Duration::from_secs(7 * 24 * 3600);

/// Removes parts from the spool and its folders that nobody has written for a week.
fn forget_old_parts(spool: &Path) -> Result<(), VolumeError> {
    let volume = LocalVolume::create(spool)?;
    let before = chrono::Utc::now() - OLD;
    let before = before.timestamp_nanos_opt().unwrap_or(0);
    let root = VolumePath::root();
    let folders = volume
        .list(&root)?
        .into_iter()
        .filter(|entry| entry.is_folder);
    let mut folders: Vec<VolumePath> = folders
        .filter_map(|entry| root.join(&entry.name).ok())
        .collect();
    folders.push(root);
    for folder in folders {
        for entry in volume.list(&folder)? {
            let whole = entry.name.strip_suffix(".part");
            if let Some(name) = whole.filter(|_| entry.modified_ns < before) {
                match volume.drop_part(&folder.join(name)?) {
                    Ok(()) | Err(VolumeError::Busy { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
    Ok(())
}
