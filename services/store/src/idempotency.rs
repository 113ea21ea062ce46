//! Idempotency: a request that is sent again finds the answer it got before.

use crate::Store;
use crate::database::now;
use crate::error::{Doing, StoreError};

/// What an idempotency key finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Idempotent {
    /// Nobody used this key: the caller goes on and must keep the answer.
    First,
    /// The same request was answered before.
    Answered {
        /// The status given then.
        status: u16,
        /// The answer given then, JSON.
        answer: String,
    },
    /// The same request is being answered right now.
    Running,
    /// The key was used for another request.
    OtherBody,
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// A request that was not answered within this time was being answered by a process that is no more.
const ANSWERED_WITHIN_MS: i64 = 60 * 1000;

impl Store {
    /// Looks an idempotency key up, per user and route, for 24 hours; a new key is taken at once.
    ///
    /// A key whose request was not answered within a minute is free again: its process died on the way.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn idempotent(
        &self,
        owner: &str,
        route: &str,
        key: &str,
        body_hash: &str,
    ) -> Result<Idempotent, StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "DELETE FROM idempotency WHERE created < $1 OR (status IS NULL AND created < $2)",
        )
        .bind(now() - DAY_MS)
        .bind(now() - ANSWERED_WITHIN_MS)
        .execute(&mut *tx)
        .await
        .doing("forget old keys")?;
        let known: Option<(String, Option<i64>, Option<String>)> =
            sqlx::query_as("SELECT body_hash, status, answer FROM idempotency WHERE owner = $1 AND route = $2 AND name = $3")
                .bind(owner)
                .bind(route)
                .bind(key)
                .fetch_optional(&mut *tx)
                .await
                .doing("look up a key")?;
        let found = match known {
            Some((hash, ..)) if hash != body_hash => Idempotent::OtherBody,
            Some((_, Some(status), Some(answer))) => Idempotent::Answered {
                status: u16::try_from(status).unwrap_or(500),
                answer,
            },
            Some(_) => Idempotent::Running,
            None => {
                sqlx::query("INSERT INTO idempotency (owner, route, name, body_hash, created) VALUES ($1, $2, $3, $4, $5)")
                    .bind(owner)
                    .bind(route)
                    .bind(key)
                    .bind(body_hash)
                    .bind(now())
                    .execute(&mut *tx)
                    .await
                    .doing("keep a key")?;
                Idempotent::First
            }
        };
        tx.commit().await.doing("keep a key")?;
        Ok(found)
    }

    /// Keeps the answer of a request with an idempotency key; without an answer the key is free again.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn keep_answer(
        &self,
        owner: &str,
        route: &str,
        key: &str,
        answer: Option<(u16, &str)>,
    ) -> Result<(), StoreError> {
        let query = match answer {
            Some((status, text)) => {
                sqlx::query("UPDATE idempotency SET status = $4, answer = $5 WHERE owner = $1 AND route = $2 AND name = $3")
                    .bind(owner)
                    .bind(route)
                    .bind(key)
                    .bind(i64::from(status))
                    .bind(text)
            }
            None => sqlx::query("DELETE FROM idempotency WHERE owner = $1 AND route = $2 AND name = $3").bind(owner).bind(route).bind(key),
        };
        query.execute(&self.write).await.doing("keep an answer")?;
        Ok(())
    }
}
