//! Answers of the archive on their way: kept in an unnamed file until they are known to be whole and what they are.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt;
use gantry_connector::{ByteStream, OpenError, Remarks};
use gantry_formats::compression::{CompressionError, without_gzip};
use gantry_net::{Response, Validator};
use tokio_util::io::ReaderStream;

use crate::Gaia;

/// The largest answer that is taken, as it comes and unpacked.
const MAX_BYTES: u64 = 64 << 30;
/// How much of a file is read at a time.
const CHUNK: usize = 256 * 1024;

/// Room that is left to everything else on the disk.
const LEAST_FREE: u64 = 1 << 30;
/// After so many bytes the room is looked at again.
const LOOK_EVERY: u64 = 64 << 20;

/// Fails while the disk that an answer is spooled to is nearly full.
fn has_room(file: &File) -> io::Result<()> {
    let space = rustix::fs::fstatvfs(file)?;
    match space.f_bavail.saturating_mul(space.f_frsize) < LEAST_FREE {
        true => Err(io::Error::new(
            io::ErrorKind::StorageFull,
            "less than 1 GiB is left on the disk where answers wait",
        )),
        false => Ok(()),
    }
}

impl Gaia {
    /// Takes an answer whole; a gzip around it is taken off, whether or not it was announced.
    pub(crate) async fn spool(&self, name: &str, response: Response) -> Result<File, OpenError> {
        let mut file = tempfile::tempfile().map_err(|error| not_kept(name, error))?;
        let (mut body, mut n_bytes, mut look_at) = (response.into_stream(), 0_u64, LOOK_EVERY);
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|source| OpenError::Net {
                archive: self.archive.id.clone(),
                name: name.to_owned(),
                source,
            })?;
            n_bytes += chunk.len() as u64;
            if n_bytes > MAX_BYTES {
                return Err(
                    self.refused(name, format!("the answer is larger than {MAX_BYTES} bytes"))
                );
            }
            file.write_all(&chunk)
                .map_err(|error| not_kept(name, error))?;
            if n_bytes >= look_at {
                has_room(&file).map_err(|error| not_kept(name, error))?;
                look_at = n_bytes + LOOK_EVERY;
            }
        }
        let waiting = Waiting::default();
        let heeding = waiting.heeding();
        let unpacked = tokio::task::spawn_blocking(move || unpacked(file, heeding)).await;
        let unpacked = unpacked.unwrap_or_else(|error| Err(io::Error::other(error)));
        unpacked.map_err(|error| match error.get_ref() {
            Some(inside) if inside.is::<CompressionError>() => {
                self.refused(name, format!("its answer is damaged: {inside}"))
            }
            _ => not_kept(name, error),
        })
    }

    /// The bytes of an answer that was taken whole.
    pub(crate) fn stream(
        &self,
        name: &str,
        (mut file, location): (File, String),
        remarks: Remarks,
    ) -> Result<ByteStream, OpenError> {
        file.rewind().map_err(|error| not_kept(name, error))?;
        let name = name.to_owned();
        let bytes = ReaderStream::with_capacity(tokio::fs::File::from_std(file), CHUNK);
        let bytes = bytes.map(move |chunk| chunk.map_err(|error| not_kept(&name, error)));
        Ok(ByteStream {
            starts_at: 0,
            // The archive announced no length of this; ours would verify nothing.
            total_bytes: None,
            validator: Validator::default(),
            location,
            remarks,
            bytes: bytes.boxed(),
        })
    }

    pub(crate) fn refused(&self, name: &str, why: String) -> OpenError {
        OpenError::Refused {
            archive: self.archive.id.clone(),
            name: name.to_owned(),
            why,
        }
    }
}

fn not_kept(name: &str, source: io::Error) -> OpenError {
    OpenError::NotKept {
        name: name.to_owned(),
        folder: std::env::temp_dir(),
        source,
    }
}

/// Somebody who waits for work on another thread; the work ends when this is dropped.
#[derive(Default)]
pub(crate) struct Waiting(Arc<AtomicBool>);

/// What work on another thread heeds.
pub(crate) struct Heeding(Arc<AtomicBool>);

/// A reader that fails when nobody waits for what is read any more.
pub(crate) struct Heeded<R> {
    inner: R,
    heeding: Heeding,
}

impl Waiting {
    pub(crate) fn heeding(&self) -> Heeding {
        Heeding(Arc::clone(&self.0))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Heeding {
    pub(crate) fn over<R>(self, inner: R) -> Heeded<R> {
        Heeded {
            inner,
            heeding: self,
        }
    }
}

impl<R: Read> Read for Heeded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.heeding.0.load(Ordering::Relaxed) {
            return Err(io::Error::other("nobody waits for it any more"));
        }
        self.inner.read(buffer)
    }
}

/// The file itself when it is no gzip, else what is in it.
fn unpacked(mut file: File, heeding: Heeding) -> io::Result<File> {
    let mut first = [0; 2];
    file.rewind()?;
    let n = io::Read::read(&mut file, &mut first)?;
    file.rewind()?;
    if n < 2 || first != [0x1f, 0x8b] {
        return Ok(file);
    }
    let mut plain = tempfile::tempfile()?;
    let mut unpacking = heeding.over(without_gzip(&file, MAX_BYTES)?);
    while io::copy(&mut unpacking.by_ref().take(LOOK_EVERY), &mut plain)? == LOOK_EVERY {
        has_room(&plain)?;
    }
    plain.rewind()?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_nobody_waits_for_any_more_ends() {
        let waiting = Waiting::default();
        let mut endless = waiting.heeding().over(io::repeat(0));
        let mut some = [0; 4];
        endless.read_exact(&mut some).unwrap();
        drop(waiting);
        assert!(io::copy(&mut endless, &mut io::sink()).is_err());
    }
}
