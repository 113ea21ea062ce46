//! Selections: immutable sets of (asset, version).

use chrono::{DateTime, Utc};
use gantry_asset::{AssetId, Completeness};

use crate::Store;
use crate::assets::to_time;
use crate::database::now;
use crate::error::{Doing, StoreError};

/// A selection, without its members.
#[derive(Debug, Clone)]
pub struct Selection {
    /// Its id.
    pub id: String,
    /// The user it belongs to; nobody's when it holds only public assets.
    pub owner: Option<String>,
    /// The change number it was resolved at.
    pub change: u64,
    /// How many assets.
    pub n_assets: u64,
    /// How many files.
    pub n_files: u64,
    /// How many bytes, where all are known.
    pub size_bytes: Option<u64>,
    /// What was asked for by days, and which of them are missing; nothing for a selection without ranges.
    pub days: Completeness,
    /// When it was made.
    pub created: DateTime<Utc>,
}

/// One member of a selection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectionMember {
    /// Which asset.
    pub asset: AssetId,
    /// Which version of it.
    pub version: u32,
}

type Row = (
    String,
    Option<String>,
    i64,
    i64,
    i64,
    Option<i64>,
    String,
    i64,
);

/// How many rows one statement takes.
const ROWS: usize = 500;

impl Store {
    /// Keeps a selection; one with the same id is the same selection.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn keep_selection(
        &self,
        selection: &Selection,
        members: &[SelectionMember],
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let done = sqlx::query(
            "INSERT INTO selections (id, owner, change, n_assets, n_files, size_bytes, gaps, created) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING",
        )
        .bind(&selection.id)
        .bind(&selection.owner)
        .bind(selection.change.cast_signed())
        .bind(selection.n_assets.cast_signed())
        .bind(selection.n_files.cast_signed())
        .bind(selection.size_bytes.map(u64::cast_signed))
        .bind(serde_json::to_string(&selection.days).expect("counts and days are plain data"))
        .bind(now())
        .execute(&mut *tx)
        .await
        .doing("keep a selection")?;
        if done.rows_affected() == 1 {
            let mut numbered = members.iter().enumerate().peekable();
            while numbered.peek().is_some() {
                let mut insert = sqlx::QueryBuilder::new(
                    "INSERT INTO selection_assets (selection, position, asset, version) ",
                );
                insert.push_values(
                    numbered.by_ref().take(ROWS),
                    |mut row, (position, member)| {
                        row.push_bind(&selection.id)
                            .push_bind(position as i64)
                            .push_bind(member.asset.as_str())
                            .push_bind(i64::from(member.version));
                    },
                );
                insert
                    .build()
                    .execute(&mut *tx)
                    .await
                    .doing("keep the members of a selection")?;
            }
        }
        tx.commit().await.doing("keep a selection")
    }

    /// One selection, if it is nobody's or `viewer`'s.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none that `viewer` may see.
    pub async fn selection(&self, id: &str, viewer: Option<&str>) -> Result<Selection, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT id, owner, change, n_assets, n_files, size_bytes, gaps, created FROM selections WHERE id = $1 AND (owner IS NULL OR owner = $2)",
        )
        .bind(id)
        .bind(viewer)
        .fetch_optional(&self.write)
        .await
        .doing("look up a selection")?;
        let (id, owner, change, n_assets, n_files, size, days, created) =
            row.ok_or_else(|| StoreError::NotFound {
                noun: "selection",
                id: id.to_owned(),
            })?;
        Ok(Selection {
            id,
            owner,
            change: change.cast_unsigned(),
            n_assets: n_assets.cast_unsigned(),
            n_files: n_files.cast_unsigned(),
            size_bytes: size.map(i64::cast_unsigned),
            // Selections of old have a bare list, always empty.
            days: serde_json::from_str(&days).unwrap_or_default(),
            created: to_time(created),
        })
    }

    /// The members of a selection from a position on.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn selection_members(
        &self,
        id: &str,
        from: u64,
        limit: u32,
    ) -> Result<Vec<SelectionMember>, StoreError> {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT asset, version FROM selection_assets WHERE selection = $1 AND position >= $2 ORDER BY position LIMIT $3",
        )
        .bind(id)
        .bind(from.cast_signed())
        .bind(i64::from(limit))
        .fetch_all(&self.write)
        .await
        .doing("list the members of a selection")?;
        Ok(rows
            .into_iter()
            .filter_map(|(asset, version)| {
                Some(SelectionMember {
                    asset: AssetId::parse(&asset).ok()?,
                    version: u32::try_from(version).ok()?,
                })
            })
            .collect())
    }
}
