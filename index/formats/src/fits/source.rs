//! Where headers are read from: a stream, whose data are read past, or a file, whose data are sought past.

use std::io::{self, Read, Seek, SeekFrom};

pub(super) trait Source {
    /// Fills `buffer` as far as there are bytes, and says how far.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize>;
    /// Goes forward by `n_bytes`, or to the end, and says how far it was.
    fn skip(&mut self, n_bytes: u64) -> io::Result<u64>;
}

pub(super) struct Streamed<R>(pub(super) R);

impl<R: Read> Source for Streamed<R> {
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        fill(&mut self.0, buffer)
    }

    fn skip(&mut self, n_bytes: u64) -> io::Result<u64> {
        io::copy(&mut self.0.by_ref().take(n_bytes), &mut io::sink())
    }
}

pub(super) struct Seekable<R> {
    inner: R,
    at: u64,
    n_bytes: u64,
}

impl<R: Read + Seek> Seekable<R> {
    pub(super) fn new(mut inner: R) -> io::Result<Self> {
        let n_bytes = inner.seek(SeekFrom::End(0))?;
        inner.rewind()?;
        Ok(Self {
            inner,
            at: 0,
            n_bytes,
        })
    }
}

impl<R: Read + Seek> Source for Seekable<R> {
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = fill(&mut self.inner, buffer)?;
        self.at += n as u64;
        Ok(n)
    }

    fn skip(&mut self, n_bytes: u64) -> io::Result<u64> {
        let n = n_bytes.min(self.n_bytes.saturating_sub(self.at));
        self.at = self.inner.seek(SeekFrom::Start(self.at + n))?;
        Ok(n)
    }
}

pub(super) fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
