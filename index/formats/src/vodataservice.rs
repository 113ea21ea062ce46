//! Table sets: which tables and columns a service has, what its `/tables` answers.
//!
//! # Source
//! IVOA VODataService 1.1 section 3.3, VOSI 1.1 section 2.4; the attributes of ESA's TAP+ servers as they come.

use std::io::Read;

use crate::document::{DocumentError, children, open, push, said};
use crate::xml::{Element, Xml, XmlLimits};

/// Tables of a service.
const MAX_TABLES: usize = 200_000;
/// Columns of all its tables.
const MAX_COLUMNS: usize = 2_000_000;
/// Words of one column.
const MAX_FLAGS: usize = 100;

/// Tables that belong together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schema {
    /// Its name; empty where a service names a single table only.
    pub name: String,
    /// Its name for people.
    pub title: Option<String>,
    /// A sentence on it.
    pub description: Option<String>,
    /// Its role in a data model.
    pub utype: Option<String>,
    /// Whether anybody may see it, where the service says so.
    pub public: Option<bool>,
    /// Its tables in the order of the document.
    pub tables: Vec<Table>,
}

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Its name as queries use it, often with its schema before a dot.
    pub name: String,
    /// `base_table`, `view`, `output`.
    pub kind: Option<String>,
    /// Its name for people.
    pub title: Option<String>,
    /// Sentences on it.
    pub description: Option<String>,
    /// Its role in a data model.
    pub utype: Option<String>,
    /// About how many rows it has.
    pub n_rows: Option<u64>,
    /// About how many bytes it has.
    pub n_bytes: Option<u64>,
    /// Flags of ESA's servers.
    pub flags: Option<u64>,
    /// Where it stands among the tables, such as `Other/External catalogues`.
    pub hierarchy: Option<String>,
    /// Its columns in the order of the document.
    pub columns: Vec<Column>,
}

/// A column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Sentences on it.
    pub description: Option<String>,
    /// Its unit.
    pub unit: Option<String>,
    /// Its content descriptor.
    pub ucd: Option<String>,
    /// Its role in a data model.
    pub utype: Option<String>,
    /// Its type as it is written.
    pub datatype: Option<Datatype>,
    /// Words such as `indexed`, `primary`, `nullable`.
    pub flags: Vec<String>,
    /// Whether a standard defines it, where the service says so.
    pub std: Option<bool>,
    /// Flags of ESA's servers.
    pub esa_flags: Option<u64>,
}

/// The type of a column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Datatype {
    /// `VOTableType`, `TAPType`, …
    pub system: Option<String>,
    /// `long`, `VARCHAR`, …
    pub name: String,
    /// The shape of an array, as VOTable writes it.
    pub arraysize: Option<String>,
    /// The length of a `TAPType`.
    pub size: Option<String>,
    /// A further type, such as `timestamp`.
    pub xtype: Option<String>,
}

/// Reads a table set, or the description of a single table.
///
/// # Errors
/// [`DocumentError`] when it is no such document, is cut, or is larger than a service is.
pub fn read_tables(reader: impl Read, limits: XmlLimits) -> Result<Vec<Schema>, DocumentError> {
    let names = ["tableset", "table"];
    let (mut xml, root) = open(reader, limits, &names, "a table set or a table")?;
    let mut room = Room {
        tables: MAX_TABLES,
        columns: MAX_COLUMNS,
    };
    if root.name == "table" {
        let tables = vec![table(&mut xml, &root, &mut room)?];
        return Ok(vec![Schema {
            tables,
            ..Schema::default()
        }]);
    }
    let mut schemas = Vec::new();
    children(&mut xml, |xml, child| match child.name.as_str() {
        "schema" => {
            let schema = schema(xml, child, &mut room)?;
            push(&mut schemas, schema, "schemas", MAX_TABLES)
        }
        _ => Ok(xml.skip()?),
    })?;
    Ok(schemas)
}

/// What may still come.
struct Room {
    tables: usize,
    columns: usize,
}

impl Room {
    fn take(left: &mut usize, what: &'static str, max: usize) -> Result<(), DocumentError> {
        *left = left
            .checked_sub(1)
            .ok_or(DocumentError::TooMany { what, max })?;
        Ok(())
    }
}

fn schema(xml: &mut Xml<'_>, element: &Element, room: &mut Room) -> Result<Schema, DocumentError> {
    let mut schema = Schema {
        public: yes_or_no(element, "public"),
        ..Schema::default()
    };
    children(xml, |xml, child| {
        match child.name.as_str() {
            "name" => schema.name = xml.text()?,
            "title" => schema.title = said(xml)?,
            "description" => schema.description = said(xml)?,
            "utype" => schema.utype = said(xml)?,
            "table" => schema.tables.push(table(xml, child, room)?),
            _ => xml.skip()?,
        }
        Ok(())
    })?;
    Ok(schema)
}

fn table(xml: &mut Xml<'_>, element: &Element, room: &mut Room) -> Result<Table, DocumentError> {
    Room::take(&mut room.tables, "tables", MAX_TABLES)?;
    let mut table = Table {
        kind: element.owned("type"),
        n_rows: number(element, "size"),
        n_bytes: number(element, "size_bytes"),
        flags: number(element, "flags"),
        hierarchy: element.owned("hierarchy").filter(|text| !text.is_empty()),
        ..Table::default()
    };
    children(xml, |xml, child| {
        match child.name.as_str() {
            "name" => table.name = xml.text()?,
            "title" => table.title = said(xml)?,
            "description" => table.description = said(xml)?,
            "utype" => table.utype = said(xml)?,
            "nrows" => table.n_rows = xml.text()?.parse().ok().or(table.n_rows),
            "column" => {
                Room::take(&mut room.columns, "columns", MAX_COLUMNS)?;
                table.columns.push(column(xml, child)?);
            }
            _ => xml.skip()?,
        }
        Ok(())
    })?;
    Ok(table)
}

fn column(xml: &mut Xml<'_>, element: &Element) -> Result<Column, DocumentError> {
    let mut column = Column {
        std: yes_or_no(element, "std"),
        esa_flags: number(element, "flags"),
        ..Column::default()
    };
    children(xml, |xml, child| {
        match child.name.as_str() {
            "name" => column.name = xml.text()?,
            "description" => column.description = said(xml)?,
            "unit" => column.unit = said(xml)?,
            "ucd" => column.ucd = said(xml)?,
            "utype" => column.utype = said(xml)?,
            "dataType" => column.datatype = Some(datatype(xml, child)?),
            "flag" => push(
                &mut column.flags,
                xml.text()?,
                "flags of a column",
                MAX_FLAGS,
            )?,
            _ => xml.skip()?,
        }
        Ok(())
    })?;
    Ok(column)
}

fn datatype(xml: &mut Xml<'_>, element: &Element) -> Result<Datatype, DocumentError> {
    let system = element.attribute("type");
    let system = system.map(|name| name.rsplit(':').next().unwrap_or(name).to_owned());
    Ok(Datatype {
        system,
        arraysize: element.owned("arraysize"),
        size: element.owned("size"),
        xtype: element.owned("extendedType"),
        name: xml.text()?,
    })
}

fn number(element: &Element, name: &str) -> Option<u64> {
    element.attribute(name)?.trim().parse().ok()
}

fn yes_or_no(element: &Element, name: &str) -> Option<bool> {
    match element.attribute(name)?.trim() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}
