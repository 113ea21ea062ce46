//! Tables as text: ECSV, and CSV whose first line names its columns.
//!
//! Rows are those of VOTables: [`Value`]s of [`Field`]s. Columns of plain CSV are text, as are arrays in either. An empty
//! cell and an unquoted `null` are nothing.
//!
//! # Source
//! ECSV 1.0 (astropy APE 6), RFC 4180 for quotes.

mod write;

use std::io::{self, BufRead, BufReader, Read};

use yaml_serde::Value as Yaml;

use crate::votable::{Column, Field, Limits, Place, Value, VotableError};

pub use write::Writer;

/// Bytes of an ECSV header.
const MAX_HEADER_BYTES: usize = 4 << 20;

/// Why a table of text could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EcsvError {
    /// The header is no YAML.
    #[error("the header is not YAML: {0}")]
    Header(String),
    /// The header lacks something, or the line of names differs from it.
    #[error("the header {0}")]
    Said(String),
    /// A row is longer than is allowed, or its quotes do not end.
    #[error("row {row}: {why}")]
    Row {
        /// The row, counted from 0.
        row: u64,
        /// What is wrong.
        why: String,
    },
    /// A cell or the number of cells is the fault.
    #[error(transparent)]
    Cell(#[from] VotableError),
    /// The bytes beneath could not be read.
    #[error("reading a table of text")]
    Io(#[from] io::Error),
}

/// A table that is read from its beginning to its end.
pub struct Reader<R> {
    reader: BufReader<R>,
    limits: Limits,
    delimiter: u8,
    fields: Vec<Field>,
    columns: Vec<Column>,
    n_rows: u64,
}

impl<R: Read> Reader<R> {
    /// Opens a table and reads its header and its names.
    ///
    /// # Errors
    /// [`EcsvError`] by what is wrong with them.
    pub fn new(reader: R, limits: Limits) -> Result<Self, EcsvError> {
        let mut table = Self {
            reader: BufReader::new(reader),
            limits,
            delimiter: b',',
            fields: Vec::new(),
            columns: Vec::new(),
            n_rows: 0,
        };
        let header = table.header()?;
        if let Some(header) = &header {
            table.describe(header)?;
        }
        let names = table.record()?.unwrap_or_default();
        let names: Vec<String> = names.into_iter().map(|(name, _)| name).collect();
        if names.len() > limits.max_fields {
            let max = limits.max_fields;
            return Err(VotableError::TooManyFields { max }.into());
        }
        if header.is_none() {
            table.fields = names.iter().map(|name| field(name, "char")).collect();
        }
        if table.fields.is_empty() {
            return Err(EcsvError::Said("names no columns".to_owned()));
        }
        let described = table.fields.iter().map(|field| &field.name);
        if !described.eq(&names) {
            let why = "describes other columns than the line below it names";
            return Err(EcsvError::Said(why.to_owned()));
        }
        let columns = table.fields.iter().map(Field::column);
        table.columns = columns.collect::<Result<_, _>>()?;
        Ok(table)
    }

    /// The columns.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Reads the next row into `row`; `false` when there is none.
    ///
    /// # Errors
    /// [`EcsvError`] by what is wrong, with the row and the column.
    pub fn next_row(&mut self, row: &mut Vec<Value>) -> Result<bool, EcsvError> {
        row.clear();
        let Some(cells) = self.record()? else {
            return Ok(false);
        };
        let (found, expected) = (cells.len(), self.columns.len());
        if found != expected {
            let row = self.n_rows;
            return Err(VotableError::RowLength {
                row,
                expected,
                found,
            }
            .into());
        }
        let mut place = Place::new(self.n_rows, &self.limits);
        for (column, (text, is_quoted)) in self.columns.iter().zip(&cells) {
            let is_null = text.is_empty() || (text == "null" && !is_quoted);
            row.push(match is_null {
                true => Value::Null,
                false => column.parse(text, &mut place)?,
            });
        }
        self.n_rows += 1;
        Ok(true)
    }

    /// The lines that begin with `#`, as YAML; nothing where there are none.
    fn header(&mut self) -> Result<Option<Yaml>, EcsvError> {
        let mut text = Vec::new();
        while self.reader.fill_buf()?.first() == Some(&b'#') {
            let mut line = Vec::new();
            let most = MAX_HEADER_BYTES as u64;
            (&mut self.reader).take(most).read_until(b'\n', &mut line)?;
            let line = line.strip_prefix(b"# ").unwrap_or(&line[1..]);
            if text.len() + line.len() >= MAX_HEADER_BYTES {
                let why = format!("is longer than {MAX_HEADER_BYTES} bytes");
                return Err(EcsvError::Said(why));
            }
            if !line.starts_with(b"%ECSV") {
                text.extend_from_slice(line);
            }
        }
        if text.is_empty() {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&text);
        let wrong = |error: yaml_serde::Error| EcsvError::Header(error.to_string());
        yaml_serde::from_str(&text).map(Some).map_err(wrong)
    }

    /// Takes delimiter and columns from the header.
    fn describe(&mut self, header: &Yaml) -> Result<(), EcsvError> {
        self.delimiter = match header.get("delimiter").and_then(Yaml::as_str) {
            None | Some(" ") => b' ',
            Some(",") => b',',
            Some(other) => {
                let why = format!("has the delimiter `{other}`; blank and comma are allowed");
                return Err(EcsvError::Said(why));
            }
        };
        let columns = header.get("datatype").and_then(Yaml::as_sequence);
        let columns = columns.ok_or_else(|| EcsvError::Said("has no `datatype`".to_owned()))?;
        self.fields = columns.iter().map(described).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// The cells of the next line that is not empty, and whether each was quoted; line ends may stand within quotes.
    fn record(&mut self) -> Result<Option<Vec<(String, bool)>>, EcsvError> {
        let max = self.limits.row_bytes;
        let mut line = Vec::new();
        loop {
            let left = max.saturating_sub(line.len() as u64) + 1;
            let n = (&mut self.reader).take(left).read_until(b'\n', &mut line)?;
            let is_open = line.iter().filter(|byte| **byte == b'"').count() % 2 == 1;
            let fault = |why: String| EcsvError::Row {
                row: self.n_rows,
                why,
            };
            if line.len() as u64 > max {
                return Err(fault(format!("longer than {max} bytes")));
            }
            match n {
                0 if is_open => return Err(fault("a quote does not end".to_owned())),
                0 if line.is_empty() => return Ok(None),
                _ if is_open => continue,
                _ => {}
            }
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end_matches(['\n', '\r']);
            if !text.is_empty() {
                return Ok(Some(cells(text, char::from(self.delimiter))));
            }
            line.clear();
        }
    }
}

/// Splits a line; of blanks several are one delimiter.
fn cells(line: &str, delimiter: char) -> Vec<(String, bool)> {
    let line = if delimiter == ' ' {
        line.trim_matches(' ')
    } else {
        line
    };
    let mut all = Vec::new();
    let (mut cell, mut is_quoted, mut is_open) = (String::new(), false, false);
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if is_open && rest.peek() == Some(&'"') => {
                rest.next();
                cell.push('"');
            }
            '"' => {
                is_open = !is_open;
                is_quoted = true;
            }
            c if c == delimiter && !is_open => {
                while c == ' ' && rest.next_if_eq(&' ').is_some() {}
                all.push((std::mem::take(&mut cell), is_quoted));
                is_quoted = false;
            }
            c => cell.push(c),
        }
    }
    all.push((cell, is_quoted));
    all
}

/// A column as the header describes it.
fn described(column: &Yaml) -> Result<Field, EcsvError> {
    let said = |of: &Yaml, key: &str| of.get(key).and_then(Yaml::as_str).map(ToOwned::to_owned);
    let name = said(column, "name");
    let name = name.ok_or_else(|| EcsvError::Said("has a column without a name".to_owned()))?;
    let datatype = match said(column, "datatype").as_deref() {
        Some("bool") => "boolean",
        Some("uint8") => "unsignedByte",
        Some("int8" | "int16") => "short",
        Some("int32" | "uint16") => "int",
        Some("int64" | "uint32") => "long",
        Some("float16" | "float32") => "float",
        Some("float64") => "double",
        // What no type of VOTable holds stays text.
        Some("string" | "uint64" | "float128" | "complex64" | "complex128" | "complex256") => {
            "char"
        }
        other => {
            let other = other.unwrap_or_default();
            let why = format!("gives `{name}` the unknown datatype `{other}`");
            return Err(EcsvError::Said(why));
        }
    };
    let meta = column.get("meta").cloned().unwrap_or(Yaml::Null);
    Ok(Field {
        unit: said(column, "unit"),
        description: said(column, "description"),
        ucd: said(&meta, "ucd"),
        utype: said(&meta, "utype"),
        ..field(&name, datatype)
    })
}

fn field(name: &str, datatype: &str) -> Field {
    Field {
        name: name.to_owned(),
        datatype: datatype.to_owned(),
        arraysize: (datatype == "char").then(|| "*".to_owned()),
        ..Field::default()
    }
}
