//! Selections: an immutable set of (asset, version), resolved when it is made.

use std::collections::{BTreeMap, HashMap};

use chrono::Utc;
use gantry_asset::{Asset, AssetId, Completeness, GapReason};
use gantry_store::{AssetRecord, Selection, SelectionMember, Store, StoreError, User};
use sha2::{Digest, Sha256};

use crate::draft::{Draft, Ranged};
use crate::error::StagingError;

/// Makes and keeps the selection of these assets, each at the version it has now.
///
/// The same assets at the same versions are the same selection, whoever asks: its id is a hash of them, and of the days
/// that are missing where days of series were asked for.
///
/// # Errors
/// [`StagingError::Empty`], [`StagingError::TooMany`], and [`StagingError::NoSuchAssets`] naming what is not there.
pub async fn select(
    store: &Store,
    ids: &[AssetId],
    ranged: &[Ranged],
) -> Result<Selection, StagingError> {
    keep_draft(store, Draft::of(store, ids, ranged).await?).await
}

/// Keeps a draft as the selection that it is.
///
/// # Errors
/// [`StagingError::Empty`], and [`StagingError::Store`] when the record does not answer.
pub async fn keep_draft(store: &Store, draft: Draft) -> Result<Selection, StagingError> {
    if draft.by_id.is_empty() {
        return Err(StagingError::Empty);
    }
    let days = draft.days();
    let id = id_of(draft.by_id.values(), &days);
    keep(store, (id, None), draft.change, (draft.by_id, days)).await
}

/// Makes and keeps a selection of a user's own: these queries, and these assets at the versions they have now.
///
/// Its id is random, since what a query gives is not known before it is run.
///
/// # Errors
/// As [`select`].
pub async fn select_with_queries(
    store: &Store,
    owner: &User,
    ids: &[AssetId],
    ranged: &[Ranged],
    queries: &[Asset],
) -> Result<Selection, StagingError> {
    let draft = Draft::of(store, ids, ranged).await?;
    keep_draft_with_queries(store, owner, draft, queries).await
}

/// Keeps a draft and queries as a selection of a user's own.
///
/// # Errors
/// [`StagingError::Store`] when the record does not answer.
pub async fn keep_draft_with_queries(
    store: &Store,
    owner: &User,
    draft: Draft,
    queries: &[Asset],
) -> Result<Selection, StagingError> {
    let (days, change, mut by_id) = (draft.days(), draft.change, draft.by_id);
    let ids: Vec<AssetId> = queries.iter().map(|query| query.id.clone()).collect();
    let known = store.assets(&ids, Some(&owner.id)).await?;
    let is_known = |query: &&Asset| known.iter().any(|record| record.asset.id == query.id);
    for query in queries.iter().filter(|query| !is_known(query)) {
        store.keep_query(&owner.id, query).await?;
    }
    let kept = store.assets(&ids, Some(&owner.id)).await?;
    by_id.extend(
        kept.into_iter()
            .map(|record| (record.asset.id.clone(), record)),
    );
    let id = format!("sel_{}", uuid::Uuid::new_v4().simple());
    keep(store, (id, Some(owner.id.clone())), change, (by_id, days)).await
}

async fn keep(
    store: &Store,
    (id, owner): (String, Option<String>),
    change: u64,
    (by_id, days): (BTreeMap<AssetId, AssetRecord>, Completeness),
) -> Result<Selection, StagingError> {
    let selection = Selection {
        id,
        owner,
        change,
        n_assets: by_id.len() as u64,
        n_files: by_id
            .values()
            .map(|record| record.asset.files.len() as u64)
            .sum(),
        size_bytes: by_id.values().map(|record| record.asset.size_bytes()).sum(),
        days,
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
    Ok(store
        .selection(&selection.id, selection.owner.as_deref())
        .await?)
}

/// `sel_` and a hash of the sorted `asset@version` lines, those of the gaps and those of the notes: what was chosen for
/// other reasons is another selection, since it says other things of itself.
fn id_of<'a>(records: impl Iterator<Item = &'a AssetRecord>, days: &Completeness) -> String {
    let mut lines: Vec<String> = records
        .map(|record| format!("{}@{}\n", record.asset.id, record.version))
        .collect();
    let gaps = days.gaps.iter();
    lines.extend(gaps.map(|gap| {
        let what = match &gap.series {
            Some(series) => series.to_string(),
            None => gap.what(),
        };
        let yet = match gap.reason {
            GapReason::NotYetDue => " yet",
            GapReason::StationInactive => " inactive",
            GapReason::NotAtArchive => "",
        };
        format!("{what} lacks {}{yet}\n", gap.day)
    }));
    lines.extend(days.notes.iter().map(|note| format!("note {note}\n")));
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
    let records = store.assets_in(selection, &ids).await?.into_iter();
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
