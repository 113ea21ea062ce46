//! Facet values as small numbers, a dictionary per field.
//!
//! A number means the same value in every segment, 0 means no value, and the dictionary only ever grows; so counts of
//! segments are added up as plain arrays.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use gantry_asset::{FacetField, FacetOrder};

use crate::schema::telling_parts;
use crate::synonyms::synonyms;
use crate::text::{Piece, fold, parts, pieces};
use crate::words::Wanted;

/// The values of one facet field, by number.
#[derive(Debug, Clone)]
pub(crate) struct Dictionary {
    /// The field it is of.
    pub(crate) field: &'static FacetField,
    values: Vec<String>,
    numbers: HashMap<String, u32>,
    /// Where each value stands when all count the same.
    places: Vec<u32>,
    /// The telling parts of each value, for fields whose values words may mean.
    parts: Vec<Vec<String>>,
    /// The label of each value, folded, for fields whose values are completed.
    folded: Vec<String>,
    /// The values with each word.
    words: BTreeMap<String, Vec<u32>>,
}

/// Its values are ids, which nobody types; assets are completed and found by their names.
const NO_WORDS: &str = "series";

impl Dictionary {
    pub(crate) fn new(field: &'static FacetField) -> Self {
        Self {
            field,
            values: vec![String::new()],
            numbers: HashMap::new(),
            places: Vec::new(),
            parts: vec![Vec::new()],
            folded: vec![String::new()],
            words: BTreeMap::new(),
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
        self.folded.push(if self.field.name == NO_WORDS {
            String::new()
        } else {
            fold(&self.field.label_of(value))
        });
        for piece in self.texts_of(value).iter().flat_map(|text| pieces(text)) {
            let with = self.words.entry(piece.text).or_default();
            if with.last() != Some(&number) {
                with.push(number);
            }
        }
        let matters = synonyms().affinity.contains_key(&self.field.name);
        self.parts.push(match (matters, self.field.name.as_str()) {
            (true, "station") => telling_parts(short_code(value)),
            (true, _) => telling_parts(value),
            (false, _) => Vec::new(),
        });
        number
    }

    /// Puts the values in order, once there are all of a snapshot.
    pub(crate) fn put_in_order(&mut self) {
        let mut numbers: Vec<usize> = (0..self.len()).collect();
        numbers.sort_by(|a, b| self.field.compare((self.value(*a), 0), (self.value(*b), 0)));
        self.places = vec![0; self.len()];
        for (place, number) in (0..).zip(numbers) {
            self.places[number] = place;
        }
    }

    /// Whether values were added since they were put in order.
    pub(crate) fn is_in_order(&self) -> bool {
        self.places.len() == self.len()
    }

    /// What values are ordered by where each counts something.
    pub(crate) fn order(&self, number: usize, count: u64) -> (Reverse<u64>, u32) {
        let count = match self.field.order {
            FacetOrder::Count => count,
            FacetOrder::Number | FacetOrder::Date => 0,
        };
        (Reverse(count), self.places[number])
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

    /// What a value says in words: itself, with its unit where that stands before numbers, and its label.
    fn texts_of(&self, value: &str) -> Vec<String> {
        let name = self.field.name.as_str();
        let mut units = synonyms().units.before_number.iter();
        let itself = match units.find(|(_, of)| of.as_str() == name) {
            Some((unit, _)) => Some(format!("{unit} {value}")),
            None if name == NO_WORDS => None,
            None => Some(value.replace("%2F", "/")),
        };
        let label = self.field.labels.get(value).cloned();
        itself.into_iter().chain(label).collect()
    }

    /// The values that say a word, words in a row, or a word with a beginning.
    pub(crate) fn worded(&self, wanted: &Wanted) -> Vec<u32> {
        let with = |word: &String| self.words.get(word).into_iter().flatten().copied();
        match wanted {
            Wanted::Word(word) => with(word).collect(),
            Wanted::Phrase(words) => {
                let says = |value: &u32| {
                    let texts = self.texts_of(self.value(*value as usize));
                    texts.iter().any(|text| are_in_a_row(&pieces(text), words))
                };
                words
                    .first()
                    .into_iter()
                    .flat_map(with)
                    .filter(says)
                    .collect()
            }
            Wanted::Prefix(prefix) => {
                let from = self
                    .words
                    .range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded));
                let those = from.take_while(|(word, _)| word.starts_with(prefix.as_str()));
                those.flat_map(|(_, values)| values).copied().collect()
            }
            Wanted::Days(..) | Wanted::All(_) => Vec::new(),
        }
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
        let place = |text: &str| self.field.place(text);
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

/// Whether words stand one after the other.
fn are_in_a_row(pieces: &[Piece], words: &[String]) -> bool {
    let is_at = |at: usize, word: &String| {
        let mut here = pieces.iter().filter(|piece| piece.position == at);
        here.any(|piece| piece.text == *word)
    };
    let mut firsts = pieces
        .iter()
        .filter(|piece| words.first() == Some(&piece.text));
    firsts.any(|first| {
        let mut places = words.iter().zip(first.position..);
        places.all(|(word, at)| is_at(at, word))
    })
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
