//! Writing tables as text, with a header or without.
//!
//! Arrays are written as JSON, as ECSV has it; what has no type in ECSV, complex numbers, as text. Nothing is an empty
//! cell, and a text that could be taken for nothing is quoted.

use std::fmt::Write as _;
use std::io::Write;

use yaml_serde::{Mapping, Value as Yaml};

use super::EcsvError;
use crate::votable::{Column, Datatype, Field, Value, VotableError};

/// A table that is written row by row.
pub struct Writer<W> {
    out: W,
    columns: Vec<Column>,
    line: String,
    n_rows: u64,
}

impl<W: Write> Writer<W> {
    /// Begins an ECSV table: its header and the line of names.
    ///
    /// # Errors
    /// When `out` fails; [`EcsvError::Cell`] for a field whose datatype or arraysize is none.
    pub fn ecsv(mut out: W, fields: &[Field]) -> Result<Self, EcsvError> {
        let columns = columns(fields)?;
        let described = fields.iter().zip(&columns).map(description).collect();
        let mut header = Mapping::new();
        header.insert("delimiter".into(), ",".into());
        header.insert("datatype".into(), Yaml::Sequence(described));
        let header = yaml_serde::to_string(&header);
        let header = header.map_err(|error| EcsvError::Header(error.to_string()))?;
        out.write_all(b"# %ECSV 1.0\n# ---\n")?;
        for line in header.lines() {
            writeln!(out, "# {line}")?;
        }
        Self::begin(out, fields, columns)
    }

    /// Begins a CSV table: the line of names.
    ///
    /// # Errors
    /// As [`Writer::ecsv`].
    pub fn csv(out: W, fields: &[Field]) -> Result<Self, EcsvError> {
        Self::begin(out, fields, columns(fields)?)
    }

    /// Writes a row.
    ///
    /// # Errors
    /// [`VotableError::RowLength`] within [`EcsvError::Cell`] when the values are not as many as the fields; when `out`
    /// fails.
    pub fn row(&mut self, values: &[Value]) -> Result<(), EcsvError> {
        let (row, expected, found) = (self.n_rows, self.columns.len(), values.len());
        if found != expected {
            let error = VotableError::RowLength {
                row,
                expected,
                found,
            };
            return Err(error.into());
        }
        self.line.clear();
        for (n, (column, value)) in self.columns.iter().zip(values).enumerate() {
            if n > 0 {
                self.line.push(',');
            }
            write_cell(column, value, &mut self.line);
        }
        self.line.push('\n');
        self.out.write_all(self.line.as_bytes())?;
        self.n_rows += 1;
        Ok(())
    }

    /// Ends the table, and gives `out` back.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn finish(mut self) -> Result<W, EcsvError> {
        self.out.flush()?;
        Ok(self.out)
    }

    /// What is written to, to take what was written so far.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }

    fn begin(mut out: W, fields: &[Field], columns: Vec<Column>) -> Result<Self, EcsvError> {
        let names: Vec<String> = fields.iter().map(|field| quoted(&field.name)).collect();
        writeln!(out, "{}", names.join(","))?;
        Ok(Self {
            out,
            columns,
            line: String::new(),
            n_rows: 0,
        })
    }
}

fn columns(fields: &[Field]) -> Result<Vec<Column>, VotableError> {
    fields.iter().map(Field::column).collect()
}

/// What the header says of a column.
fn description((field, column): (&Field, &Column)) -> Yaml {
    let mut said = Mapping::new();
    let mut say = |key: &str, value: Option<&str>| {
        if let Some(value) = value {
            said.insert(key.into(), value.into());
        }
    };
    let datatype = ecsv_datatype(column.datatype);
    let is_array =
        column.shape.is_array && !column.datatype.is_text() || column.shape.string_length.is_some();
    say("name", Some(&field.name));
    say("unit", field.unit.as_deref());
    say("datatype", Some(if is_array { "string" } else { datatype }));
    if is_array {
        say("subtype", Some(&format!("{datatype}[null]")));
    }
    say("description", field.description.as_deref());
    let mut meta = Mapping::new();
    for (key, value) in [("ucd", &field.ucd), ("utype", &field.utype)] {
        if let Some(value) = value {
            meta.insert(key.into(), value.as_str().into());
        }
    }
    if !meta.is_empty() {
        said.insert("meta".into(), Yaml::Mapping(meta));
    }
    Yaml::Mapping(said)
}

fn ecsv_datatype(datatype: Datatype) -> &'static str {
    match datatype {
        Datatype::Boolean => "bool",
        Datatype::Bit | Datatype::UnsignedByte => "uint8",
        Datatype::Short => "int16",
        Datatype::Int => "int32",
        Datatype::Long => "int64",
        Datatype::Float => "float32",
        Datatype::Double => "float64",
        Datatype::Char
        | Datatype::UnicodeChar
        | Datatype::FloatComplex
        | Datatype::DoubleComplex => "string",
    }
}

fn write_cell(column: &Column, value: &Value, line: &mut String) {
    match value {
        Value::Null => {}
        Value::Text(text) => line.push_str(&quoted(text)),
        Value::List(_) => {
            let mut json = String::new();
            write_json(column, value, &mut json);
            line.push_str(&quoted(&json));
        }
        Value::Bool(true) => line.push_str("True"),
        Value::Bool(false) => line.push_str("False"),
        other => write_number(column, other, line),
    }
}

/// Whole numbers, numbers with the digits that their precision has, complex ones as Python writes them.
fn write_number(column: &Column, value: &Value, line: &mut String) {
    let is_single = matches!(column.datatype, Datatype::Float | Datatype::FloatComplex);
    let digits = |number: f64| match () {
        () if number.is_nan() => "nan".to_owned(),
        () if is_single => format!("{:?}", number as f32),
        () => format!("{number:?}"),
    };
    match value {
        Value::Int(whole) => write!(line, "{whole}").unwrap_or_default(),
        Value::Float(number) => line.push_str(&digits(*number)),
        Value::Complex(real, imaginary) => {
            let sign = if imaginary.is_sign_negative() {
                ""
            } else {
                "+"
            };
            let (real, imaginary) = (digits(*real), digits(*imaginary));
            write!(line, "({real}{sign}{imaginary}j)").unwrap_or_default();
        }
        _ => {}
    }
}

/// An item of an array, or an array, as JSON; numbers that JSON does not have are written as Python reads them.
fn write_json(column: &Column, value: &Value, json: &mut String) {
    match value {
        Value::Null => json.push_str("null"),
        Value::Bool(value) => write!(json, "{value}").unwrap_or_default(),
        Value::Float(number) if number.is_nan() => json.push_str("NaN"),
        Value::Float(f64::INFINITY) => json.push_str("Infinity"),
        Value::Float(f64::NEG_INFINITY) => json.push_str("-Infinity"),
        Value::Int(_) | Value::Float(_) => write_number(column, value, json),
        Value::Complex(..) => {
            json.push('"');
            write_number(column, value, json);
            json.push('"');
        }
        Value::Text(text) => write_json_text(text, json),
        Value::List(items) => {
            json.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    json.push(',');
                }
                write_json(column, item, json);
            }
            json.push(']');
        }
    }
}

fn write_json_text(text: &str, json: &mut String) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            c if c.is_control() => write!(json, "\\u{:04x}", u32::from(c)).unwrap_or_default(),
            c => json.push(c),
        }
    }
    json.push('"');
}

/// A text as a cell: in quotes where it would be taken for something else.
fn quoted(text: &str) -> String {
    let is_plain = !text.is_empty()
        && text != "null"
        && text.trim() == text
        && !text.starts_with('#')
        && !text.contains(['"', ',', '\n', '\r']);
    match is_plain {
        true => text.to_owned(),
        false => format!("\"{}\"", text.replace('"', "\"\"")),
    }
}
