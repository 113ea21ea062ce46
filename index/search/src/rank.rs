//! What comes first: words in the title, facet values meant by the words, and the static rank.
//!
//! The score of a document is the sum of
//! - 2 × the share of the words that stand in its title, each word weighing its inverse document frequency as in BM25;
//! - for each facet field, its weight × how much of its value the words name (`100 GHz` by `100`: all of it), as a mean
//!   over the values of the document, so that a map of one band stands before a mask for nine;
//! - its static rank as a share of the largest;
//! - 3 × the share of words it holds at all, where not all need be held;
//! - 100 when it was asked for by name.
//!
//! How often a word occurs and how long the text is do not count: in a catalogue they say little and would outweigh the rank.

use std::collections::HashSet;
use std::sync::Arc;

use crate::bits::Bits;
use crate::language::Parsed;
use crate::segment::Segment;
use crate::snapshot::Snapshot;
use crate::synonyms::synonyms;

const TITLE: f32 = 2.0;
const HELD: f32 = 3.0;
const NAMED: f32 = 100.0;

/// More than adding up in another order can differ by.
const ROUNDING: f32 = 1e-3;

/// What the words of a query mean for the facet fields.
pub(crate) struct Affinity {
    by_field: Vec<(usize, Vec<f32>)>,
    /// What all fields together cannot exceed.
    most: f32,
}

impl Affinity {
    pub(crate) fn new(snapshot: &Snapshot, parsed: &Parsed) -> Self {
        let meant: HashSet<&str> = parsed.meant.iter().map(String::as_str).collect();
        let mut by_field = Vec::new();
        if meant.is_empty() {
            return Self {
                by_field,
                most: 0.0,
            };
        }
        for (field, dictionary) in snapshot.dictionaries.iter().enumerate() {
            let Some(weight) = synonyms().affinity.get(&dictionary.field.name) else {
                continue;
            };
            let mut table = vec![0.0; dictionary.len()];
            for (number, place) in table.iter_mut().enumerate() {
                let parts = dictionary.parts_of(number);
                let is_named = |part: &&String| meant.contains(part.as_str());
                let named = parts.iter().filter(is_named).count();
                // A number alone names a band, but neither `353-psb` nor `half-mission 1`.
                let is_word = |part: &&String| !part.bytes().all(|byte| byte.is_ascii_digit());
                let mut words = parts.iter().filter(is_word).peekable();
                if words.peek().is_some() && !words.any(|part| is_named(&part)) {
                    continue;
                }
                let share = named as f32 / parts.len().max(1) as f32;
                *place = weight * share * share;
            }
            if table.iter().any(|weight| *weight > 0.0) {
                by_field.push((field, table));
            }
        }
        let most = by_field
            .iter()
            .map(|(_, table)| table.iter().copied().fold(0.0, f32::max))
            .sum();
        Self { by_field, most }
    }
}

/// How many documents hold a word, as a weight.
pub(crate) fn inverse_frequency(n_with: u64, n_docs: u64) -> f32 {
    let (with, all) = (n_with.min(n_docs) as f32, n_docs as f32);
    (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
}

/// The scores of one segment's documents.
pub(crate) struct Scorer<'a> {
    pub(crate) segment: &'a Segment,
    pub(crate) affinity: &'a Affinity,
    /// Per word its share and the documents with it in the title.
    pub(crate) in_title: Vec<(f32, Arc<Bits>)>,
    /// Per word its share and the documents with it, where not all need be held.
    pub(crate) held: Vec<(f32, Arc<Bits>)>,
    /// Documents asked for by name.
    pub(crate) named: &'a Bits,
    /// Whether there are any.
    pub(crate) has_named: bool,
    /// The largest rank of all.
    pub(crate) max_rank: u64,
}

impl Scorer<'_> {
    /// What the score of this document and of those after it cannot exceed, since their rank descends.
    pub(crate) fn ceiling(&self, doc: u32) -> f32 {
        let all =
            |words: &[(f32, Arc<Bits>)]| -> f32 { words.iter().map(|(share, _)| share).sum() };
        let named = if self.has_named { NAMED } else { 0.0 };
        let words = TITLE * all(&self.in_title) + HELD * all(&self.held);
        words + self.affinity.most + self.rank(doc) + named + ROUNDING
    }

    fn rank(&self, doc: u32) -> f32 {
        self.segment.fixed.rank.get_val(doc) as f32 / self.max_rank.max(1) as f32
    }

    pub(crate) fn score(&self, doc: u32) -> f32 {
        let share = |words: &[(f32, Arc<Bits>)]| -> f32 {
            words
                .iter()
                .filter(|(_, bits)| bits.has(doc))
                .map(|(share, _)| share)
                .sum()
        };
        let columns = &self.segment.fixed.columns;
        let affinity: f32 = self
            .affinity
            .by_field
            .iter()
            .map(|(field, table)| columns[*field].mean(doc, table))
            .sum();
        let named = if self.named.has(doc) { NAMED } else { 0.0 };
        TITLE * share(&self.in_title) + HELD * share(&self.held) + affinity + self.rank(doc) + named
    }
}
