//! The worker: takes jobs one after the other, several at once, and goes on with those a dead process left.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gantry_store::{Lease, Phase, Store, StoreError};
use tokio::sync::{Mutex, Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::archives::Archives;
use crate::job::{JobRun, Seen, Why};
use crate::live::Live;
use crate::names::Names;
use crate::request::StageRequest;
use crate::volume::LocalVolume;

/// Carries staging jobs out.
#[derive(Clone)]
pub struct Worker {
    store: Store,
    archives: Archives,
    live: Live,
    owner: String,
    workers: usize,
    woken: Arc<Notify>,
}

/// How long a worker sleeps when nobody wakes it: jobs of other processes are found so.
const LOOK_EVERY: Duration = Duration::from_millis(700);

impl Worker {
    /// A worker named `owner` that carries out so many jobs at once.
    #[must_use]
    pub fn new(store: Store, archives: Archives, owner: String, workers: usize) -> Self {
        Self {
            store,
            archives,
            live: Live::default(),
            owner,
            workers: workers.max(1),
            woken: Arc::default(),
        }
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
        let (places, tracker) = (Arc::new(Semaphore::new(self.workers)), TaskTracker::new());
        while !cancelled.is_cancelled() {
            let place = tokio::select! {
                place = Arc::clone(&places).acquire_owned() => place,
                () = cancelled.cancelled() => break,
            };
            let Ok(place) = place else { break };
            match self.store.claim_staging_job(&self.owner).await {
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

    /// Carries out whatever waits, one job after the other, here and now; for the command line.
    ///
    /// # Errors
    /// [`StoreError`] when the record fails.
    pub async fn run_until_idle(&self, cancelled: &CancellationToken) -> Result<(), StoreError> {
        while let Some(lease) = self.store.claim_staging_job(&self.owner).await? {
            self.carry_out(lease, cancelled.clone()).await;
            if cancelled.is_cancelled() {
                break;
            }
        }
        Ok(())
    }

    async fn carry_out(&self, lease: Lease, cancelled: CancellationToken) {
        let ended = self.try_carry_out(&lease, cancelled).await;
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
        let job = self.store.staging_job_by_id(&lease.id).await?;
        let row = self.store.volume_by_id(&job.volume).await?;
        let volume = match LocalVolume::open(Path::new(&row.path)) {
            Ok(volume) => volume.with_mounts(self.archives.mounts()),
            Err(error) => {
                return self
                    .store
                    .end_staging_job(
                        lease,
                        Phase::Error,
                        Some(&format!("volume `{}`: {error}", row.name)),
                    )
                    .await;
            }
        };
        let Ok(request) = serde_json::from_str::<StageRequest>(&job.request) else {
            return self
                .store
                .end_staging_job(
                    lease,
                    Phase::Error,
                    Some("what was asked for cannot be read any more"),
                )
                .await;
        };
        let run = JobRun {
            store: &self.store,
            archives: &self.archives,
            live: &self.live,
            lease,
            job,
            request,
            row,
            volume,
            stop: CancellationToken::new(),
            why: Mutex::new(None),
            names: Names::default(),
            seen: Seen::default(),
        };
        let running = run.run();
        tokio::pin!(running);
        tokio::select! {
            ended = &mut running => return ended,
            () = cancelled.cancelled() => run.halt(Why::Shutdown).await,
        }
        running.await
    }
}
