//! Leaving a host alone that failed repeatedly.
//!
//! Each host has its own circuit, so that a mirror is asked while the archive is left alone, and
//! an address elsewhere that fails does not stop the archive.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::Method;
use tokio::time::Instant;
use tower::{Service, ServiceExt};

use super::retry::{PATIENCE, asked_wait};
use super::{Answer, Answering, Exchange};
use crate::error::NetError;
use crate::health::{Circuit, Pulse, told};
use crate::request::Request;

/// However long a host asks us to stay away, it is tried after this.
const LONGEST: Duration = Duration::from_secs(3600);
/// Failing hosts that are remembered; more than a scope has, unless addresses from outside fail.
const REMEMBERED: usize = 256;

/// The circuits of the hosts of one scope.
#[derive(Debug)]
pub(crate) struct Breaker {
    failures: u32,
    open_for: Duration,
    hosts: Mutex<HashMap<String, Failing>>,
}

/// A host that failed and has not answered since.
#[derive(Debug)]
struct Failing {
    failures: u32,
    open_until: Option<Instant>,
    /// One request is let through to see whether the host answers again.
    trying: bool,
    last: String,
}

/// A request let through; unless settled it is as if it had never been.
struct Ticket {
    breaker: Arc<Breaker>,
    host: String,
    /// Whether this is the request that tries an open circuit.
    tries: bool,
}

impl Breaker {
    pub(crate) fn new(failures: u32, open_for: Duration) -> Self {
        Self {
            failures: failures.max(1),
            open_for,
            hosts: Mutex::default(),
        }
    }

    /// Fails when the circuit of the host is open, without letting anything through.
    pub(crate) fn check(&self, host: &str) -> Result<(), NetError> {
        match self.hosts().get(host) {
            Some(failing) => failing.refusal(host).map_or(Ok(()), Err),
            None => Ok(()),
        }
    }

    pub(crate) fn circuit(&self) -> Circuit {
        let hosts = self.hosts();
        let latest = hosts
            .values()
            .filter_map(|failing| failing.closed_until())
            .max();
        latest.map_or(Circuit::Closed, |until| Circuit::OpenUntil(wall(until)))
    }

    fn admit(self: &Arc<Self>, host: String) -> Result<Ticket, NetError> {
        let mut tries = false;
        if let Some(failing) = self.hosts().get_mut(&host) {
            if let Some(refusal) = failing.refusal(&host) {
                return Err(refusal);
            }
            tries = failing.open_until.is_some();
            failing.trying = tries;
        }
        Ok(Ticket {
            breaker: Arc::clone(self),
            host,
            tries,
        })
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<String, Failing>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Failing {
    /// Until when nothing is let through; the moment itself is not known while one request tries.
    fn closed_until(&self) -> Option<Instant> {
        let until = self.open_until?;
        let now = Instant::now();
        if self.trying {
            return Some(until.max(now + Duration::from_secs(1)));
        }
        (until > now).then_some(until)
    }

    fn refusal(&self, host: &str) -> Option<NetError> {
        let until = self.closed_until()?;
        Some(NetError::CircuitOpen {
            host: host.to_owned(),
            until: wall(until),
            last: self.last.clone(),
        })
    }
}

impl Ticket {
    fn answered(self) {
        self.breaker.hosts().remove(&self.host);
    }

    fn failed(self, error: &NetError) {
        let breaker = Arc::clone(&self.breaker);
        let mut hosts = breaker.hosts();
        if hosts.len() >= REMEMBERED && !hosts.contains_key(&self.host) {
            hosts.retain(|_, failing| failing.closed_until().is_some());
        }
        let failing = hosts.entry(self.host.clone()).or_insert_with(|| Failing {
            failures: 0,
            open_until: None,
            trying: false,
            last: String::new(),
        });
        failing.failures = failing.failures.saturating_add(1);
        failing.last = told(error);
        let asked = asked_wait(error).filter(|wait| *wait > PATIENCE);
        let opens =
            self.tries || (failing.open_until.is_none() && failing.failures >= breaker.failures);
        if opens || asked.is_some() {
            let pause = asked.unwrap_or(breaker.open_for).min(LONGEST);
            failing.open_until = Some(Instant::now() + pause);
            tracing::warn!(
                url.host = self.host,
                pause_s = pause.as_secs_f64(),
                error = failing.last,
                "leaving a host alone"
            );
        }
        drop(hosts);
    }
}

/// Whoever was let through to try and gave up makes place for the next.
impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.tries {
            return;
        }
        if let Some(failing) = self.breaker.hosts().get_mut(&self.host) {
            failing.trying = false;
        }
    }
}

fn wall(at: Instant) -> DateTime<Utc> {
    Utc::now() + at.saturating_duration_since(Instant::now())
}

#[derive(Clone)]
pub(super) struct Broken<S> {
    inner: S,
    breaker: Arc<Breaker>,
    pulse: Arc<Pulse>,
}

pub(super) fn layer<S>(breaker: Arc<Breaker>, pulse: Arc<Pulse>) -> impl Fn(S) -> Broken<S> {
    move |inner| Broken {
        inner,
        breaker: Arc::clone(&breaker),
        pulse: Arc::clone(&pulse),
    }
}

impl<S: Exchange> Service<Request> for Broken<S> {
    type Response = Answer;
    type Error = NetError;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NetError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Answering {
        let Self {
            inner,
            breaker,
            pulse,
        } = self.clone();
        Box::pin(async move {
            let ticket = breaker.admit(request.host())?;
            let is_head = request.method == Method::HEAD;
            let result = inner.oneshot(request).await;
            match &result {
                Ok(_) => {
                    pulse.answered();
                    ticket.answered();
                }
                // Servers exist whose HEAD hangs while they are well.
                Err(NetError::NoAnswer { .. }) if is_head => {}
                Err(error @ (NetError::Unreachable { .. } | NetError::NoAnswer { .. })) => {
                    pulse.failed(error);
                    ticket.failed(error);
                }
                Err(error @ (NetError::Status { .. } | NetError::Refused { .. }))
                    if error.is_transient() =>
                {
                    pulse.failed(error);
                    ticket.failed(error);
                }
                Err(error @ (NetError::Status { .. } | NetError::Refused { .. })) => {
                    if error.is_denied() {
                        pulse.failed(error);
                    } else {
                        pulse.answered();
                    }
                    ticket.answered();
                }
                Err(error) => pulse.failed(error),
            }
            result
        })
    }
}
