//! What can go wrong with the record.

use gantry_asset::AssetId;

/// A question the record could not answer, or a change it refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No such asset, or somebody else's.
    #[error("no asset `{0}`")]
    NoSuchAsset(AssetId),
    /// No such thing, or somebody else's.
    #[error("no {noun} `{id}`")]
    NotFound {
        /// What was looked for.
        noun: &'static str,
        /// Its id or name.
        id: String,
    },
    /// There is one of that name already.
    #[error("there is a {noun} `{id}` already")]
    Exists {
        /// What was to be made.
        noun: &'static str,
        /// Its id or name.
        id: String,
    },
    /// As many as there may be are there.
    #[error("there may be {most} {noun} of yours at once, and there are")]
    TooMany {
        /// What was to be made.
        noun: &'static str,
        /// How many there may be.
        most: u32,
    },
    /// Somebody else took the work over; nothing was written.
    #[error("the lease on {noun} `{id}` was lost")]
    LeaseLost {
        /// What was worked on.
        noun: &'static str,
        /// Its id.
        id: String,
    },
    /// The record was written by a newer Gantry.
    #[error(
        "the record at `{url}` was made by a newer Gantry (its schema has step {step}, which this one does not know); start that one, or restore a backup from before"
    )]
    Newer {
        /// Where it is.
        url: String,
        /// The step of its schema that is not known.
        step: i64,
    },
    /// The record cannot be brought to this version, or is damaged.
    #[error("cannot bring the record at `{url}` to this version")]
    Migrate {
        /// Where it is.
        url: String,
        /// Why not.
        source: sqlx::migrate::MigrateError,
    },
    /// The record cannot be opened.
    #[error("cannot open the record at `{url}`")]
    Open {
        /// Where it is.
        url: String,
        /// Why not.
        source: sqlx::Error,
    },
    /// A row that cannot be read, or a value that cannot be written.
    #[error("{what} in the record is unreadable")]
    Unreadable {
        /// Which value.
        what: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// The database did not do what was asked.
    #[error("the record did not {what}")]
    Database {
        /// What was asked of it.
        what: &'static str,
        /// Why not.
        source: sqlx::Error,
    },
}

impl StoreError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Database {
                source: sqlx::Error::PoolTimedOut,
                ..
            }
        ) || matches!(self, Self::Database { source: sqlx::Error::Database(error), .. } if error.message().contains("locked"))
    }
}

/// Adds what was being done to an error of the database.
pub(crate) trait Doing<T> {
    fn doing(self, what: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, what: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Database { what, source })
    }
}

impl<T> Doing<T> for Result<T, serde_json::Error> {
    fn doing(self, what: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Unreadable { what, source })
    }
}
