//! Leases: who works on something, until when, and since which epoch.
//!
//! A lease that is not renewed is taken over by database time. Every take-over raises the epoch, and every
//! write names the epoch it was given, so a process that was only asleep can no longer write.

use std::time::Duration;

/// The right to work on one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What is worked on.
    pub id: String,
    /// Which take-over this is.
    pub epoch: i64,
}

/// How long a lease lasts without being renewed.
pub(crate) const LEASE: Duration = Duration::from_secs(15);

impl Lease {
    /// How often a lease must be renewed at least.
    pub const RENEW_EVERY: Duration = Duration::from_secs(4);
}

/// The methods that claim, renew and check the lease on rows of one table.
macro_rules! leased {
    ($table:literal, $noun:literal, $claim:ident, $renew:ident, $expire:ident, $claimable:literal) => {
        crate::lease::leased!(
            $table,
            $noun,
            $claim,
            $renew,
            $expire,
            $claimable,
            "created, id"
        );
    };
    ($table:literal, $noun:literal, $claim:ident, $renew:ident, $expire:ident, $claimable:literal, $order:literal) => {
        impl crate::Store {
            /// Takes over the first row that waits or whose lease ran out; `None` when there is none.
            ///
            /// # Errors
            /// [`crate::StoreError::Database`] when the database does not answer.
            pub async fn $claim(
                &self,
                owner: &str,
            ) -> Result<Option<crate::Lease>, crate::StoreError> {
                let row: Option<(String, i64)> = sqlx::query_as(concat!(
                    "UPDATE ",
                    $table,
                    " SET lease_owner = $1, lease_epoch = lease_epoch + 1, lease_until = ",
                    crate::database::now_ms!(),
                    " + $2 ",
                    "WHERE id = (SELECT id FROM ",
                    $table,
                    " WHERE ",
                    $claimable,
                    " AND lease_until < ",
                    crate::database::now_ms!(),
                    " ORDER BY ",
                    $order,
                    " LIMIT 1) RETURNING id, lease_epoch"
                ))
                .bind(owner)
                .bind(crate::lease::LEASE.as_millis() as i64)
                .fetch_optional(&self.write)
                .await
                .map_err(|source| crate::StoreError::Database {
                    what: concat!("claim a ", $noun),
                    source,
                })?;
                Ok(row.map(|(id, epoch)| crate::Lease { id, epoch }))
            }

            /// Renews a lease.
            ///
            /// # Errors
            /// [`crate::StoreError::LeaseLost`] when somebody else has it now.
            pub async fn $renew(&self, lease: &crate::Lease) -> Result<(), crate::StoreError> {
                let done = sqlx::query(concat!(
                    "UPDATE ",
                    $table,
                    " SET lease_until = ",
                    crate::database::now_ms!(),
                    " + $1 WHERE id = $2 AND lease_epoch = $3"
                ))
                .bind(crate::lease::LEASE.as_millis() as i64)
                .bind(&lease.id)
                .bind(lease.epoch)
                .execute(&self.write)
                .await
                .map_err(|source| crate::StoreError::Database {
                    what: concat!("renew the lease on a ", $noun),
                    source,
                })?;
                crate::lease::held(done.rows_affected(), $noun, lease)
            }

            /// Gives every lease of an owner back: what a process does when it ends, or when its predecessor on this machine is known to be dead.
            ///
            /// # Errors
            /// [`crate::StoreError::Database`] when the database does not answer.
            pub async fn $expire(&self, owner: &str) -> Result<(), crate::StoreError> {
                sqlx::query(concat!(
                    "UPDATE ",
                    $table,
                    " SET lease_until = 0 WHERE lease_owner = $1"
                ))
                .bind(owner)
                .execute(&self.write)
                .await
                .map_err(|source| crate::StoreError::Database {
                    what: concat!("give back the leases on ", $noun, "s"),
                    source,
                })?;
                Ok(())
            }
        }
    };
}
pub(crate) use leased;

/// Fails unless a guarded write touched its row.
pub(crate) fn held(rows: u64, noun: &'static str, lease: &Lease) -> Result<(), crate::StoreError> {
    if rows == 0 {
        Err(crate::StoreError::LeaseLost {
            noun,
            id: lease.id.clone(),
        })
    } else {
        Ok(())
    }
}
