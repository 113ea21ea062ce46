//! Pages of rows: one query each, in the order of `obs_publisher_did`.

use futures::StreamExt;
use gantry_asset::AdqlQuery;
use gantry_connector::{HarvestError, OpenError, document};

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
        let query = AdqlQuery {
            adql: format!(
                "SELECT TOP {n_rows} {columns} FROM {} WHERE {condition} ORDER BY {KEY}",
                table.name
            ),
            format: "votable".to_owned(),
            max_rows: Some(n_rows as u64),
            release: None,
        };
        let answer = self.tap.result(WHAT, &query, None, |_| {}).await;
        let response = answer.map_err(|error| self.said(error))?;
        let mut body = response.into_stream();
        let mut bytes = Vec::new();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|source| HarvestError::Net {
                archive: self.archive.id.clone(),
                what: WHAT,
                source,
            })?;
            bytes.extend_from_slice(&chunk);
            if bytes.len() as u64 > PAGE_BYTES {
                return Err(self.unreadable(format!("a page is larger than {PAGE_BYTES} bytes")));
            }
        }
        let read = document::read(move || read(&bytes)).await;
        read.map_err(|why| self.unreadable(why))
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
