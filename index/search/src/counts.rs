//! The counts of facet values among the results.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use gantry_asset::{FacetField, FacetPath, vocabulary};
use lru::LruCache;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::column::ToCount;
use crate::execute::{InSegment, Run};
use crate::facets::Dictionary;
use crate::query::{Collapse, FacetCount, FieldCounts, MOST_VALUES, Query};
use crate::segment::Segment;
use crate::snapshot::Snapshot;
use crate::text::fold;

/// As many documents are counted before it pays to share the work.
const WORTH_SHARING: usize = 10_000;

impl Run<'_> {
    /// The counts of one field, all values or the first.
    pub(crate) fn counts(
        &self,
        field: usize,
        most: usize,
        contains: Option<&str>,
    ) -> Vec<FacetCount> {
        self.to_count(field).values(most, contains)
    }

    /// How many results have each value of a field, by its number.
    pub(crate) fn numbers(&self, field: usize) -> Arc<Vec<u64>> {
        let to_count = self.to_count(field);
        to_count.known().unwrap_or_else(|| to_count.counts())
    }

    fn to_count(&self, field: usize) -> Counting<'_> {
        let filters = self.filters.by_field.iter().enumerate();
        let mut of_field = filters.filter(|(_, filter)| filter.field == field);
        Counting {
            snapshot: self.snapshot,
            segments: &self.segments,
            field,
            browsed: self.browsed.as_ref(),
            filter: of_field
                .next()
                .map(|(at, filter)| (at, filter.selected.as_slice())),
        }
    }

    /// The counts of the fields asked for, or of the default ones; by all processors when this search is the only one.
    pub(crate) fn all_counts(&self, is_alone: bool) -> Vec<FieldCounts> {
        let wanted = |field: &FacetField| match &self.query.fields {
            Some(fields) => fields.contains(&field.name),
            None => field.default,
        };
        let fields = vocabulary().fields.iter().enumerate();
        let fields = fields.filter(|(_, field)| wanted(field));
        let fields: Vec<_> = fields
            .map(|(at, field)| (field, self.to_count(at)))
            .collect();
        let count = |(field, to_count): &(&FacetField, Counting<'_>)| FieldCounts {
            field: field.name.clone(),
            values: to_count.values(MOST_VALUES, None),
        };
        let segments = self.segments.iter().zip(&self.snapshot.segments);
        let n_docs = || {
            segments
                .map(|(here, segment)| here.to_count(segment).len())
                .sum::<usize>()
        };
        let is_known = fields
            .iter()
            .all(|(_, to_count)| to_count.known().is_some());
        if is_alone && !is_known && n_docs() > WORTH_SHARING {
            fields.par_iter().map(count).collect()
        } else {
            fields.iter().map(count).collect()
        }
    }
}

/// One field to be counted.
struct Counting<'a> {
    snapshot: &'a Snapshot,
    segments: &'a [InSegment],
    field: usize,
    /// What the hits are, when nothing but facets says it.
    browsed: Option<&'a Arc<Browsed>>,
    /// The field's own filter: its place among the filters, and what it selects.
    filter: Option<(usize, &'a [String])>,
}

impl Counting<'_> {
    /// All values or the first.
    fn values(&self, most: usize, contains: Option<&str>) -> Vec<FacetCount> {
        let dictionary = &self.snapshot.dictionaries[self.field];
        let counts = self.known().unwrap_or_else(|| self.counts());
        let selected = self.filter.map_or(&[][..], |(_, selected)| selected);
        let wanted = contains.map(fold);
        // Of those that do not hold the text more may have to be looked at.
        let looked_at = if wanted.is_some() { usize::MAX } else { most };
        let mut n_left = most;
        let shown = |(path, count, selected): (&str, u64, bool)| {
            if n_left == 0 && !selected {
                return None;
            }
            let label = dictionary.field.label_of(path);
            let holds =
                |wanted: &String| fold(&label).contains(wanted) || fold(path).contains(wanted);
            if !wanted.as_ref().is_none_or(holds) {
                return None;
            }
            n_left = n_left.saturating_sub(1);
            Some(FacetCount {
                path: path.to_owned(),
                label,
                count,
                selected,
            })
        };
        listed(dictionary, &counts, selected, looked_at)
            .into_iter()
            .filter_map(shown)
            .collect()
    }

    fn known(&self) -> Option<Arc<Vec<u64>>> {
        self.snapshot.counted.get(self.browsed?, self.field)
    }

    /// How many have each value, by its number.
    fn counts(&self) -> Arc<Vec<u64>> {
        let mut counts = vec![0_u64; self.snapshot.dictionaries[self.field].len()];
        for (segment, here) in self.snapshot.segments.iter().zip(self.segments) {
            let beside = self.filter.map(|(at, _)| &here.matched.beside[at]);
            match beside.filter(|beside| !Arc::ptr_eq(beside, &here.matched.hits)) {
                Some(beside) => ToCount::new(beside, beside.count(), segment).count(
                    segment,
                    self.field,
                    &mut counts,
                ),
                None => here
                    .to_count(segment)
                    .count(segment, self.field, &mut counts),
            }
        }
        let counts = Arc::new(counts);
        if let Some(browsed) = self.browsed {
            self.snapshot.counted.keep(browsed, self.field, &counts);
        }
        counts
    }
}

/// Counts of one snapshot that anybody who looks around asks for: those of hits that facets alone tell.
pub(crate) struct Counted {
    kept: Mutex<LruCache<OfField, Arc<Vec<u64>>>>,
}

/// What the hits are, and the field.
type OfField = (Arc<Browsed>, usize);

/// What says all of a browsing search: whether series stand for their members, and the facets.
pub(crate) type Browsed = (Collapse, BTreeSet<FacetPath>);

/// How many counts of a field are kept, and of how many values at most.
const KEPT: (NonZeroUsize, usize) = (NonZeroUsize::new(2_000).unwrap(), 4_000);

impl Counted {
    pub(crate) fn new() -> Self {
        Self {
            kept: Mutex::new(LruCache::new(KEPT.0)),
        }
    }

    /// What the hits of a query are, when its facets and whether series stand for their members say all of it.
    pub(crate) fn browsed(query: &Query) -> Option<Arc<Browsed>> {
        let asks_more = !query.q.trim().is_empty() || query.time.is_some() || query.days.is_some();
        let has_region = query.pos.is_some() || query.near.is_some() || query.bbox.is_some();
        let facets = || query.facets.iter().cloned().collect();
        (!asks_more && !has_region && query.changed_after.is_none())
            .then(|| Arc::new((query.collapse, facets())))
    }

    fn get(&self, browsed: &Arc<Browsed>, field: usize) -> Option<Arc<Vec<u64>>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&(Arc::clone(browsed), field)).cloned()
    }

    fn keep(&self, browsed: &Arc<Browsed>, field: usize, counts: &Arc<Vec<u64>>) {
        if counts.len() <= KEPT.1 {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.put((Arc::clone(browsed), field), Arc::clone(counts));
        }
    }
}

impl InSegment {
    /// The hits as most fields count them.
    fn to_count(&self, segment: &Segment) -> &ToCount {
        self.hits_to_count
            .get_or_init(|| ToCount::new(&self.matched.hits, self.matched.n_hits, segment))
    }
}

/// The first values that count something and all that are selected, in the order of the vocabulary: each with its count and
/// whether it is.
fn listed<'a>(
    dictionary: &'a Dictionary,
    counts: &[u64],
    selected: &'a [String],
    most: usize,
) -> Vec<(&'a str, u64, bool)> {
    let is_selected = |path: &str| selected.iter().any(|one| one == path);
    let known = dictionary
        .iter()
        .map(|(number, path)| (number, path, counts[number]));
    let known = known.map(|(number, path, count)| (number, path, count, is_selected(path)));
    let mut values: Vec<_> = known
        .filter(|(.., count, selected)| *count > 0 || *selected)
        .collect();
    let order =
        |(number, _, count, _): &(usize, &str, u64, bool)| dictionary.order(*number, *count);
    if values.len() > most {
        values.select_nth_unstable_by_key(most, order);
        let rest = values.split_off(most);
        values.extend(rest.into_iter().filter(|(.., selected)| *selected));
    }
    values.sort_unstable_by_key(order);
    let values = values.into_iter();
    let mut values: Vec<_> = values
        .map(|(_, path, count, selected)| (path, count, selected))
        .collect();
    let n_known = values.len();
    let unknown = selected
        .iter()
        .enumerate()
        .filter(|(at, path)| dictionary.number(path).is_none() && !selected[..*at].contains(path));
    values.extend(unknown.map(|(_, path)| (path.as_str(), 0, true)));
    if values.len() > n_known {
        values.sort_by(|a, b| dictionary.field.compare((a.0, a.1), (b.0, b.1)));
    }
    values
}
