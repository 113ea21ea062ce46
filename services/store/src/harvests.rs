//! Harvests in the record: leases, cursors, scopes, rejections.

use chrono::{DateTime, Utc};
use gantry_asset::ArchiveId;
use sqlx::{Sqlite, Transaction};
use uuid::Uuid;

use crate::assets::{BatchCounts, to_time};
use crate::database::{now, now_ms};
use crate::error::{Doing, StoreError};
use crate::lease::{LEASE, held};
use crate::{Lease, Phase, Store};

/// One run of a connector, as the record has it.
#[derive(Debug, Clone)]
pub struct Harvest {
    /// Its id.
    pub id: String,
    /// Which archive.
    pub archive: String,
    /// Where it is. `HELD` waits for an operator to accept withdrawals.
    pub phase: Phase,
    /// When it began.
    pub started: DateTime<Utc>,
    /// When it ended.
    pub ended: Option<DateTime<Utc>>,
    /// Assets not seen before, changed, and unchanged.
    pub counts: BatchCounts,
    /// Assets withdrawn.
    pub n_withdrawn: u64,
    /// Things that could not be catalogued.
    pub n_rejected: u64,
    /// Withdrawals that wait for an operator.
    pub n_withdrawals_waiting: u64,
    /// What went wrong, or what is waited for.
    pub message: Option<String>,
}

/// Something a harvest could not catalogue.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Rejection {
    /// What it is called at the archive.
    pub what: String,
    /// Why it was left out.
    pub why: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    archive: String,
    phase: Phase,
    started: i64,
    ended: Option<i64>,
    n_new: i64,
    n_changed: i64,
    n_unchanged: i64,
    n_withdrawn: i64,
    n_rejected: i64,
    n_withdrawals_waiting: i64,
    message: Option<String>,
}

impl From<Row> for Harvest {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            archive: row.archive,
            phase: row.phase,
            started: to_time(row.started),
            ended: row.ended.map(to_time),
            counts: BatchCounts {
                new: row.n_new.cast_unsigned(),
                changed: row.n_changed.cast_unsigned(),
                unchanged: row.n_unchanged.cast_unsigned(),
            },
            n_withdrawn: row.n_withdrawn.cast_unsigned(),
            n_rejected: row.n_rejected.cast_unsigned(),
            n_withdrawals_waiting: row.n_withdrawals_waiting.cast_unsigned(),
            message: row.message,
        }
    }
}

impl Store {
    /// Begins a harvest of an archive, or takes up the one that was cut, with where to go on.
    ///
    /// `None` when another process harvests this archive now. A `full` harvest takes up nothing.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn begin_harvest(
        &self,
        archive: &ArchiveId,
        owner: &str,
        full: bool,
    ) -> Result<Option<(Lease, Option<String>)>, StoreError> {
        let mut tx = self.begin().await?;
        let begun = begin(&mut tx, archive, owner, full).await?;
        tx.commit().await.doing("begin a harvest")?;
        Ok(begun)
    }

    /// Begins the harvest that follows `newest`, the archive's newest when it was found to be due; `None` also when
    /// another process began or ended one since, so that of many who find one due a single one harvests.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn begin_due_harvest(
        &self,
        archive: &ArchiveId,
        owner: &str,
        newest: Option<&Harvest>,
    ) -> Result<Option<(Lease, Option<String>)>, StoreError> {
        let mut tx = self.begin().await?;
        let now_newest: Option<(String, Phase)> = sqlx::query_as(
            "SELECT id, phase FROM harvests WHERE archive = $1 ORDER BY created DESC, id DESC LIMIT 1",
        )
        .bind(archive.as_str())
        .fetch_optional(&mut *tx)
        .await
        .doing("look up a harvest")?;
        if now_newest != newest.map(|newest| (newest.id.clone(), newest.phase)) {
            return Ok(None);
        }
        let begun = begin(&mut tx, archive, owner, false).await?;
        tx.commit().await.doing("begin a harvest")?;
        Ok(begun)
    }

    /// Renews the lease on a harvest.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when another process has it now.
    pub async fn renew_harvest(&self, lease: &Lease) -> Result<(), StoreError> {
        let done = sqlx::query(concat!(
            "UPDATE harvests SET lease_until = ",
            now_ms!(),
            " + $1 WHERE id = $2 AND lease_epoch = $3"
        ))
        .bind(LEASE.as_millis() as i64)
        .bind(&lease.id)
        .bind(lease.epoch)
        .execute(&self.write)
        .await
        .doing("renew the lease on a harvest")?;
        held(done.rows_affected(), "harvest", lease)
    }

    /// Gives the lease on one harvest back, so that the next one of its archive takes it up at once.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn give_back_harvest(&self, lease: &Lease) -> Result<(), StoreError> {
        sqlx::query("UPDATE harvests SET lease_until = 0 WHERE id = $1 AND lease_epoch = $2")
            .bind(&lease.id)
            .bind(lease.epoch)
            .execute(&self.write)
            .await
            .doing("give back the lease on a harvest")?;
        Ok(())
    }

    /// Gives back the leases on harvests of an owner that is no more.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn expire_harvests(&self, owner: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE harvests SET lease_until = 0 WHERE lease_owner = $1")
            .bind(owner)
            .execute(&self.write)
            .await
            .doing("give back the leases on harvests")?;
        Ok(())
    }

    /// Keeps where a harvest could go on.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when another process has it now.
    pub async fn keep_cursor(&self, lease: &Lease, cursor: &str) -> Result<(), StoreError> {
        let done =
            sqlx::query("UPDATE harvests SET resume_at = $1 WHERE id = $2 AND lease_epoch = $3")
                .bind(cursor)
                .bind(&lease.id)
                .bind(lease.epoch)
                .execute(&self.write)
                .await
                .doing("keep a cursor")?;
        held(done.rows_affected(), "harvest", lease)
    }

    /// Keeps that everything in a scope was listed.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when another process has the harvest now.
    pub async fn complete_scope(&self, lease: &Lease, scope: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        check_lease(&mut tx, lease).await?;
        sqlx::query("INSERT INTO harvest_scopes (harvest, scope) VALUES ($1, $2) ON CONFLICT (harvest, scope) DO NOTHING")
            .bind(&lease.id)
            .bind(scope)
            .execute(&mut *tx)
            .await
            .doing("complete a scope")?;
        tx.commit().await.doing("complete a scope")
    }

    /// Keeps what could not be catalogued; the same thing rejected again is counted once.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when another process has the harvest now.
    pub async fn reject(&self, lease: &Lease, what: &str, why: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        check_lease(&mut tx, lease).await?;
        let done = sqlx::query("INSERT INTO rejections (harvest, what, why) VALUES ($1, $2, $3) ON CONFLICT (harvest, what) DO NOTHING")
            .bind(&lease.id)
            .bind(what)
            .bind(why)
            .execute(&mut *tx)
            .await
            .doing("keep a rejection")?;
        sqlx::query("UPDATE harvests SET n_rejected = n_rejected + $1 WHERE id = $2")
            .bind(done.rows_affected().cast_signed())
            .bind(&lease.id)
            .execute(&mut *tx)
            .await
            .doing("count a rejection")?;
        tx.commit().await.doing("keep a rejection")
    }

    /// Ends a harvest that could not go on, with the reason; its cursor stays behind in the row.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when another process has the harvest now.
    pub async fn fail_harvest(&self, lease: &Lease, message: &str) -> Result<Harvest, StoreError> {
        let mut tx = self.begin().await?;
        check_lease(&mut tx, lease).await?;
        end_row(&mut tx, &lease.id, Phase::Error, Some(message)).await?;
        tx.commit().await.doing("end a harvest")?;
        self.harvest(&lease.id).await
    }

    /// One harvest.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none.
    pub async fn harvest(&self, id: &str) -> Result<Harvest, StoreError> {
        let row: Option<Row> = sqlx::query_as("SELECT * FROM harvests WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.write)
            .await
            .doing("look up a harvest")?;
        row.map(Harvest::from).ok_or_else(|| StoreError::NotFound {
            noun: "harvest",
            id: id.to_owned(),
        })
    }

    /// The newest harvests, of one archive or of all, newest first.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn harvests(
        &self,
        archive: Option<&ArchiveId>,
        limit: u32,
    ) -> Result<Vec<Harvest>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as("SELECT * FROM harvests WHERE $1 IS NULL OR archive = $1 ORDER BY created DESC, id DESC LIMIT $2")
            .bind(archive.map(ArchiveId::as_str))
            .bind(i64::from(limit))
            .fetch_all(&self.read)
            .await
            .doing("list harvests")?;
        Ok(rows.into_iter().map(Harvest::from).collect())
    }

    /// The newest harvest of an archive that came to its end.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn good_harvest(&self, archive: &ArchiveId) -> Result<Option<Harvest>, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT * FROM harvests WHERE archive = $1 AND phase = 'COMPLETED' ORDER BY created DESC, id DESC LIMIT 1",
        )
        .bind(archive.as_str())
        .fetch_optional(&self.read)
        .await
        .doing("look up a harvest")?;
        Ok(row.map(Harvest::from))
    }

    /// How many harvests of an archive have ended since then, and how many of these failed.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn ended_harvests(
        &self,
        archive: &ArchiveId,
        since: DateTime<Utc>,
    ) -> Result<(u64, u64), StoreError> {
        let (ended, failed): (i64, i64) = sqlx::query_as(
            "SELECT COUNT(*), COUNT(CASE WHEN phase = 'ERROR' THEN 1 END) FROM harvests \
             WHERE archive = $1 AND ended >= $2",
        )
        .bind(archive.as_str())
        .bind(since.timestamp_millis())
        .fetch_one(&self.read)
        .await
        .doing("count harvests")?;
        Ok((ended.cast_unsigned(), failed.cast_unsigned()))
    }

    /// What a harvest rejected, in the order of its names, so many at most and only what comes behind `after`.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn rejections(
        &self,
        harvest: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Rejection>, StoreError> {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT what, why FROM rejections WHERE harvest = $1 AND ($2 IS NULL OR what > $2) ORDER BY what LIMIT $3",
        )
        .bind(harvest)
        .bind(after)
        .bind(limit)
        .fetch_all(&self.read)
        .await
        .doing("list rejections")?;
        Ok(rows
            .into_iter()
            .map(|(what, why)| Rejection { what, why })
            .collect())
    }
}

/// Begins a harvest or takes up the one that was cut, within a transaction.
async fn begin(
    tx: &mut Transaction<'static, Sqlite>,
    archive: &ArchiveId,
    owner: &str,
    full: bool,
) -> Result<Option<(Lease, Option<String>)>, StoreError> {
    let open: Option<(String, i64, Option<String>, bool)> = sqlx::query_as(concat!(
        "SELECT id, lease_epoch, resume_at, lease_until >= ",
        now_ms!(),
        " FROM harvests WHERE archive = $1 AND phase = 'EXECUTING' ORDER BY created DESC LIMIT 1"
    ))
    .bind(archive.as_str())
    .fetch_optional(&mut **tx)
    .await
    .doing("look up a harvest")?;
    let begun = match open {
        Some((_, _, _, true)) => None,
        Some((id, epoch, cursor, false)) if !full && cursor.is_some() => {
            Some((take_over(tx, &id, epoch, owner).await?, cursor))
        }
        Some((id, ..)) => {
            end_row(
                tx,
                &id,
                Phase::Aborted,
                Some("it was cut before it could be resumed"),
            )
            .await?;
            Some((new_row(tx, archive, owner).await?, None))
        }
        None => Some((new_row(tx, archive, owner).await?, None)),
    };
    Ok(begun)
}

/// Fails unless the lease is still ours.
pub(crate) async fn check_lease(
    tx: &mut Transaction<'static, Sqlite>,
    lease: &Lease,
) -> Result<(), StoreError> {
    let ours: Option<i64> = sqlx::query_scalar(
        "SELECT 1 FROM harvests WHERE id = $1 AND lease_epoch = $2 AND phase = 'EXECUTING'",
    )
    .bind(&lease.id)
    .bind(lease.epoch)
    .fetch_optional(&mut **tx)
    .await
    .doing("check the lease on a harvest")?;
    held(u64::from(ours.is_some()), "harvest", lease)
}

pub(crate) async fn add_counts(
    tx: &mut Transaction<'static, Sqlite>,
    id: &str,
    counts: BatchCounts,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE harvests SET n_new = n_new + $1, n_changed = n_changed + $2, n_unchanged = n_unchanged + $3 WHERE id = $4")
        .bind(counts.new.cast_signed())
        .bind(counts.changed.cast_signed())
        .bind(counts.unchanged.cast_signed())
        .bind(id)
        .execute(&mut **tx)
        .await
        .doing("count a batch")?;
    Ok(())
}

async fn new_row(
    tx: &mut Transaction<'static, Sqlite>,
    archive: &ArchiveId,
    owner: &str,
) -> Result<Lease, StoreError> {
    let id = Uuid::now_v7().to_string();
    sqlx::query(concat!(
        "INSERT INTO harvests (id, archive, phase, created, started, lease_owner, lease_until, lease_epoch) ",
        "VALUES ($1, $2, 'EXECUTING', $3, $3, $4, ", now_ms!(), " + $5, 1)"))
        .bind(&id)
        .bind(archive.as_str())
        .bind(now())
        .bind(owner)
        .bind(LEASE.as_millis() as i64)
        .execute(&mut **tx)
        .await
        .doing("begin a harvest")?;
    Ok(Lease { id, epoch: 1 })
}

async fn take_over(
    tx: &mut Transaction<'static, Sqlite>,
    id: &str,
    epoch: i64,
    owner: &str,
) -> Result<Lease, StoreError> {
    sqlx::query(concat!(
        "UPDATE harvests SET lease_owner = $1, lease_epoch = $2, lease_until = ",
        now_ms!(),
        " + $3 WHERE id = $4"
    ))
    .bind(owner)
    .bind(epoch + 1)
    .bind(LEASE.as_millis() as i64)
    .bind(id)
    .execute(&mut **tx)
    .await
    .doing("take a harvest over")?;
    Ok(Lease {
        id: id.to_owned(),
        epoch: epoch + 1,
    })
}

pub(crate) async fn end_row(
    tx: &mut Transaction<'static, Sqlite>,
    id: &str,
    phase: Phase,
    message: Option<&str>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE harvests SET phase = $1, message = $2, ended = $3, lease_until = 0 WHERE id = $4",
    )
    .bind(phase)
    .bind(message)
    .bind(now())
    .bind(id)
    .execute(&mut **tx)
    .await
    .doing("end a harvest")?;
    Ok(())
}
