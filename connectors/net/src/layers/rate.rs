//! How many requests are started per second.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;
use tower::{Service, ServiceExt};

use super::{Answer, Answering, Exchange};
use crate::error::NetError;
use crate::health::Pulse;
use crate::request::Request;
use crate::scope::Limits;

/// The clock of the runtime, so that time can be stopped in tests.
#[derive(Clone)]
struct RuntimeClock(Instant);

impl Clock for RuntimeClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

type Limiter = RateLimiter<NotKeyed, InMemoryState, RuntimeClock, NoOpMiddleware<Duration>>;

#[derive(Clone)]
pub(super) struct Rate<S> {
    inner: S,
    limiter: Arc<Limiter>,
    clock: RuntimeClock,
    pulse: Arc<Pulse>,
}

/// After a pause, as many requests as may be in flight start at once, then `per_second`.
pub(super) fn layer<S>(limits: &Limits, pulse: Arc<Pulse>) -> impl Fn(S) -> Rate<S> {
    let interval = Duration::from_secs_f64(1.0 / limits.per_second.clamp(0.001, 10_000.0));
    let burst = u32::try_from(limits.max_in_flight)
        .ok()
        .and_then(NonZeroU32::new);
    let quota = Quota::with_period(interval)
        .expect("the interval is at least 0.1 ms")
        .allow_burst(burst.unwrap_or(NonZeroU32::MIN));
    let clock = RuntimeClock(Instant::now());
    let limiter = Arc::new(RateLimiter::direct_with_clock(quota, clock.clone()));
    move |inner| Rate {
        inner,
        limiter: Arc::clone(&limiter),
        clock: clock.clone(),
        pulse: Arc::clone(&pulse),
    }
}

impl<S: Exchange> Service<Request> for Rate<S> {
    type Response = Answer;
    type Error = NetError;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NetError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Answering {
        let Self {
            inner,
            limiter,
            clock,
            pulse,
        } = self.clone();
        Box::pin(async move {
            let waiting = pulse.waits();
            while let Err(not_yet) = limiter.check() {
                // A millisecond more, since the timers of the runtime know no smaller steps.
                let wait = not_yet.wait_time_from(clock.now()) + Duration::from_millis(1);
                tokio::time::sleep(wait).await;
            }
            drop(waiting);
            inner.oneshot(request).await
        })
    }
}
