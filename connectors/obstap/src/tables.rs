//! Answers of services: the rows of their tables.

use gantry_connector::document;
use gantry_formats::compression::without_gzip;
use gantry_formats::votable::{Limits, QueryStatus, Reader, Table, Value, VotableError};

/// Reads all rows of a VOTable, packed or not; `take` sees each with its table, and may refuse. Says whether there would
/// have been more.
///
/// # Errors
/// What is wrong with it, what the service says of an error, or what `take` says.
pub(crate) fn read(
    bytes: &[u8],
    mut take: impl FnMut(&Table, &[Value]) -> Result<(), String>,
) -> Result<bool, String> {
    let said = |error: VotableError| error.to_string();
    let unpacked = without_gzip(bytes, document::LIMITS.unpacked_bytes);
    let unpacked = unpacked.map_err(|error| error.to_string())?;
    let mut reader = Reader::new(unpacked, Limits::default()).map_err(said)?;
    let mut row = Vec::new();
    while let Some(table) = reader.next_table().map_err(said)? {
        while reader.next_row(&mut row).map_err(said)? {
            take(&table, &row)?;
        }
    }
    match reader.status() {
        QueryStatus::Error(text) => Err(format!("the service says: {text}")),
        status => Ok(status == QueryStatus::Overflow),
    }
}
