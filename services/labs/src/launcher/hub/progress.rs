//! What the Hub tells while a server starts, kept as text.
//!
//! A stream may end without a word; then it is found out from the server itself how it is.

use std::time::Duration;

use futures::StreamExt;
use gantry_net::Body;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::Handle;
use super::api::Hub;

/// How many lines are kept, and how long each may be.
const LINES: usize = 500;
const LINE_CHARS: usize = 1_000;

/// How long one event may be; what is longer is not read.
const EVENT_BYTES: usize = 256 * 1024;

/// How long it is waited after a stream that broke off, so that nobody asks without pause.
const PAUSE: Duration = Duration::from_secs(1);

/// How a start went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The server serves.
    Ready,
    /// It does not, for this reason.
    Failed(String),
    /// The Hub has stopped telling.
    BrokenOff,
}

#[derive(Debug, Clone, Default)]
struct Told {
    lines: Vec<String>,
    outcome: Option<Outcome>,
}

/// One event of the stream.
#[derive(Debug, Deserialize)]
struct Event {
    #[serde(default)]
    message: String,
    #[serde(default)]
    ready: bool,
    #[serde(default)]
    failed: bool,
}

/// What is told of one start; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Progress(watch::Receiver<Told>);

impl Progress {
    /// Follows a start until it is over; `before` is what was told of it earlier.
    pub(super) fn follow(hub: Hub, handle: &Handle, before: Vec<String>) -> Self {
        let told = Told {
            lines: before,
            outcome: None,
        };
        let (sender, receiver) = watch::channel(told);
        let handle = handle.clone();
        tokio::spawn(async move {
            let outcome = match hub.progress(&handle.user, &handle.server).await {
                Ok(body) => read(body, |line| sender.send_modify(|told| told.add(line))).await,
                Err(_) => Outcome::BrokenOff,
            };
            if outcome == Outcome::BrokenOff {
                sleep(PAUSE).await;
            }
            sender.send_modify(|told| told.outcome = Some(outcome));
        });
        Self(receiver)
    }

    /// What the Hub said last, once there is news or this time is over; `None` when it has said all.
    pub(super) async fn news(&self, within: Duration) -> Option<String> {
        let mut receiver = self.0.clone();
        let is_over = receiver.borrow_and_update().outcome.is_some();
        if !is_over {
            // No news are as good: what was said before still holds.
            let _ = timeout(within, receiver.changed()).await;
        }
        let told = receiver.borrow();
        let asked = || "the Hub was asked for it".to_owned();
        let last = told.lines.last().cloned();
        told.outcome.is_none().then(|| last.unwrap_or_else(asked))
    }

    /// How it went, once it is over.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        self.0.borrow().outcome.clone()
    }

    /// How it went, once it is over or this time is.
    pub(super) async fn outcome_within(&self, within: Duration) -> Option<Outcome> {
        let mut receiver = self.0.clone();
        let over = receiver.wait_for(|told| told.outcome.is_some());
        let told = timeout(within, over).await.ok()?.ok()?;
        told.outcome.clone()
    }

    /// Everything it said.
    pub(super) fn lines(&self) -> Vec<String> {
        self.0.borrow().lines.clone()
    }
}

impl Told {
    /// Adds a line; a stream that is followed anew begins with what it said before.
    fn add(&mut self, line: String) {
        if self.lines.len() < LINES && !self.lines.contains(&line) {
            self.lines.push(line);
        }
    }
}

/// Reads events until one says that it is over.
async fn read(mut body: Body, mut tell: impl FnMut(String)) -> Outcome {
    let mut text = Vec::new();
    while let Some(Ok(piece)) = body.next().await {
        text.extend_from_slice(&piece);
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = text.drain(..=end).collect();
            let Some(event) = event(&line) else {
                continue;
            };
            let message = shortened(&event.message);
            if event.failed {
                tell(message.clone());
                return Outcome::Failed(message);
            }
            if event.ready {
                return Outcome::Ready;
            }
            if !message.is_empty() {
                tell(message);
            }
        }
        if text.len() > EVENT_BYTES {
            break;
        }
    }
    Outcome::BrokenOff
}

/// The event in a line of the stream; a Hub puts each on one.
fn event(line: &[u8]) -> Option<Event> {
    serde_json::from_slice(line.strip_prefix(b"data:")?).ok()
}

/// A message on one line of bounded length.
fn shortened(message: &str) -> String {
    let words: Vec<&str> = message.split_whitespace().collect();
    words.join(" ").chars().take(LINE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_and_anything_else_is_passed_over() {
        let told =
            event(b"data: {\"progress\": 50, \"message\": \"Pulling\\n  image\"}\n").unwrap();
        assert_eq!(
            (shortened(&told.message).as_str(), told.ready, told.failed),
            ("Pulling image", false, false)
        );
        let failed = event(b"data: {\"progress\": 100, \"failed\": true, \"message\": \"Spawn failed: no disk\"}\n");
        assert!(failed.is_some_and(|event| event.failed));
        for line in [
            &b"\n"[..],
            b": a comment\n",
            b"data: no json\n",
            b"event: x\n",
        ] {
            assert!(event(line).is_none());
        }
    }
}
