//! Reading a file here and there: on this machine, or at its archive by ranges.
//!
//! An archive that sends the beginning whatever is asked for is read on to where bytes are wanted; what comes before is
//! dropped as it comes.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use gantry_connector::{ByteStream, OpenError, Resume};
use gantry_net::Validator;

use crate::blocking::blocking;
use crate::file::Moving;
use crate::transfer::{Broken, Transfer, open_failed};
use crate::volume::VolumeError;

/// So many bytes are read at once of what lies on this machine, and read past rather than asked for anew.
pub(super) const PIECE: u64 = 256 << 10;
/// How often in a row the archive may break off without a byte more than before.
const ATTEMPTS: u32 = 5;

/// Where the bytes of a map are read.
pub(super) enum Reading<'r> {
    /// On this machine.
    Here(File),
    /// At the archive.
    There(Box<There<'r>>),
}

/// A file at its archive, read here and there.
pub(super) struct There<'r> {
    transfer: &'r Transfer<'r>,
    moving: &'r Moving<'r>,
    /// What was opened, and the byte that comes next from it.
    open: Option<(ByteStream, u64)>,
    /// What came last and was not wanted yet.
    rest: Bytes,
    /// What the archive said when it was opened first.
    known: Option<Known>,
    /// Whether the archive sends the beginning whatever is asked for.
    from_the_start: bool,
}

#[derive(Clone)]
struct Known {
    validator: Validator,
    location: String,
    total_bytes: Option<u64>,
}

impl Reading<'_> {
    /// At most so many bytes from there on; none where the file ends.
    pub(super) async fn read(
        &mut self,
        at: u64,
        max: u64,
        own: &Transfer<'_>,
    ) -> Result<Bytes, Broken> {
        if own.stop.is_cancelled() {
            return Err(Broken::Stopped);
        }
        match self {
            Self::There(there) => there.read(at, max).await,
            Self::Here(file) => {
                let read = |error| VolumeError::from_io("read", own.path, error);
                let file = file.try_clone().map_err(read)?;
                let piece = blocking(move || {
                    let mut piece = vec![0; max as usize];
                    let n = file.read_at(&mut piece, at)?;
                    piece.truncate(n);
                    Ok(piece)
                });
                Ok(piece.await.map_err(read)?.into())
            }
        }
    }

    /// How far the file it is cut from was compared.
    pub(super) fn verified_by(&self, moving: &Moving<'_>) -> &'static str {
        let listed = moving.file.size_bytes;
        let is = match self {
            Self::Here(file) => file.metadata().ok().map(|meta| meta.len()),
            Self::There(there) => there.known.as_ref().and_then(|known| known.total_bytes),
        };
        match listed.is_some() && listed == is {
            true => "size",
            false => "unverified",
        }
    }
}

impl<'r> There<'r> {
    pub(super) fn new(transfer: &'r Transfer<'r>, moving: &'r Moving<'r>) -> Self {
        Self {
            transfer,
            moving,
            open: None,
            rest: Bytes::new(),
            known: None,
            from_the_start: false,
        }
    }

    async fn read(&mut self, at: u64, max: u64) -> Result<Bytes, Broken> {
        let mut attempt = 0;
        loop {
            match self.try_read(at, max).await? {
                Ok(piece) => return Ok(piece),
                Err(error) => {
                    self.close();
                    attempt += 1;
                    if !error.is_transient() || attempt >= ATTEMPTS {
                        return Err(Broken::Outcome(Box::new(open_failed(&error))));
                    }
                    tokio::select! {
                        () = tokio::time::sleep(Duration::from_millis(250 << attempt)) => {}
                        () = self.transfer.stop.cancelled() => return Err(Broken::Stopped),
                    }
                }
            }
        }
    }

    fn close(&mut self) {
        (self.open, self.rest) = (None, Bytes::new());
    }

    /// Reads on to the byte where that is near, or the archive serves no ranges; opens the file there otherwise.
    async fn try_read(&mut self, at: u64, max: u64) -> Result<Result<Bytes, OpenError>, Broken> {
        let next = self.open.as_ref().map(|(_, next)| *next);
        let goes_on = next.is_some_and(|next| {
            at >= next && (self.from_the_start || at - next <= self.rest.len() as u64 + PIECE)
        });
        if !goes_on {
            self.close();
            match self.open_at(at).await? {
                Ok(open) => self.open = Some(open),
                Err(error) => return Ok(Err(error)),
            }
        }
        let Some((stream, next)) = &mut self.open else {
            return Ok(Ok(Bytes::new()));
        };
        loop {
            let past = (at - *next).min(self.rest.len() as u64);
            drop(self.rest.split_to(past as usize));
            *next += past;
            if !self.rest.is_empty() {
                let n = max.min(self.rest.len() as u64);
                *next += n;
                return Ok(Ok(self.rest.split_to(n as usize)));
            }
            let chunk = tokio::select! {
                chunk = stream.bytes.next() => chunk,
                () = self.transfer.stop.cancelled() => return Err(Broken::Stopped),
            };
            match chunk {
                None => return Ok(Ok(Bytes::new())),
                Some(Err(error)) => return Ok(Err(error)),
                Some(Ok(chunk)) => self.rest = chunk,
            }
        }
    }

    async fn open_at(&mut self, at: u64) -> Result<Result<(ByteStream, u64), OpenError>, Broken> {
        let resume = match &self.known {
            Some(known) => Resume {
                from: at,
                validator: known.validator.clone(),
                location: Some(known.location.clone()),
                ..Resume::default()
            },
            None => Resume::default(),
        };
        let opening = self.moving.access.connector.open(self.moving.file, &resume);
        let opened = tokio::select! {
            opened = opening => opened,
            () = self.transfer.stop.cancelled() => return Err(Broken::Stopped),
        };
        let stream = match opened {
            Ok(stream) => stream,
            Err(error) => return Ok(Err(error)),
        };
        let now = Known {
            validator: stream.validator.clone(),
            location: stream.location.clone(),
            total_bytes: stream.total_bytes,
        };
        let known = self.known.get_or_insert_with(|| now.clone());
        let listed = self.moving.file.size_bytes;
        let other_length = |was: Option<u64>| was.zip(now.total_bytes).is_some_and(|(a, b)| a != b);
        let other_file = known.validator.etag != now.validator.etag
            || known.validator.last_modified != now.validator.last_modified;
        if other_length(listed) || other_length(known.total_bytes) || other_file {
            let text = "replaced-at-archive: the archive serves another file than the catalogue has; harvest it and select again";
            return Err(Broken::failed(text, false));
        }
        let starts_at = stream.starts_at;
        self.from_the_start |= starts_at != at;
        Ok(Ok((stream, starts_at)))
    }
}
