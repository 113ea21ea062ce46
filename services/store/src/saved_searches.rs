//! The searches that users keep.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::Store;
use crate::assets::to_time;
use crate::database::now;
use crate::error::{Doing, StoreError};

/// The most searches one user keeps.
pub const MOST_SEARCHES: u32 = 100;

/// A search that a user keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedSearch {
    /// Its id.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// The search as it stands in an address, without `?`.
    pub search: String,
    /// The number of the catalogue's last change when its owner last looked.
    pub seen_change: u64,
    /// Since when it is kept.
    pub created: DateTime<Utc>,
    /// When its owner last looked.
    pub seen: DateTime<Utc>,
}

/// Id, name, search, seen change, created, seen.
type Row = (String, String, String, i64, i64, i64);

fn saved((id, name, search, seen_change, created, seen): Row) -> SavedSearch {
    SavedSearch {
        id,
        name,
        search,
        seen_change: seen_change.cast_unsigned(),
        created: to_time(created),
        seen: to_time(seen),
    }
}

impl Store {
    /// The searches a user keeps, newest first.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn saved_searches(&self, owner: &str) -> Result<Vec<SavedSearch>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT id, name, search, seen_change, created, seen FROM saved_searches WHERE owner = $1 ORDER BY created DESC, id DESC",
        )
        .bind(owner)
        .fetch_all(&self.read)
        .await
        .doing("look up searches")?;
        Ok(rows.into_iter().map(saved).collect())
    }

    /// Keeps a search; what is found up to a change of the catalogue counts as seen. One with the same words is kept once: it has the newer name, and what was seen of it stays.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] when a user keeps as many as may be kept, [`StoreError::Database`] when the database does
    /// not answer.
    pub async fn save_search(
        &self,
        owner: &str,
        (name, search): (&str, &str),
        change: u64,
    ) -> Result<SavedSearch, StoreError> {
        let mut tx = self.begin().await?;
        let kept: Option<Row> = sqlx::query_as(
            "UPDATE saved_searches SET name = $3 WHERE owner = $1 AND search = $2 RETURNING id, name, search, seen_change, created, seen",
        )
        .bind(owner)
        .bind(search)
        .bind(name)
        .fetch_optional(&mut *tx)
        .await
        .doing("keep a search")?;
        if let Some(row) = kept {
            tx.commit().await.doing("keep a search")?;
            return Ok(saved(row));
        }
        let n: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM saved_searches WHERE owner = $1")
            .bind(owner)
            .fetch_one(&mut *tx)
            .await
            .doing("count searches")?;
        if n >= i64::from(MOST_SEARCHES) {
            return Err(StoreError::TooMany {
                noun: "saved searches",
                most: MOST_SEARCHES,
            });
        }
        let row = (
            Uuid::now_v7().to_string(),
            name.to_owned(),
            search.to_owned(),
            change.cast_signed(),
            now(),
            now(),
        );
        sqlx::query(
            "INSERT INTO saved_searches (id, owner, name, search, seen_change, created, seen) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&row.0)
        .bind(owner)
        .bind(&row.1)
        .bind(&row.2)
        .bind(row.3)
        .bind(row.4)
        .bind(row.5)
        .execute(&mut *tx)
        .await
        .doing("keep a search")?;
        tx.commit().await.doing("keep a search")?;
        Ok(saved(row))
    }

    /// Says that the owner of a search has seen what is found up to a change of the catalogue.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when they keep no search of that id.
    pub async fn search_seen(&self, owner: &str, id: &str, change: u64) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let done = sqlx::query(
            "UPDATE saved_searches SET seen_change = MAX(seen_change, $3), seen = $4 WHERE owner = $1 AND id = $2",
        )
        .bind(owner)
        .bind(id)
        .bind(change.cast_signed())
        .bind(now())
        .execute(&mut *tx)
        .await
        .doing("note that a search was seen")?;
        tx.commit().await.doing("note that a search was seen")?;
        there(done.rows_affected(), id)
    }

    /// Keeps a search no longer.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when they keep no search of that id.
    pub async fn forget_search(&self, owner: &str, id: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let done = sqlx::query("DELETE FROM saved_searches WHERE owner = $1 AND id = $2")
            .bind(owner)
            .bind(id)
            .execute(&mut *tx)
            .await
            .doing("forget a search")?;
        tx.commit().await.doing("forget a search")?;
        there(done.rows_affected(), id)
    }
}

fn there(n_rows: u64, id: &str) -> Result<(), StoreError> {
    if n_rows > 0 {
        return Ok(());
    }
    Err(StoreError::NotFound {
        noun: "saved search",
        id: id.to_owned(),
    })
}
