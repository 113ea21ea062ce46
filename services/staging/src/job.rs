//! One job: from a claimed row to an outcome for every file.

use std::collections::HashMap;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use gantry_asset::{ArchiveId, AssetId, File};
use gantry_net::Circuit;
use gantry_store::{
    FileOutcome, Lease, Phase, StagingFile, StagingJob, Store, StoreError, Volume, Wanted as Asked,
};
use serde_json::json;
use tokio::sync::{Mutex, mpsc};
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use crate::archives::{ArchiveAccess, Archives};
use crate::error::StagingError;
use crate::finish::{End, Finished, finish};
use crate::live::Live;
use crate::manifest;
use crate::place::{OpenVolume, Wanted};
use crate::plan::{Step, decide};
use crate::request::StageRequest;
use crate::transfer::{Broken, PartState, Transfer, failed, skipped};
use crate::verify::Hashes;
use crate::volume::{LocalVolume, VolumeError, VolumePath};

/// How many files of one job move at once; the archives' own limits are `gantry-net`'s.
const FILES_AT_ONCE: usize = 6;
const PAGE: u32 = 500;

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
}

/// Why a job stopped before its end.
#[derive(Debug)]
pub(crate) enum Why {
    Asked(Asked),
    Full(VolumeError),
    Lost(StoreError),
    Shutdown,
}

impl JobRun<'_> {
    /// Runs the job to its end and keeps how it ended.
    pub(crate) async fn run(&self) -> Result<(), StoreError> {
        self.store.start_staging_job(self.lease).await?;
        let (sender, receiver) = mpsc::channel(1024);
        let finishing = finish(
            self.store,
            self.lease,
            (&self.row.id, &self.volume),
            self.live,
            receiver,
        );
        let moving = async {
            let moved = self.move_files(sender).await;
            if let Err(error) = moved {
                self.halt(Why::Lost(error)).await;
            }
        };
        let watching = async {
            tokio::select! {
                () = self.watch() => {}
                () = self.stop.cancelled() => {}
            }
        };
        let done = async {
            let (finished, ()) = tokio::join!(finishing, moving);
            self.stop.cancel();
            finished
        };
        let (finished, ()) = tokio::join!(done, watching);
        finished?;
        self.end().await
    }

    pub(crate) async fn halt(&self, why: Why) {
        self.why.lock().await.get_or_insert(why);
        self.stop.cancel();
    }

    /// Renews the lease, keeps what is waited for, and hears what the owner wants, until the job ends.
    async fn watch(&self) {
        let mut tick = interval(Duration::from_millis(500));
        let mut n = 0_u32;
        loop {
            tick.tick().await;
            n += 1;
            let told = async {
                if n % 8 == 1 {
                    self.store.renew_staging_job(self.lease).await?;
                }
                self.store
                    .keep_waiting(
                        self.lease,
                        &self.waiting_for(),
                        self.live.take_moved(&self.lease.id),
                    )
                    .await?;
                self.store.staging_job_by_id(&self.lease.id).await
            };
            match told.await {
                Ok(job) => {
                    if let Some(wanted) = job.wanted {
                        return self.halt(Why::Asked(wanted)).await;
                    }
                }
                Err(error) if error.is_transient() => {}
                Err(error) => return self.halt(Why::Lost(error)).await,
            }
        }
    }

    /// What the job waits for, named by its archives' state.
    fn waiting_for(&self) -> String {
        let now = chrono::Utc::now();
        let causes = self.archives.iter().filter_map(|(_, access)| {
            let (archive, health) = (access.connector.archive(), access.connector.health());
            let (cause, text) = match health.circuit {
                Circuit::OpenUntil(until) => (
                    "circuit-open",
                    format!(
                        "{} does not answer; it is asked again at {} UTC",
                        archive.title,
                        until.format("%H:%M:%S")
                    ),
                ),
                Circuit::Closed if health.waiting > 0 => (
                    "archive-limit",
                    format!(
                        "{} allows {} at a time",
                        archive.title, access.max_in_flight
                    ),
                ),
                Circuit::Closed => return None,
            };
            Some(json!({"cause": cause, "text": text, "since": now}))
        });
        json!(causes.collect::<Vec<_>>()).to_string()
    }

    async fn move_files(&self, sender: mpsc::Sender<Finished>) -> Result<(), StoreError> {
        let names = Names::default();
        let mut moving: FuturesUnordered<BoxFuture<'_, Result<Option<Finished>, StoreError>>> =
            FuturesUnordered::new();
        let mut from = 0;
        loop {
            let page = self.store.staging_files(&self.job.id, from, PAGE).await?;
            let Some(last) = page.last() else { break };
            from = last.position + 1;
            for file in page.into_iter().filter(|file| file.outcome.is_none()) {
                while moving.len() >= FILES_AT_ONCE
                    && let Some(finished) = moving.next().await
                {
                    send(&sender, finished?).await;
                }
                moving.push(Box::pin(self.move_file(file, &names)));
            }
        }
        while let Some(finished) = moving.next().await {
            send(&sender, finished?).await;
        }
        Ok(())
    }

    /// Brings one file to its end; `None` when the job stops first.
    async fn move_file(
        &self,
        file: StagingFile,
        names: &Names,
    ) -> Result<Option<Finished>, StoreError> {
        if self.stop.is_cancelled() {
            return Ok(None);
        }
        let end = match self.try_file(&file, names).await {
            Ok(end) => end,
            Err(Broken::Outcome(outcome)) => {
                self.drop_part(&file);
                End::Outcome(outcome)
            }
            Err(Broken::Stopped) => return Ok(None),
            Err(Broken::Full(error)) => {
                self.halt(Why::Full(error)).await;
                return Ok(None);
            }
            Err(Broken::Store(error)) => return Err(error),
        };
        Ok(Some(Finished {
            position: file.position,
            asset: file.asset,
            version: file.version,
            name: file.name,
            end,
        }))
    }

    async fn try_file(&self, row: &StagingFile, names: &Names) -> Result<End, Broken> {
        let archive = row.asset.archive();
        let Some(access) = self.archives.get(&archive) else {
            return Err(Broken::Outcome(failed(
                &format!("no-archive: `{archive}` is not configured here"),
                false,
            )));
        };
        let files = self.store.asset_files(&row.asset, row.version).await?;
        let Some(file) = files.into_iter().find(|file| file.name == row.name) else {
            return Err(Broken::Outcome(failed(
                "replaced-at-archive: the catalogue no longer has this version",
                false,
            )));
        };
        let kept: Option<PartState> = row
            .resume
            .as_deref()
            .and_then(|text| serde_json::from_str(text).ok());
        if let Some(end) = self.named_before(kept.as_ref()).await? {
            return Ok(end);
        }
        let open = OpenVolume {
            store: self.store,
            row: &self.row,
            files: &self.volume,
        };
        let wanted = Wanted {
            asset: &row.asset,
            version: row.version,
            file: &file,
        };
        let (path, facts) = open
            .place(&self.request, Some(access), &wanted)
            .await
            .map_err(broken)?;
        if !names.take(&path) {
            return Ok(End::Outcome(skipped(
                "name-taken: another file of this job has the same name",
            )));
        }
        let step = decide(&self.request, &facts);
        self.carry_out(step, row, access, (&path, &file, kept))
            .await
    }

    async fn carry_out(
        &self,
        step: Step,
        row: &StagingFile,
        access: &ArchiveAccess,
        (path, file, kept): (&VolumePath, &File, Option<PartState>),
    ) -> Result<End, Broken> {
        let transfer = Transfer {
            store: self.store,
            lease: self.lease,
            volume: &self.volume,
            live: self.live,
            stop: &self.stop,
            position: row.position,
            path,
            file,
        };
        match step {
            Step::Skip(reason) => Ok(End::Outcome(skipped(reason))),
            Step::Fail(reason) => Err(Broken::Outcome(failed(reason, false))),
            Step::Present | Step::Recheck => match self.present(path, step == Step::Recheck).await?
            {
                Some(outcome) => Ok(End::InPlace(path.clone(), outcome)),
                None if self.request.on_conflict == crate::request::OnConflict::Keep => Ok(
                    End::Outcome(skipped("name-taken: it was changed since it was staged")),
                ),
                None => Ok(End::Whole(
                    path.clone(),
                    transfer.download(access, kept).await?,
                )),
            },
            Step::Link(target) => {
                if self.volume.stat(path)?.is_some_and(|there| !there.is_link) {
                    self.volume.remove(path)?;
                }
                self.volume.link(path, &target)?;
                Ok(End::InPlace(path.clone(), linked(path, file)))
            }
            Step::CopyMounted(source) => Ok(End::Whole(
                path.clone(),
                transfer.copy_mounted(&source).await?,
            )),
            Step::Download => Ok(End::Whole(
                path.clone(),
                transfer.download(access, kept).await?,
            )),
        }
    }

    /// A file that was whole when a process died: it is in its part or already under its name.
    async fn named_before(&self, kept: Option<&PartState>) -> Result<Option<End>, Broken> {
        let Some((outcome, path)) =
            kept.and_then(|kept| Some((kept.whole.clone()?, kept.path.as_deref()?)))
        else {
            return Ok(None);
        };
        let path = VolumePath::parse(path)?;
        let there = self
            .volume
            .stat(&path)?
            .is_some_and(|there| Some(there.size_bytes) == outcome.size_bytes);
        if there && self.hash_of(&path).await? == outcome.sha256 {
            return Ok(Some(End::InPlace(path, outcome)));
        }
        Ok(None)
    }

    /// The outcome of a file that is there; `None` when it was changed.
    async fn present(
        &self,
        path: &VolumePath,
        recheck: bool,
    ) -> Result<Option<FileOutcome>, Broken> {
        let Some(staged) = self.store.staged_file(&self.row.id, path.as_str()).await? else {
            return Ok(None);
        };
        if recheck && (staged.sha256.is_none() || self.hash_of(path).await? != staged.sha256) {
            return Ok(None);
        }
        Ok(Some(FileOutcome {
            outcome: "present".to_owned(),
            method: Some(staged.method),
            path: Some(staged.path),
            size_bytes: Some(staged.size_bytes),
            sha256: staged.sha256,
            verified_by: Some(if recheck {
                "previous-copy".to_owned()
            } else {
                staged.verified_by
            }),
            ..FileOutcome::default()
        }))
    }

    async fn hash_of(&self, path: &VolumePath) -> Result<Option<String>, Broken> {
        let mut file = self.volume.read(path)?;
        let hashed = tokio::task::spawn_blocking(move || {
            let mut hashes = Hashes::default();
            hashes
                .update_from(&mut file, u64::MAX)
                .map(|()| hashes.finish(None).0)
        });
        Ok(hashed.await.ok().and_then(Result::ok))
    }

    /// Throws the part of a file away that will not be gone on with.
    fn drop_part(&self, file: &StagingFile) {
        let Ok(folder) = self.request.folder(file.asset.archive().as_str()) else {
            return;
        };
        let kept: Option<PartState> = file
            .resume
            .as_deref()
            .and_then(|text| serde_json::from_str(text).ok());
        let path = kept
            .and_then(|kept| kept.path)
            .map_or_else(|| folder.join(&file.name), |path| VolumePath::parse(&path));
        if let Ok(path) = path
            && let Err(error) = self.volume.drop_part(&path)
        {
            tracing::warn!(job.id = self.job.id, path = %path, %error, "could not remove a part");
        }
    }

    async fn end(&self) -> Result<(), StoreError> {
        let why = self.why.lock().await.take();
        match why {
            None => self.complete().await,
            Some(Why::Shutdown) => self.store.give_back_staging_job(self.lease).await,
            Some(Why::Asked(Asked::Hold)) => {
                self.store
                    .end_staging_job(self.lease, Phase::Held, None)
                    .await
            }
            Some(Why::Asked(Asked::Abort)) => {
                self.drop_parts(None).await?;
                self.store
                    .end_staging_job(self.lease, Phase::Aborted, Some("it was aborted"))
                    .await
            }
            Some(Why::Full(error)) => {
                self.drop_parts(Some(&failed(
                    "volume-full: no space is left in the volume",
                    true,
                )))
                .await?;
                self.report(Phase::Error).await;
                self.store
                    .end_staging_job(
                        self.lease,
                        Phase::Error,
                        Some(&format!(
                            "{error}; make room in `{}` and retry",
                            self.row.name
                        )),
                    )
                    .await
            }
            Some(Why::Lost(error)) => Err(error),
        }
    }

    async fn complete(&self) -> Result<(), StoreError> {
        self.store
            .keep_waiting(self.lease, "[]", self.live.take_moved(&self.lease.id))
            .await?;
        self.report(Phase::Completed).await;
        self.store
            .end_staging_job(self.lease, Phase::Completed, None)
            .await
    }

    /// Writes the manifests; a volume that takes none is said in the log, the files are there all the same.
    async fn report(&self, phase: Phase) {
        if let Err(error) = manifest::write(self, phase).await {
            tracing::warn!(job.id = self.job.id, %error, "could not write the manifests");
        }
    }

    /// Frees the parts of all files without an outcome, giving them one where it is known.
    async fn drop_parts(&self, outcome: Option<&FileOutcome>) -> Result<(), StoreError> {
        let mut from = 0;
        loop {
            let rows = self.store.staging_files(&self.job.id, from, PAGE).await?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            from = last.position + 1;
            let open: Vec<&StagingFile> =
                rows.iter().filter(|file| file.outcome.is_none()).collect();
            for file in &open {
                self.drop_part(file);
            }
            if let Some(outcome) = outcome {
                let settled: Vec<_> = open
                    .iter()
                    .map(|file| (file.position, outcome.clone(), None))
                    .collect();
                self.store
                    .settle_files(self.lease, &self.row.id, &settled)
                    .await?;
            }
        }
    }
}

/// Hands a finished file on; the receiver is gone only when the record failed, which ends the job anyhow.
async fn send(sender: &mpsc::Sender<Finished>, finished: Option<Finished>) {
    if let Some(finished) = finished {
        let _received = sender.send(finished).await;
    }
}

/// The names taken by the files of one job.
#[derive(Default)]
struct Names(std::sync::Mutex<HashMap<VolumePath, ()>>);

impl Names {
    fn take(&self, path: &VolumePath) -> bool {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .insert(path.clone(), ())
            .is_none()
    }
}

fn linked(path: &VolumePath, file: &File) -> FileOutcome {
    FileOutcome {
        outcome: "staged".to_owned(),
        method: Some("link".to_owned()),
        path: Some(path.as_str().to_owned()),
        size_bytes: file.size_bytes,
        verified_by: Some(
            if file.size_bytes.is_some() {
                "size"
            } else {
                "unverified"
            }
            .to_owned(),
        ),
        ..FileOutcome::default()
    }
}

fn broken(error: StagingError) -> Broken {
    match error {
        StagingError::Store(error) => Broken::Store(error),
        StagingError::Volume(error) => error.into(),
        other => Broken::Outcome(failed(&other.to_string(), false)),
    }
}

/// The titles of the archives in a list of assets, for sentences.
#[must_use]
pub fn archive_titles<'a>(
    archives: &Archives,
    assets: impl Iterator<Item = &'a AssetId>,
) -> Vec<String> {
    let ids: std::collections::BTreeSet<ArchiveId> = assets.map(AssetId::archive).collect();
    ids.iter()
        .map(|id| {
            archives.get(id).map_or_else(
                || id.to_string(),
                |access| access.connector.archive().title.clone(),
            )
        })
        .collect()
}
