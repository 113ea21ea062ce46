//! How many documents of a set have each value of some facet fields, all in one pass over the set.
//!
//! The pass goes in short stretches, so that what is read of the documents for one field and the next is near at hand.
//! Fields that go together are counted by their rows, once for all of them.

use std::ops::Range;

use crate::bits::{Bits, OnesOf};
use crate::column::Numbers;
use crate::rows::Rows;
use crate::segment::{Fixed, Segment};

/// So many documents of a segment are a stretch, times 64.
const STRETCH: usize = 64;

/// Fewer documents than these are looked at one by one.
const FEW: u64 = 100;

/// A set of documents in the form that is counted fastest.
#[derive(Clone, Copy)]
pub(crate) struct Those<'a> {
    among: &'a Bits,
    without: Option<&'a Bits>,
    /// How many those are.
    n: u64,
}

impl<'a> Those<'a> {
    /// All of a set of so many.
    pub(crate) fn all(among: &'a Bits, n: u64) -> Self {
        Self {
            among,
            without: None,
            n,
        }
    }

    fn docs(&self) -> Vec<u32> {
        let words = 0..self.among.words().len();
        let ones = |at| OnesOf {
            word: self.word(at),
            base: first_of(at),
        };
        words.flat_map(ones).collect()
    }

    fn word(&self, at: usize) -> u64 {
        let without = self.without.map_or(0, |without| without.words()[at]);
        self.among.words()[at] & !without
    }
}

/// The counts of a set of `n` documents of a segment in some fields; by all processors if `is_shared`.
pub(crate) fn counts_of(
    segment: &Segment,
    (set, n): (&Bits, u64),
    fields: &[usize],
    is_shared: bool,
) -> Vec<Vec<u32>> {
    let is_rest = n * 2 > segment.n_alive;
    let those = Those {
        among: if is_rest { &segment.alive } else { set },
        without: is_rest.then_some(set),
        n: if is_rest { segment.n_alive - n } else { n },
    };
    let n_values = |field: &usize| (*field, segment.totals[*field].len());
    let fields: Vec<_> = fields.iter().map(n_values).collect();
    let mut all = tally(&segment.fixed, those, &fields, is_shared);
    if is_rest {
        for ((field, _), counts) in fields.iter().zip(&mut all) {
            let totals = counts.iter_mut().zip(&segment.totals[*field]);
            totals.for_each(|(count, total)| *count = total - *count);
        }
    }
    all
}

/// The counts of some documents in fields, each of which has so many values.
pub(crate) fn tally(
    fixed: &Fixed,
    those: Those<'_>,
    fields: &[(usize, usize)],
    is_shared: bool,
) -> Vec<Vec<u32>> {
    if those.n < FEW {
        return one_by_one(fixed, &those.docs(), fields);
    }
    let by_row = |(field, _): &&(usize, usize)| fixed.rows.pays(*field, those.n);
    let mut passes: Vec<Pass<'_>> = Vec::new();
    for (field, _) in fields.iter().filter(|field| !by_row(field)) {
        let column = &fixed.columns[*field];
        passes.push(Pass::over(column.numbers(), column.n_sets()));
    }
    let has_rows = fields.iter().any(|field| by_row(&field));
    if has_rows {
        passes.push(Pass::over(fixed.rows.numbers(), fixed.rows.len()));
    }
    let words = 0..those.among.words().len();
    let mut counted = match is_shared {
        true => halves(those, words, &passes),
        false => pass(those, words, &passes),
    };
    let rows = has_rows
        .then(|| counted.pop())
        .flatten()
        .unwrap_or_default();
    let rows = Rows::seen(&rows);
    let mut counted = counted.into_iter();
    let values = |field: &(usize, usize)| {
        let column = &fixed.columns[field.0];
        let by_set = match by_row(&field) {
            true => fixed.rows.by_set(field.0, column.n_sets(), &rows),
            false => counted.next().unwrap_or_default(),
        };
        let mut counts = vec![0; field.1];
        column.add_sets(&by_set, &mut counts);
        counts
    };
    fields.iter().map(values).collect()
}

/// The same of few documents.
fn one_by_one(fixed: &Fixed, docs: &[u32], fields: &[(usize, usize)]) -> Vec<Vec<u32>> {
    let count = |(field, n_values): &(usize, usize)| {
        let mut counts = vec![0; *n_values];
        fixed.columns[*field].count(docs, &mut counts);
        counts
    };
    fields.iter().map(count).collect()
}

/// What is counted of each document: its number of one column, or that of its row.
#[derive(Clone, Copy)]
struct Pass<'a> {
    numbers: &'a Numbers,
    n_numbers: usize,
}

impl<'a> Pass<'a> {
    fn over(numbers: &'a Numbers, n_numbers: usize) -> Self {
        Self { numbers, n_numbers }
    }
}

/// As [`pass`], each half by a processor.
fn halves(those: Those<'_>, words: Range<usize>, passes: &[Pass<'_>]) -> Vec<Vec<u32>> {
    let middle = (words.start + words.end) / 2;
    let (mut one, other) = rayon::join(
        || pass(those, words.start..middle, passes),
        || pass(those, middle..words.end, passes),
    );
    for (one, other) in one.iter_mut().zip(other) {
        one.iter_mut().zip(other).for_each(|(a, b)| *a += b);
    }
    one
}

/// How many of some documents have each number. Neighbours often have the same, and a processor waits before it adds to
/// what it has just added to; so each of four neighbours has counts of its own.
fn pass(those: Those<'_>, words: Range<usize>, passes: &[Pass<'_>]) -> Vec<Vec<u32>> {
    let none = |pass: &Pass<'_>| vec![[0_u32; 4]; pass.n_numbers];
    let mut all: Vec<Vec<[u32; 4]>> = passes.iter().map(none).collect();
    let mut docs = [0; STRETCH * 64];
    for from in words.clone().step_by(STRETCH) {
        let mut n = 0;
        for at in from..words.end.min(from + STRETCH) {
            let (mut word, base) = (those.word(at), first_of(at));
            while word != 0 {
                docs[n] = base + word.trailing_zeros();
                word &= word - 1;
                n += 1;
            }
        }
        for (pass, counts) in passes.iter().zip(&mut all) {
            pass.numbers.count(&docs[..n], counts);
        }
    }
    let sums = |lanes: Vec<[u32; 4]>| lanes.into_iter().map(|lanes| lanes.iter().sum()).collect();
    all.into_iter().map(sums).collect()
}

/// The first document of a word.
fn first_of(word: usize) -> u32 {
    u32::try_from(word * 64).expect("documents are numbered by u32")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pass_and_two_halves_count_each_document_once() {
        let n_docs = 3 * 64 * STRETCH as u32 + 77;
        let numbers = |n: u32| Numbers::pack((0..n_docs).map(|doc| doc % n).collect());
        let (narrow, wide, none) = (numbers(7), numbers(700), numbers(1));
        let passes = [
            Pass::over(&narrow, 7),
            Pass::over(&wide, 700),
            Pass::over(&none, 1),
        ];
        let (mut among, mut without) = (Bits::none(n_docs), Bits::none(n_docs));
        let is_in = |doc: &u32| doc.is_multiple_of(3) && !doc.is_multiple_of(5);
        (0..n_docs).step_by(3).for_each(|doc| among.set(doc));
        (0..n_docs).step_by(5).for_each(|doc| without.set(doc));
        let those = Those {
            among: &among,
            without: Some(&without),
            n: 0,
        };
        let mut want = [vec![0; 7], vec![0; 700], vec![0; 1]];
        for doc in (0..n_docs).filter(is_in) {
            for counts in &mut want {
                let n = counts.len();
                counts[doc as usize % n] += 1;
            }
        }
        let words = 0..among.words().len();
        assert_eq!(pass(those, words.clone(), &passes), want);
        assert_eq!(halves(those, words, &passes), want);
        let docs: Vec<u32> = (0..n_docs).filter(is_in).collect();
        assert_eq!(those.docs(), docs);
    }
}
