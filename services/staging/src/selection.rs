//! Selections: an immutable set of (asset, version), resolved when it is made.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{Datelike, Utc};
use gantry_asset::{Asset, AssetId, Completeness, Day, DayRange};
use gantry_store::{AssetRecord, Selection, SelectionMember, Store, StoreError, User};
use sha2::{Digest, Sha256};

use crate::error::StagingError;

/// How many assets one selection may hold.
pub const MAX_ASSETS: u64 = 100_000;

/// What was asked for by a range of days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranged {
    /// The days.
    pub days: DayRange,
    /// What was found in them.
    pub ids: Vec<AssetId>,
}

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
    let change = store.change_number().await?;
    let resolved = resolved(store, ids).await?;
    if resolved.by_id.is_empty() {
        return Err(StagingError::Empty);
    }
    let days = resolved.days(ranged);
    let id = id_of(resolved.by_id.values(), &days);
    keep(store, (id, None), change, (resolved.by_id, days)).await
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
    let change = store.change_number().await?;
    let resolved = resolved(store, ids).await?;
    let (days, mut by_id) = (resolved.days(ranged), resolved.by_id);
    for query in queries {
        store.keep_query(&owner.id, query).await?;
    }
    let ids: Vec<AssetId> = queries.iter().map(|query| query.id.clone()).collect();
    let kept = store.assets(&ids, Some(&owner.id)).await?;
    by_id.extend(
        kept.into_iter()
            .map(|record| (record.asset.id.clone(), record)),
    );
    let id = format!("sel_{}", uuid::Uuid::new_v4().simple());
    keep(store, (id, Some(owner.id.clone())), change, (by_id, days)).await
}

/// What ids stand for.
struct Resolved {
    by_id: BTreeMap<AssetId, AssetRecord>,
    /// The series among the ids, whose members stand in `by_id`.
    series: Vec<AssetId>,
}

impl Resolved {
    /// Which days are there of those asked for: of a whole series, and of each range.
    fn days(&self, ranged: &[Ranged]) -> Completeness {
        let mut days = Completeness::default();
        let Some(today) = Day::of_number(Utc::now().num_days_from_ce()) else {
            return days;
        };
        for series in &self.series {
            let members = self.by_id.values().map(|record| &record.asset);
            let members = members.filter(|asset| asset.series.as_ref() == Some(series));
            days.add(members, None, today);
        }
        for range in ranged {
            let members = range.ids.iter().filter_map(|id| self.by_id.get(id));
            days.add(members.map(|record| &record.asset), Some(range.days), today);
        }
        days
    }
}

/// The assets of these ids, by id; a series stands for its members.
async fn resolved(store: &Store, ids: &[AssetId]) -> Result<Resolved, StagingError> {
    let unique: HashSet<&AssetId> = ids.iter().collect();
    too_many(unique.len() as u64)?;
    let records = store.live_assets(ids).await?;
    let mut by_id: BTreeMap<AssetId, AssetRecord> = records
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
    let series: Vec<AssetId> = by_id
        .values()
        .filter(|record| record.asset.is_series())
        .map(|record| record.asset.id.clone())
        .collect();
    for id in &series {
        by_id.remove(id);
        let most = u32::try_from(MAX_ASSETS)
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        let members = store.members_of(id, most).await?;
        too_many((by_id.len() + members.len()) as u64)?;
        let members = store.live_assets(&members).await?.into_iter();
        by_id.extend(members.map(|record| (record.asset.id.clone(), record)));
    }
    Ok(Resolved { by_id, series })
}

fn too_many(n: u64) -> Result<(), StagingError> {
    if n > MAX_ASSETS {
        let max = MAX_ASSETS;
        return Err(StagingError::TooMany { n, max });
    }
    Ok(())
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

/// `sel_` and a hash of the sorted `asset@version` lines and those of the gaps.
fn id_of<'a>(records: impl Iterator<Item = &'a AssetRecord>, days: &Completeness) -> String {
    let mut lines: Vec<String> = records
        .map(|record| format!("{}@{}\n", record.asset.id, record.version))
        .collect();
    let gaps = days.gaps.iter();
    lines.extend(gaps.map(|gap| format!("{} lacks {}\n", gap.series, gap.day)));
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
