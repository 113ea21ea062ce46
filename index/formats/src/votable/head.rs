//! Heads: what a VOTable says before and around its rows.

use super::VotableError;
use super::value::{Column, Datatype, Shape};
use crate::xml::{Element, Node, Xml, XmlError};

/// Something a service says of its answer, an `INFO`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Info {
    /// What it is about, such as `QUERY_STATUS`.
    pub name: String,
    /// What it says.
    pub value: String,
    /// More of it.
    pub text: String,
}

impl Info {
    /// What DALI services say of an answer: `OK`, `ERROR` or `OVERFLOW`.
    #[must_use]
    pub fn status(status: &str) -> Self {
        Self {
            name: "QUERY_STATUS".to_owned(),
            value: status.to_owned(),
            text: String::new(),
        }
    }

    pub(crate) fn new(element: &Element, text: String) -> Self {
        Self {
            name: element.owned("name").unwrap_or_default(),
            value: element.owned("value").unwrap_or_default(),
            text,
        }
    }

    /// What is said: its text, or its value where there is none.
    #[must_use]
    pub fn saying(&self) -> &str {
        match self.text.trim() {
            "" => self.value.trim(),
            text => text,
        }
    }

    pub(crate) fn n_bytes(&self) -> usize {
        self.name.len() + self.value.len() + self.text.len()
    }
}

/// A system of coordinates or of time that columns refer to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct System {
    /// `COOSYS` or `TIMESYS`.
    pub kind: String,
    /// What columns refer to it by.
    pub id: String,
    /// All that is said of it: `system`, `epoch`, `timeorigin`, `timescale`, `refposition` …
    pub attributes: Vec<(String, String)>,
}

impl System {
    pub(crate) fn new(element: &Element) -> Self {
        let attributes = element
            .attributes()
            .filter(|(name, _)| *name != "ID")
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            kind: element.name.clone(),
            id: element.owned("ID").unwrap_or_default(),
            attributes: attributes.collect(),
        }
    }

    /// What is said of it under this name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// How a query went, DALI 1.1 section 4.4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryStatus {
    /// Nothing was said.
    Unsaid,
    /// It went well, and all rows are there.
    Ok,
    /// There are more rows than came.
    Overflow,
    /// It failed, with what the service said.
    Error(String),
}

impl QueryStatus {
    /// An error outweighs an overflow, an overflow that all is well, wherever they stand.
    ///
    /// Where there is no QUERY_STATUS at all, an INFO named `Error` is one, as in the first protocols.
    pub(crate) fn of(infos: &[Info]) -> Self {
        let mut status = Self::Unsaid;
        let named =
            |name: &'static str| move |info: &&Info| info.name.trim().eq_ignore_ascii_case(name);
        for info in infos.iter().filter(named("QUERY_STATUS")) {
            match (info.value.trim(), &status) {
                ("ERROR", _) => {
                    let text = match info.text.trim() {
                        "" => "no reason given",
                        text => text,
                    };
                    return Self::Error(text.to_owned());
                }
                ("OVERFLOW", _) => status = Self::Overflow,
                ("OK", Self::Unsaid) => status = Self::Ok,
                _ => {}
            }
        }
        match infos.iter().find(named("Error")) {
            Some(info) if status == Self::Unsaid => Self::Error(info.saying().to_owned()),
            _ => status,
        }
    }
}

/// A resource: what belongs together, or a description of a service.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Resource {
    /// `results`, `meta`, …
    pub kind: Option<String>,
    /// `adhoc:service` of a service that can be asked further.
    pub utype: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// What others refer to it by, such as the column `service_def` of DataLink.
    pub id: Option<String>,
    /// A sentence on it.
    pub description: Option<String>,
    /// Its parameters; whether each stands in a group, such as the `inputParams` of a service.
    pub params: Vec<(bool, Field)>,
}

impl Resource {
    /// The resource of what was asked for.
    #[must_use]
    pub fn results() -> Self {
        Self {
            kind: Some("results".to_owned()),
            ..Self::default()
        }
    }

    /// The description of a service, to which its parameters are still to come.
    #[must_use]
    pub fn service(id: &str) -> Self {
        Self {
            kind: Some("meta".to_owned()),
            utype: Some("adhoc:service".to_owned()),
            id: Some(id.to_owned()),
            ..Self::default()
        }
    }

    pub(crate) fn new(element: &Element) -> Self {
        Self {
            kind: element.owned("type"),
            utype: element.owned("utype"),
            name: element.owned("name"),
            id: element.owned("ID"),
            description: None,
            params: Vec::new(),
        }
    }

    /// Whether it describes a service, DataLink 1.1 section 4.
    #[must_use]
    pub fn is_service(&self) -> bool {
        self.utype.as_deref() == Some("adhoc:service")
    }

    /// The value of a parameter.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        let found = self.params.iter().find(|(_, field)| field.name == name);
        found.and_then(|(_, field)| field.value.as_deref())
    }
}

/// A table, without its rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// Its name.
    pub name: Option<String>,
    /// What others refer to it by.
    pub id: Option<String>,
    /// The table whose columns these are, where it has none of its own.
    pub reference: Option<String>,
    /// A sentence on it.
    pub description: Option<String>,
    /// The kind of the resource it stands in, `results` for what was asked for.
    pub resource: Option<String>,
    /// Its columns.
    pub fields: Vec<Field>,
    /// What is the same for all its rows.
    pub params: Vec<Field>,
    /// `TABLEDATA`, `BINARY`, `BINARY2`; nothing where there is no data.
    pub serialisation: Option<String>,
}

impl Table {
    pub(crate) fn new(element: &Element, resource: Option<&Resource>) -> Self {
        Self {
            name: element.owned("name"),
            id: element.owned("ID"),
            reference: element.owned("ref"),
            resource: resource.and_then(|resource| resource.kind.clone()),
            ..Self::default()
        }
    }

    /// The place of the column with this name, or with this id where none has the name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        let named = |field: &Field| field.name.eq_ignore_ascii_case(name);
        let by_id = |field: &Field| field.id.as_deref() == Some(name);
        let position = |of: &dyn Fn(&Field) -> bool| self.fields.iter().position(of);
        position(&named).or_else(|| position(&by_id))
    }
}

/// A column, or a parameter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What others refer to it by.
    pub id: Option<String>,
    /// What it refers to.
    pub reference: Option<String>,
    /// Its datatype as it is written.
    pub datatype: String,
    /// Its arraysize as it is written.
    pub arraysize: Option<String>,
    /// Its unit.
    pub unit: Option<String>,
    /// Its content descriptor.
    pub ucd: Option<String>,
    /// Its role in a data model.
    pub utype: Option<String>,
    /// A further type, such as `timestamp`.
    pub xtype: Option<String>,
    /// A sentence on it.
    pub description: Option<String>,
    /// The value that stands for nothing.
    pub null: Option<String>,
    /// The value of a parameter.
    pub value: Option<String>,
}

impl Field {
    /// A field with a name and a datatype.
    #[must_use]
    pub fn new(name: &str, datatype: &str) -> Self {
        Self {
            name: name.to_owned(),
            datatype: datatype.to_owned(),
            ..Self::default()
        }
    }

    /// A field of Unicode strings of any length.
    #[must_use]
    pub fn text(name: &str) -> Self {
        Self::new(name, "unicodeChar").arraysize("*")
    }

    /// The same field with arrays of this size.
    #[must_use]
    pub fn arraysize(self, arraysize: &str) -> Self {
        Self {
            arraysize: Some(arraysize.to_owned()),
            ..self
        }
    }

    /// The same field with a unit.
    #[must_use]
    pub fn unit(self, unit: &str) -> Self {
        Self {
            unit: Some(unit.to_owned()),
            ..self
        }
    }

    /// The same field with a content descriptor.
    #[must_use]
    pub fn ucd(self, ucd: &str) -> Self {
        Self {
            ucd: Some(ucd.to_owned()),
            ..self
        }
    }

    /// The same field with a description.
    #[must_use]
    pub fn description(self, description: &str) -> Self {
        Self {
            description: Some(description.to_owned()),
            ..self
        }
    }

    /// The same field, a parameter, with its value.
    #[must_use]
    pub fn value(self, value: &str) -> Self {
        Self {
            value: Some(value.to_owned()),
            ..self
        }
    }

    /// What is needed to read its cells.
    ///
    /// `string` and `unicodeString` are not of the standard; they are written where texts of any length are meant.
    pub(crate) fn column(&self) -> Result<Column, VotableError> {
        let datatype = Datatype::read(&self.datatype).ok_or_else(|| VotableError::Datatype {
            field: self.name.clone(),
            found: self.datatype.clone(),
        })?;
        let arraysize = match self.datatype.trim() {
            "string" | "unicodeString" => Some("*"),
            _ => self.arraysize.as_deref(),
        };
        let shape = Shape::read(datatype, arraysize);
        let shape = shape.ok_or_else(|| VotableError::Arraysize {
            field: self.name.clone(),
            datatype: self.datatype.clone(),
            found: self.arraysize.clone().unwrap_or_default(),
        })?;
        let mut column = Column {
            name: self.name.clone(),
            datatype,
            shape,
            null: None,
        };
        let null = self.null.as_deref().filter(|text| !text.trim().is_empty());
        column.null = null.and_then(|text| column.read_null(text));
        Ok(column)
    }

    pub(crate) fn n_bytes(&self) -> usize {
        let texts = [
            &self.id,
            &self.reference,
            &self.arraysize,
            &self.unit,
            &self.ucd,
            &self.utype,
            &self.xtype,
            &self.description,
            &self.null,
            &self.value,
        ];
        let optional: usize = texts.into_iter().flatten().map(String::len).sum();
        size_of::<Self>() + self.name.len() + self.datatype.len() + optional
    }
}

/// Reads a FIELD or a PARAM that was just begun, up to its end.
pub(crate) fn read_field(xml: &mut Xml<'_>, element: &Element) -> Result<Field, VotableError> {
    let mut field = Field {
        name: element
            .owned("name")
            .or_else(|| element.owned("ID"))
            .unwrap_or_default(),
        id: element.owned("ID"),
        reference: element.owned("ref"),
        datatype: element
            .owned("datatype")
            .unwrap_or_else(|| "char".to_owned()),
        arraysize: element.owned("arraysize"),
        unit: element.owned("unit"),
        ucd: element.owned("ucd"),
        utype: element.owned("utype"),
        xtype: element.owned("xtype"),
        value: element.owned("value"),
        ..Field::default()
    };
    let depth = xml.open().len();
    while xml.open().len() >= depth {
        match xml.next()? {
            Node::Start(child) if child.name == "DESCRIPTION" => {
                field.description = Some(xml.text()?);
            }
            Node::Start(child) if child.name == "VALUES" => field.null = child.owned("null"),
            Node::EndOfDocument => unreachable_end(xml)?,
            _ => {}
        }
    }
    Ok(field)
}

/// The end of the document within an element; the reader beneath tells it as a cut before it comes to this.
pub(crate) fn unreachable_end(xml: &mut Xml<'_>) -> Result<(), VotableError> {
    let element = xml.open().last().cloned().unwrap_or_default();
    Err(VotableError::Xml(XmlError::Cut { element }))
}
