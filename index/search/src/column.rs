//! The values of a facet field for all documents of a segment.
//!
//! Documents of a segment have few different *sets* of values: one value, one path with its ancestors, the bands of a
//! mask. A column holds the number of each document's set, as narrow as the numbers fit, and what the sets hold; so a
//! field of many values costs no more than one of a single value, neither to count nor to filter.

use std::collections::HashMap;
use std::io;

use tantivy::columnar::{Cardinality, StrColumn};

use crate::bits::{Bits, OnesOf, gathered};
use crate::facets::Dictionary;

/// The bits of a word from which on comparing all its documents is faster than looking at each.
const DENSE: u32 = 12;

/// As many numbers are compared with all documents of a word; more are looked up.
const COMPARED: usize = 4;

/// Numbers of sets, as narrow as they fit.
#[derive(Debug)]
pub(crate) enum Numbers {
    /// No document has a value.
    None,
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
}

/// Runs a block for whichever width the numbers have; another where no document has a value.
macro_rules! for_width {
    ($numbers:expr, $slice:ident => $body:expr, none => $none:expr) => {
        match &$numbers {
            Numbers::None => $none,
            Numbers::U8($slice) => $body,
            Numbers::U16($slice) => $body,
            Numbers::U32($slice) => $body,
        }
    };
}

impl Numbers {
    pub(crate) fn pack(numbers: Vec<u32>) -> Self {
        let narrow = "the largest was looked at";
        match numbers.iter().copied().max().unwrap_or(0) {
            0 => Self::None,
            1..=0xff => {
                let one = |n| u8::try_from(n).expect(narrow);
                Self::U8(numbers.into_iter().map(one).collect())
            }
            0x100..=0xffff => {
                let one = |n| u16::try_from(n).expect(narrow);
                Self::U16(numbers.into_iter().map(one).collect())
            }
            _ => Self::U32(numbers),
        }
    }

    /// Adds one to the count of each document's number. Neighbours often have the same, and a processor waits before it
    /// adds to what it has just added to; so each of four neighbours has counts of its own.
    pub(crate) fn count(&self, docs: &[u32], counts: &mut [[u32; 4]]) {
        for_width!(*self, all => {
            let number = |doc: u32| all[doc as usize] as usize;
            let (fours, rest) = docs.as_chunks::<4>();
            for docs in fours {
                for (lane, doc) in docs.iter().enumerate() {
                    counts[number(*doc)][lane] += 1;
                }
            }
            rest.iter().for_each(|doc| counts[number(*doc)][0] += 1);
        }, none => counts.iter_mut().take(1).for_each(|lanes| lanes[0] += u32::try_from(docs.len()).unwrap_or(u32::MAX)));
    }

    /// The memory they take.
    pub(crate) fn bytes(&self) -> usize {
        for_width!(*self, all => size_of_val(all.as_slice()), none => 0)
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Column {
    numbers: Numbers,
    sets: Sets,
}

/// Sets of values. Those of set `s` stand from `starts[s]` to `starts[s + 1]`; set 0 has none.
#[derive(Debug)]
struct Sets {
    starts: Vec<u32>,
    values: Vec<u32>,
}

impl Sets {
    fn new() -> Self {
        Self {
            starts: vec![0, 0],
            values: Vec::new(),
        }
    }

    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    fn push(&mut self, values: &[u32]) -> io::Result<()> {
        self.values.extend(values);
        let end = u32::try_from(self.values.len()).map_err(io::Error::other)?;
        self.starts.push(end);
        Ok(())
    }

    fn of(&self, set: usize) -> &[u32] {
        &self.values[self.starts[set] as usize..self.starts[set + 1] as usize]
    }
}

/// Which sets of a column have a value that is asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    by_set: Vec<bool>,
    /// The sets, when they are few.
    few: Option<Vec<u32>>,
}

impl Asked {
    /// The sets asked for, when they are few.
    pub(crate) fn few(&self) -> Option<&[u32]> {
        self.few.as_deref()
    }

    /// Of the 64 documents from `at * 64` on that are in `among`, those whose set is asked for.
    fn within<N: Copy + PartialEq + TryFrom<u32> + Into<u32>>(
        &self,
        all: &[N],
        at: usize,
        among: u64,
    ) -> u64 {
        let block = &all[at * 64..all.len().min(at * 64 + 64)];
        if among.count_ones() < DENSE {
            let has = |at: &u32| self.by_set[block[*at as usize].into() as usize];
            let those = OnesOf {
                word: among,
                base: 0,
            }
            .filter(has);
            return those.fold(0, |bits, at| bits | 1 << at);
        }
        let has = match &self.few {
            Some(few) => among_few(block, few),
            None => looked_up(block, &self.by_set),
        };
        gathered(&has) & among
    }
}

impl Column {
    /// Reads a column, giving each new value a number.
    pub(crate) fn load(
        column: Option<StrColumn>,
        n_docs: u32,
        dictionary: &mut Dictionary,
    ) -> io::Result<Self> {
        let mut values = Vec::new();
        let Some(column) = column else {
            return Ok(Self::empty());
        };
        let mut terms = column.dictionary().stream()?;
        while let Some((term, ())) = terms.next() {
            values.push(dictionary.number_or_new(&String::from_utf8_lossy(term)));
        }
        match column.ords().get_cardinality() {
            Cardinality::Multivalued => Self::of_many(&column, n_docs, &values),
            Cardinality::Full | Cardinality::Optional => Self::of_one(&column, n_docs, &values),
        }
    }

    /// A column of one value a document, of which there are so many.
    #[cfg(test)]
    pub(crate) fn of_numbers(values: Vec<u32>, n_values: u32) -> Self {
        let mut sets = Sets::new();
        (0..n_values).for_each(|value| sets.push(&[value]).expect("they are few"));
        let numbers = values.into_iter().map(|value| value + 1).collect();
        Self {
            numbers: Numbers::pack(numbers),
            sets,
        }
    }

    fn empty() -> Self {
        Self {
            numbers: Numbers::None,
            sets: Sets::new(),
        }
    }

    /// Each document has one value at most, so each value is a set.
    fn of_one(column: &StrColumn, n_docs: u32, values: &[u32]) -> io::Result<Self> {
        let mut sets = Sets::new();
        for value in values {
            sets.push(&[*value])?;
        }
        let set_of = |doc| match column.ords().first(doc) {
            Some(ord) => u32::try_from(ord + 1).map_err(io::Error::other),
            None => Ok(0),
        };
        let numbers = (0..n_docs).map(set_of).collect::<io::Result<_>>()?;
        Ok(Self {
            numbers: Numbers::pack(numbers),
            sets,
        })
    }

    fn of_many(column: &StrColumn, n_docs: u32, values: &[u32]) -> io::Result<Self> {
        let mut sets = Sets::new();
        let mut known: HashMap<Vec<u32>, u32> = HashMap::from([(Vec::new(), 0)]);
        let mut numbers = Vec::with_capacity(n_docs as usize);
        let mut here = Vec::new();
        for doc in 0..n_docs {
            here.clear();
            let ords = column.ords().values_for_doc(doc);
            here.extend(ords.map(|ord| values[ord as usize]));
            let number = match known.get(&here) {
                Some(number) => *number,
                None => {
                    let number = u32::try_from(sets.len()).map_err(io::Error::other)?;
                    sets.push(&here)?;
                    known.insert(here.clone(), number);
                    number
                }
            };
            numbers.push(number);
        }
        Ok(Self {
            numbers: Numbers::pack(numbers),
            sets,
        })
    }

    /// Adds one to the count of each value of each document.
    pub(crate) fn count(&self, docs: &[u32], counts: &mut [u32]) {
        for_width!(self.numbers, all => {
            if docs.len() < self.sets.len() / 4 {
                let sets = docs.iter().map(|doc| self.sets.of(all[*doc as usize] as usize));
                sets.flatten().for_each(|value| counts[*value as usize] += 1);
                return;
            }
            let mut by_set = vec![0; self.sets.len()];
            docs.iter().for_each(|doc| by_set[all[*doc as usize] as usize] += 1);
            self.add_sets(&by_set, counts);
        }, none => {});
    }

    /// Adds to the count of each value how many documents have its sets, by their numbers.
    pub(crate) fn add_sets(&self, by_set: &[u32], counts: &mut [u32]) {
        for (set, n) in by_set.iter().enumerate().filter(|(_, n)| **n > 0) {
            self.sets
                .of(set)
                .iter()
                .for_each(|value| counts[*value as usize] += n);
        }
    }

    /// The number of each document's set.
    pub(crate) fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// How many sets there are, the empty one included.
    pub(crate) fn n_sets(&self) -> usize {
        self.sets.len()
    }

    /// The sets with a value in `table`.
    pub(crate) fn asked(&self, table: &[bool]) -> Asked {
        let has = |set| self.sets.of(set).iter().any(|value| table[*value as usize]);
        let by_set: Vec<bool> = (0..self.sets.len()).map(has).collect();
        let those = (0_u32..).zip(&by_set).filter(|(_, asked)| **asked);
        let few: Vec<u32> = those.map(|(set, _)| set).take(COMPARED + 1).collect();
        Asked {
            by_set,
            few: (few.len() <= COMPARED).then_some(few),
        }
    }

    /// Those of some documents whose set is asked for.
    pub(crate) fn matching(&self, asked: &Asked, among: &Bits) -> Bits {
        for_width!(self.numbers, all => among.map_words(|at, word| asked.within(all, at, word)), none => among.map_words(|_, _| 0))
    }

    /// For each set, the mean of a weight over its values.
    pub(crate) fn means(&self, weights: &[f32]) -> Vec<f32> {
        let mean = |set| {
            let values = self.sets.of(set);
            let sum: f32 = values.iter().map(|value| weights[*value as usize]).sum();
            sum / values.len().max(1) as f32
        };
        (0..self.sets.len()).map(mean).collect()
    }

    /// The number of a document's set.
    pub(crate) fn set_of(&self, doc: u32) -> usize {
        for_width!(self.numbers, all => all[doc as usize] as usize, none => 0)
    }

    /// The first value of a document.
    pub(crate) fn first(&self, doc: u32) -> Option<usize> {
        let values = self.sets.of(self.set_of(doc));
        values.first().map(|value| *value as usize)
    }

    /// The memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.numbers.bytes() + (self.sets.starts.len() + self.sets.values.len()) * size_of::<u32>()
    }
}

/// Which numbers of a block are one of a few: each compared with all of the block, which the processor does at once.
fn among_few<N: Copy + PartialEq + TryFrom<u32>>(block: &[N], few: &[u32]) -> [u8; 64] {
    let mut has = [0; 64];
    // A number that does not fit the width is none of the block's.
    for one in few.iter().filter_map(|one| N::try_from(*one).ok()) {
        let places = has.iter_mut().zip(block);
        places.for_each(|(has, number)| *has |= u8::from(*number == one));
    }
    has
}

fn looked_up<N: Copy + Into<u32>>(block: &[N], asked: &[bool]) -> [u8; 64] {
    let mut has = [0; 64];
    let places = has.iter_mut().zip(block);
    places.for_each(|(has, number)| *has = u8::from(asked[(*number).into() as usize]));
    has
}
