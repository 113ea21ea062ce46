//! Writing what a harvest found: new assets, changed ones, and versions of their files.

use std::collections::{HashMap, HashSet};

use gantry_asset::{Asset, AssetId, Content, version_hash};
use sqlx::{QueryBuilder, Sqlite, Transaction};

use crate::database::now;
use crate::error::{Doing, StoreError};
use crate::series::note_all_changed;
use crate::{BatchCounts, Lease, Store};

impl Store {
    /// Writes a batch of a harvest: what is unchanged is only marked as seen, all else takes a number.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when another process has the harvest now; nothing was written then.
    pub async fn upsert_assets(
        &self,
        lease: &Lease,
        assets: &[Asset],
    ) -> Result<BatchCounts, StoreError> {
        self.write_assets(lease, assets, &HashMap::new()).await
    }

    /// Writes a batch of an import: as [`Store::upsert_assets`], but a new version has at least the number it is given.
    ///
    /// # Errors
    /// As [`Store::upsert_assets`].
    pub async fn import_assets(
        &self,
        lease: &Lease,
        assets: &[Asset],
        versions: &HashMap<AssetId, u32>,
    ) -> Result<BatchCounts, StoreError> {
        self.write_assets(lease, assets, versions).await
    }

    async fn write_assets(
        &self,
        lease: &Lease,
        assets: &[Asset],
        versions: &Versions,
    ) -> Result<BatchCounts, StoreError> {
        let mut tx = self.begin().await?;
        crate::harvests::check_lease(&mut tx, lease).await?;
        let mut counts = BatchCounts::default();
        for batch in without_repetition(assets) {
            write_batch(&mut tx, &lease.id, (batch, versions), &mut counts).await?;
        }
        crate::harvests::add_counts(&mut tx, &lease.id, counts).await?;
        tx.commit().await.doing("keep a batch of assets")?;
        Ok(counts)
    }
}

/// Numbers that versions have at least; 1 where nothing is said.
type Versions = HashMap<AssetId, u32>;

fn least(versions: &Versions, id: &AssetId) -> i64 {
    versions.get(id).copied().map_or(1, i64::from).max(1)
}

/// So many assets are written by one statement; each takes a dozen of its parameters.
const AT_ONCE: usize = 1000;

/// The assets in parts in which none comes twice, nor too many for one statement.
fn without_repetition(assets: &[Asset]) -> Vec<&[Asset]> {
    let (mut parts, mut from, mut ids) = (Vec::new(), 0, HashSet::new());
    for (n, asset) in assets.iter().enumerate() {
        if n - from >= AT_ONCE || ids.contains(&asset.id) {
            parts.push(&assets[from..n]);
            (from, ids) = (n, HashSet::new());
        }
        ids.insert(&asset.id);
    }
    parts.push(&assets[from..]);
    parts
}

/// A new asset with what it says of itself and the hash of its files.
struct New<'a> {
    asset: &'a Asset,
    content: Content,
    files: String,
    version: i64,
}

async fn write_batch(
    tx: &mut Transaction<'static, Sqlite>,
    harvest: &str,
    (assets, versions): (&[Asset], &Versions),
    counts: &mut BatchCounts,
) -> Result<(), StoreError> {
    let known = known(tx, assets).await?;
    let (mut new, mut seen) = (Vec::new(), Vec::new());
    for asset in assets {
        let (content, files) = (Content::of(asset), version_hash(&asset.files));
        let Some(known) = known.get(asset.id.as_str()) else {
            new.push(New {
                asset,
                content,
                files,
                version: least(versions, &asset.id),
            });
            continue;
        };
        if known.content_hash != content.hash
            || known.version_hash != files
            || known.withdrawn.is_some()
        {
            let version = match known.version_hash == files {
                true => known.version,
                false => least(versions, &asset.id).max(known.version + 1),
            };
            let of_files = (&content, files.as_str(), version);
            update(tx, harvest, asset, of_files).await?;
            note_all_changed(tx, series_of(asset).chain(known.series.as_deref())).await?;
            counts.changed += 1;
        } else if known.seen != harvest {
            seen.push(asset.id.as_str());
        }
    }
    counts.new += new.len() as u64;
    counts.unchanged += seen.len() as u64;
    mark_seen(tx, harvest, &seen).await?;
    insert(tx, harvest, &new).await
}

/// What the record has of an asset.
#[derive(sqlx::FromRow)]
struct Known {
    id: String,
    content_hash: String,
    version: i64,
    version_hash: String,
    withdrawn: Option<i64>,
    /// By which harvest it was seen last.
    seen: String,
    series: Option<String>,
}

async fn known(
    tx: &mut Transaction<'static, Sqlite>,
    assets: &[Asset],
) -> Result<HashMap<String, Known>, StoreError> {
    if assets.is_empty() {
        return Ok(HashMap::new());
    }
    let mut query = QueryBuilder::new(
        "SELECT id, content_hash, version, version_hash, withdrawn, seen, series FROM assets WHERE id IN (",
    );
    let mut ids = query.separated(", ");
    for asset in assets {
        ids.push_bind(asset.id.as_str());
    }
    query.push(")");
    let rows: Vec<Known> = query
        .build_query_as()
        .fetch_all(&mut **tx)
        .await
        .doing("look up assets")?;
    Ok(rows.into_iter().map(|row| (row.id.clone(), row)).collect())
}

async fn mark_seen(
    tx: &mut Transaction<'static, Sqlite>,
    harvest: &str,
    ids: &[&str],
) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new("UPDATE assets SET seen = ");
    query.push_bind(harvest).push(" WHERE id IN (");
    let mut each = query.separated(", ");
    for id in ids {
        each.push_bind(*id);
    }
    query.push(")");
    query
        .build()
        .execute(&mut **tx)
        .await
        .doing("mark assets as seen")?;
    Ok(())
}

/// Which series are to be summed up again for an asset: the one it is in, and itself.
fn series_of(asset: &Asset) -> impl Iterator<Item = &str> {
    let own = asset.is_series().then_some(asset.id.as_str());
    let series = asset.series.as_ref().map(AssetId::as_str);
    own.into_iter().chain(series)
}

async fn insert(
    tx: &mut Transaction<'static, Sqlite>,
    harvest: &str,
    new: &[New<'_>],
) -> Result<(), StoreError> {
    if new.is_empty() {
        return Ok(());
    }
    let first = next_changes(tx, new.len()).await?;
    let created = now();
    let mut query = QueryBuilder::new(
        "INSERT INTO assets (id, archive, content_hash, version, version_hash, body, change, seen, created, updated, series, size_bytes) ",
    );
    query.push_values((first..).zip(new), |mut row, (change, new)| {
        let New {
            asset,
            content,
            files,
            version,
        } = new;
        row.push_bind(asset.id.as_str())
            .push_bind(asset.id.archive().to_string())
            .push_bind(&content.hash)
            .push_bind(*version)
            .push_bind(files)
            .push_bind(&content.body)
            .push_bind(change)
            .push_bind(harvest)
            .push_bind(created)
            .push_bind(created)
            .push_bind(asset.series.as_ref().map(AssetId::as_str))
            .push_bind(asset.size_bytes().map(u64::cast_signed));
    });
    query
        .build()
        .execute(&mut **tx)
        .await
        .doing("keep new assets")?;
    insert_versions(tx, new, created).await?;
    insert_files(tx, new.iter().map(|new| (new.asset, new.version))).await?;
    note_all_changed(tx, new.iter().flat_map(|new| series_of(new.asset))).await
}

/// The first version that is known of each.
async fn insert_versions(
    tx: &mut Transaction<'static, Sqlite>,
    new: &[New<'_>],
    created: i64,
) -> Result<(), StoreError> {
    let mut query = QueryBuilder::new("INSERT INTO versions (asset, version, hash, created) ");
    query.push_values(new, |mut row, new| {
        row.push_bind(new.asset.id.as_str())
            .push_bind(new.version)
            .push_bind(&new.files)
            .push_bind(created);
    });
    query
        .build()
        .execute(&mut **tx)
        .await
        .doing("keep versions")?;
    Ok(())
}

/// The files of a version of each asset.
async fn insert_files<'a>(
    tx: &mut Transaction<'static, Sqlite>,
    versions: impl Iterator<Item = (&'a Asset, i64)>,
) -> Result<(), StoreError> {
    let mut rows = Vec::new();
    for (asset, version) in versions {
        for (position, file) in asset.files.iter().enumerate() {
            let body = serde_json::to_string(file).doing("a file")?;
            rows.push((asset, version, position as i64, file, body));
        }
    }
    for rows in rows.chunks(AT_ONCE) {
        let mut query =
            QueryBuilder::new("INSERT INTO files (asset, version, position, name, body) ");
        query.push_values(rows, |mut row, (asset, version, position, file, body)| {
            row.push_bind(asset.id.as_str())
                .push_bind(*version)
                .push_bind(position)
                .push_bind(&file.name)
                .push_bind(body);
        });
        query.build().execute(&mut **tx).await.doing("keep files")?;
    }
    Ok(())
}

async fn update(
    tx: &mut Transaction<'static, Sqlite>,
    harvest: &str,
    asset: &Asset,
    (content, files, version): (&Content, &str, i64),
) -> Result<(), StoreError> {
    let change = next_change(tx).await?;
    sqlx::query(
        "UPDATE assets SET content_hash = $2, version = $3, version_hash = $4, body = $5, change = $6, seen = $7, \
         updated = $8, withdrawn = NULL, series = $9, size_bytes = $10 WHERE id = $1",
    )
    .bind(asset.id.as_str())
    .bind(&content.hash)
    .bind(version)
    .bind(files)
    .bind(&content.body)
    .bind(change)
    .bind(harvest)
    .bind(now())
    .bind(asset.series.as_ref().map(AssetId::as_str))
    .bind(asset.size_bytes().map(u64::cast_signed))
    .execute(&mut **tx)
    .await
    .doing("keep a changed asset")?;
    write_version(tx, asset, version, files).await
}

pub(crate) async fn write_version(
    tx: &mut Transaction<'static, Sqlite>,
    asset: &Asset,
    version: i64,
    hash: &str,
) -> Result<(), StoreError> {
    let id = asset.id.as_str();
    sqlx::query("INSERT INTO versions (asset, version, hash, created) VALUES ($1, $2, $3, $4) ON CONFLICT (asset, version) DO NOTHING")
        .bind(id)
        .bind(version)
        .bind(hash)
        .bind(now())
        .execute(&mut **tx)
        .await
        .doing("keep a version")?;
    sqlx::query("DELETE FROM files WHERE asset = $1 AND version = $2")
        .bind(id)
        .bind(version)
        .execute(&mut **tx)
        .await
        .doing("replace the files of a version")?;
    insert_files(tx, std::iter::once((asset, version))).await
}

/// Takes so many change numbers that follow each other, and gives the first.
async fn next_changes(tx: &mut Transaction<'static, Sqlite>, n: usize) -> Result<i64, StoreError> {
    let last: i64 =
        sqlx::query_scalar("UPDATE counter SET value = value + $1 WHERE id = 1 RETURNING value")
            .bind(n as i64)
            .fetch_one(&mut **tx)
            .await
            .doing("number changes")?;
    Ok(last - n as i64 + 1)
}

/// Takes the next change number; the counter's row orders all writers.
pub(crate) async fn next_change(tx: &mut Transaction<'static, Sqlite>) -> Result<i64, StoreError> {
    sqlx::query_scalar("UPDATE counter SET value = value + 1 WHERE id = 1 RETURNING value")
        .fetch_one(&mut **tx)
        .await
        .doing("number a change")
}
