//! A volume that is storage elsewhere: SFTP, FTP and FTPS, WebDAV, S3.

use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use gantry_net::{HostKey, NetError, Remote, RemoteEntry, Tried, Writer};

use super::files::Reading;
use super::{Entry, Gate, Trouble, VolumeError, VolumePath};
use crate::blocking::blocking;

/// A volume that is storage elsewhere; cheap to clone, clones share sessions, limits and what is known of its trouble.
#[derive(Clone)]
pub struct RemoteVolume {
    remote: Remote,
    gate: Arc<Gate>,
    /// Folders that are known to be there.
    folders: Arc<Mutex<HashSet<VolumePath>>>,
}

/// Bytes sent at once.
const PIECE: usize = 256 << 10;
/// How often in a row sending may break off without a byte more than before.
const ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(300);
/// The most folders that are remembered.
const FOLDERS: usize = 10_000;

impl RemoteVolume {
    pub(crate) fn new(remote: Remote, gate: Gate) -> Self {
        Self {
            remote,
            gate: Arc::new(gate),
            folders: Arc::default(),
        }
    }

    /// What is wrong with it, if anything is.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        self.gate.trouble()
    }

    /// The key the host of SFTP showed, once it was reached.
    #[must_use]
    pub fn host_key(&self) -> Option<HostKey> {
        self.remote.host_key()
    }

    /// How fast files have come from it lately, in bytes per second.
    #[must_use]
    pub fn bytes_per_second(&self) -> Option<f64> {
        self.remote.health().bytes_per_second
    }

    /// Tries it out step by step, whatever happened before.
    pub async fn try_out(&self) -> Vec<Tried> {
        let tried = self.remote.try_out().await;
        if tried.iter().all(Tried::is_ok) {
            let news = self.gate.judge(&Ok(()));
            if let Some(news) = news {
                self.gate.keep(news).await;
            }
        }
        tried
    }

    async fn asked<T>(
        &self,
        (what, path): (&'static str, &VolumePath),
        asking: impl Future<Output = Result<T, NetError>>,
    ) -> Result<T, VolumeError> {
        self.gate.check()?;
        let result = asking.await;
        if let Some(news) = self.gate.judge(&result) {
            self.gate.keep(news).await;
        }
        result.map_err(|error| VolumeError::from_net(what, path, error))
    }

    pub(crate) async fn stat(&self, path: &VolumePath) -> Result<Option<Entry>, VolumeError> {
        let asking = self.remote.stat(path.as_str());
        Ok(self.asked(("look at", path), asking).await?.map(entry))
    }

    pub(crate) async fn list(&self, folder: &VolumePath) -> Result<Vec<Entry>, VolumeError> {
        let asking = self.remote.list(folder.as_str());
        let entries = self.asked(("list", folder), asking).await?;
        // A name that is no step of a path could not be asked for.
        let can_be_asked = |entry: &RemoteEntry| folder.join(&entry.name).is_ok();
        Ok(entries
            .into_iter()
            .filter(can_be_asked)
            .map(entry)
            .collect())
    }

    pub(crate) async fn read(
        &self,
        path: &VolumePath,
        from: u64,
        length: Option<u64>,
    ) -> Result<Reading, VolumeError> {
        let asking = self.remote.read(path.as_str(), from, length);
        let reading = self.asked(("read", path), asking).await?;
        let at = path.clone();
        Ok(Reading::new(reading.map(move |piece| {
            piece.map_err(|error| VolumeError::from_net("read", &at, error))
        })))
    }

    pub(crate) async fn create_folder(&self, path: &VolumePath) -> Result<(), VolumeError> {
        if path.is_root() || self.folders().contains(path) {
            return Ok(());
        }
        let asking = self.remote.make_folder(path.as_str());
        self.asked(("make the folder", path), asking).await?;
        let mut folders = self.folders();
        if folders.len() >= FOLDERS {
            folders.clear();
        }
        folders.insert(path.clone());
        Ok(())
    }

    fn folders(&self) -> std::sync::MutexGuard<'_, HashSet<VolumePath>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn remove(&self, path: &VolumePath) -> Result<(), VolumeError> {
        self.folders().clear();
        let asking = self.remote.delete_all(path.as_str());
        self.asked(("remove", path), asking).await
    }

    pub(crate) async fn rename(
        &self,
        from: &VolumePath,
        to: &VolumePath,
    ) -> Result<(), VolumeError> {
        if let Some(folder) = to.parent() {
            self.create_folder(&folder).await?;
        }
        self.folders().clear();
        let asking = self.remote.rename(from.as_str(), to.as_str());
        self.asked(("move", from), asking).await
    }

    /// Removes what an earlier attempt at a file left behind.
    pub(crate) async fn drop_part(&self, path: &VolumePath) -> Result<(), VolumeError> {
        let part = format!("{path}.part");
        let asking = async {
            match self.remote.delete(&part).await {
                Err(error) if error.is_not_found() => Ok(()),
                deleted => deleted,
            }
        };
        self.asked(("remove the part of", path), asking).await
    }

    /// Sends a file that is whole and lies on this machine; it appears under its name when all of it is there, and
    /// takes the place of what is there. `sent` is told how many bytes are there.
    ///
    /// What breaks off is gone on with where the protocol can, a few times.
    pub(crate) async fn send(
        &self,
        path: &VolumePath,
        file: File,
        mut sent: impl FnMut(u64) + Send,
    ) -> Result<Entry, VolumeError> {
        let file = Arc::new(file);
        let size = file
            .metadata()
            .map_err(|error| VolumeError::from_io("read", path, error))?
            .len();
        if let Some(folder) = path.parent() {
            self.create_folder(&folder).await?;
        }
        let (mut there, mut attempt) = (0, 0);
        loop {
            let before = there;
            let asking = self.send_from(path, &file, size, &mut there, &mut sent);
            let error = match self.asked(("write", path), asking).await {
                Ok(()) => break,
                Err(error) => error,
            };
            attempt = if there > before { 0 } else { attempt + 1 };
            if matches!(error, VolumeError::Missing { .. }) && attempt < 2 {
                // The folder was taken away meanwhile.
                self.folders().clear();
                if let Some(folder) = path.parent() {
                    self.create_folder(&folder).await?;
                }
            } else if !error.is_transient() || error.is_of_the_volume() || attempt >= ATTEMPTS {
                return Err(error);
            }
            tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(attempt)).await;
        }
        let there = self.stat(path).await?;
        there.ok_or_else(|| VolumeError::Missing {
            path: path.to_string(),
        })
    }

    /// Sends from where the other side has it, as far as this attempt goes.
    async fn send_from(
        &self,
        path: &VolumePath,
        file: &Arc<File>,
        size: u64,
        there: &mut u64,
        sent: &mut (impl FnMut(u64) + Send),
    ) -> Result<(), NetError> {
        let waiting = match *there {
            0 => 0,
            _ => self.remote.n_waiting(path.as_str()).await?,
        };
        // Only bytes that this very call sent are known to be those of the file.
        let from = if waiting <= *there { waiting } else { 0 };
        let mut writer = self
            .remote
            .write_on(path.as_str(), Some(size), from)
            .await?;
        *there = writer.starts_at();
        sent(*there);
        self.copy(&mut writer, file, size, there, sent).await?;
        writer.finish().await
    }

    async fn copy(
        &self,
        writer: &mut Writer,
        file: &Arc<File>,
        size: u64,
        there: &mut u64,
        sent: &mut (impl FnMut(u64) + Send),
    ) -> Result<(), NetError> {
        while *there < size {
            let (from, file) = (*there, Arc::clone(file));
            let piece = blocking(move || read_piece(&file, from)).await;
            // A file of ours that ends early is found out by the writer, which counts.
            let piece = piece.unwrap_or_default();
            if piece.is_empty() {
                break;
            }
            let n_bytes = piece.len() as u64;
            writer.write(piece).await?;
            *there += n_bytes;
            sent(*there);
        }
        Ok(())
    }
}

fn read_piece(file: &File, from: u64) -> std::io::Result<Bytes> {
    let mut piece = vec![0; PIECE];
    let n = file.read_at(&mut piece, from)?;
    piece.truncate(n);
    Ok(piece.into())
}

/// What tells two states of a file apart is the size, the time and, where there is one, the tag.
fn entry(found: RemoteEntry) -> Entry {
    let modified = found.modified.and_then(|at| at.timestamp_nanos_opt());
    Entry {
        name: found.name,
        is_folder: found.is_folder,
        is_link: found.is_link,
        size_bytes: found.size_bytes.unwrap_or(0),
        modified_ns: modified.unwrap_or(0),
        inode: found.etag.as_deref().map_or(0, tag_number),
    }
}

/// The first bytes of the SHA-256 of a tag, positive so that any database keeps it.
fn tag_number(tag: &str) -> u64 {
    use sha2::Digest;
    let hash = sha2::Sha256::digest(tag.as_bytes());
    let first: [u8; 8] = std::array::from_fn(|at| hash[at]);
    u64::from_be_bytes(first) >> 1
}

impl std::fmt::Debug for RemoteVolume {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RemoteVolume({:?})", self.remote)
    }
}
