//! Asking the hosts of one scope.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use http::header::{IF_RANGE, RANGE};
use http::{HeaderValue, Method, StatusCode};
use tower::ServiceExt;
use url::Url;

use crate::error::NetError;
use crate::health::Health;
use crate::layers::{Pauses, Shared, Stack, stack};
use crate::listing::{self, Entry};
use crate::redirect;
use crate::request::Request;
use crate::response::{Head, Response, Validator};
use crate::scope::{Limits, Scope};
use crate::sessions::{Login, Ways};
use crate::shown::ShownUrl;
use crate::transport::Transport;

/// Asks the hosts of one scope. Clones share its limits and its circuit breaker.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

/// What the clones of a client share.
pub(crate) struct Inner {
    pub(crate) scope: Scope,
    shared: Shared,
    stack: Stack,
    ways: Ways,
    /// Hosts whose HEAD is of no use.
    without_head: Mutex<HashSet<String>>,
}

/// Hosts without a usable HEAD that are remembered.
const REMEMBERED: usize = 256;

impl Client {
    pub(crate) fn new(
        scope: Scope,
        http: Transport,
        tls: rustls::ClientConfig,
        login: Login,
    ) -> Self {
        let shared = Shared::new(scope.limits.clone());
        let ways = Ways::new(http, tls, &scope, login);
        let stack = stack(&shared, ways.clone());
        let inner = Inner {
            scope,
            shared,
            stack,
            ways,
            without_head: Mutex::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    pub(crate) fn from_inner(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    pub(crate) fn first_host_key(&self, host: &str) -> Option<crate::HostKey> {
        self.inner.ways.first_key(host)
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    /// Opens what is at the address.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn get(&self, url: &Url) -> Result<Response, NetError> {
        self.request(Request::new(Method::GET, url.clone())).await
    }

    /// Opens what is at the address from byte `from` on, if it is still what `validator` says.
    ///
    /// The answer's [`Response::starts_at`] is `from` when the other side went on, or 0 when it
    /// holds the whole: because the file changed, because the other side knows no ranges, or
    /// because its answer contradicts the request or the validator. An empty validator guards
    /// nothing, so with it the whole is asked for.
    ///
    /// # Errors
    /// As [`Client::request`]; [`NetError::Status`] with 416 when the file ends at or before `from`.
    pub async fn get_range(
        &self,
        url: &Url,
        from: u64,
        validator: &Validator,
    ) -> Result<Response, NetError> {
        if from == 0 || validator.is_empty() {
            return self.get(url).await;
        }
        let mut request =
            Request::new(Method::GET, url.clone()).header(RANGE, bytes_from(from, None));
        if let Some(Ok(condition)) = validator.if_range().map(HeaderValue::from_str) {
            request = request.header(IF_RANGE, condition);
        }
        let response = self.request(request).await?;
        if response.status() != StatusCode::PARTIAL_CONTENT || response.goes_on(from, validator) {
            return Ok(response);
        }
        drop(response);
        self.get(url).await
    }

    /// The names in the folder at the address, sorted.
    ///
    /// Over HTTP the folder must be listed by its server, as `autoindex` does; any other page is
    /// [`NetError::BadListing`]. A listing that breaks off is asked for again like a request, so
    /// what is returned is the whole of it.
    ///
    /// # Errors
    /// As [`Client::request`], and [`NetError::is_not_found`] for a folder that is not there;
    /// [`NetError::BadListing`] for what is none or has more than 1 000 000 names, [`NetError::BadLine`] for one that
    /// has an unreadable line,
    /// [`NetError::BodyTooLarge`] for more than 64 MiB; as [`Response::peek`].
    pub async fn list(&self, folder: &Url) -> Result<Vec<Entry>, NetError> {
        let mut url = folder.clone();
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", folder.path()));
        }
        let limits = &self.inner.shared.limits;
        let mut pauses = Pauses::new(limits);
        loop {
            match self.list_once(&url).await {
                Err(error) if breaks_off(&error) => match pauses.next() {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return Err(error),
                },
                answer => return answer,
            }
        }
    }

    async fn list_once(&self, url: &Url) -> Result<Vec<Entry>, NetError> {
        let mut request = Request::new(Method::GET, url.clone());
        request.listing = true;
        let response = self.request(request).await?;
        let folder = response.url().clone();
        let media_type = response.media_type().unwrap_or_default();
        let bytes = response.bytes(listing::MAX_BYTES).await?;
        // A long listing takes its time to be read.
        let reading = tokio::task::spawn_blocking({
            let folder = folder.clone();
            move || listing::read(&folder, &media_type, &bytes)
        });
        let entries = reading
            .await
            .unwrap_or_else(|_| Err("could not be read".to_owned().into()));
        entries.map_err(|fault| fault.of(&folder))
    }

    /// How much is asked of the scope.
    pub fn limits(&self) -> &Limits {
        &self.inner.shared.limits
    }

    /// Asks what is at the address without taking it.
    ///
    /// A HEAD that does not answer within its time, or that the other side does not know, is
    /// replaced by a GET for the first byte, and not tried on that host again.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn head(&self, url: &Url) -> Result<Head, NetError> {
        let request = Request::new(Method::HEAD, url.clone());
        let host = request.host();
        if !self.without_head().contains(&host) {
            match self.request(request).await {
                Ok(response) => return Ok(response.into_head()),
                Err(error) if head_is_useless(&error) => {
                    let mut hosts = self.without_head();
                    if hosts.len() < REMEMBERED {
                        hosts.insert(host);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        let request = Request::new(Method::GET, url.clone()).header(RANGE, bytes_from(0, Some(0)));
        match self.request(request).await {
            // There is no first byte: the file is empty.
            Err(NetError::Status {
                status: StatusCode::RANGE_NOT_SATISFIABLE,
                ..
            }) => Ok(self.get(url).await?.into_head()),
            answer => Ok(answer?.into_head()),
        }
    }

    /// Sends a form. It is not repeated when it fails, since it may have been acted on; use
    /// [`Client::request`] with [`Request::repeatable`] for a query.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn post_form(
        &self,
        url: &Url,
        form: &[(String, String)],
    ) -> Result<Response, NetError> {
        self.request(Request::new(Method::POST, url.clone()).form(form))
            .await
    }

    /// Sends a request and follows redirects until there is an answer.
    ///
    /// # Errors
    /// [`NetError::Status`] for an answer of 4xx or 5xx, [`NetError::Overloaded`] when we are
    /// asked to stay away for long, [`NetError::CircuitOpen`] while the host is left alone,
    /// [`NetError::Unreachable`] and [`NetError::NoAnswer`] without an answer,
    /// [`NetError::Forbidden`], [`NetError::BadAddress`], [`NetError::BadRedirect`] and
    /// [`NetError::TooManyRedirects`] for where we do not go.
    pub async fn request(&self, request: Request) -> Result<Response, NetError> {
        let first = ShownUrl::from(&request.url);
        let limit = self.inner.shared.limits.max_redirects;
        let mut request = request;
        request.url = self.inner.scope.with_login(request.url);
        for _ in 0..=limit {
            request.guarded = !self.inner.scope.trusts(&request.url);
            self.inner.ways.check(&request)?;
            self.inner.shared.breaker.check(&request.host())?;
            let answer = self.inner.stack.clone().oneshot(request.clone()).await?;
            match redirect::next(&request, &answer)? {
                Some(next) => request = next,
                None => return Ok(Response::new(&request, answer, &self.inner.shared)),
            }
        }
        Err(NetError::TooManyRedirects { url: first, limit })
    }

    /// How the scope is doing just now.
    pub fn health(&self) -> Health {
        let shared = &self.inner.shared;
        shared
            .pulse
            .health(shared.in_flight(), shared.breaker.circuit())
    }

    fn without_head(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.inner
            .without_head
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Client")
            .field(&self.inner.scope.name)
            .finish()
    }
}

/// Whether a GET may do where a HEAD failed like this. A refusal of our credentials is not tried
/// again in another way, and a missing file is missing.
fn head_is_useless(error: &NetError) -> bool {
    match error {
        NetError::NoAnswer { .. } => true,
        NetError::Status { status, .. } => matches!(status.as_u16(), 400 | 405 | 406 | 500 | 501),
        _ => false,
    }
}

/// Whether an answer broke off on its way.
fn breaks_off(error: &NetError) -> bool {
    matches!(
        error,
        NetError::CutShort { .. } | NetError::Interrupted { .. } | NetError::Stalled { .. }
    )
}

fn bytes_from(first: u64, last: Option<u64>) -> HeaderValue {
    let last = last.map(|last| last.to_string()).unwrap_or_default();
    HeaderValue::from_str(&format!("bytes={first}-{last}"))
        .expect("digits and dashes are a header value")
}
