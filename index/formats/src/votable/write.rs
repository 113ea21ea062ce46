//! Writing: one TABLEDATA table of VOTable 1.4, row by row.
//!
//! # Source
//! IVOA VOTable 1.4 (the namespace is that of 1.3), DALI 1.1 section 4.4 for QUERY_STATUS.

use std::borrow::Cow;
use std::io::Write;

use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::VotableError;

const NAMESPACE: &str = "http://www.ivoa.net/xml/VOTable/v1.3";

/// A column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// `char`, `unicodeChar`, `double`, `long`, `int`, `boolean` …
    pub datatype: String,
    /// `*` for strings of any length; nothing for a single value.
    pub arraysize: Option<String>,
    /// In VOUnits.
    pub unit: Option<String>,
    /// Unified content descriptor.
    pub ucd: Option<String>,
    /// A sentence on it.
    pub description: Option<String>,
}

impl Field {
    /// A field with a name and a datatype.
    pub fn new(name: &str, datatype: &str) -> Self {
        Self {
            name: name.to_owned(),
            datatype: datatype.to_owned(),
            ..Self::default()
        }
    }

    /// A field of Unicode strings of any length.
    pub fn text(name: &str) -> Self {
        Self {
            arraysize: Some("*".to_owned()),
            ..Self::new(name, "unicodeChar")
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
}

/// Writes the rows of a table.
pub struct Writer<W: Write> {
    xml: quick_xml::Writer<W>,
    n_fields: usize,
    n_rows: u64,
}

impl<W: Write> Writer<W> {
    /// Writes all that comes before the rows, `QUERY_STATUS` being `OK`.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn new(out: W, fields: &[Field]) -> Result<Self, VotableError> {
        let mut xml = quick_xml::Writer::new(out);
        xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        let root =
            BytesStart::new("VOTABLE").with_attributes([("version", "1.4"), ("xmlns", NAMESPACE)]);
        xml.write_event(Event::Start(root))?;
        let resource = BytesStart::new("RESOURCE").with_attributes([("type", "results")]);
        xml.write_event(Event::Start(resource))?;
        status(&mut xml, "OK")?;
        xml.write_event(Event::Start(BytesStart::new("TABLE")))?;
        for field in fields {
            write_field(&mut xml, field)?;
        }
        xml.write_event(Event::Start(BytesStart::new("DATA")))?;
        xml.write_event(Event::Start(BytesStart::new("TABLEDATA")))?;
        Ok(Self {
            xml,
            n_fields: fields.len(),
            n_rows: 0,
        })
    }

    /// Writes one row; a null is an empty cell.
    ///
    /// Characters that XML does not allow are replaced by U+FFFD.
    ///
    /// # Errors
    /// [`VotableError::RowLength`] when the cells are not as many as the fields; when `out` fails.
    pub fn row(&mut self, cells: &[Option<&str>]) -> Result<(), VotableError> {
        if cells.len() != self.n_fields {
            return Err(VotableError::RowLength {
                row: self.n_rows,
                expected: self.n_fields,
                found: cells.len(),
            });
        }
        self.xml.write_event(Event::Start(BytesStart::new("TR")))?;
        for cell in cells {
            match cell {
                Some(text) if !text.is_empty() => write_text(&mut self.xml, "TD", text)?,
                _ => self.xml.write_event(Event::Empty(BytesStart::new("TD")))?,
            }
        }
        self.xml.write_event(Event::End(BytesEnd::new("TR")))?;
        self.xml.get_mut().write_all(b"\n")?;
        self.n_rows += 1;
        Ok(())
    }

    /// Writes the end, and gives `out` back.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn finish(self) -> Result<W, VotableError> {
        self.end(None)
    }

    /// Writes the end, saying that there would have been more rows.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn finish_overflowed(self) -> Result<W, VotableError> {
        self.end(Some("OVERFLOW"))
    }

    /// What the rows are written to, to take what was written so far.
    pub fn get_mut(&mut self) -> &mut W {
        self.xml.get_mut()
    }

    fn end(mut self, last_status: Option<&str>) -> Result<W, VotableError> {
        for name in ["TABLEDATA", "DATA", "TABLE"] {
            self.xml.write_event(Event::End(BytesEnd::new(name)))?;
        }
        if let Some(last_status) = last_status {
            status(&mut self.xml, last_status)?;
        }
        for name in ["RESOURCE", "VOTABLE"] {
            self.xml.write_event(Event::End(BytesEnd::new(name)))?;
        }
        let mut out = self.xml.into_inner();
        out.write_all(b"\n")?;
        out.flush()?;
        Ok(out)
    }
}

fn status<W: Write>(xml: &mut quick_xml::Writer<W>, value: &str) -> Result<(), VotableError> {
    let info =
        BytesStart::new("INFO").with_attributes([("name", "QUERY_STATUS"), ("value", value)]);
    Ok(xml.write_event(Event::Empty(info))?)
}

fn write_field<W: Write>(
    xml: &mut quick_xml::Writer<W>,
    field: &Field,
) -> Result<(), VotableError> {
    let mut start = BytesStart::new("FIELD");
    let attributes = [
        ("name", Some(&field.name)),
        ("datatype", Some(&field.datatype)),
        ("arraysize", field.arraysize.as_ref()),
        ("unit", field.unit.as_ref()),
        ("ucd", field.ucd.as_ref()),
    ];
    for (name, value) in attributes {
        if let Some(value) = value {
            start.push_attribute((name, &*allowed(value)));
        }
    }
    let Some(description) = &field.description else {
        return Ok(xml.write_event(Event::Empty(start))?);
    };
    xml.write_event(Event::Start(start))?;
    write_text(xml, "DESCRIPTION", description)?;
    Ok(xml.write_event(Event::End(BytesEnd::new("FIELD")))?)
}

fn write_text<W: Write>(
    xml: &mut quick_xml::Writer<W>,
    name: &str,
    text: &str,
) -> Result<(), VotableError> {
    xml.write_event(Event::Start(BytesStart::new(name)))?;
    xml.write_event(Event::Text(BytesText::new(&allowed(text))))?;
    Ok(xml.write_event(Event::End(BytesEnd::new(name)))?)
}

/// The text without characters that no XML 1.0 document may hold.
fn allowed(text: &str) -> Cow<'_, str> {
    let is_allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    if text.chars().all(is_allowed) {
        return Cow::Borrowed(text);
    }
    text.chars()
        .map(|c| if is_allowed(c) { c } else { '\u{fffd}' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_written_whole() {
        let fields = [
            Field::text("asset").description("its id"),
            Field::new("ra", "double").unit("deg").ucd("pos.eq.ra"),
        ];
        let mut writer = Writer::new(Vec::new(), &fields).unwrap();
        writer
            .row(&[Some("a<b & \"c\"\u{1}"), Some("1.5")])
            .unwrap();
        writer.row(&[None, None]).unwrap();
        let text = String::from_utf8(writer.finish().unwrap()).unwrap();
        let expected = concat!(
            r#"<?xml version="1.0" encoding="UTF-8"?>"#,
            r#"<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">"#,
            r#"<RESOURCE type="results"><INFO name="QUERY_STATUS" value="OK"/><TABLE>"#,
            r#"<FIELD name="asset" datatype="unicodeChar" arraysize="*"><DESCRIPTION>its id</DESCRIPTION></FIELD>"#,
            r#"<FIELD name="ra" datatype="double" unit="deg" ucd="pos.eq.ra"/>"#,
            "<DATA><TABLEDATA>",
            "<TR><TD>a&lt;b &amp; &quot;c&quot;\u{fffd}</TD><TD>1.5</TD></TR>\n",
            "<TR><TD/><TD/></TR>\n",
            "</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>\n",
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn a_row_of_the_wrong_length_is_refused() {
        let mut writer = Writer::new(Vec::new(), &[Field::text("a")]).unwrap();
        let error = writer.row(&[]).unwrap_err();
        assert!(matches!(
            error,
            VotableError::RowLength {
                expected: 1,
                found: 0,
                row: 0
            }
        ));
    }

    #[test]
    fn an_overflow_is_said_behind_the_table() {
        let writer = Writer::new(Vec::new(), &[Field::text("a")]).unwrap();
        let text = String::from_utf8(writer.finish_overflowed().unwrap()).unwrap();
        assert!(
            text.contains(r#"</TABLE><INFO name="QUERY_STATUS" value="OVERFLOW"/></RESOURCE>"#)
        );
    }
}
