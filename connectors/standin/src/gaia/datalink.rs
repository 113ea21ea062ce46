//! DataLink: which products a source has, and which sources are meant.

use super::products::Product;
use super::sources::Source;
use super::value::{Column, Kind, Table, Value};
use super::votable::{self, About};

/// Sources in one call.
pub(crate) const MAX_SOURCES: usize = 5000;

/// A source asked for, as it was written and as it was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) written: String,
    pub(crate) source_id: Option<i64>,
}

/// Reads `Gaia DR3 1`, `1`, `1,2,3` and ranges `1-9` of sources that there are.
///
/// # Errors
/// A sentence when there are more than 5000, or the release is another.
pub(crate) fn read_ids(values: &[&str], sources: &[Source]) -> Result<Vec<Asked>, String> {
    let mut asked = Vec::new();
    for part in values
        .iter()
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        let number = part.rsplit(char::is_whitespace).next().unwrap_or(part);
        match number.split_once('-') {
            Some((first, last)) if !first.is_empty() => {
                let (Ok(first), Ok(last)) = (first.parse::<i64>(), last.parse::<i64>()) else {
                    asked.push(Asked {
                        written: part.to_owned(),
                        source_id: None,
                    });
                    continue;
                };
                let within = sources
                    .iter()
                    .map(|source| source.source_id)
                    .filter(|id| (first..=last).contains(id));
                asked.extend(within.take(MAX_SOURCES + 1).map(|id| Asked {
                    written: id.to_string(),
                    source_id: Some(id),
                }));
            }
            _ => asked.push(Asked {
                written: part.to_owned(),
                source_id: number.parse().ok(),
            }),
        }
        if asked.len() > MAX_SOURCES {
            return Err(format!(
                "more than {MAX_SOURCES} sources were asked for in one call"
            ));
        }
    }
    Ok(asked)
}

pub(crate) fn find(sources: &[Source], source_id: i64) -> Option<&Source> {
    let place = sources
        .binary_search_by_key(&source_id, |source| source.source_id)
        .ok()?;
    sources.get(place)
}

const FIELDS: [(&str, &str); 8] = [
    ("ID", "meta.id;meta.main"),
    ("access_url", "meta.ref.url"),
    ("service_def", "meta.ref"),
    ("error_message", "meta.code.error"),
    ("semantics", "meta.code"),
    ("description", "meta.note"),
    ("content_type", "meta.code.mime"),
    ("content_length", "phys.size;meta.file"),
];

/// The links document: a row for each product of a source, or one that says there is no such source.
pub(crate) fn links(asked: &[Asked], sources: &[Source], has_products: bool, base: &str) -> String {
    let columns = FIELDS.iter().map(|(name, ucd)| {
        let kind = if *name == "content_length" {
            Kind::Long
        } else {
            Kind::Char
        };
        let unit = if *name == "content_length" {
            "byte"
        } else {
            ""
        };
        Column {
            ucd: (*ucd).to_owned(),
            unit: unit.to_owned(),
            ..Column::new(name, kind)
        }
    });
    let mut table = Table {
        columns: columns.collect(),
        rows: Vec::new(),
    };
    for asked in asked {
        let Some(source) = asked.source_id.and_then(|id| find(sources, id)) else {
            let message = format!("NotFoundFault: no source `{}`", asked.written);
            table
                .rows
                .push(row(&asked.written, None, Some(&message), "#this", ""));
            continue;
        };
        for product in Product::ALL
            .into_iter()
            .filter(|product| has_products && product.is_of(source))
        {
            let url = format!(
                "{base}/data-server/data?ID=Gaia+DR3+{}&RETRIEVAL_TYPE={}&USE_ZIP_ALWAYS=false",
                source.source_id,
                product.name()
            );
            table.rows.push(row(
                &asked.written,
                Some(&url),
                None,
                "#auxiliary",
                product.name(),
            ));
        }
    }
    let about = About {
        infos: vec![
            ("QUERY_STATUS", "OK".to_owned()),
            (
                "standardID",
                "ivo://ivoa.net/std/DataLink#links-1.1".to_owned(),
            ),
        ],
        ..About::default()
    };
    votable::write(&table, &about, true)
}

fn row(
    id: &str,
    url: Option<&str>,
    error: Option<&str>,
    semantics: &str,
    description: &str,
) -> Vec<Value> {
    let text = |text: Option<&str>| text.map_or(Value::Null, Value::text);
    let media_type = url.map(|_| "application/x-votable+xml");
    vec![
        text(Some(id)),
        text(url),
        Value::Null,
        text(error),
        text(Some(semantics)),
        text(Some(description)),
        text(media_type),
        Value::Null,
    ]
}
