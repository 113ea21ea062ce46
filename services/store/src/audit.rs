//! The audit: who did what to what, without secrets.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::Store;
use crate::assets::to_time;
use crate::database::now;
use crate::error::{Doing, StoreError};

/// One line of the audit.
#[derive(Debug, Clone, serde::Serialize)]
pub struct AuditEntry {
    /// Its place in the audit.
    pub id: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The id of the user who did it.
    pub actor: Option<String>,
    /// What was done, such as `volume.create`.
    pub action: String,
    /// What it was done to.
    pub object: String,
}

impl Store {
    /// Adds a line to the audit.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn audit(
        &self,
        actor: Option<&str>,
        action: &str,
        object: &str,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO audit (id, at, actor, action, object) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(Uuid::now_v7().to_string())
        .bind(now())
        .bind(actor)
        .bind(action)
        .bind(object)
        .execute(&self.write)
        .await
        .doing("keep an audit line")?;
        Ok(())
    }

    /// Lines of the audit, newest first, older than the one of this id.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn audit_entries(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let rows: Vec<(String, i64, Option<String>, String, String)> = sqlx::query_as(
            "SELECT id, at, actor, action, object FROM audit WHERE $1 IS NULL OR id < $1 ORDER BY id DESC LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&self.read)
        .await
        .doing("list the audit")?;
        Ok(rows
            .into_iter()
            .map(|(id, at, actor, action, object)| AuditEntry {
                id,
                at: to_time(at),
                actor,
                action,
                object,
            })
            .collect())
    }
}
