//! One segment of the index as the search sees it: what never changes of it, and what deletes change.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use gantry_asset::{FacetField, vocabulary};
use lru::LruCache;
use tantivy::columnar::{Column as Values, ColumnValues, StrColumn};
use tantivy::schema::IndexRecordOption;
use tantivy::{SegmentReader, Term};

use crate::bits::Bits;
use crate::column::Column;
use crate::error::SearchError;
use crate::facets::Dictionary;
use crate::ranks::Ranks;
use crate::rows::Rows;
use crate::schema::{Shape, change_of, column_of, fields};
use crate::sky::cells::ALL_SKY;
use crate::spans::{Spans, Unit};
use crate::tally::{Those, tally};
use crate::words::{Match, Wanted, set_all};

/// How many sets of documents are kept for a segment, of frequent words and of facet values: as many as take so many
/// bytes, within limits.
fn n_kept(n_docs: u32) -> NonZeroUsize {
    const BYTES: usize = 64 << 20;
    let each = (n_docs as usize / 8).max(1);
    NonZeroUsize::new((BYTES / each).clamp(64, 256)).unwrap_or(NonZeroUsize::MIN)
}

/// At least one in so many documents must be asked about for the answer to be found for all, and kept.
const WORTH_KEEPING: u64 = 8;

/// What never changes of a segment.
pub(crate) struct Fixed {
    /// Its documents, deleted ones included.
    pub(crate) n_docs: u32,
    /// Facet columns in the order of the vocabulary.
    pub(crate) columns: Vec<Column>,
    /// Of those that go together, the rows.
    pub(crate) rows: Rows,
    /// Members of series.
    pub(crate) members: Bits,
    /// Series.
    pub(crate) series: Bits,
    /// What covers the whole sky.
    pub(crate) all_sky: Bits,
    /// Ids; their numbers are in the order of the ids.
    pub(crate) ids: Option<StrColumn>,
    /// Titles; their numbers are in the order of the titles.
    pub(crate) titles: Option<StrColumn>,
    /// All documents by rank, the largest first, then by id, and what was replaced as it lies.
    pub(crate) in_order: Vec<u32>,
    /// The number of each document's id among the ids.
    id_numbers: Vec<u32>,
    /// The static ranks.
    pub(crate) ranks: Ranks,
    /// The version.
    pub(crate) version: Arc<dyn ColumnValues<u64>>,
    /// See [`crate::schema`].
    pub(crate) newest: Arc<dyn ColumnValues<u64>>,
    /// The size and one, 0 when unknown.
    pub(crate) size: Arc<dyn ColumnValues<u64>>,
    /// The time covered.
    pub(crate) time: Spans,
    /// The nominal days covered.
    pub(crate) days: Spans,
    kept: Mutex<LruCache<Kept, Arc<Bits>>>,
}

impl Fixed {
    /// Reads a segment's columns, giving new facet values their numbers.
    pub(crate) fn load(
        reader: &SegmentReader,
        dictionaries: &mut [Arc<Dictionary>],
    ) -> Result<Self, SearchError> {
        let read = "read a segment's columns";
        let fast = reader.fast_fields();
        let n_docs = reader.max_doc();
        let columns = facet_columns(reader, dictionaries)?;
        let number = |name: &str| {
            fast.u64(name)
                .map(|c: Values<u64>| c.first_or_default_col(0))
        };
        let instant = |name: &str| {
            fast.i64(name)
                .map(|c: Values<i64>| c.first_or_default_col(0))
        };
        let spans = |unit, starts: &str, ends: &str| -> tantivy::Result<Spans> {
            Ok(Spans::new(unit, instant(starts)?, instant(ends)?))
        };
        let shapes = number("shape").map_err(SearchError::engine(read))?;
        let of_shape = |shape: Shape| {
            let mut bits = Bits::none(n_docs);
            (0..n_docs)
                .filter(|doc| shapes.get_val(*doc) == shape.number())
                .for_each(|doc| bits.set(doc));
            bits
        };
        let ids = fast.str("id").map_err(SearchError::engine(read))?;
        let id_numbers = numbers_of(ids.as_ref(), n_docs);
        let rank = number("rank").map_err(SearchError::engine(read))?;
        let ranks = Ranks::of((0..n_docs).map(|doc| rank.get_val(doc)));
        Ok(Self {
            n_docs,
            rows: Rows::of(&columns, n_docs),
            columns,
            in_order: in_order(&ranks, &id_numbers),
            members: of_shape(Shape::Member),
            series: of_shape(Shape::Series),
            all_sky: all_sky(reader).map_err(SearchError::engine(read))?,
            ids,
            titles: fast.str("title_order").map_err(SearchError::engine(read))?,
            id_numbers,
            ranks,
            version: number("version").map_err(SearchError::engine(read))?,
            newest: number("newest").map_err(SearchError::engine(read))?,
            size: number("size").map_err(SearchError::engine(read))?,
            time: spans(Unit::Instant, "start", "end").map_err(SearchError::engine(read))?,
            days: spans(Unit::Day, "first_day", "last_day").map_err(SearchError::engine(read))?,
            kept: Mutex::new(LruCache::new(n_kept(n_docs))),
        })
    }

    /// The memory its columns take.
    pub(crate) fn bytes(&self) -> usize {
        let facets: usize = self.columns.iter().map(Column::bytes).sum();
        let order = size_of_val(self.in_order.as_slice()) + size_of_val(self.id_numbers.as_slice());
        let spans = self.time.bytes() + self.days.bytes();
        facets + self.rows.bytes() + spans + order + self.ranks.bytes()
    }

    /// Those of some documents whose last change in the catalogue is after one.
    pub(crate) fn changed(&self, after: u64, among: &Bits) -> Bits {
        let mut changed = Bits::none(self.n_docs);
        among
            .iter()
            .filter(|doc| change_of(self.newest.get_val(*doc)) > after)
            .for_each(|doc| changed.set(doc));
        changed
    }

    /// The number of a document's id among those of the segment.
    pub(crate) fn id_number(&self, doc: u32) -> u32 {
        self.id_numbers[doc as usize]
    }

    /// The set of documents of `wanted`, kept when it is large or costly to find.
    pub(crate) fn kept(
        &self,
        wanted: &Match,
        find: impl FnOnce() -> Result<Bits, SearchError>,
    ) -> Result<Arc<Bits>, SearchError> {
        let wanted = Kept::Words(wanted.clone());
        if let Some(bits) = self.known(&wanted) {
            return Ok(bits);
        }
        let bits = Arc::new(find()?);
        let is_costly = !matches!(
            &wanted,
            Kept::Words(Match {
                wanted: Wanted::Word(_),
                ..
            })
        );
        if is_costly || bits.count() > u64::from(self.n_docs / 64) {
            self.keep(wanted, &bits);
        }
        Ok(bits)
    }

    /// The documents with a value in `table` of a field; those among some at least.
    pub(crate) fn with_value(&self, field: usize, table: &[bool], among: &Bits) -> Arc<Bits> {
        let column = &self.columns[field];
        let asked = column.asked(table);
        let Some(few) = asked.few() else {
            return Arc::new(column.matching(&asked, among));
        };
        let sets = Kept::Sets(field, few.to_vec());
        if let Some(bits) = self.known(&sets) {
            return bits;
        }
        if among.count() * WORTH_KEEPING < u64::from(self.n_docs) {
            return Arc::new(column.matching(&asked, among));
        }
        let bits = Arc::new(column.matching(&asked, &Bits::all(self.n_docs)));
        self.keep(sets, &bits);
        bits
    }

    fn known(&self, what: &Kept) -> Option<Arc<Bits>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(what).cloned()
    }

    fn keep(&self, what: Kept, bits: &Arc<Bits>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.put(what, Arc::clone(bits));
    }
}

/// What a kept set of documents is of.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Kept {
    Words(Match),
    /// Some sets of values of a field's column.
    Sets(usize, Vec<u32>),
}

/// The number of each document's value among the values.
fn numbers_of(column: Option<&StrColumn>, n_docs: u32) -> Vec<u32> {
    let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let of = |doc| column.and_then(|column| column.ords().first(doc));
    (0..n_docs).map(|doc| of(doc).map_or(0, number)).collect()
}

/// Documents lie by rank already; those of the same rank are put in the order of their ids.
fn in_order(ranks: &Ranks, id_numbers: &[u32]) -> Vec<u32> {
    let mut all = Vec::with_capacity(id_numbers.len());
    for of_rank in ranks.iter() {
        let from = all.len();
        all.extend(of_rank.docs);
        all[from..].sort_unstable_by_key(|doc| (id_numbers[*doc as usize], *doc));
    }
    all
}

/// The documents that cover the whole sky.
fn all_sky(reader: &SegmentReader) -> tantivy::Result<Bits> {
    let mut bits = Bits::none(reader.max_doc());
    let field = fields().sky.terms;
    let index = reader.inverted_index(field)?;
    if let Some(info) = index.get_term_info(&Term::from_field_u64(field, ALL_SKY))? {
        let postings = index.read_block_postings_from_terminfo(&info, IndexRecordOption::Basic)?;
        set_all(postings, &mut bits);
    }
    Ok(bits)
}

fn facet_columns(
    reader: &SegmentReader,
    dictionaries: &mut [Arc<Dictionary>],
) -> Result<Vec<Column>, SearchError> {
    let read = "read a segment's facets";
    let fields = vocabulary().fields.iter().zip(dictionaries);
    let load = |(field, dictionary): (&FacetField, &mut Arc<Dictionary>)| {
        let column = reader.fast_fields().str(&column_of(&field.name));
        let column = column.map_err(SearchError::engine(read))?;
        let column = Column::load(column, reader.max_doc(), Arc::make_mut(dictionary));
        column.map_err(SearchError::engine(read))
    };
    fields.map(load).collect()
}

/// A segment with what is deleted of it.
pub(crate) struct Segment {
    /// What never changes.
    pub(crate) fixed: Arc<Fixed>,
    /// The documents that are not deleted.
    pub(crate) alive: Bits,
    /// How many those are.
    pub(crate) n_alive: u64,
    /// How many of those have each value, by field.
    pub(crate) totals: Vec<Vec<u32>>,
}

impl Segment {
    pub(crate) fn new(
        fixed: Arc<Fixed>,
        reader: &SegmentReader,
        dictionaries: &[Arc<Dictionary>],
    ) -> Self {
        let mut alive = Bits::all(fixed.n_docs);
        if let Some(set) = reader.alive_bitset() {
            alive = Bits::none(fixed.n_docs);
            set.iter_alive()
                .filter(|doc| *doc < fixed.n_docs)
                .for_each(|doc| alive.set(doc));
        }
        let n_alive = alive.count();
        let n_values = dictionaries.iter().map(|dictionary| dictionary.len());
        let fields: Vec<_> = n_values.enumerate().collect();
        let totals = tally(&fixed, Those::all(&alive, n_alive), &fields, false);
        Self {
            fixed,
            alive,
            n_alive,
            totals,
        }
    }
}
