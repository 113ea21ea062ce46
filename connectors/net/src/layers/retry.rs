//! Trying again, when that makes sense and as long as the other side wishes.

use std::time::Duration;

use chrono::Utc;
use http::Method;
use tokio::time::Sleep;
use tower::retry::Policy;

use super::Answer;
use crate::error::NetError;
use crate::request::Request;
use crate::scope::Limits;

/// A request waits no longer than this for `Retry-After`; who called is told the time instead.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// The longest back-off.
const LONGEST: Duration = Duration::from_secs(30);

/// How often one request is still tried, and how long it waits before.
#[derive(Clone)]
pub(super) struct Persistence {
    pauses: Pauses,
}

/// The waits before the second and every further attempt.
#[derive(Clone)]
pub(crate) struct Pauses {
    left: u32,
    backoff: Duration,
}

impl Persistence {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            pauses: Pauses::new(limits),
        }
    }
}

impl Pauses {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            left: limits.attempts.saturating_sub(1),
            backoff: limits.backoff,
        }
    }

    /// The next wait, shortened at random by up to half; none when all attempts are used up.
    pub(crate) fn next(&mut self) -> Option<Duration> {
        let backoff = self.longest()?;
        Some(backoff.mul_f64(1.0 - chance() / 2.0))
    }

    fn longest(&mut self) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let backoff = self.backoff.min(LONGEST);
        self.backoff = backoff * 2;
        Some(backoff)
    }
}

impl Policy<Request, Answer, NetError> for Persistence {
    type Future = Sleep;

    fn retry(
        &mut self,
        request: &mut Request,
        result: &mut Result<Answer, NetError>,
    ) -> Option<Sleep> {
        let error = result.as_ref().err()?;
        if !error.is_transient() || matches!(error, NetError::CircuitOpen { .. }) {
            return None;
        }
        let asked = asked_wait(error);
        if asked.is_some_and(|wait| wait > PATIENCE) {
            overload(result);
            return None;
        }
        // A HEAD that hangs will hang again; the client falls back on GET.
        let hangs = request.method == Method::HEAD && matches!(error, NetError::NoAnswer { .. });
        if !request.repeatable || hangs {
            return None;
        }
        let wait = match asked {
            // Never before the time we were asked to wait, and not all at the same moment.
            Some(asked) => asked + self.pauses.longest()?.mul_f64(chance() / 2.0),
            None => self.pauses.next()?,
        };
        tracing::debug!(url = %crate::ShownUrl::from(&request.url), wait_ms = wait.as_millis() as u64, error = %error, "trying again");
        Some(tokio::time::sleep(wait))
    }

    fn clone_request(&mut self, request: &Request) -> Option<Request> {
        Some(request.clone())
    }
}

/// How long `Retry-After` asks us to wait.
pub(super) fn asked_wait(error: &NetError) -> Option<Duration> {
    let wait = error.retry_at()? - Utc::now();
    Some(wait.to_std().unwrap_or_default())
}

fn overload(result: &mut Result<Answer, NetError>) {
    if let Err(NetError::Status {
        url,
        status,
        retry_at: Some(retry_at),
        ..
    }) = result
    {
        *result = Err(NetError::Overloaded {
            url: url.clone(),
            status: *status,
            retry_at: *retry_at,
        });
    }
}

/// A random number from 0 to 1.
fn chance() -> f64 {
    // Without a source of randomness requests are merely less well spread.
    getrandom::u32().map_or(0.5, |random| f64::from(random) / f64::from(u32::MAX))
}
