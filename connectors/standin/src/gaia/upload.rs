//! Tables that come with a query (TAP 1.1, section 2.5).

use std::collections::HashMap;

use gantry_formats::votable::{Limits, Reader, Value as Cell};

use super::tap::parameter;
use super::value::{Column, Kind, Table, Value};

/// The tables of a request by their names, `tap_upload.mine`.
///
/// # Errors
/// The archive's sentence for what is no table.
pub(super) fn tables(parameters: &[(String, String)]) -> Result<HashMap<String, Table>, String> {
    let mut tables = HashMap::new();
    let uploads = parameter(parameters, "UPLOAD").unwrap_or_default();
    for upload in uploads.split(';').filter(|upload| !upload.is_empty()) {
        let Some((name, uri)) = upload.split_once(',') else {
            return Err(format!("UPLOAD is no pair of name and address: `{upload}`"));
        };
        let Some(part) = uri.strip_prefix("param:") else {
            return Err("Only tables that come with the request are taken: `param:…`".to_owned());
        };
        let text =
            parameter(parameters, part).ok_or_else(|| format!("There is no part `{part}`"))?;
        let table =
            table(text).map_err(|error| format!("The table `{name}` cannot be read: {error}"))?;
        tables.insert(format!("tap_upload.{}", name.to_ascii_lowercase()), table);
    }
    Ok(tables)
}

fn table(text: &str) -> Result<Table, String> {
    let fail = |error: gantry_formats::votable::VotableError| error.to_string();
    let mut reader = Reader::new(text.as_bytes(), Limits::default()).map_err(fail)?;
    let head = reader
        .next_table()
        .map_err(fail)?
        .ok_or("it has no TABLE")?;
    let mut table = Table::default();
    for field in &head.fields {
        let kind = match field.datatype.as_str() {
            "boolean" => Kind::Boolean,
            "short" | "unsignedByte" => Kind::Short,
            "int" => Kind::Int,
            "long" => Kind::Long,
            "float" => Kind::Float,
            "double" => Kind::Double,
            _ => Kind::Char,
        };
        table.columns.push(Column::new(&field.name, kind));
    }
    let mut row = Vec::new();
    while reader.next_row(&mut row).map_err(fail)? {
        let cells = row.iter().map(|cell: &Cell| match cell {
            _ if cell.is_null() => Value::Null,
            cell => cell
                .as_int()
                .map(Value::Int)
                .or_else(|| cell.as_float().map(Value::Float))
                .unwrap_or_else(|| cell.as_text().map_or(Value::Null, Value::text)),
        });
        table.rows.push(cells.collect());
    }
    Ok(table)
}
