//! Words of a query as sets of documents.

use std::sync::Arc;

use tantivy::query::{EnableScoring, PhraseQuery, Query as _};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, SegmentReader, Term};

use crate::bits::Bits;
use crate::error::SearchError;
use crate::facets::Dictionary;
use crate::names::{Rest, set_named};
use crate::schema::fields;
use crate::segment::Fixed;
use crate::snapshot::Snapshot;
use crate::when::is_year;

/// Which words are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// All words of an asset.
    Text,
    /// Its title and synonyms.
    Title,
    /// Its id, with and without its archive, and the names of its files, whole.
    Name,
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
        snapshot: &Snapshot,
        at: usize,
    ) -> Result<Arc<Bits>, SearchError> {
        let here = Here::new(snapshot, at);
        let one = |wanted: &Wanted| {
            let wanted = Match {
                place,
                wanted: wanted.clone(),
            };
            here.fixed.kept(&wanted, || {
                let found = here.find(&wanted);
                found.map_err(SearchError::engine("look up a word"))
            })
        };
        match self.any.as_slice() {
            [only] => one(only),
            several => {
                let mut all = Bits::none(here.fixed.n_docs);
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

/// One segment, where words are looked for.
struct Here<'a> {
    searcher: &'a Searcher,
    reader: &'a SegmentReader,
    fixed: &'a Fixed,
    dictionaries: &'a [Arc<Dictionary>],
}

impl<'a> Here<'a> {
    fn new(snapshot: &'a Snapshot, at: usize) -> Self {
        Self {
            searcher: &snapshot.searcher,
            reader: &snapshot.searcher.segment_readers()[at],
            fixed: &snapshot.segments[at].fixed,
            dictionaries: &snapshot.dictionaries,
        }
    }

    fn find(&self, wanted: &Match) -> tantivy::Result<Bits> {
        let place = wanted.place;
        match (&wanted.wanted, place) {
            (Wanted::Days(first, last), _) => Ok(find_days(self.fixed, *first, *last)),
            (Wanted::All(several), _) => {
                let mut bits = Bits::all(self.fixed.n_docs);
                for wanted in several {
                    let wanted = wanted.clone();
                    bits.and(&self.find(&Match { place, wanted })?);
                }
                Ok(bits)
            }
            (wanted, Place::Text) => self.find_anywhere(wanted),
            (wanted, Place::Title) => self.find_in(fields().title, wanted),
            (wanted, Place::Name) => {
                let named = |name: &String, rest| self.find_named(name, rest);
                match wanted {
                    Wanted::Word(name) => named(name, Rest::Extensions),
                    Wanted::Prefix(name) => named(name, Rest::Any),
                    Wanted::Phrase(_) | Wanted::Days(..) | Wanted::All(_) => {
                        Ok(Bits::none(self.fixed.n_docs))
                    }
                }
            }
        }
    }

    /// By a name, or by the name of a file behind that of its archive: `gssc:brux0010.23d`.
    fn find_named(&self, name: &str, rest: Rest) -> tantivy::Result<Bits> {
        let mut bits = Bits::none(self.fixed.n_docs);
        set_named(self.reader, name, rest, &mut bits)?;
        if let Some((archive, name)) = name.split_once(':')
            && let Some((field, table)) = self.archive(archive)
        {
            let mut of_archive = Bits::none(self.fixed.n_docs);
            set_named(self.reader, name, rest, &mut of_archive)?;
            of_archive.and(&self.fixed.with_value(field, &table, &of_archive));
            bits.or(&of_archive);
        }
        Ok(bits)
    }

    /// The facet field of archives, and which of its values is this one.
    fn archive(&self, name: &str) -> Option<(usize, Vec<bool>)> {
        let mut fields = self.dictionaries.iter();
        let field = fields.position(|dictionary| dictionary.field.name == "archive")?;
        let number = self.dictionaries[field].number(name)?;
        let mut table = vec![false; self.dictionaries[field].len()];
        table[number as usize] = true;
        Some((field, table))
    }

    fn find_in(&self, field: Field, wanted: &Wanted) -> tantivy::Result<Bits> {
        let mut bits = Bits::none(self.fixed.n_docs);
        self.set_in(field, wanted, &mut bits)?;
        Ok(bits)
    }

    /// In titles, in the rest of the text, in facet values, and of what has only a beginning among names, where long
    /// identifiers are whole.
    fn find_anywhere(&self, wanted: &Wanted) -> tantivy::Result<Bits> {
        let mut bits = self.find_in(fields().text, wanted)?;
        self.set_in(fields().title, wanted, &mut bits)?;
        if let Wanted::Prefix(name) = wanted {
            bits.or(&self.find_named(name, Rest::Any)?);
        }
        for (field, dictionary) in self.dictionaries.iter().enumerate() {
            let values = dictionary.worded(wanted);
            if !values.is_empty() {
                let mut table = vec![false; dictionary.len()];
                let values = values.into_iter();
                values.for_each(|value| table[value as usize] = true);
                let all = Bits::all(self.fixed.n_docs);
                bits.or(&self.fixed.with_value(field, &table, &all));
            }
        }
        Ok(bits)
    }

    /// Adds the documents in which a field holds what is wanted.
    fn set_in(&self, field: Field, wanted: &Wanted, bits: &mut Bits) -> tantivy::Result<()> {
        match wanted {
            Wanted::Word(word) => self.set_with_word(field, word, bits),
            Wanted::Prefix(prefix) => self.set_with_prefix(field, prefix, bits),
            Wanted::Phrase(words) => self.set_with_phrase(field, words, bits),
            Wanted::Days(..) | Wanted::All(_) => Ok(()),
        }
    }

    fn set_with_word(&self, field: Field, word: &str, bits: &mut Bits) -> tantivy::Result<()> {
        let words = self.reader.inverted_index(field)?;
        if let Some(info) = words.terms().get(word)? {
            let postings =
                words.read_block_postings_from_terminfo(&info, IndexRecordOption::Basic)?;
            set_all(postings, bits);
        }
        Ok(())
    }

    fn set_with_prefix(&self, field: Field, prefix: &str, bits: &mut Bits) -> tantivy::Result<()> {
        if prefix.is_empty() {
            *bits = Bits::all(self.fixed.n_docs);
            return Ok(());
        }
        let words = self.reader.inverted_index(field)?;
        let mut stream = words.terms().range().ge(prefix).into_stream()?;
        while stream.advance() && stream.key().starts_with(prefix.as_bytes()) {
            let postings = words
                .read_block_postings_from_terminfo(stream.value(), IndexRecordOption::Basic)?;
            set_all(postings, bits);
        }
        Ok(())
    }

    fn set_with_phrase(
        &self,
        field: Field,
        words: &[String],
        bits: &mut Bits,
    ) -> tantivy::Result<()> {
        let terms = words.iter().map(|word| Term::from_field_text(field, word));
        let phrase = PhraseQuery::new(terms.collect());
        let weight = phrase.weight(EnableScoring::disabled_from_searcher(self.searcher))?;
        weight.for_each_no_score(self.reader, &mut |docs| {
            docs.iter().for_each(|doc| bits.set(*doc));
        })
    }
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
