//! What can go wrong with a volume.

use std::io;

use chrono::{DateTime, Utc};
use gantry_net::NetError;

/// Something a volume refused or could not do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VolumeError {
    /// A path that could lead out of the volume.
    #[error("`{path}` is no path inside a volume: {why}")]
    Path {
        /// The path, cut at 200 characters.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There is nothing at that path.
    #[error("there is no `{path}` in the volume")]
    Missing {
        /// The path.
        path: String,
    },
    /// A link that Gantry did not make, or that leads out of every mount.
    #[error("`{path}` is a link that leads out of the volume")]
    ForeignLink {
        /// The path.
        path: String,
    },
    /// Another worker writes this file.
    #[error("`{path}` is being written by somebody else")]
    Busy {
        /// The path.
        path: String,
    },
    /// No space is left.
    #[error("no space is left in the volume for `{path}`")]
    Full {
        /// What was to be written.
        path: String,
    },
    /// Something is there already.
    #[error("there is a `{path}` already")]
    Exists {
        /// The path.
        path: String,
    },
    /// Nothing may be written to this volume.
    #[error("`{path}` cannot be written: the volume is read-only")]
    ReadOnly {
        /// What was to be written.
        path: String,
    },
    /// The user's volumes hold as much as they may.
    #[error(
        "the quota is used up: {used} of {limit}; make room, or ask whoever runs this service for more"
    )]
    Quota {
        /// What is there, such as `12 files`.
        used: String,
        /// What there may be.
        limit: String,
    },
    /// An address that is no volume's.
    #[error("`{address}` cannot be a volume: {why}")]
    Address {
        /// The address, without what may be a password.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// The credentials do not do; it is not asked again until they are changed or tried out.
    #[error("the volume does not let us in ({why}); change its login, then test it")]
    NotLetIn {
        /// What it said.
        why: String,
    },
    /// It failed several times and is left alone for a while.
    #[error("the volume failed several times ({why}) and is asked again at {} UTC", until.format("%H:%M:%S"))]
    LeftAlone {
        /// Until when.
        until: DateTime<Utc>,
        /// What it said last.
        why: String,
    },
    /// Storage elsewhere did not do what was asked.
    #[error("cannot {what} `{path}`: {}", source.told())]
    Elsewhere {
        /// What was asked for.
        what: &'static str,
        /// With what.
        path: String,
        /// Why not.
        source: Box<NetError>,
    },
    /// The system did not do what was asked.
    #[error("cannot {what} `{path}`: {source}")]
    Io {
        /// What was asked for.
        what: &'static str,
        /// With what.
        path: String,
        /// Why not.
        source: io::Error,
    },
}

impl VolumeError {
    /// Reads an error of the system: nothing there, no space, or anything else.
    pub(crate) fn from_io(what: &'static str, path: impl ToString, source: io::Error) -> Self {
        let path = path.to_string();
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing { path },
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::Full { path },
            _ => Self::Io { what, path, source },
        }
    }

    /// Reads an error of storage elsewhere.
    pub(crate) fn from_net(what: &'static str, path: impl ToString, source: NetError) -> Self {
        let path = path.to_string();
        match source {
            source if source.is_full() => Self::Full { path },
            source if source.is_not_found() => Self::Missing { path },
            source if source.is_not_let_in() => Self::NotLetIn { why: source.told() },
            NetError::Exists { .. } => Self::Exists { path },
            source => Self::Elsewhere {
                what,
                path,
                source: Box::new(source),
            },
        }
    }

    /// Whether the volume has no room, or its user may put no more there.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::Quota { .. })
    }

    /// Whether the same may go well later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Elsewhere { source, .. } => source.is_transient(),
            Self::LeftAlone { .. } | Self::Busy { .. } => true,
            _ => false,
        }
    }

    /// Whether the volume itself does not serve, so that trying its other files is of no use.
    #[must_use]
    pub fn is_of_the_volume(&self) -> bool {
        matches!(self, Self::NotLetIn { .. } | Self::LeftAlone { .. })
    }
}
