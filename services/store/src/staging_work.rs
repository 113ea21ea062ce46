//! Work on staging jobs: what a worker keeps on the way, how a job ends, and what its owner asks of it.

use crate::cached_files;
use crate::database::now;
use crate::error::{Doing, StoreError};
use crate::lease::held;
use crate::staged_files::{StagedFile, keep};
use crate::{CachedFile, FileOutcome, Lease, Phase, StagingJob, Store, Wanted};

impl Store {
    /// Marks a claimed job as running.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when another worker has it now, or its owner stopped it meanwhile.
    pub async fn start_staging_job(&self, lease: &Lease) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE staging_jobs SET phase = 'EXECUTING', started = COALESCE(started, $1) \
             WHERE id = $2 AND lease_epoch = $3 AND phase IN ('QUEUED', 'EXECUTING')",
        )
        .bind(now())
        .bind(&lease.id)
        .bind(lease.epoch)
        .execute(&self.write)
        .await
        .doing("start a staging job")?;
        held(done.rows_affected(), "staging job", lease)
    }

    /// Keeps how far a file is, and what is needed to go on with it.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when another worker has the job now.
    pub async fn keep_progress(
        &self,
        lease: &Lease,
        position: u64,
        bytes_done: u64,
        resume: Option<&str>,
    ) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE staging_files SET bytes_done = $1, resume = COALESCE($2, resume) WHERE job = $3 AND position = $4 \
             AND EXISTS (SELECT 1 FROM staging_jobs WHERE id = $3 AND lease_epoch = $5)",
        )
        .bind(bytes_done.cast_signed())
        .bind(resume)
        .bind(&lease.id)
        .bind(position.cast_signed())
        .bind(lease.epoch)
        .execute(&self.write)
        .await
        .doing("keep progress")?;
        held(done.rows_affected(), "staging job", lease)
    }

    /// Keeps how far several files are, in one transaction: (position, bytes, what is needed to go on).
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when another worker has the job now; nothing was written then.
    pub async fn keep_all_progress(
        &self,
        lease: &Lease,
        files: &[(u64, u64, String)],
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        check_lease(&mut tx, lease).await?;
        for (position, bytes_done, resume) in files {
            sqlx::query("UPDATE staging_files SET bytes_done = $1, resume = $2 WHERE job = $3 AND position = $4")
                .bind(bytes_done.cast_signed())
                .bind(resume)
                .bind(&lease.id)
                .bind(position.cast_signed())
                .execute(&mut *tx)
                .await
                .doing("keep progress")?;
        }
        tx.commit().await.doing("keep progress")
    }

    /// Keeps what a job waits for, and the bytes it moved since the last time.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when another worker has it now.
    pub async fn keep_waiting(
        &self,
        lease: &Lease,
        waiting_for: &str,
        moved: u64,
    ) -> Result<(), StoreError> {
        let done = sqlx::query("UPDATE staging_jobs SET waiting_for = $1, bytes_moved = bytes_moved + $2 WHERE id = $3 AND lease_epoch = $4")
            .bind(waiting_for)
            .bind(moved.cast_signed())
            .bind(&lease.id)
            .bind(lease.epoch)
            .execute(&self.write)
            .await
            .doing("keep what a job waits for")?;
        held(done.rows_affected(), "staging job", lease)
    }

    /// Gives files their outcomes and keeps what is now in the volume and in the cache, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when another worker has the job now; nothing was written then.
    pub async fn settle_files(
        &self,
        lease: &Lease,
        volume: &str,
        files: &[(u64, FileOutcome, Option<StagedFile>)],
        cached: &[CachedFile],
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        check_lease(&mut tx, lease).await?;
        for (position, outcome, staged) in files {
            settle(&mut tx, &lease.id, *position, outcome).await?;
            if let Some(staged) = staged {
                keep(&mut tx, volume, staged).await?;
            }
        }
        for file in cached {
            cached_files::keep(&mut tx, file).await?;
        }
        tx.commit().await.doing("keep the outcomes of files")
    }

    /// Ends a job, or holds it, and gives the lease back.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when another worker has it now.
    pub async fn end_staging_job(
        &self,
        lease: &Lease,
        phase: Phase,
        message: Option<&str>,
    ) -> Result<(), StoreError> {
        let ended = phase.is_final().then(now);
        let done = sqlx::query(
            "UPDATE staging_jobs SET phase = $1, message = $2, ended = $3, waiting_for = '[]', wanted = NULL, lease_until = 0 WHERE id = $4 AND lease_epoch = $5",
        )
        .bind(phase)
        .bind(message)
        .bind(ended)
        .bind(&lease.id)
        .bind(lease.epoch)
        .execute(&self.write)
        .await
        .doing("end a staging job")?;
        held(done.rows_affected(), "staging job", lease)
    }

    /// Gives one lease back, so that the job is taken up at once by whoever comes next.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn give_back_staging_job(&self, lease: &Lease) -> Result<(), StoreError> {
        sqlx::query("UPDATE staging_jobs SET lease_until = 0 WHERE id = $1 AND lease_epoch = $2")
            .bind(&lease.id)
            .bind(lease.epoch)
            .execute(&self.write)
            .await
            .doing("give back the lease on a staging job")?;
        Ok(())
    }

    /// Asks a job to hold or abort; one that no worker has begun does so at once, and a worker that has just claimed it
    /// loses its lease. What is to be aborted cannot be held any more.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn ask_staging_job(
        &self,
        job: &StagingJob,
        wanted: Wanted,
    ) -> Result<(), StoreError> {
        let at_once = match wanted {
            Wanted::Hold => Phase::Held,
            Wanted::Abort => Phase::Aborted,
        };
        let mut tx = self.begin().await?;
        let done = sqlx::query("UPDATE staging_jobs SET phase = $1, ended = $2, lease_epoch = lease_epoch + 1, lease_until = 0 \
             WHERE id = $3 AND phase IN ('QUEUED', 'HELD') AND started IS NULL")
            .bind(at_once)
            .bind(at_once.is_final().then(now))
            .bind(&job.id)
            .execute(&mut *tx)
            .await
            .doing("stop a staging job")?;
        if done.rows_affected() == 0 {
            sqlx::query(
                "UPDATE staging_jobs SET wanted = $1, phase = CASE WHEN phase = 'HELD' THEN 'QUEUED' ELSE phase END \
                 WHERE id = $2 AND (phase IN ('QUEUED', 'EXECUTING') OR phase = 'HELD' AND $1 = 'abort') \
                 AND (wanted IS NULL OR wanted <> 'abort')",
            )
            .bind(wanted)
            .bind(&job.id)
            .execute(&mut *tx)
            .await
            .doing("ask a staging job to stop")?;
        }
        tx.commit().await.doing("stop a staging job")
    }

    /// Lets a held job go on.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn release_staging_job(&self, job: &StagingJob) -> Result<(), StoreError> {
        sqlx::query("UPDATE staging_jobs SET phase = 'QUEUED', wanted = NULL WHERE id = $1 AND phase = 'HELD'")
            .bind(&job.id)
            .execute(&self.write)
            .await
            .doing("release a staging job")?;
        Ok(())
    }

    /// Queues what failed in an ended job again; `false` when nothing did, or the job has not ended.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn retry_staging_job(&self, job: &StagingJob) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let ended: Option<i64> = sqlx::query_scalar(
            "SELECT 1 FROM staging_jobs WHERE id = $1 AND phase IN ('COMPLETED', 'ERROR', 'ABORTED')",
        )
        .bind(&job.id)
        .fetch_optional(&mut *tx)
        .await
        .doing("look up a staging job")?;
        if ended.is_none() {
            return Ok(false);
        }
        let files = sqlx::query(
            "UPDATE staging_files SET outcome = NULL, reason = NULL, retry_may_help = NULL, bytes_done = 0, resume = NULL WHERE job = $1 AND outcome = 'failed'",
        )
        .bind(&job.id)
        .execute(&mut *tx)
        .await
        .doing("retry files")?;
        let waiting: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM staging_files WHERE job = $1 AND outcome IS NULL",
        )
        .bind(&job.id)
        .fetch_one(&mut *tx)
        .await
        .doing("count waiting files")?;
        if files.rows_affected() == 0 && waiting == 0 {
            return Ok(false);
        }
        sqlx::query("UPDATE staging_jobs SET phase = 'QUEUED', ended = NULL, message = NULL, wanted = NULL WHERE id = $1")
            .bind(&job.id)
            .execute(&mut *tx)
            .await
            .doing("retry a staging job")?;
        tx.commit().await.doing("retry a staging job")?;
        Ok(true)
    }
}

/// Fails unless the lease is still ours.
async fn check_lease(
    tx: &mut sqlx::Transaction<'static, sqlx::Sqlite>,
    lease: &Lease,
) -> Result<(), StoreError> {
    let ours: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM staging_jobs WHERE id = $1 AND lease_epoch = $2")
            .bind(&lease.id)
            .bind(lease.epoch)
            .fetch_optional(&mut **tx)
            .await
            .doing("check the lease on a staging job")?;
    held(u64::from(ours.is_some()), "staging job", lease)
}

/// Gives a file its outcome.
pub(crate) async fn settle(
    tx: &mut sqlx::Transaction<'static, sqlx::Sqlite>,
    job: &str,
    position: u64,
    outcome: &FileOutcome,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE staging_files SET outcome = $3, method = $4, path = $5, size_bytes = COALESCE($6, size_bytes), sha256 = $7, \
         verified_by = $8, warnings = $9, reason = $10, retry_may_help = $11, n_rows = $12, resume = NULL WHERE job = $1 AND position = $2",
    )
    .bind(job)
    .bind(position.cast_signed())
    .bind(&outcome.outcome)
    .bind(&outcome.method)
    .bind(&outcome.path)
    .bind(outcome.size_bytes.map(u64::cast_signed))
    .bind(&outcome.sha256)
    .bind(&outcome.verified_by)
    .bind(serde_json::to_string(&outcome.warnings).doing("the warnings of a file")?)
    .bind(&outcome.reason)
    .bind(outcome.retry_may_help.map(i64::from))
    .bind(outcome.n_rows.map(u64::cast_signed))
    .execute(&mut **tx)
    .await
    .doing("keep the outcome of a file")?;
    Ok(())
}
