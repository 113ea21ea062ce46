//! Selections: an immutable set of (asset, version), resolved when it is made.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::Utc;
use gantry_asset::AssetId;
use gantry_store::{AssetRecord, Selection, SelectionMember, Store, StoreError};
use sha2::{Digest, Sha256};

use crate::error::StagingError;

/// How many assets one selection may hold.
pub const MAX_ASSETS: u64 = 100_000;

/// Makes and keeps the selection of these assets, each at the version it has now.
///
/// The same assets at the same versions are the same selection, whoever asks: its id is a hash of them.
///
/// # Errors
/// [`StagingError::Empty`], [`StagingError::TooMany`], and [`StagingError::NoSuchAssets`] naming what is not there.
pub async fn select(store: &Store, ids: &[AssetId]) -> Result<Selection, StagingError> {
    let unique: HashSet<&AssetId> = ids.iter().collect();
    if unique.is_empty() {
        return Err(StagingError::Empty);
    }
    if unique.len() as u64 > MAX_ASSETS {
        return Err(StagingError::TooMany {
            n: unique.len() as u64,
            max: MAX_ASSETS,
        });
    }
    let change = store.change_number().await?;
    let records = store.live_assets(ids).await?;
    let by_id: BTreeMap<AssetId, AssetRecord> = records
        .into_iter()
        .map(|record| (record.asset.id.clone(), record))
        .collect();
    let mut missing: Vec<AssetId> = unique
        .into_iter()
        .filter(|id| !by_id.contains_key(*id))
        .cloned()
        .collect();
    if !missing.is_empty() {
        missing.sort_unstable();
        return Err(StagingError::NoSuchAssets(missing));
    }
    let selection = Selection {
        id: id_of(by_id.values()),
        owner: None,
        change,
        n_assets: by_id.len() as u64,
        n_files: by_id
            .values()
            .map(|record| record.asset.files.len() as u64)
            .sum(),
        size_bytes: by_id.values().map(|record| record.asset.size_bytes()).sum(),
        created: Utc::now(),
    };
    let members: Vec<SelectionMember> = by_id
        .into_values()
        .map(|record| SelectionMember {
            asset: record.asset.id,
            version: record.version,
        })
        .collect();
    store.keep_selection(&selection, &members).await?;
    Ok(store.selection(&selection.id, None).await?)
}

/// `sel_` and a hash of the sorted `asset@version` lines.
fn id_of<'a>(records: impl Iterator<Item = &'a AssetRecord>) -> String {
    let mut lines: Vec<String> = records
        .map(|record| format!("{}@{}\n", record.asset.id, record.version))
        .collect();
    lines.sort_unstable();
    let hash = Sha256::digest(lines.concat().as_bytes());
    let hex: String = hash[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sel_{hex}")
}

/// Everything in a selection, with its files at the version selected.
///
/// # Errors
/// [`StagingError::Store`] when the record does not answer.
pub async fn members(
    store: &Store,
    selection: &str,
    from: u64,
    limit: u32,
) -> Result<Vec<(SelectionMember, AssetRecord)>, StagingError> {
    let members = store.selection_members(selection, from, limit).await?;
    let ids: Vec<AssetId> = members.iter().map(|member| member.asset.clone()).collect();
    let records = store.assets(&ids, None).await?.into_iter();
    let mut records: HashMap<AssetId, AssetRecord> = records
        .map(|record| (record.asset.id.clone(), record))
        .collect();
    let mut found = Vec::with_capacity(members.len());
    for member in members {
        let record = records.remove(&member.asset);
        let mut record = record.ok_or_else(|| StoreError::NoSuchAsset(member.asset.clone()))?;
        if record.version != member.version {
            record.asset.files = store.asset_files(&member.asset, member.version).await?;
        }
        found.push((member, record));
    }
    Ok(found)
}
