//! What an operator sees of everybody: how much there is of what, not what it is.

use crate::Store;
use crate::database::now;
use crate::error::{Doing, StoreError};

/// What one user has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserOverview {
    /// Their id.
    pub id: String,
    /// Their name.
    pub name: String,
    /// Whether they operate this Gantry.
    pub operator: bool,
    /// How many volumes.
    pub n_volumes: u64,
    /// How many staging jobs that have not ended.
    pub n_jobs: u64,
    /// How many datalabs that have not ended.
    pub n_datalabs: u64,
    /// How many browsers are logged in.
    pub n_sessions: u64,
    /// How many bytes their volumes were given, as far as it is known which file lies where.
    pub staged_bytes: u64,
}

type Row = (String, String, i64, i64, i64, i64, i64, i64);

impl Store {
    /// What each user has, by name.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn user_overviews(&self, limit: u32) -> Result<Vec<UserOverview>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT u.id, u.name, u.operator, \
             (SELECT COUNT(*) FROM volumes v WHERE v.owner = u.id), \
             (SELECT COUNT(*) FROM staging_jobs j WHERE j.owner = u.id AND j.phase NOT IN ('COMPLETED', 'ERROR', 'ABORTED')), \
             (SELECT COUNT(*) FROM datalabs d WHERE d.owner = u.id AND d.phase NOT IN ('COMPLETED', 'ERROR', 'ABORTED')), \
             (SELECT COUNT(*) FROM sessions s WHERE s.owner = u.id AND s.expires > $1), \
             (SELECT COALESCE(SUM(f.size_bytes), 0) FROM staged_files f JOIN volumes v ON v.id = f.volume WHERE v.owner = u.id) \
             FROM users u ORDER BY u.name LIMIT $2",
        )
        .bind(now())
        .bind(i64::from(limit))
        .fetch_all(&self.read)
        .await
        .doing("look at its users")?;
        let rows = rows.into_iter();
        Ok(rows
            .map(
                |(id, name, operator, volumes, jobs, datalabs, sessions, bytes)| UserOverview {
                    id,
                    name,
                    operator: operator != 0,
                    n_volumes: volumes.cast_unsigned(),
                    n_jobs: jobs.cast_unsigned(),
                    n_datalabs: datalabs.cast_unsigned(),
                    n_sessions: sessions.cast_unsigned(),
                    staged_bytes: bytes.cast_unsigned(),
                },
            )
            .collect())
    }

    /// How many staging jobs and datalabs are in each phase: what, phase, number.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn work_counts(&self) -> Result<Vec<(String, String, u64)>, StoreError> {
        let rows: Vec<(String, String, i64)> = sqlx::query_as(
            "SELECT 'staging jobs' AS what, phase, COUNT(*) FROM staging_jobs GROUP BY phase \
             UNION ALL SELECT 'datalabs' AS what, phase, COUNT(*) FROM datalabs GROUP BY phase ORDER BY what, phase",
        )
        .fetch_all(&self.read)
        .await
        .doing("count its work")?;
        let rows = rows.into_iter();
        Ok(rows
            .map(|(what, phase, n)| (what, phase, n.cast_unsigned()))
            .collect())
    }
}
