//! One index on disk, open for reading and, for a writer, for writing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tantivy::merge_policy::LogMergePolicy;
use tantivy::{IndexMeta, IndexReader, IndexWriter, ReloadPolicy, TantivyError};

use crate::behind::behind_searches;
use crate::error::SearchError;
use crate::index::Mode;
use crate::schema::{fields, settings};
use crate::snapshot::{Loader, Progress, Snapshot};
use crate::text::{ANALYZER, analyzer};

/// Threads that write segments, and the memory they share in bytes; a segment is held twice while it is put in order.
const WRITERS: (usize, usize) = (2, 60 << 20);

/// Blocks of stored views kept unpacked, 4 kB each.
const KEPT_BLOCKS: usize = 2_000;

/// As many segments of about one size are merged into one. Every search asks every segment, so few are better.
pub(crate) const MERGED: usize = 4;

/// While an index is filled, as many: what comes in small pieces is then put together once, and not again and again.
const MERGED_FILLING: usize = 256;

/// A writer that finds more segments than these has them merged: its predecessor may have ended in the midst of it.
const MANY: usize = 8;

/// One index: a directory named after its schema.
pub(crate) struct Generation {
    dir: PathBuf,
    index: tantivy::Index,
    reader: IndexReader,
    /// The writer of a writer.
    pub(crate) writer: Mutex<Option<IndexWriter>>,
    /// Whether something was written since the last commit.
    pub(crate) is_dirty: AtomicBool,
    is_tended: AtomicBool,
    loader: Mutex<Loader>,
    snapshot: RwLock<Arc<Snapshot>>,
}

/// Where a following begins.
pub(crate) struct Began {
    pub(crate) number: u64,
    pub(crate) has_progress: bool,
    pub(crate) is_empty: bool,
    /// Whether a commit is worth making for the merging it begins.
    pub(crate) wants_merging: bool,
}

impl Generation {
    pub(crate) fn open(dir: &Path, mode: Mode) -> Result<Self, SearchError> {
        let open = "open";
        let index = if mode == Mode::Reader || dir.join("meta.json").exists() {
            tantivy::Index::open_in_dir(dir).map_err(SearchError::engine(open))?
        } else {
            fs::create_dir_all(dir).map_err(SearchError::files("make", dir))?;
            let builder = tantivy::Index::builder()
                .schema(fields().schema.clone())
                .settings(settings());
            builder
                .create_in_dir(dir)
                .map_err(SearchError::engine("be made"))?
        };
        index.tokenizers().register(ANALYZER, analyzer());
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual);
        let reader = reader
            .doc_store_cache_num_blocks(KEPT_BLOCKS)
            .try_into()
            .map_err(SearchError::engine(open))?;
        let writer = match mode {
            Mode::Reader => None,
            Mode::Writer => Some(writer(&index).map_err(SearchError::engine(open))?),
        };
        let mut loader = Loader::new();
        let snapshot = loader.load(&reader, progress(&metas(&index)?))?;
        Ok(Self {
            dir: dir.to_owned(),
            index,
            reader,
            writer: Mutex::new(writer),
            is_dirty: AtomicBool::new(false),
            is_tended: AtomicBool::new(false),
            loader: Mutex::new(loader),
            snapshot: RwLock::new(Arc::new(snapshot)),
        })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes ready to write, dropping what a following that was cut short left uncommitted.
    pub(crate) fn begin(&self) -> Result<Began, SearchError> {
        if self.is_dirty.load(Ordering::SeqCst) {
            let mut slot = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            let writer = slot.as_mut().ok_or(SearchError::ReadOnly)?;
            writer
                .rollback()
                .map_err(SearchError::engine("drop what was not committed"))?;
            self.is_dirty.store(false, Ordering::SeqCst);
        }
        self.refresh()?;
        let snapshot = self.snapshot();
        self.merge_by(match snapshot.n_docs() {
            0 => MERGED_FILLING,
            _ => MERGED,
        })?;
        let number = snapshot.progress.map_or(0, |progress| progress.number);
        Ok(Began {
            number,
            has_progress: snapshot.progress.is_some(),
            is_empty: snapshot.n_docs() == 0,
            wants_merging: snapshot.segments.len() > MANY
                && !self.is_tended.swap(true, Ordering::SeqCst),
        })
    }

    /// How many segments of about one size are merged from now on, when something is committed.
    pub(crate) fn merge_by(&self, n_segments: usize) -> Result<(), SearchError> {
        let slot = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let writer = slot.as_ref().ok_or(SearchError::ReadOnly)?;
        let mut merges = LogMergePolicy::default();
        merges.set_min_num_segments(n_segments);
        writer.set_merge_policy(Box::new(merges));
        Ok(())
    }

    /// Makes all that was written durable, with the number it reaches.
    pub(crate) fn commit(&self, progress: Progress) -> Result<(), SearchError> {
        let commit = "commit";
        let mut slot = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let writer = slot.as_mut().ok_or(SearchError::ReadOnly)?;
        let mut prepared = writer
            .prepare_commit()
            .map_err(SearchError::engine(commit))?;
        prepared
            .set_payload(&serde_json::to_string(&progress).map_err(SearchError::engine(commit))?);
        prepared.commit().map_err(SearchError::engine(commit))?;
        self.is_dirty.store(false, Ordering::SeqCst);
        tracing::debug!(index.up_to = progress.number, "index committed");
        Ok(())
    }

    /// Waits until what is being merged is merged.
    pub(crate) fn finish_merging(&self) -> Result<(), SearchError> {
        let mut slot = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let merging = slot.take().ok_or(SearchError::ReadOnly)?;
        let merged = merging.wait_merging_threads();
        *slot = Some(writer(&self.index).map_err(SearchError::engine("write on"))?);
        drop(slot);
        merged.map_err(SearchError::engine("merge its segments"))?;
        self.refresh()
    }

    /// Lets searches see the newest commit, once its columns are read, and what was merged since.
    pub(crate) fn refresh(&self) -> Result<(), SearchError> {
        let mut loader = self.loader.lock().unwrap_or_else(PoisonError::into_inner);
        let metas = metas(&self.index)?;
        let progress = progress(&metas);
        if self.snapshot().is_of(&metas.segments, progress) {
            return Ok(());
        }
        let snapshot = loader.load(&self.reader, progress)?;
        *self
            .snapshot
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
        Ok(())
    }
}

/// A writer whose threads step back behind searches.
fn writer(index: &tantivy::Index) -> tantivy::Result<IndexWriter> {
    let index = index.clone();
    let made = behind_searches(move || index.writer_with_num_threads(WRITERS.0, WRITERS.1))?;
    let ended = |_| TantivyError::ErrorInThread("it was to make the writer".to_owned());
    made.join().map_err(ended)?
}

fn metas(index: &tantivy::Index) -> Result<IndexMeta, SearchError> {
    let metas = index.load_metas();
    metas.map_err(SearchError::engine("read its state"))
}

/// How far a commit has followed.
fn progress(metas: &IndexMeta) -> Option<Progress> {
    let payload = metas.payload.as_ref()?;
    serde_json::from_str(payload).ok()
}
