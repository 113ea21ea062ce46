//! Naming files that are whole: in batches, each made durable once.

use gantry_asset::AssetId;
use gantry_store::{FileOutcome, StagedFile, StoreError};
use tokio::sync::mpsc;

use crate::blocking::blocking;
use crate::job::JobRun;
use crate::transfer::{PartState, Whole, failed};
use crate::volume::{LocalVolume, Part, VolumeError, VolumePath};

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
    run: &JobRun<'_>,
    mut finished: mpsc::Receiver<Finished>,
) -> Result<(), StoreError> {
    let mut batch = Vec::with_capacity(BATCH);
    while finished.recv_many(&mut batch, BATCH).await > 0 {
        keep_wholes(run, &batch).await?;
        for file in &batch {
            run.live.settle(&run.lease.id, file.position);
        }
        let (volume, batch) = (run.volume.clone(), std::mem::take(&mut batch));
        let (settled, locked) = blocking(move || name_all(&volume, batch)).await;
        run.store
            .settle_files(run.lease, &run.row.id, &settled)
            .await?;
        // Whoever waited for one of these files finds it in the record now.
        drop(locked);
    }
    Ok(())
}

type Settled = (u64, FileOutcome, Option<StagedFile>);

/// Makes the parts of a batch durable and gives them their names; their locks come back with the outcomes.
fn name_all(volume: &LocalVolume, batch: Vec<Finished>) -> (Vec<Settled>, Vec<Part>) {
    let wholes = batch.iter().any(|file| matches!(file.end, End::Whole(..)));
    let synced = if wholes { volume.sync() } else { Ok(()) };
    let mut locked = Vec::new();
    let settled = batch
        .into_iter()
        .map(|file| name(volume, file, &synced, &mut locked))
        .collect();
    (settled, locked)
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
    locked: &mut Vec<Part>,
) -> Settled {
    let (path, outcome) = match file.end {
        End::Outcome(outcome) => return (file.position, outcome, None),
        End::InPlace(path, outcome) => (path, outcome),
        End::Whole(path, Whole { part, outcome }) => {
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
            locked.push(part);
            (path, outcome)
        }
    };
    let of = (file.asset, file.version, file.name);
    let staged = staged_file(volume, &path, &outcome, of);
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
