//! VOTable: the table format of the Virtual Observatory.
//!
//! [`read::Reader`] streams tables in, [`write::Document`] writes them. What their columns mean is left to the caller.

mod binary;
mod head;
mod place;
pub mod read;
mod stream;
mod value;
pub mod write;

use std::io;

use crate::xml::{XmlError, XmlLimits};

pub(crate) use place::Place;
pub(crate) use value::Column;

pub use head::{Field, Info, QueryStatus, Resource, System, Table};
pub use read::Reader;
pub use value::{Datatype, Value};

/// How much of a table is held at a time.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Of the XML; the bytes of a text are those of a cell as well.
    pub xml: XmlLimits,
    /// Fields of a table, parameters of a resource, and what else is said.
    pub max_fields: usize,
    /// Bytes of all heads of the document together: what is said of fields, parameters, resources.
    pub head_bytes: u64,
    /// Bytes that the values of a row take in memory.
    pub row_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            xml: XmlLimits::default(),
            max_fields: 20_000,
            head_bytes: 64 << 20,
            row_bytes: 128 << 20,
        }
    }
}

/// Why a VOTable could not be read or written.
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
    /// It is no XML, or cut.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// The root is something else.
    #[error("not a VOTable: it begins with {0}")]
    NotVotable(String),
    /// There is a root and nothing in it.
    #[error("a VOTable without a RESOURCE")]
    NoResource,
    /// A cell does not hold what its field says.
    #[error("row {row}, field `{field}`: `{found}` is not of its datatype")]
    Cell {
        /// The row, counted from 0.
        row: u64,
        /// The field.
        field: String,
        /// The beginning of what is there.
        found: String,
    },
    /// A cell is larger than is allowed, by itself or with those before it.
    #[error("row {row}, field `{field}`: the row takes more than {max_bytes} bytes")]
    CellTooLong {
        /// The row, counted from 0.
        row: u64,
        /// The field.
        field: String,
        /// The limit.
        max_bytes: u64,
    },
    /// The heads are longer than is allowed.
    #[error("more than {max_bytes} bytes of heads")]
    HeadTooLong {
        /// The limit.
        max_bytes: u64,
    },
    /// A datatype that the standard does not have.
    #[error("field `{field}` has the unknown datatype `{found}`")]
    Datatype {
        /// The field.
        field: String,
        /// What is there.
        found: String,
    },
    /// An arraysize that says nothing.
    #[error("field `{field}` of datatype `{datatype}` has the arraysize `{found}`, which is none")]
    Arraysize {
        /// The field.
        field: String,
        /// Its datatype.
        datatype: String,
        /// What is there.
        found: String,
    },
    /// There are too many fields.
    #[error("a table of more than {max} fields")]
    TooManyFields {
        /// The limit.
        max: usize,
    },
    /// Rows are elsewhere.
    #[error("the rows of this {0} are in another file, which is not fetched")]
    Elsewhere(String),
    /// A serialisation that is another format.
    #[error("rows serialised as {0} are not read here")]
    Serialisation(String),
    /// An encoding of a stream that is not known.
    #[error("a stream encoded as `{0}`; known are base64 and gzip")]
    Encoding(String),
    /// Binary rows without a stream.
    #[error("{0} without a STREAM")]
    NoStream(String),
    /// The rows of a stream cannot be told apart.
    #[error("no column of the binary stream takes a byte, so it has no rows that could be counted")]
    NoBytes,
    /// The stream ends within a row.
    #[error("the stream ends within row {row}")]
    CutStream {
        /// The row, counted from 0.
        row: u64,
    },
    /// The stream cannot be decoded.
    #[error("the stream is damaged in row {row}")]
    Stream {
        /// The row, counted from 0.
        row: u64,
        /// What the decoder said.
        source: io::Error,
    },
    /// A value that its field cannot hold.
    #[error(
        "row {row}, field `{field}`: `{found}` cannot be written as its datatype and arraysize say"
    )]
    Value {
        /// The row, counted from 0.
        row: u64,
        /// The field.
        field: String,
        /// The beginning of what was given.
        found: String,
    },
    /// Something is written where it may not stand.
    #[error("{what} cannot be written within `{within}`")]
    Order {
        /// What was to be written.
        what: &'static str,
        /// The innermost element that is open.
        within: &'static str,
    },
    /// The bytes beneath could not be written.
    #[error("writing a VOTable")]
    Io(#[from] io::Error),
}
