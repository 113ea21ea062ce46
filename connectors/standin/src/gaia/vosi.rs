//! What the service says of itself: tables, capabilities, availability.

use std::fmt::Write;

use super::catalogue::{Catalogue, Entry, SCHEMAS, is_indexed};
use super::uws;
use super::votable::escaped;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
const ROW_BYTES: u64 = 700;

/// VODataService 1.1 with the attributes of TAP+; `only` are names of tables, empty for all.
pub(crate) fn tables(
    catalogue: &Catalogue,
    only: &[&str],
    with_columns: bool,
    base: &str,
) -> String {
    let mut xml = format!(
        "{HEAD}<vod:tableset xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xmlns:vod=\"http://www.ivoa.net/xml/VODataService/v1.1\" xsi:type=\"vod:TableSet\" \
         xmlns:esatapplus=\"http://esa.int/xml/EsaTapPlus\" \
         xsi:schemaLocation=\"http://www.ivoa.net/xml/VODataService/v1.1 http://www.ivoa.net/xml/VODataService/v1.1 \
         http://esa.int/xml/EsaTapPlus {}/tap-server/xml/esaTapPlusAttributes.xsd\">\n",
        escaped(base)
    );
    let is_wanted = |entry: &&Entry| {
        only.is_empty()
            || only
                .iter()
                .any(|name| name.eq_ignore_ascii_case(entry.name))
    };
    for (schema, description) in SCHEMAS {
        let of_schema = catalogue
            .entries
            .iter()
            .filter(|entry| entry.schema() == schema);
        let wanted: Vec<&Entry> = of_schema.filter(is_wanted).collect();
        if wanted.is_empty() {
            continue;
        }
        let _ = writeln!(
            xml,
            "\t<schema  esatapplus:public=\"true\">\n\t\t<name>{schema}</name>\n\t\t<description><![CDATA[{description}]]></description>"
        );
        for entry in wanted {
            write_table(&mut xml, entry, with_columns);
        }
        xml.push_str("\t</schema>\n");
    }
    xml + "</vod:tableset>\n"
}

fn write_table(xml: &mut String, entry: &Entry, with_columns: bool) {
    let _ = writeln!(
        xml,
        "\t\t<table type=\"base_table\" esatapplus:size=\"{}\" esatapplus:size_bytes=\"{}\" esatapplus:flags=\"1\" esatapplus:hierarchy=\"{}\">",
        entry.size,
        entry.size * ROW_BYTES,
        entry.hierarchy
    );
    let _ = writeln!(
        xml,
        "\t\t\t<name>{}</name>\n\t\t\t<description><![CDATA[{}]]></description>",
        entry.name, entry.description
    );
    for column in entry.table.columns.iter().filter(|_| with_columns) {
        let flags = match column.name.as_str() {
            "ra" => 1,
            "dec" => 2,
            "source_id" => 16,
            _ => 0,
        };
        let name = escaped(&column.name);
        let _ = writeln!(
            xml,
            "\t\t\t<column std=\"false\" esatapplus:flags=\"{flags}\" esatapplus:ref=\"\">\n\t\t\t\t<name>{name}</name>"
        );
        for (element, text) in [("description", &column.description), ("unit", &column.unit)] {
            if !text.is_empty() {
                let _ = writeln!(xml, "\t\t\t\t<{element}><![CDATA[{text}]]></{element}>");
            }
        }
        if !column.ucd.is_empty() {
            let _ = writeln!(xml, "\t\t\t\t<ucd>{}</ucd>", column.ucd);
        }
        let size = column
            .kind
            .arraysize()
            .map(|size| format!(" arraysize=\"{size}\""))
            .unwrap_or_default();
        let _ = writeln!(
            xml,
            "\t\t\t\t<dataType xsi:type=\"vod:VOTableType\"{size}>{}</dataType>",
            column.kind.datatype()
        );
        if is_indexed(&column.name) {
            xml.push_str("\t\t\t\t<flag>indexed</flag>\n");
        }
        xml.push_str("\t\t\t</column>\n");
    }
    xml.push_str("\t\t</table>\n");
}

/// What the service can do, by VOSI 1.0 and TAPRegExt 1.0.
pub(crate) fn capabilities(base: &str, most_rows: Option<usize>) -> String {
    let hard = most_rows.unwrap_or(3_000_000);
    let tap = format!("{}/tap-server/tap", escaped(base));
    let formats: String = [
        ("application/x-votable+xml", "votable"), ("application/x-votable+xml;serialization=tabledata", "votable_plain"),
        ("application/x-votable+xml", "votable_gzip"), ("text/csv", "csv"), ("text/x-ecsv", "ecsv"),
        ("application/json", "json"), ("application/fits", "fits"),
    ].iter().map(|(media, alias)| format!("\t\t<outputFormat>\n\t\t\t<mime>{media}</mime>\n\t\t\t<alias>{alias}</alias>\n\t\t</outputFormat>\n")).collect();
    let vosi = |kind: &str| {
        format!(
            "\t<capability standardID=\"ivo://ivoa.net/std/VOSI#{kind}\">\n\t\t<interface xsi:type=\"vs:ParamHTTP\" role=\"std\">\n\
         \t\t\t<accessURL use=\"full\">{tap}/{kind}</accessURL>\n\t\t</interface>\n\t</capability>\n"
        )
    };
    format!(
        "{HEAD}<vosi:capabilities xmlns:vosi=\"http://www.ivoa.net/xml/VOSICapabilities/v1.0\" \
         xmlns:tr=\"http://www.ivoa.net/xml/TAPRegExt/v1.0\" xmlns:vr=\"http://www.ivoa.net/xml/VOResource/v1.0\" \
         xmlns:vs=\"http://www.ivoa.net/xml/VODataService/v1.1\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n\
         \t<capability standardID=\"ivo://ivoa.net/std/TAP\" xsi:type=\"tr:TableAccess\">\n\
         \t\t<interface xsi:type=\"vs:ParamHTTP\" role=\"std\">\n\t\t\t<accessURL use=\"base\">{tap}</accessURL>\n\t\t</interface>\n\
         \t\t<language>\n\t\t\t<name>ADQL</name>\n\t\t\t<version ivo-id=\"ivo://ivoa.net/std/ADQL#v2.0\">2.0</version>\n\
         \t\t\t<description>ADQL, a part of it</description>\n\t\t</language>\n{formats}\
         \t\t<retentionPeriod>\n\t\t\t<default>259200</default>\n\t\t</retentionPeriod>\n\
         \t\t<executionDuration>\n\t\t\t<default>7200</default>\n\t\t</executionDuration>\n\
         \t\t<outputLimit>\n\t\t\t<default unit=\"row\">2000</default>\n\t\t\t<hard unit=\"row\">{hard}</hard>\n\t\t</outputLimit>\n\
         \t</capability>\n{}{}{}</vosi:capabilities>\n",
        vosi("tables"),
        vosi("capabilities"),
        vosi("availability")
    )
}

pub(crate) fn availability() -> String {
    format!(
        "{HEAD}<vosi:availability xmlns:vosi=\"http://www.ivoa.net/xml/VOSIAvailability/v1.0\">\n\
         \t<vosi:available>true</vosi:available>\n\t<vosi:upSince>{}</vosi:upSince>\n\
         \t<vosi:note>TAP service is available</vosi:note>\n</vosi:availability>\n",
        uws::time(chrono::DateTime::UNIX_EPOCH)
    )
}
