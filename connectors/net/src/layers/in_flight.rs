//! How many requests are in flight at once; a body counts until it is read or dropped.

use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::Semaphore;
use tower::{Service, ServiceExt};

use super::{Answer, Answering, Exchange};
use crate::error::NetError;
use crate::health::Pulse;
use crate::request::Request;

#[derive(Clone)]
pub(super) struct InFlight<S> {
    inner: S,
    places: Arc<Semaphore>,
    pulse: Arc<Pulse>,
}

pub(super) fn layer<S>(places: Arc<Semaphore>, pulse: Arc<Pulse>) -> impl Fn(S) -> InFlight<S> {
    move |inner| InFlight {
        inner,
        places: Arc::clone(&places),
        pulse: Arc::clone(&pulse),
    }
}

impl<S: Exchange> Service<Request> for InFlight<S> {
    type Response = Answer;
    type Error = NetError;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NetError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Answering {
        let Self {
            inner,
            places,
            pulse,
        } = self.clone();
        Box::pin(async move {
            let waiting = pulse.waits();
            let place = places
                .acquire_owned()
                .await
                .expect("the semaphore is never closed");
            drop(waiting);
            let mut answer = inner.oneshot(request).await?;
            answer.place = Some(place);
            Ok(answer)
        })
    }
}
