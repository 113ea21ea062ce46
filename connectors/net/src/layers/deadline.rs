//! How long the headers may take.

use std::task::{Context, Poll};
use std::time::Duration;

use http::Method;
use tower::{Service, ServiceExt};

use super::{Answer, Answering, Exchange};
use crate::error::NetError;
use crate::request::Request;
use crate::scope::Limits;
use crate::shown::ShownUrl;

#[derive(Clone)]
pub(super) struct Deadline<S> {
    inner: S,
    headers: Duration,
    head: Duration,
}

pub(super) fn layer<S>(limits: &Limits) -> impl Fn(S) -> Deadline<S> {
    let (headers, head) = (limits.headers, limits.head);
    move |inner| Deadline {
        inner,
        headers,
        head,
    }
}

impl<S: Exchange> Service<Request> for Deadline<S> {
    type Response = Answer;
    type Error = NetError;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NetError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Answering {
        let inner = self.inner.clone();
        let usual = if request.method == Method::HEAD {
            self.head
        } else {
            self.headers
        };
        let within = request.within.unwrap_or(usual);
        Box::pin(async move {
            let url = ShownUrl::from(&request.url);
            match tokio::time::timeout(within, inner.oneshot(request)).await {
                Ok(answer) => answer,
                Err(_) => Err(NetError::NoAnswer { url, within }),
            }
        })
    }
}
