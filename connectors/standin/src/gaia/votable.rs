//! VOTable as the archive writes it: BINARY2 or TABLEDATA, version 1.4.
//!
//! Written here and not by the formats crate, so that its reader is tried on what another hand wrote.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::value::{Column, Kind, Table, Value};

const HEAD: &str = concat!(
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
    "<VOTABLE version=\"1.4\" xmlns=\"http://www.ivoa.net/xml/VOTable/v1.3\" ",
    "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" ",
    "xsi:schemaLocation=\"http://www.ivoa.net/xml/VOTable/v1.3 http://www.ivoa.net/xml/VOTable/votable-1.4.xsd\">\n",
);
const STREAM_LINE: usize = 64;

/// What stands around a table.
#[derive(Debug, Clone, Default)]
pub(crate) struct About {
    /// INFO elements before the table: name and value.
    pub(crate) infos: Vec<(&'static str, String)>,
    pub(crate) overflowed: bool,
    /// Where the DataLinks of its sources are.
    pub(crate) links_url: Option<String>,
    /// XML in the resource before the table, such as TIMESYS.
    pub(crate) before_table: String,
    /// XML in the table before its columns, such as PARAM.
    pub(crate) in_table: String,
    /// Attributes of the resource and XML behind it.
    pub(crate) resource_attributes: &'static str,
    pub(crate) after_resource: String,
}

/// The text safe in XML.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\t' | '\n' | '\r' => safe.push(c),
            c if (c as u32) < 0x20 || matches!(c, '\u{fffe}' | '\u{ffff}') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// Writes a table; in TABLEDATA if `is_plain`.
pub(crate) fn write(table: &Table, about: &About, is_plain: bool) -> String {
    let mut xml = String::from(HEAD);
    let _ = writeln!(
        xml,
        "<RESOURCE type=\"results\"{}>",
        about.resource_attributes
    );
    for (name, value) in &about.infos {
        let value = escaped(value);
        let _ = writeln!(xml, "<INFO name=\"{name}\" value=\"{value}\"/>");
    }
    xml.push_str(&about.before_table);
    xml.push_str("<TABLE>\n");
    xml.push_str(&about.in_table);
    for column in &table.columns {
        write_field(&mut xml, column);
    }
    xml.push_str("<DATA>\n");
    if is_plain {
        table_data(&mut xml, table)
    } else {
        binary2(&mut xml, table)
    }
    xml.push_str("</DATA>\n</TABLE>\n");
    if about.overflowed {
        xml.push_str("<INFO name=\"QUERY_STATUS\" value=\"OVERFLOW\"/>\n");
    }
    xml.push_str("</RESOURCE>\n");
    let has = |name: &str| table.columns.iter().any(|column| column.name == name);
    if let Some(url) = &about.links_url {
        let reference = if has("designation") {
            Some("DESIGNATION")
        } else {
            has("source_id").then_some("SOURCE_ID")
        };
        xml.extend(reference.map(|reference| descriptor(url, reference)));
    }
    xml.push_str(&about.after_resource);
    xml.push_str("</VOTABLE>\n");
    xml
}

/// A VOTable that says why there is no table.
pub(crate) fn error(message: &str) -> String {
    let message = escaped(message);
    format!(
        "{HEAD}<RESOURCE type=\"results\">\n<INFO name=\"QUERY_STATUS\" value=\"ERROR\">{message}</INFO>\n</RESOURCE>\n</VOTABLE>\n"
    )
}

fn descriptor(url: &str, reference: &str) -> String {
    let text = |name: &str, value: &str| {
        format!(
            "<PARAM name=\"{name}\" datatype=\"char\" arraysize=\"*\" value=\"{}\"/>\n",
            escaped(value)
        )
    };
    let mut xml =
        String::from("<RESOURCE type=\"meta\" utype=\"adhoc:service\" name=\"ancillary\">\n");
    xml += "<DESCRIPTION>Spectra and light curves of a source</DESCRIPTION>\n";
    xml += &text("standardID", "ivo://ivoa.net/std/DataLink#links-1.0");
    xml += &text("accessURL", url);
    xml += &text("contentType", "application/x-votable+xml;content=datalink");
    let datatype = if reference == "SOURCE_ID" {
        "long\""
    } else {
        "char\" arraysize=\"*\""
    };
    let _ = writeln!(
        xml,
        "<GROUP name=\"inputParams\">\n<PARAM name=\"ID\" datatype=\"{datatype} value=\"\" ref=\"{reference}\"/>\n</GROUP>\n</RESOURCE>"
    );
    xml
}

fn write_field(xml: &mut String, column: &Column) {
    xml.push_str("<FIELD");
    let id = match column.name.as_str() {
        "designation" => "DESIGNATION",
        "source_id" => "SOURCE_ID",
        _ => "",
    };
    let attributes = [
        ("ID", id),
        ("arraysize", column.kind.arraysize().unwrap_or_default()),
        ("datatype", column.kind.datatype()),
        ("name", &column.name),
        ("ucd", &column.ucd),
        ("unit", &column.unit),
    ];
    for (name, value) in attributes {
        if !value.is_empty() {
            let value = escaped(value);
            let _ = write!(xml, " {name}=\"{value}\"");
        }
    }
    if column.description.is_empty() {
        xml.push_str("/>\n");
    } else {
        let description = escaped(&column.description);
        let _ = writeln!(xml, ">\n<DESCRIPTION>{description}</DESCRIPTION>\n</FIELD>");
    }
}

fn table_data(xml: &mut String, table: &Table) {
    xml.push_str("<TABLEDATA>\n");
    for row in &table.rows {
        xml.push_str("<TR>");
        for (value, column) in row.iter().zip(&table.columns) {
            let text = match value {
                Value::Null if column.kind.is_float() => "NaN".to_owned(),
                Value::Bool(value) => if *value { "T" } else { "F" }.to_owned(),
                value => value.show(column.kind).unwrap_or_default(),
            };
            let _ = write!(xml, "<TD>{}</TD>", escaped(&text));
        }
        xml.push_str("</TR>\n");
    }
    xml.push_str("</TABLEDATA>\n");
}

fn binary2(xml: &mut String, table: &Table) {
    let mut bytes = Vec::new();
    for row in &table.rows {
        for eight in row.chunks(8) {
            let flag = |(bit, value): (usize, &Value)| {
                if *value == Value::Null {
                    0x80_u8 >> bit
                } else {
                    0
                }
            };
            bytes.push(
                eight
                    .iter()
                    .enumerate()
                    .map(flag)
                    .fold(0, |flags, flag| flags | flag),
            );
        }
        for (value, column) in row.iter().zip(&table.columns) {
            put(&mut bytes, value, column.kind);
        }
    }
    xml.push_str("<BINARY2>\n<STREAM encoding='base64'>\n");
    let text = STANDARD.encode(&bytes);
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(STREAM_LINE.min(rest.len()));
        xml.push_str(line);
        xml.push('\n');
        rest = after;
    }
    xml.push_str("</STREAM>\n</BINARY2>\n");
}

fn put(bytes: &mut Vec<u8>, value: &Value, kind: Kind) {
    let integer = || value.as_i64().unwrap_or_default();
    let number = || value.as_f64().unwrap_or(f64::NAN);
    match kind {
        Kind::Boolean => bytes.push(match value {
            Value::Bool(true) => b'T',
            Value::Bool(false) => b'F',
            _ => b' ',
        }),
        Kind::Short => bytes.extend((integer() as i16).to_be_bytes()),
        Kind::Int => bytes.extend((integer() as i32).to_be_bytes()),
        Kind::Long => bytes.extend(integer().to_be_bytes()),
        Kind::Float => bytes.extend((number() as f32).to_be_bytes()),
        Kind::Double => bytes.extend(number().to_be_bytes()),
        Kind::Char => {
            let text = value.show(kind).unwrap_or_default();
            bytes.extend((text.len() as u32).to_be_bytes());
            bytes.extend(text.as_bytes());
        }
        Kind::FloatArray | Kind::DoubleArray => {
            let values: &[f64] = if let Value::Array(values) = value {
                values
            } else {
                &[]
            };
            bytes.extend((values.len() as u32).to_be_bytes());
            for item in values {
                if kind == Kind::FloatArray {
                    bytes.extend((*item as f32).to_be_bytes());
                } else {
                    bytes.extend(item.to_be_bytes());
                }
            }
        }
    }
}
