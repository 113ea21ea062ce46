//! The end of a job: its phase, its manifests, and nothing half done left behind.

use std::collections::{BTreeMap, HashMap};

use gantry_asset::{Algorithm, AssetId, Checksum, File};
use gantry_store::{FileOutcome, NOT_RUN, Phase, StagingFile, StoreError, Wanted as Asked};

use crate::job::{JobRun, PAGE, Why};
use crate::manifest;
use crate::place::first_path;
use crate::transfer::{PartState, failed};
use crate::volume::{VolumeError, VolumePath};

impl JobRun<'_> {
    /// Keeps how the job ended.
    pub(crate) async fn end(&self) -> Result<(), StoreError> {
        let why = self.why.lock().await.take();
        if let Some(Why::Lost(error)) = why {
            return Err(error);
        }
        let moved = self.live.take_moved(&self.lease.id);
        self.store.keep_waiting(self.lease, "[]", moved).await?;
        match why {
            None | Some(Why::Lost(_)) => {
                self.keep_runs().await?;
                let trouble = self.report(Phase::Completed).await;
                self.keep_end(Phase::Completed, trouble.as_deref()).await
            }
            Some(Why::Shutdown) => self.store.give_back_staging_job(self.lease).await,
            Some(Why::Asked(Asked::Hold)) => self.keep_end(Phase::Held, None).await,
            Some(Why::Asked(Asked::Abort)) => {
                self.drop_parts(None).await?;
                self.keep_end(Phase::Aborted, Some("it was aborted")).await
            }
            Some(Why::Volume(error)) => self.end_for_volume(&error).await,
        }
    }

    /// Keeps what the queries of the job gave as versions of their assets.
    async fn keep_runs(&self) -> Result<(), StoreError> {
        let mut runs: BTreeMap<AssetId, (Vec<File>, Option<u64>)> = BTreeMap::new();
        let mut from = 0;
        loop {
            let rows = self.store.staging_files(&self.job.id, from, PAGE).await?;
            let Some(last) = rows.last() else { break };
            from = last.position + 1;
            for row in rows.into_iter().filter(|row| row.version == NOT_RUN) {
                let files = self.store.asset_files(&row.asset, NOT_RUN).await?;
                let asked = files.into_iter().find(|file| file.name == row.name);
                if let Some((asked, outcome)) = asked.zip(row.outcome)
                    && outcome.outcome == "staged"
                {
                    let (files, n_rows) = runs.entry(row.asset).or_default();
                    *n_rows = outcome.n_rows.map(|n| n + n_rows.unwrap_or(0));
                    files.push(answer(asked, &outcome));
                }
            }
        }
        for (query, (files, n_rows)) in runs {
            let version = self.store.keep_run(&query, &files, n_rows).await?;
            let volume = &self.job.volume;
            self.store.staged_run(volume, &query, version).await?;
        }
        Ok(())
    }

    /// The volume is full or does not serve: what has no outcome fails with that.
    async fn end_for_volume(&self, error: &VolumeError) -> Result<(), StoreError> {
        let reason = match error {
            VolumeError::Full { .. } => "volume-full: no space is left in the volume".to_owned(),
            VolumeError::Quota { .. } => format!("quota: {error}"),
            error => format!("volume: {error}"),
        };
        self.drop_parts(Some(&failed(&reason, true))).await?;
        // That the volume takes no manifest either is no news.
        self.report(Phase::Error).await;
        let advice = match error {
            VolumeError::Full { .. } => format!("; make room in `{}` and retry", self.row.name),
            VolumeError::Quota { .. } => ", then retry".to_owned(),
            _ => format!("; mend `{}` and retry", self.row.name),
        };
        self.keep_end(Phase::Error, Some(&format!("{error}{advice}")))
            .await
    }

    async fn keep_end(&self, phase: Phase, message: Option<&str>) -> Result<(), StoreError> {
        self.store.end_staging_job(self.lease, phase, message).await
    }

    /// Writes the manifests; comes back with a sentence when the volume takes none, the files are there all the same.
    async fn report(&self, phase: Phase) -> Option<String> {
        let error = manifest::write(self, phase).await.err()?;
        tracing::warn!(job.id = self.job.id, %error, "could not write the manifests");
        Some(format!("the manifests could not be written: {error}"))
    }

    /// Frees the parts of all files without an outcome, giving them one where it is known.
    async fn drop_parts(&self, outcome: Option<&FileOutcome>) -> Result<(), StoreError> {
        let written = self.written();
        let mut from = 0;
        loop {
            let rows = self.store.staging_files(&self.job.id, from, PAGE).await?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            from = last.position + 1;
            let mut settled = Vec::new();
            for file in rows.iter().filter(|file| file.outcome.is_none()) {
                if let Some(path) = self.part_of(file, &written).await? {
                    self.drop_part(file, &path).await;
                    self.drop_cached_part(file).await;
                }
                settled.extend(outcome.map(|outcome| (file.position, outcome.clone(), None)));
            }
            self.store
                .settle_files(self.lease, &self.row.id, &settled, &[])
                .await?;
        }
    }

    /// Where the part of a file is: where this process wrote it, where one before said so, or where it would be.
    async fn part_of(
        &self,
        row: &StagingFile,
        written: &HashMap<u64, VolumePath>,
    ) -> Result<Option<VolumePath>, StoreError> {
        if let Some(path) = written.get(&row.position) {
            return Ok(Some(path.clone()));
        }
        let kept = row
            .resume
            .as_deref()
            .and_then(|text| serde_json::from_str::<PartState>(text).ok())
            .and_then(|kept| VolumePath::parse(&kept.path?).ok());
        if kept.is_some() || self.job.started.is_none() {
            return Ok(kept);
        }
        let files = self.store.asset_files(&row.asset, row.version).await?;
        let file = files.iter().find(|file| file.name == row.name);
        Ok(file.and_then(|file| first_path(&self.request, &row.asset, file).ok()))
    }
}

/// The file a query gave: what was asked, with the size and the hash of the answer.
fn answer(asked: File, outcome: &FileOutcome) -> File {
    File {
        size_bytes: outcome.size_bytes,
        checksum: outcome.sha256.clone().map(|value| Checksum {
            algorithm: Algorithm::Sha256,
            value,
        }),
        ..asked
    }
}
