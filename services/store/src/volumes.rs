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
    /// The folder it is, where it is one of this machine; else empty.
    pub path: String,
    /// Whether it cannot be deleted.
    pub permanent: bool,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// Where it is, where it is elsewhere: an address without user and password.
    pub address: Option<String>,
    /// What else is to be known of storage elsewhere and is no secret, JSON.
    pub settings: String,
    /// What lets us in there, sealed for the volume's id.
    pub secret: Option<String>,
    /// The operator's entry it points to, which says all the rest.
    pub catalogue: Option<String>,
    /// What is wrong with it since when, JSON.
    pub trouble: Option<String>,
}

impl Volume {
    /// A folder of this machine, of a new id.
    #[must_use]
    pub fn local(owner: &str, name: &str, path: &str) -> Self {
        Self {
            id: Uuid::now_v7().to_string(),
            owner: owner.to_owned(),
            name: name.to_owned(),
            title: name.to_owned(),
            kind: "local".to_owned(),
            path: path.to_owned(),
            permanent: false,
            created: Utc::now(),
            address: None,
            settings: "{}".to_owned(),
            secret: None,
            catalogue: None,
            trouble: None,
        }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    owner: String,
    name: String,
    title: String,
    kind: String,
    path: String,
    permanent: i64,
    created: i64,
    address: Option<String>,
    settings: String,
    secret: Option<String>,
    catalogue: Option<String>,
    trouble: Option<String>,
}

impl Store {
    /// Keeps a new volume.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the user has one of that name.
    pub async fn new_volume(&self, volume: &Volume) -> Result<Volume, StoreError> {
        let done = sqlx::query(
            "INSERT INTO volumes (id, owner, name, title, kind, path, permanent, created, address, settings, secret, catalogue) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (owner, name) DO NOTHING",
        )
        .bind(&volume.id)
        .bind(&volume.owner)
        .bind(&volume.name)
        .bind(&volume.title)
        .bind(&volume.kind)
        .bind(&volume.path)
        .bind(i64::from(volume.permanent))
        .bind(now())
        .bind(&volume.address)
        .bind(&volume.settings)
        .bind(&volume.secret)
        .bind(&volume.catalogue)
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
        let row: Option<Row> =
            sqlx::query_as("SELECT * FROM volumes WHERE owner = $1 AND name = $2")
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
        let row: Option<Row> = sqlx::query_as("SELECT * FROM volumes WHERE id = $1")
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
        let rows: Vec<Row> = sqlx::query_as("SELECT * FROM volumes WHERE owner = $1 ORDER BY name")
            .bind(owner)
            .fetch_all(&self.read)
            .await
            .doing("list volumes")?;
        Ok(rows.into_iter().map(to_volume).collect())
    }

    /// Changes the title of a volume and nothing else.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is no more.
    pub async fn retitle_volume(&self, volume: &Volume) -> Result<Volume, StoreError> {
        sqlx::query("UPDATE volumes SET title = $1 WHERE id = $2")
            .bind(&volume.title)
            .bind(&volume.id)
            .execute(&self.write)
            .await
            .doing("change the title of a volume")?;
        self.volume_by_id(&volume.id).await
    }

    /// Changes the title of a volume, and where and how it is reached where it is elsewhere; what was wrong with it is
    /// forgotten.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is no more.
    pub async fn change_volume(&self, volume: &Volume) -> Result<Volume, StoreError> {
        sqlx::query("UPDATE volumes SET title = $1, address = $2, settings = $3, secret = $4, trouble = NULL WHERE id = $5")
            .bind(&volume.title)
            .bind(&volume.address)
            .bind(&volume.settings)
            .bind(&volume.secret)
            .bind(&volume.id)
            .execute(&self.write)
            .await
            .doing("change a volume")?;
        self.volume_by_id(&volume.id).await
    }

    /// Keeps what is wrong with a volume, or that nothing is any more.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn mark_volume(&self, id: &str, trouble: Option<&str>) -> Result<(), StoreError> {
        sqlx::query("UPDATE volumes SET trouble = $1 WHERE id = $2")
            .bind(trouble)
            .bind(id)
            .execute(&self.write)
            .await
            .doing("mark a volume")?;
        Ok(())
    }

    /// Keeps settings that were learnt of a volume, such as the key its host showed.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn keep_volume_settings(&self, id: &str, settings: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE volumes SET settings = $1 WHERE id = $2")
            .bind(settings)
            .bind(id)
            .execute(&self.write)
            .await
            .doing("keep the settings of a volume")?;
        Ok(())
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

fn to_volume(row: Row) -> Volume {
    Volume {
        id: row.id,
        owner: row.owner,
        name: row.name,
        title: row.title,
        kind: row.kind,
        path: row.path,
        permanent: row.permanent != 0,
        created: to_time(row.created),
        address: row.address,
        settings: row.settings,
        secret: row.secret,
        catalogue: row.catalogue,
        trouble: row.trouble,
    }
}
