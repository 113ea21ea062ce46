//! A file of storage elsewhere on its way there.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{Remote, RemoteKind, object, path};
use crate::errand::{Errand, Piece, Source};
use crate::error::NetError;
use crate::shown::ShownUrl;

/// Bytes handed on at once.
const PIECE: usize = 256 * 1024;
/// A transfer ends by itself long before; whether it goes on is watched piece by piece.
const LONG: Duration = Duration::from_secs(30 * 24 * 3600);

/// A server of WebDAV may begin with a file only after its writer has given it up, on another
/// connection; that there is nothing to remove is believed after these pauses.
const AFTERWARDS: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
];

/// A file on its way. It appears under its name when [`Writer::finish`] has succeeded.
///
/// One that is dropped leaves `<name>.part` behind, so that [`Remote::write_on`] can go on with
/// it; over S3 it leaves nothing.
pub struct Writer {
    remote: Remote,
    path: String,
    /// Where the bytes go until they are all there.
    target: String,
    pieces: mpsc::Sender<Piece>,
    task: JoinHandle<Result<(), NetError>>,
    size_bytes: Option<u64>,
    starts_at: u64,
    /// Bytes of the file handed on, those of before included.
    written: u64,
    patience: Duration,
}

impl Writer {
    pub(super) fn begin(
        remote: &Remote,
        path: &str,
        size_bytes: Option<u64>,
        from: u64,
    ) -> Result<Self, NetError> {
        let inner = &remote.inner;
        let limits = inner.client.limits();
        let (pieces, source) = Source::channel(size_bytes);
        let (target, patience, task);
        match inner.objects.clone() {
            Some(objects) if inner.kind == RemoteKind::S3 => {
                let part_bytes = object::part_bytes(size_bytes);
                patience = object::patience(limits, part_bytes);
                target = path.to_owned();
                let key = target.clone();
                task = tokio::spawn(async move { objects.upload(&key, part_bytes, &source).await });
            }
            _ => {
                patience = limits.idle;
                target = path::part(path);
                let mut request = remote.request(Method::PUT, &target, false).within(LONG);
                request.errand = Some(Errand::Write { from, source });
                let client = inner.client.clone();
                task =
                    tokio::spawn(
                        async move { super::changes::whole(client.request(request).await?) },
                    );
            }
        }
        Ok(Self {
            remote: remote.clone(),
            path: path.to_owned(),
            target,
            pieces,
            task,
            size_bytes,
            starts_at: from,
            written: from,
            patience,
        })
    }

    /// From which byte of the file on it is written.
    pub fn starts_at(&self) -> u64 {
        self.starts_at
    }

    /// Hands on the next bytes; waits while those before are on their way.
    ///
    /// # Errors
    /// What the other side said, [`NetError::NotTaken`] when it takes nothing for the idle time of
    /// the limits, [`NetError::NotWritten`] for more bytes than were promised. The writer is then
    /// of no further use.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), NetError> {
        let total = self.written + bytes.len() as u64;
        if let Some(expected) = self.size_bytes.filter(|size| total > *size) {
            return Err(self.not_written(expected, total));
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let piece = rest.split_to(PIECE.min(rest.len()));
            let length = piece.len() as u64;
            self.hand_on(Piece::Bytes(piece)).await?;
            self.written += length;
        }
        Ok(())
    }

    async fn hand_on(&mut self, piece: Piece) -> Result<(), NetError> {
        match tokio::time::timeout(self.patience, self.pieces.send(piece)).await {
            Ok(Ok(())) => Ok(()),
            // It takes nothing any more because it has ended.
            Ok(Err(_)) => match self.ended(self.patience).await {
                Err(error) => Err(error),
                Ok(()) => Err(self.not_taken()),
            },
            Err(_) => {
                self.task.abort();
                Err(self.not_taken())
            }
        }
    }

    /// Waits until the other side has all of it, makes sure, and gives the file its name.
    ///
    /// # Errors
    /// As [`Writer::write`], and [`NetError::NotWritten`] when fewer bytes were written than
    /// promised or are there than were written. The file then does not have its name.
    pub async fn finish(mut self) -> Result<(), NetError> {
        if let Some(expected) = self.size_bytes.filter(|size| *size != self.written) {
            let error = self.not_written(expected, self.written);
            self.give_up().await;
            return Err(error);
        }
        self.hand_on(Piece::End).await?;
        let headers = self.remote.inner.client.limits().headers;
        self.ended(self.patience + headers).await?;
        if self.remote.inner.kind == RemoteKind::S3 {
            return Ok(());
        }
        let there = self.remote.stat(&self.target).await?;
        let got = there.and_then(|there| there.size_bytes);
        // A server that does not tell the size is believed.
        if let Some(got) = got.filter(|got| *got != self.written) {
            return Err(self.not_written(self.written, got));
        }
        self.give_name().await
    }

    /// WsgiDAV 4.3 and 4.4 (seen 2026-11-25) cut the target of a MOVE at `;` and `?` and would replace
    /// another file, so with such a name nothing is replaced by it, and WebDAV's file is looked for
    /// where it should be; the test of WsgiDAV shows it.
    async fn give_name(&self) -> Result<(), NetError> {
        let (remote, path) = (&self.remote, self.path.as_str());
        let is_webdav = remote.inner.kind == RemoteKind::Webdav;
        let replaces = !(is_webdav && path.contains([';', '?']));
        if !replaces && remote.stat(path).await?.is_some() {
            remote.delete_one(path, false).await?;
        }
        remote
            .rename_now(&self.target, path, false, replaces)
            .await?;
        if is_webdav && remote.stat(path).await?.is_none() {
            return Err(self.not_written(self.written, 0));
        }
        Ok(())
    }

    /// Gives up, and removes what was written.
    ///
    /// # Errors
    /// As [`Remote::delete`]; what was written may then still be there.
    pub async fn abort(self) -> Result<(), NetError> {
        let (remote, target) = (self.remote.clone(), self.target.clone());
        self.give_up().await;
        if remote.inner.kind == RemoteKind::S3 {
            return Ok(());
        }
        let mut pauses = match remote.inner.kind {
            RemoteKind::Webdav => AFTERWARDS.iter(),
            _ => [].iter(),
        };
        loop {
            match remote.delete_one(&target, false).await {
                Err(error) if error.is_not_found() => {}
                deleted => return deleted,
            }
            match pauses.next() {
                Some(pause) => tokio::time::sleep(*pause).await,
                None => return Ok(()),
            }
        }
    }

    /// Breaks off, and waits until nothing more is sent.
    async fn give_up(self) {
        let Self {
            pieces,
            mut task,
            patience,
            ..
        } = self;
        drop(pieces);
        if tokio::time::timeout(patience, &mut task).await.is_err() {
            task.abort();
        }
    }

    async fn ended(&mut self, within: Duration) -> Result<(), NetError> {
        match tokio::time::timeout(within, &mut self.task).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(self.not_taken()),
            Err(_) => {
                self.task.abort();
                Err(self.not_taken())
            }
        }
    }

    fn url(&self) -> ShownUrl {
        ShownUrl::from(&self.remote.url(&self.path, false))
    }

    fn not_taken(&self) -> NetError {
        NetError::NotTaken {
            url: self.url(),
            taken: self.written,
            idle: self.patience,
        }
    }

    fn not_written(&self, expected: u64, got: u64) -> NetError {
        NetError::NotWritten {
            url: self.url(),
            expected,
            got,
        }
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Writer({}, {} bytes)", self.url(), self.written)
    }
}
