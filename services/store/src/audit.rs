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

    /// The newest lines of the audit, newest first.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn audit_entries(&self, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        let rows: Vec<(i64, Option<String>, String, String)> =
            sqlx::query_as("SELECT at, actor, action, object FROM audit ORDER BY id DESC LIMIT $1")
                .bind(i64::from(limit))
                .fetch_all(&self.read)
                .await
                .doing("list the audit")?;
        Ok(rows
            .into_iter()
            .map(|(at, actor, action, object)| AuditEntry {
                at: to_time(at),
                actor,
                action,
                object,
            })
            .collect())
    }
}
