//! What can go wrong, never because of what a person typed.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

/// Any error as a source.
pub(crate) type Source = Box<dyn Error + Send + Sync>;

/// The catalogue could not say what changed.
#[derive(Debug, thiserror::Error)]
#[error("the catalogue did not tell its changes")]
pub struct ChangesError(#[source] pub Box<dyn Error + Send + Sync>);

/// An operation on the index that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// Another process, or another part of this one, writes this index.
    #[error("the index in `{}` is already written by {holder}", dir.display())]
    Locked {
        /// The index directory.
        dir: PathBuf,
        /// Who holds the lock, as far as its file says.
        holder: String,
    },
    /// A reader was opened where no index has been finished.
    #[error("there is no finished index in `{}`", dir.display())]
    NoIndex {
        /// The index directory.
        dir: PathBuf,
    },
    /// Files of the index are damaged.
    #[error("the index in `{}` is damaged; removing it costs only the time to build it anew", dir.display())]
    Damaged {
        /// The index directory.
        dir: PathBuf,
    },
    /// A reader was asked to rebuild.
    #[error("this index was opened for reading only")]
    ReadOnly,
    /// A file or directory of the index.
    #[error("could not {doing} `{}`", path.display())]
    Files {
        /// What was being done, as a verb.
        doing: &'static str,
        /// To which path.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The search engine below.
    #[error("the index could not {doing}")]
    Engine {
        /// What was being done, as a verb.
        doing: &'static str,
        /// Why not.
        source: Source,
    },
    /// The catalogue did not answer while it was being followed.
    #[error("the changes after number {after} could not be read")]
    Changes {
        /// The number reached before.
        after: u64,
        /// Why not.
        source: ChangesError,
    },
    /// A cursor that this index did not hand out.
    #[error("`{0}` is no place in a list of search results")]
    Cursor(String),
}

impl SearchError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Locked { .. } | Self::Changes { .. } | Self::NoIndex { .. }
        )
    }

    pub(crate) fn engine<E: Into<Source>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Engine {
            doing,
            source: source.into(),
        }
    }

    pub(crate) fn files(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Files {
            doing,
            path: path.to_owned(),
            source,
        }
    }
}
