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
use crate::segment::{Fixed, Segment};

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

impl Place {
    fn order(&self) -> (u64, Reverse<u64>) {
        (self.key, Reverse(self.id))
    }
}

/// Where a page goes on within one segment: below this key, or at it from this id on.
#[derive(Debug, Clone, Copy)]
struct From {
    key: u64,
    id: u64,
}

/// The key of a document in a sort that needs no words; a title's is its place among the segment's titles, reversed.
pub(crate) fn key_of(sort: Sort, fixed: &Fixed, doc: u32) -> u64 {
    match sort {
        Sort::Relevance => fixed.rank.get_val(doc),
        Sort::Newest => fixed.newest.get_val(doc),
        Sort::Size => fixed.size.get_val(doc),
        Sort::Time => !(fixed.start.get_val(doc).cast_unsigned() ^ (1 << 63)),
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
    pub(crate) key: &'a dyn Fn(u32) -> u64,
    /// What neither this document nor any after it exceeds; documents lie in the order of their rank.
    pub(crate) ceiling: &'a dyn Fn(u32) -> u64,
}

/// The first `limit` hits of a segment after `after`, in no order.
pub(crate) fn first_of(
    segment: &Segment,
    hits: &Bits,
    limit: usize,
    after: Option<&At>,
    order: &Order<'_>,
) -> Result<Vec<Place>, SearchError> {
    let from = after
        .map(|at| start_after(&segment.fixed, at))
        .transpose()?;
    let mut best: BinaryHeap<Reverse<(u64, Reverse<u64>, u32)>> =
        BinaryHeap::with_capacity(limit + 1);
    for doc in hits.iter() {
        let is_full = best.len() >= limit;
        let worst = best.peek().map_or(0, |Reverse((key, _, _))| *key);
        if is_full && doc % 16 == 0 && (order.ceiling)(doc) < worst {
            break;
        }
        let key = (order.key)(doc);
        if is_full && key < worst {
            continue;
        }
        let place = Place {
            key,
            id: segment.fixed.id_number(doc),
            doc,
        };
        let passed =
            from.is_some_and(|from| key > from.key || key == from.key && place.id < from.id);
        if passed {
            continue;
        }
        let (key, id) = place.order();
        best.push(Reverse((key, id, doc)));
        if best.len() > limit {
            best.pop();
        }
    }
    Ok(best
        .into_iter()
        .map(|Reverse((key, Reverse(id), doc))| Place { key, id, doc })
        .collect())
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
