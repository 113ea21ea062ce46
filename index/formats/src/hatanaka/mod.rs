//! Hatanaka's compact RINEX (CRINEX) back to RINEX text.
//!
//! CRINEX 1.0 holds RINEX 2, CRINEX 3.0 holds RINEX 3 and RINEX 4 up to 4.01. Numbers are kept as
//! differences in time, epoch lines and flags as differences of text. [`Decoder`] gives the text as
//! a reader, [`decode`] writes it; both hold one epoch at a time, and give whole epochs only.
//!
//! # Source
//! Hatanaka (2008), Bulletin of the GSI 55, 21–30; where it is silent, the behaviour of CRX2RNX 4.1.0.

mod arc;
mod body;
mod satellite;

use std::fmt;
use std::io::{self, Read, Write};

use crate::lines::{Lines, TextError};
use crate::rinex::MAX_HEADER_LINES;
use arc::Arc;
use body::Layout;
use satellite::{Satellite, Types};

/// What a decoder allows, besides [`crate::lines::MAX_LINE_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Satellites in one epoch.
    pub max_satellites: usize,
    /// Observation types of one satellite system.
    pub max_types: usize,
    /// Bytes of RINEX text; flags that do not change make a few bytes into thousands.
    pub max_bytes: u64,
}

impl Default for Limits {
    /// 256 satellites, 256 types, 4 GiB; CRX2RNX itself allows 100 and 100.
    fn default() -> Self {
        Self {
            max_satellites: 256,
            max_types: 256,
            max_bytes: 4 << 30,
        }
    }
}

/// A version of CRINEX that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// 1.0, around RINEX 2.
    One,
    /// 3.0, around RINEX 3 and 4.
    Three,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One => "1.0",
            Self::Three => "3.0",
        })
    }
}

/// What [`decode`] met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoded {
    /// Of the Hatanaka format.
    pub version: Version,
    /// Records of observations or cycle slips (flags 0, 1 and 6).
    pub n_epochs: u64,
    /// Length of the RINEX text.
    pub n_bytes: u64,
}

/// Why a Hatanaka file was not decoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HatanakaError {
    /// A line is damaged or beyond a limit, or could not be read.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A version made after this decoder.
    #[error(
        "CRINEX {version} is not read here, only 1.0 and 3.0; 3.1 holds RINEX 4.02 and later, and needs CRX2RNX 4.2"
    )]
    UnknownVersion {
        /// As the first line says it.
        version: String,
    },
    /// The RINEX text is longer than was allowed.
    #[error("decodes to more than {max_bytes} bytes")]
    TooLarge {
        /// The limit that was given.
        max_bytes: u64,
    },
    /// The RINEX text could not be written.
    #[error("writing RINEX text")]
    Write(#[source] io::Error),
}

/// Decodes a Hatanaka file, not compressed otherwise, into RINEX text.
///
/// Lines end in `\n`, without blanks before it. After an error, what was written are the whole
/// epochs before the damage.
///
/// # Errors
/// [`HatanakaError`] for a damaged file, naming the line; for CRINEX 3.1; beyond a limit.
pub fn decode(
    reader: impl Read,
    mut writer: impl Write,
    limits: Limits,
) -> Result<Decoded, HatanakaError> {
    let mut decoder = Decoder::new(reader, limits)?;
    loop {
        let text = std::mem::take(&mut decoder.text);
        writer.write_all(&text).map_err(HatanakaError::Write)?;
        decoder.text = text;
        if !decoder.step()? {
            writer.flush().map_err(HatanakaError::Write)?;
            return Ok(decoder.decoded());
        }
    }
}

/// What comes next in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Line of the header, by its number from 1.
    Header(u64),
    /// So many lines that belong to an event.
    Event(u32),
    Record,
    End,
}

/// The RINEX text of a Hatanaka file, as a reader.
///
/// A read fails with an error that carries [`HatanakaError`], and after it there is nothing more.
#[derive(Debug)]
pub struct Decoder<R> {
    lines: Lines<R>,
    limits: Limits,
    version: Version,
    layout: &'static Layout,
    next: Next,
    types: Types,
    /// The epoch line before, satellites included; empty when the next must be initialised.
    epoch: Vec<u8>,
    /// Those of the epoch before.
    satellites: Vec<Satellite>,
    clock: Option<Arc>,
    /// Decoded by the last step, and how much of it was read.
    text: Vec<u8>,
    given: usize,
    n_epochs: u64,
    n_bytes: u64,
}

impl<R: Read> Decoder<R> {
    /// Reads the two lines of CRINEX and the first of RINEX.
    ///
    /// # Errors
    /// When they are not there, or of a version that is not read.
    pub fn new(reader: R, limits: Limits) -> Result<Self, HatanakaError> {
        let mut lines = Lines::new(reader);
        let version = version(&line(&mut lines)?, &lines)?;
        line(&mut lines)?;
        let first = line(&mut lines)?;
        let layout = layout(&first, version).map_err(|fault| lines.fault(fault))?;
        let mut decoder = Self {
            lines,
            limits,
            version,
            layout,
            next: Next::Header(2),
            types: Types::default(),
            epoch: Vec::new(),
            satellites: Vec::new(),
            clock: None,
            text: Vec::new(),
            given: 0,
            n_epochs: 0,
            n_bytes: 0,
        };
        decoder.pass(&first);
        decoder.n_bytes = decoder.text.len() as u64;
        Ok(decoder)
    }

    /// What was met until now.
    pub fn decoded(&self) -> Decoded {
        Decoded {
            version: self.version,
            n_epochs: self.n_epochs,
            n_bytes: self.n_bytes,
        }
    }

    /// Decodes a line of the header, an event or an epoch into `text`; false at the end.
    fn step(&mut self) -> Result<bool, HatanakaError> {
        self.text.clear();
        self.given = 0;
        let read = match self.next {
            Next::Header(number) => self.header(number),
            Next::Event(n) => self.event(n),
            Next::Record => self.record(),
            Next::End => return Ok(false),
        };
        let max_bytes = self.limits.max_bytes;
        self.n_bytes += self.text.len() as u64;
        let bounded = if self.n_bytes > max_bytes {
            Err(HatanakaError::TooLarge { max_bytes })
        } else {
            Ok(())
        };
        if let Err(error) = read.map_err(HatanakaError::from).and(bounded) {
            self.n_bytes -= self.text.len() as u64;
            self.text.clear();
            self.next = Next::End;
            return Err(error);
        }
        Ok(self.next != Next::End)
    }

    fn header(&mut self, number: u64) -> Result<(), TextError> {
        if number > MAX_HEADER_LINES {
            let fault = format!("the header does not end within {MAX_HEADER_LINES} lines");
            return Err(self.lines.fault(fault));
        }
        let line = line(&mut self.lines)?;
        self.declare(&line)?;
        self.next = match label(&line) {
            b"END OF HEADER" => Next::Record,
            _ => Next::Header(number + 1),
        };
        self.pass(&line);
        Ok(())
    }

    /// Passes on a line that belongs to an event, and leaves `n - 1`.
    fn event(&mut self, n: u32) -> Result<(), TextError> {
        if n == 0 {
            self.next = Next::Record;
            return Ok(());
        }
        let line = line(&mut self.lines)?;
        self.declare(&line)?;
        self.pass(&line);
        self.next = Next::Event(n - 1);
        Ok(())
    }

    /// Takes note of a line with a number of observation types.
    fn declare(&mut self, line: &[u8]) -> Result<(), TextError> {
        let declared = self.types.declare(line, label(line), self.limits.max_types);
        declared.map_err(|fault| self.lines.fault(fault))
    }

    /// Passes a line on, without the blanks at its end; of a line of blanks CRX2RNX leaves one.
    fn pass(&mut self, line: &[u8]) {
        let kept = line.iter().rposition(|byte| *byte != b' ');
        let kept = kept.map_or(1, |at| at + 1).min(line.len());
        self.text.extend(&line[..kept]);
        self.text.push(b'\n');
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() {
            if self.next == Next::End || !self.step().map_err(io::Error::other)? {
                return Ok(0);
            }
        }
        let n = buffer.len().min(self.text.len() - self.given);
        buffer[..n].copy_from_slice(&self.text[self.given..self.given + n]);
        self.given += n;
        Ok(n)
    }
}

/// The next line, which must be there with its end.
fn line<R: Read>(lines: &mut Lines<R>) -> Result<Vec<u8>, TextError> {
    let Some(line) = lines.next_bytes()? else {
        return Err(TextError::Line {
            line: lines.number + 1,
            fault: "the file ends within a header or record".to_owned(),
        });
    };
    let line = line.to_vec();
    if !lines.ended {
        return Err(lines.fault("the file ends within this line"));
    }
    if line.contains(&0) {
        return Err(lines.fault("a byte is zero"));
    }
    Ok(line)
}

fn label(line: &[u8]) -> &[u8] {
    line.get(60..).unwrap_or_default().trim_ascii_end()
}

fn version<R: Read>(line: &[u8], lines: &Lines<R>) -> Result<Version, HatanakaError> {
    if !label(line).starts_with(b"CRINEX VERS") {
        let fault = lines.fault("no `CRINEX VERS   / TYPE` in column 61");
        return Err(fault.into());
    }
    match String::from_utf8_lossy(&line[..20]).trim() {
        "1.0" => Ok(Version::One),
        "3.0" => Ok(Version::Three),
        other => Err(HatanakaError::UnknownVersion {
            version: other.to_owned(),
        }),
    }
}

/// The layout of records by the first line of RINEX.
fn layout(line: &[u8], version: Version) -> Result<&'static Layout, String> {
    if !label(line).starts_with(b"RINEX VERSION / TYPE") {
        return Err("no `RINEX VERSION / TYPE` in column 61".to_owned());
    }
    match (version, line[5]) {
        (Version::One, b'2') => Ok(&body::RINEX_2),
        (Version::Three, b'3' | b'4') => Ok(&body::RINEX_3),
        _ => {
            let rinex = String::from_utf8_lossy(&line[..20]);
            let rinex = rinex.trim();
            Err(format!("CRINEX {version} does not hold RINEX `{rinex}`"))
        }
    }
}
