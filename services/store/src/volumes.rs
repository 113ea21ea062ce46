//! Volumes: storage of one user that a lab can use.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::Store;
use crate::assets::to_time;
use crate::database::now;
use crate::error::{Doing, StoreError};

/// One volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub owner: String,
    /// Its name, unique per user.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// What kind of storage it is.
    pub kind: String,
    /// Where it really is.
    pub path: String,
    /// Whether it cannot be deleted.
    pub permanent: bool,
    /// When it was made.
    pub created: DateTime<Utc>,
}

type Row = (String, String, String, String, String, String, i64, i64);

impl Store {
    /// Keeps a new volume.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the user has one of that name.
    pub async fn new_volume(&self, volume: &Volume) -> Result<Volume, StoreError> {
        let done = sqlx::query(
            "INSERT INTO volumes (id, owner, name, title, kind, path, permanent, created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT (owner, name) DO NOTHING",
        )
        .bind(Uuid::now_v7().to_string())
        .bind(&volume.owner)
        .bind(&volume.name)
        .bind(&volume.title)
        .bind(&volume.kind)
        .bind(&volume.path)
        .bind(i64::from(volume.permanent))
        .bind(now())
        .execute(&self.write)
        .await
        .doing("keep a volume")?;
        if done.rows_affected() == 0 {
            return Err(StoreError::Exists {
                noun: "volume",
                id: volume.name.clone(),
            });
        }
        self.volume(&volume.owner, &volume.name).await
    }

    /// A user's volume by name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when they have none of that name.
    pub async fn volume(&self, owner: &str, name: &str) -> Result<Volume, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT id, owner, name, title, kind, path, permanent, created FROM volumes WHERE owner = $1 AND name = $2",
        )
        .bind(owner)
        .bind(name)
        .fetch_optional(&self.write)
        .await
        .doing("look up a volume")?;
        row.map(to_volume).ok_or_else(|| StoreError::NotFound {
            noun: "volume",
            id: name.to_owned(),
        })
    }

    /// A volume by id, whoever it belongs to; for work that was asked for before.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none any more.
    pub async fn volume_by_id(&self, id: &str) -> Result<Volume, StoreError> {
        let row: Option<Row> =
            sqlx::query_as("SELECT id, owner, name, title, kind, path, permanent, created FROM volumes WHERE id = $1")
                .bind(id)
                .fetch_optional(&self.read)
                .await
                .doing("look up a volume")?;
        row.map(to_volume).ok_or_else(|| StoreError::NotFound {
            noun: "volume",
            id: id.to_owned(),
        })
    }

    /// A user's volumes, by name.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn volumes(&self, owner: &str) -> Result<Vec<Volume>, StoreError> {
        let rows: Vec<Row> =
            sqlx::query_as("SELECT id, owner, name, title, kind, path, permanent, created FROM volumes WHERE owner = $1 ORDER BY name")
                .bind(owner)
                .fetch_all(&self.read)
                .await
                .doing("list volumes")?;
        Ok(rows.into_iter().map(to_volume).collect())
    }

    /// Changes the title of a volume.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the user has none of that name.
    pub async fn retitle_volume(
        &self,
        owner: &str,
        name: &str,
        title: &str,
    ) -> Result<Volume, StoreError> {
        sqlx::query("UPDATE volumes SET title = $1 WHERE owner = $2 AND name = $3")
            .bind(title)
            .bind(owner)
            .bind(name)
            .execute(&self.write)
            .await
            .doing("rename a volume")?;
        self.volume(owner, name).await
    }

    /// Forgets a volume and what was staged in it; its files stay where they are.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when live jobs still write to it.
    pub async fn forget_volume(&self, volume: &Volume) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let live: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM staging_jobs WHERE volume = $1 AND phase IN ('PENDING', 'QUEUED', 'EXECUTING', 'HELD')",
        )
        .bind(&volume.id)
        .fetch_one(&mut *tx)
        .await
        .doing("look for jobs of a volume")?;
        if live > 0 {
            return Err(StoreError::Exists {
                noun: "staging job that writes to volume",
                id: volume.name.clone(),
            });
        }
        for text in [
            "DELETE FROM staged_files WHERE volume = $1",
            "DELETE FROM staging_files WHERE job IN (SELECT id FROM staging_jobs WHERE volume = $1)",
            "UPDATE datalabs SET staging_job = NULL WHERE staging_job IN (SELECT id FROM staging_jobs WHERE volume = $1)",
            "DELETE FROM staging_jobs WHERE volume = $1",
            "DELETE FROM volumes WHERE id = $1",
        ] {
            sqlx::query(text)
                .bind(&volume.id)
                .execute(&mut *tx)
                .await
                .doing("forget a volume")?;
        }
        tx.commit().await.doing("forget a volume")
    }
}

fn to_volume((id, owner, name, title, kind, path, permanent, created): Row) -> Volume {
    Volume {
        id,
        owner,
        name,
        title,
        kind,
        path,
        permanent: permanent != 0,
        created: to_time(created),
    }
}
