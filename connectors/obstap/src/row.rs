//! One row of ObsCore, by the names of its columns.

use std::collections::HashMap;

use gantry_formats::votable::{Field, Value};
use sha2::{Digest, Sha256};

/// The columns that are asked for where the service has them; others it has are left out.
///
/// # Source
/// IVOA ObsCore 1.1, tables 5 and 6.
pub(crate) const COLUMNS: [&str; 33] = [
    "dataproduct_type",
    "dataproduct_subtype",
    "calib_level",
    "obs_collection",
    "obs_id",
    "obs_publisher_did",
    "obs_title",
    "obs_creator_name",
    "obs_release_date",
    "target_name",
    "access_url",
    "access_format",
    "access_estsize",
    "s_ra",
    "s_dec",
    "s_fov",
    "s_region",
    "s_resolution",
    "t_min",
    "t_max",
    "t_exptime",
    "t_resolution",
    "em_min",
    "em_max",
    "em_res_power",
    "em_ucd",
    "o_ucd",
    "pol_states",
    "facility_name",
    "instrument_name",
    "bib_reference",
    "data_rights",
    "proposal_id",
];

/// One row; what is null or empty is not in it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    cells: HashMap<&'static str, Value>,
}

impl Row {
    /// The cells of a row under the names of their columns, as far as they are known.
    pub(crate) fn new(fields: &[Field], values: &[Value]) -> Self {
        let known = |field: &Field| {
            let mut columns = COLUMNS.into_iter();
            columns.find(|known| known.eq_ignore_ascii_case(&field.name))
        };
        let is_empty = |value: &Value| value.as_text().is_some_and(|text| text.trim().is_empty());
        let said = fields.iter().zip(values);
        let said = said.filter(|(_, value)| !value.is_null() && !is_empty(value));
        Self {
            cells: said
                .filter_map(|(field, value)| Some((known(field)?, value.clone())))
                .collect(),
        }
    }

    pub(crate) fn text(&self, column: &str) -> Option<&str> {
        self.cells.get(column)?.as_text().map(str::trim)
    }

    /// A number that is one.
    pub(crate) fn number(&self, column: &str) -> Option<f64> {
        let number = self.cells.get(column)?.as_float()?;
        number.is_finite().then_some(number)
    }

    /// Several numbers in one cell, as DALI writes regions.
    pub(crate) fn numbers(&self, column: &str) -> Option<Vec<f64>> {
        match self.cells.get(column)? {
            Value::List(list) => list.iter().map(Value::as_float).collect(),
            _ => None,
        }
    }

    /// What tells this row from others with the same identifier, whatever their order.
    pub(crate) fn mark(&self) -> String {
        let mut cells: Vec<_> = self.cells.iter().collect();
        cells.sort_by_key(|(name, _)| **name);
        let hash = Sha256::digest(format!("{cells:?}"));
        hash.iter()
            .take(5)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}
