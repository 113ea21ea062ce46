//! Files of a folder while they are written: locked, and not yet under their names.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use cap_std::fs::{MetadataExt, OpenOptions, OpenOptionsExt};

use super::{LocalVolume, is_missing, never_waiting};
use crate::volume::{VolumeError, VolumePath};

/// A file while it is written; locked, and not yet under its name.
#[derive(Debug)]
pub struct Part {
    /// The open file, at its end.
    pub file: File,
    /// How many bytes are there already.
    pub written: u64,
}

impl Part {
    /// Throws away what was written.
    ///
    /// # Errors
    /// What the system says.
    pub fn empty(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.written = 0;
        Ok(())
    }
}

impl LocalVolume {
    /// Opens the part of a file for writing at its end, and locks it.
    ///
    /// # Errors
    /// [`VolumeError::Busy`] when somebody else writes it.
    pub fn part(&self, path: &VolumePath) -> Result<Part, VolumeError> {
        if let Some(folder) = path.parent() {
            self.create_folder(&folder)?;
        }
        // Whoever had the lock may have named the file between our opening and locking it; then it is no part any more.
        for _ in 0..8 {
            if let Some(mut file) = self.lock_part(path, true)? {
                let written = file
                    .seek(SeekFrom::End(0))
                    .map_err(|error| VolumeError::from_io("write", path, error))?;
                return Ok(Part { file, written });
            }
        }
        Err(VolumeError::Busy {
            path: path.to_string(),
        })
    }

    /// Opens and locks what is at a part's path; `None` when it is not there any more once it is locked.
    fn lock_part(&self, path: &VolumePath, create: bool) -> Result<Option<File>, VolumeError> {
        let fail = |error| VolumeError::from_io("write", path, error);
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .create(create)
            .custom_flags(never_waiting());
        let file = match self.dir.open_with(path.part(), &options) {
            Ok(file) => file.into_std(),
            Err(error) if !create && is_missing(&error) => return Ok(None),
            Err(error) => return Err(fail(error)),
        };
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(VolumeError::Busy {
                    path: path.to_string(),
                });
            }
            Err(error) => return Err(fail(error.into())),
        }
        match self.dir.symlink_metadata(path.part()) {
            Ok(meta) if meta.is_symlink() => {
                Err(fail(io::Error::from(io::ErrorKind::AlreadyExists)))
            }
            Ok(meta) => {
                let locked = std::os::unix::fs::MetadataExt::ino(&file.metadata().map_err(fail)?);
                Ok((meta.ino() == locked).then_some(file))
            }
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(fail(error)),
        }
    }

    /// Throws the part of a file away, if there is one and nobody writes it.
    ///
    /// # Errors
    /// [`VolumeError::Busy`] when somebody writes it, [`VolumeError::Io`] when it cannot be removed.
    pub fn drop_part(&self, path: &VolumePath) -> Result<(), VolumeError> {
        let Some(_locked) = self.lock_part(path, false)? else {
            return Ok(());
        };
        match self.dir.remove_file(path.part()) {
            Err(error) if !is_missing(&error) => {
                Err(VolumeError::from_io("remove the part of", path, error))
            }
            _ => Ok(()),
        }
    }

    /// Gives a part that is whole its name, replacing what is there.
    ///
    /// # Errors
    /// [`VolumeError::Busy`] when somebody put another file in the place of the part, [`VolumeError::Missing`] when
    /// there is none.
    pub fn finish_part(&self, path: &VolumePath, part: &Part) -> Result<(), VolumeError> {
        let fail = |error| VolumeError::from_io("name", path, error);
        let held = std::os::unix::fs::MetadataExt::ino(&part.file.metadata().map_err(fail)?);
        let is_held = |at: &str| {
            let found = self.dir.symlink_metadata(at);
            found.map(|found| found.ino() == held && found.len() == part.written)
        };
        let busy = || VolumeError::Busy {
            path: path.to_string(),
        };
        if !is_held(&path.part()).map_err(fail)? {
            return Err(busy());
        }
        self.dir
            .rename(path.part(), &self.dir, path.on_disk())
            .map_err(fail)?;
        if is_held(path.on_disk()).map_err(fail)? {
            Ok(())
        } else {
            Err(busy())
        }
    }

    /// Writes a whole file where nothing is yet; `false` when something is there.
    ///
    /// # Errors
    /// [`VolumeError::Full`] and [`VolumeError::Io`].
    pub fn write_new(&self, path: &VolumePath, bytes: &[u8]) -> Result<bool, VolumeError> {
        if self.stat(path)?.is_some() {
            return Ok(false);
        }
        self.write(path, bytes)?;
        Ok(true)
    }

    /// Writes a whole file, replacing what is there in one step.
    ///
    /// # Errors
    /// [`VolumeError::Busy`] when somebody else writes it, [`VolumeError::Full`] and [`VolumeError::Io`].
    pub fn write(&self, path: &VolumePath, bytes: &[u8]) -> Result<(), VolumeError> {
        let part = self.part(path)?;
        self.write_part(path, part, bytes)
    }

    /// Writes these bytes, and nothing that was there before, into a part and names it.
    ///
    /// # Errors
    /// [`VolumeError::Full`] and [`VolumeError::Io`]; the part is gone then.
    pub fn write_part(
        &self,
        path: &VolumePath,
        mut part: Part,
        bytes: &[u8],
    ) -> Result<(), VolumeError> {
        let written = part
            .empty()
            .and_then(|()| part.file.write_all(bytes))
            .and_then(|()| part.file.sync_all());
        if let Err(error) = written {
            drop(part);
            self.drop_part(path)?;
            return Err(VolumeError::from_io("write", path, error));
        }
        part.written = bytes.len() as u64;
        // The lock is held until it has its name.
        self.finish_part(path, &part)
    }
}
