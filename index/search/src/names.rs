//! Names: ids, with and without their archive, and those of files.
//!
//! Each stands in the index once: ids as they are, names of files folded. In which letters one asks, whether one names
//! the archive, and extensions that are left off, such as `.fits` or `.rnx.gz`, are minded here, by an automaton that
//! walks the dictionary of a segment.

use tantivy::SegmentReader;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy_fst::Automaton;

use crate::bits::Bits;
use crate::schema::fields;
use crate::words::set_all;

/// How many extensions may be left off, and how long each may be in bytes.
const EXTENSIONS: (u8, u8) = (2, 5);

/// What may stand behind what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Anything.
    Any,
    /// Nothing, or extensions.
    Extensions,
}

/// Adds the documents with a name, folded; deleted ones included.
pub(crate) fn set_named(
    reader: &SegmentReader,
    name: &str,
    rest: Rest,
    bits: &mut Bits,
) -> tantivy::Result<()> {
    if name.is_empty() && rest == Rest::Any {
        *bits = Bits::all(reader.max_doc());
        return Ok(());
    }
    for named in Named::both(name, rest) {
        let names = reader.inverted_index(named.field())?;
        let mut stream = names.terms().search(&named).into_stream()?;
        while stream.advance() {
            let postings = names
                .read_block_postings_from_terminfo(stream.value(), IndexRecordOption::Basic)?;
            set_all(postings, bits);
        }
    }
    Ok(())
}

/// The names that are one, or go on from it.
pub(crate) struct Named<'a> {
    name: &'a [u8],
    rest: Rest,
    are_ids: bool,
}

impl<'a> Named<'a> {
    /// Among ids and among names of files.
    pub(crate) fn both(name: &'a str, rest: Rest) -> [Self; 2] {
        [true, false].map(|are_ids| Self {
            name: name.as_bytes(),
            rest,
            are_ids,
        })
    }

    /// The field to walk.
    pub(crate) fn field(&self) -> Field {
        if self.are_ids {
            fields().id
        } else {
            fields().name
        }
    }

    /// What a key found is called: an id without its archive where that begins with the name.
    pub(crate) fn called<'k>(&self, key: &'k str) -> &'k str {
        let begins = |text: &str| {
            let beginning = text.as_bytes().get(..self.name.len());
            beginning.is_some_and(|bytes| bytes.eq_ignore_ascii_case(self.name))
        };
        match key.split_once(':') {
            Some((_, local)) if self.are_ids && begins(local) => local,
            _ => key,
        }
    }

    fn on(&self, read: Read, byte: u8) -> Read {
        match read {
            Read::Name(at) => match self.name.get(at) {
                Some(wanted) if *wanted == byte => Read::Name(at + 1),
                None if self.rest == Rest::Any => read,
                None if byte == b'.' => Read::Extension(1, 0),
                _ => Read::Other,
            },
            Read::Extension(n, 1..) if byte == b'.' && n < EXTENSIONS.0 => {
                Read::Extension(n + 1, 0)
            }
            Read::Extension(n, 0) if byte.is_ascii_alphabetic() => Read::Extension(n, 1),
            Read::Extension(n, long @ 1..) if byte != b'.' && long < EXTENSIONS.1 => {
                Read::Extension(n, long + 1)
            }
            Read::Extension(..) | Read::Other => Read::Other,
        }
    }

    fn is_whole(&self, read: Read) -> bool {
        match read {
            Read::Name(at) => at == self.name.len(),
            Read::Extension(_, long) => long > 0,
            Read::Other => false,
        }
    }
}

/// What has been read of a name: so much of what was asked for, or an extension behind it, which and so much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    Name(usize),
    Extension(u8, u8),
    Other,
}

/// A key, read as a name from its beginning and, of an id, from behind its archive, once that was read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    whole: Read,
    local: Option<Read>,
}

impl Automaton for Named<'_> {
    type State = Key;

    fn start(&self) -> Key {
        Key {
            whole: Read::Name(0),
            local: (!self.are_ids).then_some(Read::Other),
        }
    }

    fn is_match(&self, key: &Key) -> bool {
        self.is_whole(key.whole) || key.local.is_some_and(|local| self.is_whole(local))
    }

    fn can_match(&self, key: &Key) -> bool {
        key.whole != Read::Other || key.local != Some(Read::Other)
    }

    fn accept(&self, key: &Key, byte: u8) -> Key {
        let folded = byte.to_ascii_lowercase();
        Key {
            whole: self.on(key.whole, folded),
            local: match key.local {
                Some(local) => Some(self.on(local, folded)),
                None => (byte == b':').then_some(Read::Name(0)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a key is found by a name.
    fn finds(name: &str, key: &str) -> bool {
        Named::both(name, Rest::Extensions).iter().any(|named| {
            let step = |state: Key, byte: &u8| named.accept(&state, *byte);
            let state = key.as_bytes().iter().fold(named.start(), step);
            named.is_match(&state)
        })
    }

    #[test]
    fn up_to_two_short_extensions_that_begin_with_a_letter_may_be_left_off() {
        for rest in ["", ".fits", ".gz", ".rnx.gz", ".tar.bz2", ".z"] {
            assert!(finds("map", &format!("map{rest}")), "{rest}");
            assert!(finds("map", &format!("planck:Map{rest}")), "{rest}");
        }
        for rest in [
            ".",
            ".01_full",
            ".a.b.c",
            ".full_map",
            ".rnx.",
            "..gz",
            ".23d.gz",
            "s",
        ] {
            assert!(!finds("map", &format!("map{rest}")), "{rest}");
        }
    }

    #[test]
    fn an_id_is_found_with_its_archive_and_without_and_not_by_its_archive() {
        assert!(finds("planck:map", "planck:MAP.fits"));
        assert!(!finds("planck", "planck:MAP.fits"));
        assert!(!finds("lanck:map", "planck:MAP.fits"));
        assert!(!finds("ap", "planck:MAP.fits"));
    }
}
