//! Where reading is within a table, and how much of the row may still come.

use super::value::Value;
use super::{Limits, VotableError};

/// A row under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) row: u64,
    max_bytes: u64,
    left: u64,
}

impl Place {
    /// The beginning of a row, counted from 0.
    pub(crate) fn new(row: u64, limits: &Limits) -> Self {
        Self {
            row,
            max_bytes: limits.row_bytes,
            left: limits.row_bytes,
        }
    }

    /// Takes a text or bytes, and the values that they become, from what the row may hold; asked before memory is
    /// taken for them.
    pub(crate) fn spend(
        &mut self,
        field: &str,
        n_bytes: u64,
        n_values: u64,
    ) -> Result<(), VotableError> {
        let values = n_values.saturating_mul(size_of::<Value>() as u64);
        let left = self.left.checked_sub(n_bytes.saturating_add(values));
        self.left = left.ok_or_else(|| VotableError::CellTooLong {
            row: self.row,
            field: field.to_owned(),
            max_bytes: self.max_bytes,
        })?;
        Ok(())
    }
}
