//! FITS: headers, checksums, tables, images, and writing generated tables.
//!
//! [`scan`] reads the headers of any stream and skips the data; [`checksum::verify`] reads all of it.
//! [`Table`] and [`Image`] read values out of an opened file.
//! What a header means for an archive is left to its connector.

pub mod card;
pub mod checksum;
pub mod column;
pub mod cut;
mod disc;
pub mod header;
pub mod healpix;
pub mod image;
mod source;
pub mod table;
pub mod write;

use std::io;

pub use card::{Card, Value};
pub use column::{Column, ColumnType};
pub use header::{Hdu, HduKind, Limits, scan, scan_file, scan_prefix};
pub use healpix::{Healpix, Ordering};
pub use image::Image;
pub use table::Table;

/// Bytes of a FITS block: headers and data are whole numbers of them.
pub const BLOCK_BYTES: usize = 2880;

/// Which part of an HDU a fault lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Its cards.
    Header,
    /// Its data, or the padding behind them.
    Data,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Data => "data",
        })
    }
}

/// Why a FITS file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FitsError {
    /// It does not begin with a `SIMPLE` card.
    #[error("not a FITS file: it begins with `{found}`")]
    NotFits {
        /// The first bytes, made printable.
        found: String,
    },
    /// The file ends within an HDU.
    #[error("truncated at byte {byte}, in the {part} of HDU {hdu}")]
    Truncated {
        /// How many bytes the file has.
        byte: u64,
        /// The HDU, counted from 0.
        hdu: usize,
        /// Where in it.
        part: Part,
    },
    /// A header runs into something that is not a header.
    #[error("no END card in HDU {hdu}: byte {byte} is not of a header")]
    MissingEnd {
        /// The HDU, counted from 0.
        hdu: usize,
        /// The first byte that cannot be a card, or the end of the file.
        byte: u64,
    },
    /// The headers of the file are longer than was allowed.
    #[error("header too long in HDU {hdu}: more than {max_bytes} bytes of headers")]
    HeaderTooLong {
        /// The HDU, counted from 0.
        hdu: usize,
        /// The limit that was given.
        max_bytes: u64,
    },
    /// There are more HDUs than was allowed.
    #[error("more than {max_hdus} HDUs")]
    TooManyHdus {
        /// The limit that was given.
        max_hdus: usize,
    },
    /// A card that the structure depends on is missing or has an impossible value.
    #[error("bad or missing `{keyword}` in HDU {hdu}")]
    BadCard {
        /// The HDU, counted from 0.
        hdu: usize,
        /// The keyword of the card.
        keyword: String,
    },
    /// The HDU asked for does not hold a table.
    #[error("HDU {hdu} is not a table")]
    NotATable {
        /// The HDU, counted from 0.
        hdu: usize,
    },
    /// The table has no such column.
    #[error("no column `{name}`")]
    NoSuchColumn {
        /// The name that was asked for.
        name: String,
    },
    /// The column holds what cannot be read as asked.
    #[error("column `{name}` of format `{format}` cannot be read as {wanted}")]
    Unsupported {
        /// The column's name.
        name: String,
        /// Its TFORM.
        format: String,
        /// What was asked for.
        wanted: &'static str,
    },
    /// A cell of a text column is not of its format, or a number leaves its type.
    #[error("unreadable value in row {row} of column `{name}`")]
    Unreadable {
        /// The column's name.
        name: String,
        /// The row, counted from 0.
        row: u64,
    },
    /// Rows beyond the table or pixels beyond the image were asked for.
    #[error("{asked} is outside of {held}")]
    OutOfRange {
        /// What was asked for.
        asked: String,
        /// What there is.
        held: String,
    },
    /// The file is compressed as a whole; unpack it first.
    #[error("the file is compressed as a whole; unpack it first")]
    Compressed,
    /// CFITSIO refused the image.
    #[error("reading an image: {message}")]
    Image {
        /// What CFITSIO or its binding said.
        message: String,
    },
    /// What was given to a writer does not fit the table it writes.
    #[error("cannot write: {reason}")]
    Unwritable {
        /// What does not fit.
        reason: String,
    },
    /// The bytes beneath could not be read or written.
    #[error("reading or writing the bytes of a FITS file")]
    Io(#[from] io::Error),
}

/// `bytes` rounded up to whole blocks, or nothing when that leaves a `u64`.
pub(crate) fn padded(bytes: u64) -> Option<u64> {
    bytes
        .div_ceil(BLOCK_BYTES as u64)
        .checked_mul(BLOCK_BYTES as u64)
}
