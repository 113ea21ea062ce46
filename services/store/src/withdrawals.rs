//! Withdrawals: what an archive no longer has leaves the catalogue, carefully.

use gantry_asset::AssetId;
use sqlx::{Sqlite, Transaction};

use crate::database::now;
use crate::error::{Doing, StoreError};
use crate::harvest_notes::let_count;
use crate::harvests::{check_lease, end_row};
use crate::upserts::next_change;
use crate::{Harvest, Lease, Phase, Store};

impl Store {
    /// Withdraws an asset that the archive says is gone; one of another archive, or a user's own, is left alone.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when another process has the harvest now.
    pub async fn withdraw_asset(&self, lease: &Lease, id: &AssetId) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        check_lease(&mut tx, lease).await?;
        let live: Option<String> =
            sqlx::query_scalar(
                "SELECT id FROM assets WHERE id = $1 AND withdrawn IS NULL AND owner IS NULL AND archive = (SELECT archive FROM harvests WHERE id = $2)",
            )
                .bind(id.as_str())
                .bind(&lease.id)
                .fetch_optional(&mut *tx)
                .await
                .doing("look up an asset")?;
        let ids: Vec<String> = live.into_iter().collect();
        withdraw(&mut tx, &ids).await?;
        add_withdrawn(&mut tx, &lease.id, ids.len()).await?;
        tx.commit().await.doing("withdraw an asset")
    }

    /// Ends a harvest: withdraws what was not seen in the scopes it completed.
    ///
    /// More than a tenth of what the archive had at once waits for the operator: the harvest is then `HELD`.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when another process has the harvest now.
    pub async fn finish_harvest(&self, lease: &Lease) -> Result<Harvest, StoreError> {
        let mut tx = self.begin().await?;
        check_lease(&mut tx, lease).await?;
        let unseen = unseen(&mut tx, &lease.id).await?;
        let n_live: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM assets WHERE archive = (SELECT archive FROM harvests WHERE id = $1) AND owner IS NULL AND withdrawn IS NULL",
        )
        .bind(&lease.id)
        .fetch_one(&mut *tx)
        .await
        .doing("count assets")?;
        if unseen.len() as i64 * 10 > n_live {
            let text = format!(
                "{} of {n_live} assets are gone from the archive; accepting the withdrawals, on the page of archives or by POST /harvests/{{id}}/accept-withdrawals, takes them out of the catalogue",
                unseen.len()
            );
            sqlx::query("UPDATE harvests SET n_withdrawals_waiting = $1 WHERE id = $2")
                .bind(unseen.len() as i64)
                .bind(&lease.id)
                .execute(&mut *tx)
                .await
                .doing("count withdrawals")?;
            end_row(&mut tx, &lease.id, Phase::Held, Some(&text)).await?;
        } else {
            withdraw(&mut tx, &unseen).await?;
            add_withdrawn(&mut tx, &lease.id, unseen.len()).await?;
            let_count(&mut tx, &lease.id).await?;
            end_row(&mut tx, &lease.id, Phase::Completed, None).await?;
        }
        tx.commit().await.doing("end a harvest")?;
        self.harvest(&lease.id).await
    }

    /// Takes out of the catalogue what a harvest found gone and an operator has now accepted.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the harvest is not one that waits for this.
    pub async fn accept_withdrawals(&self, id: &str) -> Result<Harvest, StoreError> {
        let mut tx = self.begin().await?;
        let done = sqlx::query("UPDATE harvests SET phase = 'COMPLETED', n_withdrawals_waiting = 0, message = NULL WHERE id = $1 AND phase = 'HELD'")
            .bind(id)
            .execute(&mut *tx)
            .await
            .doing("accept withdrawals")?;
        if done.rows_affected() == 0 {
            return Err(StoreError::NotFound {
                noun: "harvest that waits for an operator",
                id: id.to_owned(),
            });
        }
        let unseen = unseen(&mut tx, id).await?;
        withdraw(&mut tx, &unseen).await?;
        add_withdrawn(&mut tx, id, unseen.len()).await?;
        let_count(&mut tx, id).await?;
        tx.commit().await.doing("accept withdrawals")?;
        self.sum_up_series().await?;
        self.harvest(id).await
    }
}

/// Marks as withdrawn; each takes a number.
async fn withdraw(tx: &mut Transaction<'static, Sqlite>, ids: &[String]) -> Result<(), StoreError> {
    for id in ids {
        let change = next_change(tx).await?;
        sqlx::query("UPDATE assets SET withdrawn = $1, change = $2 WHERE id = $3")
            .bind(now())
            .bind(change)
            .bind(id)
            .execute(&mut **tx)
            .await
            .doing("withdraw an asset")?;
        sqlx::query(
            "INSERT INTO series_changed (series) SELECT series FROM assets WHERE id = $1 AND series IS NOT NULL \
             ON CONFLICT (series) DO NOTHING",
        )
        .bind(id)
        .execute(&mut **tx)
        .await
        .doing("note that a series changed")?;
    }
    Ok(())
}

async fn add_withdrawn(
    tx: &mut Transaction<'static, Sqlite>,
    id: &str,
    n: usize,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE harvests SET n_withdrawn = n_withdrawn + $1 WHERE id = $2")
        .bind(n as i64)
        .bind(id)
        .execute(&mut **tx)
        .await
        .doing("count withdrawals")?;
    Ok(())
}

/// Live public assets of a harvest's archive, within the scopes it completed, that neither it nor a later harvest saw.
///
/// An operator may accept withdrawals long after they were found; what came back meanwhile stays. The ids of harvests
/// are UUIDs of version 7, whose order is that of their making.
async fn unseen(
    tx: &mut Transaction<'static, Sqlite>,
    harvest: &str,
) -> Result<Vec<String>, StoreError> {
    let archive: String = sqlx::query_scalar("SELECT archive FROM harvests WHERE id = $1")
        .bind(harvest)
        .fetch_one(&mut **tx)
        .await
        .doing("look up a harvest")?;
    let mut unseen = Vec::new();
    for scope in outermost(scopes(tx, harvest).await?) {
        let (from, to) = (format!("{archive}:{scope}"), behind(&archive, &scope));
        let ids: Vec<String> = sqlx::query_scalar(
            "SELECT a.id FROM assets a JOIN harvests h ON h.archive = a.archive \
             WHERE h.id = $1 AND a.id >= $2 AND a.id < $3 AND a.seen < $1 AND a.owner IS NULL \
             AND a.withdrawn IS NULL AND a.created <= h.started ORDER BY a.id",
        )
        .bind(harvest)
        .bind(from)
        .bind(to)
        .fetch_all(&mut **tx)
        .await
        .doing("look for assets that were not seen")?;
        unseen.extend(ids);
    }
    Ok(unseen)
}

/// The scopes that a harvest completed, in order.
async fn scopes(
    tx: &mut Transaction<'static, Sqlite>,
    harvest: &str,
) -> Result<Vec<String>, StoreError> {
    sqlx::query_scalar("SELECT scope FROM harvest_scopes WHERE harvest = $1 ORDER BY scope")
        .bind(harvest)
        .fetch_all(&mut **tx)
        .await
        .doing("look up the scopes of a harvest")
}

/// Of scopes in order those that lie in no other.
fn outermost(scopes: Vec<String>) -> Vec<String> {
    let mut outer: Vec<String> = Vec::new();
    for scope in scopes {
        if !outer
            .last()
            .is_some_and(|last| scope.starts_with(last.as_str()))
        {
            outer.push(scope);
        }
    }
    outer
}

/// The first text behind every id of an archive that begins so; ids are ASCII below the last byte.
fn behind(archive: &str, scope: &str) -> String {
    let mut text = format!("{archive}:{scope}");
    let last = text.pop().unwrap_or(':');
    text.push(char::from_u32(u32::from(last) + 1).unwrap_or(last));
    text
}
