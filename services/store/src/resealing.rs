//! Sealing every secret of the record anew, with the key that seals now.

use crate::error::{Doing, StoreError};
use crate::{Seal, SealError, Store};

/// What became of the secrets of the record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Sealed anew.
    pub n_sealed: u64,
    /// That no key opens any more; they stay as they are.
    pub n_lost: u64,
}

/// Seals the text of a request of a user anew; `None` when nothing in it is sealed.
pub type ResealRequest<'a> =
    &'a (dyn Fn(&str, &str) -> Result<Option<String>, SealError> + Send + Sync);

/// The tables with a secret sealed for the id of its row.
const SEALED: [(&str, &str); 4] = [
    (
        "SELECT id, secret FROM volumes WHERE secret IS NOT NULL",
        "UPDATE volumes SET secret = $1 WHERE id = $2",
    ),
    (
        "SELECT id, secret FROM datalabs WHERE secret IS NOT NULL",
        "UPDATE datalabs SET secret = $1 WHERE id = $2",
    ),
    (
        "SELECT id, secret FROM archive_logins",
        "UPDATE archive_logins SET secret = $1 WHERE id = $2",
    ),
    (
        "SELECT hash, secret FROM sessions WHERE secret IS NOT NULL",
        "UPDATE sessions SET secret = $1 WHERE hash = $2",
    ),
];

impl Store {
    /// Seals all secrets anew, in one transaction; `request` does so with what stands in the request of a datalab.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer; nothing was changed then.
    pub async fn reseal(
        &self,
        seal: &Seal,
        request: ResealRequest<'_>,
    ) -> Result<Resealed, StoreError> {
        let mut done = Resealed::default();
        let mut tx = self.begin().await?;
        for (select, update) in SEALED {
            let rows: Vec<(String, String)> = sqlx::query_as(select)
                .fetch_all(&mut *tx)
                .await
                .doing("look for secrets")?;
            for (id, sealed) in rows {
                let Ok(secret) = seal.open_sealed(&id, &sealed) else {
                    done.n_lost += 1;
                    continue;
                };
                sqlx::query(update)
                    .bind(seal.seal(&id, &secret))
                    .bind(id)
                    .execute(&mut *tx)
                    .await
                    .doing("seal a secret anew")?;
                done.n_sealed += 1;
            }
        }
        let rows: Vec<(String, String, String)> =
            sqlx::query_as("SELECT id, owner, request FROM datalabs")
                .fetch_all(&mut *tx)
                .await
                .doing("look for secrets")?;
        for (id, owner, text) in rows {
            match request(&owner, &text) {
                Ok(None) => continue,
                Err(_) => done.n_lost += 1,
                Ok(Some(text)) => {
                    sqlx::query("UPDATE datalabs SET request = $1 WHERE id = $2")
                        .bind(text)
                        .bind(id)
                        .execute(&mut *tx)
                        .await
                        .doing("seal a secret anew")?;
                    done.n_sealed += 1;
                }
            }
        }
        tx.commit().await.doing("seal secrets anew")?;
        Ok(done)
    }
}
