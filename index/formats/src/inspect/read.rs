//! Facts: what the reader of each kind tells.

use std::collections::BTreeMap;
use std::io::Read;

use serde_json::{Value, json};

use super::json::Outline;
use super::{Inspection, Kind, Limits, text};
use crate::fits::{self, Hdu, HduKind};
use crate::votable::{self, QueryStatus, VotableError};
use crate::xml::{Node, Xml, XmlError, XmlLimits};

/// Elements counted in documents that are no VOTable.
const COUNTED: [&str; 8] = [
    "schema",
    "table",
    "column",
    "capability",
    "job",
    "jobref",
    "result",
    "parameter",
];

/// Tables of a document that are looked at.
const MAX_TABLES: usize = 1000;

/// Reads `reader` as what it was told to be.
pub(super) fn facts(reader: &mut impl Read, limits: Limits, found: &mut Inspection) {
    match found.kind {
        Kind::Fits => of_fits(reader, found),
        Kind::Votable => of_votable(reader, found),
        Kind::Tableset
        | Kind::Capabilities
        | Kind::Availability
        | Kind::Job
        | Kind::Jobs
        | Kind::GeodesyMl
        | Kind::Xml => of_xml(reader, found),
        Kind::Json => of_json(reader, limits, found),
        Kind::Empty => found.faults.push("the file is empty".to_owned()),
        _ => text::facts(reader, found),
    }
}

fn of_fits(reader: &mut impl Read, found: &mut Inspection) {
    match fits::scan(reader, fits::Limits::default()) {
        Ok(hdus) => {
            for hdu in &hdus {
                if let Err(error) = hdu.shape() {
                    found.fault(&error);
                }
            }
            found.fact("hdus", hdus.iter().map(of_hdu).collect::<Vec<_>>());
        }
        Err(error) => found.fault(&error),
    }
}

fn of_hdu(hdu: &Hdu) -> Value {
    let mut facts = json!({
        "kind": format!("{:?}", hdu.kind).to_lowercase(),
        "name": hdu.text("EXTNAME"),
    });
    if let Some(shape) = hdu.compressed_shape() {
        facts["compressed_shape"] = json!(shape);
    }
    if matches!(hdu.kind, HduKind::Table | HduKind::BinTable) {
        facts["rows"] = json!(hdu.n_rows());
        if let Ok(columns) = hdu.columns() {
            facts["n_columns"] = json!(columns.len());
            let names = columns.iter().map(|column| column.name.as_str());
            facts["columns"] = names.take(1000).collect();
        }
    } else {
        facts["shape"] = json!(hdu.shape().ok());
    }
    if let Some(map) = hdu.healpix() {
        facts["nside"] = json!(map.nside);
        facts["ordering"] = json!(
            map.ordering
                .map(|order| format!("{order:?}").to_uppercase())
        );
    }
    facts
}

fn of_votable(reader: &mut impl Read, found: &mut Inspection) {
    let mut tables = Vec::new();
    match votable::Reader::new(reader, votable::Limits::default()) {
        Err(error) => found.fault(&error),
        Ok(mut document) => {
            if let Some(version) = document.version() {
                found.fact("version", version);
            }
            match of_tables(&mut document, &mut tables) {
                Ok(true) => {}
                Ok(false) => found.warnings.push(format!(
                    "it has more than {MAX_TABLES} tables; the others were not looked at"
                )),
                Err(error) => found.fault(&error),
            }
            let status = match document.status() {
                QueryStatus::Unsaid => Value::Null,
                QueryStatus::Ok => "OK".into(),
                QueryStatus::Overflow => "OVERFLOW".into(),
                QueryStatus::Error(text) => {
                    found.faults.push(format!("the service answered: {text}"));
                    "ERROR".into()
                }
            };
            found.fact("status", status);
        }
    }
    found.fact("tables", tables);
}

/// Tells tables until there are no more; `false` where there are too many.
fn of_tables(
    document: &mut votable::Reader<'_>,
    tables: &mut Vec<Value>,
) -> Result<bool, VotableError> {
    while let Some(table) = document.next_table()? {
        let place = tables.len();
        if place == MAX_TABLES {
            return Ok(false);
        }
        let names = table.fields.iter().map(|field| field.name.as_str());
        tables.push(json!({
            "name": table.name,
            "serialisation": table.serialisation,
            "n_columns": table.fields.len(),
            "columns": names.take(1000).collect::<Vec<_>>(),
            "rows": 0,
        }));
        let mut row = Vec::new();
        let mut n_rows = 0_u64;
        while document.next_row(&mut row)? {
            n_rows += 1;
            tables[place]["rows"] = json!(n_rows);
        }
    }
    Ok(true)
}

fn of_xml(reader: &mut impl Read, found: &mut Inspection) {
    let mut counts = BTreeMap::new();
    if let Err(error) = count(reader, found, &mut counts) {
        found.fault(&error);
    }
    for (name, n) in counts {
        found.fact(&format!("n_{name}"), n);
    }
}

fn count(
    reader: &mut impl Read,
    found: &mut Inspection,
    counts: &mut BTreeMap<&'static str, u64>,
) -> Result<(), XmlError> {
    let mut xml = Xml::new(reader, XmlLimits::default())?;
    loop {
        match xml.next()? {
            Node::EndOfDocument => return Ok(()),
            Node::Start(element) => {
                if !found.facts.contains_key("root") {
                    found.fact("root", element.name.as_str());
                }
                if let Some(name) = COUNTED.into_iter().find(|name| *name == element.name) {
                    *counts.entry(name).or_default() += 1;
                }
            }
            _ => {}
        }
    }
}

fn of_json(reader: &mut impl Read, limits: Limits, found: &mut Inspection) {
    let bounded = std::io::BufReader::new(reader.take(limits.max_held_bytes));
    let outline: Outline = match serde_json::from_reader(bounded) {
        Ok(outline) => outline,
        Err(error) => return found.fault(&error),
    };
    if let (Some(n_columns), Some(n_rows)) = (outline.n_metadata, outline.n_data) {
        found.fact("form", "metadata_data");
        found.fact("n_columns", n_columns);
        found.fact("rows", n_rows);
    } else if outline.is_votable {
        found.fact("form", "votable");
    }
    if let Some(keys) = outline.keys {
        found.fact("keys", keys);
    } else if let Some(n) = outline.n_items {
        found.fact("n_items", n);
    }
}
