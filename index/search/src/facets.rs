//! Facet values as small numbers: a dictionary per field, a column per field and segment.
//!
//! A number means the same value in every segment, 0 means no value, and the dictionary only ever grows; so counts of
//! segments are added up as plain arrays.

use std::collections::HashMap;
use std::io;

use gantry_asset::{FacetField, FacetOrder};
use tantivy::columnar::StrColumn;

use crate::bits::{Bits, OnesOf};
use crate::schema::telling_parts;
use crate::synonyms::synonyms;
use crate::text::{fold, parts};

/// The values of one facet field, by number.
#[derive(Debug, Clone)]
pub(crate) struct Dictionary {
    /// The field it is of.
    pub(crate) field: &'static FacetField,
    values: Vec<String>,
    numbers: HashMap<String, u32>,
    /// The telling parts of each value, for fields whose values words may mean.
    parts: Vec<Vec<String>>,
    /// The label of each value, folded, for fields whose values are completed.
    folded: Vec<String>,
}

/// Its values are ids, which nobody types; assets are completed by their names.
const NOT_COMPLETED: &str = "series";

impl Dictionary {
    pub(crate) fn new(field: &'static FacetField) -> Self {
        Self {
            field,
            values: vec![String::new()],
            numbers: HashMap::new(),
            parts: vec![Vec::new()],
            folded: vec![String::new()],
        }
    }

    /// How many numbers there are, 0 included.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn value(&self, number: usize) -> &str {
        &self.values[number]
    }

    pub(crate) fn number(&self, value: &str) -> Option<u32> {
        self.numbers.get(value).copied()
    }

    pub(crate) fn number_or_new(&mut self, value: &str) -> u32 {
        if let Some(number) = self.number(value) {
            return number;
        }
        let number =
            u32::try_from(self.values.len()).expect("no field has four thousand million values");
        self.values.push(value.to_owned());
        self.numbers.insert(value.to_owned(), number);
        self.folded.push(if self.field.name == NOT_COMPLETED {
            String::new()
        } else {
            fold(&self.field.label_of(value))
        });
        let matters = synonyms().affinity.contains_key(&self.field.name);
        self.parts.push(match (matters, self.field.name.as_str()) {
            (true, "station") => telling_parts(short_code(value)),
            (true, _) => telling_parts(value),
            (false, _) => Vec::new(),
        });
        number
    }

    /// All values with their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &str)> {
        self.values.iter().map(String::as_str).enumerate().skip(1)
    }

    /// Values with a word in their label that begins so, or all of it.
    pub(crate) fn begun_by(&self, typed: &str) -> impl Iterator<Item = usize> {
        let begins = move |label: &str| {
            label.starts_with(typed) || label.split(' ').any(|word| word.starts_with(typed))
        };
        let labels = self.folded.iter().enumerate().skip(1);
        let those = labels.filter(move |(_, label)| !label.is_empty() && begins(label));
        those.map(|(number, _)| number)
    }

    /// The telling parts of a value; none where words do not mean the field.
    pub(crate) fn parts_of(&self, number: usize) -> &[String] {
        &self.parts[number]
    }

    /// The values that `typed` means in `field:typed`: the value, its label or its last step, else all that hold its parts.
    pub(crate) fn meant_by(&self, typed: &str, is_prefix: bool) -> Vec<usize> {
        let wanted = fold(typed.trim());
        let names = |value: &str| {
            let last = value.rsplit('/').next().unwrap_or(value);
            [fold(value), fold(last), fold(&self.field.label_of(value))]
        };
        let those = |test: &dyn Fn(&str) -> bool| {
            self.iter()
                .filter(|(_, value)| test(value))
                .map(|(number, _)| number)
                .collect::<Vec<_>>()
        };
        if is_prefix {
            return those(&|value| names(value).iter().any(|name| name.starts_with(&wanted)));
        }
        let exact = those(&|value| names(value).contains(&wanted));
        let wanted_parts = parts(typed);
        if !exact.is_empty() || wanted_parts.is_empty() {
            return exact;
        }
        let same = those(&|value| telling_parts(value) == telling_parts(typed));
        if !same.is_empty() {
            return same;
        }
        those(&|value| {
            let have = parts(value);
            wanted_parts.iter().all(|part| have.contains(part))
        })
    }

    /// The values in a range `a..b`, both included and either left out; `None` when `path` is none.
    pub(crate) fn in_range(&self, path: &str) -> Option<Vec<usize>> {
        let (from, to) = path.split_once("..")?;
        if self.number(path).is_some() || (from.is_empty() && to.is_empty()) {
            return None;
        }
        let place = |text: &str| match self.field.order {
            FacetOrder::Date => self
                .field
                .values
                .iter()
                .position(|known| known == text)
                .map(|at| at as f64),
            _ => leading_number(text),
        };
        let bound = |text: &str, open: f64| {
            if text.is_empty() {
                Some(open)
            } else {
                place(text)
            }
        };
        let range = bound(from, f64::NEG_INFINITY)?..=bound(to, f64::INFINITY)?;
        let inside = self
            .iter()
            .filter(|(_, value)| place(value).is_some_and(|at| range.contains(&at)));
        Some(inside.map(|(number, _)| number).collect())
    }
}

/// The four characters that name a station as well as its nine do: `BRUX` of `BRUX00BEL`.
fn short_code(station: &str) -> &str {
    let bytes = station.as_bytes();
    let is_long = bytes.len() == 9
        && bytes.is_ascii()
        && bytes[4..6].iter().all(u8::is_ascii_digit)
        && bytes[6..].iter().all(u8::is_ascii_uppercase);
    if is_long { &station[..4] } else { station }
}

/// The number a value begins with.
fn leading_number(value: &str) -> Option<f64> {
    let end = value
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(value.len());
    value[..end].parse().ok()
}

/// Numbers as narrow as they fit.
#[derive(Debug)]
enum Numbers {
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
}

impl Numbers {
    fn pack(numbers: Vec<u32>) -> Self {
        let narrow = "the largest was looked at";
        match numbers.iter().copied().max().unwrap_or(0) {
            0..=0xff => Self::U8(
                numbers
                    .into_iter()
                    .map(|n| u8::try_from(n).expect(narrow))
                    .collect(),
            ),
            0x100..=0xffff => Self::U16(
                numbers
                    .into_iter()
                    .map(|n| u16::try_from(n).expect(narrow))
                    .collect(),
            ),
            _ => Self::U32(numbers),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::U8(all) => all.len(),
            Self::U16(all) => all.len() * 2,
            Self::U32(all) => all.len() * 4,
        }
    }
}

/// The values of one field for all documents of a segment.
#[derive(Debug)]
pub(crate) enum Column {
    /// No document has a value.
    Empty,
    /// Each document has at most one.
    One(NumbersOf),
    /// Those of document `d` stand from `starts[d]` to `starts[d + 1]`.
    Many {
        /// Where each document's values start.
        starts: Vec<u32>,
        /// The values.
        numbers: NumbersOf,
    },
}

/// Packed numbers.
#[derive(Debug)]
pub(crate) struct NumbersOf(Numbers);

/// A packed number as a place in a table.
fn wide(number: impl Into<u32>) -> usize {
    number.into() as usize
}

/// Runs a block for whichever width the numbers have.
macro_rules! for_width {
    ($numbers:expr, $slice:ident => $body:expr) => {
        match &$numbers.0 {
            Numbers::U8($slice) => $body,
            Numbers::U16($slice) => $body,
            Numbers::U32($slice) => $body,
        }
    };
}

impl Column {
    /// Reads a column, giving each new value a number.
    pub(crate) fn load(
        column: Option<StrColumn>,
        n_docs: u32,
        dictionary: &mut Dictionary,
    ) -> io::Result<Self> {
        let Some(column) = column else {
            return Ok(Self::Empty);
        };
        let mut numbers = Vec::new();
        let mut terms = column.dictionary().stream()?;
        while let Some((term, ())) = terms.next() {
            numbers.push(dictionary.number_or_new(&String::from_utf8_lossy(term)));
        }
        if numbers.is_empty() {
            return Ok(Self::Empty);
        }
        let values_of = |doc| {
            column
                .ords()
                .values_for_doc(doc)
                .map(|ord| numbers[ord as usize])
        };
        Self::pack(n_docs, values_of)
    }

    /// A column of these values, in the narrowest form.
    fn pack<V: Iterator<Item = u32>>(
        n_docs: u32,
        values_of: impl Fn(u32) -> V,
    ) -> io::Result<Self> {
        let mut starts = Vec::with_capacity(n_docs as usize + 1);
        let mut values = Vec::new();
        let mut most = 0;
        for doc in 0..n_docs {
            let start = values.len();
            starts.push(u32::try_from(start).map_err(io::Error::other)?);
            values.extend(values_of(doc));
            most = most.max(values.len() - start);
        }
        starts.push(u32::try_from(values.len()).map_err(io::Error::other)?);
        if most > 1 {
            return Ok(Self::Many {
                starts,
                numbers: NumbersOf(Numbers::pack(values)),
            });
        }
        let single = starts.windows(2).map(|w| {
            if w[1] > w[0] {
                values[w[0] as usize]
            } else {
                0
            }
        });
        Ok(Self::One(NumbersOf(Numbers::pack(single.collect()))))
    }

    /// Adds one to the count of each value of each document.
    pub(crate) fn count(&self, docs: &[u32], counts: &mut [u32]) {
        match self {
            Self::Empty => {}
            Self::One(numbers) => for_width!(numbers, all => {
                docs.iter().for_each(|doc| counts[all[*doc as usize] as usize] += 1);
            }),
            Self::Many { starts, numbers } => for_width!(numbers, all => {
                for doc in docs {
                    let range = starts[*doc as usize] as usize..starts[*doc as usize + 1] as usize;
                    all[range].iter().for_each(|number| counts[*number as usize] += 1);
                }
            }),
        }
    }

    /// Of the 64 documents from `word * 64` on that are in `among`, those with a value in `table`.
    pub(crate) fn matching(&self, table: &[bool], word: usize, among: u64) -> u64 {
        match self {
            Self::Empty => 0,
            Self::One(numbers) => for_width!(numbers, all => {
                let block = &all[word * 64..all.len().min(word * 64 + 64)];
                if among.count_ones() > 24 {
                    let bit = |(at, number): (usize, &_)| u64::from(table[wide(*number)]) << at;
                    block.iter().enumerate().map(bit).fold(0, |a, b| a | b) & among
                } else {
                    let has = |at: &u32| table[block[*at as usize] as usize];
                    OnesOf { word: among, base: 0 }.filter(has).fold(0, |bits, at| bits | 1 << at)
                }
            }),
            Self::Many { .. } => {
                let base = u32::try_from(word * 64).expect("documents are numbered by u32");
                let has = |at: &u32| self.any(base + at, |number| table[number]);
                OnesOf {
                    word: among,
                    base: 0,
                }
                .filter(has)
                .fold(0, |bits, at| bits | 1 << at)
            }
        }
    }

    /// The mean of a weight over the values of a document.
    pub(crate) fn mean(&self, doc: u32, weights: &[f32]) -> f32 {
        match self {
            Self::Empty => 0.0,
            Self::One(numbers) => for_width!(numbers, all => weights[all[doc as usize] as usize]),
            Self::Many { starts, numbers } => for_width!(numbers, all => {
                let values = &all[starts[doc as usize] as usize..starts[doc as usize + 1] as usize];
                let sum: f32 = values.iter().map(|number| weights[*number as usize]).sum();
                sum / values.len().max(1) as f32
            }),
        }
    }

    /// The first value of a document.
    pub(crate) fn first(&self, doc: u32) -> Option<usize> {
        let mut first = None;
        self.any(doc, |number| {
            first = (number > 0).then_some(number);
            true
        });
        first
    }

    fn any(&self, doc: u32, mut test: impl FnMut(usize) -> bool) -> bool {
        match self {
            Self::Empty => false,
            Self::One(numbers) => for_width!(numbers, all => test(all[doc as usize] as usize)),
            Self::Many { starts, numbers } => for_width!(numbers, all => {
                let range = starts[doc as usize] as usize..starts[doc as usize + 1] as usize;
                all[range].iter().any(|number| test(*number as usize))
            }),
        }
    }

    /// The memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::One(numbers) => numbers.0.bytes(),
            Self::Many { starts, numbers } => starts.len() * 4 + numbers.0.bytes(),
        }
    }
}

/// A set of documents in the form that is counted fastest: itself, or what it leaves out when that is less.
#[derive(Debug)]
pub(crate) struct ToCount {
    docs: Vec<u32>,
    is_rest: bool,
}

impl ToCount {
    pub(crate) fn new(set: &Bits, alive: &Bits) -> Self {
        let is_rest = set.count() * 2 > alive.count();
        let docs = if is_rest {
            let mut rest = alive.clone();
            rest.without(set);
            rest.iter().collect()
        } else {
            set.iter().collect()
        };
        Self { docs, is_rest }
    }

    /// Adds how many of the set have each value; `totals` says how many of all documents have it.
    pub(crate) fn count(&self, column: &Column, totals: &[u32], counts: &mut [u64]) {
        let mut own = vec![0_u32; counts.len()];
        column.count(&self.docs, &mut own);
        if self.is_rest {
            let set = totals.iter().zip(own).map(|(total, rest)| total - rest);
            counts
                .iter_mut()
                .zip(set)
                .for_each(|(sum, n)| *sum += u64::from(n));
        } else {
            counts
                .iter_mut()
                .zip(own)
                .for_each(|(sum, n)| *sum += u64::from(n));
        }
    }
}
