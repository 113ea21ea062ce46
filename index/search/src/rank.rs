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
use crate::column::Column;
use crate::language::Parsed;
use crate::segment::Segment;
use crate::snapshot::Snapshot;
use crate::synonyms::synonyms;

const TITLE: f32 = 2.0;
const HELD: f32 = 3.0;
const NAMED: f32 = 100.0;

/// Documents of a segment are put into at most so many classes; what tells more apart is looked at one by one.
const MOST_CLASSES: usize = 32;

/// What the words of a query mean for the facet fields.
pub(crate) struct Affinity {
    by_field: Vec<(usize, Vec<f32>)>,
}

impl Affinity {
    pub(crate) fn new(snapshot: &Snapshot, parsed: &Parsed) -> Self {
        let meant: HashSet<&str> = parsed.meant.iter().map(String::as_str).collect();
        let mut by_field = Vec::new();
        if meant.is_empty() {
            return Self { by_field };
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
        Self { by_field }
    }
}

/// How many documents hold a word, as a weight.
pub(crate) fn inverse_frequency(n_with: u64, n_docs: u64) -> f32 {
    let (with, all) = (n_with.min(n_docs) as f32, n_docs as f32);
    (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
}

/// The scores of one segment's documents.
///
/// A score is added up in one order always: what documents are told apart by, then the affinity, then the rank. So a
/// ceiling, added up of the largest parts in the same order, is never less than a score by rounding.
pub(crate) struct Scorer<'a> {
    /// Sets of documents and what being in them is worth.
    told_by: Vec<(f32, Arc<Bits>)>,
    /// Per facet field what each set of its values is worth, and the most of these.
    affinity: Vec<(&'a Column, Vec<f32>, f32)>,
    max_rank: u64,
}

/// Documents that are in the same sets.
pub(crate) struct Class {
    pub(crate) docs: Bits,
    /// What the sets are worth that all these documents are in.
    worth: f32,
    /// How many of the sets were looked at.
    n_told: usize,
}

/// What words are to one segment: per word its share of all and its documents.
pub(crate) type Shares = Vec<(f32, Arc<Bits>)>;

impl<'a> Scorer<'a> {
    /// `held` are the words where not all need be held, `named` what was asked for by name.
    pub(crate) fn new(
        segment: &'a Segment,
        affinity: &Affinity,
        in_title: Shares,
        held: Shares,
        named: &Bits,
        max_rank: u64,
    ) -> Self {
        let worth = |words: Shares, most: f32| {
            words
                .into_iter()
                .map(move |(share, bits)| (most * share, bits))
        };
        let mut told_by: Shares = worth(in_title, TITLE).chain(worth(held, HELD)).collect();
        if !named.is_empty() {
            told_by.push((NAMED, Arc::new(named.clone())));
        }
        let in_segment = |(field, weights): &(usize, Vec<f32>)| {
            let column = &segment.fixed.columns[*field];
            let means = column.means(weights);
            let most = means.iter().copied().fold(0.0, f32::max);
            (column, means, most)
        };
        Self {
            told_by,
            affinity: affinity.by_field.iter().map(in_segment).collect(),
            max_rank,
        }
    }

    /// The classes of some documents, the most worth first.
    pub(crate) fn classes(&self, docs: &Bits) -> Vec<Class> {
        let mut classes = vec![Class {
            docs: docs.clone(),
            worth: 0.0,
            n_told: 0,
        }];
        for (worth, set) in &self.told_by {
            if classes.len() * 2 > MOST_CLASSES {
                break;
            }
            let parted = classes
                .into_iter()
                .flat_map(|class| class.parted(*worth, set));
            classes = parted.filter(|class| !class.docs.is_empty()).collect();
        }
        classes.sort_by(|a, b| b.worth.total_cmp(&a.worth));
        classes
    }

    /// What no document of the class with this rank or a lower one exceeds.
    pub(crate) fn ceiling(&self, class: &Class, rank: u64) -> f32 {
        let told = self.told_by[class.n_told..].iter().map(|(worth, _)| *worth);
        let affinity: f32 = self.affinity.iter().map(|(.., most)| *most).sum();
        told.fold(class.worth, |sum, worth| sum + worth) + affinity + self.rank(rank)
    }

    pub(crate) fn score(&self, class: &Class, doc: u32, rank: u64) -> f32 {
        let told = self.told_by[class.n_told..].iter();
        let told = told
            .filter(|(_, set)| set.has(doc))
            .map(|(worth, _)| *worth);
        let affinity: f32 = self
            .affinity
            .iter()
            .map(|(column, means, _)| means[column.set_of(doc)])
            .sum();
        told.fold(class.worth, |sum, worth| sum + worth) + affinity + self.rank(rank)
    }

    fn rank(&self, rank: u64) -> f32 {
        rank as f32 / self.max_rank.max(1) as f32
    }
}

impl Class {
    /// Those within a set, and the others.
    fn parted(self, worth: f32, set: &Bits) -> [Self; 2] {
        let (mut within, mut others) = (self.docs.clone(), self.docs);
        within.and(set);
        others.without(set);
        let n_told = self.n_told + 1;
        [
            Self {
                docs: within,
                worth: self.worth + worth,
                n_told,
            },
            Self {
                docs: others,
                worth: self.worth,
                n_told,
            },
        ]
    }
}
