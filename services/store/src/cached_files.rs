//! The shared cache in the record: which bytes are there, and which file of which version of which asset has them.

use gantry_asset::AssetId;
use sqlx::{Sqlite, Transaction};

use crate::Store;
use crate::database::now;
use crate::error::{Doing, StoreError};

/// Which file of which version of which asset.
#[derive(Debug, Clone, Copy)]
pub struct CachedKey<'a> {
    /// Which asset.
    pub asset: &'a AssetId,
    /// Which version.
    pub version: u32,
    /// The file's name.
    pub name: &'a str,
}

/// Bytes in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedBytes {
    /// Their SHA-256 in hexadecimal.
    pub sha256: String,
    /// How many.
    pub size_bytes: u64,
    /// When they were last written, nanoseconds since 1970.
    pub modified_ns: i64,
    /// Their inode.
    pub inode: u64,
    /// How long ago they were used, in seconds.
    pub used_s_ago: i64,
}

impl CachedBytes {
    /// Whether nobody touched them since.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        (self.size_bytes, self.modified_ns, self.inode)
            == (other.size_bytes, other.modified_ns, other.inode)
    }
}

/// A file whose bytes are in the cache.
#[derive(Debug, Clone)]
pub struct CachedFile {
    /// Which asset.
    pub asset: AssetId,
    /// Which version.
    pub version: u32,
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: CachedBytes,
    /// What they were compared with when they came.
    pub verified_by: String,
    /// What is odd about it, in sentences.
    pub warnings: Vec<String>,
}

/// How a cached file was verified.
#[derive(Debug, Clone)]
pub struct CachedAs {
    /// What its bytes were compared with when they came.
    pub verified_by: String,
    /// What is odd about it, in sentences.
    pub warnings: Vec<String>,
}

/// Whether a job that has not ended wants the part `p`.
macro_rules! wanted {
    () => {
        "EXISTS (SELECT 1 FROM staging_files f JOIN staging_jobs j ON j.id = f.job WHERE f.asset = p.asset \
         AND f.version = p.version AND f.name = p.name AND f.outcome IS NULL AND j.phase IN ('QUEUED', 'EXECUTING', 'HELD'))"
    };
}
type BytesRow = (String, i64, i64, i64, i64);

impl Store {
    /// What is known of a file in the cache.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn cached_file(
        &self,
        key: &CachedKey<'_>,
    ) -> Result<Option<(CachedAs, CachedBytes)>, StoreError> {
        let row: Option<(String, String, String, i64, i64, i64, i64)> = sqlx::query_as(
            "SELECT f.verified_by, f.warnings, b.sha256, b.size_bytes, b.modified_ns, b.inode, b.used FROM cached_files f \
             JOIN cached_bytes b ON b.sha256 = f.sha256 WHERE f.asset = $1 AND f.version = $2 AND f.name = $3",
        )
        .bind(key.asset.as_str())
        .bind(i64::from(key.version))
        .bind(key.name)
        .fetch_optional(&self.read)
        .await
        .doing("look into the cache")?;
        let Some((verified_by, warnings, sha256, size, modified, inode, used)) = row else {
            return Ok(None);
        };
        let warnings = serde_json::from_str(&warnings).doing("the warnings of a cached file")?;
        let file = CachedAs {
            verified_by,
            warnings,
        };
        Ok(Some((
            file,
            to_bytes((sha256, size, modified, inode, used)),
        )))
    }

    /// Notes that bytes were used just now.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn use_cached(&self, sha256: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE cached_bytes SET used = $1 WHERE sha256 = $2")
            .bind(now())
            .bind(sha256)
            .execute(&self.write)
            .await
            .doing("note the use of the cache")?;
        Ok(())
    }

    /// Keeps that bytes were read and are what they were.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn keep_cached_state(&self, bytes: &CachedBytes) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE cached_bytes SET modified_ns = $1, inode = $2, checked = $3 WHERE sha256 = $4",
        )
        .bind(bytes.modified_ns)
        .bind(bytes.inode.cast_signed())
        .bind(now())
        .bind(&bytes.sha256)
        .execute(&self.write)
        .await
        .doing("keep a check of the cache")?;
        Ok(())
    }

    /// Forgets bytes and the files that had them.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn forget_cached(&self, sha256: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for text in [
            "DELETE FROM cached_files WHERE sha256 = $1",
            "DELETE FROM cached_bytes WHERE sha256 = $1",
        ] {
            sqlx::query(text)
                .bind(sha256)
                .execute(&mut *tx)
                .await
                .doing("forget a cached file")?;
        }
        tx.commit().await.doing("forget a cached file")
    }

    /// The hashes in the cache that begin so.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn cached_hashes(&self, first: &str) -> Result<Vec<String>, StoreError> {
        // `g` comes behind every digit of a hash, so the primary key answers.
        sqlx::query_scalar("SELECT sha256 FROM cached_bytes WHERE sha256 >= $1 AND sha256 < $2")
            .bind(first)
            .bind(format!("{first}g"))
            .fetch_all(&self.read)
            .await
            .doing("list the cache")
    }

    /// How many bytes are in the cache.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn cached_total(&self) -> Result<u64, StoreError> {
        let total: i64 =
            sqlx::query_scalar("SELECT COALESCE(SUM(size_bytes), 0) FROM cached_bytes")
                .fetch_one(&self.read)
                .await
                .doing("measure the cache")?;
        Ok(total.cast_unsigned())
    }

    /// The bytes that were not used for longest, but for the first `passed`.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn oldest_cached(
        &self,
        passed: u32,
        limit: u32,
    ) -> Result<Vec<CachedBytes>, StoreError> {
        let rows: Vec<BytesRow> = sqlx::query_as(
            "SELECT sha256, size_bytes, modified_ns, inode, used FROM cached_bytes ORDER BY used, sha256 LIMIT $1 OFFSET $2",
        )
        .bind(limit)
        .bind(passed)
        .fetch_all(&self.read)
        .await
        .doing("list the cache")?;
        Ok(rows.into_iter().map(to_bytes).collect())
    }

    /// Bytes that were not compared with their hash for so many seconds.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn unchecked_cached(
        &self,
        for_s: i64,
        limit: u32,
    ) -> Result<Vec<CachedBytes>, StoreError> {
        let rows: Vec<BytesRow> = sqlx::query_as(
            "SELECT sha256, size_bytes, modified_ns, inode, used FROM cached_bytes WHERE checked < $1 ORDER BY checked LIMIT $2",
        )
        .bind(now() - for_s * 1000)
        .bind(limit)
        .fetch_all(&self.read)
        .await
        .doing("list the cache")?;
        Ok(rows.into_iter().map(to_bytes).collect())
    }

    /// What is needed to go on with a part in the cache.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn cached_part(&self, key: &CachedKey<'_>) -> Result<Option<String>, StoreError> {
        sqlx::query_scalar(
            "SELECT state FROM cached_parts WHERE asset = $1 AND version = $2 AND name = $3",
        )
        .bind(key.asset.as_str())
        .bind(i64::from(key.version))
        .bind(key.name)
        .fetch_optional(&self.read)
        .await
        .doing("look up a part in the cache")
    }

    /// Keeps what is needed to go on with a part in the cache.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn keep_cached_part(
        &self,
        key: &CachedKey<'_>,
        state: &str,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO cached_parts (asset, version, name, state) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (asset, version, name) DO UPDATE SET state = excluded.state",
        )
        .bind(key.asset.as_str())
        .bind(i64::from(key.version))
        .bind(key.name)
        .bind(state)
        .execute(&self.write)
        .await
        .doing("keep a part in the cache")?;
        Ok(())
    }

    /// Forgets a part in the cache.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn forget_cached_part(&self, key: &CachedKey<'_>) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM cached_parts WHERE asset = $1 AND version = $2 AND name = $3")
            .bind(key.asset.as_str())
            .bind(i64::from(key.version))
            .bind(key.name)
            .execute(&self.write)
            .await
            .doing("forget a part in the cache")?;
        Ok(())
    }

    /// The parts in the cache that a job which has not ended still wants: asset, version, name.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn cached_parts_wanted(&self) -> Result<Vec<(AssetId, u32, String)>, StoreError> {
        let rows: Vec<(String, i64, String)> = sqlx::query_as(concat!(
            "SELECT p.asset, p.version, p.name FROM cached_parts p WHERE ",
            wanted!()
        ))
        .fetch_all(&self.read)
        .await
        .doing("list the parts in the cache")?;
        Ok(rows
            .into_iter()
            .filter_map(|(asset, version, name)| {
                let asset = AssetId::parse(&asset).ok()?;
                Some((asset, u32::try_from(version).ok()?, name))
            })
            .collect())
    }

    /// Forgets the parts in the cache that no job wants.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn forget_unwanted_cached_parts(&self) -> Result<(), StoreError> {
        sqlx::query(concat!(
            "DELETE FROM cached_parts AS p WHERE NOT ",
            wanted!()
        ))
        .execute(&self.write)
        .await
        .doing("forget parts in the cache")?;
        Ok(())
    }
}

/// Keeps what a job fetched into the cache, within the transaction that gives its files their outcomes.
pub(crate) async fn keep(
    tx: &mut Transaction<'static, Sqlite>,
    file: &CachedFile,
) -> Result<(), StoreError> {
    let bytes = &file.bytes;
    sqlx::query(
        "INSERT INTO cached_bytes (sha256, size_bytes, modified_ns, inode, used, checked) VALUES ($1, $2, $3, $4, $5, $5) \
         ON CONFLICT (sha256) DO UPDATE SET used = excluded.used",
    )
    .bind(&bytes.sha256)
    .bind(bytes.size_bytes.cast_signed())
    .bind(bytes.modified_ns)
    .bind(bytes.inode.cast_signed())
    .bind(now())
    .execute(&mut **tx)
    .await
    .doing("keep a cached file")?;
    sqlx::query(
        "INSERT INTO cached_files (asset, version, name, sha256, verified_by, warnings) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (asset, version, name) DO UPDATE SET sha256 = excluded.sha256, verified_by = excluded.verified_by, \
         warnings = excluded.warnings",
    )
    .bind(file.asset.as_str())
    .bind(i64::from(file.version))
    .bind(&file.name)
    .bind(&bytes.sha256)
    .bind(&file.verified_by)
    .bind(serde_json::to_string(&file.warnings).doing("the warnings of a cached file")?)
    .execute(&mut **tx)
    .await
    .doing("keep a cached file")?;
    sqlx::query("DELETE FROM cached_parts WHERE asset = $1 AND version = $2 AND name = $3")
        .bind(file.asset.as_str())
        .bind(i64::from(file.version))
        .bind(&file.name)
        .execute(&mut **tx)
        .await
        .doing("forget a part in the cache")?;
    Ok(())
}

fn to_bytes((sha256, size, modified_ns, inode, used): BytesRow) -> CachedBytes {
    CachedBytes {
        sha256,
        size_bytes: size.cast_unsigned(),
        modified_ns,
        inode: inode.cast_unsigned(),
        used_s_ago: (now() - used) / 1000,
    }
}
