//! Assets in the record: looking them up, their versions, and the changes the index follows.
//!
//! What is read by the million comes as one JSON array for many rows: handing over each on its own, from the thread that
//! asks SQLite to the one that reads, costs more than finding it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use gantry_asset::{ArchiveId, Asset, AssetId, File, Members};

use crate::Store;
use crate::error::{Doing, StoreError};
use crate::series::cover;

/// An asset as the record has it.
#[derive(Debug, Clone)]
pub struct AssetRecord {
    /// The asset with the files of its newest version.
    pub asset: Asset,
    /// The number of its newest version.
    pub version: u32,
    /// The user it belongs to; everybody's when `None`.
    pub owner: Option<String>,
    /// When it was withdrawn, if it was.
    pub withdrawn: Option<DateTime<Utc>>,
    /// The number of its newest change.
    pub change: u64,
    /// What it stands for, when it is a series; the coverage and facets of its members are then its own as well.
    pub members: Option<Members>,
}

/// One version of an asset.
#[derive(Debug, Clone)]
pub struct AssetVersion {
    /// Its number, from 1.
    pub version: u32,
    /// The hash over its files' names, sizes and checksums.
    pub hash: String,
    /// When Gantry first saw it.
    pub created: DateTime<Utc>,
    /// Its files.
    pub files: Vec<File>,
    /// How many rows it has, when it is a run of a query.
    pub n_rows: Option<u64>,
}

/// One change of the catalogue.
#[derive(Debug, Clone)]
pub struct ChangeRecord {
    /// Its number.
    pub number: u64,
    /// The asset as it is now.
    pub record: AssetRecord,
}

/// What a batch of a harvest did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BatchCounts {
    /// Assets not seen before.
    pub new: u64,
    /// Assets that differ from the record.
    pub changed: u64,
    /// Assets that do not.
    pub unchanged: u64,
}

/// Version, body, withdrawn, change, members.
type ChangedRow = (u32, Asset, Option<i64>, u64, Option<Members>);

/// Id, version, body, owner, withdrawn, change, members.
type Row = (
    String,
    i64,
    String,
    Option<String>,
    Option<i64>,
    i64,
    Option<String>,
);

impl Store {
    /// One asset, withdrawn or not, if it is everybody's or `viewer`'s.
    ///
    /// # Errors
    /// [`StoreError::NoSuchAsset`] when there is none that `viewer` may see.
    pub async fn asset(
        &self,
        id: &AssetId,
        viewer: Option<&str>,
    ) -> Result<AssetRecord, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT id, version, body, owner, withdrawn, change, members FROM assets WHERE id = $1 AND (owner IS NULL OR owner = $2)",
        )
        .bind(id.as_str())
        .bind(viewer)
        .fetch_optional(&self.read)
        .await
        .doing("look up an asset")?;
        let row = row.ok_or_else(|| StoreError::NoSuchAsset(id.clone()))?;
        let mut found = self.with_files(vec![row]).await?;
        found
            .pop()
            .ok_or_else(|| StoreError::NoSuchAsset(id.clone()))
    }

    /// The assets of these ids that are everybody's and not withdrawn, in any order.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn live_assets(&self, ids: &[AssetId]) -> Result<Vec<AssetRecord>, StoreError> {
        let mut found = Vec::with_capacity(ids.len());
        // One transaction: all of them are seen as they were at one moment.
        let mut tx = self.read.begin().await.doing("look up assets")?;
        for chunk in ids.chunks(AT_ONCE) {
            let rows: Vec<Row> = sqlx::query_as(
                "SELECT id, version, body, owner, withdrawn, change, members FROM assets \
                 WHERE id IN (SELECT value FROM json_each($1)) AND owner IS NULL AND withdrawn IS NULL",
            )
            .bind(list_of(chunk)?)
            .fetch_all(&mut *tx)
            .await
            .doing("look up assets")?;
            found.extend(rows);
        }
        tx.commit().await.doing("look up assets")?;
        self.with_files(found).await
    }

    /// The assets of these ids, withdrawn or not, that are everybody's or `viewer`'s, in any order.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn assets(
        &self,
        ids: &[AssetId],
        viewer: Option<&str>,
    ) -> Result<Vec<AssetRecord>, StoreError> {
        let mut found = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(AT_ONCE) {
            let rows: Vec<Row> = sqlx::query_as(
                "SELECT id, version, body, owner, withdrawn, change, members FROM assets \
                 WHERE id IN (SELECT value FROM json_each($1)) AND (owner IS NULL OR owner = $2)",
            )
            .bind(list_of(chunk)?)
            .bind(viewer)
            .fetch_all(&self.read)
            .await
            .doing("look up assets")?;
            found.extend(rows);
        }
        self.with_files(found).await
    }

    /// The assets of these ids that belong to a user alone: the queries they asked.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn own_assets(
        &self,
        ids: &[AssetId],
        owner: &str,
    ) -> Result<Vec<AssetRecord>, StoreError> {
        let mut found = Vec::new();
        for chunk in ids.chunks(AT_ONCE) {
            let rows: Vec<Row> = sqlx::query_as(
                "SELECT id, version, body, owner, withdrawn, change, members FROM assets \
                 WHERE id IN (SELECT value FROM json_each($1)) AND owner = $2",
            )
            .bind(list_of(chunk)?)
            .bind(owner)
            .fetch_all(&self.read)
            .await
            .doing("look up a user's queries")?;
            found.extend(rows);
        }
        self.with_files(found).await
    }

    /// The assets of these ids, withdrawn or not, that are everybody's or belong to who has the selection, in any order.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn assets_in(
        &self,
        selection: &str,
        ids: &[AssetId],
    ) -> Result<Vec<AssetRecord>, StoreError> {
        let owner: Option<Option<String>> =
            sqlx::query_scalar("SELECT owner FROM selections WHERE id = $1")
                .bind(selection)
                .fetch_optional(&self.write)
                .await
                .doing("look up a selection")?;
        self.assets(ids, owner.flatten().as_deref()).await
    }

    /// The ids of live public assets of an archive that have a file of this name.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn assets_by_file_name(
        &self,
        archive: &ArchiveId,
        name: &str,
    ) -> Result<Vec<AssetId>, StoreError> {
        let ids: Vec<String> = sqlx::query_scalar(
            "SELECT DISTINCT a.id FROM files f JOIN assets a ON a.id = f.asset AND a.version = f.version \
             WHERE f.name = $1 AND a.archive = $2 AND a.owner IS NULL AND a.withdrawn IS NULL ORDER BY a.id LIMIT 10",
        )
        .bind(name)
        .bind(archive.as_str())
        .fetch_all(&self.read)
        .await
        .doing("look up a file name")?;
        Ok(ids
            .iter()
            .filter_map(|id| AssetId::parse(id).ok())
            .collect())
    }

    /// The ids of live public assets of an archive that have files of these names, by name; a name without any is left out.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn assets_by_file_names(
        &self,
        archive: &ArchiveId,
        names: &[&str],
    ) -> Result<HashMap<String, Vec<AssetId>>, StoreError> {
        let mut found: HashMap<String, Vec<AssetId>> = HashMap::new();
        for chunk in names.chunks(AT_ONCE) {
            let rows: Vec<(String, String)> = sqlx::query_as(
                "SELECT DISTINCT f.name, a.id FROM files f JOIN assets a ON a.id = f.asset AND a.version = f.version \
                 WHERE f.name IN (SELECT value FROM json_each($1)) AND a.archive = $2 AND a.owner IS NULL \
                 AND a.withdrawn IS NULL ORDER BY f.name, a.id",
            )
            .bind(serde_json::to_string(chunk).doing("a list of names")?)
            .bind(archive.as_str())
            .fetch_all(&self.read)
            .await
            .doing("look up file names")?;
            for (name, id) in rows {
                if let Ok(id) = AssetId::parse(&id) {
                    found.entry(name).or_default().push(id);
                }
            }
        }
        Ok(found)
    }

    /// All versions of an asset, newest first.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn asset_versions(&self, id: &AssetId) -> Result<Vec<AssetVersion>, StoreError> {
        let rows: Vec<(i64, String, i64, Option<i64>)> = sqlx::query_as(
            "SELECT version, hash, created, n_rows FROM versions WHERE asset = $1 AND version > 0 ORDER BY version DESC",
        )
        .bind(id.as_str())
        .fetch_all(&self.read)
        .await
        .doing("list the versions of an asset")?;
        let mut versions = Vec::with_capacity(rows.len());
        for (version, hash, created, n_rows) in rows {
            let files = self.asset_files(id, to_version(version)).await?;
            versions.push(AssetVersion {
                version: to_version(version),
                hash,
                created: to_time(created),
                files,
                n_rows: n_rows.map(i64::cast_unsigned),
            });
        }
        Ok(versions)
    }

    /// The files of one version of an asset.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn asset_files(&self, id: &AssetId, version: u32) -> Result<Vec<File>, StoreError> {
        let bodies: Vec<String> = sqlx::query_scalar(
            "SELECT body FROM files WHERE asset = $1 AND version = $2 ORDER BY position",
        )
        .bind(id.as_str())
        .bind(i64::from(version))
        .fetch_all(&self.read)
        .await
        .doing("list the files of an asset")?;
        bodies
            .iter()
            .map(|body| serde_json::from_str(body).doing("a file"))
            .collect()
    }

    /// The changes of public assets with numbers above `after`, in order, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn changes(&self, after: u64, limit: u32) -> Result<Vec<ChangeRecord>, StoreError> {
        let rows: String = sqlx::query_scalar(
            "SELECT '[' || ifnull(group_concat('[' || version || ',' || body || ',' || ifnull(withdrawn, 'null') || ',' || change || ',' || ifnull(members, 'null') || ']'), '') || ']' \
             FROM (SELECT version, body, withdrawn, change, members FROM assets WHERE change > $1 AND owner IS NULL ORDER BY change LIMIT $2)",
        )
        .bind(after.cast_signed())
        .bind(i64::from(limit))
        .fetch_one(&self.read)
        .await
        .doing("list its changes")?;
        let rows: Vec<ChangedRow> = serde_json::from_str(&rows).doing("changed assets")?;
        let records = rows
            .into_iter()
            .map(|(version, asset, withdrawn, change, members)| {
                AssetRecord {
                    asset,
                    version,
                    owner: None,
                    withdrawn: withdrawn.map(to_time),
                    change,
                    members,
                }
                .covered()
            });
        let mut records: Vec<AssetRecord> = records.collect();
        records.sort_unstable_by_key(|record| record.change);
        self.give_files(&mut records).await?;
        let numbered = |record: AssetRecord| ChangeRecord {
            number: record.change,
            record,
        };
        Ok(records.into_iter().map(numbered).collect())
    }

    /// Public assets of an archive in the order of their ids, after one of them; for export.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn assets_after(
        &self,
        archive: Option<&ArchiveId>,
        after: &str,
        limit: u32,
    ) -> Result<Vec<AssetRecord>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT id, version, body, owner, withdrawn, change, members FROM assets WHERE owner IS NULL AND withdrawn IS NULL \
             AND ($1 IS NULL OR archive = $1) AND id > $2 ORDER BY id LIMIT $3",
        )
        .bind(archive.map(ArchiveId::as_str))
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&self.read)
        .await
        .doing("list assets")?;
        self.with_files(rows).await
    }

    /// How many live public assets an archive has.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn n_assets(&self, archive: &ArchiveId) -> Result<u64, StoreError> {
        let n: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM assets WHERE archive = $1 AND owner IS NULL AND withdrawn IS NULL")
            .bind(archive.as_str())
            .fetch_one(&self.read)
            .await
            .doing("count assets")?;
        Ok(n.cast_unsigned())
    }

    /// Reads rows, in their order, and gives each the files of its version.
    async fn with_files(&self, rows: Vec<Row>) -> Result<Vec<AssetRecord>, StoreError> {
        let records: Result<_, StoreError> = rows.into_iter().map(record).collect();
        let mut records: Vec<AssetRecord> = records?;
        self.give_files(&mut records).await?;
        Ok(records)
    }

    /// Gives each record the files of its version.
    async fn give_files(&self, records: &mut [AssetRecord]) -> Result<(), StoreError> {
        for some in records.chunks_mut(AT_ONCE) {
            let ids: Vec<&str> = some.iter().map(|one| one.asset.id.as_str()).collect();
            let mut files = self.files_of(&ids).await?;
            for AssetRecord { asset, version, .. } in some {
                let of_version = (asset.id.as_str().to_owned(), *version);
                asset.files = files.remove(&of_version).unwrap_or_default();
            }
        }
        Ok(())
    }

    /// The files of all versions of these assets; those of a version never change, so they fit whatever row was read before.
    async fn files_of(
        &self,
        ids: &[&str],
    ) -> Result<HashMap<(String, u32), Vec<File>>, StoreError> {
        let rows: String = sqlx::query_scalar(
            "SELECT '[' || ifnull(group_concat('[' || json_quote(asset) || ',' || version || ',' || position || ',' || body || ']'), '') || ']' \
             FROM files WHERE asset IN (SELECT value FROM json_each($1))",
        )
        .bind(serde_json::to_string(ids).doing("a list of ids")?)
        .fetch_one(&self.read)
        .await
        .doing("list the files of assets")?;
        let mut rows: Vec<(String, u32, u64, File)> =
            serde_json::from_str(&rows).doing("files of assets")?;
        rows.sort_unstable_by_key(|(.., position, _)| *position);
        let mut files: HashMap<(String, u32), Vec<File>> = HashMap::new();
        for (asset, version, _, file) in rows {
            files.entry((asset, version)).or_default().push(file);
        }
        Ok(files)
    }
}

impl AssetRecord {
    /// With the coverage and facets of its members, when it is a series.
    fn covered(mut self) -> Self {
        if let Some(members) = &self.members {
            cover(&mut self.asset, members);
        }
        self
    }
}

fn record(row: Row) -> Result<AssetRecord, StoreError> {
    let (id, version, body, owner, withdrawn, change, members) = row;
    let asset: Asset = serde_json::from_str(&body).doing("an asset")?;
    debug_assert_eq!(asset.id.as_str(), id, "an asset's body carries its id");
    let members: Option<Members> = members
        .map(|text| serde_json::from_str(&text).doing("the members of a series"))
        .transpose()?;
    let record = AssetRecord {
        asset,
        version: to_version(version),
        owner,
        withdrawn: withdrawn.map(to_time),
        change: change.cast_unsigned(),
        members,
    };
    Ok(record.covered())
}

/// How many assets one question is about.
const AT_ONCE: usize = 500;

fn list_of(ids: &[AssetId]) -> Result<String, StoreError> {
    let ids: Vec<&str> = ids.iter().map(AssetId::as_str).collect();
    serde_json::to_string(&ids).doing("a list of ids")
}

pub(crate) fn to_time(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}

fn to_version(version: i64) -> u32 {
    u32::try_from(version).unwrap_or(u32::MAX)
}
