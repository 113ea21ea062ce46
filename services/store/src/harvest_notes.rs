//! What harvests note for those after them.

use std::collections::BTreeMap;

use gantry_asset::ArchiveId;
use sqlx::{Sqlite, Transaction};

use crate::error::{Doing, StoreError};
use crate::harvests::check_lease;
use crate::{Lease, Store};

/// What is noted: what it is about, and the note, or that none is needed any more.
pub type Note = (String, Option<String>);

impl Store {
    /// What the harvests of an archive that came to their end have noted.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn archive_notes(
        &self,
        archive: &ArchiveId,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        let rows: Vec<(String, String)> =
            sqlx::query_as("SELECT about, note FROM archive_notes WHERE archive = $1")
                .bind(archive.as_str())
                .fetch_all(&self.read)
                .await
                .doing("look up what harvests noted")?;
        Ok(rows.into_iter().collect())
    }

    /// Keeps what a harvest notes; it counts once the harvest has come to its end.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when another process has the harvest now.
    pub async fn keep_notes(&self, lease: &Lease, notes: &[Note]) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        check_lease(&mut tx, lease).await?;
        for (about, note) in notes {
            sqlx::query(
                "INSERT INTO harvest_notes (harvest, about, note) VALUES ($1, $2, $3) \
                 ON CONFLICT (harvest, about) DO UPDATE SET note = excluded.note",
            )
            .bind(&lease.id)
            .bind(about)
            .bind(note)
            .execute(&mut *tx)
            .await
            .doing("keep a note")?;
        }
        tx.commit().await.doing("keep notes")
    }
}

/// Lets the notes of a harvest that came to its end count.
pub(crate) async fn let_count(
    tx: &mut Transaction<'static, Sqlite>,
    harvest: &str,
) -> Result<(), StoreError> {
    for text in [
        "DELETE FROM archive_notes WHERE archive = (SELECT archive FROM harvests WHERE id = $1) \
         AND about IN (SELECT about FROM harvest_notes WHERE harvest = $1 AND note IS NULL)",
        "INSERT INTO archive_notes (archive, about, note) SELECT h.archive, n.about, n.note FROM harvest_notes n \
         JOIN harvests h ON h.id = n.harvest WHERE n.harvest = $1 AND n.note IS NOT NULL \
         ON CONFLICT (archive, about) DO UPDATE SET note = excluded.note",
        "DELETE FROM harvest_notes WHERE harvest = $1",
    ] {
        sqlx::query(text)
            .bind(harvest)
            .execute(&mut **tx)
            .await
            .doing("let notes count")?;
    }
    Ok(())
}
