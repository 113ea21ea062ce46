//! What can go wrong with a volume.

use std::io;

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

    /// Whether the volume has no room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }
}
