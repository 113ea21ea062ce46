//! All matches of a search as a table: CSV, VOTable or JSON Lines, streamed.

use std::io::Write;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use gantry_formats::votable::write::{Field, Writer};
use gantry_search::Query;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::app::App;
use crate::problem::Problem;

/// The form of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Votable,
    Jsonl,
}

const COLUMNS: [&str; 12] = [
    "id",
    "title",
    "kind",
    "version",
    "name",
    "size_bytes",
    "mission",
    "instrument",
    "band",
    "product_type",
    "release",
    "provenance",
];
const PAGE: usize = 1000;

impl Format {
    /// The table a client asks for, if it asks for one.
    pub(crate) fn wanted(headers: &HeaderMap) -> Option<Self> {
        let accept = headers.get(header::ACCEPT)?.to_str().ok()?;
        accept
            .split(',')
            .find_map(|part| match part.split(';').next()?.trim() {
                "text/csv" => Some(Self::Csv),
                "application/x-votable+xml" => Some(Self::Votable),
                "application/jsonl" | "application/x-ndjson" => Some(Self::Jsonl),
                _ => None,
            })
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Votable => "application/x-votable+xml",
            Self::Jsonl => "application/jsonl",
        }
    }
}

/// Streams all matches of a search.
pub(crate) async fn stream(app: App, query: Query, format: Format) -> Result<Response, Problem> {
    let (sender, receiver) = mpsc::channel::<Result<Bytes, std::io::Error>>(8);
    // The first page is fetched here, so that a search that cannot be answered is a problem and not a broken table.
    let first = Query {
        limit: PAGE,
        fields: Some(Vec::new()),
        ..query
    };
    let probe = first.clone();
    crate::rest::blocking(&app, move |app| {
        app.index.search(&Query { limit: 0, ..probe })
    })
    .await??;
    tokio::task::spawn_blocking(move || {
        let mut out = Chunks {
            sender,
            buffer: Vec::new(),
        };
        let written = match format {
            Format::Votable => write_votable(&app, first, &mut out),
            other => write_lines(&app, first, other, &mut out),
        };
        if let Err(error) = written {
            // The reader is gone, or the index failed; either way the table ends without its end mark.
            let _gone = out.sender.blocking_send(Err(error));
        }
    });
    let body = futures::stream::unfold(receiver, |mut receiver| async {
        Some((receiver.recv().await?, receiver))
    });
    Ok((
        [(header::CONTENT_TYPE, format.media_type())],
        Body::from_stream(body.boxed()),
    )
        .into_response())
}

/// Collects what is written into pieces worth sending.
struct Chunks {
    sender: mpsc::Sender<Result<Bytes, std::io::Error>>,
    buffer: Vec<u8>,
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= 64 << 10 {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let piece = Bytes::from(std::mem::take(&mut self.buffer));
        self.sender
            .blocking_send(Ok(piece))
            .map_err(|_| std::io::ErrorKind::BrokenPipe.into())
    }
}

/// Calls `row` with every match, page by page.
fn each(
    app: &App,
    mut query: Query,
    mut row: impl FnMut(&str) -> std::io::Result<()>,
) -> std::io::Result<()> {
    loop {
        let found = app.index.search(&query).map_err(std::io::Error::other)?;
        for hit in &found.hits {
            row(hit.view.get())?;
        }
        match found.next {
            Some(next) => query.after = Some(next),
            None => return Ok(()),
        }
    }
}

fn write_lines(app: &App, query: Query, format: Format, out: &mut Chunks) -> std::io::Result<()> {
    if format == Format::Csv {
        writeln!(out, "{}", COLUMNS.join(","))?;
    }
    each(app, query, |view| match format {
        Format::Csv => {
            let cells: Vec<String> = cells(view)
                .into_iter()
                .map(|cell| quoted(cell.as_deref().unwrap_or_default()))
                .collect();
            writeln!(out, "{}", cells.join(","))
        }
        _ => writeln!(out, "{view}"),
    })?;
    out.flush()
}

fn write_votable(app: &App, query: Query, out: &mut Chunks) -> std::io::Result<()> {
    let fields: Vec<Field> = COLUMNS
        .iter()
        .map(|name| match *name {
            "size_bytes" => Field::new(name, "long").unit("byte"),
            "version" => Field::new(name, "int"),
            _ => Field::text(name),
        })
        .collect();
    let mut writer = Writer::new(&mut *out, &fields).map_err(std::io::Error::other)?;
    each(app, query, |view| {
        let cells = cells(view);
        let row: Vec<Option<&str>> = cells.iter().map(Option::as_deref).collect();
        writer.row(&row).map_err(std::io::Error::other)
    })?;
    writer.finish().map_err(std::io::Error::other)?;
    out.flush()
}

/// The columns of one match; several values of a facet are joined by `;`.
fn cells(view: &str) -> Vec<Option<String>> {
    let value: Value = serde_json::from_str(view).unwrap_or_default();
    COLUMNS
        .iter()
        .map(|name| {
            match value
                .get(*name)
                .or_else(|| value.get("facets")?.get(*name))?
            {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                Value::Array(values) => Some(
                    values
                        .iter()
                        .filter_map(Value::as_str)
                        .collect::<Vec<_>>()
                        .join(";"),
                ),
                other => Some(other.to_string()),
            }
        })
        .collect()
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}
