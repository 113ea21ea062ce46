//! Lines of a text format, bounded and numbered.

use std::io::{self, BufRead, BufReader, Read};

/// The longest line that is read, in bytes; RINEX 3 lines of many signals stay far below.
pub const MAX_LINE_BYTES: usize = 1 << 16;

/// Why a text file could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// A line that is not as the format wants it.
    #[error("line {line}: {fault}")]
    Line {
        /// Its number, from 1.
        line: u64,
        /// A sentence that says what is wrong.
        fault: String,
    },
    /// The bytes beneath could not be read, or a layer around them is broken.
    #[error("reading line {line}")]
    Io {
        /// The line that was wanted, from 1.
        line: u64,
        /// What the reader said.
        source: io::Error,
    },
}

/// Reads one line after the other, without its end (`\n` or `\r\n`).
#[derive(Debug)]
pub(crate) struct Lines<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
    /// The number of the line given last, from 1.
    pub(crate) number: u64,
    /// Whether the line given last had an end, which the last line of a file that was cut lacks.
    pub(crate) ended: bool,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self {
            reader: BufReader::new(reader),
            line: Vec::new(),
            number: 0,
            ended: true,
        }
    }

    /// The next line, bytes that are not ASCII replaced by `?` so that columns stay columns.
    pub(crate) fn next(&mut self) -> Result<Option<&str>, TextError> {
        if !self.advance()? {
            return Ok(None);
        }
        for byte in &mut self.line {
            if !byte.is_ascii() || *byte == 0 {
                *byte = b'?';
            }
        }
        Ok(std::str::from_utf8(&self.line).ok())
    }

    /// The next line with its bytes as they are.
    pub(crate) fn next_bytes(&mut self) -> Result<Option<&[u8]>, TextError> {
        Ok(self.advance()?.then_some(self.line.as_slice()))
    }

    /// The first byte of the next line, which stays to be read.
    pub(crate) fn peek(&mut self) -> Result<Option<u8>, TextError> {
        let line = self.number + 1;
        let bytes = self.reader.fill_buf();
        let bytes = bytes.map_err(|source| TextError::Io { line, source })?;
        Ok(bytes.first().copied())
    }

    /// Reads the next line into `line`; false at the end of the file.
    fn advance(&mut self) -> Result<bool, TextError> {
        self.line.clear();
        let line = self.number + 1;
        let most = MAX_LINE_BYTES as u64 + 2;
        let n = (&mut self.reader)
            .take(most)
            .read_until(b'\n', &mut self.line)
            .map_err(|source| TextError::Io { line, source })?;
        if n == 0 {
            return Ok(false);
        }
        self.number = line;
        self.ended = self.line.last() == Some(&b'\n');
        while matches!(self.line.last(), Some(b'\n' | b'\r')) {
            self.line.pop();
        }
        if self.line.len() > MAX_LINE_BYTES {
            return Err(self.fault(format!("longer than {MAX_LINE_BYTES} bytes")));
        }
        Ok(true)
    }

    /// An error at the line given last.
    pub(crate) fn fault(&self, fault: impl Into<String>) -> TextError {
        TextError::Line {
            line: self.number,
            fault: fault.into(),
        }
    }
}

/// Columns `from..to` of an ASCII line, from 0, as much of them as there is, without outer blanks.
pub(crate) fn field(line: &str, from: usize, to: usize) -> &str {
    let to = to.min(line.len());
    line.get(from..to).unwrap_or("").trim()
}

/// The number in a fixed field; blanks inside are dropped, as Fortran does, and D is an exponent.
pub(crate) fn number(text: &str) -> Option<f64> {
    let text: String = text
        .chars()
        .filter(|c| *c != ' ')
        .map(|c| if matches!(c, 'D' | 'd') { 'E' } else { c })
        .collect();
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// The most faults of one body that are kept, so that a spoilt file does not fill memory.
pub(crate) const MAX_FAULTS: usize = 32;

/// Notes what is wrong with a body that can be read nevertheless, with its line.
pub(crate) fn note(faults: &mut Vec<String>, line: u64, fault: impl std::fmt::Display) {
    if faults.len() < MAX_FAULTS {
        faults.push(format!("line {line}: {fault}"));
    }
}

/// Text without outer blanks, if there is any.
pub(crate) fn some(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
