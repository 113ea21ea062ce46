//! VOTable: the table format of the Virtual Observatory.
//!
//! [`write::Writer`] streams one table out. What its columns mean is left to the caller.

pub mod write;

use std::io;

/// Why a VOTable could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VotableError {
    /// A row has another number of cells than there are fields.
    #[error("row {row} has {found} cells where there are {expected} fields")]
    RowLength {
        /// The row, counted from 0.
        row: u64,
        /// Number of fields.
        expected: usize,
        /// Number of cells.
        found: usize,
    },
    /// The bytes beneath could not be written.
    #[error("writing a VOTable")]
    Io(#[from] io::Error),
}
