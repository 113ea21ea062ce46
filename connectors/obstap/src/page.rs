//! Pages of rows: one query each, in the order of `obs_publisher_did`.

use bytes::Bytes;
use gantry_asset::AdqlQuery;
use gantry_connector::{HarvestError, OpenError, document};
use gantry_formats::votable::Value;

use crate::ObsTap;
use crate::row::{COLUMNS, Row};
use crate::tables;

/// The identifier of a row, by which pages follow each other.
pub(crate) const KEY: &str = "obs_publisher_did";
/// Rows that are asked for at once.
pub(crate) const ROWS: usize = 5000;
/// The largest answer that is taken.
const PAGE_BYTES: u64 = 256 << 20;
const WHAT: &str = "observations (ivoa.ObsCore)";

/// The table and those of its columns that are asked for.
pub(crate) struct Table {
    name: String,
    columns: Vec<String>,
}

/// The rows of one query.
pub(crate) struct Page {
    pub(crate) rows: Vec<Row>,
    /// Whether the service says that there would have been more.
    pub(crate) overflowed: bool,
}

impl ObsTap {
    /// Finds the table, whatever the letters of its name.
    pub(crate) async fn table(&self) -> Result<Table, HarvestError> {
        let schemas = self.tap.tables().await?;
        let all = schemas.iter().flat_map(|schema| {
            let tables = schema.tables.iter();
            tables.map(move |table| match table.name.contains('.') {
                true => (table.name.clone(), table),
                false => (format!("{}.{}", schema.name, table.name), table),
            })
        });
        let found = all
            .into_iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("ivoa.obscore"));
        let Some((name, table)) = found else {
            return Err(self.unreadable("it has no table `ivoa.ObsCore`".to_owned()));
        };
        let has = |wanted: &&&str| {
            let mut columns = table.columns.iter();
            columns.any(|column| column.name.eq_ignore_ascii_case(wanted))
        };
        let columns: Vec<String> = COLUMNS
            .iter()
            .filter(has)
            .map(|name| (*name).to_owned())
            .collect();
        if !columns.iter().any(|name| name == KEY) {
            return Err(self.unreadable(format!("`{name}` has no column `{KEY}`")));
        }
        Ok(Table { name, columns })
    }

    /// Asks for so many rows at most, those for which a condition holds, in the order of the key.
    pub(crate) async fn page(
        &self,
        table: &Table,
        n_rows: usize,
        condition: &str,
    ) -> Result<Page, HarvestError> {
        let columns = table.columns.join(", ");
        let query = format!(
            "SELECT TOP {n_rows} {columns} FROM {} WHERE {condition} ORDER BY {KEY}",
            table.name
        );
        let bytes = self.answer(query, n_rows as u64).await?;
        let read = document::read(move || read(&bytes)).await;
        read.map_err(|why| self.unreadable(why))
    }

    /// How many rows have an identifier.
    pub(crate) async fn n_rows(&self, table: &Table) -> Result<u64, HarvestError> {
        let query = format!(
            "SELECT COUNT(*) AS n_rows FROM {} WHERE {KEY} IS NOT NULL",
            table.name
        );
        let bytes = self.answer(query, 1).await?;
        let mut counted = None;
        let read = tables::read(&bytes, |_, row| {
            counted = row.first().and_then(Value::as_int);
            Ok(())
        });
        read.map_err(|why| self.unreadable(why))?;
        let counted = counted.and_then(|n| u64::try_from(n).ok());
        counted.ok_or_else(|| self.unreadable("it does not count its rows".to_owned()))
    }

    async fn answer(&self, adql: String, max_rows: u64) -> Result<Bytes, HarvestError> {
        let query = AdqlQuery {
            upload: None,
            adql,
            format: "votable".to_owned(),
            max_rows: Some(max_rows),
            release: None,
        };
        let answer = self.tap.result(WHAT, (&query, None), None, |_| {}).await;
        let response = answer.map_err(|error| self.said(error))?;
        let bytes = response.bytes(PAGE_BYTES).await;
        bytes.map_err(|source| HarvestError::Net {
            archive: self.archive.id.clone(),
            what: WHAT,
            source,
        })
    }

    pub(crate) fn unreadable(&self, why: String) -> HarvestError {
        HarvestError::Unreadable {
            archive: self.archive.id.clone(),
            what: WHAT,
            why,
        }
    }

    pub(crate) fn cut(&self, why: String) -> HarvestError {
        HarvestError::Cut {
            archive: self.archive.id.clone(),
            what: WHAT,
            why,
        }
    }

    fn said(&self, error: OpenError) -> HarvestError {
        match error {
            OpenError::Net { source, .. } => HarvestError::Net {
                archive: self.archive.id.clone(),
                what: WHAT,
                source,
            },
            other => self.unreadable(other.to_string()),
        }
    }
}

/// Reads the rows of an answer.
fn read(bytes: &[u8]) -> Result<Page, String> {
    let mut rows = Vec::new();
    let overflowed = tables::read(bytes, |table, row| {
        rows.push(Row::new(&table.fields, row));
        Ok(())
    })?;
    Ok(Page { rows, overflowed })
}

/// A text within an ADQL query.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
