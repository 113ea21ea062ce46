//! Verification: what a file's bytes are compared with, and what came of it.
//!
//! A hash of our own single read verifies nothing; it is kept so that a later copy can be compared with it.

use std::fs::File;
use std::io::{BufReader, Read, Seek};

use gantry_asset::{Algorithm, Checksum};
use gantry_formats::compression::{self, Compression};
use gantry_formats::fits;
use md5::Md5;
use sha2::{Digest, Sha256};

/// Hashes of a file while it is written.
#[derive(Default)]
pub(crate) struct Hashes {
    sha256: Sha256,
    md5: Option<Md5>,
}

impl Hashes {
    /// Those needed to compare with an archive's checksum.
    pub(crate) fn for_checksum(checksum: Option<&Checksum>) -> Self {
        let md5 = checksum
            .is_some_and(|checksum| checksum.algorithm == Algorithm::Md5)
            .then(Md5::default);
        Self {
            sha256: Sha256::default(),
            md5,
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
    }

    /// Takes in the first bytes of a file that are there already.
    pub(crate) fn update_from(&mut self, file: &mut File, n_bytes: u64) -> std::io::Result<()> {
        file.rewind()?;
        let mut left = file.take(n_bytes);
        let mut buffer = vec![0; 1 << 20];
        loop {
            match left.read(&mut buffer)? {
                0 => return Ok(()),
                n => self.update(&buffer[..n]),
            }
        }
    }

    /// The SHA-256, and whether the archive's checksum agrees where it gave one.
    pub(crate) fn finish(self, checksum: Option<&Checksum>) -> (String, Option<bool>) {
        let sha256 = hex(&self.sha256.finalize());
        let agrees = checksum.map(|checksum| match checksum.algorithm {
            Algorithm::Sha256 => checksum.value.eq_ignore_ascii_case(&sha256),
            Algorithm::Md5 => self
                .md5
                .is_some_and(|md5| checksum.value.eq_ignore_ascii_case(&hex(&md5.finalize()))),
        });
        (sha256, agrees)
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a file says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Embedded {
    /// Whether checksums inside it were found and all agree.
    pub(crate) agrees: bool,
    /// What is odd, in sentences.
    pub(crate) warnings: Vec<String>,
    /// Why its bytes cannot be right.
    pub(crate) damaged: Option<String>,
}

/// The most a gzip file may unpack to while it is checked.
const UNPACKED_BYTES: u64 = 1 << 40;

/// Checks what a file carries inside: the CRC of gzip, CHECKSUM and DATASUM of FITS (FITS 4.0, section 4.4.2.7).
///
/// A gzip file whose CRC differs is damaged. A FITS checksum that differs, or a FITS file that ends early as the archive
/// sent it, is a warning: copies in circulation carry wrong ones.
pub(crate) fn embedded(file: &mut File) -> std::io::Result<Embedded> {
    file.rewind()?;
    let mut first = [0; 6];
    let n = file.read(&mut first)?;
    file.rewind()?;
    let mut found = Embedded::default();
    match compression::sniff(&first[..n]) {
        Some(Compression::Gzip) => {
            match compression::verify_gzip(BufReader::with_capacity(1 << 20, file), UNPACKED_BYTES)
            {
                Ok(_) => found.agrees = true,
                Err(error) => found.damaged = Some(error.to_string()),
            }
        }
        _ if first.starts_with(b"SIMPLE") => {
            match fits::checksum::verify(BufReader::with_capacity(1 << 20, file)) {
                Ok(sums) => judge(&sums, &mut found),
                Err(error) => found.warnings.push(format!("as FITS: {error}")),
            }
        }
        _ => {}
    }
    Ok(found)
}

fn judge(sums: &[fits::checksum::HduChecksum], found: &mut Embedded) {
    let mut n_sums = 0;
    for sum in sums {
        for (card, verdict) in [("CHECKSUM", sum.checksum), ("DATASUM", sum.datasum)] {
            n_sums += usize::from(verdict.is_some());
            if verdict == Some(fits::checksum::Verdict::Differs) {
                found
                    .warnings
                    .push(format!("{card} in HDU {} differs", sum.index));
            }
        }
    }
    found.agrees = n_sums > 0 && found.warnings.is_empty();
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_damaged_gzip_is_told_from_a_whole_one() {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&[7; 100_000]).unwrap();
        let mut bytes = gz.finish().unwrap();
        let check = |bytes: &[u8]| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(bytes).unwrap();
            embedded(&mut file).unwrap()
        };
        assert!(check(&bytes).agrees);
        let at = bytes.len() - 6;
        bytes[at] ^= 1;
        assert!(check(&bytes).damaged.is_some());
        assert!(check(&bytes[..bytes.len() - 4]).damaged.is_some());
        assert_eq!(check(b"plain text"), Embedded::default());
    }
}
