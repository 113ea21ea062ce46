//! Series in the record: what each stands for, summed up from its members whenever one of them changed.

use std::collections::BTreeSet;

use futures::TryStreamExt;
use gantry_asset::{ArchiveId, Asset, AssetId, Members, SumOfMembers};
use sqlx::{QueryBuilder, Sqlite, Transaction};

use crate::Store;
use crate::database::now;
use crate::error::{Doing, StoreError};
use crate::upserts::next_change;

impl Store {
    /// Sums up every series whose members changed since it was summed up last; how many those were.
    ///
    /// A series that now stands for something else takes a number; one without members leaves the catalogue.
    /// May be called at any time, and again after a crash.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn sum_up_series(&self) -> Result<u64, StoreError> {
        let mut n = 0;
        loop {
            let next: Option<String> =
                sqlx::query_scalar("SELECT series FROM series_changed ORDER BY series LIMIT 1")
                    .fetch_optional(&self.write)
                    .await
                    .doing("look for series that changed")?;
            let Some(series) = next else { return Ok(n) };
            let mut tx = self.begin().await?;
            sum_up(&mut tx, &series).await?;
            sqlx::query("DELETE FROM series_changed WHERE series = $1")
                .bind(&series)
                .execute(&mut *tx)
                .await
                .doing("note that a series is summed up")?;
            tx.commit().await.doing("sum up a series")?;
            n += 1;
        }
    }

    /// How many series an archive has.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn n_series(&self, archive: &ArchiveId) -> Result<u64, StoreError> {
        let n: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM assets WHERE archive = $1 AND members IS NOT NULL AND withdrawn IS NULL",
        )
        .bind(archive.as_str())
        .fetch_one(&self.read)
        .await
        .doing("count series")?;
        Ok(n.cast_unsigned())
    }

    /// The members of a series that are not withdrawn and at most so many, in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn members_of(
        &self,
        series: &AssetId,
        limit: u32,
    ) -> Result<Vec<AssetId>, StoreError> {
        let ids: Vec<String> = sqlx::query_scalar(
            "SELECT id FROM assets WHERE series = $1 AND owner IS NULL AND withdrawn IS NULL ORDER BY id LIMIT $2",
        )
        .bind(series.as_str())
        .bind(i64::from(limit))
        .fetch_all(&self.read)
        .await
        .doing("list the members of a series")?;
        Ok(ids
            .iter()
            .filter_map(|id| AssetId::parse(id).ok())
            .collect())
    }
}

/// Notes that series are to be summed up again.
pub(crate) async fn note_all_changed<'a>(
    tx: &mut Transaction<'static, Sqlite>,
    series: impl Iterator<Item = &'a str>,
) -> Result<(), StoreError> {
    let series: BTreeSet<&str> = series.collect();
    if series.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new("INSERT INTO series_changed (series) ");
    query.push_values(series, |mut row, series| {
        row.push_bind(series);
    });
    query.push(" ON CONFLICT (series) DO NOTHING");
    query
        .build()
        .execute(&mut **tx)
        .await
        .doing("note that series changed")?;
    Ok(())
}

async fn sum_up(tx: &mut Transaction<'static, Sqlite>, series: &str) -> Result<(), StoreError> {
    let known: Option<(Option<String>, Option<i64>)> =
        sqlx::query_as("SELECT members, withdrawn FROM assets WHERE id = $1")
            .bind(series)
            .fetch_optional(&mut **tx)
            .await
            .doing("look up a series")?;
    // Members may come before the series itself, and a withdrawn one waits until its archive shows it again.
    let Some((known, None)) = known else {
        return Ok(());
    };
    let members = sum_of(tx, series).await?;
    if members.total == 0 {
        let change = next_change(tx).await?;
        sqlx::query("UPDATE assets SET withdrawn = $1, members = NULL, change = $2 WHERE id = $3")
            .bind(now())
            .bind(change)
            .bind(series)
            .execute(&mut **tx)
            .await
            .doing("withdraw a series without members")?;
        return Ok(());
    }
    let text = serde_json::to_string(&members).doing("the members of a series")?;
    if known.as_deref() == Some(&text) {
        return Ok(());
    }
    let change = next_change(tx).await?;
    sqlx::query("UPDATE assets SET members = $1, change = $2, updated = $3 WHERE id = $4")
        .bind(text)
        .bind(change)
        .bind(now())
        .bind(series)
        .execute(&mut **tx)
        .await
        .doing("keep what a series stands for")?;
    Ok(())
}

async fn sum_of(
    tx: &mut Transaction<'static, Sqlite>,
    series: &str,
) -> Result<Members, StoreError> {
    let mut rows = sqlx::query_as::<_, (String, Option<i64>)>(
        "SELECT body, size_bytes FROM assets WHERE series = $1 AND owner IS NULL AND withdrawn IS NULL ORDER BY id",
    )
    .bind(series)
    .fetch(&mut **tx);
    let mut sum = SumOfMembers::default();
    while let Some((body, size)) = rows
        .try_next()
        .await
        .doing("read the members of a series")?
    {
        let member: Asset = serde_json::from_str(&body).doing("an asset")?;
        sum.add(&member, size.map(i64::cast_unsigned));
    }
    Ok(sum.sum())
}

/// Gives a series the coverage and the facets of its members.
pub(crate) fn cover(asset: &mut Asset, members: &Members) {
    asset.time = members.time.or(asset.time);
    asset.days = members.days.clone().or_else(|| asset.days.take());
    asset.sky = members.sky.clone().or_else(|| asset.sky.take());
    asset.place = members.place.or(asset.place);
    for (field, values) in members.facets.iter() {
        for value in values {
            asset.facets.add(field, value.as_str());
        }
    }
}
