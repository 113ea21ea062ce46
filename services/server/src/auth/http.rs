//! How the providers of identity are spoken to: by the one way to the outside.

use axum::http::{Response, StatusCode};
use gantry_net::{Client, NetError, Request};
use openidconnect::{HttpRequest, HttpResponse};
use url::Url;

/// How large an answer of a provider may be.
const ANSWER_BYTES: u64 = 1 << 20;

/// Sends a request of the OpenID Connect library.
///
/// # Errors
/// [`NetError`] when there is no answer; a refusal is an answer.
pub(super) async fn send(client: Client, asked: HttpRequest) -> Result<HttpResponse, NetError> {
    let (parts, body) = asked.into_parts();
    let mut request = match Url::parse(&parts.uri.to_string()) {
        Ok(url) => Request::new(parts.method, url),
        // The library made the address, from one that was parsed.
        Err(_) => return Ok(empty(StatusCode::BAD_REQUEST, Vec::new())),
    };
    if !body.is_empty() {
        request = request.body("application/x-www-form-urlencoded", body);
    }
    for (name, value) in &parts.headers {
        request = request.header(name.clone(), value.clone());
    }
    match client.request(request).await {
        Ok(answer) => {
            let mut response = empty(answer.status(), Vec::new());
            *response.headers_mut() = answer.headers().clone();
            *response.body_mut() = answer.bytes(ANSWER_BYTES).await?.to_vec();
            Ok(response)
        }
        // The reason stands in the body, `{"error": "invalid_grant"}`, which is short.
        Err(NetError::Status {
            status, excerpt, ..
        }) => Ok(empty(status, excerpt.into_bytes())),
        Err(error) => Err(error),
    }
}

fn empty(status: StatusCode, body: Vec<u8>) -> HttpResponse {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}
