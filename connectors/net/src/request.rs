//! What is asked.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use url::Url;

use crate::address;
use crate::errand::Errand;
use crate::shown::ShownUrl;

/// One request: method, address, headers, body, and whether it may be repeated.
#[derive(Clone)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) repeatable: bool,
    pub(crate) within: Option<Duration>,
    pub(crate) guarded: bool,
    /// Whether the names in the folder are asked for and not its bytes.
    pub(crate) listing: bool,
    /// What it changes there; only storage elsewhere asks for that.
    pub(crate) errand: Option<Errand>,
}

impl Request {
    /// Where it goes.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// A request without headers and body. GET and HEAD are repeated when they fail, others not.
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            repeatable: method == Method::GET || method == Method::HEAD,
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            within: None,
            guarded: true,
            listing: false,
            errand: None,
        }
    }

    /// With a header more; a value marked sensitive is dropped when a redirect leaves the host.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// With `Authorization: <scheme> <credential>`, such as `token` for a JupyterHub or `Bearer`.
    /// A credential that no header can hold is left out.
    #[must_use]
    pub fn authorization(self, scheme: &str, credential: &str) -> Self {
        match HeaderValue::try_from(format!("{scheme} {credential}")) {
            Ok(mut value) => {
                value.set_sensitive(true);
                self.header(AUTHORIZATION, value)
            }
            Err(_) => self,
        }
    }

    /// With a body of that media type.
    #[must_use]
    pub fn body(self, media_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut request = self.header(CONTENT_TYPE, HeaderValue::from_static(media_type));
        request.body = body.into();
        request
    }

    /// With a form as its body.
    #[must_use]
    pub fn form(self, form: &[(String, String)]) -> Self {
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        let text = text.extend_pairs(form).finish();
        self.body("application/x-www-form-urlencoded", text)
    }

    /// Repeated when it fails, whatever its method: doing it twice is as good as once.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// With its own time until the headers are there, for answers known to take long.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }

    /// Whether its body is on its way and cannot be sent twice.
    pub(crate) fn is_streamed(&self) -> bool {
        matches!(self.errand, Some(Errand::Write { .. }))
    }

    /// `host:port`, the key under which a host is remembered.
    pub(crate) fn host(&self) -> String {
        let port = address::port(&self.url).unwrap_or(0);
        let host = address::host(&self.url).map(|host| host.to_string());
        format!("{}:{port}", host.unwrap_or_default())
    }
}

/// Shows neither headers nor body: both may hold secrets.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, ShownUrl::from(&self.url))
    }
}
