//! The trait: one archive, seen as assets that can be listed and files that can be opened.

use std::collections::BTreeMap;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use gantry_asset::{ArchiveId, Asset, AssetId, File};
use gantry_net::{Health, Validator};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;

use crate::{HarvestError, OpenError};

/// Who an archive is.
#[derive(Debug, Clone, Serialize)]
pub struct Archive {
    /// Its id in Gantry.
    pub id: ArchiveId,
    /// The kind of connector behind it.
    pub kind: &'static str,
    /// Its name for people.
    pub title: String,
    /// Its home page.
    pub home: String,
    /// How it asks to be acknowledged, one sentence or more.
    pub acknowledgement: String,
    /// Under which terms its products may be used, where known.
    pub license: Option<String>,
    /// The publisher named in citations.
    pub publisher: String,
    /// What can be asked of it besides its files.
    #[serde(skip_serializing_if = "Asks::is_empty")]
    pub asks: Asks,
}

/// What can be asked of an archive besides its files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Asks {
    /// Whether it answers queries in ADQL.
    pub adql: bool,
    /// The kinds of products it gives by source, such as `XP_SAMPLED`.
    pub datalink: Vec<String>,
    /// Whether people can have a login of their own there.
    pub login: bool,
    /// Whether a table may go with a query.
    pub upload: bool,
}

impl Asks {
    /// Whether nothing can be asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One archive, seen as assets that can be listed and files that can be opened.
pub trait Connector: Send + Sync {
    /// Who this is: id, title, home page, licence.
    fn archive(&self) -> &Archive;

    /// What the archive holds, as events; where `since` says so from a cursor on, and without what an earlier harvest
    /// noted and need not be looked at again.
    ///
    /// Yields each asset whole. `ScopeComplete` is sent only when everything in that scope was listed,
    /// since what was not seen within it is then taken to be withdrawn.
    fn harvest(&self, since: Since) -> BoxStream<'_, Result<Harvested, HarvestError>>;

    /// Opens the bytes of a file, from where `resume` says, trying its locations in turn.
    fn open<'a>(
        &'a self,
        file: &'a File,
        resume: &'a Resume,
    ) -> BoxFuture<'a, Result<ByteStream, OpenError>>;

    /// How the archive has answered lately.
    fn health(&self) -> Health;

    /// What the archive itself says of outages, in a sentence; asked anew each time, `None` when it says nothing.
    fn notice(&self) -> BoxFuture<'_, Option<String>> {
        Box::pin(std::future::ready(None))
    }

    /// The query of a job that somebody started at the archive itself; `None` where there are no jobs, or no such one.
    fn query_of<'a>(&'a self, job: &'a str) -> BoxFuture<'a, Result<Option<String>, OpenError>> {
        let _none = job;
        Box::pin(std::future::ready(Ok(None)))
    }
}

/// What a harvest yields.
#[derive(Debug, Clone, PartialEq)]
pub enum Harvested {
    /// One asset, whole.
    Asset(Box<Asset>),
    /// Something that could not be catalogued.
    Rejected {
        /// What it is called there.
        what: String,
        /// Why it was left out, one sentence.
        why: String,
    },
    /// An asset that the archive says is gone.
    Withdrawn(AssetId),
    /// Everything whose local id starts with this was listed.
    ScopeComplete(String),
    /// A harvest that is cut after this may go on from here.
    Cursor(Cursor),
    /// For the harvests after this one, if it comes to its end: a note about something, or that none is needed any more.
    Note {
        /// What it is about; of two notes about the same the later one counts.
        about: String,
        /// What it says; only the connector that made it understands it.
        note: Option<String>,
    },
}

/// What a harvest goes by; the default is a first one.
#[derive(Debug, Clone, Default)]
pub struct Since {
    /// Where a harvest that was cut goes on.
    pub cursor: Option<Cursor>,
    /// What the harvests that came to their end noted, by what it is about.
    pub notes: BTreeMap<String, String>,
}

impl From<Option<Cursor>> for Since {
    fn from(cursor: Option<Cursor>) -> Self {
        Self {
            cursor,
            notes: BTreeMap::new(),
        }
    }
}

/// Where a harvest may go on; only the connector that made it understands it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

/// Where to start reading a file, and what the part already there was.
#[derive(Debug, Clone, Default)]
pub struct Resume {
    /// The first byte wanted.
    pub from: u64,
    /// What the server said of the bytes before it.
    pub validator: Validator,
    /// The location they came from, as [`ByteStream::location`] named it.
    pub location: Option<String>,
    /// The run of a query that was begun for this file before, as the connector named it.
    pub run: Option<String>,
    /// Where the connector names the run of a query as soon as it has begun. Whoever has the name may have the answer,
    /// so it is kept like a secret and never shown.
    pub runs: Option<UnboundedSender<String>>,
    /// The asker's own login at the archive; only questions are asked with it.
    pub login: Option<Login>,
    /// The table that goes with a query, a VOTable.
    pub upload: Option<Bytes>,
}

/// Somebody's login at an archive.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// Their name there.
    pub username: String,
    /// Their password.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

/// What there is to say of a file while it comes, such as sources that had no product; clones are one and the same.
#[derive(Debug, Clone, Default)]
pub struct Remarks(Arc<Mutex<Said>>);

#[derive(Debug, Default)]
struct Said {
    sentences: Vec<String>,
    n_rows: Option<u64>,
}

impl Remarks {
    /// Adds a sentence.
    pub fn add(&self, sentence: impl Into<String>) {
        self.said().sentences.push(sentence.into());
    }

    /// Everything that was said so far; it is whole when the stream has ended.
    #[must_use]
    pub fn all(&self) -> Vec<String> {
        self.said().sentences.clone()
    }

    /// Says how many rows there are.
    pub fn set_rows(&self, n_rows: u64) {
        self.said().n_rows = Some(n_rows);
    }

    /// How many rows there are, where that was said.
    #[must_use]
    pub fn rows(&self) -> Option<u64> {
        self.said().n_rows
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of a file, as they arrive.
pub struct ByteStream {
    /// The offset of the first byte that comes: what was asked for, or 0 when the whole file comes.
    pub starts_at: u64,
    /// The length of the whole file, where the server says it.
    pub total_bytes: Option<u64>,
    /// What the server says this file is, for a later resume.
    pub validator: Validator,
    /// Which location it comes from, without secrets.
    pub location: String,
    /// What there is to say of it, besides its bytes.
    pub remarks: Remarks,
    /// The bytes.
    pub bytes: BoxStream<'static, Result<Bytes, OpenError>>,
}

impl std::fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ByteStream")
            .field("starts_at", &self.starts_at)
            .field("total_bytes", &self.total_bytes)
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}
