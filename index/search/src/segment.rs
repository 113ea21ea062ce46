//! One segment of the index as the search sees it: what never changes of it, and what deletes change.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use gantry_asset::{FacetField, vocabulary};
use tantivy::columnar::{Column as Values, ColumnValues, StrColumn};
use tantivy::schema::IndexRecordOption;
use tantivy::{SegmentReader, Term};

use crate::bits::Bits;
use crate::error::SearchError;
use crate::facets::{Column, Dictionary};
use crate::schema::{Shape, column_of, fields};
use crate::sky::cells::ALL_SKY;
use crate::words::{Match, Wanted, set_all};

/// How many sets of documents of frequent words are kept for a segment.
const KEPT_SETS: usize = 64;

/// What never changes of a segment.
pub(crate) struct Fixed {
    /// Its documents, deleted ones included.
    pub(crate) n_docs: u32,
    /// Facet columns in the order of the vocabulary.
    pub(crate) columns: Vec<Column>,
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
    /// The static rank, descending.
    pub(crate) rank: Arc<dyn ColumnValues<u64>>,
    /// The version.
    pub(crate) version: Arc<dyn ColumnValues<u64>>,
    /// See [`crate::schema`].
    pub(crate) newest: Arc<dyn ColumnValues<u64>>,
    /// The size and one, 0 when unknown.
    pub(crate) size: Arc<dyn ColumnValues<u64>>,
    /// Start of the time covered.
    pub(crate) start: Arc<dyn ColumnValues<i64>>,
    /// End of the time covered.
    pub(crate) end: Arc<dyn ColumnValues<i64>>,
    /// First nominal day covered.
    pub(crate) first_day: Arc<dyn ColumnValues<i64>>,
    /// Last nominal day covered.
    pub(crate) last_day: Arc<dyn ColumnValues<i64>>,
    kept: Mutex<HashMap<Match, Arc<Bits>>>,
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
        let shapes = number("shape").map_err(SearchError::engine(read))?;
        let of_shape = |shape: Shape| {
            let mut bits = Bits::none(n_docs);
            (0..n_docs)
                .filter(|doc| shapes.get_val(*doc) == shape.number())
                .for_each(|doc| bits.set(doc));
            bits
        };
        Ok(Self {
            n_docs,
            columns,
            members: of_shape(Shape::Member),
            series: of_shape(Shape::Series),
            all_sky: all_sky(reader).map_err(SearchError::engine(read))?,
            ids: fast.str("id").map_err(SearchError::engine(read))?,
            titles: fast.str("title_order").map_err(SearchError::engine(read))?,
            rank: number("rank").map_err(SearchError::engine(read))?,
            version: number("version").map_err(SearchError::engine(read))?,
            newest: number("newest").map_err(SearchError::engine(read))?,
            size: number("size").map_err(SearchError::engine(read))?,
            start: instant("start").map_err(SearchError::engine(read))?,
            end: instant("end").map_err(SearchError::engine(read))?,
            first_day: instant("first_day").map_err(SearchError::engine(read))?,
            last_day: instant("last_day").map_err(SearchError::engine(read))?,
            kept: Mutex::default(),
        })
    }

    /// The number of a document's id among those of the segment.
    pub(crate) fn id_number(&self, doc: u32) -> u64 {
        self.ids
            .as_ref()
            .and_then(|ids| ids.ords().first(doc))
            .unwrap_or(0)
    }

    /// The set of documents of `wanted`, kept when it is large or costly to find.
    pub(crate) fn kept(
        &self,
        wanted: &Match,
        find: impl FnOnce() -> Result<Bits, SearchError>,
    ) -> Result<Arc<Bits>, SearchError> {
        if let Some(bits) = self
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(wanted)
        {
            return Ok(Arc::clone(bits));
        }
        let bits = Arc::new(find()?);
        let is_costly = !matches!(wanted.wanted, Wanted::Word(_));
        if is_costly || bits.count() > u64::from(self.n_docs / 64) {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() >= KEPT_SETS {
                kept.clear();
            }
            kept.insert(wanted.clone(), Arc::clone(&bits));
        }
        Ok(bits)
    }
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
        let docs: Vec<u32> = alive.iter().collect();
        let count = |(column, dictionary): (&Column, &Arc<Dictionary>)| {
            let mut counts = vec![0; dictionary.len()];
            column.count(&docs, &mut counts);
            counts
        };
        let totals = fixed.columns.iter().zip(dictionaries).map(count).collect();
        Self {
            fixed,
            alive,
            totals,
        }
    }
}
