//! Names: ids, with and without their archive, and those of files.
//!
//! Each stands in the index as it is. What may be left off it when one asks by it, extensions such as `.fits` or
//! `.rnx.gz`, is minded here.

use tantivy::SegmentReader;
use tantivy::schema::IndexRecordOption;

use crate::bits::Bits;
use crate::schema::fields;
use crate::words::set_all;

/// The most names that one name or the beginning of one stands for.
const MOST_NAMES: usize = 10_000;

/// The most extensions that may be left off.
const MOST_EXTENSIONS: usize = 2;

/// How a name is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Given {
    /// Whole, or but for its extensions.
    Whole,
    /// By its beginning.
    Begun,
}

/// The documents with a name, folded; deleted ones included.
pub(crate) fn find_name(reader: &SegmentReader, name: &str, given: Given) -> tantivy::Result<Bits> {
    let mut bits = Bits::none(reader.max_doc());
    let names = reader.inverted_index(fields().name)?;
    let mut set = |info: &_| {
        let postings = names.read_block_postings_from_terminfo(info, IndexRecordOption::Basic)?;
        set_all(postings, &mut bits);
        Ok::<_, std::io::Error>(())
    };
    let begun = match given {
        Given::Begun => name.to_owned(),
        Given::Whole => {
            if let Some(info) = names.terms().get(name)? {
                set(&info)?;
            }
            format!("{name}.")
        }
    };
    let mut stream = names.terms().range().ge(&begun).into_stream()?;
    let mut n = 0;
    while n < MOST_NAMES && stream.advance() {
        let Some(rest) = stream.key().strip_prefix(begun.as_bytes()) else {
            break;
        };
        if given == Given::Begun || are_extensions(rest) {
            set(stream.value())?;
        }
        n += 1;
    }
    Ok(bits)
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
