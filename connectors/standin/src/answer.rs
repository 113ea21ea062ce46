//! Answers: a product's bytes over HTTP, with ranges, conditions and faults.

use std::io::{self, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use futures::Stream;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use crate::faults::Struck;

const CHUNK_BYTES: u64 = 64 * 1024;
const BEFORE_CLOSING: Duration = Duration::from_millis(100);
const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

/// What is to be sent, before its bytes are there.
#[derive(Debug, Clone)]
pub(crate) struct Entity {
    pub(crate) name: String,
    pub(crate) media_type: &'static str,
    pub(crate) size_bytes: u64,
    pub(crate) modified: DateTime<Utc>,
    pub(crate) etag: String,
    /// Whether a browser is told to save it.
    pub(crate) is_attachment: bool,
}

/// Where its bytes are.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Memory(Bytes),
    File(PathBuf),
}

/// Status, headers and the bytes to send, as decided from a request.
pub(crate) struct Plan {
    status: StatusCode,
    headers: HeaderMap,
    bytes: std::ops::Range<u64>,
}

impl Entity {
    /// The same entity after its archive changed it.
    pub(crate) fn changed(mut self) -> Self {
        self.modified += TimeDelta::days(1);
        self.etag = format!("\"{}-changed\"", self.etag.trim_matches('"'));
        self
    }

    /// Decides the answer to a request.
    pub(crate) fn plan(&self, request: &HeaderMap, struck: &Struck) -> Plan {
        let mut headers = self.headers();
        let mut set = |name, value: String| insert(&mut headers, name, &value);
        if !struck.no_range {
            set(header::ACCEPT_RANGES, "bytes".to_owned());
        }
        let size = self.size_bytes;
        let (status, bytes) = match self.wanted(request, struck) {
            Wanted::Nothing => (StatusCode::NOT_MODIFIED, 0..0),
            Wanted::Whole => (StatusCode::OK, 0..size),
            Wanted::Part(bytes) => {
                let last = bytes.end - 1;
                set(
                    header::CONTENT_RANGE,
                    format!("bytes {}-{last}/{size}", bytes.start),
                );
                (StatusCode::PARTIAL_CONTENT, bytes)
            }
            Wanted::Beyond => {
                set(header::CONTENT_RANGE, format!("bytes */{size}"));
                (StatusCode::RANGE_NOT_SATISFIABLE, 0..0)
            }
        };
        if status != StatusCode::NOT_MODIFIED {
            let n_bytes = (bytes.end - bytes.start).saturating_add_signed(struck.length_off_by);
            set(header::CONTENT_LENGTH, n_bytes.to_string());
        }
        Plan {
            status,
            headers,
            bytes,
        }
    }

    /// The headers that tell what it is.
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        insert(&mut headers, header::ETAG, &self.etag);
        insert(
            &mut headers,
            header::LAST_MODIFIED,
            &self.modified.format(HTTP_DATE).to_string(),
        );
        insert(&mut headers, header::CONTENT_TYPE, self.media_type);
        if self.is_attachment {
            let disposition = format!("attachment; filename=\"{}\"", self.name);
            insert(&mut headers, header::CONTENT_DISPOSITION, &disposition);
        }
        headers
    }

    fn wanted(&self, request: &HeaderMap, struck: &Struck) -> Wanted {
        let text = |name| request.get(name).and_then(|value| value.to_str().ok());
        if text(header::IF_NONE_MATCH)
            .is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == self.etag))
        {
            return Wanted::Nothing;
        }
        let Some(range) = text(header::RANGE).filter(|_| !struck.no_range) else {
            return Wanted::Whole;
        };
        match text(header::IF_RANGE) {
            Some(validator) if !self.is_still(validator) => Wanted::Whole,
            _ => read_range(range, self.size_bytes),
        }
    }

    fn is_still(&self, validator: &str) -> bool {
        match NaiveDateTime::parse_from_str(validator, HTTP_DATE) {
            Ok(date) => date == self.modified.naive_utc(),
            Err(_) => validator == self.etag,
        }
    }
}

/// Sets a header; a name that no header can hold, from a real folder, is left out.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = value.parse() {
        headers.insert(name, value);
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Nothing,
    Whole,
    Part(std::ops::Range<u64>),
    Beyond,
}

/// One range of bytes; several, or what is none, are ignored as RFC 9110 section 14.2 allows.
fn read_range(text: &str, size: u64) -> Wanted {
    let Some((first, last)) = text
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
    else {
        return Wanted::Whole;
    };
    match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), _) if first >= size && (last.trim().is_empty() || !last.contains(',')) => {
            Wanted::Beyond
        }
        (Ok(first), Ok(last)) if last >= first => {
            Wanted::Part(first..last.saturating_add(1).min(size))
        }
        (Ok(first), Err(_)) if last.trim().is_empty() => Wanted::Part(first..size),
        (Err(_), Ok(0)) if first.trim().is_empty() => Wanted::Beyond,
        (Err(_), Ok(n)) if first.trim().is_empty() => Wanted::Part(size.saturating_sub(n)..size),
        _ => Wanted::Whole,
    }
}

impl Plan {
    /// Whether bytes of the product are needed.
    pub(crate) fn has_bytes(&self, method: &Method) -> bool {
        method != Method::HEAD && !self.bytes.is_empty()
    }

    /// The answer without a body, as to HEAD.
    pub(crate) fn without_bytes(self) -> Response {
        (self.status, self.headers, Body::empty()).into_response()
    }

    /// The answer with its bytes, cut, slowed or flipped as the faults say.
    pub(crate) fn with_bytes(self, source: Source, size_bytes: u64, struck: &Struck) -> Response {
        let stream = byte_stream(source, self.bytes, size_bytes, struck);
        (self.status, self.headers, Body::from_stream(stream)).into_response()
    }
}

/// The bytes of a range of a product, cut, slowed or flipped as the faults say.
pub(crate) fn byte_stream(
    source: Source,
    bytes: std::ops::Range<u64>,
    size_bytes: u64,
    struck: &Struck,
) -> impl Stream<Item = io::Result<Bytes>> + use<> {
    // A transfer resumed where it was cut goes on.
    let is_within = |byte: &u64| bytes.contains(byte) && (*byte > bytes.start || *byte == 0);
    let cut_at = struck.cut_at.filter(is_within);
    let sending = Sending {
        source,
        file: None,
        at: bytes.start,
        end: bytes.end,
        cut_at,
        ends_early: cut_at.is_some() || struck.length_off_by > 0,
        flipped: struck.changed.then_some(size_bytes / 2),
        bytes_per_second: struck.bytes_per_second,
    };
    futures::stream::try_unfold(sending, Sending::next)
}

struct Sending {
    source: Source,
    file: Option<tokio::fs::File>,
    at: u64,
    end: u64,
    cut_at: Option<u64>,
    /// Whether fewer bytes are sent than were announced.
    ends_early: bool,
    flipped: Option<u64>,
    bytes_per_second: Option<u64>,
}

impl Sending {
    async fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        let stop = self.cut_at.unwrap_or(self.end);
        if self.at >= stop {
            if !self.ends_early {
                return Ok(None);
            }
            // An error makes the server close the connection and drop what it has not sent yet,
            // so it is given time to send it.
            tokio::time::sleep(BEFORE_CLOSING).await;
            return Err(io::Error::new(
                io::ErrorKind::ConnectionReset,
                "cut by a fault",
            ));
        }
        let mut n = CHUNK_BYTES.min(stop - self.at);
        if let Some(rate) = self.bytes_per_second {
            n = n.min((rate / 20).max(1));
            tokio::time::sleep(Duration::from_secs_f64(n as f64 / rate as f64)).await;
        }
        let mut bytes = self.read(n as usize).await?;
        if let Some(flipped) = self
            .flipped
            .filter(|byte| (self.at..self.at + n).contains(byte))
        {
            bytes[(flipped - self.at) as usize] ^= 0x01;
        }
        self.at += n;
        Ok(Some((bytes.into(), self)))
    }

    async fn read(&mut self, n: usize) -> io::Result<Vec<u8>> {
        let path = match &self.source {
            Source::Memory(bytes) => {
                return Ok(bytes[self.at as usize..self.at as usize + n].to_vec());
            }
            Source::File(path) => path,
        };
        if self.file.is_none() {
            let mut opened = tokio::fs::File::open(path).await?;
            opened.seek(SeekFrom::Start(self.at)).await?;
            self.file = Some(opened);
        }
        let mut buffer = vec![0; n];
        if let Some(file) = &mut self.file {
            file.read_exact(&mut buffer).await?;
        }
        Ok(buffer)
    }
}

/// A whole answer from memory, cut or slowed as the faults say.
pub(crate) fn whole(
    status: StatusCode,
    mut headers: HeaderMap,
    bytes: Bytes,
    struck: &Struck,
) -> Response {
    let size_bytes = bytes.len() as u64;
    let said = size_bytes.saturating_add_signed(struck.length_off_by);
    insert(&mut headers, header::CONTENT_LENGTH, &said.to_string());
    let plan = Plan {
        status,
        headers,
        bytes: 0..size_bytes,
    };
    plan.with_bytes(Source::Memory(bytes), size_bytes, struck)
}

/// A page of HTML, such as archives show when something is wrong.
pub(crate) fn page(status: StatusCode, text: &str) -> Response {
    let html = format!(
        "<!DOCTYPE html>\n<html><head><title>{text}</title></head><body><h1>{text}</h1></body></html>\n"
    );
    (
        status,
        [(header::CONTENT_TYPE, "text/html;charset=UTF-8")],
        html,
    )
        .into_response()
}

/// 503, as an overloaded or stopped service gives it.
pub(crate) fn unavailable(retry_after_s: Option<u64>) -> Response {
    let mut response = page(StatusCode::SERVICE_UNAVAILABLE, "503 Service Unavailable");
    if let Some(value) = retry_after_s.and_then(|seconds| seconds.to_string().parse().ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_rfc_9110_has_them() {
        assert_eq!(read_range("bytes=0-9", 100), Wanted::Part(0..10));
        assert_eq!(read_range("bytes=90-", 100), Wanted::Part(90..100));
        assert_eq!(read_range("bytes=90-500", 100), Wanted::Part(90..100));
        assert_eq!(read_range("bytes=-10", 100), Wanted::Part(90..100));
        assert_eq!(read_range("bytes=-500", 100), Wanted::Part(0..100));
        assert_eq!(read_range("bytes=100-", 100), Wanted::Beyond);
        assert_eq!(read_range("bytes=-0", 100), Wanted::Beyond);
        assert_eq!(read_range("bytes=5-1", 100), Wanted::Whole);
        assert_eq!(read_range("bytes=0-1,5-6", 100), Wanted::Whole);
        assert_eq!(read_range("lines=0-1", 100), Wanted::Whole);
    }
}
