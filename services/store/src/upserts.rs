//! Writing what a harvest found: new assets, changed ones, and versions of their files.

use gantry_asset::{Asset, AssetId, content_hash, version_hash};
use sqlx::{Sqlite, Transaction};

use crate::database::now;
use crate::error::{Doing, StoreError};
use crate::series::note_changed;
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
        let mut tx = self.begin().await?;
        crate::harvests::check_lease(&mut tx, lease).await?;
        let mut counts = BatchCounts::default();
        for asset in assets {
            match upsert(&mut tx, &lease.id, asset).await? {
                Upserted::New => counts.new += 1,
                Upserted::Changed => counts.changed += 1,
                Upserted::Unchanged => counts.unchanged += 1,
                Upserted::Again => {}
            }
        }
        crate::harvests::add_counts(&mut tx, &lease.id, counts).await?;
        tx.commit().await.doing("keep a batch of assets")?;
        Ok(counts)
    }
}

/// What the record has of an asset: hash, version, hash of its files, when it was withdrawn, seen by which harvest, series.
type Known = (String, i64, String, Option<i64>, String, Option<String>);

enum Upserted {
    New,
    Changed,
    Unchanged,
    /// Seen by this harvest before: it was cut and goes on, or the archive lists it twice.
    Again,
}

async fn upsert(
    tx: &mut Transaction<'static, Sqlite>,
    harvest: &str,
    asset: &Asset,
) -> Result<Upserted, StoreError> {
    let known: Option<Known> = sqlx::query_as(
        "SELECT content_hash, version, version_hash, withdrawn, seen, series FROM assets WHERE id = $1",
    )
    .bind(asset.id.as_str())
    .fetch_optional(&mut **tx)
    .await
    .doing("look up an asset")?;
    let (content, files) = (content_hash(asset), version_hash(&asset.files));
    let Some((known_content, version, known_files, withdrawn, seen, series)) = known else {
        insert(tx, harvest, asset, &content, &files).await?;
        note_series(tx, asset, None).await?;
        return Ok(Upserted::New);
    };
    if known_content == content && known_files == files && withdrawn.is_none() {
        if seen == harvest {
            return Ok(Upserted::Again);
        }
        sqlx::query("UPDATE assets SET seen = $1 WHERE id = $2")
            .bind(harvest)
            .bind(asset.id.as_str())
            .execute(&mut **tx)
            .await
            .doing("mark an asset as seen")?;
        return Ok(Upserted::Unchanged);
    }
    let version = if known_files == files {
        version
    } else {
        version + 1
    };
    update(tx, harvest, asset, (&content, &files, version)).await?;
    note_series(tx, asset, series.as_deref()).await?;
    Ok(Upserted::Changed)
}

/// Notes which series are to be summed up again: the one it was in, the one it is in, itself.
async fn note_series(
    tx: &mut Transaction<'static, Sqlite>,
    asset: &Asset,
    before: Option<&str>,
) -> Result<(), StoreError> {
    let own = asset.is_series().then_some(asset.id.as_str());
    let now = asset.series.as_ref().map(AssetId::as_str);
    for series in before.into_iter().chain(now).chain(own) {
        note_changed(tx, series).await?;
    }
    Ok(())
}

async fn insert(
    tx: &mut Transaction<'static, Sqlite>,
    harvest: &str,
    asset: &Asset,
    content: &str,
    files: &str,
) -> Result<(), StoreError> {
    let change = next_change(tx).await?;
    sqlx::query(
        "INSERT INTO assets (id, archive, content_hash, version, version_hash, body, change, seen, created, updated, series, size_bytes) \
         VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $8, $9, $10)",
    )
    .bind(asset.id.as_str())
    .bind(asset.id.archive().as_str())
    .bind(content)
    .bind(files)
    .bind(body_of(asset)?)
    .bind(change)
    .bind(harvest)
    .bind(now())
    .bind(asset.series.as_ref().map(AssetId::as_str))
    .bind(asset.size_bytes().map(u64::cast_signed))
    .execute(&mut **tx)
    .await
    .doing("keep a new asset")?;
    write_version(tx, asset, 1, files).await
}

async fn update(
    tx: &mut Transaction<'static, Sqlite>,
    harvest: &str,
    asset: &Asset,
    (content, files, version): (&str, &str, i64),
) -> Result<(), StoreError> {
    let change = next_change(tx).await?;
    sqlx::query(
        "UPDATE assets SET content_hash = $2, version = $3, version_hash = $4, body = $5, change = $6, seen = $7, \
         updated = $8, withdrawn = NULL, series = $9, size_bytes = $10 WHERE id = $1",
    )
    .bind(asset.id.as_str())
    .bind(content)
    .bind(version)
    .bind(files)
    .bind(body_of(asset)?)
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
    for (position, file) in asset.files.iter().enumerate() {
        sqlx::query(
            "INSERT INTO files (asset, version, position, name, body) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(id)
        .bind(version)
        .bind(position as i64)
        .bind(&file.name)
        .bind(serde_json::to_string(file).doing("a file")?)
        .execute(&mut **tx)
        .await
        .doing("keep a file")?;
    }
    Ok(())
}

/// Takes the next change number; the counter's row orders all writers.
pub(crate) async fn next_change(tx: &mut Transaction<'static, Sqlite>) -> Result<i64, StoreError> {
    sqlx::query_scalar("UPDATE counter SET value = value + 1 WHERE id = 1 RETURNING value")
        .fetch_one(&mut **tx)
        .await
        .doing("number a change")
}

pub(crate) fn body_of(asset: &Asset) -> Result<String, StoreError> {
    serde_json::to_string(&Asset {
        files: Vec::new(),
        ..asset.clone()
    })
    .doing("an asset")
}
