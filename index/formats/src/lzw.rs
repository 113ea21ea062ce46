//! Unix `compress`, by habit named `.Z`: codes of 9 to 16 bits, least significant bit first.
//!
//! `compress` writes codes in groups of eight; when the width changes or the table is cleared, the
//! rest of a group is padding.

use std::io::{self, BufReader, Read};

use crate::compression::CompressionError;

const CLEAR: usize = 256;

/// Unpacks a `.Z` stream, up to `max_bytes`.
///
/// A read fails with [`io::ErrorKind::InvalidData`] when the stream is damaged, and with an error
/// that carries [`CompressionError::TooLarge`] beyond the limit.
///
/// # Errors
/// When the three bytes of the header cannot be read or are not those of `compress`.
pub fn uncompress<R: Read>(reader: R, max_bytes: u64) -> io::Result<Uncompress<R>> {
    let mut reader = BufReader::new(reader);
    let mut head = [0; 3];
    reader.read_exact(&mut head)?;
    let max_bits = u32::from(head[2] & 0x1f);
    if head[..2] != [0x1f, 0x9d] || !(9..=16).contains(&max_bits) || head[2] & 0x60 != 0 {
        return Err(damaged("not a compress stream of 9 to 16 bits"));
    }
    let block_mode = head[2] & 0x80 != 0;
    Ok(Uncompress {
        reader,
        max_bits,
        block_mode,
        width: 9,
        group: Vec::new(),
        bit: 0,
        prefix: vec![0; 1 << max_bits],
        suffix: vec![0; 1 << max_bits],
        next: if block_mode { CLEAR + 1 } else { CLEAR },
        previous: None,
        out: Vec::new(),
        unpacked_bytes: 0,
        max_bytes,
    })
}

fn damaged(fault: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, fault.to_owned())
}

/// The reader made by [`uncompress`].
#[derive(Debug)]
pub struct Uncompress<R> {
    reader: BufReader<R>,
    max_bits: u32,
    block_mode: bool,
    width: u32,
    /// Eight codes of the present width, fewer at the end.
    group: Vec<u8>,
    /// The next bit of the group.
    bit: usize,
    prefix: Vec<u16>,
    suffix: Vec<u8>,
    next: usize,
    /// The code before, and the first byte it stood for.
    previous: Option<(usize, u8)>,
    /// Unpacked and not yet given, last byte first.
    out: Vec<u8>,
    unpacked_bytes: u64,
    max_bytes: u64,
}

impl<R: Read> Uncompress<R> {
    /// The next code; none at the end of the stream.
    fn code(&mut self) -> io::Result<Option<usize>> {
        let wanted = if self.width < self.max_bits && self.next >= 1 << self.width {
            self.group.clear();
            self.width + 1
        } else {
            self.width
        };
        self.width = wanted;
        let width = self.width as usize;
        if self.bit + width > self.group.len() * 8 || self.group.is_empty() {
            self.group.clear();
            self.bit = 0;
            let limit = u64::from(self.width);
            (&mut self.reader)
                .take(limit)
                .read_to_end(&mut self.group)?;
            if self.group.len() * 8 < width {
                return Ok(None);
            }
        }
        let code = (0..width).fold(0, |code, i| {
            let at = self.bit + i;
            code | usize::from(self.group[at / 8] >> (at % 8) & 1) << i
        });
        self.bit += width;
        Ok(Some(code))
    }

    /// Unpacks one code into `out`; false at the end of the stream.
    fn step(&mut self) -> io::Result<bool> {
        let Some(mut code) = self.code()? else {
            return Ok(false);
        };
        if code == CLEAR && self.block_mode {
            self.group.clear();
            self.width = 9;
            // The code after a clear adds an entry of no use, as in `compress` itself.
            self.next = CLEAR;
            self.previous = None;
            return Ok(true);
        }
        let Some((before, first)) = self.previous else {
            let byte = u8::try_from(code).map_err(|_| damaged("the first code is no byte"))?;
            self.out.push(byte);
            self.previous = Some((code, byte));
            if self.next == CLEAR && self.block_mode {
                self.next += 1;
            }
            return Ok(true);
        };
        let this = code;
        if code > self.next || (code == self.next && self.next >= self.suffix.len()) {
            return Err(damaged("a code that was not defined"));
        }
        if code == self.next {
            self.out.push(first);
            code = before;
        }
        while code > 255 {
            self.out.push(self.suffix[code]);
            code = usize::from(self.prefix[code]);
        }
        let byte = u8::try_from(code).unwrap_or_default();
        self.out.push(byte);
        if self.next < self.suffix.len() {
            self.prefix[self.next] = u16::try_from(before).unwrap_or_default();
            self.suffix[self.next] = byte;
            self.next += 1;
        }
        self.previous = Some((this, byte));
        Ok(true)
    }
}

impl<R: Read> Read for Uncompress<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut n = 0;
        while n < buffer.len() {
            match self.out.pop() {
                Some(byte) => {
                    buffer[n] = byte;
                    n += 1;
                }
                None if !self.step()? => break,
                None => {}
            }
        }
        self.unpacked_bytes += n as u64;
        if self.unpacked_bytes > self.max_bytes {
            let max_bytes = self.max_bytes;
            return Err(io::Error::other(CompressionError::TooLarge { max_bytes }));
        }
        Ok(n)
    }
}
