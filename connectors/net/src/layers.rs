//! The layers a request passes on its way out: retry, requests in flight, rate, circuit breaker,
//! judgement of the status, time until the headers.
//!
//! Each is a `tower` service around the next; innermost is the transport. A retry passes through
//! all the others again, and while it waits it holds none of their places.

mod breaker;
mod deadline;
mod in_flight;
mod judge;
mod rate;
mod retry;

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use http::{HeaderMap, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::retry::RetryLayer;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceBuilder};

pub(crate) use breaker::Breaker;
pub(crate) use retry::Pauses;

use crate::error::{Cause, NetError};
use crate::health::Pulse;
use crate::request::Request;
use crate::scope::Limits;

/// Headers and a body still to come.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: BoxStream<'static, Result<Bytes, Cause>>,
    /// The place among the requests in flight, given back with the body.
    pub(crate) place: Option<OwnedSemaphorePermit>,
}

impl Answer {
    /// Without headers and body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Box::pin(futures::stream::empty()),
            place: None,
        }
    }
}

/// What every layer is and wraps.
pub(crate) trait Exchange:
    Service<Request, Response = Answer, Error = NetError, Future: Send> + Clone + Send + Sync + 'static
{
}

impl<S> Exchange for S where
    S: Service<Request, Response = Answer, Error = NetError, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

pub(crate) type Answering = BoxFuture<'static, Result<Answer, NetError>>;

/// All layers around a transport.
pub(crate) type Stack = BoxCloneSyncService<Request, Answer, NetError>;

/// What the requests of a scope share, whichever clone of the client sends them.
pub(crate) struct Shared {
    pub(crate) limits: Limits,
    pub(crate) places: Arc<Semaphore>,
    pub(crate) breaker: Arc<Breaker>,
    pub(crate) pulse: Arc<Pulse>,
}

impl Shared {
    pub(crate) fn new(limits: Limits) -> Self {
        let pulse = Arc::new(Pulse::default());
        Self {
            places: Arc::new(Semaphore::new(limits.max_in_flight.max(1))),
            breaker: Arc::new(Breaker::new(limits.failures, limits.open_for)),
            limits,
            pulse,
        }
    }

    /// Requests in flight, bodies included.
    pub(crate) fn in_flight(&self) -> usize {
        let all = self.limits.max_in_flight.max(1);
        all.saturating_sub(self.places.available_permits())
    }
}

/// Puts the layers around a transport.
pub(crate) fn stack<T: Exchange>(shared: &Shared, transport: T) -> Stack {
    let limits = &shared.limits;
    let places = in_flight::layer(Arc::clone(&shared.places), Arc::clone(&shared.pulse));
    let service = ServiceBuilder::new()
        .layer(RetryLayer::new(retry::Persistence::new(limits)))
        .layer_fn(places)
        .layer_fn(rate::layer(limits, Arc::clone(&shared.pulse)))
        .layer_fn(breaker::layer(
            Arc::clone(&shared.breaker),
            Arc::clone(&shared.pulse),
        ))
        .layer_fn(judge::Judge::new)
        .layer_fn(deadline::layer(limits))
        .service(transport);
    BoxCloneSyncService::new(service)
}

#[cfg(test)]
mod tests;
