//! Headers: what HDUs a file has, read block by block without their data.

use std::io::{Read, Seek};

use super::card::{CARD_BYTES, Card, Value};
use super::source::{Seekable, Source, Streamed};
use super::{BLOCK_BYTES, FitsError, Part, padded};

/// What kind of thing an HDU holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HduKind {
    /// The first one: an image, or nothing.
    Primary,
    /// `XTENSION= 'IMAGE'`.
    Image,
    /// `XTENSION= 'TABLE'`, columns of text.
    Table,
    /// `XTENSION= 'BINTABLE'`.
    BinTable,
    /// Any other extension.
    Other,
}

/// One header-data unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Hdu {
    /// Its place in the file, from 0.
    pub index: usize,
    /// What it holds.
    pub kind: HduKind,
    /// Its cards in order, without END, CONTINUE cards joined.
    pub cards: Vec<Card>,
    /// Where its data begin, in bytes from the start of the file.
    pub data_start: u64,
    /// How many bytes of data there are, without padding.
    pub data_bytes: u64,
}

/// How much a scan may read into memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all headers of the file together.
    pub max_header_bytes: u64,
    /// Number of HDUs.
    pub max_hdus: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_header_bytes: 64 << 20,
            max_hdus: 10_000,
        }
    }
}

/// Reads the headers of a FITS stream; the data are read and dropped.
///
/// What follows the last HDU and is no extension (FITS 4.0 section 3.5, special records) ends the
/// scan without an error.
///
/// # Errors
/// A [`FitsError`] that names the fault and its place. A file whose last block is not whole is
/// [`FitsError::Truncated`] even if only padding is missing.
pub fn scan(reader: impl Read, limits: Limits) -> Result<Vec<Hdu>, FitsError> {
    scan_source(&mut Streamed(reader), limits)
}

/// Like [`scan`], but seeks past the data.
///
/// # Errors
/// As [`scan`].
pub fn scan_file(reader: impl Read + Seek, limits: Limits) -> Result<Vec<Hdu>, FitsError> {
    scan_source(&mut Seekable::new(reader)?, limits)
}

/// Reads the headers that are whole in the first bytes of a FITS file.
///
/// The data may be cut, and so may the header after it: what came before counts.
///
/// # Errors
/// As [`scan`], when not even the first header is whole.
pub fn scan_prefix(bytes: &[u8], limits: Limits) -> Result<Vec<Hdu>, FitsError> {
    let mut source = Streamed(bytes);
    let mut headers = Headers::new(limits);
    let mut hdus = Vec::new();
    loop {
        match headers.next(&mut source, &mut |_| {}) {
            Ok(Some(hdu)) => {
                let whole = padded(hdu.data_bytes).ok_or_else(|| hdu.bad("NAXIS"))?;
                headers.at = headers.at.saturating_add(whole);
                let cut = source.skip(whole)? < whole;
                hdus.push(hdu);
                if cut {
                    return Ok(hdus);
                }
            }
            Ok(None) => return Ok(hdus),
            Err(error) if hdus.is_empty() => return Err(error),
            Err(_) => return Ok(hdus),
        }
    }
}

fn scan_source(source: &mut impl Source, limits: Limits) -> Result<Vec<Hdu>, FitsError> {
    let mut hdus = Vec::new();
    let mut headers = Headers::new(limits);
    while let Some(hdu) = headers.next(source, &mut |_| {})? {
        let whole = padded(hdu.data_bytes).ok_or_else(|| hdu.bad("NAXIS"))?;
        let skipped = source.skip(whole)?;
        if skipped < whole {
            return Err(FitsError::Truncated {
                byte: hdu.data_start + skipped,
                hdu: hdu.index,
                part: Part::Data,
            });
        }
        headers.at = headers.at.saturating_add(whole);
        hdus.push(hdu);
    }
    Ok(hdus)
}

/// The state of reading one header after the other.
pub(super) struct Headers {
    limits: Limits,
    index: usize,
    header_bytes: u64,
    /// Bytes from the start of the file.
    pub(super) at: u64,
}

impl Headers {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            index: 0,
            header_bytes: 0,
            at: 0,
        }
    }

    /// The next header, or nothing at the end of the HDUs; `seen` is shown each block of it.
    pub(super) fn next(
        &mut self,
        source: &mut impl Source,
        seen: &mut dyn FnMut(&[u8]),
    ) -> Result<Option<Hdu>, FitsError> {
        let hdu = self.index;
        let mut cards = Vec::new();
        let mut block = [0; BLOCK_BYTES];
        for n_blocks in 0.. {
            let n = source.fill(&mut block)?;
            if n_blocks == 0 && !self.begins(&block[..n])? {
                return Ok(None);
            }
            if n < BLOCK_BYTES {
                return Err(self.ends_early(n));
            }
            self.header_bytes += BLOCK_BYTES as u64;
            if self.header_bytes > self.limits.max_header_bytes {
                let max_bytes = self.limits.max_header_bytes;
                return Err(FitsError::HeaderTooLong { hdu, max_bytes });
            }
            seen(&block);
            let ended = self.read_block(&block, &mut cards)?;
            self.at += BLOCK_BYTES as u64;
            if ended {
                break;
            }
        }
        self.index += 1;
        Hdu::from_cards(hdu, cards, self.at).map(Some)
    }

    /// Whether an HDU begins here; at the first one it must.
    fn begins(&self, block: &[u8]) -> Result<bool, FitsError> {
        if self.index == 0 {
            if block.starts_with(b"SIMPLE  =") {
                return Ok(true);
            }
            let first = String::from_utf8_lossy(&block[..block.len().min(16)]);
            let found = first.escape_default().to_string();
            return Err(FitsError::NotFits { found });
        }
        if self.index >= self.limits.max_hdus && !block.is_empty() {
            let max_hdus = self.limits.max_hdus;
            return Err(FitsError::TooManyHdus { max_hdus });
        }
        Ok(block.starts_with(b"XTENSION"))
    }

    fn ends_early(&self, n: usize) -> FitsError {
        let (hdu, byte) = (self.index, self.at + n as u64);
        if n == 0 {
            return FitsError::MissingEnd { hdu, byte };
        }
        let part = Part::Header;
        FitsError::Truncated { byte, hdu, part }
    }

    fn read_block(&self, block: &[u8], cards: &mut Vec<Card>) -> Result<bool, FitsError> {
        for (n, bytes) in block.chunks_exact(CARD_BYTES).enumerate() {
            if bytes.starts_with(b"END") && bytes[3..].iter().all(|byte| *byte == b' ') {
                return Ok(true);
            }
            if bytes[..8].iter().any(|byte| !(b' '..=b'~').contains(byte)) {
                let byte = self.at + (n * CARD_BYTES) as u64;
                let hdu = self.index;
                return Err(FitsError::MissingEnd { hdu, byte });
            }
            let card = Card::read(bytes);
            let joined = cards
                .last_mut()
                .is_some_and(|last| last.continue_with(&card));
            if !joined {
                cards.push(card);
            }
        }
        Ok(false)
    }
}

impl Hdu {
    fn from_cards(index: usize, cards: Vec<Card>, data_start: u64) -> Result<Self, FitsError> {
        let mut hdu = Self {
            index,
            kind: HduKind::Primary,
            cards,
            data_start,
            data_bytes: 0,
        };
        if index > 0 {
            hdu.kind = match hdu.text("XTENSION") {
                Some("IMAGE") => HduKind::Image,
                Some("TABLE") => HduKind::Table,
                Some("BINTABLE" | "A3DTABLE") => HduKind::BinTable,
                _ => HduKind::Other,
            };
        }
        hdu.data_bytes = hdu.n_data_bytes()?;
        Ok(hdu)
    }

    /// The first card of this keyword, compared without case.
    pub fn card(&self, keyword: &str) -> Option<&Card> {
        let same = |card: &&Card| card.keyword.eq_ignore_ascii_case(keyword);
        self.cards.iter().find(same)
    }

    /// A text value, as given.
    pub fn text(&self, keyword: &str) -> Option<&str> {
        match &self.card(keyword)?.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number, also one written with a fraction of zero.
    pub fn int(&self, keyword: &str) -> Option<i64> {
        match self.card(keyword)?.value {
            Value::Integer(value) => Some(value),
            Value::Float(value) if value.fract() == 0.0 && value.abs() < 9e15 => Some(value as i64),
            _ => None,
        }
    }

    /// A number.
    pub fn float(&self, keyword: &str) -> Option<f64> {
        match self.card(keyword)?.value {
            Value::Integer(value) => Some(value as f64),
            Value::Float(value) => Some(value),
            _ => None,
        }
    }

    /// A logical value.
    pub fn logical(&self, keyword: &str) -> Option<bool> {
        match self.card(keyword)?.value {
            Value::Logical(value) => Some(value),
            _ => None,
        }
    }

    /// The lengths of the axes, NAXIS1 first; for a table, bytes of a row and number of rows.
    ///
    /// # Errors
    /// [`FitsError::BadCard`] when NAXIS or one of its lengths is missing or negative.
    pub fn shape(&self) -> Result<Vec<u64>, FitsError> {
        let n_axes = self.size("NAXIS")?;
        if n_axes > 999 {
            return Err(self.bad("NAXIS"));
        }
        (1..=n_axes)
            .map(|n| self.size(&format!("NAXIS{n}")))
            .collect()
    }

    /// The number of rows of a table; 0 for anything else.
    pub fn n_rows(&self) -> u64 {
        match self.kind {
            HduKind::Table | HduKind::BinTable => self.size("NAXIS2").unwrap_or(0),
            _ => 0,
        }
    }

    /// The lengths of the axes of an image inside a tile-compressed table, NAXIS1 first.
    pub fn compressed_shape(&self) -> Option<Vec<u64>> {
        if self.kind != HduKind::BinTable || self.logical("ZIMAGE") != Some(true) {
            return None;
        }
        let n_axes = self.size("ZNAXIS").ok().filter(|n| *n <= 999)?;
        (1..=n_axes)
            .map(|n| self.size(&format!("ZNAXIS{n}")).ok())
            .collect()
    }

    pub(super) fn bad(&self, keyword: &str) -> FitsError {
        FitsError::BadCard {
            hdu: self.index,
            keyword: keyword.to_owned(),
        }
    }

    fn size(&self, keyword: &str) -> Result<u64, FitsError> {
        let value = self.int(keyword).and_then(|n| u64::try_from(n).ok());
        value.ok_or_else(|| self.bad(keyword))
    }

    /// FITS 4.0 equations 1, 2 and 4.
    fn n_data_bytes(&self) -> Result<u64, FitsError> {
        let shape = self.shape()?;
        if shape.is_empty() {
            return Ok(0);
        }
        let bytes_per_value = match self.int("BITPIX") {
            Some(8) => 1,
            Some(16) => 2,
            Some(32 | -32) => 4,
            Some(64 | -64) => 8,
            _ => return Err(self.bad("BITPIX")),
        };
        let is_groups = shape[0] == 0 && self.logical("GROUPS") == Some(true);
        let axes = if is_groups { &shape[1..] } else { &shape[..] };
        let counts = self.index > 0 || is_groups;
        let optional = |keyword, missing| match self.card(keyword) {
            Some(_) if counts => self.size(keyword),
            _ => Ok(missing),
        };
        let (n_extra, n_groups) = (optional("PCOUNT", 0)?, optional("GCOUNT", 1)?);
        let n_values = if axes.is_empty() {
            Some(0)
        } else {
            axes.iter().try_fold(1_u64, |n, axis| n.checked_mul(*axis))
        };
        n_values
            .and_then(|n| n.checked_add(n_extra))
            .and_then(|n| n.checked_mul(n_groups))
            .and_then(|n| n.checked_mul(bytes_per_value))
            .filter(|n| *n < 1 << 62)
            .ok_or_else(|| self.bad("NAXIS"))
    }
}
