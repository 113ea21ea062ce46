//! `opendal` asks through our client, so that every address is checked, every redirect judged and
//! every limit kept as for any other request.

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use futures::{Stream, StreamExt};
use http::{Method, StatusCode};
use opendal::raw::Operation;
use opendal::{Buffer, Error, ErrorKind, HttpBody, HttpTransport};
use url::Url;

use super::on_its_way;
use crate::body::Body;
use crate::client::Client;
use crate::error::{NetError, causes};
use crate::listing;
use crate::request::Request;
use crate::response::Response;
use crate::shown::ShownUrl;

/// Our client as what `opendal` asks through.
pub(super) struct Ours {
    pub(super) client: Client,
}

impl HttpTransport for Ours {
    async fn fetch(
        &self,
        request: http::Request<Buffer>,
    ) -> opendal::Result<http::Response<HttpBody>> {
        let (parts, body) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string())
            .map_err(|_| Error::new(ErrorKind::Unexpected, "it is asked for no address"))?;
        let is_read = matches!(parts.extensions.get(), Some(Operation::Read));
        let is_head = parts.method == Method::HEAD;
        let limits = self.client.limits();
        let mut ours =
            Request::new(parts.method, url).within(limits.headers + on_its_way(body.len() as u64));
        // All but `POST` (the beginning and the end of an upload) may be said twice.
        ours.repeatable = ours.method != Method::POST;
        ours.headers = parts.headers;
        ours.body = body.to_bytes();
        match self.client.request(ours).await {
            Ok(response) => Ok(answer(response, is_read, is_head)),
            Err(error) => Err(holding(error)),
        }
    }
}

fn answer(response: Response, is_read: bool, is_head: bool) -> http::Response<HttpBody> {
    let mut answer = http::Response::new(());
    *answer.status_mut() = response.status();
    *answer.headers_mut() = response.headers().clone();
    let size = http_length(&answer).filter(|_| !is_head);
    let left = if is_read {
        u64::MAX
    } else {
        listing::MAX_BYTES
    };
    let url = ShownUrl::from(response.url());
    let body = Bounded {
        body: Mutex::new(response.into_stream()),
        left,
        url,
    };
    answer.map(|()| HttpBody::new(body, size))
}

fn http_length(answer: &http::Response<()>) -> Option<u64> {
    crate::response::length(answer.headers())
}

/// A body of at most so many bytes. The lock is never waited for: it makes of something that may
/// be sent between threads what may also be shared, as `opendal` wants it.
struct Bounded {
    body: Mutex<Body>,
    left: u64,
    url: ShownUrl,
}

impl Stream for Bounded {
    type Item = opendal::Result<Buffer>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let body = self.body.get_mut().unwrap_or_else(PoisonError::into_inner);
        body.poll_next_unpin(context).map(|piece| {
            let piece = match piece? {
                Ok(piece) => piece,
                Err(error) => return Some(Err(holding(error))),
            };
            match self.left.checked_sub(piece.len() as u64) {
                Some(left) => self.left = left,
                None => {
                    return Some(Err(holding(NetError::BodyTooLarge {
                        url: self.url.clone(),
                        limit: listing::MAX_BYTES,
                    })));
                }
            }
            Some(Ok(Buffer::from(piece)))
        })
    }
}

/// Our error on its way through `opendal`, to be taken out again by [`held`].
struct Held(Mutex<Option<NetError>>);

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an error of the client")
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an error of the client")
    }
}

impl StdError for Held {}

fn holding(error: NetError) -> Error {
    let kind = match error.status() {
        Some(StatusCode::NOT_FOUND | StatusCode::GONE) => ErrorKind::NotFound,
        Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => ErrorKind::PermissionDenied,
        Some(StatusCode::RANGE_NOT_SATISFIABLE) => ErrorKind::RangeNotSatisfied,
        _ => ErrorKind::Unexpected,
    };
    Error::new(kind, error.to_string()).set_source(Held(Mutex::new(Some(error))))
}

/// The error that our client gave to `opendal`, if it was one.
pub(super) fn held(error: &Error) -> Option<NetError> {
    let held = causes(error).find_map(|cause| cause.downcast_ref::<Held>())?;
    let mut held = held.0.lock().unwrap_or_else(PoisonError::into_inner);
    held.take()
}
