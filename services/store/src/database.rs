//! The database behind the record: opening it, one writer, many readers, the clock.

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Sqlite, Transaction};
use uuid::Uuid;

use crate::error::{Doing, StoreError};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");

/// The database's own clock, in milliseconds since 1970, as an SQL expression.
macro_rules! now_ms {
    () => {
        "CAST(unixepoch('subsec') * 1000 AS INTEGER)"
    };
}
pub(crate) use now_ms;

/// So many pages of 4 kB are written beside the database before they are written into it: a harvest changes the same
/// pages of its indexes again and again.
const WAL_PAGES: &str = "8000";

/// So many of them are kept by the connection that writes: the names of a day's files lie one on a page in their index.
const CACHED_PAGES: &str = "2000";

/// The record; cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) write: SqlitePool,
    pub(crate) read: SqlitePool,
    catalogue: Uuid,
}

impl Store {
    /// Opens the record at an address such as `sqlite:/var/lib/gantry/gantry.db`, making it where it is not there yet.
    ///
    /// # Errors
    /// [`StoreError::Open`] when it cannot be opened, [`StoreError::Newer`] when a newer Gantry
    /// wrote it, [`StoreError::Migrate`] when it cannot be brought to this version.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let fail = |source| StoreError::Open {
            url: url.to_owned(),
            source,
        };
        let options = SqliteConnectOptions::from_str(url)
            .map_err(fail)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(20));
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(Duration::from_secs(60))
            .connect_with(
                options
                    .clone()
                    .pragma("wal_autocheckpoint", WAL_PAGES)
                    .pragma("cache_size", CACHED_PAGES),
            )
            .await
            .map_err(fail)?;
        MIGRATIONS
            .run(&write)
            .await
            .map_err(|source| match source {
                MigrateError::VersionMissing(step) => StoreError::Newer {
                    url: url.to_owned(),
                    step,
                },
                source => StoreError::Migrate {
                    url: url.to_owned(),
                    source,
                },
            })?;
        let read = SqlitePoolOptions::new()
            .max_connections(8)
            .connect_with(options.read_only(true))
            .await
            .map_err(fail)?;
        let catalogue = catalogue_id(&write).await?;
        Ok(Self {
            write,
            read,
            catalogue,
        })
    }

    /// Who this catalogue is; a copy of it made from a backup has the same.
    #[must_use]
    pub fn catalogue(&self) -> Uuid {
        self.catalogue
    }

    /// Begins a write; everything in it becomes visible at once.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.write
            .begin_with("BEGIN IMMEDIATE")
            .await
            .doing("begin a write")
    }

    /// The number of the newest change of any asset.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn change_number(&self) -> Result<u64, StoreError> {
        let number: i64 = sqlx::query_scalar("SELECT value FROM counter WHERE id = 1")
            .fetch_one(&self.read)
            .await
            .doing("count its changes")?;
        Ok(number.cast_unsigned())
    }

    /// Closes the record, its writes done.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

async fn catalogue_id(write: &SqlitePool) -> Result<Uuid, StoreError> {
    sqlx::query(
        "INSERT INTO meta (name, value) VALUES ('catalogue', $1) ON CONFLICT (name) DO NOTHING",
    )
    .bind(Uuid::new_v4().to_string())
    .execute(write)
    .await
    .doing("keep the catalogue's id")?;
    let text: String = sqlx::query_scalar("SELECT value FROM meta WHERE name = 'catalogue'")
        .fetch_one(write)
        .await
        .doing("read the catalogue's id")?;
    Uuid::parse_str(&text).map_err(|error| StoreError::Database {
        what: "read the catalogue's id",
        source: sqlx::Error::Decode(error.into()),
    })
}

/// Now, in milliseconds since 1970.
pub(crate) fn now() -> i64 {
    chrono::Utc::now().timestamp_millis()
}
