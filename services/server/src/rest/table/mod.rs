//! All matches of a search as a table: CSV, VOTable or JSON Lines, streamed.
//!
//! One commit of the index is walked on a thread of its own, which waits while the client is slower, ends when the
//! client goes, and stops with a note and the address of the rest when it has taken as long as a table may. A table
//! that fails on the way is cut without its end, so that nobody takes it for whole.

mod columns;

use std::collections::HashMap;
use std::io::{self, ErrorKind, Write};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use gantry_asset::AssetId;
use gantry_formats::votable::write::{Field, Writer};
use gantry_search::{Hit, Query};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::app::App;
use crate::problem::{BUSY, Problem};
use crate::search_query::SearchParams;
use crate::views::AssetView;
use columns::{columns, csv_row};

/// The form of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    Csv,
    Votable,
    Jsonl,
}

/// So many tables are written at a time.
pub(crate) const TABLES: usize = 8;

/// A client that takes nothing for so long is gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the end of a table may take to be sent.
const ENDING: Duration = Duration::from_secs(30);

/// A piece of the answer.
const PIECE_BYTES: usize = 64 << 10;

impl Format {
    /// The table a client asks for, if it asks for one rather than for JSON: the best of what it accepts, what it names
    /// before what it only does not refuse.
    pub(crate) fn wanted(headers: &HeaderMap) -> Option<Self> {
        let accept = headers.get(header::ACCEPT)?.to_str().ok()?;
        let mut best = (0.0, false, None);
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let (format, is_named) = match parts.next().unwrap_or_default() {
                "text/csv" => (Some(Self::Csv), true),
                "application/x-votable+xml" => (Some(Self::Votable), true),
                "application/jsonl" | "application/x-ndjson" => (Some(Self::Jsonl), true),
                "application/json" => (None, true),
                "application/*" | "*/*" => (None, false),
                _ => continue,
            };
            let weight = parts.find_map(|part| part.strip_prefix("q=")?.trim().parse().ok());
            let weight: f32 = weight.unwrap_or(1.0);
            if (weight, is_named) > (best.0, best.1) && weight > 0.0 {
                best = (weight, is_named, format);
            }
        }
        best.2
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Votable => "application/x-votable+xml",
            Self::Jsonl => "application/jsonl",
        }
    }

    /// Its value in an address, and how a file of it ends.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Csv => ("csv", "csv"),
            Self::Votable => ("votable", "vot"),
            Self::Jsonl => ("jsonl", "jsonl"),
        }
    }
}

/// Streams all matches of a search; as a file to keep, where its address names the format.
pub(crate) async fn stream(
    app: App,
    params: SearchParams,
    format: Format,
) -> Result<Response, Problem> {
    let query = params.query()?;
    let place = app.tables.clone().try_acquire_owned().map_err(|_| {
        let detail = format!("{TABLES} tables are being written already; try again in a moment");
        Problem::new(&BUSY, detail)
    })?;
    // A search that cannot be answered is a problem and not a broken table.
    let probe = Query {
        limit: 0,
        fields: Some(Vec::new()),
        ..query.clone()
    };
    crate::rest::blocking(&app, move |app| app.index.search(&probe)).await??;
    let (sender, receiver) = mpsc::channel(8);
    let as_file = params.format.is_some();
    let limit = Duration::from_secs(app.config.search.table_s);
    let mut table = Table {
        sheet: Sheet::new(format),
        rest: SearchParams {
            format: Some(format.names().0.to_owned()),
            ..params
        },
        limit,
        until: Instant::now() + limit,
        n_rows: 0,
        out: Chunks::new(sender, Instant::now() + limit + ENDING),
        app,
    };
    let is_whole = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&is_whole);
    tokio::task::spawn_blocking(move || {
        let _place = place;
        match table.write(&query) {
            Ok(()) => ended.store(true, Ordering::Release),
            // The client is gone or too slow, or reading failed.
            Err(error) => tracing::debug!(%error, rows = table.n_rows, "a table was cut"),
        }
    });
    let pieces = futures::stream::unfold(Some(receiver), move |receiver| {
        let is_whole = Arc::clone(&is_whole);
        async move {
            let mut receiver = receiver?;
            match receiver.recv().await {
                Some(piece) => Some((Ok(piece), Some(receiver))),
                None if is_whole.load(Ordering::Acquire) => None,
                // The connection breaks: an answer that ended in good order would be taken for whole.
                None => Some((Err(io::Error::from(ErrorKind::UnexpectedEof)), None)),
            }
        }
    });
    // What packs it asks once more after its end.
    let pieces = pieces.fuse();
    let mut headers = vec![
        (header::CONTENT_TYPE, format.media_type().to_owned()),
        (header::VARY, "accept".to_owned()),
    ];
    if as_file {
        let file = format!(
            "attachment; filename=\"gantry-assets.{}\"",
            format.names().1
        );
        headers.push((header::CONTENT_DISPOSITION, file));
    }
    let headers: HeaderMap = headers
        .into_iter()
        .filter_map(|(name, value): (HeaderName, String)| Some((name, value.parse().ok()?)))
        .collect();
    Ok((headers, Body::from_stream(pieces.boxed())).into_response())
}

/// A table under way.
struct Table {
    app: App,
    /// The search, to say where the rest is.
    rest: SearchParams,
    sheet: Sheet,
    out: Chunks,
    limit: Duration,
    until: Instant,
    n_rows: u64,
}

impl Table {
    fn write(&mut self, query: &Query) -> io::Result<()> {
        self.sheet.begin()?;
        let (app, mut failed, mut cut) = (self.app.clone(), None, None);
        let walked = app.index.walk(query, &mut |piece| {
            let written = self.rows(&piece.hits);
            let is_late = Instant::now() >= self.until;
            cut = piece
                .next
                .filter(|_| is_late)
                .map(|next| (piece.total, next));
            failed = written.err();
            match failed.is_some() || cut.is_some() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        walked.map_err(io::Error::other)?;
        match (failed, cut) {
            (Some(error), _) => return Err(error),
            (None, Some((total, next))) => {
                let note = format!(
                    "cut after {} s with {} of {total} rows; the rest is at `next`",
                    self.limit.as_secs(),
                    self.n_rows
                );
                let next = self.rest.page_after(&self.app.at("/api/v1/assets"), &next);
                self.sheet.cut(&note, &next)?;
            }
            (None, None) => self.sheet.end()?,
        }
        self.out.write_all(&self.sheet.take())?;
        self.out.flush()
    }

    fn rows(&mut self, hits: &[Hit]) -> io::Result<()> {
        if self.app.stop.is_cancelled() {
            return Err(io::Error::new(ErrorKind::Interrupted, "the service ends"));
        }
        self.n_rows += match &mut self.sheet {
            Sheet::Jsonl(lines) => whole_assets(&self.app, hits, lines)?,
            sheet => {
                for hit in hits {
                    sheet.row(&serde_json::from_str(hit.view.get())?)?;
                }
                hits.len() as u64
            }
        };
        self.out.write_all(&self.sheet.take())
    }
}

/// Writes a line for each asset that is still there, in the form of `GET /assets/{id}`; how many those were.
fn whole_assets(app: &App, hits: &[Hit], lines: &mut Vec<u8>) -> io::Result<u64> {
    let ids: Vec<AssetId> = hits.iter().map(|hit| hit.id.clone()).collect();
    let records = Handle::current().block_on(app.store.live_assets(&ids));
    let records = records.map_err(io::Error::other)?;
    let by_id: HashMap<&str, _> = records
        .iter()
        .map(|record| (record.asset.id.as_str(), record))
        .collect();
    for record in ids.iter().filter_map(|id| by_id.get(id.as_str())) {
        serde_json::to_writer(&mut *lines, &AssetView::from(*record))?;
        lines.push(b'\n');
    }
    Ok(records.len() as u64)
}

/// What a table is written on, in its form; holds what was not taken yet.
enum Sheet {
    Csv(Vec<u8>),
    Votable(Option<Box<Writer<Vec<u8>>>>, Vec<u8>),
    Jsonl(Vec<u8>),
}

impl Sheet {
    fn new(format: Format) -> Self {
        match format {
            Format::Csv => Self::Csv(Vec::new()),
            Format::Votable => Self::Votable(None, Vec::new()),
            Format::Jsonl => Self::Jsonl(Vec::new()),
        }
    }

    fn begin(&mut self) -> io::Result<()> {
        match self {
            Self::Csv(out) => {
                let names = columns().iter().map(|column| Some(column.name));
                write!(out, "{}\r\n", csv_row(names))
            }
            Self::Votable(writer, _) => {
                let fields: Vec<Field> = columns().iter().map(columns::Column::field).collect();
                let begun = Writer::new(Vec::new(), &fields).map_err(io::Error::other)?;
                *writer = Some(Box::new(begun));
                Ok(())
            }
            Self::Jsonl(_) => Ok(()),
        }
    }

    fn row(&mut self, hit: &Value) -> io::Result<()> {
        let cells: Vec<Option<String>> = columns().iter().map(|column| column.cell(hit)).collect();
        match self {
            Self::Csv(out) => {
                write!(out, "{}\r\n", csv_row(cells.iter().map(Option::as_deref)))
            }
            Self::Votable(Some(writer), _) => {
                let row: Vec<Option<&str>> = cells.iter().map(Option::as_deref).collect();
                writer.row(&row).map_err(io::Error::other)
            }
            Self::Votable(None, _) | Self::Jsonl(_) => Ok(()),
        }
    }

    fn end(&mut self) -> io::Result<()> {
        if let Self::Votable(writer, rest) = self
            && let Some(writer) = writer.take()
        {
            *rest = writer.finish().map_err(io::Error::other)?;
        }
        Ok(())
    }

    /// Ends a table that is not whole: with a row of a single cell, a status, or a line that is no asset.
    fn cut(&mut self, note: &str, next: &str) -> io::Result<()> {
        match self {
            Self::Csv(out) => {
                let note = format!("# {note}: {next}");
                let cells = columns().iter().enumerate();
                let cells = cells.map(|(at, _)| (at == 0).then_some(note.as_str()));
                write!(out, "{}\r\n", csv_row(cells))
            }
            Self::Votable(writer, rest) => {
                if let Some(writer) = writer.take() {
                    let ended = writer.finish_overflowed(&format!("{note}: {next}"));
                    *rest = ended.map_err(io::Error::other)?;
                }
                Ok(())
            }
            Self::Jsonl(out) => writeln!(out, "{}", json!({"note": note, "next": next})),
        }
    }

    /// Takes what was written since.
    fn take(&mut self) -> Vec<u8> {
        match self {
            Self::Votable(Some(writer), _) => std::mem::take(writer.get_mut()),
            Self::Csv(out) | Self::Votable(None, out) | Self::Jsonl(out) => std::mem::take(out),
        }
    }
}

/// Collects what is written into pieces worth sending, and waits until there is room for them.
struct Chunks {
    sender: mpsc::Sender<Bytes>,
    buffer: Vec<u8>,
    until: Instant,
}

impl Chunks {
    fn new(sender: mpsc::Sender<Bytes>, until: Instant) -> Self {
        Self {
            sender,
            buffer: Vec::new(),
            until,
        }
    }
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = Bytes::from(std::mem::take(&mut self.buffer));
        let until = self.until.min(Instant::now() + PATIENCE);
        let sent = timeout_at(until, self.sender.send(piece));
        match Handle::current().block_on(sent) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(ErrorKind::BrokenPipe.into()),
            Err(_) => Err(ErrorKind::TimedOut.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_written_when_it_is_what_the_client_likes_best() {
        for (accept, expected) in [
            ("text/csv", Some(Format::Csv)),
            ("*/*", None),
            ("application/json, text/csv;q=0.5", None),
            ("application/json;q=0.5, text/csv", Some(Format::Csv)),
            (
                "*/*, application/x-votable+xml;serialization=TABLEDATA",
                Some(Format::Votable),
            ),
            ("application/jsonl, text/csv", Some(Format::Jsonl)),
            ("text/csv;q=0, */*", None),
            ("text/html, image/png", None),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
            assert_eq!(Format::wanted(&headers), expected, "{accept}");
        }
    }
}
