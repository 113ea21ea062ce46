//! What was answered.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, LAST_MODIFIED};
use http::{HeaderMap, Method, StatusCode};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::body::Body;
use crate::error::NetError;
use crate::layers::{Answer, Shared};
use crate::media;
use crate::request::Request;
use crate::shown::ShownUrl;

/// An answer whose body is still to come.
///
/// It counts as a request in flight until its body was read or it is dropped.
#[derive(Debug)]
pub struct Response {
    status: StatusCode,
    headers: HeaderMap,
    url: Url,
    body: Body,
}

/// An answer without its body.
#[derive(Clone, Debug)]
pub struct Head {
    /// The headers of the last answer.
    pub headers: HeaderMap,
    /// The address that answered, after all redirects.
    pub url: Url,
    /// The size of the whole, when it was told.
    pub size_bytes: Option<u64>,
}

/// What tells one state of a file from another; guards a download that goes on later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Validator {
    /// `ETag`, as it was sent.
    pub etag: Option<String>,
    /// `Last-Modified`, as it was sent.
    pub last_modified: Option<String>,
    /// The size of the whole in bytes.
    pub size_bytes: Option<u64>,
}

impl Response {
    pub(crate) fn new(request: &Request, answer: Answer, shared: &Shared) -> Self {
        let (status, headers) = (answer.status, answer.headers.clone());
        let bodiless = request.method == Method::HEAD
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let expected = length(&headers).filter(|_| !bodiless);
        let url = ShownUrl::from(&request.url);
        let body = Body::new(
            answer,
            url,
            expected,
            shared.limits.idle,
            Arc::clone(&shared.pulse),
        );
        Self {
            status,
            headers,
            url: request.url.clone(),
            body,
        }
    }

    /// The status: a success, or 304 to a request with a condition.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The address that answered, after all redirects.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The bytes this answer holds, as its header says; of a resumed download only the rest.
    pub fn content_length(&self) -> Option<u64> {
        length(&self.headers)
    }

    /// The size of the whole, also when this answer holds only the rest of it.
    pub fn total_length(&self) -> Option<u64> {
        total(self.status, &self.headers)
    }

    /// The media type without its parameters, in lower case: `application/x-votable+xml`.
    pub fn media_type(&self) -> Option<String> {
        media_type(&self.headers)
    }

    /// What tells this state of the file from another.
    pub fn validator(&self) -> Validator {
        Validator::new(self.total_length(), &self.headers)
    }

    /// The place in the file where this answer begins; 0 unless a resumed download was granted.
    pub fn starts_at(&self) -> u64 {
        match range(self.status, &self.headers) {
            Some(range) => range.first,
            None => 0,
        }
    }

    /// Looks at the first `n` bytes, fewer when the body is shorter, and keeps them in the body.
    ///
    /// # Errors
    /// As the body: [`NetError::Stalled`], [`NetError::CutShort`], [`NetError::Interrupted`].
    pub async fn peek(&mut self, n: usize) -> Result<&[u8], NetError> {
        self.body.peek(n).await
    }

    /// Whether this is a page, by its media type or its first bytes; archives answer 200 with a
    /// page where data is due when they are down. The body stays whole.
    ///
    /// # Errors
    /// As [`Response::peek`].
    pub async fn is_html(&mut self) -> Result<bool, NetError> {
        if self
            .media_type()
            .is_some_and(|media_type| media::is_html(&media_type))
        {
            return Ok(true);
        }
        Ok(media::looks_like_html(self.peek(media::SNIFFED).await?))
    }

    /// The whole body, at most `limit` bytes.
    ///
    /// # Errors
    /// [`NetError::BodyTooLarge`], and as [`Response::peek`].
    pub async fn bytes(self, limit: u64) -> Result<Bytes, NetError> {
        self.body.read(limit).await
    }

    /// The body as it comes.
    pub fn into_stream(self) -> Body {
        self.body
    }

    /// Whether this answers a request for everything from `from` on, of the same file.
    pub(crate) fn goes_on(&self, from: u64, validator: &Validator) -> bool {
        let Some(range) = range(self.status, &self.headers) else {
            return false;
        };
        let reaches_end = range.total.is_none_or(|total| range.last + 1 == total);
        let length = self
            .content_length()
            .is_none_or(|length| length == range.last - range.first + 1);
        range.first == from && reaches_end && length && validator.agrees(&self.validator())
    }

    pub(crate) fn into_head(self) -> Head {
        Head {
            size_bytes: self.total_length(),
            headers: self.headers,
            url: self.url,
        }
    }
}

impl Head {
    /// The media type without its parameters, in lower case.
    pub fn media_type(&self) -> Option<String> {
        media_type(&self.headers)
    }

    /// What tells this state of the file from another.
    pub fn validator(&self) -> Validator {
        Validator::new(self.size_bytes, &self.headers)
    }
}

impl Validator {
    fn new(size_bytes: Option<u64>, headers: &HeaderMap) -> Self {
        Self {
            etag: text(headers, ETAG),
            last_modified: text(headers, LAST_MODIFIED),
            size_bytes,
        }
    }

    /// Whether nothing is known that could tell two states apart.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What `If-Range` takes: a strong `ETag`, else the date.
    pub(crate) fn if_range(&self) -> Option<&str> {
        let strong = self.etag.as_deref().filter(|etag| !etag.starts_with("W/"));
        strong.or(self.last_modified.as_deref())
    }

    /// Whether nothing known of both differs.
    fn agrees(&self, other: &Self) -> bool {
        fn same<T: PartialEq>(a: &Option<T>, b: &Option<T>) -> bool {
            a.is_none() || b.is_none() || a == b
        }
        same(&self.etag, &other.etag)
            && same(&self.last_modified, &other.last_modified)
            && same(&self.size_bytes, &other.size_bytes)
    }
}

/// `Content-Range: bytes first-last/total`.
struct Range {
    first: u64,
    last: u64,
    total: Option<u64>,
}

fn range(status: StatusCode, headers: &HeaderMap) -> Option<Range> {
    if status != StatusCode::PARTIAL_CONTENT {
        return None;
    }
    let text = text(headers, CONTENT_RANGE)?;
    let (unit, rest) = text.trim().split_once(' ')?;
    let (range, total) = rest.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let range = Range {
        first: first.trim().parse().ok()?,
        last: last.trim().parse().ok()?,
        total: total.trim().parse().ok(),
    };
    (unit.eq_ignore_ascii_case("bytes") && range.first <= range.last && range.last < u64::MAX)
        .then_some(range)
}

fn total(status: StatusCode, headers: &HeaderMap) -> Option<u64> {
    match status {
        StatusCode::PARTIAL_CONTENT => range(status, headers)?.total,
        _ => length(headers),
    }
}

pub(crate) fn length(headers: &HeaderMap) -> Option<u64> {
    text(headers, CONTENT_LENGTH)?.trim().parse().ok()
}

pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let text = text(headers, CONTENT_TYPE)?;
    let media_type = text
        .split(';')
        .next()
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase();
    (!media_type.is_empty()).then_some(media_type)
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn if_range_takes_a_strong_etag_else_the_date() {
        let validator = |etag: &str| Validator {
            etag: Some(etag.to_owned()),
            last_modified: Some("Sun, 22 Nov 2026 08:00:00 GMT".to_owned()),
            size_bytes: None,
        };
        assert_eq!(validator("\"a\"").if_range(), Some("\"a\""));
        assert_eq!(
            validator("W/\"a\"").if_range(),
            Some("Sun, 22 Nov 2026 08:00:00 GMT")
        );
        assert_eq!(Validator::default().if_range(), None);
    }

    #[test]
    fn a_content_range_is_read_only_from_a_206() {
        let headers =
            HeaderMap::from_iter([(CONTENT_RANGE, HeaderValue::from_static("bytes 5-9/10"))]);
        let read = range(StatusCode::PARTIAL_CONTENT, &headers).unwrap();
        assert_eq!((read.first, read.last, read.total), (5, 9, Some(10)));
        assert!(range(StatusCode::OK, &headers).is_none());
        for wrong in [
            "bytes */10",
            "items 5-9/10",
            "bytes 9-5/10",
            "bytes 5-9",
            "bytes 0-18446744073709551615/*",
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_RANGE, HeaderValue::from_static(wrong))]);
            assert!(
                range(StatusCode::PARTIAL_CONTENT, &headers).is_none(),
                "{wrong}"
            );
        }
    }
}
