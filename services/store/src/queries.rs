//! Queries in the record: private assets whose files are answers, and the runs that gave them.

use gantry_asset::{Asset, AssetId, Content, File, version_hash};

use crate::Store;
use crate::database::now;
use crate::error::{Doing, StoreError};
use crate::upserts::{next_change, write_version};

/// The version of a query that has not been run: what is to be asked, with no answer yet.
pub const NOT_RUN: u32 = 0;

impl Store {
    /// Keeps a query as a private asset of a user; it has no version until it is run, and no index ever has it.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn keep_query(&self, owner: &str, query: &Asset) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let change = next_change(&mut tx).await?;
        let (content, hash) = (Content::of(query), version_hash(&query.files));
        sqlx::query(
            "INSERT INTO assets (id, archive, owner, content_hash, version, version_hash, body, change, seen, created, updated) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', $9, $9)",
        )
        .bind(query.id.as_str())
        .bind(query.id.archive().as_str())
        .bind(owner)
        .bind(&content.hash)
        .bind(i64::from(NOT_RUN))
        .bind(&hash)
        .bind(&content.body)
        .bind(change)
        .bind(now())
        .execute(&mut *tx)
        .await
        .doing("keep a query")?;
        write_version(&mut tx, query, i64::from(NOT_RUN), &hash).await?;
        tx.commit().await.doing("keep a query")
    }

    /// Keeps a run of a query as a version of its asset: the files it gave with their sizes and checksums.
    ///
    /// A run that gave the same bytes as the newest one is no new version.
    ///
    /// # Errors
    /// [`StoreError::NoSuchAsset`] when there is no such query.
    pub async fn keep_run(
        &self,
        query: &AssetId,
        files: &[File],
        n_rows: Option<u64>,
    ) -> Result<u32, StoreError> {
        let mut tx = self.begin().await?;
        let known: Option<(i64, String, String)> = sqlx::query_as(
            "SELECT version, version_hash, body FROM assets WHERE id = $1 AND owner IS NOT NULL",
        )
        .bind(query.as_str())
        .fetch_optional(&mut *tx)
        .await
        .doing("look up a query")?;
        let (version, known, body) = known.ok_or_else(|| StoreError::NoSuchAsset(query.clone()))?;
        let hash = version_hash(files);
        if hash == known {
            return Ok(u32::try_from(version).unwrap_or(u32::MAX));
        }
        let (version, change) = (version + 1, next_change(&mut tx).await?);
        let mut asset: Asset = serde_json::from_str(&body).doing("an asset")?;
        asset.files = files.to_vec();
        sqlx::query("UPDATE assets SET version = $1, version_hash = $2, change = $3, updated = $4, size_bytes = $5 WHERE id = $6")
            .bind(version)
            .bind(&hash)
            .bind(change)
            .bind(now())
            .bind(asset.size_bytes().map(u64::cast_signed))
            .bind(query.as_str())
            .execute(&mut *tx)
            .await
            .doing("keep a run")?;
        write_version(&mut tx, &asset, version, &hash).await?;
        sqlx::query("UPDATE versions SET n_rows = $1 WHERE asset = $2 AND version = $3")
            .bind(n_rows.map(u64::cast_signed))
            .bind(query.as_str())
            .bind(version)
            .execute(&mut *tx)
            .await
            .doing("keep the rows of a run")?;
        tx.commit().await.doing("keep a run")?;
        Ok(u32::try_from(version).unwrap_or(u32::MAX))
    }
}
