//! The chapter of a table that was chosen without a query: what it holds, and a bounded query to begin with.

use gantry_asset::Column;
use serde_json::json;

use super::literal::{markdown_line, python, python_list};
use super::product::Table;

/// How many rows the query asks for.
const ROWS: usize = 1_000;

/// Columns that a first look at stars needs, in this order, where a table has them.
const WANTED: &[&str] = &[
    "source_id",
    "ra",
    "dec",
    "ref_epoch",
    "parallax",
    "parallax_error",
    "pmra",
    "pmdec",
    "radial_velocity",
    "phot_g_mean_mag",
    "bp_rp",
    "ruwe",
];

/// How many columns are asked for where a table has few of these.
const FIRST: usize = 10;

/// The values of the block.
pub(super) fn values(table: &Table) -> Vec<(&'static str, String)> {
    let column = |column: &Column| {
        json!([
            column.name,
            column.unit,
            column.datatype,
            column.description
        ])
    };
    let columns: Vec<_> = table.columns.iter().map(column).collect();
    vec![
        ("about", markdown_line(&table.about)),
        ("columns", python_list(&columns)),
        ("n_rows", ROWS.to_string()),
        ("adql", python(&json!(adql(table)))),
    ]
}

/// A query for the first rows; of names, only those that need no quotes are used.
fn adql(table: &Table) -> String {
    let has = |name: &&&str| table.columns.iter().any(|column| column.name == **name);
    let mut columns: Vec<&str> = WANTED.iter().filter(has).copied().collect();
    if columns.len() < 3 {
        let names = table.columns.iter().map(|column| column.name.as_str());
        columns = names.filter(|name| is_plain(name)).take(FIRST).collect();
    }
    let columns = if columns.is_empty() {
        "*".to_owned()
    } else {
        columns.join(", ")
    };
    let steps = table.name.split('.');
    let name: Vec<String> = steps
        .map(|step| match is_plain(step) {
            true => step.to_owned(),
            false => format!("\"{}\"", step.replace('"', "\"\"")),
        })
        .collect();
    format!("SELECT TOP {ROWS} {columns} FROM {}", name.join("."))
}

/// Whether ADQL takes a name as it is.
fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, columns: &[&str]) -> Table {
        let column = |name: &&str| Column {
            name: (*name).to_owned(),
            ..Column::default()
        };
        Table {
            name: name.to_owned(),
            columns: columns.iter().map(column).collect(),
            ..Table::default()
        }
    }

    #[test]
    fn a_query_is_bounded_and_asks_for_what_a_first_look_needs() {
        let stars = table(
            "gaiadr3.gaia_source",
            &["solution_id", "source_id", "ra", "dec", "parallax"],
        );
        assert_eq!(
            adql(&stars),
            "SELECT TOP 1000 source_id, ra, dec, parallax FROM gaiadr3.gaia_source"
        );
        let other = table("tap_schema.tables", &["schema_name", "a b"]);
        assert_eq!(
            adql(&other),
            "SELECT TOP 1000 schema_name FROM tap_schema.tables"
        );
        assert_eq!(
            adql(&table("x.a; DROP", &[])),
            "SELECT TOP 1000 * FROM x.\"a; DROP\""
        );
    }
}
