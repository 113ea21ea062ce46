//! The files of a volume, whatever kind of storage it is.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;

use super::{Entry, LocalVolume, Part, RemoteVolume, Space, VolumeError, VolumePath};
use crate::blocking::blocking;
use crate::verify::hex;

/// The files of a volume; cheap to clone.
#[derive(Debug, Clone)]
pub struct Files {
    storage: Storage,
    is_read_only: bool,
}

#[derive(Debug, Clone)]
enum Storage {
    Local(LocalVolume),
    Elsewhere {
        remote: RemoteVolume,
        /// A folder of this machine where files gather until they are whole.
        spool: LocalVolume,
    },
}

impl Files {
    /// Those of a folder of this machine.
    #[must_use]
    pub fn local(volume: LocalVolume) -> Self {
        Self {
            storage: Storage::Local(volume),
            is_read_only: false,
        }
    }

    /// Those of storage elsewhere; what is written gathers in `spool` until it is whole.
    #[must_use]
    pub fn elsewhere(remote: RemoteVolume, spool: LocalVolume) -> Self {
        Self {
            storage: Storage::Elsewhere { remote, spool },
            is_read_only: false,
        }
    }

    /// Refuses everything that writes.
    #[must_use]
    pub fn read_only(self, is_read_only: bool) -> Self {
        Self {
            is_read_only,
            ..self
        }
    }

    /// Whether nothing may be written.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.is_read_only
    }

    /// The folder of this machine, where it is one.
    #[must_use]
    pub fn as_local(&self) -> Option<&LocalVolume> {
        match &self.storage {
            Storage::Local(volume) => Some(volume),
            Storage::Elsewhere { .. } => None,
        }
    }

    /// The storage elsewhere, where it is that.
    #[must_use]
    pub fn as_remote(&self) -> Option<&RemoteVolume> {
        match &self.storage {
            Storage::Local(_) => None,
            Storage::Elsewhere { remote, .. } => Some(remote),
        }
    }

    fn check_write(&self, path: &VolumePath) -> Result<(), VolumeError> {
        match self.is_read_only {
            true => Err(VolumeError::ReadOnly {
                path: path.to_string(),
            }),
            false => Ok(()),
        }
    }

    /// What is at a path, without following a link that is there.
    ///
    /// # Errors
    /// [`VolumeError`] when the storage does not say.
    pub async fn stat(&self, path: &VolumePath) -> Result<Option<Entry>, VolumeError> {
        match &self.storage {
            Storage::Local(volume) => volume.stat(path),
            Storage::Elsewhere { remote, .. } => remote.stat(path).await,
        }
    }

    /// The files and folders of a folder, by name.
    ///
    /// # Errors
    /// [`VolumeError::Missing`] when there is no such folder.
    pub async fn list(&self, folder: &VolumePath) -> Result<Vec<Entry>, VolumeError> {
        match &self.storage {
            Storage::Local(volume) => {
                let (volume, folder) = (volume.clone(), folder.clone());
                blocking(move || volume.list(&folder)).await
            }
            Storage::Elsewhere { remote, .. } => remote.list(folder).await,
        }
    }

    /// The bytes of a file from one on, at most `length`; a link is followed into a mounted archive only.
    ///
    /// # Errors
    /// [`VolumeError::Missing`] and [`VolumeError::ForeignLink`].
    pub async fn read(
        &self,
        path: &VolumePath,
        from: u64,
        length: Option<u64>,
    ) -> Result<Reading, VolumeError> {
        match &self.storage {
            Storage::Local(volume) => {
                let mut file = volume.read(path)?;
                file.seek(SeekFrom::Start(from))
                    .map_err(|error| VolumeError::from_io("read", path, error))?;
                Ok(Reading::of_file(file, length.unwrap_or(u64::MAX), path))
            }
            Storage::Elsewhere { remote, .. } => remote.read(path, from, length).await,
        }
    }

    /// Makes a folder and those above it; one that is there is left as it is.
    ///
    /// # Errors
    /// [`VolumeError`] when something else is in the way.
    pub async fn create_folder(&self, path: &VolumePath) -> Result<(), VolumeError> {
        self.check_write(path)?;
        match &self.storage {
            Storage::Local(volume) => volume.create_folder(path),
            Storage::Elsewhere { remote, .. } => remote.create_folder(path).await,
        }
    }

    /// Writes a whole file, replacing what is there in one step.
    ///
    /// # Errors
    /// [`VolumeError::Busy`] when somebody else writes it, [`VolumeError::Full`] and others; nothing of it is left then.
    pub async fn write(&self, path: &VolumePath, bytes: Bytes) -> Result<(), VolumeError> {
        self.upload(path)?.write_whole(&bytes).await
    }

    /// Begins to write a file, or goes on with one that was begun: [`Upload::written`] says where.
    ///
    /// # Errors
    /// [`VolumeError::Busy`] when somebody else writes it.
    pub fn upload(&self, path: &VolumePath) -> Result<Upload, VolumeError> {
        self.check_write(path)?;
        let (on, at) = match &self.storage {
            Storage::Local(volume) => (volume.clone(), path.clone()),
            Storage::Elsewhere { spool, .. } => (spool.clone(), spooled(path)?),
        };
        let part = on.part(&at)?;
        Ok(Upload {
            part,
            on,
            at,
            files: self.clone(),
            path: path.clone(),
        })
    }

    /// Removes a file, a link, or a folder with all it holds.
    ///
    /// # Errors
    /// [`VolumeError::Missing`] when there is nothing.
    pub async fn remove(&self, path: &VolumePath) -> Result<(), VolumeError> {
        self.check_write(path)?;
        match &self.storage {
            Storage::Local(volume) => {
                let (volume, path) = (volume.clone(), path.clone());
                blocking(move || volume.remove(&path)).await
            }
            Storage::Elsewhere { remote, .. } => remote.remove(path).await,
        }
    }

    /// Moves a file or folder to a path where nothing is yet.
    ///
    /// # Errors
    /// [`VolumeError`] when something is there already, [`VolumeError::Missing`] when there is nothing to move.
    pub async fn rename(&self, from: &VolumePath, to: &VolumePath) -> Result<(), VolumeError> {
        self.check_write(from)?;
        match &self.storage {
            Storage::Local(volume) => volume.rename(from, to),
            Storage::Elsewhere { remote, .. } => remote.rename(from, to).await,
        }
    }

    /// How much room is left; not known of storage elsewhere.
    #[must_use]
    pub fn space(&self) -> Option<Space> {
        self.as_local().and_then(|volume| volume.space().ok())
    }
}

/// Where a file gathers in the spool; a path elsewhere may be longer than a folder of this machine can hold.
fn spooled(path: &VolumePath) -> Result<VolumePath, VolumeError> {
    use sha2::Digest;
    VolumePath::parse(&hex(&sha2::Sha256::digest(path.as_str())))
}

/// A file while it is written; what was written stays when it is dropped, so that it can be gone on with.
#[derive(Debug)]
pub struct Upload {
    part: Part,
    on: LocalVolume,
    at: VolumePath,
    files: Files,
    path: VolumePath,
}

impl Upload {
    /// How many bytes are there.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.part.written
    }

    /// Throws away what was written.
    ///
    /// # Errors
    /// [`VolumeError::Io`].
    pub fn restart(&mut self) -> Result<(), VolumeError> {
        self.part
            .empty()
            .map_err(|error| VolumeError::from_io("write", &self.path, error))
    }

    /// Writes the next bytes.
    ///
    /// # Errors
    /// [`VolumeError::Full`] and [`VolumeError::Io`]; it is then best given up.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), VolumeError> {
        self.part
            .file
            .write_all(bytes)
            .map_err(|error| VolumeError::from_io("write", &self.path, error))?;
        self.part.written += bytes.len() as u64;
        Ok(())
    }

    /// Writes these bytes, and nothing that was there before, and gives the file its name.
    ///
    /// # Errors
    /// [`VolumeError::Full`] and others; nothing of it is left then.
    pub async fn write_whole(mut self, bytes: &[u8]) -> Result<(), VolumeError> {
        if let Err(error) = self.restart().and_then(|()| self.write(bytes)) {
            self.give_up()?;
            return Err(error);
        }
        let (on, at) = (self.on.clone(), self.at.clone());
        let finished = self.finish().await;
        if finished.is_err() {
            on.drop_part(&at)?;
        }
        finished
    }

    /// Gives the file its name, replacing what is there; storage elsewhere gets its bytes now.
    ///
    /// # Errors
    /// [`VolumeError`]; of storage elsewhere the bytes are kept, so that finishing can be tried again.
    pub async fn finish(self) -> Result<(), VolumeError> {
        let fail = |error| VolumeError::from_io("write", &self.path, error);
        match &self.files.storage {
            Storage::Local(volume) => {
                self.part.file.sync_all().map_err(fail)?;
                volume.finish_part(&self.path, &self.part)
            }
            Storage::Elsewhere { remote, .. } => {
                let file = self.part.file.try_clone().map_err(fail)?;
                let sent = remote.send(&self.path, file, |_| {}).await;
                match sent {
                    Ok(_) => self.give_up(),
                    Err(error) => {
                        let _ = remote.drop_part(&self.path).await;
                        Err(error)
                    }
                }
            }
        }
    }

    /// Throws away what was written.
    ///
    /// # Errors
    /// [`VolumeError::Io`] when it cannot be removed.
    pub fn give_up(self) -> Result<(), VolumeError> {
        let Self { part, on, at, .. } = self;
        drop(part);
        on.drop_part(&at)
    }
}

/// The bytes of a file as they come.
pub struct Reading(BoxStream<'static, Result<Bytes, VolumeError>>);

/// Bytes read at once.
const PIECE: u64 = 256 << 10;

impl Reading {
    pub(crate) fn new(
        stream: impl Stream<Item = Result<Bytes, VolumeError>> + Send + 'static,
    ) -> Self {
        Self(stream.boxed())
    }

    /// The next bytes of a file, read away from the threads that serve everybody.
    fn of_file(file: File, n_bytes: u64, path: &VolumePath) -> Self {
        let (sender, receiver) = mpsc::channel::<Result<Bytes, VolumeError>>(4);
        let path = path.clone();
        tokio::task::spawn_blocking(move || {
            let mut left = file.take(n_bytes);
            loop {
                let mut piece = Vec::with_capacity(PIECE as usize);
                let read = left.by_ref().take(PIECE).read_to_end(&mut piece);
                let sent = match read {
                    Ok(0) => return,
                    Ok(_) => sender.blocking_send(Ok(Bytes::from(piece))),
                    Err(error) => {
                        sender.blocking_send(Err(VolumeError::from_io("read", &path, error)))
                    }
                };
                if sent.is_err() {
                    return;
                }
            }
        });
        Self::new(futures::stream::unfold(receiver, |mut receiver| async {
            Some((receiver.recv().await?, receiver))
        }))
    }

    /// What is left to come, at most `limit` bytes; the rest is not read.
    ///
    /// # Errors
    /// [`VolumeError`] when reading breaks off.
    pub async fn bytes(mut self, limit: usize) -> Result<Vec<u8>, VolumeError> {
        let mut whole = Vec::new();
        while whole.len() < limit
            && let Some(piece) = self.next().await
        {
            whole.extend_from_slice(&piece?);
        }
        whole.truncate(limit);
        Ok(whole)
    }
}

impl Stream for Reading {
    type Item = Result<Bytes, VolumeError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reading(…)")
    }
}
