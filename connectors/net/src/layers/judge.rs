//! Turning a status that is no success into an error that says what the other side said.

use std::task::{Context, Poll};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt;
use http::HeaderMap;
use http::header::RETRY_AFTER;
use tower::{Service, ServiceExt};

use super::{Answer, Answering, Exchange};
use crate::error::NetError;
use crate::media;
use crate::request::Request;
use crate::response::media_type;
use crate::shown::ShownUrl;

/// Bytes of a body that are read for its excerpt, and the time they may take.
const READ: usize = 16 * 1024;
const READ_WITHIN: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub(super) struct Judge<S> {
    inner: S,
}

impl<S> Judge<S> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S: Exchange> Service<Request> for Judge<S> {
    type Response = Answer;
    type Error = NetError;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NetError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Answering {
        let inner = self.inner.clone();
        Box::pin(async move {
            let url = ShownUrl::from(&request.url);
            let answer = inner.oneshot(request).await?;
            if answer.status.is_success() || answer.status.is_redirection() {
                return Ok(answer);
            }
            Err(NetError::Status {
                url,
                status: answer.status,
                retry_at: retry_at(&answer.headers, Utc::now()),
                excerpt: excerpt(answer).await,
            })
        })
    }
}

/// When `Retry-After` asks us to come back: seconds from now, or an HTTP date.
fn retry_at(headers: &HeaderMap, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return now.checked_add_signed(TimeDelta::seconds(seconds.into()));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    Some(date.to_utc().max(now))
}

async fn excerpt(mut answer: Answer) -> String {
    if !media_type(&answer.headers).is_none_or(|media_type| media::is_text(&media_type)) {
        return String::new();
    }
    let mut first = Vec::new();
    let reading = async {
        while let Some(Ok(piece)) = answer.body.next().await {
            first.extend_from_slice(&piece);
            if first.len() >= READ {
                break;
            }
        }
    };
    // An excerpt that took too long is as good as it got.
    let _ = tokio::time::timeout(READ_WITHIN, reading).await;
    first.truncate(READ);
    media::excerpt(&first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let now = "2026-11-22T08:00:00Z".parse().unwrap();
        let read = |text: &'static str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
            retry_at(&headers, now).map(|at| (at - now).num_seconds())
        };
        assert_eq!(read("120"), Some(120));
        assert_eq!(read("Sun, 22 Nov 2026 08:01:30 GMT"), Some(90));
        assert_eq!(read("Sun, 22 Nov 2026 07:00:00 GMT"), Some(0));
        assert_eq!(read("soon"), None);
        assert_eq!(read("-3"), None);
    }
}
