//! What can go wrong between a connector and its archive.

use gantry_asset::ArchiveId;
use gantry_net::NetError;

/// A harvest that could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HarvestError {
    /// The archive did not answer, or not with what was asked for.
    #[error("{archive} did not give its {what}")]
    Net {
        /// Which archive.
        archive: ArchiveId,
        /// What was asked for.
        what: &'static str,
        /// Why not.
        source: NetError,
    },
    /// An answer this connector does not understand; the archive may have changed.
    #[error("{archive} sent an unreadable {what}: {why}")]
    Unreadable {
        /// Which archive.
        archive: ArchiveId,
        /// What was read.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// What the configuration names is not there; what was catalogued before is kept.
    #[error(
        "{archive} has no {what} `{which}`; look at what its configuration says of `url` and `folders`"
    )]
    Missing {
        /// Which archive.
        archive: ArchiveId,
        /// What was asked for.
        what: &'static str,
        /// By which name.
        which: String,
    },
    /// A list that ended before it was complete; nothing is withdrawn on its word.
    #[error("{archive} cut its {what} short: {why}")]
    Cut {
        /// Which archive.
        archive: ArchiveId,
        /// What was listed.
        what: &'static str,
        /// How that was noticed.
        why: String,
    },
    /// A list that lies on this machine and cannot be read.
    #[error("cannot read the {what} of {archive} at `{path}`")]
    Local {
        /// Which archive.
        archive: ArchiveId,
        /// What was read.
        what: &'static str,
        /// Where it should be.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
}

impl HarvestError {
    /// Whether the same harvest may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Net { source, .. } if source.is_transient())
            || matches!(self, Self::Cut { .. })
    }
}

/// A file that could not be opened, or broke off.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// None of the file's locations can be used.
    #[error("`{name}` has no location that can be opened: {why}")]
    NoLocation {
        /// The file.
        name: String,
        /// What was tried.
        why: String,
    },
    /// The archive does not serve the file any more.
    #[error("{archive} no longer has `{name}`")]
    Gone {
        /// Which archive.
        archive: ArchiveId,
        /// The file.
        name: String,
    },
    /// The archive answered with a page instead of the file.
    #[error("{archive} sent a web page instead of `{name}`")]
    Page {
        /// Which archive.
        archive: ArchiveId,
        /// The file.
        name: String,
    },
    /// The archive did not answer, or broke off.
    #[error("{archive} did not send `{name}`")]
    Net {
        /// Which archive.
        archive: ArchiveId,
        /// The file.
        name: String,
        /// Why not.
        source: NetError,
    },
    /// The archive was asked a question and answers that it will not do.
    #[error("{archive} did not answer `{name}`: {why}")]
    Refused {
        /// Which archive.
        archive: ArchiveId,
        /// The file that was to be the answer.
        name: String,
        /// What the archive says.
        why: String,
    },
    /// The answer came and could not be kept on this machine while it was looked at.
    #[error("the answer `{name}` could not be kept in the temporary folder `{folder}`")]
    NotKept {
        /// The file.
        name: String,
        /// Where it was to be kept.
        folder: std::path::PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A location on this machine that could not be read.
    #[error("cannot read `{name}` from the mounted archive")]
    Mounted {
        /// The file.
        name: String,
        /// Why not.
        source: std::io::Error,
    },
}

impl OpenError {
    /// Whether the same file may open later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Net { source, .. } => source.is_transient(),
            Self::Page { .. } | Self::NotKept { .. } => true,
            _ => false,
        }
    }
}
