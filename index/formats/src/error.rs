//! The error of the crate, for callers that read files whatever their format.

use crate::compression::CompressionError;
use crate::document::DocumentError;
use crate::fits::FitsError;
use crate::votable::VotableError;

/// Why a file could not be read or written, whatever its format.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The outer layer, gzip for instance, is the fault.
    #[error(transparent)]
    Compression(#[from] CompressionError),
    /// The FITS file is the fault.
    #[error(transparent)]
    Fits(#[from] FitsError),
    /// The VOTable is the fault.
    #[error(transparent)]
    Votable(#[from] VotableError),
    /// A document of a service is the fault.
    #[error(transparent)]
    Document(#[from] DocumentError),
}
