//! A server that answers each request as told: bytes on the wire, so that it can also lie, cut
//! and hang.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gantry_net::{Client, Limits, Net, NetConfig, Scope, Url};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One request as it came: its head, in lower case but for the first line, and its body.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Bytes to send, and whether the connection then stays open without a further word.
#[derive(Clone)]
pub(crate) struct Reply {
    bytes: Vec<u8>,
    hangs: bool,
}

impl Reply {
    pub(crate) fn new(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let length = body.len().to_string();
        let mut all = vec![("content-length", length.as_str())];
        all.retain(|(name, _)| !headers.iter().any(|(given, _)| given == name));
        all.extend_from_slice(headers);
        let mut text = format!("HTTP/1.1 {status} Said\r\nconnection: close\r\n");
        for (name, value) in all.into_iter().filter(|(_, value)| !value.is_empty()) {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.push_str(body);
        Self {
            bytes: text.into_bytes(),
            hangs: false,
        }
    }

    pub(crate) fn ok(body: &str) -> Self {
        Self::new(200, &[], body)
    }

    pub(crate) fn to(location: &str) -> Self {
        Self::new(302, &[("location", location)], "")
    }

    pub(crate) fn nothing() -> Self {
        Self {
            bytes: Vec::new(),
            hangs: true,
        }
    }

    /// Then neither says more nor hangs up.
    pub(crate) fn hanging(mut self) -> Self {
        self.hangs = true;
        self
    }
}

/// The server. It keeps what it was asked.
pub(crate) struct Peer {
    pub(crate) url: Url,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Peer {
    /// Starts a server on a port of its own.
    pub(crate) async fn answering(
        answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has a free port");
        let port = listener.local_addr().expect("the listener is bound").port();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let seen = Arc::clone(&asked);
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                tokio::spawn(async move { serve(stream, &seen, &*answer).await });
            }
        });
        let url = format!("http://127.0.0.1:{port}/")
            .parse()
            .expect("an address");
        Self { url, asked }
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        self.url.join(path).expect("a path")
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked
            .lock()
            .expect("no test panics while it holds this")
            .clone()
    }

    pub(crate) fn n_asked(&self) -> usize {
        self.asked().len()
    }

    /// A client that trusts this server.
    pub(crate) fn client(&self) -> Client {
        self.client_with(quick())
    }

    pub(crate) fn client_with(&self, limits: Limits) -> Client {
        let scope = Scope {
            limits,
            ..Scope::new("peer", [&self.url])
        };
        net(&[]).client(scope)
    }
}

/// Limits under which a test need not wait.
pub(crate) fn quick() -> Limits {
    Limits {
        per_second: 1000.0,
        backoff: Duration::from_millis(2),
        headers: Duration::from_secs(20),
        head: Duration::from_millis(150),
        idle: Duration::from_millis(150),
        ..Limits::default()
    }
}

pub(crate) fn net(allow_private: &[&str]) -> Net {
    let allow = allow_private
        .iter()
        .map(|text| text.parse().expect("a network"));
    let config = NetConfig {
        allow_private: allow.collect(),
        ..NetConfig::default()
    };
    Net::new(config).expect("HTTP can be set up")
}

/// A client of a scope without trusted hosts.
pub(crate) fn guarded(allow_private: &[&str]) -> Client {
    net(allow_private).client(Scope {
        limits: quick(),
        ..Scope::new("nobody", [])
    })
}

async fn serve(
    mut stream: TcpStream,
    seen: &Mutex<Vec<Asked>>,
    answer: &(impl Fn(&Asked) -> Reply + ?Sized),
) {
    let Some(asked) = read(&mut stream).await else {
        return;
    };
    seen.lock()
        .expect("no test panics while it holds this")
        .push(asked.clone());
    let reply = answer(&asked);
    // The client may have hung up; that is its right.
    let _ = stream.write_all(&reply.bytes).await;
    if reply.hangs {
        let _ = stream.read(&mut [0]).await;
    }
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut text = Vec::new();
    let end = loop {
        if let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut text).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&text[..end]).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers: Vec<_> = headers
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let mut asked = Asked {
        method: first.next()?.to_owned(),
        path: first.next()?.to_owned(),
        headers,
        body: String::new(),
    };
    let length: usize = asked
        .header("content-length")
        .map_or(0, |length| length.parse().unwrap_or(0));
    while text.len() < end + 4 + length {
        if stream.read_buf(&mut text).await.ok()? == 0 {
            return None;
        }
    }
    asked.body = String::from_utf8_lossy(&text[end + 4..]).into_owned();
    Some(asked)
}
