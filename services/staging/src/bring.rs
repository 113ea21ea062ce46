//! Bringing one file to where it goes: by way of the shared cache where it may be kept there, and on to storage
//! elsewhere where the volume is that.

use std::path::PathBuf;
use std::time::Duration;

use gantry_store::FileOutcome;

use crate::asker::Asker;
use crate::blocking::blocking;
use crate::cache::{Cache, Cached, Fetched, Identity};
use crate::file::Moving;
use crate::finish::End;
use crate::job::JobRun;
use crate::request::OnConflict;
use crate::transfer::{Broken, PartState, Transfer, Whole};
use crate::volume::{LocalVolume, RemoteVolume, VolumeError, VolumePath};

/// Where the bytes of a file come from.
#[derive(Clone)]
pub(crate) enum Source {
    /// The mounted archive.
    Mounted(PathBuf),
    /// The archive, unless the cache has them.
    Archive,
    /// The archive, past the cache.
    Straight,
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

/// So much room is made on a full disk at least.
const AT_LEAST: u64 = 64 << 20;

impl Here {
    /// The bytes, from the first on.
    fn bytes(&self, path: &VolumePath) -> Result<std::fs::File, VolumeError> {
        let bytes = match self {
            Self::Cached(cached) => cached.bytes.try_clone(),
            Self::Fetched(fetched, _) => fetched.bytes(),
            Self::Alone(whole) => whole.part.file.try_clone(),
        };
        bytes.map_err(|error| VolumeError::from_io("read", path, error))
    }

    /// How they were verified.
    fn outcome(&self) -> FileOutcome {
        match self {
            Self::Cached(cached) => cached.outcome.clone(),
            Self::Fetched(_, outcome) => outcome.clone(),
            Self::Alone(whole) => whole.outcome.clone(),
        }
    }

    /// What is to be kept in the cache, when it was fetched into it.
    fn into_fetched(self) -> Option<Fetched> {
        match self {
            Self::Fetched(fetched, _) => Some(fetched),
            Self::Cached(_) | Self::Alone(_) => None,
        }
    }
}

/// How long to wait for a file that another job fetches, before looking again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl JobRun<'_> {
    /// Brings a file to its place; on a full disk what the cache can spare is given up for it.
    pub(crate) async fn bring(
        &self,
        source: Source,
        moving: &Moving<'_>,
        path: &VolumePath,
    ) -> Result<End, Broken> {
        match self.bring_once(source.clone(), moving, path).await {
            Err(Broken::Volume(VolumeError::Full { .. })) if self.frees(moving).await? => {
                // With so little room a file does not come into the cache as well.
                let source = match source {
                    Source::Archive => Source::Straight,
                    source => source,
                };
                self.bring_once(source, moving, path).await
            }
            brought => brought,
        }
    }

    /// Gives up what the cache has of this file, and more where it must, if it lies on the disk of the volume.
    async fn frees(&self, moving: &Moving<'_>) -> Result<bool, Broken> {
        let beside = self.cache.zip(self.files.as_local());
        let Some((cache, _)) = beside.filter(|(cache, volume)| cache.files.is_beside(volume))
        else {
            return Ok(false);
        };
        self.drop_cached_part(moving.row).await;
        let wanted = moving.file.size_bytes.unwrap_or(0).max(AT_LEAST);
        cache.free(wanted).await?;
        Ok(true)
    }

    /// Brings a file to its place in the volume, from wherever its bytes are nearest.
    async fn bring_once(
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
            asker: Asker {
                volumes: self.volumes,
                owner: &self.job.owner,
            },
            chosen: self.request.on_conflict == OnConflict::Rename,
            cached,
            quotas: self.files.as_local().is_some().then_some(self.quotas),
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
        if let Some(cut_out) = &self.request.cut_out {
            if own.chosen {
                self.keep_path(moving, path, None).await?;
            }
            let whole = self.cut(cut_out, source, moving, &own).await?;
            return Ok(End::Whole(path.clone(), whole));
        }
        if self.request.unpacks(&moving.row.name) {
            return self.unpack_here(source, moving, &own).await;
        }
        if let Source::Mounted(source) = source {
            return Ok(End::Whole(path.clone(), own.copy_mounted(&source).await?));
        }
        let here = match source {
            Source::Straight => None,
            _ => self.here(moving, path).await?,
        };
        let Some(here) = here else {
            let part = volume.part(path)?;
            let _place = self.place(moving).await?;
            let kept = moving.kept.clone();
            let whole = own.download(moving.access, part, kept).await?;
            return Ok(End::Whole(path.clone(), whole));
        };
        if own.chosen {
            self.keep_path(moving, path, None).await?;
        }
        let (part, method) = own.copy(here.bytes(path)?).await?;
        let outcome = FileOutcome {
            method: Some(method.to_owned()),
            path: Some(path.as_str().to_owned()),
            ..here.outcome()
        };
        let whole = Whole {
            part,
            outcome,
            fetched: here.into_fetched(),
        };
        Ok(End::Whole(path.clone(), whole))
    }

    /// Unpacks a file into its part in the volume.
    async fn unpack_here(
        &self,
        source: Source,
        moving: &Moving<'_>,
        own: &Transfer<'_>,
    ) -> Result<End, Broken> {
        if own.chosen {
            self.keep_path(moving, own.path, None).await?;
        }
        let packed = self.whole_here(source, moving, own.path).await?;
        let mut whole = own
            .unpack(packed.bytes(own.path)?, packed.outcome())
            .await?;
        let more = whole
            .part
            .written
            .saturating_sub(moving.file.size_bytes.unwrap_or(0));
        self.quotas.take_more(&self.job.owner, more)?;
        whole.fetched = self.let_go(packed, moving)?;
        Ok(End::Whole(own.path.clone(), whole))
    }

    /// The bytes of a file, whole and on this machine, whatever that takes.
    async fn whole_here(
        &self,
        source: Source,
        moving: &Moving<'_>,
        path: &VolumePath,
    ) -> Result<Here, Broken> {
        match source {
            Source::Mounted(source) => {
                let copy = self.transfer(moving, path, self.spooled(moving), None);
                Ok(Here::Alone(copy.copy_mounted(&source).await?))
            }
            Source::Archive => match self.here(moving, path).await? {
                Some(here) => Ok(here),
                None => Ok(Here::Alone(self.fetch_to_spool(moving, path).await?)),
            },
            Source::Straight => Ok(Here::Alone(self.fetch_to_spool(moving, path).await?)),
        }
    }

    /// Lets go of bytes that have come to where they go; what was fetched for the cache is still to be kept there.
    fn let_go(&self, here: Here, moving: &Moving<'_>) -> Result<Option<Fetched>, Broken> {
        if let Here::Alone(whole) = here {
            drop(whole);
            let (spool, at) = self.spooled(moving);
            spool.drop_part(&at)?;
            return Ok(None);
        }
        Ok(here.into_fetched())
    }

    async fn bring_elsewhere(
        &self,
        source: Source,
        moving: &Moving<'_>,
        path: &VolumePath,
        remote: &RemoteVolume,
    ) -> Result<End, Broken> {
        let packed = match &self.request.cut_out {
            None => self.whole_here(source, moving, path).await?,
            Some(cut_out) => {
                let own = self.transfer(moving, path, self.spooled(moving), None);
                Here::Alone(self.cut(cut_out, source, moving, &own).await?)
            }
        };
        let unpacked = match self.request.unpacks(&moving.row.name) {
            false => None,
            true => {
                let (spool, at) = (&self.spool, self.unpacked_at(moving));
                let own = self.transfer(moving, path, (spool, at), None);
                let whole = own.unpack(packed.bytes(path)?, packed.outcome()).await?;
                Some(Here::Alone(whole))
            }
        };
        let here = unpacked.as_ref().unwrap_or(&packed);
        let outcome = FileOutcome {
            method: Some("copy".to_owned()),
            path: Some(path.as_str().to_owned()),
            ..here.outcome()
        };
        // A process that dies while the file gets its name finds it there, and by this that it is the one.
        self.keep_path(moving, path, Some(&outcome)).await?;
        let sent = self.send(moving, path, remote, here.bytes(path)?).await;
        if unpacked.is_some() {
            drop(unpacked);
            self.spool.drop_part(&self.unpacked_at(moving))?;
        }
        sent?;
        let fetched = self.let_go(packed, moving)?;
        Ok(End::InPlace(path.clone(), outcome, fetched))
    }

    fn unpacked_at(&self, moving: &Moving<'_>) -> VolumePath {
        let name = format!("{}-{}-unpacked", self.job.id, moving.row.position);
        VolumePath::parse(&name).expect("an id and a number are a name")
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
    pub(crate) async fn place(&self, moving: &Moving<'_>) -> Result<crate::fair::Place, Broken> {
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

    /// Keeps where a file goes, so that what is left of it there is found after a crash; and its outcome, once it is
    /// whole and may already have its name.
    async fn keep_path(
        &self,
        moving: &Moving<'_>,
        path: &VolumePath,
        whole: Option<&FileOutcome>,
    ) -> Result<(), Broken> {
        let state = PartState {
            whole: whole.cloned(),
            path: Some(path.as_str().to_owned()),
            ..PartState::default()
        };
        let text = serde_json::to_string(&state).expect("a part's state is plain data");
        self.store
            .keep_progress(self.lease, moving.row.position, 0, Some(&text))
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
            (None, Some(remote)) => remote.drop_part(path).await,
            (None, None) => Ok(()),
        };
        let dropped = dropped.and(self.drop_spooled(row));
        match dropped {
            Ok(()) | Err(VolumeError::Busy { .. }) => {}
            Err(error) => {
                tracing::warn!(job.id = self.job.id, path = %path, %error, "could not remove a part");
            }
        }
    }

    fn drop_spooled(&self, row: &gantry_store::StagingFile) -> Result<(), VolumeError> {
        let name = format!("{}-{}", self.job.id, row.position);
        for name in [format!("{name}-unpacked"), name] {
            self.spool.drop_part(&VolumePath::parse(&name)?)?;
        }
        Ok(())
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
