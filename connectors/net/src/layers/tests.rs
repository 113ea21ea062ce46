//! The layers around a transport that only exists here, with the time stopped.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::Utc;
use http::header::RETRY_AFTER;
use http::{HeaderValue, Method, StatusCode};
use tokio::time::Instant;
use tower::{ServiceExt, service_fn};

use super::{Answer, Shared, Stack, stack};
use crate::error::NetError;
use crate::health::Circuit;
use crate::request::Request;
use crate::scope::Limits;

/// A host whose answers are written down: a status, and `Retry-After`.
struct Host {
    shared: Shared,
    stack: Stack,
    asked: Arc<Mutex<Vec<Instant>>>,
}

impl Host {
    /// Answers with the given statuses in turn, then with 200.
    fn answering(limits: Limits, answers: Vec<(u16, Option<String>)>) -> Self {
        let asked: Arc<Mutex<Vec<Instant>>> = Arc::default();
        let shared = Shared::new(limits);
        let seen = Arc::clone(&asked);
        let transport = service_fn(move |_: Request| {
            let mut seen = seen.lock().unwrap();
            let (status, retry_after) = answers.get(seen.len()).cloned().unwrap_or((200, None));
            seen.push(Instant::now());
            let mut answer = Answer::empty(StatusCode::from_u16(status).unwrap());
            if let Some(text) = retry_after {
                answer
                    .headers
                    .insert(RETRY_AFTER, HeaderValue::try_from(text).unwrap());
            }
            async move { Ok(answer) }
        });
        let stack = stack(&shared, transport);
        Self {
            shared,
            stack,
            asked,
        }
    }

    async fn ask(&self, request: Request) -> Result<Answer, NetError> {
        self.stack.clone().oneshot(request).await
    }

    fn n_asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// The waits between the attempts, in seconds.
    fn waits(&self) -> Vec<f64> {
        let asked = self.asked.lock().unwrap();
        asked
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).as_secs_f64())
            .collect()
    }
}

fn request(method: Method) -> Request {
    Request::new(method, "http://archive.example/file".parse().unwrap())
}

fn get() -> Request {
    request(Method::GET)
}

fn failing(times: usize) -> Vec<(u16, Option<String>)> {
    vec![(503, None); times]
}

#[tokio::test(start_paused = true)]
async fn retry_after_in_seconds_is_obeyed() {
    let host = Host::answering(Limits::default(), vec![(503, Some("7".into()))]);
    assert!(host.ask(get()).await.is_ok());
    let waits = host.waits();
    assert!(
        waits.len() == 1 && (6.9..7.5).contains(&waits[0]),
        "{waits:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn retry_after_as_a_date_is_obeyed() {
    let date = (Utc::now() + Duration::from_secs(60)).format("%a, %d %b %Y %H:%M:%S GMT");
    let host = Host::answering(Limits::default(), vec![(429, Some(date.to_string()))]);
    assert!(host.ask(get()).await.is_ok());
    let waits = host.waits();
    assert!(
        waits.len() == 1 && (57.0..61.0).contains(&waits[0]),
        "{waits:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_longer_retry_after_is_told_and_the_host_left_alone_until_then() {
    let host = Host::answering(Limits::default(), vec![(503, Some("600".into()))]);
    let error = host.ask(get()).await.err().unwrap();
    assert!(matches!(error, NetError::Overloaded { .. }), "{error:?}");
    let wait = error.retry_at().unwrap() - Utc::now();
    assert!((595..=600).contains(&wait.num_seconds()), "{wait}");

    let error = host.ask(get()).await.err().unwrap();
    assert!(matches!(error, NetError::CircuitOpen { .. }), "{error:?}");
    assert_eq!(host.n_asked(), 1);
    tokio::time::advance(Duration::from_secs(601)).await;
    assert!(host.ask(get()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn without_retry_after_the_waits_grow() {
    let host = Host::answering(Limits::default(), failing(3));
    assert!(host.ask(get()).await.is_ok());
    let waits = host.waits();
    assert_eq!(waits.len(), 3);
    for (wait, longest) in waits.iter().zip([0.5, 1.0, 2.0]) {
        // The rate layer may add its interval.
        assert!((longest / 2.0..longest + 0.15).contains(wait), "{waits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_the_last_attempt_the_answer_is_told() {
    let host = Host::answering(Limits::default(), failing(9));
    let error = host.ask(get()).await.err().unwrap();
    assert_eq!(error.status(), Some(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(host.n_asked(), 4);
}

#[tokio::test(start_paused = true)]
async fn only_what_may_be_repeated_is_repeated() {
    let host = Host::answering(Limits::default(), failing(1));
    assert!(host.ask(request(Method::POST)).await.is_err());
    assert_eq!(host.n_asked(), 1);

    let host = Host::answering(Limits::default(), failing(1));
    assert!(host.ask(request(Method::POST).repeatable()).await.is_ok());
    assert_eq!(host.n_asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn bad_credentials_and_missing_files_are_never_asked_for_again() {
    for status in [400, 401, 403, 404, 410] {
        let host = Host::answering(Limits::default(), vec![(status, None); 3]);
        let error = host.ask(get()).await.err().unwrap();
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
        assert_eq!(host.n_asked(), 1);
    }
}

fn once() -> Limits {
    Limits {
        attempts: 1,
        per_second: 1000.0,
        ..Limits::default()
    }
}

#[tokio::test(start_paused = true)]
async fn the_circuit_opens_says_until_when_and_recovers_with_one_request() {
    let host = Host::answering(once(), failing(6));
    for _ in 0..5 {
        assert_eq!(host.shared.breaker.circuit(), Circuit::Closed);
        assert!(host.ask(get()).await.is_err());
    }
    let Circuit::OpenUntil(until) = host.shared.breaker.circuit() else {
        panic!("closed")
    };
    assert!((25..=30).contains(&(until - Utc::now()).num_seconds()));
    let error = host.ask(get()).await.err().unwrap();
    assert!(
        matches!(&error, NetError::CircuitOpen { last, .. } if last.contains("503")),
        "{error:?}"
    );
    assert_eq!(host.n_asked(), 5);

    // The sixth answer is a failure too: open again, at once.
    tokio::time::advance(Duration::from_secs(31)).await;
    assert!(host.ask(get()).await.is_err());
    assert!(matches!(
        host.ask(get()).await,
        Err(NetError::CircuitOpen { .. })
    ));
    assert_eq!(host.n_asked(), 6);

    tokio::time::advance(Duration::from_secs(31)).await;
    assert!(host.ask(get()).await.is_ok());
    assert_eq!(host.shared.breaker.circuit(), Circuit::Closed);
    assert!(host.ask(get()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn while_one_request_tries_the_others_are_held_back() {
    let shared = Shared::new(Limits {
        failures: 1,
        ..once()
    });
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let transport = service_fn(move |request: Request| {
        let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            if first {
                let url = crate::ShownUrl::from(&request.url);
                return Err(NetError::NoAnswer {
                    url,
                    within: Duration::ZERO,
                });
            }
            std::future::pending().await
        }
    });
    let stack = stack(&shared, transport);
    assert!(stack.clone().oneshot(get()).await.is_err());
    tokio::time::advance(Duration::from_secs(31)).await;

    let trying = tokio::spawn(stack.clone().oneshot(get()));
    tokio::task::yield_now().await;
    while asked.load(Ordering::SeqCst) < 2 {
        tokio::task::yield_now().await;
    }
    assert!(matches!(
        stack.clone().oneshot(get()).await,
        Err(NetError::CircuitOpen { .. })
    ));

    // Who tried and was called off makes place for the next.
    trying.abort();
    assert!(trying.await.is_err());
    assert!(matches!(
        stack.clone().oneshot(get()).await,
        Err(NetError::NoAnswer { .. })
    ));
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nothing_is_there_closes_the_circuit() {
    let mut answers = failing(4);
    answers.push((404, None));
    answers.extend(failing(4));
    let host = Host::answering(once(), answers);
    for _ in 0..9 {
        let error = host.ask(get()).await.err().unwrap();
        assert!(!matches!(error, NetError::CircuitOpen { .. }));
    }
    assert_eq!(host.shared.breaker.circuit(), Circuit::Closed);
}

#[tokio::test(start_paused = true)]
async fn requests_start_no_faster_than_the_rate() {
    let limits = Limits {
        per_second: 2.0,
        max_in_flight: 1,
        ..Limits::default()
    };
    let host = Host::answering(limits, Vec::new());
    for _ in 0..4 {
        assert!(host.ask(get()).await.is_ok());
    }
    let waits = host.waits();
    assert!(
        waits.iter().all(|wait| (0.499..0.6).contains(wait)),
        "{waits:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_counts_as_in_flight_until_it_is_dropped() {
    let host = Host::answering(
        Limits {
            max_in_flight: 1,
            ..once()
        },
        Vec::new(),
    );
    let first = host.ask(get()).await.unwrap();
    let second = tokio::spawn(host.stack.clone().oneshot(get()));
    tokio::time::advance(Duration::from_secs(300)).await;
    tokio::task::yield_now().await;
    assert_eq!(host.n_asked(), 1);
    let health = host
        .shared
        .pulse
        .health(host.shared.in_flight(), Circuit::Closed);
    assert_eq!((health.in_flight, health.waiting), (1, 1));
    drop(first);
    assert!(second.await.unwrap().is_ok());
    assert_eq!(host.n_asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn headers_that_do_not_come_are_given_up_and_asked_for_again_but_a_head_is_not() {
    for (method, n) in [(Method::GET, 4), (Method::HEAD, 1)] {
        let shared = Shared::new(Limits::default());
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let stack = stack(
            &shared,
            service_fn(move |_: Request| {
                counted.fetch_add(1, Ordering::SeqCst);
                std::future::pending::<Result<Answer, NetError>>()
            }),
        );
        let error = stack.oneshot(request(method)).await.err().unwrap();
        assert!(matches!(error, NetError::NoAnswer { .. }));
        assert_eq!(asked.load(Ordering::SeqCst), n);
    }
}
