//! Tags and texts, written so that a reader gets back every character.

use std::borrow::Cow;
use std::io::{self, Write};

use quick_xml::events::attributes::Attr;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::super::{Field, Info};

/// Where the elements go.
pub(super) struct Tags<W: Write> {
    xml: quick_xml::Writer<W>,
}

/// An attribute that may be there.
type Attribute<'a> = (&'static str, Option<&'a str>);

impl<W: Write> Tags<W> {
    pub(super) fn new(out: W) -> io::Result<Self> {
        let mut xml = quick_xml::Writer::new(out);
        xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        Ok(Self { xml })
    }

    pub(super) fn get_mut(&mut self) -> &mut W {
        self.xml.get_mut()
    }

    pub(super) fn into_inner(self) -> W {
        self.xml.into_inner()
    }

    pub(super) fn start(&mut self, name: &str, attributes: &[Attribute<'_>]) -> io::Result<()> {
        self.xml.write_event(Event::Start(tag(name, attributes)))
    }

    pub(super) fn empty(&mut self, name: &str, attributes: &[Attribute<'_>]) -> io::Result<()> {
        self.xml.write_event(Event::Empty(tag(name, attributes)))
    }

    pub(super) fn end(&mut self, name: &str) -> io::Result<()> {
        self.xml.write_event(Event::End(BytesEnd::new(name)))
    }

    pub(super) fn text(&mut self, text: &str) -> io::Result<()> {
        let text = BytesText::from_escaped(escaped(text, false));
        self.xml.write_event(Event::Text(text))
    }

    /// An element that holds nothing but text; an empty one where there is none.
    pub(super) fn leaf(
        &mut self,
        name: &str,
        attributes: &[Attribute<'_>],
        text: &str,
    ) -> io::Result<()> {
        if text.is_empty() {
            return self.empty(name, attributes);
        }
        self.start(name, attributes)?;
        self.text(text)?;
        self.end(name)
    }

    pub(super) fn info(&mut self, info: &Info) -> io::Result<()> {
        let attributes = [("name", Some(&*info.name)), ("value", Some(&*info.value))];
        self.leaf("INFO", &attributes, &info.text)
    }

    /// A FIELD or a PARAM.
    pub(super) fn field(&mut self, name: &str, field: &Field) -> io::Result<()> {
        let value = match name {
            "PARAM" => Some(field.value.as_deref().unwrap_or_default()),
            _ => None,
        };
        let attributes = [
            ("name", Some(&*field.name)),
            ("ID", field.id.as_deref()),
            ("datatype", Some(&*field.datatype)),
            ("arraysize", field.arraysize.as_deref()),
            ("unit", field.unit.as_deref()),
            ("ucd", field.ucd.as_deref()),
            ("utype", field.utype.as_deref()),
            ("xtype", field.xtype.as_deref()),
            ("ref", field.reference.as_deref()),
            ("value", value),
        ];
        if field.description.is_none() && field.null.is_none() {
            return self.empty(name, &attributes);
        }
        self.start(name, &attributes)?;
        if let Some(description) = &field.description {
            self.leaf("DESCRIPTION", &[], description)?;
        }
        if let Some(null) = &field.null {
            self.empty("VALUES", &[("null", Some(null))])?;
        }
        self.end(name)
    }
}

fn tag<'a>(name: &'a str, attributes: &[Attribute<'a>]) -> BytesStart<'a> {
    let mut tag = BytesStart::new(name);
    for (name, value) in attributes {
        if let Some(value) = value {
            tag.push_attribute(Attr::DoubleQ(*name, &*escaped(value, true)));
        }
    }
    tag
}

/// The text with what has a meaning in XML written otherwise, and what no XML 1.0 document may hold replaced by U+FFFD.
///
/// Line ends and tabs, that a reader would change, are written as references where it would.
fn escaped(text: &str, is_attribute: bool) -> Cow<'_, str> {
    let otherwise = |c: char| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\r' => Some("&#13;"),
        '\n' if is_attribute => Some("&#10;"),
        '\t' if is_attribute => Some("&#9;"),
        '\t' | '\n' | '\u{20}'..='\u{fffd}' | '\u{10000}'.. => None,
        _ => Some("\u{fffd}"),
    };
    let Some(first) = text.find(|c| otherwise(c).is_some()) else {
        return Cow::Borrowed(text);
    };
    let (plain, rest) = text.split_at(first);
    let mut written = plain.to_owned();
    for c in rest.chars() {
        match otherwise(c) {
            Some(other) => written.push_str(other),
            None => written.push(c),
        }
    }
    Cow::Owned(written)
}
