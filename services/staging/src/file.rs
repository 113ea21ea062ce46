//! One file of a job, from its row to its end.

use std::time::Duration;

use futures::StreamExt;
use gantry_asset::File;
use gantry_store::{FileOutcome, StagingFile, StoreError};

use crate::archives::ArchiveAccess;
use crate::blocking::blocking;
use crate::bring::Source;
use crate::error::StagingError;
use crate::finish::{End, Finished};
use crate::job::{JobRun, Why};
use crate::place::{OpenVolume, Wanted};
use crate::plan::{Facts, Step, decide};
use crate::request::OnConflict;
use crate::transfer::{Broken, PartState, Whole, failed, skipped};
use crate::turn::Turn;
use crate::verify::Hashes;
use crate::volume::VolumePath;

/// How long to wait for a file that somebody else writes, before looking again.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// One file that is wanted, and all that is known of it.
pub(crate) struct Moving<'a> {
    pub(crate) row: &'a StagingFile,
    pub(crate) file: &'a File,
    pub(crate) access: &'a ArchiveAccess,
    pub(crate) kept: Option<PartState>,
}

impl Moving<'_> {
    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            asset: &self.row.asset,
            version: self.row.version,
            file: self.file,
        }
    }
}

impl JobRun<'_> {
    /// Brings one file to its end; `None` when the job stops first.
    pub(crate) async fn move_file(
        &self,
        file: StagingFile,
        mut turn: Turn,
    ) -> Result<Option<Finished>, StoreError> {
        if self.stop.is_cancelled() {
            return Ok(None);
        }
        let tried = self.try_file(&file, &mut turn).await;
        // One that ended before it took a name lets the next one by all the same, but not past those before it.
        turn.come().await;
        turn.pass();
        let end = match tried {
            Ok(end) => end,
            Err(Broken::Outcome(outcome)) => End::Outcome(*outcome),
            Err(Broken::Stopped | Broken::Busy | Broken::Changed) => return Ok(None),
            Err(Broken::Volume(error)) => {
                self.halt(Why::Volume(error)).await;
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

    async fn try_file(&self, row: &StagingFile, turn: &mut Turn) -> Result<End, Broken> {
        let archive = row.asset.archive();
        let Some(access) = self.archives.get(&archive) else {
            let text = format!(
                "no-archive: `{archive}` is not configured here; add `[archive.{archive}]`"
            );
            return Err(Broken::failed(&text, false));
        };
        self.asks(&archive);
        let files = self.store.asset_files(&row.asset, row.version).await?;
        let Some(file) = files.iter().find(|file| file.name == row.name) else {
            return Err(Broken::failed(
                "replaced-at-archive: the catalogue no longer has this version; select it again",
                false,
            ));
        };
        let moving = Moving {
            row,
            file,
            access,
            kept: row
                .resume
                .as_deref()
                .and_then(|text| serde_json::from_str(text).ok()),
        };
        match self.whole_before(&moving).await? {
            Some(end) => {
                // What it was fetched into has no use any more.
                self.drop_cached_part(row).await;
                Ok(end)
            }
            None => self.place_and_carry_out(&moving, turn).await,
        }
    }

    async fn place_and_carry_out(
        &self,
        moving: &Moving<'_>,
        turn: &mut Turn,
    ) -> Result<End, Broken> {
        let open = OpenVolume {
            store: self.store,
            row: &self.row,
            files: &self.files,
            cache: None,
            listed: None,
        };
        let wanted = moving.wanted();
        let access = Some(moving.access);
        let place = || open.place(&self.request, access, &wanted, &self.names);
        turn.come().await;
        let placed = place().await.map_err(broken)?;
        turn.pass();
        let Some((mut path, mut facts)) = placed else {
            return Ok(same_name());
        };
        let mut gives_time = false;
        loop {
            if !gives_time || !is_settling(&facts) {
                let step = decide(&self.request, &facts);
                match self.carry_out(step, moving, &path).await {
                    Err(Broken::Changed) => match place().await.map_err(broken)? {
                        Some(other) => {
                            (path, facts) = other;
                            continue;
                        }
                        None => return Ok(same_name()),
                    },
                    Err(Broken::Busy) => {}
                    Err(Broken::Outcome(outcome)) => {
                        self.drop_part(moving.row, &path).await;
                        return Err(Broken::Outcome(outcome));
                    }
                    done => return done,
                }
            }
            // Another job of this volume writes the same file: what it leaves is looked at anew.
            gives_time = !gives_time || !is_settling(&facts);
            tokio::select! {
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                () = self.stop.cancelled() => return Err(Broken::Stopped),
            }
            facts = open
                .facts(&path, &self.request, access, &wanted)
                .await
                .map_err(broken)?;
        }
    }

    async fn carry_out(
        &self,
        step: Step,
        moving: &Moving<'_>,
        path: &VolumePath,
    ) -> Result<End, Broken> {
        let source = match step {
            Step::Skip(reason) => return Ok(End::Outcome(skipped(reason))),
            Step::Fail(reason) => return Ok(End::Outcome(failed(reason, false))),
            Step::Link(target) => return self.link(path, &target),
            Step::CopyMounted(source) => Source::Mounted(source),
            Step::Present | Step::Recheck => {
                if let Some(outcome) = self.present(path, step == Step::Recheck).await? {
                    return Ok(End::InPlace(path.clone(), outcome, None));
                }
                match self.request.on_conflict {
                    OnConflict::Keep => {
                        return Ok(End::Outcome(skipped(
                            "name-taken: it was changed since it was staged",
                        )));
                    }
                    OnConflict::Rename => return Err(Broken::Changed),
                    OnConflict::Replace => Source::Archive,
                }
            }
            Step::CopyCached | Step::Download => Source::Archive,
        };
        self.writes(moving.row.position, path);
        if self.files.as_local().is_some() {
            // What is not known beforehand is taken while it comes.
            let size = self.request.size_of(moving.file.size_bytes);
            self.quotas.take(&self.job.owner, size.unwrap_or(0))?;
        }
        self.bring(source, moving, path).await
    }

    fn link(&self, path: &VolumePath, target: &std::path::Path) -> Result<End, Broken> {
        let Some(volume) = self.files.as_local() else {
            return Err(Broken::failed("not-linked: the volume is elsewhere", false));
        };
        if volume.stat(path)?.is_some_and(|there| !there.is_link) {
            volume.remove(path)?;
        }
        volume.link(path, target)?;
        let size_bytes = volume.stat(path)?.map(|there| there.size_bytes);
        let outcome = FileOutcome {
            outcome: "staged".to_owned(),
            method: Some("link".to_owned()),
            path: Some(path.as_str().to_owned()),
            size_bytes,
            // What is mounted is taken only when it has the size listed.
            verified_by: Some("size".to_owned()),
            ..FileOutcome::default()
        };
        Ok(End::InPlace(path.clone(), outcome, None))
    }

    /// A file that was whole when a process died: it is already under its name, or still in its part.
    async fn whole_before(&self, moving: &Moving<'_>) -> Result<Option<End>, Broken> {
        let kept = moving.kept.as_ref();
        let Some((outcome, path)) =
            kept.and_then(|kept| Some((kept.whole.clone()?, kept.path.as_deref()?)))
        else {
            return Ok(None);
        };
        let path = VolumePath::parse(path)?;
        let has_size = |size| Some(size) == outcome.size_bytes;
        let there = self.files.stat(&path).await?;
        if there.is_some_and(|there| has_size(there.size_bytes))
            && self.hash_of(&path).await? == outcome.sha256
            && self.names.take(&path)
        {
            return Ok(Some(End::InPlace(path, outcome, None)));
        }
        let Some(volume) = self.files.as_local() else {
            return Ok(None);
        };
        let mut part = match volume.part(&path) {
            Ok(part) if has_size(part.written) => part,
            _ => return Ok(None),
        };
        let (part, hash) = blocking(move || {
            let hash = hash_all(&mut part.file);
            (part, hash)
        })
        .await;
        let is_whole = hash.is_some() && hash == outcome.sha256 && self.names.take(&path);
        let whole = Whole {
            part,
            outcome,
            fetched: None,
        };
        Ok(is_whole.then_some(End::Whole(path, whole)))
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
        let verified_by = if recheck {
            "previous-copy".to_owned()
        } else {
            staged.verified_by
        };
        Ok(Some(FileOutcome {
            outcome: "present".to_owned(),
            method: Some(staged.method),
            path: Some(staged.path),
            size_bytes: Some(staged.size_bytes),
            sha256: staged.sha256,
            verified_by: Some(verified_by),
            ..FileOutcome::default()
        }))
    }

    /// The hash of a file in the volume; `None` when it cannot be read as a file.
    async fn hash_of(&self, path: &VolumePath) -> Result<Option<String>, Broken> {
        let Some(volume) = self.files.as_local() else {
            return Ok(self.hash_elsewhere(path).await);
        };
        let Ok(mut file) = volume.read(path) else {
            return Ok(None);
        };
        Ok(blocking(move || hash_all(&mut file)).await)
    }

    /// The hash of a file elsewhere, which has to come here to be read.
    async fn hash_elsewhere(&self, path: &VolumePath) -> Option<String> {
        let mut reading = self.files.read(path, 0, None).await.ok()?;
        let mut hashes = Hashes::default();
        while let Some(piece) = reading.next().await {
            hashes.update(&piece.ok()?);
        }
        Some(hashes.finish(None).0)
    }
}

fn hash_all(file: &mut std::fs::File) -> Option<String> {
    let mut hashes = Hashes::default();
    hashes.update_from(file, u64::MAX).ok()?;
    Some(hashes.finish(None).0)
}

/// Whether a file has just been named by another job that has not said so in the record yet.
fn is_settling(facts: &Facts) -> bool {
    facts.there.is_some() && facts.staged.is_none()
}

fn same_name() -> End {
    End::Outcome(skipped(
        "name-taken: another file of this job has the same name; stage it into another directory or with `on_conflict` `rename`",
    ))
}

fn broken(error: StagingError) -> Broken {
    match error {
        StagingError::Store(error) => Broken::Store(error),
        StagingError::Volume(error) => error.into(),
        other => Broken::failed(&other.to_string(), false),
    }
}
