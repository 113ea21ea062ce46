//! Naming files that are whole: in batches, each made durable once.

use gantry_asset::AssetId;
use gantry_store::{CachedFile, FileOutcome, StagedFile, StoreError};
use tokio::sync::mpsc;

use crate::blocking::blocking;
use crate::cache::Fetched;
use crate::job::JobRun;
use crate::transfer::{PartState, Whole, failed};
use crate::volume::{Entry, LocalVolume, Part, VolumeError, VolumePath};

/// A file that has come to its end.
pub(crate) struct Finished {
    pub(crate) position: u64,
    pub(crate) asset: AssetId,
    pub(crate) version: u32,
    pub(crate) name: String,
    pub(crate) end: End,
}

/// How a file has come to its end.
pub(crate) enum End {
    /// Whole, in its part, to be named.
    Whole(VolumePath, Whole),
    /// In place already: present, linked or sent just now; with what was fetched into the cache for it.
    InPlace(VolumePath, FileOutcome, Option<Fetched>),
    /// Not there.
    Outcome(FileOutcome),
}

/// The most files that are made durable at once.
const BATCH: usize = 256;

/// Takes finished files and gives them their outcomes until no more come.
///
/// In this order: the parts are durable (`syncfs`), what is about to be named is kept in the record, the names are
/// given, and one transaction keeps the outcomes. A crash after any step is mended from what the step before kept.
pub(crate) async fn finish(
    run: &JobRun<'_>,
    mut finished: mpsc::Receiver<Finished>,
) -> Result<(), StoreError> {
    let mut batch = Vec::with_capacity(BATCH);
    while finished.recv_many(&mut batch, BATCH).await > 0 {
        keep_wholes(run, &batch).await?;
        let positions: Vec<u64> = batch.iter().map(|file| file.position).collect();
        let named = name_all(run, std::mem::take(&mut batch)).await;
        let rows: Vec<CachedFile> = named.fetched.iter().filter_map(Fetched::row).collect();
        run.store
            .settle_files(run.lease, &run.row.id, &named.settled, &rows)
            .await?;
        // Only now, so that the bytes of these files are seen all the time.
        for position in positions {
            run.live.settle(&run.lease.id, position);
        }
        // Whoever waited for one of these files finds it in the record, and in the cache, from now on.
        if let Some(cache) = run.cache {
            let has_more = !named.fetched.is_empty();
            cache.name(named.fetched);
            if has_more {
                cache.keep_bounds().await?;
            }
        }
        drop(named.locked);
    }
    Ok(())
}

type Settled = (u64, FileOutcome, Option<StagedFile>);

/// Files that have their names, with the locks that keep others waiting until the record says so.
#[derive(Default)]
struct Named {
    settled: Vec<Settled>,
    locked: Vec<Part>,
    fetched: Vec<Fetched>,
}

/// Makes the parts of a batch durable and gives them their names.
async fn name_all(run: &JobRun<'_>, batch: Vec<Finished>) -> Named {
    let cache = run.cache.map(|cache| cache.files.clone());
    if let Some(volume) = run.files.as_local().cloned() {
        return blocking(move || name_local(&volume, cache.as_ref(), batch)).await;
    }
    let mut named = Named::default();
    for file in batch {
        let (path, outcome, fetched) = match file.end {
            End::InPlace(path, outcome, fetched) => (path, outcome, fetched),
            End::Outcome(outcome) => {
                named.settled.push((file.position, outcome, None));
                continue;
            }
            // Nothing is named later elsewhere: sending a file gives it its name.
            End::Whole(path, whole) => (path, whole.outcome, whole.fetched),
        };
        named.fetched.extend(fetched);
        let there = run.files.stat(&path).await.ok().flatten();
        let of = (file.asset, file.version, file.name);
        let staged = there.map(|there| staged_file(&there, &path, &outcome, of));
        named.settled.push((file.position, outcome, staged));
    }
    named
}

fn name_local(volume: &LocalVolume, cache: Option<&LocalVolume>, batch: Vec<Finished>) -> Named {
    let is_whole = |file: &Finished| matches!(file.end, End::Whole(..));
    let is_fetched = |file: &Finished| match &file.end {
        End::Whole(_, whole) => whole.fetched.is_some(),
        End::InPlace(_, _, fetched) => fetched.is_some(),
        End::Outcome(_) => false,
    };
    let synced = match batch.iter().any(is_whole) {
        true => volume.sync(),
        false => Ok(()),
    };
    // One file system is made durable once.
    let elsewhere = cache.filter(|cache| !cache.is_beside(volume) && batch.iter().any(is_fetched));
    let cache_synced = elsewhere.map_or(Ok(()), LocalVolume::sync);
    let mut named = Named::default();
    for file in batch {
        let settled = name(volume, file, &synced, &mut named);
        named.settled.push(settled);
    }
    if let Err(error) = cache_synced {
        tracing::warn!(%error, "what was fetched is not kept in the cache");
        named.fetched.clear();
    }
    named
}

async fn keep_wholes(run: &JobRun<'_>, batch: &[Finished]) -> Result<(), StoreError> {
    let mut states = Vec::new();
    for file in batch {
        if let End::Whole(path, whole) = &file.end {
            let state = PartState {
                whole: Some(whole.outcome.clone()),
                path: Some(path.as_str().to_owned()),
                ..PartState::default()
            };
            let text = serde_json::to_string(&state).expect("a part's state is plain data");
            states.push((file.position, whole.part.written, text));
        }
    }
    if states.is_empty() {
        return Ok(());
    }
    run.store.keep_all_progress(run.lease, &states).await
}

fn name(
    volume: &LocalVolume,
    file: Finished,
    synced: &Result<(), VolumeError>,
    named_before: &mut Named,
) -> Settled {
    let (path, outcome) = match file.end {
        End::Outcome(outcome) => return (file.position, outcome, None),
        End::InPlace(path, outcome, fetched) => {
            named_before.fetched.extend(fetched);
            (path, outcome)
        }
        End::Whole(path, whole) => {
            let Whole {
                part,
                outcome,
                fetched,
            } = whole;
            named_before.fetched.extend(fetched);
            let named = match synced {
                Ok(()) => volume
                    .finish_part(&path, &part)
                    .map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            if let Err(why) = named {
                drop(part);
                if let Err(error) = volume.drop_part(&path) {
                    tracing::warn!(path = %path, %error, "could not remove a part");
                }
                return (file.position, failed(&format!("volume: {why}"), true), None);
            }
            named_before.locked.push(part);
            (path, outcome)
        }
    };
    let of = (file.asset, file.version, file.name);
    let there = volume.stat(&path).ok().flatten();
    let staged = there.map(|there| staged_file(&there, &path, &outcome, of));
    (file.position, outcome, staged)
}

/// What the record keeps of a file in place.
fn staged_file(
    entry: &Entry,
    path: &VolumePath,
    outcome: &FileOutcome,
    (asset, version, name): (AssetId, u32, String),
) -> StagedFile {
    StagedFile {
        path: path.as_str().to_owned(),
        asset,
        version,
        name,
        method: outcome.method.clone().unwrap_or_else(|| "copy".to_owned()),
        size_bytes: entry.size_bytes,
        modified_ns: entry.modified_ns,
        inode: entry.inode,
        sha256: outcome.sha256.clone(),
        verified_by: outcome
            .verified_by
            .clone()
            .unwrap_or_else(|| "unverified".to_owned()),
        staged: chrono::Utc::now(),
    }
}
