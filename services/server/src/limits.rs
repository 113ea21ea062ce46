//! How much one caller may ask for: a rate, and how many requests at the same time.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gantry_net::Network;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::app::App;
use crate::config::Bounds;
use crate::identity::Caller;
use crate::problem::{Problem, TOO_MANY};

/// Where a request came from, as the connection says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Who asks, for counting.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Who {
    User(String),
    Address(IpAddr),
}

/// What is counted of all callers.
pub(crate) struct Limiter {
    requests: Option<DefaultKeyedRateLimiter<Who>>,
    logins: Option<DefaultKeyedRateLimiter<IpAddr>>,
    in_flight: Option<(usize, InFlight)>,
}

type InFlight = Arc<Mutex<HashMap<Who, usize>>>;

/// When a caller with too many requests at once is worth another, in seconds.
const IN_FLIGHT_S: u64 = 1;
/// How many callers are remembered before those who have been still are forgotten.
const REMEMBERED: usize = 10_000;

impl Limiter {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let requests = bounds.per_second.and_then(|per_second| {
            let quota = Quota::with_period(Duration::from_secs_f64(1.0 / per_second))?;
            let burst = NonZeroU32::new(bounds.burst)?;
            Some(RateLimiter::keyed(quota.allow_burst(burst)))
        });
        let per_minute = bounds.logins_per_minute.and_then(NonZeroU32::new);
        Self {
            requests,
            logins: per_minute.map(|n| RateLimiter::keyed(Quota::per_minute(n))),
            in_flight: bounds
                .in_flight
                .map(|at_most| (at_most, InFlight::default())),
        }
    }

    /// Takes a place for a request, which is given back when the answer is dropped.
    fn admit(&self, who: &Who) -> Result<Option<Place>, Problem> {
        if let Some(requests) = &self.requests {
            spent(requests, who, "requests")?;
        }
        let Some((at_most, in_flight)) = &self.in_flight else {
            return Ok(None);
        };
        let mut counts = in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        let n = counts.entry(who.clone()).or_default();
        if *n >= *at_most {
            let why = format!("{at_most} of your requests are being answered; let one end first");
            return Err(too_many(why, IN_FLIGHT_S));
        }
        *n += 1;
        Ok(Some(Place {
            who: who.clone(),
            in_flight: Arc::clone(in_flight),
        }))
    }
}

fn spent<K: Clone + Eq + std::hash::Hash>(
    limiter: &DefaultKeyedRateLimiter<K>,
    key: &K,
    what: &str,
) -> Result<(), Problem> {
    if limiter.len() > REMEMBERED {
        limiter.retain_recent();
    }
    limiter.check_key(key).map_err(|not_until| {
        let wait = not_until.wait_time_from(DefaultClock::default().now());
        let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
        too_many(
            format!("too many {what}; come back in {seconds} s"),
            seconds,
        )
    })
}

fn too_many(why: String, seconds: u64) -> Problem {
    Problem {
        retry_after_s: Some(seconds),
        ..Problem::new(&TOO_MANY, why)
    }
}

/// The place of a request that is being answered.
struct Place {
    who: Who,
    in_flight: InFlight,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self
            .in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(n) = counts.get_mut(&self.who) {
            *n -= 1;
            if *n == 0 {
                counts.remove(&self.who);
            }
        }
    }
}

/// Lets a request on when its caller has not asked for too much.
pub(crate) async fn limited(
    State(app): State<App>,
    caller: Result<Option<Caller>, Problem>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    if path.starts_with("/static/") || path.starts_with("/portal/v1/") || path == "/healthz" {
        return next.run(request).await;
    }
    let address = address_of(&app, &request);
    let is_try = path.starts_with("/login/")
        || (request.method() == axum::http::Method::POST
            && (path == "/login" || path == "/portal/selections"))
        || (path == "/login"
            && request
                .uri()
                .query()
                .is_some_and(|query| query.contains("code=")));
    let tried = match (&app.limiter.logins, address) {
        (Some(logins), Some(address)) if is_try => spent(logins, &address, "tries"),
        _ => Ok(()),
    };
    let who = match caller {
        Ok(Some(caller)) => Some(Who::User(caller.user.id)),
        _ => address.map(Who::Address),
    };
    let admitted = tried.and_then(|()| match &who {
        Some(who) => app.limiter.admit(who),
        None => Ok(None),
    });
    match admitted {
        Ok(None) => next.run(request).await,
        Ok(Some(place)) => {
            let response = next.run(request).await;
            response.map(|inner| {
                Body::new(Counted {
                    inner,
                    _place: place,
                })
            })
        }
        Err(problem) => problem.into_response(),
    }
}

/// The address a request came from: the connection's, or what trusted proxies say of it.
fn address_of(app: &App, request: &Request) -> Option<IpAddr> {
    let Peer(peer) = request.extensions().get::<Peer>()?;
    let trusted = &app.config.server.trusted_proxies;
    Some(counted_as(behind(trusted, peer.ip(), request.headers())))
}

/// What an address counts as: of IPv6 the network of 64 bits that one household has (RFC 6177), since it may call from
/// any address of it; IPv4 in the clothes of IPv6 is IPv4.
fn counted_as(address: IpAddr) -> IpAddr {
    const NETWORK: u128 = !(u64::MAX as u128);
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & NETWORK).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// The nearest address that is no trusted proxy's.
fn behind(trusted: &[Network], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(*address));
    let mut nearest = peer;
    let lines = headers.get_all("x-forwarded-for").iter();
    let hops: Vec<&str> = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .collect();
    for hop in hops.into_iter().rev() {
        if !is_trusted(&nearest) {
            break;
        }
        match hop.trim().parse() {
            Ok(address) => nearest = address,
            Err(_) => break,
        }
    }
    nearest
}

/// An answer that takes its caller's place until it was sent or dropped.
struct Counted {
    inner: Body,
    _place: Place,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(peer: &str, forwarded: &[&str]) -> String {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        behind(&trusted, peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn all_addresses_of_one_household_count_as_one() {
        let counted = |text: &str| counted_as(text.parse().unwrap()).to_string();
        assert_eq!(counted("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(counted("2001:db8:1:2:ffff::1"), "2001:db8:1:2::");
        assert_eq!(counted("2001:db8:1:3::1"), "2001:db8:1:3::");
        assert_eq!(counted("::ffff:198.51.100.1"), "198.51.100.1");
        assert_eq!(counted("198.51.100.1"), "198.51.100.1");
    }

    #[test]
    fn only_trusted_proxies_say_where_a_request_came_from() {
        assert_eq!(from("198.51.100.1", &["203.0.113.9"]), "198.51.100.1");
        assert_eq!(from("10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(
            from("10.0.0.1", &["1.2.3.4, 203.0.113.9, 10.0.0.2"]),
            "203.0.113.9"
        );
        assert_eq!(from("10.0.0.1", &["1.2.3.4", "203.0.113.9"]), "203.0.113.9");
        assert_eq!(from("fd00::1", &["2001:db8::7"]), "2001:db8::7");
        assert_eq!(from("10.0.0.1", &["rubbish"]), "10.0.0.1");
        assert_eq!(from("10.0.0.1", &[]), "10.0.0.1");
    }
}
