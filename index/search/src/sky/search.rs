//! Finding what meets a region: cells first, then the footprints themselves where cells do not decide.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use tantivy::columnar::Column;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{SegmentReader, Term};

use super::Region;
use super::cells::{As, Cell, Cover, FINEST, cells_of};
use super::coverage::{Coverage, read_range, read_shape};
use crate::bits::Bits;
use crate::schema::fields;
use crate::words::set_all;

/// So many cells of a region are looked up or a few more; of a large one larger cells.
const MOST_CELLS: usize = 400;

/// The fields in which coverages of one kind stand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CoverageFields {
    /// The terms of cells.
    pub(crate) terms: Field,
    /// The column of shapes.
    pub(crate) shape: Field,
    /// The column of ranges of cells.
    pub(crate) cells: Field,
}

/// A region ready to be searched for.
#[derive(Debug)]
pub(crate) struct Sought<'a> {
    region: &'a Region,
    fields: CoverageFields,
    /// Terms, from one to before another, in order: what has one of these meets the region.
    certain: Vec<(u64, u64)>,
    /// What has one of these may meet it.
    possible: Vec<(u64, u64)>,
    /// The region's cells as ranges at order 8, in order, and whether they lie in it.
    ranges: Vec<(u32, u32, bool)>,
    /// Which cells meet it, as far as that was asked.
    known: RefCell<HashMap<Cell, bool>>,
}

impl<'a> Sought<'a> {
    pub(crate) fn new(region: &'a Region, fields: CoverageFields) -> Self {
        let distance = |point| region.distance(point);
        let cover = Cover::of(distance, region.within(), MOST_CELLS);
        let within = |cells: &[Cell]| {
            let terms = cells.iter().flat_map(|cell| cell.terms_within());
            terms.collect::<Vec<_>>()
        };
        let above = |cells: &[Cell], has| {
            let cells: BTreeSet<_> = cells.iter().flat_map(|cell| cell.above()).collect();
            let terms = cells.into_iter().map(move |cell| cell.term(has));
            terms.map(|term| (term, term + 1)).collect::<Vec<_>>()
        };
        let (whole, parts) = (&cover.whole, &cover.parts);
        let certain = [within(whole), above(whole, As::Whole)].concat();
        let possible = [
            within(parts),
            above(parts, As::Whole),
            above(parts, As::Part),
            above(whole, As::Part),
        ]
        .concat();
        let ranged = |cell: &Cell, whole| (cell.finest().0, cell.finest().1, whole);
        let whole = cover.whole.iter().map(|cell| ranged(cell, true));
        let parts = cover.parts.iter().map(|cell| ranged(cell, false));
        let mut ranges: Vec<_> = whole.chain(parts).collect();
        ranges.sort_unstable();
        Self {
            region,
            fields,
            certain: joined(certain),
            possible: joined(possible),
            ranges,
            known: RefCell::default(),
        }
    }

    /// Whether it is a region of the sky rather than of the Earth.
    pub(crate) fn is_of_sky(&self) -> bool {
        self.fields.terms == fields().sky.terms
    }

    /// The documents of a segment whose coverage meets the region, deleted ones included; not those of the whole sky.
    pub(crate) fn find(&self, reader: &SegmentReader) -> tantivy::Result<Bits> {
        let mut found = self.with_terms(reader, &self.certain)?;
        let mut possible = self.with_terms(reader, &self.possible)?;
        possible.without(&found);
        let name = |field| reader.schema().get_field_name(field);
        let fast = reader.fast_fields();
        let shapes: Option<Column<f64>> = fast.column_opt(name(self.fields.shape))?;
        let cells: Option<Column<u64>> = fast.column_opt(name(self.fields.cells))?;
        let mut numbers = Vec::new();
        for doc in possible.iter() {
            numbers.clear();
            numbers.extend(shapes.iter().flat_map(|shapes| shapes.values_for_doc(doc)));
            let meets = match numbers.is_empty() {
                true => cells
                    .iter()
                    .flat_map(|cells| cells.values_for_doc(doc))
                    .any(|range| self.meets_range(read_range(range))),
                false => read_shape(&numbers).is_some_and(|shape| self.meets(&shape)),
            };
            if meets {
                found.set(doc);
            }
        }
        Ok(found)
    }

    fn with_terms(&self, reader: &SegmentReader, terms: &[(u64, u64)]) -> tantivy::Result<Bits> {
        let mut bits = Bits::none(reader.max_doc());
        let index = reader.inverted_index(self.fields.terms)?;
        let key = |term| Term::from_field_u64(self.fields.terms, term);
        for (first, end) in terms {
            let (first, end) = (key(*first), key(*end));
            let range = index.terms().range();
            let range = range.ge(first.serialized_value_bytes());
            let range = range.lt(end.serialized_value_bytes());
            let mut found = range.into_stream()?;
            while found.advance() {
                let postings = index
                    .read_block_postings_from_terminfo(found.value(), IndexRecordOption::Basic)?;
                set_all(postings, &mut bits);
            }
        }
        Ok(bits)
    }

    fn meets(&self, coverage: &Coverage) -> bool {
        match coverage {
            Coverage::Circle(middle, radius) => self.region.meets_circle(*middle, *radius),
            Coverage::Polygon(polygon) => self.region.meets_polygon(polygon),
            Coverage::Cells(ranges) => ranges.iter().any(|range| self.meets_range(*range)),
        }
    }

    fn meets_range(&self, (first, last): (u32, u32)) -> bool {
        let from = self.ranges.partition_point(|(_, end, _)| *end < first);
        self.ranges[from..]
            .iter()
            .take_while(|(start, ..)| *start <= last)
            .any(|(start, end, whole)| {
                let common = cells_of(*start.max(&first), *end.min(&last));
                *whole || common.into_iter().any(|cell| self.meets_cell(cell))
            })
    }

    fn meets_cell(&self, cell: Cell) -> bool {
        if let Some(known) = self.known.borrow().get(&cell) {
            return *known;
        }
        let (middle, radius) = cell.around();
        let distance = self.region.distance(middle);
        let meets = if distance <= 0.0 || distance > radius {
            distance <= 0.0
        } else if cell.order < FINEST {
            cell.children().any(|child| self.meets_cell(child))
        } else {
            let outline = cell.outline();
            outline.is_some_and(|outline| self.region.meets_polygon(&outline))
        };
        self.known.borrow_mut().insert(cell, meets);
        meets
    }
}

/// The same ranges in order, as few as they can be.
fn joined(mut ranges: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    ranges.sort_unstable();
    let mut all: Vec<(u64, u64)> = Vec::with_capacity(ranges.len());
    for (first, end) in ranges {
        match all.last_mut() {
            Some((_, before)) if first <= *before => *before = end.max(*before),
            _ => all.push((first, end)),
        }
    }
    all
}
