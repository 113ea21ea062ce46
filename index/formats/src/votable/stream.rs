//! The bytes of a STREAM: base64 as it comes, with or without gzip beneath.

use std::io::{self, Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::write::MultiGzDecoder;

use crate::xml::Xml;

/// How much text is decoded at a time.
const CHUNK: usize = 32 * 1024;

/// What is decoded of a stream and not yet read.
pub(crate) struct Stream {
    /// Characters that do not make a group of four yet.
    carry: Vec<u8>,
    plain: Vec<u8>,
    at: usize,
    gunzip: Option<MultiGzDecoder<Vec<u8>>>,
    ended: bool,
}

impl Stream {
    pub(crate) fn new(is_gzip: bool) -> Self {
        Self {
            carry: Vec::new(),
            plain: Vec::new(),
            at: 0,
            gunzip: is_gzip.then(|| MultiGzDecoder::new(Vec::new())),
            ended: false,
        }
    }

    /// The same, to read from a document.
    pub(crate) fn of<'a, 'r>(&'a mut self, xml: &'a mut Xml<'r>) -> OpenStream<'a, 'r> {
        OpenStream { stream: self, xml }
    }

    /// Decodes the next piece of text.
    fn fill(&mut self, xml: &mut Xml<'_>) -> io::Result<()> {
        let mut text = vec![0; CHUNK];
        let n = xml.raw_text().read(&mut text)?;
        text.truncate(n);
        if n == 0 {
            // A comment within the stream, or a CDATA section, which is part of it; or its end.
            match xml.behind_raw_text().map_err(io::Error::other)? {
                Some(more) => text = more.into_bytes(),
                None => self.ended = true,
            }
        }
        self.carry
            .extend(text.iter().filter(|byte| !byte.is_ascii_whitespace()));
        let whole = if self.ended {
            self.carry.len()
        } else {
            self.carry.len() / 4 * 4
        };
        let mut decoded = Vec::with_capacity(whole / 4 * 3);
        let damaged = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        STANDARD
            .decode_vec(&self.carry[..whole], &mut decoded)
            .map_err(damaged)?;
        self.carry.drain(..whole);
        self.plain.drain(..self.at);
        self.at = 0;
        let Some(gunzip) = &mut self.gunzip else {
            self.plain.append(&mut decoded);
            return Ok(());
        };
        gunzip.write_all(&decoded)?;
        if self.ended {
            gunzip.try_finish()?;
        }
        self.plain.append(gunzip.get_mut());
        Ok(())
    }
}

/// A stream within its document.
pub(crate) struct OpenStream<'a, 'r> {
    stream: &'a mut Stream,
    xml: &'a mut Xml<'r>,
}

impl Read for OpenStream<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.stream.at == self.stream.plain.len() && !self.stream.ended {
            self.stream.fill(self.xml)?;
        }
        let rest = &self.stream.plain[self.stream.at..];
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        self.stream.at += n;
        Ok(n)
    }
}
