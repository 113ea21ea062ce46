//! Compression: telling it by the first bytes, taking layers off, checking gzip.
//!
//! A name proves nothing: a `.gz` may have been unpacked on its way and a `.vot.gz` may hold a tar.
//! So every layer is told by [`sniff`]. Whatever is unpacked is bounded, since a few kilobytes of
//! gzip can hold gigabytes.

use std::io::{self, Read};

use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;

use crate::lzw::uncompress;

/// The most layers that [`unpack`] takes off; real files have one.
pub const MAX_LAYERS: usize = 4;

/// A compression or container that can be told by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Compression {
    /// RFC 1952, `1f 8b`.
    Gzip,
    /// Unix `compress`, `1f 9d`, by habit named `.Z`.
    UnixCompress,
    /// bzip2, `BZh` and a digit from 1 to 9.
    Bzip2,
    /// A ZIP archive, `PK`.
    Zip,
}

/// Why compressed bytes could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompressionError {
    /// The first two bytes are not those of gzip.
    #[error("not gzip: it does not begin with 1f 8b")]
    NotGzip,
    /// The bytes end before the gzip stream does.
    #[error("gzip stream cut short after {unpacked_bytes} unpacked bytes")]
    Truncated {
        /// What could still be unpacked.
        unpacked_bytes: u64,
    },
    /// The stream is damaged, or its CRC or length differs from its contents.
    #[error("gzip stream damaged after {unpacked_bytes} unpacked bytes")]
    Damaged {
        /// What could still be unpacked.
        unpacked_bytes: u64,
        /// What the decoder said.
        source: io::Error,
    },
    /// It unpacks to more than was allowed.
    #[error("unpacks to more than {max_bytes} bytes")]
    TooLarge {
        /// The limit that was given.
        max_bytes: u64,
    },
    /// There are layers within layers within layers.
    #[error("compressed more than {max_layers} times over")]
    TooDeep {
        /// The limit.
        max_layers: usize,
    },
    /// The bytes beneath could not be read.
    #[error("reading compressed bytes")]
    Io(#[source] io::Error),
}

/// Tells the compression by the first bytes of a file; four suffice.
pub fn sniff(first_bytes: &[u8]) -> Option<Compression> {
    match first_bytes {
        [0x1f, 0x8b, ..] => Some(Compression::Gzip),
        [0x1f, 0x9d, ..] => Some(Compression::UnixCompress),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(Compression::Bzip2),
        // A file entry, the end of an empty archive, or a part of a spanned one.
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] | [b'P', b'K', 7, 8, ..] => {
            Some(Compression::Zip)
        }
        _ => None,
    }
}

/// Unpacks gzip, all its members, up to `max_bytes`.
///
/// A read beyond the limit is an [`io::Error`] that carries [`CompressionError::TooLarge`].
/// The CRC of a member is checked when its end is read.
pub fn gunzip<R: Read>(reader: R, max_bytes: u64) -> Gunzip<R> {
    Gunzip {
        inner: MultiGzDecoder::new(reader),
        unpacked_bytes: 0,
        max_bytes,
    }
}

/// The reader made by [`gunzip`].
#[derive(Debug)]
pub struct Gunzip<R> {
    inner: MultiGzDecoder<R>,
    unpacked_bytes: u64,
    max_bytes: u64,
}

impl<R: Read> Read for Gunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.unpacked_bytes += n as u64;
        if self.unpacked_bytes > self.max_bytes {
            let max_bytes = self.max_bytes;
            return Err(io::Error::other(CompressionError::TooLarge { max_bytes }));
        }
        Ok(n)
    }
}

/// Takes off the gzip layer where there is one, and gives other bytes as they are.
///
/// # Errors
/// When the first bytes cannot be read.
pub fn without_gzip<'r>(
    mut reader: impl Read + 'r,
    max_bytes: u64,
) -> io::Result<Box<dyn Read + 'r>> {
    let mut first = Vec::with_capacity(4);
    reader.by_ref().take(4).read_to_end(&mut first)?;
    let kind = sniff(&first);
    let whole = io::Cursor::new(first).chain(reader);
    Ok(match kind {
        Some(Compression::Gzip) => Box::new(gunzip(whole, max_bytes)),
        _ => Box::new(whole),
    })
}

/// Takes off every layer of gzip, `.Z` and bzip2 there is, and says which they were, outermost first.
///
/// A ZIP archive is no layer; its bytes come as they are. Each layer may unpack to `max_bytes`; a read
/// beyond is an [`io::Error`] that carries [`CompressionError::TooLarge`].
///
/// # Errors
/// When the first bytes of a layer cannot be read, [`CompressionError::TooDeep`] (within the
/// [`io::Error`]) beyond [`MAX_LAYERS`].
pub fn unpack<'r>(
    reader: impl Read + 'r,
    max_bytes: u64,
) -> io::Result<(Box<dyn Read + 'r>, Vec<Compression>)> {
    let mut reader: Box<dyn Read + 'r> = Box::new(reader);
    let mut layers = Vec::new();
    loop {
        let mut first = Vec::with_capacity(4);
        reader.by_ref().take(4).read_to_end(&mut first)?;
        let kind = sniff(&first);
        let whole = io::Cursor::new(first).chain(reader);
        let kind = match kind {
            Some(Compression::Zip) | None => return Ok((Box::new(whole), layers)),
            Some(kind) => kind,
        };
        if layers.len() == MAX_LAYERS {
            return Err(io::Error::other(CompressionError::TooDeep {
                max_layers: MAX_LAYERS,
            }));
        }
        layers.push(kind);
        reader = match kind {
            Compression::UnixCompress => Box::new(uncompress(whole, max_bytes)?),
            Compression::Bzip2 => Box::new(Bounded::new(MultiBzDecoder::new(whole), max_bytes)),
            Compression::Gzip | Compression::Zip => Box::new(gunzip(whole, max_bytes)),
        };
    }
}

/// A reader that fails beyond a number of bytes.
struct Bounded<R> {
    inner: R,
    n_bytes: u64,
    max_bytes: u64,
}

impl<R> Bounded<R> {
    fn new(inner: R, max_bytes: u64) -> Self {
        Self {
            inner,
            n_bytes: 0,
            max_bytes,
        }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.n_bytes += n as u64;
        if self.n_bytes > self.max_bytes {
            let max_bytes = self.max_bytes;
            return Err(io::Error::other(CompressionError::TooLarge { max_bytes }));
        }
        Ok(n)
    }
}

/// Checks a gzip file by its own CRC and length, and gives the number of bytes it unpacks to.
///
/// # Errors
/// [`CompressionError::NotGzip`], [`CompressionError::Truncated`] or [`CompressionError::Damaged`]
/// by what is wrong, [`CompressionError::TooLarge`] beyond `max_bytes`, [`CompressionError::Io`]
/// when `reader` itself fails.
pub fn verify_gzip(mut reader: impl Read, max_bytes: u64) -> Result<u64, CompressionError> {
    let mut first = Vec::with_capacity(2);
    reader
        .by_ref()
        .take(2)
        .read_to_end(&mut first)
        .map_err(CompressionError::Io)?;
    if sniff(&first) != Some(Compression::Gzip) {
        return Err(CompressionError::NotGzip);
    }
    let mut unpacked = gunzip(io::Cursor::new(first).chain(reader), max_bytes);
    let mut buffer = vec![0; 128 * 1024];
    loop {
        match unpacked.read(&mut buffer) {
            Ok(0) => return Ok(unpacked.unpacked_bytes),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(gzip_fault(error, unpacked.unpacked_bytes)),
        }
    }
}

fn gzip_fault(error: io::Error, unpacked_bytes: u64) -> CompressionError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => CompressionError::Truncated { unpacked_bytes },
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => CompressionError::Damaged {
            unpacked_bytes,
            source: error,
        },
        _ => match error.downcast::<CompressionError>() {
            Ok(own) => own,
            Err(error) => CompressionError::Io(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn the_first_bytes_tell_the_compression() {
        assert_eq!(sniff(&[0x1f, 0x8b, 8]), Some(Compression::Gzip));
        assert_eq!(sniff(&[0x1f, 0x9d]), Some(Compression::UnixCompress));
        assert_eq!(sniff(b"PK\x03\x04"), Some(Compression::Zip));
        assert_eq!(sniff(b"BZh9"), Some(Compression::Bzip2));
        assert_eq!(sniff(b"BZhello"), None);
        assert_eq!(sniff(b"PKsomething"), None);
        assert_eq!(sniff(b"SIMPLE  ="), None);
        assert_eq!(sniff(b""), None);
    }

    #[test]
    fn a_whole_gzip_verifies_with_its_unpacked_length() {
        let packed = gzipped(&[7; 100_000]);
        assert_eq!(verify_gzip(&packed[..], 1 << 20).unwrap(), 100_000);
    }

    #[test]
    fn two_members_count_as_one_file() {
        let mut packed = gzipped(b"one");
        packed.extend(gzipped(b"more"));
        assert_eq!(verify_gzip(&packed[..], 100).unwrap(), 7);
    }

    #[test]
    fn a_flipped_crc_is_damage_and_a_cut_is_truncation() {
        let mut packed = gzipped(&[7; 100_000]);
        let n = packed.len();
        packed[n - 6] ^= 1;
        let error = verify_gzip(&packed[..], 1 << 20).unwrap_err();
        assert!(
            matches!(error, CompressionError::Damaged { .. }),
            "{error:?}"
        );
        let error = verify_gzip(&packed[..n - 20], 1 << 20).unwrap_err();
        assert!(
            matches!(error, CompressionError::Truncated { .. }),
            "{error:?}"
        );
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let packed = gzipped(&vec![0; 10 << 20]);
        let error = verify_gzip(&packed[..], 1 << 20).unwrap_err();
        assert!(
            matches!(
                error,
                CompressionError::TooLarge {
                    max_bytes: 1_048_576
                }
            ),
            "{error:?}"
        );
    }

    fn bzipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::new(1));
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn layers_come_off_whatever_they_are() {
        let packed = gzipped(&bzipped(&gzipped(b"inside")));
        let (mut reader, layers) = unpack(&packed[..], 1000).unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "inside");
        let expected = [Compression::Gzip, Compression::Bzip2, Compression::Gzip];
        assert_eq!(layers, expected);
    }

    #[test]
    fn five_layers_are_refused_and_a_bzip2_bomb_stops() {
        let mut packed = b"inside".to_vec();
        for _ in 0..5 {
            packed = gzipped(&packed);
        }
        let error = unpack(&packed[..], 1000).err().unwrap();
        assert_eq!(error.to_string(), "compressed more than 4 times over");
        let bomb = bzipped(&vec![0; 1 << 20]);
        let mut reader = unpack(&bomb[..], 1000).unwrap().0;
        let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "unpacks to more than 1000 bytes");
    }

    #[test]
    fn bytes_without_gzip_pass_as_they_are() {
        let mut text = String::new();
        without_gzip(&b"# l Dl"[..], 100)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "# l Dl");
        let packed = gzipped(b"inside");
        text.clear();
        without_gzip(&packed[..], 100)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "inside");
    }
}
