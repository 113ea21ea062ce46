//! Words of a query as sets of documents.

use std::sync::Arc;

use tantivy::query::{EnableScoring, PhraseQuery, Query as _};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, SegmentReader, Term};

use crate::bits::Bits;
use crate::error::SearchError;
use crate::schema::fields;
use crate::segment::{Fixed, Segment};
use crate::when::is_year;

/// The most words one prefix stands for.
const MOST_WORDS: usize = 10_000;

/// Which words are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// All words of an asset.
    Text,
    /// Its title and synonyms.
    Title,
    /// Its id and the names of its files, whole.
    Name,
}

impl Place {
    fn field(self) -> Field {
        match self {
            Self::Text => fields().text,
            Self::Title => fields().title,
            Self::Name => fields().name,
        }
    }
}

/// What a document must hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Match {
    pub(crate) place: Place,
    pub(crate) wanted: Wanted,
}

/// A word, words in a row, the beginning of a word, some of the nominal days from one to another, or all of several.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Wanted {
    Word(String),
    Phrase(Vec<String>),
    Prefix(String),
    Days(i64, i64),
    All(Vec<Wanted>),
}

/// Something a person asked for, in any of the ways it may be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Clause {
    /// What was typed.
    pub(crate) typed: String,
    /// Any of these will do.
    pub(crate) any: Vec<Wanted>,
    /// Where.
    pub(crate) place: Place,
}

impl Clause {
    /// Whether it says when: that tells documents apart, but makes none a better answer than another.
    pub(crate) fn says_when(&self) -> bool {
        let is_days = |wanted: &Wanted| matches!(wanted, Wanted::Days(..));
        self.any.iter().any(is_days) || is_year(&self.typed)
    }

    /// The documents of a segment that hold any of it, deleted ones included, at its own or another place.
    pub(crate) fn find(
        &self,
        place: Place,
        searcher: &Searcher,
        reader: &SegmentReader,
        segment: &Segment,
    ) -> Result<Arc<Bits>, SearchError> {
        let one = |wanted: &Wanted| {
            let wanted = Match {
                place,
                wanted: wanted.clone(),
            };
            segment.fixed.kept(&wanted, || {
                let found = find(&wanted, searcher, reader, &segment.fixed);
                found.map_err(SearchError::engine("look up a word"))
            })
        };
        match self.any.as_slice() {
            [only] => one(only),
            several => {
                let mut all = Bits::none(segment.fixed.n_docs);
                for wanted in several {
                    all.or(&*one(wanted)?);
                }
                Ok(Arc::new(all))
            }
        }
    }
}

/// What the words of a query are in one segment.
pub(crate) struct Text {
    /// The documents of each word wanted.
    pub(crate) words: Vec<Arc<Bits>>,
    /// The documents of each word not wanted.
    pub(crate) nots: Vec<Arc<Bits>>,
    /// Documents asked for by name.
    pub(crate) named: Bits,
}

impl Text {
    pub(crate) fn all(&self, n_docs: u32) -> Bits {
        let mut set = Bits::all(n_docs);
        self.words.iter().for_each(|word| set.and(word));
        self.nots.iter().for_each(|word| set.without(word));
        set
    }

    pub(crate) fn any(&self, n_docs: u32) -> Bits {
        let mut set = Bits::none(n_docs);
        self.words.iter().for_each(|word| set.or(word));
        self.nots.iter().for_each(|word| set.without(word));
        set
    }
}

fn find(
    wanted: &Match,
    searcher: &Searcher,
    reader: &SegmentReader,
    fixed: &Fixed,
) -> tantivy::Result<Bits> {
    let place = wanted.place;
    let field = place.field();
    match &wanted.wanted {
        Wanted::Days(first, last) => Ok(find_days(fixed, *first, *last)),
        Wanted::All(several) => {
            let mut bits = Bits::all(reader.max_doc());
            for wanted in several {
                let wanted = wanted.clone();
                bits.and(&find(&Match { place, wanted }, searcher, reader, fixed)?);
            }
            Ok(bits)
        }
        Wanted::Word(word) => find_word(reader, &Term::from_field_text(field, word)),
        Wanted::Prefix(prefix) => {
            let mut bits = find_prefix(reader, field, prefix)?;
            if place == Place::Text {
                // Where long identifiers are whole.
                bits.or(&find_prefix(reader, fields().name, prefix)?);
            }
            Ok(bits)
        }
        Wanted::Phrase(words) => {
            let terms = words
                .iter()
                .map(|word| Term::from_field_text(field, word))
                .collect();
            let mut bits = Bits::none(reader.max_doc());
            let weight =
                PhraseQuery::new(terms).weight(EnableScoring::disabled_from_searcher(searcher))?;
            weight.for_each_no_score(reader, &mut |docs| {
                docs.iter().for_each(|doc| bits.set(*doc))
            })?;
            Ok(bits)
        }
    }
}

fn find_word(reader: &SegmentReader, term: &Term) -> tantivy::Result<Bits> {
    let mut bits = Bits::none(reader.max_doc());
    let words = reader.inverted_index(term.field())?;
    if let Some(info) = words.get_term_info(term)? {
        let postings = words.read_block_postings_from_terminfo(&info, IndexRecordOption::Basic)?;
        set_all(postings, &mut bits);
    }
    Ok(bits)
}

fn find_prefix(reader: &SegmentReader, field: Field, prefix: &str) -> tantivy::Result<Bits> {
    let mut bits = Bits::none(reader.max_doc());
    let words = reader.inverted_index(field)?;
    let mut stream = words.terms().range().ge(prefix).into_stream()?;
    let mut n = 0;
    while n < MOST_WORDS && stream.advance() && stream.key().starts_with(prefix.as_bytes()) {
        let postings =
            words.read_block_postings_from_terminfo(stream.value(), IndexRecordOption::Basic)?;
        set_all(postings, &mut bits);
        n += 1;
    }
    Ok(bits)
}

/// Documents that cover one of these days. A single day means the members of a series that are of it; of several, the
/// series stands for its members.
fn find_days(fixed: &Fixed, first: i64, last: i64) -> Bits {
    let mut bits = fixed.days.meeting((first, last), &Bits::all(fixed.n_docs));
    if first == last {
        bits.without(&fixed.series);
    }
    bits
}

/// Sets the bits of all documents of a posting list.
pub(crate) fn set_all(mut postings: tantivy::postings::BlockSegmentPostings, bits: &mut Bits) {
    while !postings.docs().is_empty() {
        postings.docs().iter().for_each(|doc| bits.set(*doc));
        postings.advance();
    }
}
