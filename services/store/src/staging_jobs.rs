//! Staging jobs in the record: durable, leased, with an outcome for every file.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use gantry_asset::AssetId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::assets::to_time;
use crate::database::now;
use crate::error::{Doing, StoreError};
use crate::lease::leased;
use crate::staging_work::settle;
use crate::{Phase, Store};

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
    /// How many rows it has, where it is the answer to a query and that is known.
    #[serde(default)]
    pub n_rows: Option<u64>,
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
    n_rows: Option<i64>,
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
            n_rows: self.n_rows.map(i64::cast_unsigned),
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
    "phase IN ('QUEUED', 'EXECUTING')",
    // Whoever has fewest jobs under way comes first.
    "(SELECT COUNT(*) FROM staging_jobs AS other WHERE other.owner = staging_jobs.owner AND other.phase = 'EXECUTING'), created, id"
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
        self.file_counts_moving(job, &HashMap::new()).await
    }

    /// As [`Store::file_counts`], when by position so many bytes are known to be there of files that move; what is
    /// kept of these is behind.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn file_counts_moving(
        &self,
        job: &str,
        moving: &HashMap<u64, u64>,
    ) -> Result<FileCounts, StoreError> {
        let moving = serde_json::to_string(moving).expect("numbers are JSON");
        let rows: Vec<(Option<String>, i64, i64, i64)> = sqlx::query_as(
            "WITH moving AS MATERIALIZED (SELECT CAST(key AS INTEGER) AS position, value AS there FROM json_each($2))
             , counted AS (SELECT outcome, size_bytes, CASE WHEN outcome IS NULL THEN MAX(bytes_done, COALESCE(there, 0)) ELSE bytes_done END AS done
                           FROM staging_files LEFT JOIN moving USING (position) WHERE job = $1)
             SELECT outcome, COUNT(*), COALESCE(SUM(COALESCE(size_bytes, done)), 0), COALESCE(SUM(MIN(done, COALESCE(size_bytes, done))), 0)
             FROM counted GROUP BY outcome",
        )
        .bind(job)
        .bind(moving)
        .fetch_all(&self.read)
        .await
        .doing("count the files of a job")?;
        let mut counts = FileCounts::default();
        for (outcome, n, size, done) in rows {
            let (n, size) = (n.cast_unsigned(), size.cast_unsigned());
            counts.total += n;
            counts.bytes_total = counts.bytes_total.saturating_add(size);
            match outcome.as_deref() {
                Some("staged") => counts.staged = n,
                Some("present") => counts.present = n,
                Some("skipped") => counts.skipped = n,
                Some("failed") => counts.failed = n,
                _ => counts.waiting = n,
            }
            let there = matches!(outcome.as_deref(), Some("staged" | "present"));
            let done = if there { size } else { done.cast_unsigned() };
            counts.bytes_done = counts.bytes_done.saturating_add(done);
        }
        Ok(counts)
    }
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
