//! Following the catalogue: its changes in order, in batches, each commit naming the number it has reached.
//!
//! A crash between two commits loses what came after the first, and the next following begins there again; a change
//! applied twice is the same as once, since an asset replaces its predecessor by its id.

use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use gantry_asset::{Asset, AssetId};
use serde_json::value::RawValue;
use tokio::sync::{OwnedMutexGuard, oneshot};
use uuid::Uuid;

use crate::behind::behind_searches;
use crate::error::{ChangesError, SearchError};
use crate::generation::{Generation, MERGED};
use crate::schema::{document, fields};
use crate::snapshot::Progress;

/// How many changes are asked for at a time; while some are written, as many are read.
const BATCH: usize = 500;

/// How many changes make a commit; the last of a following is always committed.
const COMMIT: u64 = 200_000;

/// A boxed future.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the catalogue tells the index; implemented over the store by the server.
pub trait Changes: Send + Sync {
    /// The identity of the catalogue, another one after a restored backup.
    fn catalogue(&self) -> Uuid;
    /// The number of its last change; 0 when there is none.
    fn latest(&self) -> BoxFuture<'_, Result<u64, ChangesError>>;
    /// The changes with numbers above `after`, in order, at most `limit`. Of an asset changed several times the last
    /// change suffices.
    fn changes(
        &self,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(u64, Change)>, ChangesError>>;
}

/// One change of the catalogue.
#[derive(Debug, Clone)]
pub enum Change {
    /// An asset is new, or is now like this.
    Put(Box<IndexedAsset>),
    /// An asset is withdrawn.
    Gone(AssetId),
}

/// An asset as the index needs it.
#[derive(Debug, Clone)]
pub struct IndexedAsset {
    /// The asset with its files.
    pub asset: Asset,
    /// The number of its present version; 0 for a series.
    pub version: u32,
    /// The number of its files.
    pub n_files: u32,
    /// The size of its files together, of a series the size of its members; `None` where one is unknown.
    pub size_bytes: Option<u64>,
    /// Its JSON as hits show it.
    pub view: Box<RawValue>,
}

/// What a following did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Followed {
    /// How many changes were applied.
    pub applied: u64,
    /// The number of the last change the index holds.
    pub up_to: u64,
    /// Whether the index was built from nothing, since what it held was of another catalogue.
    pub rebuilt: bool,
}

/// An index to write to, and the turn to write.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) generation: Arc<Generation>,
    pub(crate) _turn: Arc<OwnedMutexGuard<()>>,
}

/// Whether what the index holds is of this catalogue and of its past.
pub(crate) fn belongs(progress: Option<Progress>, catalogue: Uuid, latest: u64) -> bool {
    progress.is_none_or(|progress| progress.catalogue == catalogue && progress.number <= latest)
}

/// Applies all changes after those already applied; how many those were. `latest` was the last of them a moment ago.
pub(crate) async fn catch_up(
    generation: &Held,
    changes: &dyn Changes,
    latest: u64,
) -> Result<u64, SearchError> {
    let catalogue = changes.catalogue();
    let began = blocking(generation, Generation::begin).await?;
    let mut after = began.number;
    let mut seen = began.is_empty.then(|| Perhaps::new(latest));
    let (mut applied, mut pending) = (0, 0);
    let ask = async |after| {
        let batch = changes.changes(after, BATCH).await;
        batch.map_err(|source| SearchError::Changes { after, source })
    };
    let mut batch = ask(after).await?;
    while let Some((last, _)) = batch.last() {
        after = *last;
        let n = batch.len() as u64;
        let written = blocking(generation, move |generation| {
            apply(generation, &batch, &mut seen)?;
            Ok(seen)
        });
        let (written, asked) = tokio::join!(written, ask(after));
        seen = written?;
        (applied, pending) = (applied + n, pending + n);
        if pending >= COMMIT {
            commit(
                generation,
                Progress {
                    catalogue,
                    number: after,
                },
            )
            .await?;
            pending = 0;
        }
        batch = asked?;
    }
    let is_filled = began.is_empty && applied > 0;
    if is_filled {
        blocking(generation, |generation| generation.merge_by(MERGED)).await?;
    }
    if pending > 0 || !began.has_progress || is_filled || began.wants_merging {
        commit(
            generation,
            Progress {
                catalogue,
                number: after,
            },
        )
        .await?;
    } else {
        blocking(generation, Generation::refresh).await?;
    }
    Ok(applied)
}

/// As [`catch_up`] for an index that answers only once it is whole; it has few segments then.
pub(crate) async fn fill(
    generation: &Held,
    changes: &dyn Changes,
    latest: u64,
) -> Result<u64, SearchError> {
    let applied = catch_up(generation, changes, latest).await?;
    blocking(generation, Generation::finish_merging).await?;
    Ok(applied)
}

async fn commit(generation: &Held, progress: Progress) -> Result<(), SearchError> {
    blocking(generation, move |generation| {
        generation.commit(progress)?;
        generation.refresh()
    })
    .await
}

/// Runs something slow where it does not hold up others. Should the following be dropped meanwhile, the next one
/// waits until this has ended, since it holds the turn too.
async fn blocking<T: Send + 'static>(
    held: &Held,
    work: impl FnOnce(&Generation) -> Result<T, SearchError> + Send + 'static,
) -> Result<T, SearchError> {
    let held = held.clone();
    let (tell, told) = oneshot::channel();
    let work = move || {
        let done = work(&held.generation);
        // Who waits for it may close the index and open it again at once.
        drop(held);
        // Nobody may wait for it any more.
        drop(tell.send(done));
    };
    behind_searches(work).map_err(SearchError::engine("start a thread"))?;
    told.await.map_err(SearchError::engine("finish a batch"))?
}

/// Ids that may have been written, and none that was not added: a Bloom filter of sixteen bits for each id. (Bloom,
/// Communications of the ACM 13, 1970; Kirsch and Mitzenmacher, ESA 2006, for all hashes from two.)
struct Perhaps {
    bits: Vec<u64>,
}

/// How many bits are set for an id.
const HASHES: u64 = 6;

impl Perhaps {
    /// For some many ids, of which one in a thousand is then taken for another.
    fn new(n: u64) -> Self {
        let n_words = (n / 4).clamp(1 << 10, 1 << 26).next_power_of_two();
        Self {
            bits: vec![0; usize::try_from(n_words).unwrap_or(1 << 10)],
        }
    }

    /// Adds an id; whether it may have been there before.
    fn add(&mut self, id: &AssetId) -> bool {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let hash = hasher.finish();
        let step = hash.rotate_left(32) | 1;
        let mut was_there = true;
        for n in 0..HASHES {
            let at = hash.wrapping_add(n.wrapping_mul(step));
            let word = (at >> 6) as usize % self.bits.len();
            let bit = 1 << (at % 64);
            was_there &= self.bits[word] & bit != 0;
            self.bits[word] |= bit;
        }
        was_there
    }
}

/// Writes a batch. `seen` are the ids written so far to an index that was empty: what is not among them needs no looking
/// for a predecessor.
fn apply(
    generation: &Generation,
    batch: &[(u64, Change)],
    seen: &mut Option<Perhaps>,
) -> Result<(), SearchError> {
    let slot = generation
        .writer
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let writer = slot.as_ref().ok_or(SearchError::ReadOnly)?;
    generation.is_dirty.store(true, Ordering::SeqCst);
    for (number, change) in batch {
        let id = match change {
            Change::Put(indexed) => &indexed.asset.id,
            Change::Gone(id) => id,
        };
        let is_new = seen.as_mut().is_some_and(|seen| !seen.add(id));
        if !is_new {
            writer.delete_term(fields().id_term(id.as_str()));
        }
        if let Change::Put(indexed) = change {
            writer
                .add_document(document(indexed, *number))
                .map_err(SearchError::engine("add an asset"))?;
        }
    }
    Ok(())
}
