//! A request taken apart, and a reply put together.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header};
use axum::response::Response;

use crate::answer::whole;
use crate::faults::Struck;

const MAX_BODY_BYTES: usize = 32 << 20;

/// The cookie of whoever has logged in.
pub(crate) const SESSION: &str = "SESSION=standin";

/// The parts of a form, each as text.
async fn parts(head: &Parts, body: Bytes) -> Option<Vec<(String, String)>> {
    let request = Request::from_parts(head.clone(), Body::from(body));
    let mut form = Multipart::from_request(request, &()).await.ok()?;
    let mut parts = Vec::new();
    while let Some(part) = form.next_field().await.ok()? {
        let name = part.name().unwrap_or_default().to_owned();
        parts.push((name, part.text().await.ok()?));
    }
    Some(parts)
}

/// A request: its parameters are those of the query and of the body together.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) segments: Vec<String>,
    pub(crate) parameters: Vec<(String, String)>,
    /// Where the client found us, such as `http://127.0.0.1:40123`.
    pub(crate) base: String,
}

impl Call {
    /// Reads a request; nothing when its body is too long or breaks off.
    pub(crate) async fn read(request: Request) -> Option<Self> {
        let (head, body) = request.into_parts();
        let body = to_bytes(body, MAX_BODY_BYTES).await.ok()?;
        let pairs = |bytes: &[u8]| -> Vec<(String, String)> {
            url::form_urlencoded::parse(bytes)
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect()
        };
        let mut parameters = pairs(head.uri.query().unwrap_or_default().as_bytes());
        let text = |name: HeaderName| {
            head.headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        if text(header::CONTENT_TYPE).starts_with("multipart/") {
            parameters.extend(parts(&head, body.clone()).await?);
        } else {
            parameters.extend(pairs(&body));
        }
        let segments = head.uri.path().split('/').filter(|part| !part.is_empty());
        let segments = segments
            .map(|part| {
                pairs(part.replace('+', "%2B").as_bytes())
                    .first()
                    .map(|(name, _)| name.clone())
                    .unwrap_or_default()
            })
            .collect();
        let base = format!("http://{}", text(header::HOST));
        Some(Self {
            method: head.method,
            segments,
            parameters,
            base,
            uri: head.uri,
            headers: head.headers,
        })
    }

    /// Whether somebody asks who has logged in.
    pub(crate) fn has_session(&self) -> bool {
        let cookies = self.headers.get_all(header::COOKIE).iter();
        cookies
            .filter_map(|cookie| cookie.to_str().ok())
            .any(|cookie| cookie.split("; ").any(|one| one == SESSION))
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        super::tap::parameter(&self.parameters, name)
    }

    pub(crate) fn is_post(&self) -> bool {
        self.method == Method::POST
    }
}

/// A reply, before faults of the wire.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, String)>,
    pub(crate) bytes: Vec<u8>,
}

impl Reply {
    pub(crate) fn new(status: StatusCode, media_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![(header::CONTENT_TYPE, media_type.to_owned())],
            bytes: bytes.into(),
        }
    }

    pub(crate) fn text(status: StatusCode, text: &str) -> Self {
        Self::new(status, "text/plain;charset=UTF-8", text)
    }

    pub(crate) fn xml(xml: String) -> Self {
        Self::new(StatusCode::OK, "text/xml;charset=UTF-8", xml)
    }

    pub(crate) fn not_found() -> Self {
        Self::text(StatusCode::NOT_FOUND, "There is no such resource")
    }

    /// 303 to another place.
    pub(crate) fn see_other(location: String) -> Self {
        Self::text(StatusCode::SEE_OTHER, "").with(header::LOCATION, location)
    }

    pub(crate) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn response(self, struck: &Struck) -> Response {
        let mut headers = HeaderMap::new();
        for (name, value) in self.headers {
            if let Ok(value) = value.parse() {
                headers.append(name, value);
            }
        }
        whole(self.status, headers, self.bytes.into(), struck)
    }
}
