//! A body on its way: idle time, promised length, speed, and the place it holds among the
//! requests in flight.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};

use crate::error::{Cause, NetError};
use crate::health::Pulse;
use crate::layers::Answer;
use crate::shown::ShownUrl;

/// The bytes of an answer, as they come.
///
/// Fails with [`NetError::Stalled`] when nothing comes for the idle time of the scope, and with
/// [`NetError::CutShort`] when less comes than promised; ends after a failure. Until it has ended
/// or is dropped it counts as a request in flight.
pub struct Body {
    inner: Option<BoxStream<'static, Result<Bytes, Cause>>>,
    /// What was looked at and is still to be given out.
    front: BytesMut,
    url: ShownUrl,
    expected: Option<u64>,
    got: u64,
    idle: Duration,
    /// Runs while we wait for the next piece, not while the reader takes its time.
    patience: Option<Pin<Box<Sleep>>>,
    meter: Meter,
    place: Option<OwnedSemaphorePermit>,
}

impl Body {
    pub(crate) fn new(
        answer: Answer,
        url: ShownUrl,
        expected: Option<u64>,
        idle: Duration,
        pulse: Arc<Pulse>,
    ) -> Self {
        Self {
            inner: Some(answer.body),
            front: BytesMut::new(),
            url,
            expected,
            got: 0,
            idle,
            patience: None,
            meter: Meter::new(pulse),
            place: answer.place,
        }
    }

    /// Looks at the first `n` bytes, fewer when the body is shorter, and keeps them in the body.
    pub(crate) async fn peek(&mut self, n: usize) -> Result<&[u8], NetError> {
        while self.front.len() < n {
            match futures::future::poll_fn(|context| self.poll_piece(context)).await {
                Some(Ok(piece)) => self.front.extend_from_slice(&piece),
                Some(Err(error)) => return Err(error),
                None => break,
            }
        }
        Ok(&self.front[..self.front.len().min(n)])
    }

    /// The whole body, at most `limit` bytes.
    pub(crate) async fn read(mut self, limit: u64) -> Result<Bytes, NetError> {
        let too_large = |url: &ShownUrl| NetError::BodyTooLarge {
            url: url.clone(),
            limit,
        };
        if self.expected.is_some_and(|expected| expected > limit) {
            return Err(too_large(&self.url));
        }
        let mut whole = BytesMut::new();
        while let Some(piece) = self.next().await {
            let piece = piece?;
            if (whole.len() + piece.len()) as u64 > limit {
                return Err(too_large(&self.url));
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, NetError>>> {
        let Some(inner) = &mut self.inner else {
            return Poll::Ready(None);
        };
        match inner.poll_next_unpin(context) {
            Poll::Ready(Some(Ok(piece))) => {
                self.patience = None;
                self.got += piece.len() as u64;
                self.meter.add(piece.len());
                Poll::Ready(Some(Ok(piece)))
            }
            Poll::Ready(end) => {
                let failure = self.failure(end.and_then(Result::err));
                Poll::Ready(self.end(failure).map(Err))
            }
            Poll::Pending => {
                let idle = self.idle;
                let patience = self
                    .patience
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
                ready!(patience.as_mut().poll(context));
                let stalled = NetError::Stalled {
                    url: self.url.clone(),
                    got: self.got,
                    idle,
                };
                Poll::Ready(self.end(Some(stalled)).map(Err))
            }
        }
    }

    /// What is wrong with a body that ended like this.
    fn failure(&self, source: Option<Cause>) -> Option<NetError> {
        let (url, got) = (self.url.clone(), self.got);
        match (self.expected, source) {
            (Some(expected), _) if got < expected => {
                Some(NetError::CutShort { url, expected, got })
            }
            (_, Some(source)) => Some(NetError::Interrupted { url, got, source }),
            _ => None,
        }
    }

    /// Gives back the connection and the place.
    fn end(&mut self, failure: Option<NetError>) -> Option<NetError> {
        self.inner = None;
        self.patience = None;
        self.place = None;
        self.meter.flush();
        if let Some(failure) = &failure {
            self.meter.pulse.failed(failure);
        }
        failure
    }
}

impl Stream for Body {
    type Item = Result<Bytes, NetError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !self.front.is_empty() {
            return Poll::Ready(Some(Ok(self.front.split().freeze())));
        }
        self.poll_piece(context)
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Body({}, {} of {:?} bytes)",
            self.url, self.got, self.expected
        )
    }
}

/// Fewer bytes tell more of the way there than of the speed.
const TELLING: u64 = 64 * 1024;

/// Measures how fast a body comes, in pieces of at least a second.
struct Meter {
    pulse: Arc<Pulse>,
    since: Instant,
    bytes: u64,
}

impl Meter {
    fn new(pulse: Arc<Pulse>) -> Self {
        Self {
            pulse,
            since: Instant::now(),
            bytes: 0,
        }
    }

    fn add(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        if self.since.elapsed() >= Duration::from_secs(1) {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.bytes >= TELLING {
            self.pulse.moved(self.bytes, self.since.elapsed());
        }
        self.since = Instant::now();
        self.bytes = 0;
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.flush();
    }
}
