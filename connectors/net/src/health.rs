//! How a scope is doing, for people who wonder why they wait.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::error::{NetError, causes};

/// How a scope is doing just now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Health {
    /// Requests whose answer or body is under way.
    pub in_flight: usize,
    /// Requests that wait for their turn.
    pub waiting: usize,
    /// Whether its hosts are asked at all.
    pub circuit: Circuit,
    /// When it last answered.
    pub last_success: Option<DateTime<Utc>>,
    /// Its last failure; an answer that something is not there is no failure.
    pub last_error: Option<String>,
    /// Speed of one body, measured over the recent ones.
    pub bytes_per_second: Option<f64>,
}

/// Whether a host that failed is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Circuit {
    /// Every host is asked.
    Closed,
    /// A host is left alone until then; of several, the latest.
    OpenUntil(DateTime<Utc>),
}

/// Pieces of bodies the speed is measured over.
const PIECES: usize = 32;

/// What is written down while a scope is used.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    waiting: AtomicUsize,
    noted: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    last_success: Option<DateTime<Utc>>,
    last_error: Option<String>,
    pieces: VecDeque<(u64, Duration)>,
}

/// Counts one request as waiting until dropped.
pub(crate) struct Waiting<'a>(&'a Pulse);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pulse {
    pub(crate) fn waits(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(self)
    }

    pub(crate) fn answered(&self) {
        self.note(|noted| noted.last_success = Some(Utc::now()));
    }

    pub(crate) fn failed(&self, error: &NetError) {
        let text = told(error);
        self.note(|noted| noted.last_error = Some(text));
    }

    pub(crate) fn moved(&self, bytes: u64, took: Duration) {
        self.note(|noted| {
            noted.pieces.truncate(PIECES - 1);
            noted.pieces.push_front((bytes, took));
        });
    }

    pub(crate) fn health(&self, in_flight: usize, circuit: Circuit) -> Health {
        self.note(|noted| Health {
            in_flight,
            waiting: self.waiting.load(Ordering::Relaxed),
            circuit,
            last_success: noted.last_success,
            last_error: noted.last_error.clone(),
            bytes_per_second: noted.speed(),
        })
    }

    fn note<T>(&self, write: impl FnOnce(&mut Noted) -> T) -> T {
        write(&mut self.noted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Noted {
    fn speed(&self) -> Option<f64> {
        let bytes: u64 = self.pieces.iter().map(|(bytes, _)| bytes).sum();
        let took: Duration = self.pieces.iter().map(|(_, took)| took).sum();
        (!took.is_zero()).then(|| bytes as f64 / took.as_secs_f64())
    }
}

/// An error with its causes on one line.
pub(crate) fn told(error: &NetError) -> String {
    let all: Vec<String> = causes(error).map(ToString::to_string).collect();
    all.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speed_is_that_of_the_recent_pieces() {
        let pulse = Pulse::default();
        assert_eq!(pulse.health(0, Circuit::Closed).bytes_per_second, None);
        pulse.moved(1_000_000, Duration::from_secs(1));
        for _ in 0..PIECES {
            pulse.moved(100, Duration::from_secs(1));
        }
        assert_eq!(
            pulse.health(0, Circuit::Closed).bytes_per_second,
            Some(100.0)
        );
    }

    #[test]
    fn waiting_is_counted_until_it_ends() {
        let pulse = Pulse::default();
        let waiting = pulse.waits();
        assert_eq!(pulse.health(0, Circuit::Closed).waiting, 1);
        drop(waiting);
        assert_eq!(pulse.health(0, Circuit::Closed).waiting, 0);
    }
}
