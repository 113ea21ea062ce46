//! A whole VOTable, element by element and row by row.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::value::{Column, Value};
use super::super::{Field, Info, Resource, Table, VotableError};
use super::cells::{Cell, write_bytes, write_text};
use super::tags::Tags;

const NAMESPACE: &str = "http://www.ivoa.net/xml/VOTable/v1.3";

/// Bytes that make a line of 64 characters of base64.
const LINE_BYTES: usize = 48;

/// How the rows of a table are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serialisation {
    /// Cells as texts.
    TableData,
    /// Cells as bytes, with a flag for each null; the stream is in base64.
    Binary2,
}

/// A VOTable that is written from its beginning to its end.
pub struct Document<W: Write> {
    tags: Tags<W>,
    /// The elements that are open, outermost first.
    open: Vec<&'static str>,
    serialisation: Serialisation,
    columns: Vec<Column>,
    n_rows: u64,
    /// The text of the cell under way.
    text: String,
    /// The bytes of rows that make no whole line yet.
    bytes: Vec<u8>,
}

impl<W: Write> Document<W> {
    /// Writes the beginning.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn new(out: W) -> Result<Self, VotableError> {
        let mut tags = Tags::new(out)?;
        let attributes = [("version", Some("1.4")), ("xmlns", Some(NAMESPACE))];
        tags.start("VOTABLE", &attributes)?;
        Ok(Self {
            tags,
            open: vec!["VOTABLE"],
            serialisation: Serialisation::TableData,
            columns: Vec::new(),
            n_rows: 0,
            text: String::new(),
            bytes: Vec::new(),
        })
    }

    /// Writes a sentence on the document; it comes first.
    ///
    /// # Errors
    /// When `out` fails; [`VotableError::Order`] within a resource.
    pub fn description(&mut self, description: &str) -> Result<(), VotableError> {
        self.expect("DESCRIPTION", &["VOTABLE"])?;
        Ok(self.tags.leaf("DESCRIPTION", &[], description)?)
    }

    /// Says something of the answer, before the table or behind it.
    ///
    /// # Errors
    /// When `out` fails; [`VotableError::Order`] within a table.
    pub fn info(&mut self, info: &Info) -> Result<(), VotableError> {
        self.expect("INFO", &["VOTABLE", "RESOURCE"])?;
        Ok(self.tags.info(info)?)
    }

    /// Begins a resource: its description and parameters are written, those in a group as `inputParams`.
    ///
    /// # Errors
    /// When `out` fails; [`VotableError::Order`] within a table.
    pub fn begin_resource(&mut self, resource: &Resource) -> Result<(), VotableError> {
        self.expect("RESOURCE", &["VOTABLE", "RESOURCE"])?;
        let attributes = [
            ("type", resource.kind.as_deref()),
            ("utype", resource.utype.as_deref()),
            ("name", resource.name.as_deref()),
            ("ID", resource.id.as_deref()),
        ];
        self.start("RESOURCE", &attributes)?;
        if let Some(description) = &resource.description {
            self.tags.leaf("DESCRIPTION", &[], description)?;
        }
        let (inputs, params): (Vec<_>, Vec<_>) =
            resource.params.iter().partition(|(in_group, _)| *in_group);
        for (_, param) in params {
            self.tags.field("PARAM", param)?;
        }
        if inputs.is_empty() {
            return Ok(());
        }
        self.tags.start("GROUP", &[("name", Some("inputParams"))])?;
        for (_, param) in inputs {
            self.tags.field("PARAM", param)?;
        }
        Ok(self.tags.end("GROUP")?)
    }

    /// Ends the resource that is open.
    ///
    /// # Errors
    /// When `out` fails; [`VotableError::Order`] when there is none.
    pub fn end_resource(&mut self) -> Result<(), VotableError> {
        self.expect("the end of a resource", &["RESOURCE"])?;
        self.end()
    }

    /// Writes a resource that is parameters only, such as the description of a service.
    ///
    /// # Errors
    /// When `out` fails; [`VotableError::Order`] within a table.
    pub fn resource(&mut self, resource: &Resource) -> Result<(), VotableError> {
        self.begin_resource(resource)?;
        self.end_resource()
    }

    /// Begins a table: all that comes before its rows. Its `serialisation` is not asked.
    ///
    /// # Errors
    /// When `out` fails; [`VotableError::Order`] outside of a resource; [`VotableError::Datatype`] and
    /// [`VotableError::Arraysize`] for fields that could not be read back.
    pub fn begin_table(
        &mut self,
        table: &Table,
        serialisation: Serialisation,
    ) -> Result<(), VotableError> {
        self.expect("TABLE", &["RESOURCE"])?;
        self.columns = table
            .fields
            .iter()
            .map(Field::column)
            .collect::<Result<_, _>>()?;
        (self.serialisation, self.n_rows) = (serialisation, 0);
        let attributes = [("name", table.name.as_deref()), ("ID", table.id.as_deref())];
        self.start("TABLE", &attributes)?;
        if let Some(description) = &table.description {
            self.tags.leaf("DESCRIPTION", &[], description)?;
        }
        for param in &table.params {
            self.tags.field("PARAM", param)?;
        }
        for field in &table.fields {
            self.tags.field("FIELD", field)?;
        }
        self.start("DATA", &[])?;
        match serialisation {
            Serialisation::TableData => self.start("TABLEDATA", &[]),
            Serialisation::Binary2 => {
                self.start("BINARY2", &[])?;
                self.start("STREAM", &[("encoding", Some("base64"))])?;
                Ok(self.tags.get_mut().write_all(b"\n")?)
            }
        }
    }

    /// Writes a row.
    ///
    /// Texts of TABLEDATA cannot tell an empty text or list from a null, and not all characters are of XML: those that
    /// are not become U+FFFD.
    ///
    /// # Errors
    /// [`VotableError::RowLength`] when the values are not as many as the fields; [`VotableError::Value`] for one that
    /// its field cannot hold; [`VotableError::Order`] outside of a table; when `out` fails.
    pub fn row(&mut self, values: &[Value]) -> Result<(), VotableError> {
        self.expect("a row", &["TABLEDATA", "STREAM"])?;
        self.check_length(values.len())?;
        match self.serialisation {
            Serialisation::TableData => self.row_of_cells(values),
            Serialisation::Binary2 => self.row_of_bytes(values),
        }?;
        self.n_rows += 1;
        Ok(())
    }

    /// Writes a row whose cells are texts already.
    pub(super) fn row_of_texts(&mut self, cells: &[Option<&str>]) -> Result<(), VotableError> {
        self.expect("a row", &["TABLEDATA"])?;
        self.check_length(cells.len())?;
        self.tags.start("TR", &[])?;
        for cell in cells {
            self.tags.leaf("TD", &[], cell.unwrap_or_default())?;
        }
        self.end_row()?;
        self.n_rows += 1;
        Ok(())
    }

    /// Ends the table that is open.
    ///
    /// # Errors
    /// When `out` fails; [`VotableError::Order`] when there is none.
    pub fn end_table(&mut self) -> Result<(), VotableError> {
        self.expect("the end of a table", &["TABLEDATA", "STREAM"])?;
        while self.open.contains(&"TABLE") {
            self.end()?;
        }
        Ok(())
    }

    /// Ends all that is open, and gives `out` back.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn finish(mut self) -> Result<W, VotableError> {
        while !self.open.is_empty() {
            self.end()?;
        }
        let mut out = self.tags.into_inner();
        out.write_all(b"\n")?;
        out.flush()?;
        Ok(out)
    }

    /// What is written to, to take what was written so far.
    pub fn get_mut(&mut self) -> &mut W {
        self.tags.get_mut()
    }

    fn row_of_cells(&mut self, values: &[Value]) -> Result<(), VotableError> {
        self.tags.start("TR", &[])?;
        for (column, value) in self.columns.iter().zip(values) {
            self.text.clear();
            let cell = Cell::new(column, value, self.n_rows);
            write_text(cell, &mut self.text)?;
            self.tags.leaf("TD", &[], &self.text)?;
        }
        self.end_row()
    }

    fn row_of_bytes(&mut self, values: &[Value]) -> Result<(), VotableError> {
        let flags = self.bytes.len();
        self.bytes.resize(flags + values.len().div_ceil(8), 0);
        for (n, (column, value)) in self.columns.iter().zip(values).enumerate() {
            if value.is_null() {
                self.bytes[flags + n / 8] |= 0x80 >> (n % 8);
            }
            write_bytes(Cell::new(column, value, self.n_rows), &mut self.bytes)?;
        }
        let whole = self.bytes.len() / LINE_BYTES * LINE_BYTES;
        self.write_lines(whole)
    }

    /// Writes the first `n_bytes` of what is left as lines of base64.
    fn write_lines(&mut self, n_bytes: usize) -> Result<(), VotableError> {
        self.text.clear();
        for line in self.bytes[..n_bytes].chunks(LINE_BYTES) {
            STANDARD.encode_string(line, &mut self.text);
            self.text.push('\n');
        }
        self.bytes.drain(..n_bytes);
        Ok(self.tags.get_mut().write_all(self.text.as_bytes())?)
    }

    fn end_row(&mut self) -> Result<(), VotableError> {
        self.tags.end("TR")?;
        Ok(self.tags.get_mut().write_all(b"\n")?)
    }

    fn check_length(&self, found: usize) -> Result<(), VotableError> {
        let (row, expected) = (self.n_rows, self.columns.len());
        match found == expected {
            true => Ok(()),
            false => Err(VotableError::RowLength {
                row,
                expected,
                found,
            }),
        }
    }

    fn expect(&self, what: &'static str, within: &[&str]) -> Result<(), VotableError> {
        let innermost = self.open.last().copied().unwrap_or_default();
        match within.contains(&innermost) {
            true => Ok(()),
            false => Err(VotableError::Order {
                what,
                within: innermost,
            }),
        }
    }

    fn start(
        &mut self,
        name: &'static str,
        attributes: &[(&'static str, Option<&str>)],
    ) -> Result<(), VotableError> {
        self.tags.start(name, attributes)?;
        self.open.push(name);
        Ok(())
    }

    fn end(&mut self) -> Result<(), VotableError> {
        let Some(name) = self.open.pop() else {
            return Ok(());
        };
        if name == "STREAM" {
            self.write_lines(self.bytes.len())?;
        }
        Ok(self.tags.end(name)?)
    }
}
