//! Taking the layers off the start of a file, each told by its first bytes.

use std::io::{Cursor, Read};

use gantry_formats::compression::{Compression, gunzip, sniff};
use gantry_formats::lzw;

use super::Start;

/// How much is unpacked at most.
const MAX_BYTES: u64 = 1 << 20;

/// Unpacks the start of a file, and says what is wrong with its packing where the whole of it is there.
pub(super) fn unpack(bytes: &[u8], is_whole: bool) -> (Start, Option<String>) {
    let mut plain = Vec::new();
    let ended = match sniff(bytes) {
        Some(Compression::Gzip) => fill(gunzip(bytes, u64::MAX), &mut plain),
        Some(Compression::UnixCompress) => {
            lzw::uncompress(bytes, u64::MAX).and_then(|reader| fill(reader, &mut plain))
        }
        Some(Compression::Zip) => {
            let mut reader = Cursor::new(bytes);
            match zip::read::read_zipfile_from_stream(&mut reader) {
                Ok(Some(file)) => fill(file, &mut plain),
                Ok(None) => Ok(true),
                Err(error) => Err(std::io::Error::other(error)),
            }
        }
        _ if bytes.starts_with(b"BZh") => fill(bzip2::read::BzDecoder::new(bytes), &mut plain),
        _ => fill(bytes, &mut plain),
    };
    let fault = match &ended {
        Err(error) if is_whole => Some(format!("its packing is broken: {error}")),
        _ => None,
    };
    let start = Start {
        text: String::from_utf8_lossy(&plain).into_owned(),
        is_whole: is_whole && matches!(ended, Ok(true)),
    };
    (start, fault)
}

/// Reads up to the limit; whether that was all. What came before an error is kept.
fn fill(mut reader: impl Read, plain: &mut Vec<u8>) -> std::io::Result<bool> {
    reader.by_ref().take(MAX_BYTES).read_to_end(plain)?;
    Ok((plain.len() as u64) < MAX_BYTES)
}
