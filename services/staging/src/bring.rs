//! Bringing one file to where it goes: by way of the shared cache where it may be kept there, and on to storage
//! elsewhere where the volume is that.

use std::path::PathBuf;
use std::time::Duration;

use gantry_store::FileOutcome;

use crate::blocking::blocking;
use crate::cache::{Cache, Cached, Fetched, Identity};
use crate::file::Moving;
use crate::finish::End;
use crate::job::JobRun;
use crate::request::OnConflict;
use crate::transfer::{Broken, PartState, Transfer, Whole};
use crate::volume::{LocalVolume, RemoteVolume, VolumeError, VolumePath};

/// Where the bytes of a file come from.
pub(crate) enum Source {
    /// The mounted archive.
    Mounted(PathBuf),
    /// The archive, unless the cache has them.
    Archive,
}

/// Bytes that are whole and lie on this machine.
enum Here {
    /// In the cache since before.
    Cached(Cached),
    /// In the cache since just now.
    Fetched(Fetched, FileOutcome),
    /// In a part that is theirs alone.
    Alone(Whole),
}

/// How long to wait for a file that another job fetches, before looking again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl JobRun<'_> {
    /// Brings a file to its place in the volume, from wherever its bytes are nearest.
    pub(crate) async fn bring(
        &self,
        source: Source,
        moving: &Moving<'_>,
        path: &VolumePath,
    ) -> Result<End, Broken> {
        match (self.files.as_local(), self.files.as_remote()) {
            (Some(volume), _) => self.bring_here(source, moving, path, volume).await,
            (None, Some(remote)) => self.bring_elsewhere(source, moving, path, remote).await,
            (None, None) => Err(Broken::failed("volume: it is no kind of storage", false)),
        }
    }

    fn transfer<'a>(
        &'a self,
        moving: &'a Moving<'_>,
        path: &'a VolumePath,
        (on, at): (&'a LocalVolume, VolumePath),
        cached: Option<&'a Identity>,
    ) -> Transfer<'a> {
        Transfer {
            store: self.store,
            lease: self.lease,
            on,
            at,
            live: self.live,
            stop: &self.stop,
            position: moving.row.position,
            path,
            file: moving.file,
            chosen: self.request.on_conflict == OnConflict::Rename,
            cached,
        }
    }

    async fn bring_here(
        &self,
        source: Source,
        moving: &Moving<'_>,
        path: &VolumePath,
        volume: &LocalVolume,
    ) -> Result<End, Broken> {
        let own = self.transfer(moving, path, (volume, path.clone()), None);
        if let Source::Mounted(source) = source {
            return Ok(End::Whole(path.clone(), own.copy_mounted(&source).await?));
        }
        let (bytes, outcome, fetched) = match self.here(moving, path).await? {
            Some(Here::Cached(cached)) => (cached.bytes, cached.outcome, None),
            Some(Here::Fetched(fetched, outcome)) => {
                let bytes = fetched.bytes();
                let bytes = bytes.map_err(|error| VolumeError::from_io("read", path, error))?;
                (bytes, outcome, Some(fetched))
            }
            Some(Here::Alone(whole)) => return Ok(End::Whole(path.clone(), whole)),
            None => {
                let part = volume.part(path)?;
                let _place = self.place(moving).await?;
                let kept = moving.kept.clone();
                let whole = own.download(moving.access, part, kept).await?;
                return Ok(End::Whole(path.clone(), whole));
            }
        };
        if own.chosen {
            self.keep_path(moving, path).await?;
        }
        let (part, method) = own.copy(bytes).await?;
        let outcome = FileOutcome {
            method: Some(method.to_owned()),
            path: Some(path.as_str().to_owned()),
            ..outcome
        };
        let whole = Whole {
            part,
            outcome,
            fetched,
        };
        Ok(End::Whole(path.clone(), whole))
    }

    async fn bring_elsewhere(
        &self,
        source: Source,
        moving: &Moving<'_>,
        path: &VolumePath,
        remote: &RemoteVolume,
    ) -> Result<End, Broken> {
        let here = match source {
            Source::Mounted(source) => {
                let (spool, at) = self.spooled(moving);
                let copy = self.transfer(moving, path, (spool, at), None);
                Here::Alone(copy.copy_mounted(&source).await?)
            }
            Source::Archive => match self.here(moving, path).await? {
                Some(here) => here,
                None => Here::Alone(self.fetch_to_spool(moving, path).await?),
            },
        };
        let (bytes, outcome) = match &here {
            Here::Cached(cached) => (cached.bytes.try_clone(), cached.outcome.clone()),
            Here::Fetched(fetched, outcome) => (fetched.bytes(), outcome.clone()),
            Here::Alone(whole) => (whole.part.file.try_clone(), whole.outcome.clone()),
        };
        let bytes = bytes.map_err(|error| VolumeError::from_io("read", path, error))?;
        let outcome = FileOutcome {
            method: Some("copy".to_owned()),
            path: Some(path.as_str().to_owned()),
            ..outcome
        };
        // A process that dies while the file gets its name finds it there, and by this that it is the one.
        self.keep_whole(moving, path, &outcome).await?;
        self.send(moving, path, remote, bytes).await?;
        let fetched = match here {
            Here::Fetched(fetched, _) => Some(fetched),
            Here::Cached(_) => None,
            Here::Alone(whole) => {
                drop(whole);
                let (spool, at) = self.spooled(moving);
                spool.drop_part(&at)?;
                None
            }
        };
        Ok(End::InPlace(path.clone(), outcome, fetched))
    }

    async fn send(
        &self,
        moving: &Moving<'_>,
        path: &VolumePath,
        remote: &RemoteVolume,
        bytes: std::fs::File,
    ) -> Result<(), Broken> {
        let (job, position) = (&self.lease.id, moving.row.position);
        let mut known = 0;
        let sending = remote.send(path, bytes, |there| {
            let moved = there.saturating_sub(known);
            known = there;
            self.live.advance(job, position, there, moved);
        });
        tokio::select! {
            sent = sending => {
                if let Err(error) = sent {
                    // What is left of it elsewhere is of no use to anybody.
                    drop(remote.drop_part(path).await);
                    return Err(error.into());
                }
                Ok(())
            }
            () = self.stop.cancelled() => {
                drop(remote.drop_part(path).await);
                Err(Broken::Stopped)
            }
        }
    }

    /// The folder where a file that may not be kept waits to be sent elsewhere, and its place there.
    fn spooled(&self, moving: &Moving<'_>) -> (&LocalVolume, VolumePath) {
        let name = format!("{}-{}", self.job.id, moving.row.position);
        let at = VolumePath::parse(&name).expect("an id and a number are a name");
        (&self.spool, at)
    }

    async fn fetch_to_spool(
        &self,
        moving: &Moving<'_>,
        path: &VolumePath,
    ) -> Result<Whole, Broken> {
        let (spool, at) = self.spooled(moving);
        let part = spool.part(&at)?;
        let _place = self.place(moving).await?;
        let transfer = self.transfer(moving, path, (spool, at), None);
        transfer
            .download(moving.access, part, moving.kept.clone())
            .await
    }

    /// The bytes of a file by way of the cache; `None` for a file that may not be kept, or when there is no room.
    async fn here(&self, moving: &Moving<'_>, path: &VolumePath) -> Result<Option<Here>, Broken> {
        let (row, file) = (moving.row, moving.file);
        let Some(cache) = self.cache else {
            return Ok(None);
        };
        let Some(id) = cache.identity(&row.asset, row.version, &row.name, file.size_bytes) else {
            return Ok(None);
        };
        let mut waits = false;
        let found = loop {
            if let Some(cached) = cache.find(&id).await? {
                break Ok(Some(Here::Cached(cached)));
            }
            match self.fetch(cache, &id, moving, path).await {
                Err(Broken::Busy) => {
                    if !waits {
                        self.waits_for_others(1);
                        waits = true;
                    }
                    tokio::select! {
                        () = tokio::time::sleep(LOOK_AGAIN) => {}
                        () = self.stop.cancelled() => break Err(Broken::Stopped),
                    }
                }
                Err(Broken::Volume(error)) => {
                    tracing::warn!(%error, "the cache has no room; the file goes straight to its volume");
                    cache.give_up(&id).await?;
                    break Ok(None);
                }
                Err(Broken::Outcome(outcome)) => {
                    cache.give_up(&id).await?;
                    break Err(Broken::Outcome(outcome));
                }
                Err(other) => break Err(other),
                Ok(here) => break Ok(Some(here)),
            }
        };
        if waits {
            self.waits_for_others(-1);
        }
        found
    }

    /// Fetches a file into the cache, or finds that somebody else just did.
    async fn fetch(
        &self,
        cache: &Cache,
        id: &Identity,
        moving: &Moving<'_>,
        path: &VolumePath,
    ) -> Result<Here, Broken> {
        let begun = cache.begin(id).await??;
        // Whoever had the lock before may have brought it to its end.
        if let Some(cached) = cache.find(id).await? {
            drop(begun.part);
            cache.give_up(id).await?;
            return Ok(Here::Cached(cached));
        }
        let size = moving.file.size_bytes.unwrap_or(0);
        cache.make_room(size).await?;
        let _place = self.place(moving).await?;
        let transfer = self.transfer(moving, path, (&cache.files, begun.at), Some(id));
        let whole = transfer
            .download(moving.access, begun.part, begun.kept)
            .await?;
        let outcome = whole.outcome.clone();
        let fetched = Fetched::new(id.clone(), whole.part, whole.outcome);
        Ok(Here::Fetched(fetched, outcome))
    }

    /// A place at the archive of a file, in turn with everybody else.
    async fn place(&self, moving: &Moving<'_>) -> Result<crate::fair::Place, Broken> {
        let archive = moving.row.asset.archive();
        let n = moving.access.max_in_flight;
        let taking = self.places.take(&archive, n, &self.job.owner);
        self.queues(&archive, 1);
        let taken = tokio::select! {
            biased;
            place = taking => Ok(place),
            () = self.stop.cancelled() => Err(Broken::Stopped),
        };
        self.queues(&archive, -1);
        taken
    }

    /// Keeps where a file goes, so that what is left of it there is found after a crash.
    async fn keep_path(&self, moving: &Moving<'_>, path: &VolumePath) -> Result<(), Broken> {
        let state = PartState {
            path: Some(path.as_str().to_owned()),
            ..PartState::default()
        };
        self.keep_state(moving, 0, &state).await
    }

    async fn keep_whole(
        &self,
        moving: &Moving<'_>,
        path: &VolumePath,
        outcome: &FileOutcome,
    ) -> Result<(), Broken> {
        let state = PartState {
            whole: Some(outcome.clone()),
            path: Some(path.as_str().to_owned()),
            ..PartState::default()
        };
        self.keep_state(moving, 0, &state).await
    }

    async fn keep_state(
        &self,
        moving: &Moving<'_>,
        written: u64,
        state: &PartState,
    ) -> Result<(), Broken> {
        let text = serde_json::to_string(state).expect("a part's state is plain data");
        self.store
            .keep_progress(self.lease, moving.row.position, written, Some(&text))
            .await?;
        Ok(())
    }

    /// Throws away what is left of a file that is not gone on with, in the volume, the cache and the spool.
    pub(crate) async fn drop_part(&self, row: &gantry_store::StagingFile, path: &VolumePath) {
        let dropped = match (self.files.as_local(), self.files.as_remote()) {
            (Some(volume), _) => {
                let (volume, path) = (volume.clone(), path.clone());
                blocking(move || volume.drop_part(&path)).await
            }
            (None, Some(remote)) => {
                let name = format!("{}-{}", self.job.id, row.position);
                let spooled = VolumePath::parse(&name).and_then(|at| self.spool.drop_part(&at));
                spooled.and(remote.drop_part(path).await)
            }
            (None, None) => Ok(()),
        };
        match dropped {
            Ok(()) | Err(VolumeError::Busy { .. }) => {}
            Err(error) => {
                tracing::warn!(job.id = self.job.id, path = %path, %error, "could not remove a part");
            }
        }
    }

    /// Throws away what a job that is given up had fetched of a file into the cache.
    pub(crate) async fn drop_cached_part(&self, row: &gantry_store::StagingFile) {
        let id = self.cache.and_then(|cache| {
            Some((
                cache,
                cache.identity(&row.asset, row.version, &row.name, None)?,
            ))
        });
        if let Some((cache, id)) = id
            && let Err(error) = cache.give_up(&id).await
        {
            tracing::warn!(job.id = self.job.id, %error, "could not remove a part from the cache");
        }
    }
}
