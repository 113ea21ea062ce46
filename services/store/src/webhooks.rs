//! What has ended, and how far webhooks were told of it.
//!
//! The database numbers what ends as it is written, so that nothing is passed over whatever the clocks say.

use chrono::{DateTime, Utc};

use crate::Store;
use crate::assets::to_time;
use crate::database::now;
use crate::error::{Doing, StoreError};

/// A webhook as it is configured: its name, of what it is told, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Its name.
    pub name: String,
    /// Of what it is told, `staging-job` or `datalab`.
    pub event: &'static str,
    /// Where.
    pub url: String,
}

/// Something that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Its number; what ends later has a larger one.
    pub number: u64,
    /// The id of the job or datalab.
    pub id: String,
    /// When it ended.
    pub at: DateTime<Utc>,
}

/// How long a process has a webhook to itself after it last said so.
const LEASE_MS: i64 = 60_000;

impl Store {
    /// Keeps the webhooks that are configured, and no others; a new one is told of what ends from now on.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn keep_webhooks(&self, hooks: &[Hook]) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let kept: Vec<(String, String, String)> =
            sqlx::query_as("SELECT name, event, url FROM webhooks")
                .fetch_all(&mut *tx)
                .await
                .doing("look up webhooks")?;
        let is_same = |hook: &Hook, (name, event, url): &(String, String, String)| {
            (&hook.name, hook.event, &hook.url) == (name, event.as_str(), url)
        };
        for row in &kept {
            if !hooks.iter().any(|hook| is_same(hook, row)) {
                sqlx::query("DELETE FROM webhooks WHERE name = $1 AND event = $2")
                    .bind(&row.0)
                    .bind(&row.1)
                    .execute(&mut *tx)
                    .await
                    .doing("forget a webhook")?;
            }
        }
        for hook in hooks {
            sqlx::query(
                "INSERT INTO webhooks (name, event, url, told) VALUES ($1, $2, $3, (SELECT COALESCE(MAX(number), 0) FROM endings)) \
                 ON CONFLICT (name, event) DO NOTHING",
            )
            .bind(&hook.name)
            .bind(hook.event)
            .bind(&hook.url)
            .execute(&mut *tx)
            .await
            .doing("begin a webhook")?;
        }
        tx.commit().await.doing("keep webhooks")
    }

    /// Takes or keeps a webhook for a process, and the next it is to be told of, if anything; `None` while another
    /// process has it.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn claim_webhook(
        &self,
        hook: &Hook,
        owner: &str,
    ) -> Result<Option<Ending>, StoreError> {
        let told: Option<i64> = sqlx::query_scalar(
            "UPDATE webhooks SET leased_by = $3, leased_until = $4 \
             WHERE name = $1 AND event = $2 AND (leased_by = $3 OR leased_until < $5) RETURNING told",
        )
        .bind(&hook.name)
        .bind(hook.event)
        .bind(owner)
        .bind(now() + LEASE_MS)
        .bind(now())
        .fetch_optional(&self.write)
        .await
        .doing("claim a webhook")?;
        let Some(told) = told else {
            return Ok(None);
        };
        let next: Option<(i64, String, i64)> = sqlx::query_as(
            "SELECT number, id, at FROM endings WHERE event = $1 AND number > $2 ORDER BY number LIMIT 1",
        )
        .bind(hook.event)
        .bind(told)
        .fetch_optional(&self.read)
        .await
        .doing("look for what ended")?;
        Ok(next.map(|(number, id, at)| Ending {
            number: number.cast_unsigned(),
            id,
            at: to_time(at),
        }))
    }

    /// Gives a webhook back, for another process to take it at once.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn give_back_webhook(&self, hook: &Hook, owner: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE webhooks SET leased_until = 0 WHERE name = $1 AND event = $2 AND leased_by = $3")
            .bind(&hook.name)
            .bind(hook.event)
            .bind(owner)
            .execute(&self.write)
            .await
            .doing("give a webhook back")?;
        Ok(())
    }

    /// Keeps that a webhook was told of something that ended.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn webhook_told(&self, hook: &Hook, ending: &Ending) -> Result<(), StoreError> {
        sqlx::query("UPDATE webhooks SET told = MAX(told, $3) WHERE name = $1 AND event = $2")
            .bind(&hook.name)
            .bind(hook.event)
            .bind(ending.number.cast_signed())
            .execute(&self.write)
            .await
            .doing("keep what a webhook was told")?;
        Ok(())
    }
}
