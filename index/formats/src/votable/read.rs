//! Reading: tables of a VOTable row by row, whatever their serialisation, in memory that does not grow with the file.
//!
//! The version is not asked: any prefix and any namespace that was ever in use is read alike. What a service says of its
//! answer may stand before the table, behind it, or outside of its resource; [`Reader::status`] is whole only at the end.
//!
//! # Source
//! IVOA VOTable 1.1 to 1.5, DALI 1.1 section 4.4 for QUERY_STATUS.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::binary;
use super::head::{Field, Info, QueryStatus, Resource, System, Table, read_field, unreachable_end};
use super::place::Place;
use super::stream::Stream;
use super::value::{Column, Value};
use super::{Limits, VotableError};
use crate::xml::{Element, Node, Xml};

/// A VOTable that is read from its beginning to its end.
pub struct Reader<'r> {
    xml: Xml<'r>,
    limits: Limits,
    version: Option<String>,
    infos: Vec<Info>,
    resources: Vec<Resource>,
    systems: Vec<System>,
    /// The columns of the tables that have an id.
    known: Vec<(String, Vec<Field>)>,
    /// What heads may still take.
    head_bytes_left: u64,
    /// Which of `resources` are open, outermost first.
    open: Vec<usize>,
    rows: Rows,
    columns: Vec<Column>,
    stream: Option<Stream>,
    n_rows: u64,
}

/// How the rows of the table under way come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    /// There is no table under way.
    None,
    /// Cells as elements.
    TableData,
    /// A stream of bytes; with flags for nulls in BINARY2.
    Binary { has_flags: bool },
}

impl<'r> Reader<'r> {
    /// Opens a document, in gzip or not, and reads up to its root.
    ///
    /// # Errors
    /// [`VotableError::NotVotable`] when its root is something else, [`VotableError::Xml`] when it is no XML.
    pub fn new(reader: impl Read + 'r, limits: Limits) -> Result<Self, VotableError> {
        let mut xml = Xml::new(reader, limits.xml)?;
        let root = loop {
            match xml.next()? {
                Node::Start(element) => break element,
                Node::Text(text) if text.trim().is_empty() => {}
                Node::Text(_) | Node::End(_) | Node::EndOfDocument => {
                    return Err(VotableError::NotVotable("no element".to_owned()));
                }
            }
        };
        if root.name != "VOTABLE" {
            return Err(VotableError::NotVotable(format!("`{}`", root.name)));
        }
        Ok(Self {
            xml,
            limits,
            version: root.owned("version"),
            infos: Vec::new(),
            resources: Vec::new(),
            systems: Vec::new(),
            known: Vec::new(),
            head_bytes_left: limits.head_bytes,
            open: Vec::new(),
            rows: Rows::None,
            columns: Vec::new(),
            stream: None,
            n_rows: 0,
        })
    }

    /// The version that the document says it is of.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// What was said so far, in the order of the document.
    #[must_use]
    pub fn infos(&self) -> &[Info] {
        &self.infos
    }

    /// The resources that began so far, with their parameters; service descriptors are among them.
    #[must_use]
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// The systems of coordinates and time that were defined so far.
    #[must_use]
    pub fn systems(&self) -> &[System] {
        &self.systems
    }

    /// What the service said of its answer so far; whole only when [`Reader::next_table`] gave `None`.
    #[must_use]
    pub fn status(&self) -> QueryStatus {
        QueryStatus::of(&self.infos)
    }

    /// How many rows of the present table were read.
    #[must_use]
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// The next table, its rows still to come; rows of the one before that were not read are passed over.
    ///
    /// # Errors
    /// [`VotableError`] by what is wrong; the document cannot be read further then.
    pub fn next_table(&mut self) -> Result<Option<Table>, VotableError> {
        self.pass_over_rows()?;
        loop {
            match self.xml.next()? {
                Node::Start(element) => match element.name.as_str() {
                    "RESOURCE" => self.begin_resource(&element)?,
                    "TABLE" => return self.begin_table(&element).map(Some),
                    "INFO" => self.info(&element)?,
                    "PARAM" => self.param(&element)?,
                    "COOSYS" | "TIMESYS" => self.system(&element)?,
                    "DESCRIPTION" => self.description()?,
                    "GROUP" | "DEFINITIONS" => {}
                    _ => self.xml.skip()?,
                },
                Node::End(name) if name == "RESOURCE" => drop(self.open.pop()),
                Node::End(_) | Node::Text(_) => {}
                Node::EndOfDocument => {
                    return if self.resources.is_empty() && self.infos.is_empty() {
                        Err(VotableError::NoResource)
                    } else {
                        Ok(None)
                    };
                }
            }
        }
    }

    /// Reads the next row into `row`; `false` when the table has no more.
    ///
    /// # Errors
    /// [`VotableError`] by what is wrong, with the row and the field.
    pub fn next_row(&mut self, row: &mut Vec<Value>) -> Result<bool, VotableError> {
        let there = match self.rows {
            Rows::None => Ok(false),
            Rows::TableData => self.row_of_cells(row),
            Rows::Binary { has_flags } => self.row_of_bytes(row, has_flags),
        }?;
        if there {
            self.n_rows += 1;
        } else {
            self.rows = Rows::None;
        }
        Ok(there)
    }

    fn begin_resource(&mut self, element: &Element) -> Result<(), VotableError> {
        self.spend(element.n_bytes() + size_of::<Resource>())?;
        self.open.push(self.resources.len());
        self.resources.push(Resource::new(element));
        Ok(())
    }

    fn info(&mut self, element: &Element) -> Result<(), VotableError> {
        let info = Info::new(element, self.xml.text()?);
        self.spend(info.n_bytes() + size_of::<Info>())?;
        self.infos.push(info);
        Ok(())
    }

    fn system(&mut self, element: &Element) -> Result<(), VotableError> {
        self.spend(element.n_bytes() + size_of::<System>())?;
        self.systems.push(System::new(element));
        Ok(self.xml.skip()?)
    }

    /// The description of the resource that is open, if it is one of a resource.
    fn description(&mut self) -> Result<(), VotableError> {
        let is_of_resource = self.xml.parent() == Some("RESOURCE");
        let text = self.xml.text()?;
        self.spend(text.len())?;
        let resource = self.open.last().and_then(|at| self.resources.get_mut(*at));
        if let Some(resource) = resource.filter(|_| is_of_resource) {
            resource.description = Some(text);
        }
        Ok(())
    }

    /// Takes from what the heads of a document may hold.
    fn spend(&mut self, n_bytes: usize) -> Result<(), VotableError> {
        let left = self.head_bytes_left.checked_sub(n_bytes as u64);
        self.head_bytes_left = left.ok_or(VotableError::HeadTooLong {
            max_bytes: self.limits.head_bytes,
        })?;
        Ok(())
    }

    fn param(&mut self, element: &Element) -> Result<(), VotableError> {
        let group = self.xml.open().iter().any(|name| name == "GROUP");
        let field = read_field(&mut self.xml, element)?;
        self.spend(field.n_bytes())?;
        if let Some(resource) = self.open.last().and_then(|at| self.resources.get_mut(*at)) {
            resource.params.push((group, field));
        }
        Ok(())
    }

    fn begin_table(&mut self, element: &Element) -> Result<Table, VotableError> {
        let resource = self.open.last().and_then(|at| self.resources.get(*at));
        let mut table = Table::new(element, resource);
        self.n_rows = 0;
        self.columns.clear();
        loop {
            match self.xml.next()? {
                Node::Start(child) => match child.name.as_str() {
                    "FIELD" | "PARAM" => {
                        let field = read_field(&mut self.xml, &child)?;
                        self.spend(field.n_bytes())?;
                        let list = match child.name.as_str() {
                            "FIELD" => &mut table.fields,
                            _ => &mut table.params,
                        };
                        if list.len() >= self.limits.max_fields {
                            let max = self.limits.max_fields;
                            return Err(VotableError::TooManyFields { max });
                        }
                        list.push(field);
                    }
                    "DESCRIPTION" if self.xml.parent() == Some("TABLE") => {
                        table.description = Some(self.xml.text()?);
                    }
                    "INFO" => self.info(&child)?,
                    "DATA" | "GROUP" => {}
                    "TABLEDATA" | "BINARY" | "BINARY2" | "FITS" | "PARQUET" => {
                        self.begin_rows(&child, &mut table)?;
                        return Ok(table);
                    }
                    _ => self.xml.skip()?,
                },
                Node::End(name) if name == "TABLE" => {
                    self.complete(&mut table);
                    return Ok(table);
                }
                Node::End(_) | Node::Text(_) => {}
                Node::EndOfDocument => unreachable_end(&mut self.xml)?,
            }
        }
    }

    /// Gives a table the columns of the one that it refers to, if it has none, and keeps its own for others.
    fn complete(&mut self, table: &mut Table) {
        if let Some(reference) = table.reference.as_ref().filter(|_| table.fields.is_empty())
            && let Some((_, fields)) = self.known.iter().find(|(id, _)| id == reference)
        {
            table.fields.clone_from(fields);
        }
        if let Some(id) = table.id.clone().filter(|_| table.reference.is_none()) {
            self.known.push((id, table.fields.clone()));
        }
    }

    /// Begins the rows of a table.
    fn begin_rows(&mut self, element: &Element, table: &mut Table) -> Result<(), VotableError> {
        self.complete(table);
        table.serialisation = Some(element.name.clone());
        self.columns = table
            .fields
            .iter()
            .map(Field::column)
            .collect::<Result<_, _>>()?;
        self.rows = match element.name.as_str() {
            "TABLEDATA" => Rows::TableData,
            "BINARY" | "BINARY2" => {
                let has_flags = element.name == "BINARY2";
                let stream = self.begin_stream(&element.name)?;
                if stream.attribute("href").is_some() {
                    return Err(VotableError::Elsewhere(element.name.clone()));
                }
                let encoding = stream.attribute("encoding").unwrap_or("base64");
                let is_gzip = match encoding.split_whitespace().collect::<Vec<_>>()[..] {
                    ["base64"] => false,
                    ["gzip"] | ["base64", "gzip"] | ["gzip", "base64"] => true,
                    _ => return Err(VotableError::Encoding(encoding.to_owned())),
                };
                self.stream = Some(Stream::new(is_gzip));
                Rows::Binary { has_flags }
            }
            other => return Err(VotableError::Serialisation(other.to_owned())),
        };
        Ok(())
    }

    fn begin_stream(&mut self, within: &str) -> Result<Element, VotableError> {
        loop {
            match self.xml.next()? {
                Node::Start(element) if element.name == "STREAM" => return Ok(element),
                Node::Text(text) if text.trim().is_empty() => {}
                _ => return Err(VotableError::NoStream(within.to_owned())),
            }
        }
    }

    fn row_of_cells(&mut self, row: &mut Vec<Value>) -> Result<bool, VotableError> {
        row.clear();
        loop {
            match self.xml.next()? {
                Node::Start(element) if element.name == "TR" => break,
                Node::Start(_) => self.xml.skip()?,
                Node::End(name) if name == "TABLEDATA" => return Ok(false),
                Node::End(_) | Node::Text(_) => {}
                Node::EndOfDocument => unreachable_end(&mut self.xml)?,
            }
        }
        let (columns, n) = (&self.columns, self.n_rows);
        let (mut fault, mut n_cells) = (None, 0);
        let mut place = Place::new(n, &self.limits);
        self.xml.cells(|text, is_base64| {
            if let Some(column) = columns.get(n_cells)
                && fault.is_none()
            {
                let value = match is_base64 {
                    true => encoded_cell(column, text, &mut place),
                    false => column.parse(text, &mut place),
                };
                match value {
                    Ok(value) => row.push(value),
                    Err(error) => fault = Some(error),
                }
            }
            n_cells += 1;
        })?;
        match fault {
            Some(error) => Err(error),
            None if n_cells != columns.len() => Err(VotableError::RowLength {
                row: n,
                expected: columns.len(),
                found: n_cells,
            }),
            None => Ok(true),
        }
    }

    fn row_of_bytes(
        &mut self,
        row: &mut Vec<Value>,
        has_flags: bool,
    ) -> Result<bool, VotableError> {
        let mut place = Place::new(self.n_rows, &self.limits);
        let Some(stream) = &mut self.stream else {
            return Ok(false);
        };
        let mut stream = stream.of(&mut self.xml);
        binary::row(&mut stream, &self.columns, has_flags, &mut place, row)
    }

    fn pass_over_rows(&mut self) -> Result<(), VotableError> {
        let mut row = Vec::new();
        while self.rows != Rows::None && self.next_row(&mut row)? {}
        Ok(())
    }
}

/// A cell of TABLEDATA that is written in base64, as VOTable 1.1 section 4.7 allows.
fn encoded_cell(column: &Column, text: &str, place: &mut Place) -> Result<Value, VotableError> {
    let wrong = || VotableError::Cell {
        row: place.row,
        field: column.name.clone(),
        found: text.chars().take(60).collect(),
    };
    let text: String = text.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(&text).map_err(|_| wrong())?;
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let mut spent = *place;
    spent.spend(&column.name, bytes.len() as u64, 0)?;
    let value = binary::lone_cell(column, &bytes, &mut spent).ok_or_else(wrong)?;
    *place = spent;
    Ok(value)
}
