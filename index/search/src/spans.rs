//! From when to when each document of a segment is, to ask many documents at once.
//!
//! Both ends stay on disk to the last digit; in memory they are numbers of days since 1950, two bytes each, which answer
//! for all documents but those that begin or end on the very day asked for.

use std::sync::Arc;

use tantivy::columnar::ColumnValues;

use crate::bits::{Bits, OnesOf, gathered};
use crate::schema::NO_TIME;

/// A day in microseconds, and the first day of 1950 in days from 1970.
const DAY: i64 = 86_400_000_000;
const FIRST: i64 = -7_305;

/// What 1970-01-01 is among nominal days, which are counted from the year 1.
const EPOCH: i64 = 719_163;

/// The day of what has no time; other days end before it.
const NO_DAY: u16 = u16::MAX;

/// Spans of time: instants in microseconds, or nominal days.
pub(crate) struct Spans {
    unit: Unit,
    starts: Arc<dyn ColumnValues<i64>>,
    ends: Arc<dyn ColumnValues<i64>>,
    start_days: Vec<u16>,
    end_days: Vec<u16>,
}

/// What the numbers count.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    /// Microseconds from 1970; spans are half-open, those of no length are instants.
    Instant,
    /// Days from the year 1; spans hold both ends.
    Day,
}

impl Unit {
    /// The day since 1950, or the nearest that fits; it never falls where the number grows.
    fn day(self, number: i64) -> u16 {
        let day = match self {
            Self::Instant => number.div_euclid(DAY),
            Self::Day => number.saturating_sub(EPOCH),
        };
        u16::try_from(day.saturating_sub(FIRST).clamp(0, i64::from(NO_DAY - 1))).unwrap_or(0)
    }
}

impl Spans {
    pub(crate) fn new(
        unit: Unit,
        starts: Arc<dyn ColumnValues<i64>>,
        ends: Arc<dyn ColumnValues<i64>>,
    ) -> Self {
        let (mut start_days, mut end_days) = (Vec::new(), Vec::new());
        let is_empty = (0..starts.num_vals()).all(|doc| starts.get_val(doc) == NO_TIME);
        if !is_empty {
            let day = |number| {
                if number == NO_TIME {
                    NO_DAY
                } else {
                    unit.day(number)
                }
            };
            start_days = (0..starts.num_vals())
                .map(|doc| day(starts.get_val(doc)))
                .collect();
            end_days = (0..ends.num_vals())
                .map(|doc| unit.day(ends.get_val(doc)))
                .collect();
        }
        Self {
            unit,
            starts,
            ends,
            start_days,
            end_days,
        }
    }

    /// When a document begins.
    pub(crate) fn start(&self, doc: u32) -> i64 {
        self.starts.get_val(doc)
    }

    /// Those of some documents that share a time with `span`.
    pub(crate) fn meeting(&self, span: (i64, i64), among: &Bits) -> Bits {
        let days = (self.unit.day(span.0), self.unit.day(span.1));
        among.map_words(|at, word| {
            let (may, must) = self.by_days(days, at);
            let (may, must) = (may & word, must & word);
            let base = u32::try_from(at * 64).expect("documents are numbered by u32");
            let meets = |at: &u32| self.meets(base + at, span);
            let open = OnesOf {
                word: may & !must,
                base: 0,
            };
            open.filter(meets).fold(must, |bits, at| bits | 1 << at)
        })
    }

    /// Of the 64 documents from `at * 64` on, those that may and those that must share a time with what begins and ends
    /// on some days.
    fn by_days(&self, (first, last): (u16, u16), at: usize) -> (u64, u64) {
        if self.start_days.is_empty() {
            return (0, 0);
        }
        let block = at * 64..self.start_days.len().min(at * 64 + 64);
        let (starts, ends) = (&self.start_days[block.clone()], &self.end_days[block]);
        let both = || starts.iter().zip(ends);
        let (mut may, mut is_edge) = ([0_u8; 64], 0_u8);
        for (may, (start, end)) in may.iter_mut().zip(both()) {
            *may = u8::from((*start <= last) & (*end >= first));
            is_edge |= u8::from((*start == last) | (*end == first));
        }
        let may = gathered(&may);
        if is_edge == 0 {
            return (may, may);
        }
        let mut must = [0_u8; 64];
        for (must, (start, end)) in must.iter_mut().zip(both()) {
            *must = u8::from((*start < last) & (*end > first));
        }
        (may, gathered(&must))
    }

    fn meets(&self, doc: u32, (from, to): (i64, i64)) -> bool {
        let start = self.starts.get_val(doc);
        if start == NO_TIME {
            return false;
        }
        let end = self.ends.get_val(doc);
        match self.unit {
            Unit::Instant => start < to && (end > from || start == end && start >= from),
            Unit::Day => start <= to && end >= from,
        }
    }

    /// The memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.start_days.as_slice()) + size_of_val(self.end_days.as_slice())
    }
}
