//! The error of the crate.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use gantry_formats::fits::FitsError;

/// Why a stand-in could not start, or could not make one of its products.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StandinError {
    /// The size of the generated maps cannot be.
    #[error("NSIDE `{nside}` is not a power of two from 1 to 8192")]
    Nside {
        /// The one asked for.
        nside: u32,
    },
    /// The address is taken or not ours.
    #[error("listening on `{address}`")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The threads of the server could not be started.
    #[error("starting the threads of a stand-in")]
    Threads(#[source] io::Error),
    /// A folder of products or a file in it could not be read or written.
    #[error("reading or writing `{path}`")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A generated product could not be written.
    #[error("generating `{name}`")]
    Generate {
        /// The product.
        name: String,
        /// What the writer said.
        source: FitsError,
    },
}
