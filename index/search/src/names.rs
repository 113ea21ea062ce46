//! Names: ids, with and without their archive, and those of files.
//!
//! Each stands in the index as it is. What may be left off it when one asks by it, extensions such as `.fits` or
//! `.rnx.gz`, is minded here.

use tantivy::SegmentReader;
use tantivy::schema::IndexRecordOption;

use crate::bits::Bits;
use crate::schema::fields;
use crate::words::set_all;

/// The most names looked at that go on from one.
const MOST_NAMES: usize = 10_000;

/// The most extensions that may be left off.
const MOST_EXTENSIONS: usize = 2;

/// Adds the documents with a name, folded, whole or but for its extensions; deleted ones included.
pub(crate) fn set_named(
    reader: &SegmentReader,
    name: &str,
    bits: &mut Bits,
) -> tantivy::Result<()> {
    let names = reader.inverted_index(fields().name)?;
    let mut set = |info: &_| {
        let postings = names.read_block_postings_from_terminfo(info, IndexRecordOption::Basic)?;
        set_all(postings, bits);
        Ok::<_, std::io::Error>(())
    };
    if let Some(info) = names.terms().get(name)? {
        set(&info)?;
    }
    let begun = format!("{name}.");
    let mut stream = names.terms().range().ge(&begun).into_stream()?;
    let mut n = 0;
    while n < MOST_NAMES && stream.advance() {
        let Some(rest) = stream.key().strip_prefix(begun.as_bytes()) else {
            break;
        };
        if are_extensions(rest) {
            set(stream.value())?;
        }
        n += 1;
    }
    Ok(())
}

/// Whether these are extensions that a name is known without: `fits`, `rnx.gz`.
fn are_extensions(text: &[u8]) -> bool {
    let is_one =
        |extension: &[u8]| (1..=5).contains(&extension.len()) && extension[0].is_ascii_alphabetic();
    let mut all = text.split(|byte| *byte == b'.');
    all.by_ref().take(MOST_EXTENSIONS).all(is_one) && all.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_to_two_short_extensions_that_begin_with_a_letter_may_be_left_off() {
        for text in ["fits", "gz", "rnx.gz", "tar.bz2", "z"] {
            assert!(are_extensions(text.as_bytes()), "{text}");
        }
        for text in ["", "01_full", "a.b.c", "full_map", "rnx.", ".gz", "23d.gz"] {
            assert!(!are_extensions(text.as_bytes()), "{text}");
        }
    }
}
