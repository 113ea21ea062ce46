//! Naming files that are whole: in batches, each made durable once.

use gantry_asset::AssetId;
use gantry_store::{FileOutcome, Lease, StagedFile, Store, StoreError};
use tokio::sync::mpsc;

use crate::live::Live;
use crate::transfer::{PartState, Whole, failed};
use crate::volume::{LocalVolume, VolumeError, VolumePath};

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
    /// In place already: present, or linked just now.
    InPlace(VolumePath, FileOutcome),
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
    store: &Store,
    lease: &Lease,
    (volume_id, volume): (&str, &LocalVolume),
    live: &Live,
    mut finished: mpsc::Receiver<Finished>,
) -> Result<(), StoreError> {
    let mut batch = Vec::with_capacity(BATCH);
    while finished.recv_many(&mut batch, BATCH).await > 0 {
        let wholes = batch.iter().any(|file| matches!(file.end, End::Whole(..)));
        let synced = if wholes { volume.sync() } else { Ok(()) };
        keep_wholes(store, lease, &batch).await?;
        let mut settled = Vec::with_capacity(batch.len());
        for file in batch.drain(..) {
            live.settle(&lease.id, file.position);
            settled.push(name(volume, file, &synced));
        }
        store.settle_files(lease, volume_id, &settled).await?;
    }
    Ok(())
}

async fn keep_wholes(store: &Store, lease: &Lease, batch: &[Finished]) -> Result<(), StoreError> {
    for file in batch {
        if let End::Whole(path, whole) = &file.end {
            let state = PartState {
                whole: Some(whole.outcome.clone()),
                path: Some(path.as_str().to_owned()),
                ..PartState::default()
            };
            let text = serde_json::to_string(&state).expect("a part's state is plain data");
            store
                .keep_progress(lease, file.position, whole.part.written, Some(&text))
                .await?;
        }
    }
    Ok(())
}

fn name(
    volume: &LocalVolume,
    file: Finished,
    synced: &Result<(), VolumeError>,
) -> (u64, FileOutcome, Option<StagedFile>) {
    let (path, outcome) = match file.end {
        End::Outcome(outcome) => return (file.position, outcome, None),
        End::InPlace(path, outcome) => (path, outcome),
        End::Whole(path, whole) => {
            if let Err(error) = synced {
                return (
                    file.position,
                    failed(&format!("volume: {error}"), true),
                    None,
                );
            }
            if let Err(error) = volume.finish_part(&path) {
                return (
                    file.position,
                    failed(&format!("volume: {error}"), true),
                    None,
                );
            }
            (path, whole.outcome)
        }
    };
    let staged = staged_file(
        volume,
        &path,
        &outcome,
        (file.asset, file.version, file.name),
    );
    (file.position, outcome, staged)
}

/// What the record keeps of a file in place.
fn staged_file(
    volume: &LocalVolume,
    path: &VolumePath,
    outcome: &FileOutcome,
    (asset, version, name): (AssetId, u32, String),
) -> Option<StagedFile> {
    let entry = volume.stat(path).ok().flatten()?;
    Some(StagedFile {
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
    })
}
