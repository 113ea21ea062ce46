//! Staging jobs in the record: durable, leased, with an outcome for every file.

use chrono::{DateTime, Utc};
use gantry_asset::AssetId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::assets::to_time;
use crate::database::now;
use crate::error::{Doing, StoreError};
use crate::lease::{held, leased};
use crate::staged_files::{StagedFile, keep};
use crate::{Lease, Phase, Store};

/// One staging job.
#[derive(Debug, Clone)]
pub struct StagingJob {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub owner: String,
    /// The selection it stages.
    pub selection: String,
    /// The id of the volume it stages into.
    pub volume: String,
    /// Where it is.
    pub phase: Phase,
    /// What was asked for, JSON.
    pub request: String,
    /// What its owner wants of it since.
    pub wanted: Option<Wanted>,
    /// What it waits for, JSON.
    pub waiting_for: String,
    /// Why it ended as it did.
    pub message: Option<String>,
    /// Bytes that crossed the network for it.
    pub bytes_moved: u64,
    /// When it was asked for.
    pub created: DateTime<Utc>,
    /// When a worker first took it.
    pub started: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended: Option<DateTime<Utc>>,
}

/// What an owner can want of a running job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "TEXT", rename_all = "lowercase")]
pub enum Wanted {
    /// To stop for now.
    Hold,
    /// To stop for good and leave nothing half done.
    Abort,
}

/// One file of a new job.
#[derive(Debug, Clone)]
pub struct NewStagingFile {
    /// Which asset.
    pub asset: AssetId,
    /// Which version.
    pub version: u32,
    /// The file's name; empty for an asset that has none.
    pub name: String,
    /// Its size, where known.
    pub size_bytes: Option<u64>,
    /// An outcome it has from the start, such as `skipped`, with the reason.
    pub settled: Option<FileOutcome>,
}

/// One file of a job.
#[derive(Debug, Clone)]
pub struct StagingFile {
    /// Its place in the job.
    pub position: u64,
    /// Which asset.
    pub asset: AssetId,
    /// Which version.
    pub version: u32,
    /// Its name.
    pub name: String,
    /// Its size, where known.
    pub size_bytes: Option<u64>,
    /// How much of it is there.
    pub bytes_done: u64,
    /// What is needed to go on with a part, JSON.
    pub resume: Option<String>,
    /// How it ended, if it has.
    pub outcome: Option<FileOutcome>,
}

/// How one file ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOutcome {
    /// `staged`, `present`, `skipped` or `failed`.
    pub outcome: String,
    /// `link`, `clone` or `copy`, where it was staged.
    pub method: Option<String>,
    /// Where it is in the volume.
    pub path: Option<String>,
    /// How long it is.
    pub size_bytes: Option<u64>,
    /// Its SHA-256 in hexadecimal.
    pub sha256: Option<String>,
    /// What its bytes were compared with.
    pub verified_by: Option<String>,
    /// What is odd about it, in sentences.
    pub warnings: Vec<String>,
    /// Why it was skipped or failed.
    pub reason: Option<String>,
    /// Whether staging it again may help.
    pub retry_may_help: Option<bool>,
}

/// How many files of a job are where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FileCounts {
    /// All of them.
    pub total: u64,
    /// Put there by this job.
    pub staged: u64,
    /// Already there.
    pub present: u64,
    /// Left out, for a reason.
    pub skipped: u64,
    /// Not there, for a reason.
    pub failed: u64,
    /// Without an outcome yet.
    pub waiting: u64,
    /// Bytes of all files whose size is known.
    #[serde(skip)]
    pub bytes_total: u64,
    /// Bytes that are there.
    #[serde(skip)]
    pub bytes_done: u64,
}

#[derive(sqlx::FromRow)]
struct JobRow {
    id: String,
    owner: String,
    selection: String,
    volume: String,
    phase: Phase,
    request: String,
    wanted: Option<Wanted>,
    waiting_for: String,
    message: Option<String>,
    bytes_moved: i64,
    created: i64,
    started: Option<i64>,
    ended: Option<i64>,
}

impl From<JobRow> for StagingJob {
    fn from(row: JobRow) -> Self {
        Self {
            id: row.id,
            owner: row.owner,
            selection: row.selection,
            volume: row.volume,
            phase: row.phase,
            request: row.request,
            wanted: row.wanted,
            waiting_for: row.waiting_for,
            message: row.message,
            bytes_moved: row.bytes_moved.cast_unsigned(),
            created: to_time(row.created),
            started: row.started.map(to_time),
            ended: row.ended.map(to_time),
        }
    }
}

#[derive(sqlx::FromRow)]
struct FileRow {
    position: i64,
    asset: String,
    version: i64,
    name: String,
    path: Option<String>,
    size_bytes: Option<i64>,
    bytes_done: i64,
    resume: Option<String>,
    outcome: Option<String>,
    method: Option<String>,
    sha256: Option<String>,
    verified_by: Option<String>,
    warnings: String,
    reason: Option<String>,
    retry_may_help: Option<i64>,
}

impl FileRow {
    fn read(self) -> Result<StagingFile, StoreError> {
        let warnings = serde_json::from_str(&self.warnings).doing("the warnings of a file")?;
        let asset = AssetId::parse(&self.asset).map_err(|_| StoreError::NotFound {
            noun: "asset",
            id: self.asset.clone(),
        })?;
        let size_bytes = self.size_bytes.map(i64::cast_unsigned);
        let outcome = self.outcome.map(|outcome| FileOutcome {
            outcome,
            method: self.method,
            path: self.path,
            size_bytes,
            sha256: self.sha256,
            verified_by: self.verified_by,
            warnings,
            reason: self.reason,
            retry_may_help: self.retry_may_help.map(|flag| flag != 0),
        });
        Ok(StagingFile {
            position: self.position.cast_unsigned(),
            asset,
            version: u32::try_from(self.version).unwrap_or(u32::MAX),
            name: self.name,
            size_bytes,
            bytes_done: self.bytes_done.cast_unsigned(),
            resume: self.resume,
            outcome,
        })
    }
}

leased!(
    "staging_jobs",
    "staging job",
    claim_staging_job,
    renew_staging_job,
    expire_staging_jobs,
    "phase IN ('QUEUED', 'EXECUTING')"
);

impl Store {
    /// Keeps a new job, or finds the live one that was asked for in the same words.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn new_staging_job(
        &self,
        owner: &str,
        (selection, volume): (&str, &str),
        request: &str,
        files: &[NewStagingFile],
    ) -> Result<StagingJob, StoreError> {
        let mut tx = self.begin().await?;
        let live: Option<String> = sqlx::query_scalar(
            "SELECT id FROM staging_jobs WHERE owner = $1 AND selection = $2 AND volume = $3 AND request = $4 \
             AND phase IN ('QUEUED', 'EXECUTING', 'HELD') AND wanted IS NULL ORDER BY created LIMIT 1",
        )
        .bind(owner)
        .bind(selection)
        .bind(volume)
        .bind(request)
        .fetch_optional(&mut *tx)
        .await
        .doing("look for the same job")?;
        if let Some(id) = live {
            tx.commit().await.doing("look for the same job")?;
            return self.staging_job(&id, owner).await;
        }
        let id = Uuid::now_v7().to_string();
        sqlx::query("INSERT INTO staging_jobs (id, owner, selection, volume, phase, request, created) VALUES ($1, $2, $3, $4, 'QUEUED', $5, $6)")
            .bind(&id)
            .bind(owner)
            .bind(selection)
            .bind(volume)
            .bind(request)
            .bind(now())
            .execute(&mut *tx)
            .await
            .doing("keep a staging job")?;
        insert_files(&mut tx, &id, files).await?;
        tx.commit().await.doing("keep a staging job")?;
        self.staging_job(&id, owner).await
    }

    /// One job of a user.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when they have none of that id.
    pub async fn staging_job(&self, id: &str, owner: &str) -> Result<StagingJob, StoreError> {
        let job = self.staging_job_by_id(id).await?;
        if job.owner == owner {
            Ok(job)
        } else {
            Err(StoreError::NotFound {
                noun: "staging job",
                id: id.to_owned(),
            })
        }
    }

    /// One job, whoever it belongs to; for workers.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none of that id.
    pub async fn staging_job_by_id(&self, id: &str) -> Result<StagingJob, StoreError> {
        let row: Option<JobRow> = sqlx::query_as("SELECT * FROM staging_jobs WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.read)
            .await
            .doing("look up a staging job")?;
        row.map(StagingJob::from)
            .ok_or_else(|| StoreError::NotFound {
                noun: "staging job",
                id: id.to_owned(),
            })
    }

    /// A user's jobs, newest first, made before the job `before`.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn staging_jobs(
        &self,
        owner: &str,
        before: Option<&str>,
        limit: u32,
    ) -> Result<Vec<StagingJob>, StoreError> {
        let rows: Vec<JobRow> =
            sqlx::query_as("SELECT * FROM staging_jobs WHERE owner = $1 AND ($2 IS NULL OR id < $2) ORDER BY id DESC LIMIT $3")
                .bind(owner)
                .bind(before)
                .bind(i64::from(limit))
                .fetch_all(&self.read)
                .await
                .doing("list staging jobs")?;
        Ok(rows.into_iter().map(StagingJob::from).collect())
    }

    /// How many jobs wait before this one.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn jobs_before(&self, job: &StagingJob) -> Result<u64, StoreError> {
        let n: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM staging_jobs WHERE phase = 'QUEUED' AND id < $1",
        )
        .bind(&job.id)
        .fetch_one(&self.read)
        .await
        .doing("count waiting jobs")?;
        Ok(n.cast_unsigned())
    }

    /// Files of a job from a position on.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn staging_files(
        &self,
        job: &str,
        from: u64,
        limit: u32,
    ) -> Result<Vec<StagingFile>, StoreError> {
        let rows: Vec<FileRow> =
            sqlx::query_as("SELECT * FROM staging_files WHERE job = $1 AND position >= $2 ORDER BY position LIMIT $3")
                .bind(job)
                .bind(from.cast_signed())
                .bind(i64::from(limit))
                .fetch_all(&self.read)
                .await
                .doing("list the files of a job")?;
        rows.into_iter().map(FileRow::read).collect()
    }

    /// How many files of a job are where, and how many bytes.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn file_counts(&self, job: &str) -> Result<FileCounts, StoreError> {
        let rows: Vec<(Option<String>, i64, i64, i64)> = sqlx::query_as(
            "SELECT outcome, COUNT(*), COALESCE(SUM(COALESCE(size_bytes, bytes_done)), 0), COALESCE(SUM(bytes_done), 0) FROM staging_files WHERE job = $1 GROUP BY outcome",
        )
        .bind(job)
        .fetch_all(&self.read)
        .await
        .doing("count the files of a job")?;
        let mut counts = FileCounts::default();
        for (outcome, n, size, done) in rows {
            let (n, size) = (n.cast_unsigned(), size.cast_unsigned());
            counts.total += n;
            counts.bytes_total += size;
            match outcome.as_deref() {
                Some("staged") => counts.staged = n,
                Some("present") => counts.present = n,
                Some("skipped") => counts.skipped = n,
                Some("failed") => counts.failed = n,
                _ => counts.waiting = n,
            }
            counts.bytes_done += if matches!(outcome.as_deref(), Some("staged" | "present")) {
                size
            } else {
                done.cast_unsigned()
            };
        }
        Ok(counts)
    }

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

    /// Gives files their outcomes and keeps what is now in the volume, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when another worker has the job now; nothing was written then.
    pub async fn settle_files(
        &self,
        lease: &Lease,
        volume: &str,
        files: &[(u64, FileOutcome, Option<StagedFile>)],
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        check_lease(&mut tx, lease).await?;
        for (position, outcome, staged) in files {
            settle(&mut tx, &lease.id, *position, outcome).await?;
            if let Some(staged) = staged {
                keep(&mut tx, volume, staged).await?;
            }
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

/// How many rows one statement takes.
const ROWS: usize = 500;

async fn insert_files(
    tx: &mut sqlx::Transaction<'static, sqlx::Sqlite>,
    job: &str,
    files: &[NewStagingFile],
) -> Result<(), StoreError> {
    let mut numbered = files.iter().enumerate().peekable();
    while numbered.peek().is_some() {
        let mut insert = sqlx::QueryBuilder::new(
            "INSERT INTO staging_files (job, position, asset, version, name, size_bytes) ",
        );
        insert.push_values(numbered.by_ref().take(ROWS), |mut row, (position, file)| {
            row.push_bind(job)
                .push_bind(position as i64)
                .push_bind(file.asset.as_str())
                .push_bind(i64::from(file.version))
                .push_bind(&file.name)
                .push_bind(file.size_bytes.map(u64::cast_signed));
        });
        insert
            .build()
            .execute(&mut **tx)
            .await
            .doing("keep the files of a job")?;
    }
    for (position, file) in files.iter().enumerate() {
        if let Some(outcome) = &file.settled {
            settle(tx, job, position as u64, outcome).await?;
        }
    }
    Ok(())
}

async fn settle(
    tx: &mut sqlx::Transaction<'static, sqlx::Sqlite>,
    job: &str,
    position: u64,
    outcome: &FileOutcome,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE staging_files SET outcome = $3, method = $4, path = $5, size_bytes = COALESCE($6, size_bytes), sha256 = $7, \
         verified_by = $8, warnings = $9, reason = $10, retry_may_help = $11, resume = NULL WHERE job = $1 AND position = $2",
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
    .execute(&mut **tx)
    .await
    .doing("keep the outcome of a file")?;
    Ok(())
}
