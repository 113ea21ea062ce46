//! The logins of users at archives.

use chrono::{DateTime, Utc};
use gantry_asset::ArchiveId;

use crate::Store;
use crate::error::{Doing, StoreError};

/// The login of a user at an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveLogin {
    /// Its id, which the password is sealed for.
    pub id: String,
    /// Whose it is.
    pub owner: String,
    /// Where it is.
    pub archive: String,
    /// Their name there.
    pub username: String,
    /// Their password there, sealed.
    pub secret: String,
    /// Since when.
    pub changed: DateTime<Utc>,
}

impl Store {
    /// The login of a user at an archive, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn archive_login(
        &self,
        owner: &str,
        archive: &ArchiveId,
    ) -> Result<Option<ArchiveLogin>, StoreError> {
        let row: Option<(String, String, String, i64)> = sqlx::query_as(
            "SELECT id, username, secret, changed FROM archive_logins WHERE owner = $1 AND archive = $2",
        )
        .bind(owner)
        .bind(archive.as_str())
        .fetch_optional(&self.read)
        .await
        .doing("look up a login")?;
        let Some((id, username, secret, changed)) = row else {
            return Ok(None);
        };
        Ok(Some(ArchiveLogin {
            id,
            owner: owner.to_owned(),
            archive: archive.to_string(),
            username,
            secret,
            changed: DateTime::from_timestamp_millis(changed).unwrap_or_default(),
        }))
    }

    /// Keeps a login in place of the one there was.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn keep_archive_login(&self, login: &ArchiveLogin) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM archive_logins WHERE owner = $1 AND archive = $2")
            .bind(&login.owner)
            .bind(&login.archive)
            .execute(&mut *tx)
            .await
            .doing("keep a login")?;
        sqlx::query(
            "INSERT INTO archive_logins (id, owner, archive, username, secret, changed) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&login.id)
        .bind(&login.owner)
        .bind(&login.archive)
        .bind(&login.username)
        .bind(&login.secret)
        .bind(login.changed.timestamp_millis())
        .execute(&mut *tx)
        .await
        .doing("keep a login")?;
        tx.commit().await.doing("keep a login")
    }

    /// Forgets a login; whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn forget_archive_login(
        &self,
        owner: &str,
        archive: &ArchiveId,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let done = sqlx::query("DELETE FROM archive_logins WHERE owner = $1 AND archive = $2")
            .bind(owner)
            .bind(archive.as_str())
            .execute(&mut *tx)
            .await
            .doing("forget a login")?;
        tx.commit().await.doing("forget a login")?;
        Ok(done.rows_affected() > 0)
    }
}
