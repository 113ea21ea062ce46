//! The bytes of a file of storage elsewhere.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use http::HeaderValue;

use crate::error::NetError;
use crate::response::Response;

/// The bytes of a file, or a part of them, as they come.
pub struct Reading {
    size_bytes: Option<u64>,
    inner: BoxStream<'static, Result<Bytes, NetError>>,
    /// Bytes that come and were not asked for, from a server that knows no ranges.
    skip: u64,
    /// Bytes still wanted.
    left: u64,
}

impl Reading {
    pub(super) fn new(
        size_bytes: Option<u64>,
        inner: BoxStream<'static, Result<Bytes, NetError>>,
    ) -> Self {
        Self {
            size_bytes,
            inner,
            skip: 0,
            left: u64::MAX,
        }
    }

    pub(super) fn empty() -> Self {
        Self::new(None, futures::stream::empty().boxed())
    }

    pub(super) fn of(response: Response, from: u64, length: Option<u64>) -> Self {
        let size_bytes = response.total_length();
        let starts_at = response.starts_at();
        if size_bytes.is_some_and(|size| from >= size) {
            return Self {
                size_bytes,
                ..Self::empty()
            };
        }
        Self {
            size_bytes,
            skip: from.saturating_sub(starts_at),
            left: length.unwrap_or(u64::MAX),
            inner: response.into_stream().boxed(),
        }
    }

    /// The size of the whole file, where it was told.
    pub fn size_bytes(&self) -> Option<u64> {
        self.size_bytes
    }

    /// What is left to come, at most `limit` bytes.
    ///
    /// # Errors
    /// As the stream fails; none for more than `limit`, of which the first are given.
    pub async fn bytes(mut self, limit: usize) -> Result<Bytes, NetError> {
        let mut whole = bytes::BytesMut::new();
        while let Some(piece) = self.next().await {
            whole.extend_from_slice(&piece?);
            if whole.len() >= limit {
                whole.truncate(limit);
                break;
            }
        }
        Ok(whole.freeze())
    }
}

impl Stream for Reading {
    type Item = Result<Bytes, NetError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if self.left == 0 {
                return Poll::Ready(None);
            }
            let Some(piece) = ready!(self.inner.poll_next_unpin(context)) else {
                return Poll::Ready(None);
            };
            let mut piece = match piece {
                Ok(piece) => piece,
                Err(error) => return Poll::Ready(Some(Err(error))),
            };
            let skipped = self.skip.min(piece.len() as u64);
            self.skip -= skipped;
            drop(piece.split_to(skipped as usize));
            let wanted = self.left.min(piece.len() as u64);
            piece.truncate(wanted as usize);
            self.left -= wanted;
            if !piece.is_empty() {
                return Poll::Ready(Some(Ok(piece)));
            }
        }
    }
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reading(of {:?} bytes)", self.size_bytes)
    }
}

/// `Range` for bytes from one on, at most so many and at least one.
pub(super) fn range(from: u64, length: Option<u64>) -> HeaderValue {
    let last = length.map(|length| from.saturating_add(length.saturating_sub(1)).to_string());
    let text = format!("bytes={from}-{}", last.unwrap_or_default());
    HeaderValue::try_from(text).expect("digits and dashes are a header value")
}
