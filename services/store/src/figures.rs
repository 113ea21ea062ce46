//! Figures of the whole record, for operators.

use crate::Store;
use crate::error::{Doing, StoreError};

/// How much there is of what runs.
#[derive(Debug, Default)]
pub struct Figures {
    /// Staging jobs by phase.
    pub staging_jobs: Vec<(String, u64)>,
    /// Datalabs by phase.
    pub datalabs: Vec<(String, u64)>,
    /// Bytes in the shared cache.
    pub cached_bytes: u64,
}

impl Store {
    /// Counts what runs, over all users.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn figures(&self) -> Result<Figures, StoreError> {
        let by_phase = async |sql| {
            let rows: Vec<(String, i64)> = sqlx::query_as(sql)
                .fetch_all(&self.read)
                .await
                .doing("count by phase")?;
            let counts = rows
                .into_iter()
                .map(|(phase, n)| (phase, n.cast_unsigned()));
            Ok::<_, StoreError>(counts.collect())
        };
        Ok(Figures {
            staging_jobs: by_phase(
                "SELECT phase, COUNT(*) FROM staging_jobs GROUP BY phase ORDER BY phase",
            )
            .await?,
            datalabs: by_phase(
                "SELECT phase, COUNT(*) FROM datalabs GROUP BY phase ORDER BY phase",
            )
            .await?,
            cached_bytes: self.cached_total().await?,
        })
    }
}
