//! The index in its directory.
//!
//! ```text
//! <dir>/writer.lock          held by the one process that writes; says which
//! <dir>/current              the name of the directory in use
//! <dir>/<schema>-<n>/        one index; another is built beside it and `current` turned to it when it is whole
//! ```

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::OwnedMutexGuard;

use crate::error::SearchError;
use crate::execute;
use crate::follow::{Changes, Followed, Held, belongs, catch_up, fill};
use crate::generation::Generation;
use crate::query::{FacetCount, Found, Piece, Query, Resolved, Suggestion};
use crate::schema::schema_name;
use crate::snapshot::Snapshot;
use crate::suggest;
use crate::walk;

/// Whether an index is written or only read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Follows the catalogue; one per directory.
    Writer,
    /// Reads what a writer has committed.
    Reader,
}

/// The index over the catalogue; searches see one commit from beginning to end while others write.
pub struct Index {
    dir: PathBuf,
    mode: Mode,
    generation: RwLock<Arc<Generation>>,
    turn: Arc<tokio::sync::Mutex<()>>,
    lock: Mutex<Option<File>>,
}

/// What an index is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MakeUp {
    /// Segments; they are merged as they come.
    pub n_segments: usize,
    /// Documents that are deleted and not merged away yet.
    pub n_deleted: u64,
    /// Memory that facet columns take.
    pub facet_bytes: u64,
    /// Space on disk of the commit that answers.
    pub disk_bytes: u64,
}

impl Index {
    /// Opens the index in `dir`; a writer makes it when there is none or its schema is another.
    ///
    /// # Errors
    /// [`SearchError::Locked`] when another writer has it, [`SearchError::NoIndex`] for a reader without a finished
    /// index, [`SearchError::Files`] and [`SearchError::Engine`] when files cannot be read or written.
    pub fn open(dir: &Path, mode: Mode) -> Result<Self, SearchError> {
        let (lock, generation) = match mode {
            Mode::Reader => (
                None,
                opened(&our_current(dir).ok_or_else(|| none_in(dir))?, mode)?,
            ),
            Mode::Writer => {
                fs::create_dir_all(dir).map_err(SearchError::files("make", dir))?;
                let lock = lock(dir)?;
                let generation = open_or_make(dir)?;
                if current(dir).as_deref() == Some(generation.dir()) {
                    // What a process was building when it was killed.
                    remove_others(dir, &generation);
                }
                (Some(lock), generation)
            }
        };
        let generation = RwLock::new(Arc::new(generation));
        Ok(Self {
            dir: dir.to_owned(),
            mode,
            generation,
            turn: Arc::default(),
            lock: Mutex::new(lock),
        })
    }

    /// Brings the index up to the catalogue; a reader only takes what its writer has committed.
    ///
    /// An index of another catalogue, or one that is ahead of it, is built anew beside the old one, which answers
    /// until then. May be dropped at any time.
    ///
    /// # Errors
    /// [`SearchError::Changes`] when the catalogue does not answer, [`SearchError::Engine`] when writing fails.
    pub async fn follow(&self, changes: &dyn Changes) -> Result<Followed, SearchError> {
        let turn = Arc::new(Arc::clone(&self.turn).lock_owned().await);
        if self.mode == Mode::Reader {
            self.refresh()?;
            return Ok(Followed {
                applied: 0,
                up_to: self.up_to(),
                rebuilt: false,
            });
        }
        let generation = self.generation();
        let latest = self.latest(changes).await?;
        if !generation.dir().join("meta.json").exists() {
            tracing::warn!(
                path = %generation.dir().display(),
                "the index was removed; building it anew"
            );
            self.hold()?;
            return self.build_anew(changes, latest, turn).await;
        }
        if !belongs(generation.snapshot().progress, changes.catalogue(), latest) {
            tracing::warn!(
                index.up_to = self.up_to(),
                catalogue.latest = latest,
                "the index is of another catalogue or another past of it; building it anew"
            );
            return self.build_anew(changes, latest, turn).await;
        }
        let held = Held {
            generation: Arc::clone(&generation),
            _turn: turn,
        };
        let applied = catch_up(&held, changes, latest).await?;
        self.make_current(&generation)?;
        Ok(Followed {
            applied,
            up_to: self.up_to(),
            rebuilt: false,
        })
    }

    /// Builds the index anew beside the present one, which answers until the new one is whole.
    ///
    /// # Errors
    /// As [`Index::follow`], and [`SearchError::ReadOnly`] for a reader.
    pub async fn rebuild(&self, changes: &dyn Changes) -> Result<Followed, SearchError> {
        let turn = Arc::new(Arc::clone(&self.turn).lock_owned().await);
        let latest = self.latest(changes).await?;
        self.build_anew(changes, latest, turn).await
    }

    async fn latest(&self, changes: &dyn Changes) -> Result<u64, SearchError> {
        let latest = changes.latest().await;
        latest.map_err(|source| SearchError::Changes {
            after: self.up_to(),
            source,
        })
    }

    async fn build_anew(
        &self,
        changes: &dyn Changes,
        latest: u64,
        turn: Arc<OwnedMutexGuard<()>>,
    ) -> Result<Followed, SearchError> {
        if self.mode == Mode::Reader {
            return Err(SearchError::ReadOnly);
        }
        let generation = Arc::new(Generation::open(&new_dir(&self.dir), self.mode)?);
        let held = Held {
            generation: Arc::clone(&generation),
            _turn: turn,
        };
        let applied = match fill(&held, changes, latest).await {
            Ok(applied) => applied,
            Err(error) => {
                let removed = fs::remove_dir_all(generation.dir());
                tracing::debug!(path = %generation.dir().display(), ?removed, "an index was not finished");
                return Err(error);
            }
        };
        self.turn_to(Arc::clone(&generation));
        self.make_current(&generation)?;
        Ok(Followed {
            applied,
            up_to: self.up_to(),
            rebuilt: true,
        })
    }

    /// Takes the lock in a directory that was made anew.
    fn hold(&self) -> Result<(), SearchError> {
        fs::create_dir_all(&self.dir).map_err(SearchError::files("make", &self.dir))?;
        let path = self.dir.join("writer.lock");
        let mut held = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let is_ours = || {
            let (there, ours) = (fs::metadata(&path).ok()?, held.as_ref()?.metadata().ok()?);
            Some((there.dev(), there.ino()) == (ours.dev(), ours.ino()))
        };
        if is_ours() != Some(true) {
            *held = Some(lock(&self.dir)?);
        }
        Ok(())
    }

    fn turn_to(&self, generation: Arc<Generation>) {
        *self
            .generation
            .write()
            .unwrap_or_else(PoisonError::into_inner) = generation;
    }

    /// Takes what has been committed since, for a reader whose writer is another process.
    ///
    /// # Errors
    /// [`SearchError::Engine`] when the commit cannot be opened.
    pub fn refresh(&self) -> Result<(), SearchError> {
        let present = self.generation();
        match our_current(&self.dir) {
            Some(dir) if self.mode == Mode::Reader && dir != present.dir() => {
                let generation = Arc::new(Generation::open(&dir, self.mode)?);
                self.turn_to(generation);
                Ok(())
            }
            _ => present.refresh(),
        }
    }

    /// The number of the last change the index holds; 0 for none.
    #[must_use]
    pub fn up_to(&self) -> u64 {
        self.snapshot()
            .progress
            .map_or(0, |progress| progress.number)
    }

    /// How many assets the index holds, series included.
    #[must_use]
    pub fn n_assets(&self) -> u64 {
        self.snapshot().n_docs()
    }

    /// What the index is made of now, for operators.
    #[must_use]
    pub fn make_up(&self) -> MakeUp {
        let snapshot = self.snapshot();
        let readers = snapshot.searcher.segment_readers();
        let deleted = readers
            .iter()
            .map(|reader| u64::from(reader.num_deleted_docs()));
        let space = snapshot.searcher.space_usage();
        MakeUp {
            n_segments: readers.len(),
            n_deleted: deleted.sum(),
            facet_bytes: snapshot.facet_bytes as u64,
            disk_bytes: space.map_or(0, |space| space.total().get_bytes()),
        }
    }

    /// Answers a query: the exact number, the first hits, and the counts of facets.
    ///
    /// # Errors
    /// [`SearchError::Cursor`] for a cursor it did not hand out, [`SearchError::Engine`] when reading fails. Never
    /// because of what `q` says.
    pub fn search(&self, query: &Query) -> Result<Found, SearchError> {
        execute::search(&self.snapshot(), query)
    }

    /// Hands over all matches of a query in the order of its hits, piece by piece, until `take` breaks off; of one
    /// commit from beginning to end, whatever is written meanwhile. `limit` is not looked at.
    ///
    /// # Errors
    /// As [`Index::search`].
    pub fn walk(
        &self,
        query: &Query,
        take: &mut dyn FnMut(Piece) -> ControlFlow<()>,
    ) -> Result<(), SearchError> {
        walk::walk(&self.snapshot(), query, take)
    }

    /// All assets a query means, at most `limit`, by id; members in place of their series whatever `collapse` says.
    ///
    /// # Errors
    /// [`SearchError::Engine`] when reading fails.
    pub fn resolve(&self, query: &Query, limit: usize) -> Result<Vec<Resolved>, SearchError> {
        execute::resolve(&self.snapshot(), query, limit)
    }

    /// Completions of the last word of a text, each with how many one finds with it; those of facets first.
    ///
    /// # Errors
    /// [`SearchError::Engine`] when reading fails.
    pub fn suggest(&self, text: &str, limit: usize) -> Result<Vec<Suggestion>, SearchError> {
        suggest::suggest(&self.snapshot(), text, limit)
    }

    /// The values of a facet field among the results of a query, as many as asked for, those that contain a text.
    ///
    /// # Errors
    /// [`SearchError::Engine`] when reading fails. An unknown field has no values.
    pub fn facet_values(
        &self,
        field: &str,
        query: &Query,
        contains: Option<&str>,
        limit: usize,
    ) -> Result<Vec<FacetCount>, SearchError> {
        execute::facet_values(&self.snapshot(), field, query, contains, limit)
    }

    fn generation(&self) -> Arc<Generation> {
        Arc::clone(
            &self
                .generation
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.generation().snapshot()
    }

    /// Turns `current` to a generation that is whole and removes the others.
    fn make_current(&self, generation: &Generation) -> Result<(), SearchError> {
        let name = generation.dir().file_name().unwrap_or_default();
        let (pointer, beside) = (self.dir.join("current"), self.dir.join("current.part"));
        if current(&self.dir).as_deref() != Some(generation.dir()) {
            let write = || {
                let mut file = File::create(&beside)?;
                file.write_all(name.as_encoded_bytes())?;
                file.sync_all()?;
                fs::rename(&beside, &pointer)
            };
            write().map_err(SearchError::files("write", &pointer))?;
            remove_others(&self.dir, generation);
        }
        Ok(())
    }
}

/// Removes all indexes but one; what cannot be removed stays, with a warning.
fn remove_others(dir: &Path, generation: &Generation) {
    let all = generations(dir).into_iter();
    for (old, _) in all.filter(|(path, _)| path != generation.dir()) {
        if let Err(error) = fs::remove_dir_all(&old) {
            tracing::warn!(path = %old.display(), %error, "an index no longer used could not be removed");
        }
    }
}

/// The directory that `current` names, if it is there.
fn current(dir: &Path) -> Option<PathBuf> {
    let name = fs::read_to_string(dir.join("current")).ok()?;
    let is_plain = !name.is_empty() && !name.contains(['/', '\\']) && !name.starts_with('.');
    Some(dir.join(name)).filter(|path| is_plain && path.join("meta.json").exists())
}

/// The same if its schema is ours: a reader waits for its writer to make one.
fn our_current(dir: &Path) -> Option<PathBuf> {
    current(dir).filter(|path| is_ours(path))
}

fn is_ours(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let schema = name.rsplit_once('-').map(|(schema, _)| schema);
    schema == Some(&schema_name())
}

fn none_in(dir: &Path) -> SearchError {
    SearchError::NoIndex {
        dir: dir.to_owned(),
    }
}

/// The current index if its schema is ours, else one of ours that was begun, else a new one.
fn open_or_make(dir: &Path) -> Result<Generation, SearchError> {
    let begun = generations(dir)
        .into_iter()
        .rev()
        .map(|(path, _)| path)
        .filter(|path| path.join("meta.json").exists());
    let candidates = current(dir)
        .into_iter()
        .chain(begun)
        .filter(|path| is_ours(path));
    for path in candidates {
        match opened(&path, Mode::Writer) {
            Ok(generation) => return Ok(generation),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "an index could not be opened; building another")
            }
        }
    }
    Generation::open(&new_dir(dir), Mode::Writer)
}

/// An index that is there; where its files are damaged, tantivy may panic rather than say so.
fn opened(path: &Path, mode: Mode) -> Result<Generation, SearchError> {
    let open = || Generation::open(path, mode);
    std::panic::catch_unwind(open).unwrap_or_else(|_| {
        Err(SearchError::Damaged {
            dir: path.to_owned(),
        })
    })
}

/// All index directories with their numbers, ascending.
fn generations(dir: &Path) -> Vec<(PathBuf, u64)> {
    let number_of = |path: &Path| path.file_name()?.to_str()?.rsplit_once('-')?.1.parse().ok();
    let entries = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let mut all: Vec<_> = entries
        .filter(|path| path.is_dir())
        .filter_map(|path| number_of(&path).map(|number| (path, number)))
        .collect();
    all.sort_by_key(|(_, number)| *number);
    all
}

fn new_dir(dir: &Path) -> PathBuf {
    let number = generations(dir).last().map_or(1, |(_, number)| number + 1);
    dir.join(format!("{}-{number}", schema_name()))
}

fn lock(dir: &Path) -> Result<File, SearchError> {
    let path = dir.join("writer.lock");
    let open = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path);
    let mut file = open.map_err(SearchError::files("open", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            let holder = if holder.is_empty() {
                "another process".to_owned()
            } else {
                holder
            };
            return Err(SearchError::Locked {
                dir: dir.to_owned(),
                holder,
            });
        }
        Err(TryLockError::Error(error)) => return Err(SearchError::files("lock", &path)(error)),
    }
    let mut say = || {
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        write!(file, "process {}", std::process::id())
    };
    say().map_err(SearchError::files("write", &path))?;
    Ok(file)
}
