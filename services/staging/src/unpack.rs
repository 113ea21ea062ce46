//! Unpacking on the way: gzip, `.Z`, bzip2 and Hatanaka come off, so that the volume has what programs read.
//!
//! The name decides whether a file is unpacked and what it is then called, since a plan must know; the first bytes
//! decide what comes off, since names are wrong at times.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, Write};

use gantry_formats::compression::{self, Compression};
use gantry_formats::hatanaka::{self, Decoder};
use gantry_store::FileOutcome;

use crate::blocking::blocking;
use crate::transfer::{Broken, Transfer, Whole};
use crate::verify::Hashes;
use crate::volume::{Part, VolumeError};

/// A file may unpack to this much, or to so many times its size where that is more.
const UNPACKED_BYTES: u64 = 1 << 30;
const UNPACKED_TIMES: u64 = 200;
/// Where CRINEX says so in its first line (Hatanaka, 2008, section 3).
const CRINEX: std::ops::Range<usize> = 60..77;

/// What a file is called when it is unpacked; none for a name that says nothing of being packed.
///
/// `BRUX…_MO.crx.gz` becomes `BRUX…_MO.rnx`, `brux0010.23d.Z` becomes `brux0010.23o`.
#[must_use]
pub(crate) fn unpacked_name(name: &str) -> Option<String> {
    let packed = [".gz", ".Z", ".bz2"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .filter(|rest| !rest.is_empty());
    let inner = packed.unwrap_or(name);
    without_hatanaka(inner).or_else(|| packed.map(ToOwned::to_owned))
}

fn without_hatanaka(name: &str) -> Option<String> {
    let (stem, end) = name.rsplit_once('.')?;
    let end = match end.as_bytes() {
        b"crx" => "rnx".to_owned(),
        [a, b, b'd'] if a.is_ascii_digit() && b.is_ascii_digit() => format!("{}o", &end[..2]),
        [a, b, b'D'] if a.is_ascii_digit() && b.is_ascii_digit() => format!("{}O", &end[..2]),
        _ => return None,
    };
    Some(format!("{stem}.{end}"))
}

/// What came off, outermost first, in words.
type Layers = Vec<&'static str>;

impl Transfer<'_> {
    /// Unpacks a file of this machine into the part; `outcome` is that of the file as it is packed.
    pub(crate) async fn unpack(&self, packed: File, outcome: FileOutcome) -> Result<Whole, Broken> {
        let mut part = self.on.part(&self.at)?;
        let size = packed.metadata().map_or(0, |meta| meta.len());
        let limit = UNPACKED_BYTES.max(size.saturating_mul(UNPACKED_TIMES));
        let unpacking = blocking(move || {
            let unpacked = part.empty().and_then(|()| unpack(packed, &mut part, limit));
            (part, unpacked)
        });
        let (part, unpacked) = unpacking.await;
        let (sha256, layers) = match unpacked {
            Ok(unpacked) => unpacked,
            Err(error) => {
                drop(part);
                self.on.drop_part(&self.at)?;
                return Err(self.not_unpacked(error));
            }
        };
        self.live
            .advance(&self.lease.id, self.position, part.written, 0);
        let mut warnings = outcome.warnings;
        warnings.push(told(&self.file.name, outcome.sha256.as_deref(), &layers));
        Ok(Whole {
            outcome: FileOutcome {
                method: Some("copy".to_owned()),
                path: Some(self.path.as_str().to_owned()),
                size_bytes: Some(part.written),
                sha256: Some(sha256),
                warnings,
                ..outcome
            },
            part,
            fetched: None,
        })
    }

    fn not_unpacked(&self, error: io::Error) -> Broken {
        let is_of_the_volume =
            VolumeError::from_io("write", self.path, io::Error::from(error.kind()));
        if is_of_the_volume.is_full() {
            return is_of_the_volume.into();
        }
        let mut why = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            why = format!("{why}: {cause}");
            source = cause.source();
        }
        let text = format!("not-unpacked: {why}; stage it without `unpack`");
        Broken::failed(&text, false)
    }
}

fn told(name: &str, sha256: Option<&str>, layers: &Layers) -> String {
    match &layers[..] {
        [] => format!("`{name}` was not packed, whatever its name says"),
        layers => {
            let of = sha256.map_or_else(String::new, |sha256| format!(" (SHA-256 {sha256})"));
            format!("unpacked from `{name}`{of}: {}", layers.join(", "))
        }
    }
}

/// Writes the unpacked bytes to the part; their SHA-256 and what came off.
fn unpack(mut packed: File, part: &mut Part, limit: u64) -> io::Result<(String, Layers)> {
    packed.rewind()?;
    let (mut reader, found) =
        compression::unpack(BufReader::with_capacity(1 << 20, packed), limit)?;
    let mut layers: Layers = found.iter().map(|layer| word(*layer)).collect();
    let mut first = Vec::with_capacity(CRINEX.end);
    reader
        .by_ref()
        .take(CRINEX.end as u64)
        .read_to_end(&mut first)?;
    let is_crinex = first
        .get(CRINEX)
        .is_some_and(|label| label.starts_with(b"CRINEX VERS"));
    let whole = Cursor::new(first).chain(reader);
    let mut reader: Box<dyn Read> = match is_crinex {
        true => {
            layers.push("Hatanaka");
            let limits = hatanaka::Limits {
                max_bytes: limit,
                ..hatanaka::Limits::default()
            };
            Box::new(Decoder::new(whole, limits).map_err(io::Error::other)?)
        }
        false => Box::new(whole),
    };
    let mut hashes = Hashes::default();
    let mut buffer = vec![0; 256 << 10];
    loop {
        let n = reader.read(&mut buffer)?;
        if n == 0 {
            return Ok((hashes.finish(None).0, layers));
        }
        hashes.update(&buffer[..n]);
        part.file.write_all(&buffer[..n])?;
        part.written += n as u64;
    }
}

fn word(layer: Compression) -> &'static str {
    match layer {
        Compression::Gzip => "gzip",
        Compression::UnixCompress => "compress",
        Compression::Bzip2 => "bzip2",
        _ => "an archive",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_name_becomes_that_of_what_is_inside() {
        for (packed, unpacked) in [
            (
                "BRUX00BEL_R_20230010000_01D_30S_MO.crx.gz",
                Some("BRUX00BEL_R_20230010000_01D_30S_MO.rnx"),
            ),
            ("brux0010.23d.Z", Some("brux0010.23o")),
            ("brux0010.23d", Some("brux0010.23o")),
            ("igs22450.sp3.Z", Some("igs22450.sp3")),
            (
                "COM_CMB_IQU-smica_2048_R3.00_full.fits.gz",
                Some("COM_CMB_IQU-smica_2048_R3.00_full.fits"),
            ),
            ("map.fits", None),
            (".gz", None),
            ("readme.d", None),
            ("archive.zip", None),
        ] {
            assert_eq!(unpacked_name(packed).as_deref(), unpacked, "{packed}");
        }
    }
}
