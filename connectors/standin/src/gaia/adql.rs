//! ADQL: the part of it that astronomers and their clients send, run over tables in memory.
//!
//! [`parse`] reads a query, [`run`] answers it. What is not understood is refused by name, with its
//! place; nothing is guessed. Length, depth, rows and time are bounded.
//!
//! # Source
//! IVOA ADQL 2.1 (REC); integer division and `GAIA_HEALPIX_INDEX` as the archive's database has them.

mod aggregate;
mod bind;
mod evaluate;
mod functions;
mod lexer;
mod parser;
mod run;
mod sphere;
mod tree;

pub(crate) use parser::parse;
pub(crate) use run::{Answer, Bounds, run};

/// Why a query is not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AdqlError {
    #[error("Cannot parse query: {what} at line {line}, column {column}")]
    Syntax {
        what: String,
        line: usize,
        column: usize,
    },
    #[error("Cannot parse query: {0}")]
    NotUnderstood(String),
    #[error("Cannot parse query: 1 unresolved identifiers: {0}")]
    Unresolved(String),
    #[error("The query was stopped: {0}")]
    Bounded(String),
}
