//! Checksums: the CHECKSUM and DATASUM cards of each HDU, verified while a stream goes by.
//!
//! # Source
//! FITS 4.0 section 4.4.2.7 and appendix J.

use std::io::Read;

use super::card::Value;
use super::header::{Hdu, Headers, Limits};
use super::source::{Source, Streamed};
use super::{BLOCK_BYTES, FitsError, Part, padded};

/// What came of comparing a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The bytes are those that were summed.
    Ok,
    /// They are not, or the card cannot be read.
    Differs,
}

/// The sums of one HDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HduChecksum {
    /// Its place in the file, from 0.
    pub index: usize,
    /// Of the whole HDU; nothing when it has no CHECKSUM, or an empty one.
    pub checksum: Option<Verdict>,
    /// Of its data; nothing when it has no DATASUM, or an empty one.
    pub datasum: Option<Verdict>,
}

/// Reads a FITS stream to its end and verifies each HDU that carries sums.
///
/// # Errors
/// As [`scan`](super::scan): a file cut short is an error, not a sum that differs.
pub fn verify(reader: impl Read) -> Result<Vec<HduChecksum>, FitsError> {
    let mut source = Streamed(reader);
    let mut headers = Headers::new(Limits::default());
    let mut sums = Vec::new();
    let mut buffer = vec![0; 64 * BLOCK_BYTES];
    loop {
        let mut of_header = Sum::default();
        let Some(hdu) = headers.next(&mut source, &mut |block| of_header.add(block))? else {
            return Ok(sums);
        };
        let of_data = sum_data(&mut source, &hdu, &mut buffer)?;
        headers.at += padded(hdu.data_bytes).unwrap_or(0);
        sums.push(compare(&hdu, of_header, of_data));
    }
}

fn sum_data(source: &mut impl Source, hdu: &Hdu, buffer: &mut [u8]) -> Result<Sum, FitsError> {
    let mut sum = Sum::default();
    let mut left = padded(hdu.data_bytes).ok_or_else(|| hdu.bad("NAXIS"))?;
    let mut at = hdu.data_start;
    while left > 0 {
        let n_wanted = left.min(buffer.len() as u64) as usize;
        let n = source.fill(&mut buffer[..n_wanted])?;
        at += n as u64;
        if n < n_wanted {
            let part = Part::Data;
            return Err(FitsError::Truncated {
                byte: at,
                hdu: hdu.index,
                part,
            });
        }
        sum.add(&buffer[..n]);
        left -= n as u64;
    }
    Ok(sum)
}

fn compare(hdu: &Hdu, of_header: Sum, of_data: Sum) -> HduChecksum {
    let verdict = |ok| if ok { Verdict::Ok } else { Verdict::Differs };
    let checksum = hdu.text("CHECKSUM").filter(|text| !text.trim().is_empty());
    // The card was chosen so that the sum over everything is zero, whose other form is all ones.
    let whole = of_header.and(of_data).value();
    let datasum = match hdu.card("DATASUM").map(|card| &card.value) {
        Some(Value::Text(text)) if text.trim().is_empty() => None,
        Some(Value::Text(text)) => Some(text.trim().parse() == Ok(of_data.value())),
        Some(Value::Integer(number)) => Some(*number == i64::from(of_data.value())),
        Some(Value::Undefined) | None => None,
        Some(_) => Some(false),
    };
    HduChecksum {
        index: hdu.index,
        checksum: checksum.map(|_| verdict(whole == 0 || whole == u32::MAX)),
        datasum: datasum.map(verdict),
    }
}

/// A sum of 32-bit big-endian words in ones' complement.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum(u64);

impl Sum {
    /// Adds bytes, a multiple of four of them.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        // Carries gather in the upper half and are folded once per call; 16 GiB would overflow it.
        let words = bytes.chunks_exact(4);
        let sum: u64 = words
            .map(|word| u64::from(u32::from_be_bytes([word[0], word[1], word[2], word[3]])))
            .sum();
        self.0 = fold(self.0 + fold(sum));
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(fold(self.0 + other.0))
    }

    pub(super) fn value(self) -> u32 {
        self.0 as u32
    }
}

fn fold(mut sum: u64) -> u64 {
    while sum > u64::from(u32::MAX) {
        sum = (sum >> 32) + (sum & u64::from(u32::MAX));
    }
    sum
}

/// The sixteen characters that bring the sum of an HDU to zero, where `sum` was taken with sixteen
/// zeros in their place.
pub(super) fn encode(sum: u32) -> String {
    let mut characters = [0_u8; 16];
    for (n, byte) in (!sum).to_be_bytes().into_iter().enumerate() {
        let mut four = [byte / 4 + b'0'; 4];
        four[0] += byte % 4;
        spread(&mut four);
        for (k, character) in four.into_iter().enumerate() {
            characters[4 * k + n] = character;
        }
    }
    // The value begins one byte before a word does.
    characters.rotate_right(1);
    characters.into_iter().map(char::from).collect()
}

/// Moves pairs apart, which keeps their sum, until all are letters or digits.
fn spread(four: &mut [u8; 4]) {
    while four.iter().any(|byte| !byte.is_ascii_alphanumeric()) {
        for pair in four.chunks_exact_mut(2) {
            if pair.iter().any(|byte| !byte.is_ascii_alphanumeric()) {
                pair[0] += 1;
                pair[1] -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_that_of_the_standard() {
        // FITS 4.0 appendix J: the complement of 868229149 is encoded as hcHjjc9ghcEghc9g.
        assert_eq!(encode(868_229_149), "hcHjjc9ghcEghc9g");
    }

    #[test]
    fn every_byte_encodes_to_letters_and_digits() {
        for byte in 0..=255_u32 {
            let text = encode(byte * 0x0101_0101);
            assert!(text.bytes().all(|b| b.is_ascii_alphanumeric()), "{text}");
        }
    }

    #[test]
    fn carries_go_around() {
        let mut sum = Sum::default();
        sum.add(&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 2]);
        assert_eq!(sum.value(), 2);
    }
}
