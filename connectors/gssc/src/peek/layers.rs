//! Taking the layers off the start of a file, each told by its first bytes.

use std::io::{Cursor, Read};

use gantry_formats::compression::{Compression, sniff, unpack};
use gantry_formats::members::{Limits, MembersError, each_zip_member};

use super::Start;

/// How much is unpacked at most.
const MAX_BYTES: u64 = 1 << 20;

/// Unpacks the start of a file as far as it goes.
pub(super) fn start(bytes: &[u8], is_whole: bool) -> Start {
    let mut plain = Vec::new();
    let ended = if sniff(bytes) == Some(Compression::Zip) {
        first_member(bytes, &mut plain)
    } else {
        unpack(bytes, u64::MAX).and_then(|(reader, _)| fill(reader, &mut plain))
    };
    Start {
        text: String::from_utf8_lossy(&plain).into_owned(),
        is_whole: is_whole && matches!(ended, Ok(true)),
    }
}

/// What stands first in a ZIP archive; its directory is at its end, so nothing of a part of one.
fn first_member(bytes: &[u8], plain: &mut Vec<u8>) -> std::io::Result<bool> {
    let mut ended = Ok(true);
    let mut is_first = true;
    let read = each_zip_member(Cursor::new(bytes), Limits::default(), |_, member| {
        if std::mem::take(&mut is_first) {
            ended = fill(member, plain);
        }
        Ok(())
    });
    match read {
        Ok(()) => ended,
        Err(MembersError::Io(error)) => Err(error),
        Err(error) => Err(std::io::Error::other(error)),
    }
}

/// Reads up to the limit; whether that was all. What came before an error is kept.
fn fill(mut reader: impl Read, plain: &mut Vec<u8>) -> std::io::Result<bool> {
    reader.by_ref().take(MAX_BYTES).read_to_end(plain)?;
    Ok((plain.len() as u64) < MAX_BYTES)
}
