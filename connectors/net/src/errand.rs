//! What is asked for that changes something on the other side, and the bytes that go there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::Stream;
use tokio::sync::{Mutex, mpsc};

use crate::error::Cause;

/// Pieces that wait to be sent.
const WAITING: usize = 4;

/// What a session with a server of FTP or SFTP does for storage elsewhere besides listing and
/// reading. Over HTTP the method says it, and only the bytes are taken from here.
#[derive(Clone)]
pub(crate) enum Errand {
    /// What is at the path, as a listing of one name.
    Look,
    /// The bytes of a file, from byte `from` on.
    Write { from: u64, source: Source },
    /// A folder whose parent is there.
    MakeFolder,
    /// Another path on the same server for a file or folder.
    Rename { to: String, replaces: bool },
    /// A file or link, or an empty folder.
    Remove { is_folder: bool },
}

/// One step of a file on its way out. A file whose writer went away without `End` is none.
pub(crate) enum Piece {
    Bytes(Bytes),
    End,
}

/// The bytes of a file on its way out; they can be taken once.
#[derive(Clone)]
pub(crate) struct Source {
    pieces: Arc<Mutex<mpsc::Receiver<Piece>>>,
    is_begun: Arc<AtomicBool>,
    is_given_up: Arc<AtomicBool>,
    pub(crate) size_bytes: Option<u64>,
}

impl Source {
    pub(crate) fn channel(size_bytes: Option<u64>) -> (mpsc::Sender<Piece>, Self) {
        let (sender, receiver) = mpsc::channel(WAITING);
        let source = Self {
            pieces: Arc::new(Mutex::new(receiver)),
            is_begun: Arc::default(),
            is_given_up: Arc::default(),
            size_bytes,
        };
        (sender, source)
    }

    /// Whether a piece was asked for already, so that it is too late to begin again.
    pub(crate) fn is_begun(&self) -> bool {
        self.is_begun.load(Ordering::Acquire)
    }

    /// Whether its writer went away before the end.
    pub(crate) fn is_given_up(&self) -> bool {
        self.is_given_up.load(Ordering::Acquire)
    }

    /// The next piece, none at the end.
    pub(crate) async fn next(&self) -> Result<Option<Bytes>, Cause> {
        self.is_begun.store(true, Ordering::Release);
        match self.pieces.lock().await.recv().await {
            Some(Piece::Bytes(bytes)) => Ok(Some(bytes)),
            Some(Piece::End) => Ok(None),
            None => {
                self.is_given_up.store(true, Ordering::Release);
                Err("its writing was given up".into())
            }
        }
    }

    pub(crate) fn stream(self) -> impl Stream<Item = Result<Bytes, Cause>> + Send + 'static {
        futures::stream::try_unfold(self, |source| async move {
            Ok(source.next().await?.map(|piece| (piece, source)))
        })
    }
}
