//! The columns of a table of assets, and their cells.
//!
//! # Source
//! UCDs are of IVOA UCD1+ 1.5, those of columns that ObsCore 1.1 has as well are ObsCore's.

use std::sync::LazyLock;

use gantry_asset::{FacetField, vocabulary};
use gantry_formats::votable::write::Field;
use serde_json::Value;

/// One column.
pub(super) struct Column {
    /// Its name.
    pub(super) name: &'static str,
    /// Where its value stands in the JSON of a hit.
    at: String,
    kind: Kind,
    ucd: &'static str,
    description: String,
}

/// What the values of a column are.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Time,
    Number,
    Bytes,
}

/// Name, place in a hit, kind, content descriptor and description of what is no facet.
type Fixed = (&'static str, &'static str, Kind, &'static str, &'static str);

const FIXED: [Fixed; 12] = [
    (
        "id",
        "/id",
        Kind::Text,
        "meta.id;meta.main",
        "archive and name within it",
    ),
    (
        "archive",
        "/archive",
        Kind::Text,
        "meta.curation",
        "the archive it is in",
    ),
    (
        "kind",
        "/kind",
        Kind::Text,
        "meta.code.class",
        "what kind of thing it is",
    ),
    (
        "title",
        "/title",
        Kind::Text,
        "meta.title",
        "what people read first",
    ),
    (
        "version",
        "/version",
        Kind::Number,
        "meta.version",
        "the number of its newest version",
    ),
    (
        "n_files",
        "/n_files",
        Kind::Number,
        "meta.number",
        "how many files it has",
    ),
    (
        "size_bytes",
        "/size_bytes",
        Kind::Bytes,
        "phys.size;meta.file",
        "their sizes together",
    ),
    (
        "time_start",
        "/time/start",
        Kind::Time,
        "time.start",
        "the first instant covered, UTC",
    ),
    (
        "time_end",
        "/time/end",
        Kind::Time,
        "time.end",
        "the first instant no longer covered, UTC",
    ),
    (
        "first_day",
        "/days/first",
        Kind::Text,
        "time.start",
        "the first nominal day covered, year and day of year",
    ),
    (
        "last_day",
        "/days/last",
        Kind::Text,
        "time.end",
        "the last nominal day covered, year and day of year",
    ),
    (
        "series",
        "/series",
        Kind::Text,
        "meta.id.parent",
        "the series it is a member of",
    ),
];

/// Facet fields that are columns already.
const TOLD: [&str; 3] = ["archive", "kind", "series"];

static COLUMNS: LazyLock<Vec<Column>> = LazyLock::new(|| {
    let fixed = FIXED
        .into_iter()
        .map(|(name, at, kind, ucd, description)| Column {
            name,
            at: at.to_owned(),
            kind,
            ucd,
            description: description.to_owned(),
        });
    let facets = vocabulary().fields.iter();
    let facets = facets.filter(|field| !TOLD.contains(&field.name.as_str()));
    fixed.chain(facets.map(of_facet)).collect()
});

fn of_facet(field: &'static FacetField) -> Column {
    let ucd = match field.name.as_str() {
        "mission" => "meta.id;instr.obsty",
        "instrument" => "meta.id;instr",
        "band" => "instr.bandpass",
        "release" | "rerelease" | "rinex_version" => "meta.version",
        "organization" | "publisher" | "network" | "analysis_centre" => "meta.curation",
        "collection" | "station" | "campaign" => "meta.id",
        "unit" => "meta.unit",
        "sampling" => "time.resolution",
        "span" => "time.duration",
        "license" => "meta.note",
        _ => "meta.code",
    };
    Column {
        name: &field.name,
        at: format!("/facets/{}", field.name),
        kind: Kind::Text,
        ucd,
        description: format!("{}, as it is selected", field.label),
    }
}

/// All columns, in their order.
pub(super) fn columns() -> &'static [Column] {
    &COLUMNS
}

impl Column {
    /// How a VOTable describes it.
    pub(super) fn field(&self) -> Field {
        let field = match self.kind {
            Kind::Text => Field::text(self.name),
            Kind::Time => Field {
                xtype: Some("timestamp".to_owned()),
                ..Field::new(self.name, "char").arraysize("*")
            },
            Kind::Number => Field::new(self.name, "int"),
            Kind::Bytes => Field::new(self.name, "long").unit("byte"),
        };
        field.ucd(self.ucd).description(&self.description)
    }

    /// Its text in a row; several values are joined by `; `.
    pub(super) fn cell(&self, hit: &Value) -> Option<String> {
        match hit.pointer(&self.at)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            Value::Array(values) => {
                let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
                Some(values.join("; ")).filter(|text| !text.is_empty())
            }
            other => Some(other.to_string()),
        }
    }
}

/// What a cell begins with that programs run.
const RUN: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// A row of CSV without its end, RFC 4180.
///
/// Programs that open a table take a cell that begins with `=`, `+`, `-`, `@`, such a sign of full width, a tab or a line
/// end for a formula and run it; what an archive wrote there gets a `'` before it, and is a text. Control characters are
/// left out.
pub(super) fn csv_row<'a>(cells: impl Iterator<Item = Option<&'a str>>) -> String {
    let cells = cells.map(|cell| {
        let is_none = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
        let cell = cell.unwrap_or_default().replace(is_none, "");
        let begins = cell.trim_start_matches([' ', '\u{feff}']);
        let guard = match begins.starts_with(RUN) {
            true => "'",
            false => "",
        };
        if cell.contains([',', '"', '\n', '\r']) {
            format!("\"{guard}{}\"", cell.replace('"', "\"\""))
        } else {
            format!("{guard}{cell}")
        }
    });
    cells.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cell_that_a_spreadsheet_would_run_is_a_text() {
        let cells = [
            "=HYPERLINK(\"http://x\",\"y\")",
            "+1",
            "-2",
            "@a",
            "\tb",
            " =c",
            "\u{feff}=d",
            "＝e",
            "\n=f",
            "g\u{1b}[31m\u{0}",
            "a=b",
            "x, y",
            "",
        ];
        assert_eq!(
            csv_row(cells.into_iter().map(Some)),
            "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\",'+1,'-2,'@a,'\tb,' =c,'\u{feff}=d,'＝e,\"'\n=f\",g[31m,a=b,\"x, y\","
        );
    }

    #[test]
    fn several_values_of_a_facet_are_one_cell_and_none_is_null() {
        let hit = json!({"id": "a:b", "size_bytes": 7, "version": null, "facets": {"band": ["30 GHz", "44 GHz"], "unit": []}});
        let cells: Vec<_> = columns()
            .iter()
            .filter_map(|column| Some((column.name, column.cell(&hit)?)))
            .collect();
        let expected = [
            ("id", "a:b"),
            ("size_bytes", "7"),
            ("band", "30 GHz; 44 GHz"),
        ];
        assert_eq!(cells, expected.map(|(name, text)| (name, text.to_owned())));
    }
}
