//! What was staged where: lets a file that is there be recognised without reading it.

use chrono::{DateTime, Utc};
use gantry_asset::AssetId;

use crate::Store;
use crate::assets::to_time;
use crate::error::{Doing, StoreError};
use crate::queries::NOT_RUN;

/// One file in a volume that Gantry put there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedFile {
    /// Its path in the volume.
    pub path: String,
    /// The asset it is of.
    pub asset: AssetId,
    /// The version of that asset.
    pub version: u32,
    /// Its name at the archive.
    pub name: String,
    /// How it got there: `link`, `clone` or `copy`.
    pub method: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// When it was last written, nanoseconds since 1970.
    pub modified_ns: i64,
    /// Its inode.
    pub inode: u64,
    /// Its SHA-256 in hexadecimal; `None` for a link.
    pub sha256: Option<String>,
    /// What its bytes were compared with.
    pub verified_by: String,
    /// When it was staged.
    pub staged: DateTime<Utc>,
}

type Row = (
    String,
    String,
    i64,
    String,
    String,
    i64,
    i64,
    i64,
    Option<String>,
    String,
    i64,
);

impl Store {
    /// Says which version of a query its run in a volume has become.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn staged_run(
        &self,
        volume: &str,
        query: &AssetId,
        version: u32,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE staged_files SET version = $3 WHERE volume = $1 AND asset = $2 AND version = $4")
            .bind(volume)
            .bind(query.as_str())
            .bind(i64::from(version))
            .bind(i64::from(NOT_RUN))
            .execute(&self.write)
            .await
            .doing("keep which run is staged")?;
        Ok(())
    }

    /// What was staged at a path of a volume.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn staged_file(
        &self,
        volume: &str,
        path: &str,
    ) -> Result<Option<StagedFile>, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT path, asset, version, name, method, size_bytes, modified_ns, inode, sha256, verified_by, staged FROM staged_files WHERE volume = $1 AND path = $2",
        )
        .bind(volume)
        .bind(path)
        .fetch_optional(&self.read)
        .await
        .doing("look up a staged file")?;
        Ok(row.and_then(to_staged))
    }

    /// Everything staged in a volume at or below a folder, by path.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn staged_files(
        &self,
        volume: &str,
        folder: &str,
    ) -> Result<Vec<StagedFile>, StoreError> {
        let prefix = if folder.is_empty() {
            String::new()
        } else {
            format!("{}/", folder.trim_end_matches('/'))
        };
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT path, asset, version, name, method, size_bytes, modified_ns, inode, sha256, verified_by, staged FROM staged_files \
             WHERE volume = $1 AND substr(path, 1, length($2)) = $2 ORDER BY path",
        )
        .bind(volume)
        .bind(prefix)
        .fetch_all(&self.read)
        .await
        .doing("list staged files")?;
        Ok(rows.into_iter().filter_map(to_staged).collect())
    }

    /// Forgets what was staged at a path, or everything below it.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn forget_staged(&self, volume: &str, path: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM staged_files WHERE volume = $1 AND (path = $2 OR substr(path, 1, length($3)) = $3)")
            .bind(volume)
            .bind(path)
            .bind(format!("{path}/"))
            .execute(&self.write)
            .await
            .doing("forget a staged file")?;
        Ok(())
    }
}

/// Keeps that a file was staged, within the transaction that gives it its outcome.
pub(crate) async fn keep(
    tx: &mut sqlx::Transaction<'static, sqlx::Sqlite>,
    volume: &str,
    file: &StagedFile,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO staged_files (volume, path, asset, version, name, method, size_bytes, modified_ns, inode, sha256, verified_by, staged) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (volume, path) DO UPDATE SET asset = excluded.asset, \
         version = excluded.version, name = excluded.name, method = excluded.method, size_bytes = excluded.size_bytes, \
         modified_ns = excluded.modified_ns, inode = excluded.inode, sha256 = excluded.sha256, verified_by = excluded.verified_by, staged = excluded.staged",
    )
    .bind(volume)
    .bind(&file.path)
    .bind(file.asset.as_str())
    .bind(i64::from(file.version))
    .bind(&file.name)
    .bind(&file.method)
    .bind(file.size_bytes.cast_signed())
    .bind(file.modified_ns)
    .bind(file.inode.cast_signed())
    .bind(&file.sha256)
    .bind(&file.verified_by)
    .bind(file.staged.timestamp_millis())
    .execute(&mut **tx)
    .await
    .doing("keep a staged file")?;
    Ok(())
}

fn to_staged(row: Row) -> Option<StagedFile> {
    let (path, asset, version, name, method, size, modified_ns, inode, sha256, verified_by, staged) =
        row;
    Some(StagedFile {
        path,
        asset: AssetId::parse(&asset).ok()?,
        version: u32::try_from(version).ok()?,
        name,
        method,
        size_bytes: size.cast_unsigned(),
        modified_ns,
        inode: inode.cast_unsigned(),
        sha256,
        verified_by,
        staged: to_time(staged),
    })
}
