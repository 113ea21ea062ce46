//! Requests: what was asked of a stand-in, in order.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, Method, Uri, header};

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET` or `HEAD`.
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// The product it is about, where there is one; `products.json` for the list.
    pub name: Option<String>,
    /// The `Range` header.
    pub range: Option<String>,
    /// The `If-Range` header.
    pub if_range: Option<String>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The status answered; nothing while there is none.
    pub status: Option<u16>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct RequestLog(Arc<Mutex<Vec<Request>>>);

impl RequestLog {
    /// Notes a request, and gives its number.
    pub(crate) fn begin(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        name: Option<&str>,
    ) -> usize {
        let header = |key| {
            headers
                .get(key)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let mut requests = self.requests();
        requests.push(Request {
            method: method.to_string(),
            target: uri.to_string(),
            name: name.map(str::to_owned),
            range: header(header::RANGE),
            if_range: header(header::IF_RANGE),
            user_agent: header(header::USER_AGENT),
            status: None,
        });
        requests.len() - 1
    }

    pub(crate) fn end(&self, number: usize, status: u16) {
        if let Some(request) = self.requests().get_mut(number) {
            request.status = Some(status);
        }
    }

    pub(crate) fn all(&self) -> Vec<Request> {
        self.requests().clone()
    }

    fn requests(&self) -> MutexGuard<'_, Vec<Request>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
