//! TAP: one query, run and written.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::adql::{self, Answer, Bounds};
use super::archive::Archive;
use super::encode::{Format, encode, gzipped};
use super::obscore::BASE;
use super::upload;
use super::value::{Table, Value};
use super::votable::{self, About};

const SYNC_TIME: Duration = Duration::from_secs(60);
const CREDITS: &str =
    "How to cite and acknowledge Gaia: this is a stand-in, its rows are generated";
const ASYNC_MAX_ROWS: usize = 3_000_000;

/// What came of a query; the error is the archive's sentence.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) answer: Result<Arc<Answer>, String>,
}

/// A body, before faults and compression.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) format: Format,
    pub(crate) bytes: Vec<u8>,
    pub(crate) is_error: bool,
}

/// The value of a parameter, its name in any case.
pub(crate) fn parameter<'p>(parameters: &'p [(String, String)], name: &str) -> Option<&'p str> {
    let named = |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
    parameters
        .iter()
        .find(named)
        .map(|(_, value)| value.as_str())
}

/// The format asked for.
///
/// # Errors
/// The name of one that is not known.
pub(crate) fn format(parameters: &[(String, String)]) -> Result<Format, String> {
    let name = parameter(parameters, "RESPONSEFORMAT")
        .or_else(|| parameter(parameters, "FORMAT"))
        .unwrap_or_default();
    Format::read(name).ok_or_else(|| format!("The format `{name}` is not supported"))
}

/// What is wrong with the parameters of a query, if anything is.
fn refusal(parameters: &[(String, String)]) -> Option<String> {
    let is = |name, value: &str| {
        parameter(parameters, name).is_none_or(|found| found.eq_ignore_ascii_case(value))
    };
    if !is("REQUEST", "doQuery") {
        return Some("Invalid REQUEST: only doQuery is supported".to_owned());
    }
    if !parameter(parameters, "LANG")
        .is_none_or(|lang| lang.to_ascii_uppercase().starts_with("ADQL"))
    {
        return Some("Invalid LANG: only ADQL is supported".to_owned());
    }
    None
}

/// Runs the query of a request; `cut_at` rows at most are given, without a word.
pub(crate) fn answer(
    archive: &Archive,
    parameters: &[(String, String)],
    cut_at: Option<usize>,
) -> Outcome {
    Outcome {
        answer: run(archive, parameters, cut_at).map(Arc::new),
    }
}

fn run(
    archive: &Archive,
    parameters: &[(String, String)],
    cut_at: Option<usize>,
) -> Result<Answer, String> {
    format(parameters)?;
    if let Some(refusal) = refusal(parameters) {
        return Err(refusal);
    }
    let query = parameter(parameters, "QUERY").unwrap_or_default();
    if query.trim().is_empty() {
        return Err("The parameter QUERY is missing".to_owned());
    }
    let max_rows = match parameter(parameters, "MAXREC").filter(|text| !text.is_empty()) {
        Some(text) => text
            .parse()
            .map_err(|_| format!("MAXREC is no number: `{text}`"))?,
        None => ASYNC_MAX_ROWS,
    };
    let bounds = Bounds {
        time: SYNC_TIME,
        max_rows: max_rows
            .min(ASYNC_MAX_ROWS)
            .min(archive.most_rows.unwrap_or(ASYNC_MAX_ROWS)),
    };
    let query = match query.split_once(" ORDER BY ") {
        Some((unordered, _)) if archive.ignores_order => unordered,
        _ => query,
    };
    let tree = adql::parse(query).map_err(|error| error.to_string())?;
    let uploads = upload::tables(parameters)?;
    let find = |name: &str| {
        let uploaded = uploads.get(&name.to_ascii_lowercase());
        uploaded.or_else(|| archive.catalogue.table(name))
    };
    let mut answer = adql::run(&tree, &find, bounds).map_err(|error| error.to_string())?;
    if let Some(cut_at) = cut_at.filter(|cut_at| answer.table.rows.len() > *cut_at) {
        answer.table.rows.truncate(cut_at);
        answer.overflowed = false;
    }
    Ok(answer)
}

/// The table with the stand-in's own address where its rows lead to it.
fn based<'t>(table: &'t Table, base: &str) -> Cow<'t, Table> {
    let leads_here = |value: &Value| matches!(value, Value::Text(text) if text.starts_with(BASE));
    if !table.rows.iter().flatten().any(leads_here) {
        return Cow::Borrowed(table);
    }
    let mut table = table.clone();
    for value in table.rows.iter_mut().flatten() {
        if let Value::Text(text) = value {
            *value = Value::text(text.replacen(BASE, base, 1));
        }
    }
    Cow::Owned(table)
}

/// The answer in the format of the request.
pub(crate) fn write(
    outcome: &Outcome,
    parameters: &[(String, String)],
    base: &str,
    job: &str,
) -> Written {
    let format = format(parameters).unwrap_or(Format::Votable);
    let answer = match &outcome.answer {
        Ok(answer) => answer,
        Err(message) => {
            return Written {
                format: Format::VotablePlain,
                bytes: votable::error(message).into(),
                is_error: true,
            };
        }
    };
    let query = parameter(parameters, "QUERY")
        .unwrap_or_default()
        .to_owned();
    let about = About {
        infos: vec![
            ("QUERY_STATUS", "OK".to_owned()),
            ("QUERY", query),
            ("CAPTION", CREDITS.to_owned()),
            ("CITATION", CREDITS.to_owned()),
            ("PAGE", String::new()),
            ("PAGE_SIZE", String::new()),
            ("JOBID", job.to_owned()),
            (
                "JOBNAME",
                parameter(parameters, "jobname")
                    .unwrap_or_default()
                    .to_owned(),
            ),
        ],
        overflowed: answer.overflowed,
        links_url: Some(format!("{base}/data-server/datalink/links")),
        before_table: "<COOSYS ID=\"GAIADR3\" epoch=\"J2016.0\" system=\"ICRS\"/>\n".to_owned(),
        ..About::default()
    };
    match encode(&based(&answer.table, base), &about, format) {
        Ok(bytes) => Written {
            format,
            bytes,
            is_error: false,
        },
        Err(error) => {
            let message = format!("Cannot write the result: {error}");
            Written {
                format: Format::VotablePlain,
                bytes: votable::error(&message).into(),
                is_error: true,
            }
        }
    }
}

impl Written {
    /// As it goes over the wire, and whether it is gzip.
    pub(crate) fn packed(self) -> (Vec<u8>, bool) {
        if self.format.is_gzipped() && !self.is_error {
            (gzipped(&self.bytes), true)
        } else {
            (self.bytes, false)
        }
    }
}
