//! The first hits in an order, and where a page goes on.
//!
//! Each segment gives its own first hits by a key, larger first, ties by the number of the id, which is in the order of
//! the ids; then the few that are left are compared by key and id across segments.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::ops::Bound;

use tantivy::columnar::StrColumn;

use crate::bits::Bits;
use crate::error::SearchError;
use crate::query::Sort;
use crate::ranks::OfRank;
use crate::segment::Fixed;

/// What hits are ordered by, across segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    /// Larger first.
    Number(u64),
    /// Smaller first.
    Title(String),
}

/// The place of a hit in an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) key: Key,
    pub(crate) id: String,
}

impl Ord for At {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_key = match (&self.key, &other.key) {
            (Key::Number(a), Key::Number(b)) => b.cmp(a),
            (Key::Title(a), Key::Title(b)) => a.cmp(b),
            (Key::Number(_), Key::Title(_)) => Ordering::Less,
            (Key::Title(_), Key::Number(_)) => Ordering::Greater,
        };
        by_key.then_with(|| self.id.cmp(&other.id))
    }
}

impl PartialOrd for At {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Where a page goes on, as it is handed out: hexadecimal, with the sort it belongs to and the change number it was made at.
pub(crate) fn write_cursor(sort: Sort, number: u64, at: &At) -> String {
    let key = match &at.key {
        Key::Number(key) => serde_json::json!(key),
        Key::Title(title) => serde_json::json!(title),
    };
    let text = serde_json::json!([sort, number, key, at.id]).to_string();
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a cursor of this sort.
pub(crate) fn read_cursor(sort: Sort, cursor: &str) -> Result<At, SearchError> {
    let read = || {
        let pairs = cursor.as_bytes().chunks(2).map(|pair| {
            let digits = std::str::from_utf8(pair)
                .ok()
                .filter(|pair| pair.len() == 2)?;
            u8::from_str_radix(digits, 16).ok()
        });
        let bytes: Vec<u8> = pairs.collect::<Option<_>>()?;
        let (of, _, key, id): (Sort, u64, serde_json::Value, String) =
            serde_json::from_slice(&bytes).ok()?;
        let key = match (sort, key) {
            (Sort::Title, serde_json::Value::String(title)) => Key::Title(title),
            (Sort::Title, _) => return None,
            (_, key) => Key::Number(key.as_u64()?),
        };
        (of == sort).then_some(At { key, id })
    };
    read().ok_or_else(|| SearchError::Cursor(cursor.chars().take(80).collect()))
}

/// A hit of one segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Larger first.
    pub(crate) key: u64,
    /// The number of the id in its segment.
    pub(crate) id: u64,
    /// The document.
    pub(crate) doc: u32,
}

/// Where a page goes on within one segment: below this key, or at it from this id on.
#[derive(Debug, Clone, Copy)]
struct From {
    key: u64,
    id: u64,
}

/// The key of a document in a sort that needs no words; a title's is its place among the segment's titles, reversed.
pub(crate) fn key_of(sort: Sort, fixed: &Fixed, doc: u32, rank: u64) -> u64 {
    match sort {
        Sort::Relevance => rank,
        Sort::Newest => fixed.newest.get_val(doc),
        Sort::Size => fixed.size.get_val(doc),
        Sort::Time => !(fixed.time.start(doc).cast_unsigned() ^ (1 << 63)),
        Sort::Title => !fixed
            .titles
            .as_ref()
            .and_then(|titles| titles.ords().first(doc))
            .unwrap_or(0),
    }
}

/// An order of one segment's documents.
pub(crate) struct Order<'a> {
    /// Larger first.
    pub(crate) key: KeyOf<'a>,
    /// What no document of this rank or a lower one exceeds, where there is such a thing.
    pub(crate) ceiling: Option<&'a dyn Fn(u64) -> u64>,
}

/// The key of a document with its rank, which is 0 in orders without a ceiling.
type KeyOf<'a> = &'a dyn Fn(u32, u64) -> u64;

/// The first hits of a segment, as far as they have been seen.
pub(crate) struct Best<'a> {
    fixed: &'a Fixed,
    limit: usize,
    from: Option<From>,
    /// The last of them on top.
    places: BinaryHeap<Reverse<(u64, Reverse<u32>, u32)>>,
}

/// Looking at a document in the order of ids is as much work as looking at so many hits as they lie.
const FARTHER: u64 = 2;

impl<'a> Best<'a> {
    /// At most `limit` hits after `after`.
    pub(crate) fn new(
        fixed: &'a Fixed,
        limit: usize,
        after: Option<&At>,
    ) -> Result<Self, SearchError> {
        Ok(Self {
            fixed,
            limit,
            from: after.map(|at| start_after(fixed, at)).transpose()?,
            places: BinaryHeap::with_capacity(limit + 1),
        })
    }

    /// Looks at some hits.
    pub(crate) fn see(&mut self, hits: &Bits, order: &Order<'_>) {
        let Some(ceiling) = order.ceiling else {
            let all = 0..self.fixed.n_docs;
            return hits
                .within(all)
                .for_each(|doc| self.offer(doc, (order.key)(doc, 0)));
        };
        let mut from = 0;
        while let Some(doc) = hits.first_from(from) {
            let of_rank = self.fixed.ranks.around(doc);
            let most = ceiling(of_rank.rank);
            if self.last().is_some_and(|(last, _)| most < last) {
                break;
            }
            from = of_rank.docs.end;
            self.see_rank(hits, &of_rank, (order.key, most));
        }
    }

    /// Looks at the hits of one rank, whose keys are at most `most`: first in the order of their ids, where a few may
    /// suffice; what that has not shown by then, as it lies.
    fn see_rank(&mut self, hits: &Bits, of_rank: &OfRank, (key, most): (KeyOf<'_>, u64)) {
        let OfRank { rank, docs } = of_rank;
        let in_order = &self.fixed.in_order[docs.start as usize..docs.end as usize];
        let n_tried = hits.count_within(docs.clone()) / FARTHER;
        let n_tried = in_order
            .len()
            .min(usize::try_from(n_tried).unwrap_or(usize::MAX));
        let (tried, rest) = in_order.split_at(n_tried);
        for doc in tried.iter().copied().filter(|doc| hits.has(*doc)) {
            // Of what is as good as it can be, a larger id stands behind.
            let is_behind = |(last, id)| most == last && self.fixed.id_number(doc) > id;
            if self.last().is_some_and(is_behind) {
                return;
            }
            self.offer(doc, key(doc, *rank));
        }
        let Some(first) = rest.first() else { return };
        // What was replaced within the segment has the id of what replaced it, which may have been tried.
        let place = |doc| (self.fixed.id_number(doc), doc);
        let first = place(*first);
        for doc in hits.within(docs.clone()) {
            if place(doc) >= first {
                self.offer(doc, key(doc, *rank));
            }
        }
    }

    /// The last of the first hits, once there are as many as wanted: its key and the number of its id.
    fn last(&self) -> Option<(u64, u32)> {
        let is_full = self.places.len() >= self.limit;
        let last = self.places.peek().filter(|_| is_full);
        last.map(|Reverse((key, Reverse(id), _))| (*key, *id))
    }

    fn offer(&mut self, doc: u32, key: u64) {
        let id = self.fixed.id_number(doc);
        let is_behind = |(last, last_id)| key < last || key == last && id > last_id;
        if self.last().is_some_and(is_behind) {
            return;
        }
        let is_passed = |from: From| key > from.key || key == from.key && u64::from(id) < from.id;
        if self.from.is_some_and(is_passed) {
            return;
        }
        self.places.push(Reverse((key, Reverse(id), doc)));
        if self.places.len() > self.limit {
            self.places.pop();
        }
    }

    /// The hits in their order.
    pub(crate) fn places(self) -> Vec<Place> {
        let places = self.places.into_sorted_vec().into_iter();
        places
            .map(|Reverse((key, Reverse(id), doc))| Place {
                key,
                id: id.into(),
                doc,
            })
            .collect()
    }
}

fn start_after(fixed: &Fixed, at: &At) -> Result<From, SearchError> {
    let after_id = first_number(fixed.ids.as_ref(), Bound::Excluded(&at.id))?;
    Ok(match &at.key {
        Key::Number(key) => From {
            key: *key,
            id: after_id,
        },
        Key::Title(title) => {
            let here = first_number(fixed.titles.as_ref(), Bound::Included(title))?;
            let next = first_number(fixed.titles.as_ref(), Bound::Excluded(title))?;
            From {
                key: !here,
                id: if here == next { 0 } else { after_id },
            }
        }
    })
}

/// The number of the first value within a lower bound.
fn first_number(column: Option<&StrColumn>, bound: Bound<&String>) -> Result<u64, SearchError> {
    let Some(column) = column else { return Ok(0) };
    let bounds = column
        .dictionary()
        .term_bounds_to_ord(bound.map(String::as_bytes), Bound::Unbounded);
    Ok(
        match bounds
            .map_err(SearchError::engine("find a page's beginning"))?
            .0
        {
            Bound::Included(number) => number,
            Bound::Excluded(number) => number + 1,
            Bound::Unbounded => 0,
        },
    )
}

/// The values of some numbers of a column, in the order of `numbers`.
pub(crate) fn texts_of(
    column: Option<&StrColumn>,
    numbers: &[u64],
) -> Result<Vec<String>, SearchError> {
    let Some(column) = column else {
        return Ok(vec![String::new(); numbers.len()]);
    };
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_unstable_by_key(|at| numbers[*at]);
    let sorted: Vec<u64> = order.iter().map(|at| numbers[*at]).collect();
    let mut texts = vec![String::new(); numbers.len()];
    let mut places = order.into_iter();
    let take = |term: &[u8]| {
        if let Some(at) = places.next() {
            texts[at] = String::from_utf8_lossy(term).into_owned();
        }
    };
    column
        .dictionary()
        .sorted_ords_to_term_cb(&sorted, take)
        .map_err(SearchError::engine("read ids"))?;
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was_and_belongs_to_its_sort() {
        let at = At {
            key: Key::Number(u64::MAX),
            id: "planck:a".to_owned(),
        };
        assert_eq!(
            read_cursor(Sort::Size, &write_cursor(Sort::Size, 7, &at)).unwrap(),
            at
        );
        assert!(read_cursor(Sort::Newest, &write_cursor(Sort::Size, 7, &at)).is_err());
        let at = At {
            key: Key::Title("é".to_owned()),
            id: "planck:a".to_owned(),
        };
        assert_eq!(
            read_cursor(Sort::Title, &write_cursor(Sort::Title, 7, &at)).unwrap(),
            at
        );
        for bad in ["", "zz", "0", "5b5d", "é"] {
            assert!(read_cursor(Sort::Size, bad).is_err());
        }
    }
}
