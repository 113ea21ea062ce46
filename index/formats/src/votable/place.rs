//! Where reading is within a table, and how much of the row may still come.

use super::{Limits, VotableError};

/// A row under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) row: u64,
    bytes_left: u64,
    items_left: u64,
}

impl Place {
    /// The beginning of a row, counted from 0.
    pub(crate) fn new(row: u64, limits: &Limits) -> Self {
        Self {
            row,
            bytes_left: limits.row_bytes,
            items_left: limits.row_items,
        }
    }

    /// Takes a cell from what the row may hold; asked before memory is taken for it.
    pub(crate) fn spend(
        &mut self,
        field: &str,
        n_bytes: u64,
        n_items: u64,
    ) -> Result<(), VotableError> {
        let left = (
            self.bytes_left.checked_sub(n_bytes),
            self.items_left.checked_sub(n_items),
        );
        let (Some(bytes_left), Some(items_left)) = left else {
            return Err(VotableError::RowTooLong {
                row: self.row,
                field: field.to_owned(),
                n_bytes,
                n_items,
            });
        };
        (self.bytes_left, self.items_left) = (bytes_left, items_left);
        Ok(())
    }
}
