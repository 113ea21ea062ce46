//! The innermost layer: two HTTP clients, the trusted one and the guarded one, and beside them the
//! sessions with servers of FTP and SFTP.
//!
//! The two HTTP clients share neither connections nor resolved names, and a session is only used
//! again by requests that are trusted or guarded like the one it was made for.

use std::task::{Context, Poll};

use futures::StreamExt;
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH};
use http::{HeaderValue, Method};
use tower::Service;
use url::Host;

use crate::address::{self, Protocol};
use crate::dial::unreachable;
use crate::errand::Errand;
use crate::error::{NetError, causes};
use crate::layers::Answer;
use crate::network::{Forbidden, Guard};
use crate::request::Request;
use crate::resolver::permitted;
use crate::shown::ShownUrl;

/// Sends a request through the client it is meant for.
#[derive(Clone)]
pub(crate) struct Transport {
    pub(crate) trusted: reqwest::Client,
    pub(crate) guarded: reqwest::Client,
    pub(crate) guard: Guard,
    /// A proxy makes the connections, so names are resolved here only to be checked.
    pub(crate) proxied: bool,
}

impl Transport {
    /// Refuses what can be refused by looking at the address alone.
    pub(crate) fn check(&self, request: &Request) -> Result<(), NetError> {
        let bad = |reason| NetError::BadAddress {
            url: ShownUrl::from(&request.url),
            reason,
        };
        let Some(protocol) = Protocol::of(&request.url) else {
            return Err(bad(
                "its scheme is none of http, https, ftp, ftps, ftpes and sftp",
            ));
        };
        let is_read = matches!(request.method, Method::GET | Method::HEAD);
        if protocol != Protocol::Http && !is_read && request.errand.is_none() {
            return Err(bad("files are only read there"));
        }
        if protocol != Protocol::Http && address::path(&request.url).is_none() {
            return Err(bad("its path is not a name in UTF-8"));
        }
        let literal = match address::host(&request.url) {
            None => return Err(bad("it has no host")),
            Some(Host::Domain(_)) => return Ok(()),
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
        };
        if !request.guarded {
            return Ok(());
        }
        self.guard
            .check(literal)
            .map_err(|source| forbidden(request, source))
    }

    async fn send(self, request: Request) -> Result<Answer, NetError> {
        if self.proxied && request.guarded {
            self.check_name(&request).await?;
        }
        let client = if request.guarded {
            &self.guarded
        } else {
            &self.trusted
        };
        let mut headers = request.headers.clone();
        headers
            .entry(ACCEPT_ENCODING)
            .or_insert(HeaderValue::from_static("identity"));
        let mut sending = client
            .request(request.method.clone(), request.url.clone())
            .headers(headers);
        if let Some(Errand::Write { source, .. }) = &request.errand {
            if source.is_begun() {
                return Err(unreachable(&request, "its body cannot be sent again"));
            }
            if let Some(size) = source.size_bytes {
                sending = sending.header(CONTENT_LENGTH, size);
            }
            sending = sending.body(reqwest::Body::wrap_stream(source.clone().stream()));
        } else if !request.body.is_empty() {
            sending = sending.body(request.body.clone());
        }
        let mut response = sending
            .send()
            .await
            .map_err(|error| failure(&request, error))?;
        Ok(Answer {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body: response
                .bytes_stream()
                .map(|piece| piece.map_err(|error| error.without_url().into()))
                .boxed(),
            place: None,
        })
    }

    /// A name that leads to forbidden addresses only is not handed to the proxy; one that cannot
    /// be resolved here is the proxy's business.
    async fn check_name(&self, request: &Request) -> Result<(), NetError> {
        let Some(Host::Domain(name)) = request.url.host() else {
            return Ok(());
        };
        let Ok(found) = tokio::net::lookup_host((name, 0)).await else {
            return Ok(());
        };
        let found: Vec<_> = found.collect();
        permitted(&self.guard, &found).map_err(|source| forbidden(request, source))?;
        Ok(())
    }
}

pub(crate) fn forbidden(request: &Request, source: Forbidden) -> NetError {
    NetError::Forbidden {
        url: ShownUrl::from(&request.url),
        source,
    }
}

fn failure(request: &Request, error: reqwest::Error) -> NetError {
    if let Some(source) = causes(&error).find_map(|cause| cause.downcast_ref::<Forbidden>()) {
        return forbidden(request, source.clone());
    }
    NetError::Unreachable {
        url: ShownUrl::from(&request.url),
        source: error.without_url().into(),
    }
}

impl Service<Request> for Transport {
    type Response = Answer;
    type Error = NetError;
    type Future = futures::future::BoxFuture<'static, Result<Answer, NetError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NetError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        Box::pin(self.clone().send(request))
    }
}
