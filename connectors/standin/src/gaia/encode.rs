//! Answers in the formats of the archive.

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use gantry_formats::fits::write::{Cell, Layout, NewColumn, TableWriter};
use gantry_formats::fits::{Card, ColumnType, FitsError};

use super::value::{Column, Kind, Table, Value};
use super::votable::{self, About};

/// What null integers are in FITS, where a `TNULL` card says so.
const FITS_NULL: i64 = i16::MIN as i64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Votable,
    VotablePlain,
    VotableGzip,
    Csv,
    Ecsv,
    Json,
    Fits,
}

impl Format {
    /// By the archive's names, or by media type.
    pub(crate) fn read(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        Some(match name.split(';').next().unwrap_or_default().trim() {
            "" | "votable" | "application/x-votable+xml" | "text/xml" => Self::Votable,
            "votable_plain" | "votable/td" => Self::VotablePlain,
            "votable_gzip" => Self::VotableGzip,
            "csv" | "text/csv" => Self::Csv,
            "ecsv" => Self::Ecsv,
            "json" | "application/json" => Self::Json,
            "fits" | "application/fits" => Self::Fits,
            _ => return None,
        })
    }

    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Votable | Self::VotablePlain | Self::VotableGzip => "application/x-votable+xml",
            Self::Csv => "text/csv",
            Self::Ecsv => "text/x-ecsv",
            Self::Json => "application/json",
            Self::Fits => "application/fits",
        }
    }

    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Votable | Self::VotablePlain => "vot",
            Self::VotableGzip => "vot.gz",
            Self::Csv => "csv",
            Self::Ecsv => "ecsv",
            Self::Json => "json",
            Self::Fits => "fits",
        }
    }

    /// Whether the archive sends it gzipped.
    pub(crate) fn is_gzipped(self) -> bool {
        !matches!(self, Self::Csv | Self::Json)
    }
}

/// The bytes of a table in a format, not compressed.
pub(crate) fn encode(table: &Table, about: &About, format: Format) -> Result<Vec<u8>, FitsError> {
    Ok(match format {
        Format::Votable | Format::VotableGzip => votable::write(table, about, false).into(),
        Format::VotablePlain => votable::write(table, about, true).into(),
        Format::Csv => csv(table, "").into(),
        Format::Ecsv => (ecsv_head(table, about) + &csv(table, "")).into(),
        Format::Json => json(table).into(),
        Format::Fits => fits(table)?,
    })
}

pub(crate) fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let written = encoder.write_all(bytes);
    let packed = encoder.finish();
    written
        .and(packed)
        .expect("writing to memory does not fail")
}

/// As CSV, with `null` where a cell is null.
pub(crate) fn csv(table: &Table, null: &str) -> String {
    let names: Vec<&str> = table
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    let mut text = names.join(",") + "\n";
    for row in &table.rows {
        for (n, (value, column)) in row.iter().zip(&table.columns).enumerate() {
            if n > 0 {
                text.push(',');
            }
            match value {
                Value::Array(_) => text += &format!("\"{}\"", list(value, column.kind)),
                Value::Bool(value) => text += if *value { "True" } else { "False" },
                value => {
                    text += &value
                        .show(column.kind)
                        .map_or(null.to_owned(), |shown| quoted(&shown))
                }
            }
        }
        text.push('\n');
    }
    text
}

fn list(value: &Value, kind: Kind) -> String {
    format!(
        "[{}]",
        value.show(kind).unwrap_or_default().replace(' ', ",")
    )
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// The header of an ECSV file: YAML in comments.
pub(crate) fn ecsv_head(table: &Table, about: &About) -> String {
    let mut text = String::from("# %ECSV 1.0\n# ---\n# delimiter: ','\n# datatype:\n");
    for column in &table.columns {
        text += &format!(
            "# -\n#   name: {}\n#   datatype: {}\n",
            column.name,
            ecsv_type(column.kind)
        );
        if column.kind == Kind::FloatArray || column.kind == Kind::DoubleArray {
            let item = if column.kind == Kind::FloatArray {
                "float32"
            } else {
                "float64"
            };
            text += &format!("#   subtype: {item}[null]\n");
        }
        for (name, value) in [("unit", &column.unit), ("description", &column.description)] {
            if !value.is_empty() {
                text += &format!("#   {name}: {}\n", yaml(value));
            }
        }
        if !column.ucd.is_empty() {
            text += &format!("#   meta:\n#     ucd: {}\n", column.ucd);
        }
    }
    if !about.infos.is_empty() {
        text += "# meta:\n#   name: votable\n";
    }
    for (name, value) in about.infos.iter().filter(|(_, value)| !value.is_empty()) {
        text += &format!("#   {name}: {}\n", yaml(value));
    }
    text
}

fn yaml(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''").replace(['\n', '\r'], " "))
}

fn ecsv_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean => "bool",
        Kind::Short => "int16",
        Kind::Int => "int32",
        Kind::Long => "int64",
        Kind::Float => "float32",
        Kind::Double => "float64",
        Kind::Char | Kind::FloatArray | Kind::DoubleArray => "string",
    }
}

fn json(table: &Table) -> String {
    let or_null = |text: &str| {
        if text.is_empty() {
            serde_json::Value::Null
        } else {
            text.into()
        }
    };
    let metadata: Vec<String> = table.columns.iter().map(|column| {
        serde_json::json!({
            "name": column.name, "datatype": column.kind.datatype(), "xtype": null, "arraysize": column.kind.arraysize(),
            "description": or_null(&column.description), "unit": or_null(&column.unit), "ucd": or_null(&column.ucd), "utype": null,
        }).to_string()
    }).collect();
    let rows: Vec<String> = table
        .rows
        .iter()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .zip(&table.columns)
                .map(|(value, column)| json_cell(value, column))
                .collect();
            format!("[{}]", cells.join(","))
        })
        .collect();
    format!(
        "{{\"metadata\":\n[\n{}\n],\n\"data\":\n[\n{}\n]\n}}\n",
        metadata.join(",\n"),
        rows.join(",\n")
    )
}

fn json_cell(value: &Value, column: &Column) -> String {
    match value {
        Value::Text(text) => serde_json::Value::from(&**text).to_string(),
        Value::Array(_) => list(value, column.kind),
        value => value.show(column.kind).unwrap_or_else(|| "null".to_owned()),
    }
}

/// One binary table. Flags are bytes, since the writer has no logical columns; arrays are text.
fn fits(table: &Table) -> Result<Vec<u8>, FitsError> {
    let texts: Vec<Option<Vec<String>>> = table
        .columns
        .iter()
        .enumerate()
        .map(|(n, column)| {
            let is_text = matches!(
                column.kind,
                Kind::Char | Kind::FloatArray | Kind::DoubleArray
            );
            let shown = || {
                table
                    .rows
                    .iter()
                    .map(|row| row[n].show(column.kind).unwrap_or_default())
                    .collect()
            };
            is_text.then(shown)
        })
        .collect();
    let mut columns = Vec::new();
    let mut cards = vec![Card::text("EXTNAME", "votable")];
    for (n, (column, texts)) in table.columns.iter().zip(&texts).enumerate() {
        let width = texts
            .iter()
            .flatten()
            .map(String::len)
            .max()
            .unwrap_or(1)
            .max(1);
        let kind = match column.kind {
            Kind::Boolean => ColumnType::Byte,
            Kind::Short => ColumnType::Short,
            Kind::Int => ColumnType::Int,
            Kind::Long => ColumnType::Long,
            Kind::Float => ColumnType::Float,
            Kind::Double => ColumnType::Double,
            _ => ColumnType::Text,
        };
        let made = NewColumn::new(&column.name, kind).repeat(if kind == ColumnType::Text {
            width as u64
        } else {
            1
        });
        columns.push(if column.unit.is_empty() {
            made
        } else {
            made.unit(&column.unit)
        });
        if column.kind.is_integer() {
            cards.push(Card::int(&format!("TNULL{}", n + 1), FITS_NULL));
        }
    }
    let layout = Layout {
        primary: Vec::new(),
        cards,
        columns,
        n_rows: table.rows.len() as u64,
        checksums: false,
    };
    let mut writer = TableWriter::start(Cursor::new(Vec::new()), layout)?;
    for (at, row) in table.rows.iter().enumerate() {
        let cells: Vec<Cell<'_>> = row
            .iter()
            .zip(&table.columns)
            .zip(&texts)
            .map(|((value, column), texts)| match texts {
                Some(texts) => Cell::Text(&texts[at]),
                None if column.kind == Kind::Boolean => {
                    Cell::Int(i64::from(*value == Value::Bool(true)))
                }
                None if column.kind.is_integer() => Cell::Int(value.as_i64().unwrap_or(FITS_NULL)),
                None => Cell::Float(value.as_f64().unwrap_or(f64::NAN)),
            })
            .collect();
        writer.row(&cells)?;
    }
    writer.finish().map(Cursor::into_inner)
}
