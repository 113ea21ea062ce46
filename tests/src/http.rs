//! A small HTTP/1.1 client: it sends targets and headers exactly as they are given, also those no proper client would.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::DEADLINE;

/// A request, sent as it is.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`, `POST` …
    pub method: String,
    /// Path and query, unchanged.
    pub target: String,
    /// Headers in order; `Content-Length` and `Connection` are added.
    pub headers: Vec<(String, String)>,
    /// The body; nothing is announced where there is none.
    pub body: Option<Vec<u8>>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was asked, for messages.
    pub asked: String,
    /// The status.
    pub status: u16,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; empty for a stream of events, which is read with [`stream`].
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of this name, in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// This answer, when it has this status.
    ///
    /// # Panics
    /// When it has another.
    #[track_caller]
    #[must_use = "an answer is there to be looked at"]
    pub fn is(self, status: u16) -> Self {
        let start: String = self.text().chars().take(600).collect();
        assert_eq!(self.status, status, "{} → {start}", self.asked);
        self
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!(
                "{} ({}): {error} in {}",
                self.asked,
                self.status,
                self.text()
            )
        })
    }

    /// The problem this answer is, checked to be whole and to agree with the status.
    ///
    /// # Panics
    /// When it is no problem of this kind and status, or lacks a field.
    #[track_caller]
    #[must_use]
    pub fn problem(&self, status: u16, kind: &str) -> Value {
        let problem = self.any_problem();
        assert_eq!(
            (self.status, problem["type"].as_str()),
            (status, Some(format!("/problems/{kind}").as_str())),
            "{} → {problem}",
            self.asked
        );
        problem
    }

    /// The problem this answer is, of whatever kind.
    ///
    /// # Panics
    /// When it is none, lacks a field, or says another status than the answer has.
    #[track_caller]
    #[must_use]
    pub fn any_problem(&self) -> Value {
        let asked = &self.asked;
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{asked} → {} {}",
            self.status,
            self.text()
        );
        let problem = self.json();
        for field in ["type", "title", "detail", "instance"] {
            let text = problem[field].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{asked}: no `{field}` in {problem}");
        }
        let instance = problem["instance"].as_str().unwrap_or_default();
        assert!(instance.starts_with("urn:uuid:"), "{asked}: {problem}");
        assert_eq!(problem["status"], self.status, "{asked}: {problem}");
        problem
    }
}

/// Sends a request on a connection of its own and reads the answer to its end; of a stream of events only the head.
///
/// # Panics
/// When there is no answer within [`DEADLINE`], or none that is HTTP.
pub async fn send(to: SocketAddr, request: Request) -> Answer {
    let asked = format!("{} {}", request.method, request.target);
    let is_head = request.method == "HEAD";
    let whole = async {
        let (mut answer, mut reader) = begin(to, request).await;
        if !is_head && answer.header("content-type") != Some("text/event-stream") {
            answer.body = body(&answer, &mut reader).await;
        }
        answer
    };
    timeout(DEADLINE, whole)
        .await
        .unwrap_or_else(|_| panic!("no whole answer to {asked}"))
}

type Reader = BufReader<tokio::net::tcp::OwnedReadHalf>;

/// Sends a request and reads the head of the answer.
async fn begin(to: SocketAddr, request: Request) -> (Answer, Reader) {
    let stream = TcpStream::connect(to).await.expect("the service listens");
    let (read, mut write) = stream.into_split();
    let asked = format!("{} {}", request.method, request.target);
    let mut head = format!("{asked} HTTP/1.1\r\nConnection: close\r\n");
    for (name, value) in &request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(body) = &request.body {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    // A service that has read enough answers before it has read everything, so both go on at once.
    tokio::spawn(async move {
        let sent = write.write_all(head.as_bytes()).await;
        if sent.is_ok()
            && write
                .write_all(&request.body.unwrap_or_default())
                .await
                .is_ok()
        {
            // The write half stays open until the answer has been read.
            std::future::pending::<()>().await;
        }
    });
    let mut reader = BufReader::new(read);
    let (status, headers) = read_head(&mut reader, &asked).await;
    let answer = Answer {
        asked,
        status,
        headers,
        body: Vec::new(),
    };
    (answer, reader)
}

async fn line(reader: &mut Reader, asked: &str) -> String {
    let mut line = String::new();
    let read = reader.read_line(&mut line).await;
    assert!(
        read.as_ref().is_ok_and(|n| *n > 0),
        "the answer to {asked} broke off: {read:?}"
    );
    line.trim_end_matches(['\r', '\n']).to_owned()
}

async fn read_head(reader: &mut Reader, asked: &str) -> (u16, Vec<(String, String)>) {
    let first = line(reader, asked).await;
    let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
    let mut headers = Vec::new();
    loop {
        let text = line(reader, asked).await;
        let Some((name, value)) = text.split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let status = status.unwrap_or_else(|| panic!("{asked} → `{first}`, which is not HTTP"));
    (status, headers)
}

async fn body(answer: &Answer, reader: &mut Reader) -> Vec<u8> {
    let mut body = Vec::new();
    if answer.header("transfer-encoding") == Some("chunked") {
        while let Some(piece) = chunk(reader).await {
            body.extend(piece);
        }
        return body;
    }
    let n_bytes = answer
        .header("content-length")
        .and_then(|length| length.parse::<usize>().ok());
    match n_bytes {
        Some(n_bytes) => {
            body.resize(n_bytes, 0);
            let read = reader.read_exact(&mut body).await;
            assert!(read.is_ok(), "the body of {} broke off", answer.asked);
        }
        None => drop(reader.read_to_end(&mut body).await),
    }
    body
}

/// The next chunk; nothing at the end.
async fn chunk(reader: &mut Reader) -> Option<Vec<u8>> {
    let mut size = String::new();
    reader.read_line(&mut size).await.ok()?;
    let n_bytes = usize::from_str_radix(size.trim(), 16).ok()?;
    let mut piece = vec![0; n_bytes + 2];
    reader.read_exact(&mut piece).await.ok()?;
    piece.truncate(n_bytes);
    (n_bytes > 0).then_some(piece)
}

/// One server-sent event.
#[derive(Debug, Clone)]
pub struct Event {
    /// What kind it is.
    pub event: String,
    /// Its number.
    pub id: String,
    /// What it says.
    pub data: Value,
}

/// A stream of events that is being read.
pub struct Events {
    /// The head of the answer.
    pub head: Answer,
    reader: Reader,
    buffer: String,
}

/// Sends a request whose answer is a stream of events.
///
/// # Panics
/// When there is no answer within [`DEADLINE`].
pub async fn stream(to: SocketAddr, request: Request) -> Events {
    let (head, reader) = timeout(DEADLINE, begin(to, request))
        .await
        .expect("the head of a stream comes at once");
    Events {
        head,
        reader,
        buffer: String::new(),
    }
}

impl Events {
    /// The next event; nothing when the stream has ended.
    ///
    /// # Panics
    /// When there is none within [`DEADLINE`].
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((text, rest)) = self.buffer.split_once("\n\n") {
                let (text, rest) = (text.to_owned(), rest.to_owned());
                self.buffer = rest;
                if let Some(event) = event(&text) {
                    return Some(event);
                }
                continue;
            }
            let piece = timeout(DEADLINE, chunk(&mut self.reader))
                .await
                .expect("events or their end come in time")?;
            self.buffer.push_str(&String::from_utf8_lossy(&piece));
        }
    }

    /// All events up to the end of the stream.
    pub async fn all(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

/// Reads an event; a comment is none.
fn event(text: &str) -> Option<Event> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim_start().to_owned())
    };
    Some(Event {
        event: field("event:")?,
        id: field("id:").unwrap_or_default(),
        data: serde_json::from_str(&field("data:").unwrap_or_default()).unwrap_or_default(),
    })
}
