//! Answers of the archive on their way: kept in an unnamed file until they are known to be whole and what they are.

use std::fs::File;
use std::io::{self, Seek, Write};

use futures::StreamExt;
use gantry_connector::{ByteStream, OpenError, Remarks};
use gantry_formats::compression::without_gzip;
use gantry_net::{Response, Validator};
use tokio_util::io::ReaderStream;

use crate::Gaia;

/// The largest answer that is taken, as it comes and unpacked.
const MAX_BYTES: u64 = 64 << 30;
/// How much of a file is read at a time.
const CHUNK: usize = 256 * 1024;

impl Gaia {
    /// Takes an answer whole; a gzip around it is taken off, whether or not it was announced.
    pub(crate) async fn spool(&self, name: &str, response: Response) -> Result<File, OpenError> {
        let mut file = tempfile::tempfile().map_err(|error| self.local(name, &error))?;
        let (mut body, mut n_bytes) = (response.into_stream(), 0_u64);
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
                .map_err(|error| self.local(name, &error))?;
        }
        let unpacked = tokio::task::spawn_blocking(move || unpacked(file)).await;
        unpacked
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|error| self.local(name, &error))
    }

    /// The bytes of an answer that was taken whole.
    pub(crate) fn stream(
        &self,
        name: &str,
        (mut file, location): (File, String),
        remarks: Remarks,
    ) -> Result<ByteStream, OpenError> {
        file.rewind().map_err(|error| self.local(name, &error))?;
        let (archive, name) = (self.archive.id.clone(), name.to_owned());
        let bytes = ReaderStream::with_capacity(tokio::fs::File::from_std(file), CHUNK);
        let bytes = bytes.map(move |chunk| {
            chunk.map_err(|error| OpenError::Refused {
                archive: archive.clone(),
                name: name.clone(),
                why: format!("its answer could not be kept: {error}"),
            })
        });
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

    fn local(&self, name: &str, error: &io::Error) -> OpenError {
        self.refused(name, format!("its answer could not be kept: {error}"))
    }
}

/// The file itself when it is no gzip, else what is in it.
fn unpacked(mut file: File) -> io::Result<File> {
    let mut first = [0; 2];
    file.rewind()?;
    let n = io::Read::read(&mut file, &mut first)?;
    file.rewind()?;
    if n < 2 || first != [0x1f, 0x8b] {
        return Ok(file);
    }
    let mut plain = tempfile::tempfile()?;
    io::copy(&mut without_gzip(&file, MAX_BYTES)?, &mut plain)?;
    plain.rewind()?;
    Ok(plain)
}
