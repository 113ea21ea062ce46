//! A small archive over HTTP: the files of a round with their mishaps, and a log of who asked for what.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::dice::Dice;
use super::holdings::{Held, Kind, Mishap, flipped};

/// One request for the bytes of a file.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) name: String,
    /// The first byte that was asked for.
    pub(crate) from: u64,
    /// What was answered.
    #[expect(dead_code, reason = "it is shown with what is wrong")]
    pub(crate) status: u16,
    /// Which of its versions the file had.
    #[expect(dead_code, reason = "it is shown with what is wrong")]
    pub(crate) version: usize,
    pub(crate) mishap: Option<Mishap>,
    /// How long after the start of the archive.
    #[expect(dead_code, reason = "it is shown with what is wrong")]
    pub(crate) at: Duration,
}

/// The archive; it ends when this is dropped.
pub(crate) struct Archive {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Bytes of files that were sent.
    sent: AtomicU64,
    is_calm: AtomicBool,
    is_closing: AtomicBool,
    started: Instant,
}

struct State {
    held: BTreeMap<String, (Held, usize)>,
    log: Vec<Asked>,
    dice: Dice,
}

/// What is sent for one request.
struct Answer {
    status: u16,
    headers: String,
    body: Vec<u8>,
    /// Where the connection is cut, if it is.
    cut_at: Option<usize>,
    /// Whether the body goes in chunks, its length unsaid.
    is_chunked: bool,
}

impl Archive {
    pub(crate) fn start(held: &[Held], seed: u64) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let held = held
            .iter()
            .map(|held| (held.name.clone(), (held.clone(), 0)));
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                held: held.collect(),
                log: Vec::new(),
                dice: Dice::new(seed),
            }),
            sent: AtomicU64::new(0),
            is_calm: AtomicBool::new(false),
            is_closing: AtomicBool::new(false),
            started: Instant::now(),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accepting.is_closing.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                thread::spawn(move || drop(shared.serve(&stream)));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Bytes of files that were sent so far.
    pub(crate) fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    /// From now on nothing goes wrong any more.
    pub(crate) fn calm(&self) {
        self.shared.is_calm.store(true, Ordering::Relaxed);
    }

    /// All requests so far, in order.
    pub(crate) fn log(&self) -> Vec<Asked> {
        self.shared.state().log.clone()
    }

    pub(crate) fn n_asked(&self) -> usize {
        self.shared.state().log.len()
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        self.shared.is_closing.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts; when it cannot be reached it has ended.
        drop(TcpStream::connect(self.address));
    }
}

/// What of a request matters here.
#[derive(Default)]
struct Head {
    is_head: bool,
    name: String,
    from: u64,
    if_range: Option<String>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Answers the requests of one connection until it ends.
    fn serve(&self, stream: &TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream);
        while let Some(head) = read_head(&mut reader)? {
            let answer = self.answer(&head);
            let is_whole = self.send(stream, &answer, head.is_head)?;
            if !is_whole {
                return stream.shutdown(std::net::Shutdown::Both);
            }
        }
        Ok(())
    }

    fn answer(&self, head: &Head) -> Answer {
        let mut state = self.state();
        let State { held, log, dice } = &mut *state;
        let Some((held, version)) = held.get_mut(&head.name) else {
            return Answer::empty(404, "");
        };
        let mut mishap = None;
        if !self.is_calm.load(Ordering::Relaxed) && !head.is_head {
            mishap = held.mishaps.pop_front();
        }
        let answered = *version;
        let answer = answer(held, answered, mishap, head, dice);
        if mishap == Some(Mishap::Replaced) {
            *version = 1;
        }
        if head.is_head {
            return answer;
        }
        log.push(Asked {
            name: head.name.clone(),
            from: head.from,
            status: answer.status,
            version: answered,
            mishap,
            at: self.started.elapsed(),
        });
        answer
    }

    /// Sends an answer; whether all of it went out.
    fn send(
        &self,
        mut stream: &TcpStream,
        answer: &Answer,
        is_head: bool,
    ) -> std::io::Result<bool> {
        let Answer {
            status,
            headers,
            body,
            cut_at,
            is_chunked,
        } = answer;
        let length = if *is_chunked {
            "Transfer-Encoding: chunked\r\n".to_owned()
        } else {
            format!("Content-Length: {}\r\n", body.len())
        };
        stream.write_all(format!("HTTP/1.1 {status} X\r\n{headers}{length}\r\n").as_bytes())?;
        if is_head {
            return Ok(true);
        }
        let end = cut_at.unwrap_or(body.len());
        for piece in body[..end].chunks(32 * 1024) {
            if *is_chunked {
                stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes())?;
                stream.write_all(piece)?;
                stream.write_all(b"\r\n")?;
            } else {
                stream.write_all(piece)?;
            }
            self.sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
        if *is_chunked && cut_at.is_none() {
            stream.write_all(b"0\r\n\r\n")?;
        }
        Ok(cut_at.is_none())
    }
}

impl Answer {
    fn empty(status: u16, headers: &str) -> Self {
        Self {
            status,
            headers: headers.to_owned(),
            body: Vec::new(),
            cut_at: None,
            is_chunked: false,
        }
    }
}

/// What a file answers to a request with this mishap.
fn answer(
    held: &Held,
    version: usize,
    mishap: Option<Mishap>,
    head: &Head,
    dice: &mut Dice,
) -> Answer {
    match mishap {
        Some(Mishap::Unavailable(None)) => return Answer::empty(503, ""),
        Some(Mishap::Unavailable(Some(seconds))) => {
            return Answer::empty(503, &format!("Retry-After: {seconds}\r\n"));
        }
        Some(Mishap::ServerError) => return Answer::empty(500, ""),
        Some(Mishap::Missing) => return Answer::empty(404, ""),
        Some(Mishap::Page) => {
            return Answer {
                body: b"<!DOCTYPE html><html><body>An error has occurred</body></html>".to_vec(),
                ..Answer::empty(200, "Content-Type: text/html\r\n")
            };
        }
        _ => {}
    }
    let mut bytes = held.versions[version].as_ref().clone();
    if mishap == Some(Mishap::Short) {
        bytes.truncate(bytes.len() - bytes.len().min(7));
    }
    let etag = format!("\"{}-{version}\"", held.name);
    let may_resume = head.if_range.as_ref().is_none_or(|known| *known == etag);
    let from = if may_resume && mishap != Some(Mishap::NoRange) {
        head.from
    } else {
        0
    };
    let validators = format!(
        "ETag: {etag}\r\nLast-Modified: Sun, 0{} Nov 2026 08:00:00 GMT\r\nAccept-Ranges: bytes\r\nContent-Type: application/octet-stream\r\n",
        version + 1
    );
    if from > 0 && from >= bytes.len() as u64 {
        return Answer::empty(
            416,
            &format!("{validators}Content-Range: bytes */{}\r\n", bytes.len()),
        );
    }
    let start = usize::try_from(from).unwrap();
    if mishap == Some(Mishap::Flip) && held.kind != Kind::Plain {
        bytes = flipped(held.kind, &bytes, start, dice).unwrap_or(bytes);
    }
    let (total, mut body) = (bytes.len(), bytes.split_off(start));
    let mut headers = validators;
    if start > 0 {
        headers.push_str(&format!(
            "Content-Range: bytes {start}-{}/{total}\r\n",
            total - 1
        ));
    }
    let mut cut_at = None;
    match mishap {
        Some(Mishap::Cut(thousandths)) => cut_at = Some(share(body.len(), thousandths)),
        Some(Mishap::Replaced) => cut_at = Some(body.len() / 2),
        Some(Mishap::Unannounced(thousandths)) => body.truncate(share(body.len(), thousandths)),
        _ => {}
    }
    Answer {
        status: if start > 0 { 206 } else { 200 },
        headers,
        body,
        cut_at,
        is_chunked: matches!(mishap, Some(Mishap::Unannounced(_))) && start == 0,
    }
}

fn share(length: usize, thousandths: u64) -> usize {
    length * usize::try_from(thousandths).unwrap() / 1000
}

/// The next request of a connection; `None` when it has ended.
fn read_head(reader: &mut BufReader<&TcpStream>) -> std::io::Result<Option<Head>> {
    let mut head = Head::default();
    let mut line = String::new();
    let mut is_first = true;
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let text = line.trim_end();
        if is_first {
            head.is_head = text.starts_with("HEAD ");
            let target = text.split(' ').nth(1).unwrap_or_default();
            head.name = target
                .rsplit_once('=')
                .map_or(target, |(_, name)| name)
                .to_owned();
            is_first = false;
        } else if text.is_empty() {
            return Ok(Some(head));
        } else if let Some((key, value)) = text.split_once(": ") {
            match key.to_ascii_lowercase().as_str() {
                "range" => head.from = first_byte(value),
                "if-range" => head.if_range = Some(value.to_owned()),
                _ => {}
            }
        }
    }
}

/// The first byte of `bytes=5-`.
fn first_byte(range: &str) -> u64 {
    let range = range.trim_start_matches("bytes=");
    let (first, _) = range.split_once('-').unwrap();
    first.parse().unwrap()
}

/// The list of products, as the connector reads it.
pub(crate) fn list(held: &[Held]) -> String {
    let products = held.iter().map(|held| {
        let mut product =
            json!({"name": held.name, "class": "MAP", "modified": "2026-11-01T08:00:00Z"});
        if held.is_listed {
            product["size_bytes"] = json!(held.versions[0].len());
        }
        product
    });
    json!({"products": products.collect::<Vec<_>>()}).to_string()
}
