//! A volume that is a folder of this machine.
//!
//! Every access goes through a directory handle (`cap-std`): a path or a link that leads out of the folder is refused
//! by the system call, whatever happens to the tree meanwhile. Links into a mounted archive are followed only when
//! their target lies below one of the mounts given.

mod part;

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, MetadataExt, OpenOptions, OpenOptionsExt};

use super::{VolumeError, VolumePath};

pub use part::Part;

/// A volume that is a folder of this machine; cheap to clone.
#[derive(Debug, Clone)]
pub struct LocalVolume {
    dir: Arc<Dir>,
    mounts: Vec<PathBuf>,
}

/// One file or folder of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Whether it is a link, into a mounted archive or elsewhere.
    pub is_link: bool,
    /// Its size in bytes; that of its target for a link.
    pub size_bytes: u64,
    /// When it was last written, nanoseconds since 1970.
    pub modified_ns: i64,
    /// Its inode.
    pub inode: u64,
}

/// Room in the file system of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes that can still be written.
    pub free_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
}

impl LocalVolume {
    /// Opens the volume that is this folder.
    ///
    /// # Errors
    /// [`VolumeError::Missing`] when there is no such folder.
    pub fn open(path: &Path) -> Result<Self, VolumeError> {
        let dir = Dir::open_ambient_dir(path, ambient_authority())
            .map_err(|error| VolumeError::from_io("open the volume", path.display(), error))?;
        Ok(Self {
            dir: Arc::new(dir),
            mounts: Vec::new(),
        })
    }

    /// Makes the folder, and those above it, where they are not there yet, and opens it.
    ///
    /// # Errors
    /// [`VolumeError::Io`] when it cannot be made.
    pub fn create(path: &Path) -> Result<Self, VolumeError> {
        std::fs::create_dir_all(path)
            .map_err(|error| VolumeError::from_io("make the volume", path.display(), error))?;
        Self::open(path)
    }

    /// Lets links that lead below these folders be followed.
    #[must_use]
    pub fn with_mounts(mut self, mounts: impl IntoIterator<Item = PathBuf>) -> Self {
        self.mounts.extend(mounts);
        self
    }

    /// What is at a path, without following a link that is there.
    ///
    /// # Errors
    /// [`VolumeError::Io`] when the system does not say.
    pub fn stat(&self, path: &VolumePath) -> Result<Option<Entry>, VolumeError> {
        match self.dir.symlink_metadata(path.on_disk()) {
            Ok(meta) => Ok(Some(self.entry(path, &meta))),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(VolumeError::from_io("look at", path, error)),
        }
    }

    /// The files and folders of a folder, by name.
    ///
    /// # Errors
    /// [`VolumeError::Missing`] when there is no such folder.
    pub fn list(&self, folder: &VolumePath) -> Result<Vec<Entry>, VolumeError> {
        let fail = |error| VolumeError::from_io("list", folder, error);
        let mut entries = Vec::new();
        for entry in self.dir.read_dir(folder.on_disk()).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let Ok(path) = folder.join(&name) else {
                continue;
            };
            if let Some(entry) = self.stat(&path)? {
                entries.push(entry);
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Opens a file for reading; a link into a mounted archive is followed, any other is not.
    ///
    /// # Errors
    /// [`VolumeError::Missing`] and [`VolumeError::ForeignLink`].
    pub fn read(&self, path: &VolumePath) -> Result<File, VolumeError> {
        if let Some(target) = self.target(path)? {
            return File::open(&target).map_err(|error| VolumeError::from_io("read", path, error));
        }
        let fail = |error| VolumeError::from_io("read", path, error);
        let file = self
            .dir
            .open_with(path.on_disk(), reading())
            .map_err(fail)?
            .into_std();
        if !file.metadata().map_err(fail)?.is_file() {
            return Err(VolumeError::Missing {
                path: path.to_string(),
            });
        }
        Ok(file)
    }

    /// Where a link leads, when it leads below a mount; `None` when it is no link.
    fn target(&self, path: &VolumePath) -> Result<Option<PathBuf>, VolumeError> {
        let Ok(meta) = self.dir.symlink_metadata(path.on_disk()) else {
            return Ok(None);
        };
        if !meta.is_symlink() {
            return Ok(None);
        }
        let foreign = || VolumeError::ForeignLink {
            path: path.to_string(),
        };
        let text = self
            .dir
            .read_link_contents(path.on_disk())
            .map_err(|error| VolumeError::from_io("follow", path, error))?;
        let target = std::fs::canonicalize(&text)
            .map_err(|error| VolumeError::from_io("follow", path, error))?;
        let below = |mount: &PathBuf| {
            std::fs::canonicalize(mount).is_ok_and(|mount| target.starts_with(mount))
        };
        if text.is_absolute() && self.mounts.iter().any(below) {
            Ok(Some(target))
        } else {
            Err(foreign())
        }
    }

    /// Makes a folder and those above it.
    ///
    /// # Errors
    /// [`VolumeError::Io`] when something else is in the way.
    pub fn create_folder(&self, path: &VolumePath) -> Result<(), VolumeError> {
        if path.is_root() {
            return Ok(());
        }
        self.dir
            .create_dir_all(path.on_disk())
            .map_err(|error| VolumeError::from_io("make the folder", path, error))
    }

    /// Makes everything written to the volume so far durable.
    ///
    /// # Errors
    /// [`VolumeError::Io`] when the system could not write it.
    pub fn sync(&self) -> Result<(), VolumeError> {
        // The volume's own handle only names the folder (`O_PATH`); to sync, it must be open for reading.
        let flags = rustix::fs::OFlags::RDONLY
            | rustix::fs::OFlags::DIRECTORY
            | rustix::fs::OFlags::CLOEXEC;
        rustix::fs::openat(&self.dir, ".", flags, rustix::fs::Mode::empty())
            .and_then(rustix::fs::syncfs)
            .map_err(|error| VolumeError::from_io("make durable", "the volume", error.into()))
    }

    /// Makes a link at a path, with the folders above it; replaces a link that is there, nothing else.
    ///
    /// # Errors
    /// [`VolumeError::Io`] when something that is no link is in the way.
    pub fn link(&self, path: &VolumePath, target: &Path) -> Result<(), VolumeError> {
        if let Some(folder) = path.parent() {
            self.create_folder(&folder)?;
        }
        let fail = |error| VolumeError::from_io("link", path, error);
        match self.dir.symlink_metadata(path.on_disk()) {
            Ok(meta) if meta.is_symlink() => {
                if self
                    .dir
                    .read_link_contents(path.on_disk())
                    .is_ok_and(|known| known == target)
                {
                    return Ok(());
                }
                self.dir.remove_file(path.on_disk()).map_err(fail)?;
            }
            Ok(_) => return Err(fail(io::Error::from(io::ErrorKind::AlreadyExists))),
            Err(_) => {}
        }
        self.dir
            .symlink_contents(target, path.on_disk())
            .map_err(fail)
    }

    /// Removes a file, a link, or a folder with all it holds.
    ///
    /// # Errors
    /// [`VolumeError::Missing`] when there is nothing.
    pub fn remove(&self, path: &VolumePath) -> Result<(), VolumeError> {
        let fail = |error| VolumeError::from_io("remove", path, error);
        let meta = self.dir.symlink_metadata(path.on_disk()).map_err(fail)?;
        if meta.is_dir() {
            self.dir.remove_dir_all(path.on_disk()).map_err(fail)
        } else {
            self.dir.remove_file(path.on_disk()).map_err(fail)
        }
    }

    /// Moves a file or folder to a path where nothing is yet.
    ///
    /// # Errors
    /// [`VolumeError::Io`] when something is there already, [`VolumeError::Missing`] when there is nothing to move.
    pub fn rename(&self, from: &VolumePath, to: &VolumePath) -> Result<(), VolumeError> {
        if let Some(folder) = to.parent() {
            self.create_folder(&folder)?;
        }
        // The folders are opened first, where no link leads out; only the last steps are left to the system call.
        let fail = |error| VolumeError::from_io("move", from, error);
        let from_folder = self.folder_of(from).map_err(fail)?;
        let to_folder = self.folder_of(to).map_err(fail)?;
        let flags = rustix::fs::RenameFlags::NOREPLACE;
        rustix::fs::renameat_with(&from_folder, from.name(), &to_folder, to.name(), flags)
            .map_err(|error| fail(error.into()))
    }

    /// The folder something lies in, opened without leaving the volume.
    fn folder_of(&self, path: &VolumePath) -> io::Result<Dir> {
        let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        self.dir.open_dir(folder.on_disk())
    }

    /// Whether another folder is on the same file system.
    #[must_use]
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        let device = |volume: &Self| volume.dir.dir_metadata().map(|meta| meta.dev()).ok();
        device(self).is_some() && device(self) == device(other)
    }

    /// How much room is left.
    ///
    /// # Errors
    /// [`VolumeError::Io`] when the system does not say.
    pub fn space(&self) -> Result<Space, VolumeError> {
        let stat = rustix::fs::fstatvfs(self.dir.as_fd())
            .map_err(|error| VolumeError::from_io("measure", "the volume", error.into()))?;
        Ok(Space {
            free_bytes: stat.f_bavail * stat.f_frsize,
            total_bytes: stat.f_blocks * stat.f_frsize,
        })
    }

    /// The bytes and the number of files at and below a folder; links are not counted.
    ///
    /// # Errors
    /// [`VolumeError::Io`] when a folder cannot be listed.
    pub fn usage(&self, folder: &VolumePath) -> Result<(u64, u64), VolumeError> {
        let (mut n_bytes, mut n_files) = (0, 0);
        let mut folders = vec![std::path::PathBuf::from(folder.on_disk())];
        while let Some(folder) = folders.pop() {
            let fail = |error| VolumeError::from_io("measure", folder.display(), error);
            for entry in self.dir.read_dir(&folder).map_err(fail)? {
                let entry = entry.map_err(fail)?;
                // What is taken away meanwhile holds nothing.
                let Ok(meta) = entry.metadata() else { continue };
                if meta.is_dir() {
                    folders.push(folder.join(entry.file_name()));
                } else if meta.is_file() {
                    n_bytes += meta.len();
                    n_files += 1;
                }
            }
        }
        Ok((n_bytes, n_files))
    }

    fn entry(&self, path: &VolumePath, meta: &cap_std::fs::Metadata) -> Entry {
        let linked = meta
            .is_symlink()
            .then(|| self.target(path).ok().flatten())
            .flatten()
            .and_then(|target| std::fs::metadata(target).ok());
        Entry {
            name: path.name().to_owned(),
            is_folder: meta.is_dir(),
            is_link: meta.is_symlink(),
            size_bytes: linked.map_or(meta.len(), |target| target.len()),
            modified_ns: meta.mtime() * 1_000_000_000 + meta.mtime_nsec(),
            inode: meta.ino(),
        }
    }
}

/// Opening for reading, never waiting for the other end of a pipe that lies in the volume.
fn reading() -> &'static OpenOptions {
    static READING: std::sync::LazyLock<OpenOptions> = std::sync::LazyLock::new(|| {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(never_waiting());
        options
    });
    &READING
}

fn never_waiting() -> i32 {
    rustix::fs::OFlags::NONBLOCK.bits().cast_signed()
}

/// Whether an error says that there is nothing at a path.
fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn path(text: &str) -> VolumePath {
        VolumePath::parse(text).unwrap()
    }

    #[test]
    fn a_file_appears_only_when_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let volume = LocalVolume::open(folder.path()).unwrap();
        let file = path("planck/a.fits");
        let mut part = volume.part(&file).unwrap();
        part.file.write_all(b"half").unwrap();
        assert_eq!(volume.stat(&file).unwrap(), None);
        assert!(matches!(volume.part(&file), Err(VolumeError::Busy { .. })));
        drop(part);
        let part = volume.part(&file).unwrap();
        assert_eq!(part.written, 4);
        std::fs::write(folder.path().join("planck/other"), "evil").unwrap();
        std::fs::rename(
            folder.path().join("planck/other"),
            folder.path().join("planck/a.fits.part"),
        )
        .unwrap();
        assert!(matches!(
            volume.finish_part(&file, &part),
            Err(VolumeError::Busy { .. })
        ));
        assert_eq!(volume.stat(&file).unwrap(), None);
        volume.drop_part(&file).unwrap();
        let mut part = volume.part(&file).unwrap();
        part.file.write_all(b"half").unwrap();
        part.written = 4;
        volume.finish_part(&file, &part).unwrap();
        assert_eq!(volume.stat(&file).unwrap().unwrap().size_bytes, 4);
        assert_eq!(volume.list(&path("planck")).unwrap().len(), 1);
    }

    #[test]
    fn a_pipe_in_a_volume_is_refused_and_waited_for_by_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
        let volume = LocalVolume::open(folder.path()).unwrap();
        assert!(matches!(
            volume.read(&path("pipe")),
            Err(VolumeError::Missing { .. })
        ));
    }

    #[test]
    fn a_link_out_of_the_volume_is_not_followed_unless_it_leads_into_a_mount() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(outside.path().join("secret"), "s").unwrap();
        let volume = LocalVolume::open(folder.path()).unwrap();
        volume
            .link(&path("x"), &outside.path().join("secret"))
            .unwrap();
        assert!(matches!(
            volume.read(&path("x")),
            Err(VolumeError::ForeignLink { .. })
        ));
        std::os::unix::fs::symlink(outside.path(), folder.path().join("dir")).unwrap();
        assert!(volume.read(&path("dir/secret")).is_err());
        assert!(volume.list(&path("dir")).is_err());
        assert!(volume.write(&path("dir/new"), b"x").is_err());
        let mounted = LocalVolume::open(folder.path())
            .unwrap()
            .with_mounts([outside.path().to_owned()]);
        assert!(mounted.read(&path("x")).is_ok());
    }

    #[test]
    fn a_written_file_replaces_in_one_step_and_a_new_one_never_does() {
        let folder = tempfile::tempdir().unwrap();
        let volume = LocalVolume::open(folder.path()).unwrap();
        volume.write(&path("a"), b"1").unwrap();
        assert!(!volume.write_new(&path("a"), b"2").unwrap());
        assert_eq!(std::fs::read(folder.path().join("a")).unwrap(), b"1");
        volume.write(&path("a"), b"3").unwrap();
        assert_eq!(std::fs::read(folder.path().join("a")).unwrap(), b"3");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
