//! The shared cache: what was fetched once need not be fetched again, whoever asks.
//!
//! The record says which file of which version of which asset has which bytes; the bytes lie in the cache's folder,
//! once each, under their SHA-256. A file is fetched into `incoming`, where the lock on its part keeps everybody else
//! waiting, and is kept in the record together with the outcome of the first job that asked. Whoever reads bytes holds
//! a shared lock on them, and what is held is not thrown away. Files of a user's own are never kept here.

use std::collections::HashSet;
use std::fs::File;
use std::io::Seek;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use gantry_asset::AssetId;
use gantry_store::{CachedBytes, CachedFile, CachedKey, FileOutcome, NOT_RUN, Store, StoreError};
use rustix::fs::FlockOperation;
use sha2::{Digest, Sha256};

use crate::blocking::blocking;
use crate::transfer::PartState;
use crate::verify::{Hashes, hex};
use crate::volume::{LocalVolume, Part, VolumeError, VolumePath};

/// The shared cache; cheap to clone.
#[derive(Debug, Clone)]
pub struct Cache {
    store: Store,
    pub(crate) files: LocalVolume,
    limit_bytes: u64,
}

/// Which file of which version of which asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) asset: AssetId,
    pub(crate) version: u32,
    pub(crate) name: String,
}

/// Bytes of the cache, open and held.
pub(crate) struct Cached {
    pub(crate) bytes: File,
    pub(crate) outcome: FileOutcome,
}

/// A file that was fetched into the cache and is not in the record yet; its lock is held.
pub(crate) struct Fetched {
    pub(crate) part: Part,
    id: Identity,
    outcome: FileOutcome,
}

/// Where a fetch begins: what is in the part already, and what is needed to go on with it.
pub(crate) struct Begun {
    pub(crate) part: Part,
    pub(crate) at: VolumePath,
    pub(crate) kept: Option<PartState>,
}

const INCOMING: &str = "incoming";
const BYTES: &str = "bytes";
/// What is used is noted anew after this many seconds.
const NOTE_USE_S: i64 = 60;
/// Bytes are read again and compared after this many seconds.
const CHECK_AFTER_S: i64 = 7 * 24 * 3600;
/// So many bytes are read again in one go, and the file that goes beyond.
const CHECKED_BYTES: u64 = 8 << 30;
/// How many files are thrown away or checked in one go.
const AT_ONCE: u32 = 200;

impl Identity {
    pub(crate) fn key(&self) -> CachedKey<'_> {
        CachedKey {
            asset: &self.asset,
            version: self.version,
            name: &self.name,
        }
    }

    fn incoming(&self) -> VolumePath {
        let text = format!("{}\n{}\n{}", self.asset, self.version, self.name);
        let name = hex(&Sha256::digest(text));
        VolumePath::parse(&format!("{INCOMING}/{name}")).expect("digits are a path")
    }
}

impl Cache {
    /// The cache in a folder, which is made where it is not there; it holds at most so many bytes.
    ///
    /// # Errors
    /// [`VolumeError`] when the folder cannot be made.
    pub fn open(store: Store, folder: &Path, limit_bytes: u64) -> Result<Self, VolumeError> {
        let files = LocalVolume::create(folder)?;
        for below in [INCOMING, BYTES] {
            files.create_folder(&VolumePath::parse(below)?)?;
        }
        Ok(Self {
            store,
            files,
            limit_bytes,
        })
    }

    /// What a file is called here, when it may be kept here at all: public, with a version, and not too large.
    pub(crate) fn identity(
        &self,
        asset: &AssetId,
        version: u32,
        name: &str,
        size_bytes: Option<u64>,
    ) -> Option<Identity> {
        let is_query = asset.local().starts_with("~query");
        let fits = size_bytes.is_none_or(|size| size <= self.limit_bytes);
        (version != NOT_RUN && !is_query && fits).then(|| Identity {
            asset: asset.clone(),
            version,
            name: name.to_owned(),
        })
    }

    /// Whether a file is here, going by the record.
    pub(crate) async fn has(&self, id: &Identity) -> Result<bool, StoreError> {
        Ok(self.store.cached_file(&id.key()).await?.is_some())
    }

    /// The bytes of a file, if they are here and are what they were.
    pub(crate) async fn find(&self, id: &Identity) -> Result<Option<Cached>, StoreError> {
        let Some((file, known)) = self.store.cached_file(&id.key()).await? else {
            return Ok(None);
        };
        let Some(bytes) = self.hold(&known).await? else {
            return Ok(None);
        };
        if known.used_s_ago > NOTE_USE_S {
            self.store.use_cached(&known.sha256).await?;
        }
        let outcome = FileOutcome {
            outcome: "staged".to_owned(),
            size_bytes: Some(known.size_bytes),
            sha256: Some(known.sha256),
            verified_by: Some(file.verified_by),
            warnings: file.warnings,
            ..FileOutcome::default()
        };
        Ok(Some(Cached { bytes, outcome }))
    }

    /// Opens bytes and keeps them from being thrown away; bytes that somebody has touched are compared with their hash
    /// and thrown away when they differ.
    async fn hold(&self, known: &CachedBytes) -> Result<Option<File>, StoreError> {
        let path = bytes_path(&known.sha256);
        let Ok(file) = self.files.read(&path) else {
            // Being named just now, or thrown away: whoever asks finds out by its lock.
            return Ok(None);
        };
        let held = rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared).is_ok();
        let Some(meta) = file.metadata().ok().filter(|_| held) else {
            return Ok(None);
        };
        let now = state(&known.sha256, &meta);
        if now.is_same(known) {
            return Ok(Some(file));
        }
        if self.compare(&path, file, now).await? {
            return Ok(self.files.read(&path).ok());
        }
        Ok(None)
    }

    /// Reads bytes and compares them with their hash; what differs is thrown away.
    async fn compare(
        &self,
        path: &VolumePath,
        file: File,
        now: CachedBytes,
    ) -> Result<bool, StoreError> {
        if hash_of(file).await.as_deref() == Some(&now.sha256) {
            self.store.keep_cached_state(&now).await?;
            return Ok(true);
        }
        tracing::warn!(path = %path, "bytes in the cache are not what they were; they are fetched anew");
        self.store.forget_cached(&now.sha256).await?;
        self.remove(path);
        Ok(false)
    }

    fn remove(&self, path: &VolumePath) {
        match self.files.remove(path) {
            Ok(()) | Err(VolumeError::Missing { .. }) => {}
            Err(error) => tracing::warn!(path = %path, %error, "could not remove from the cache"),
        }
    }

    /// Takes the right to fetch a file.
    ///
    /// # Errors
    /// [`VolumeError::Busy`] while somebody else fetches it.
    pub(crate) async fn begin(
        &self,
        id: &Identity,
    ) -> Result<Result<Begun, VolumeError>, StoreError> {
        let at = id.incoming();
        let part = match self.files.part(&at) {
            Ok(part) => part,
            Err(error) => return Ok(Err(error)),
        };
        // Of an empty part nothing is known that would help.
        let state = match part.written {
            0 => None,
            _ => self.store.cached_part(&id.key()).await?,
        };
        let kept = state.and_then(|text| serde_json::from_str(&text).ok());
        Ok(Ok(Begun { part, at, kept }))
    }

    /// Gives up a fetch; nothing of it stays.
    pub(crate) async fn give_up(&self, id: &Identity) -> Result<(), StoreError> {
        match self.files.drop_part(&id.incoming()) {
            Ok(()) => self.store.forget_cached_part(&id.key()).await,
            // Somebody else goes on with it.
            Err(VolumeError::Busy { .. }) => Ok(()),
            Err(error) => {
                tracing::warn!(%error, "could not remove a part from the cache");
                Ok(())
            }
        }
    }

    /// Gives files that are in the record now their places, and lets go of them.
    pub(crate) fn name(&self, fetched: Vec<Fetched>) {
        for file in fetched {
            let sha256 = file.outcome.sha256.as_deref().unwrap_or_default();
            let (from, to) = (part_path(&file.id.incoming()), bytes_path(sha256));
            let named = match self.files.stat(&to) {
                // The same bytes came under another name before.
                Ok(Some(_)) => self.files.remove(&from),
                _ => self.files.rename(&from, &to),
            };
            if let Err(error) = named {
                tracing::warn!(path = %to, %error, "could not keep a file in the cache");
            }
        }
    }

    /// Throws away what was not used for longest until no more is here than may be.
    pub(crate) async fn keep_bounds(&self) -> Result<(), StoreError> {
        let held = self.store.cached_total().await?;
        match held.saturating_sub(self.limit_bytes) {
            0 => Ok(()),
            over => self.free(over).await.map(drop),
        }
    }

    /// Throws away so many bytes, those first that were not used for longest; says how many went. What is held stays.
    pub(crate) async fn free(&self, wanted: u64) -> Result<u64, StoreError> {
        let (mut freed, mut passed) = (0, 0);
        while freed < wanted {
            let oldest = self.store.oldest_cached(passed, AT_ONCE).await?;
            if oldest.is_empty() {
                break;
            }
            for bytes in oldest {
                if freed >= wanted {
                    break;
                }
                match self.throw_away(&bytes).await? {
                    true => freed += bytes.size_bytes,
                    false => passed += 1,
                }
            }
        }
        Ok(freed)
    }

    /// Whether bytes were not held and are gone.
    async fn throw_away(&self, bytes: &CachedBytes) -> Result<bool, StoreError> {
        let path = bytes_path(&bytes.sha256);
        if let Ok(file) = self.files.read(&path)
            && rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err()
        {
            return Ok(false);
        }
        self.store.forget_cached(&bytes.sha256).await?;
        self.remove(&path);
        Ok(true)
    }

    /// Puts the cache in order: keeps it within its bounds, removes what nothing knows of, and reads a part of what
    /// was not read for a week again.
    ///
    /// # Errors
    /// [`StoreError`] when the record does not answer.
    pub async fn tidy(&self) -> Result<(), StoreError> {
        self.keep_bounds().await?;
        self.drop_orphans().await?;
        let mut left = CHECKED_BYTES;
        for bytes in self.store.unchecked_cached(CHECK_AFTER_S, AT_ONCE).await? {
            if left == 0 {
                break;
            }
            left = left.saturating_sub(bytes.size_bytes);
            let path = bytes_path(&bytes.sha256);
            match self.files.read(&path) {
                Ok(file) => {
                    let now = file.metadata().map(|meta| state(&bytes.sha256, &meta));
                    if let Ok(now) = now {
                        self.compare(&path, file, now).await?;
                    }
                }
                Err(VolumeError::Missing { .. }) => self.store.forget_cached(&bytes.sha256).await?,
                Err(error) => tracing::warn!(path = %path, %error, "could not check the cache"),
            }
        }
        Ok(())
    }

    /// Removes parts that nobody writes and no job wants, and bytes that the record does not know.
    async fn drop_orphans(&self) -> Result<(), StoreError> {
        let wanted = self.store.cached_parts_wanted().await?.into_iter();
        let wanted: HashSet<VolumePath> = wanted
            .map(|(asset, version, name)| {
                Identity {
                    asset,
                    version,
                    name,
                }
                .incoming()
            })
            .collect();
        for path in self.below(INCOMING) {
            let whole = path.as_str().strip_suffix(".part");
            let whole = whole.and_then(|path| VolumePath::parse(path).ok());
            if let Some(whole) = whole.filter(|whole| !wanted.contains(whole)) {
                // One that somebody writes stays.
                drop(self.files.drop_part(&whole));
            }
        }
        self.store.forget_unwanted_cached_parts().await?;
        for folder in self.below(BYTES) {
            // A file has its row before it has its place, so one without a row is left over.
            let files = self.below(folder.as_str());
            let known = self.store.cached_hashes(folder.name()).await?;
            let known: HashSet<VolumePath> = known.iter().map(|hash| bytes_path(hash)).collect();
            files
                .iter()
                .filter(|file| !known.contains(*file))
                .for_each(|file| self.remove(file));
        }
        Ok(())
    }

    /// What lies in a folder of the cache.
    fn below(&self, folder: &str) -> Vec<VolumePath> {
        let listed = VolumePath::parse(folder).and_then(|folder| {
            let entries = self.files.list(&folder)?.into_iter();
            Ok(entries
                .filter_map(|entry| folder.join(&entry.name).ok())
                .collect())
        });
        listed.unwrap_or_default()
    }
}

impl Fetched {
    /// A file that is whole in its part in the cache, as it was judged there.
    pub(crate) fn new(id: Identity, part: Part, outcome: FileOutcome) -> Self {
        Self { part, id, outcome }
    }

    /// The bytes, from the first on.
    pub(crate) fn bytes(&self) -> std::io::Result<File> {
        let mut bytes = self.part.file.try_clone()?;
        bytes.rewind()?;
        Ok(bytes)
    }

    /// What the record is to keep of it.
    pub(crate) fn row(&self) -> Option<CachedFile> {
        let meta = self.part.file.metadata().ok()?;
        let sha256 = self.outcome.sha256.clone()?;
        Some(CachedFile {
            asset: self.id.asset.clone(),
            version: self.id.version,
            name: self.id.name.clone(),
            bytes: state(&sha256, &meta),
            verified_by: self.outcome.verified_by.clone().unwrap_or_default(),
            warnings: self.outcome.warnings.clone(),
        })
    }
}

fn bytes_path(sha256: &str) -> VolumePath {
    let (first, rest) = sha256.split_at(sha256.len().min(2));
    VolumePath::parse(&format!("{BYTES}/{first}/{rest}")).expect("digits are a path")
}

fn part_path(path: &VolumePath) -> VolumePath {
    VolumePath::parse(&path.part()).expect("it is a path with four letters more")
}

fn state(sha256: &str, meta: &std::fs::Metadata) -> CachedBytes {
    CachedBytes {
        sha256: sha256.to_owned(),
        size_bytes: meta.len(),
        modified_ns: meta.mtime() * 1_000_000_000 + meta.mtime_nsec(),
        inode: meta.ino(),
        used_s_ago: 0,
    }
}

async fn hash_of(mut file: File) -> Option<String> {
    blocking(move || {
        let mut hashes = Hashes::default();
        hashes.update_from(&mut file, u64::MAX).ok()?;
        Some(hashes.finish(None).0)
    })
    .await
}
