//! The counts of facet values among the results.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use gantry_asset::{FacetField, FacetPath, vocabulary};
use lru::LruCache;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::bits::Bits;
use crate::execute::Run;
use crate::facets::Dictionary;
use crate::filter::Matched;
use crate::query::{Collapse, FacetCount, FieldCounts, MOST_VALUES, Query};
use crate::tally::counts_of;
use crate::text::fold;

/// As many documents are counted before it pays to share the work.
const WORTH_SHARING: u64 = 50_000;

impl Run<'_> {
    /// The counts of one field, all values or the first.
    pub(crate) fn counts(
        &self,
        field: usize,
        most: usize,
        contains: Option<&str>,
    ) -> Vec<FacetCount> {
        let numbers = self.numbers(field);
        self.to_count(field).values(&numbers, most, contains)
    }

    /// How many results have each value of a field, by its number.
    pub(crate) fn numbers(&self, field: usize) -> Arc<Vec<u64>> {
        self.all_numbers(&[field], false).remove(0)
    }

    fn to_count(&self, field: usize) -> Counting<'_> {
        Counting {
            dictionary: &self.snapshot.dictionaries[field],
            selected: self
                .filter_of(field)
                .map_or(&[], |at| &self.filters.by_field[at].selected),
        }
    }

    /// The place of a field's own filter.
    fn filter_of(&self, field: usize) -> Option<usize> {
        let mut filters = self.filters.by_field.iter();
        filters.position(|filter| filter.field == field)
    }

    /// The counts of the fields asked for, or of the default ones; by all processors when this search is the only one.
    pub(crate) fn all_counts(&self, is_alone: bool) -> Vec<FieldCounts> {
        let wanted = |field: &FacetField| match &self.query.fields {
            Some(fields) => fields.contains(&field.name),
            None => field.default,
        };
        let all = vocabulary().fields.iter().enumerate();
        let fields: Vec<usize> = all
            .filter(|(_, field)| wanted(field))
            .map(|(at, _)| at)
            .collect();
        let numbers = self.all_numbers(&fields, is_alone);
        let count = |(at, numbers): (&usize, Arc<Vec<u64>>)| FieldCounts {
            field: vocabulary().fields[*at].name.clone(),
            values: self.to_count(*at).values(&numbers, MOST_VALUES, None),
        };
        fields.iter().zip(numbers).map(count).collect()
    }

    /// How many results have each value of some fields, by their numbers; what is known already is not counted again.
    fn all_numbers(&self, fields: &[usize], is_alone: bool) -> Vec<Arc<Vec<u64>>> {
        let known = |field: &usize| self.snapshot.counted.get(self.browsed.as_ref()?, *field);
        let mut all: Vec<Option<Arc<Vec<u64>>>> = fields.iter().map(known).collect();
        let missing = fields.iter().zip(&all).filter(|(_, known)| known.is_none());
        let missing: Vec<usize> = missing.map(|(field, _)| *field).collect();
        let mut counted = self.count(&missing, is_alone).into_iter();
        for (field, slot) in fields.iter().zip(&mut all) {
            if slot.is_none() {
                let counts = Arc::new(counted.next().unwrap_or_default());
                if let Some(browsed) = &self.browsed {
                    self.snapshot.counted.keep(browsed, *field, &counts);
                }
                *slot = Some(counts);
            }
        }
        all.into_iter().flatten().collect()
    }

    /// Counts some fields: together those of which the hits count, and each by itself that has a filter of its own.
    fn count(&self, fields: &[usize], is_alone: bool) -> Vec<Vec<u64>> {
        let n_values = |field: &usize| vec![0; self.snapshot.dictionaries[*field].len()];
        let mut sums: Vec<Vec<u64>> = fields.iter().map(n_values).collect();
        for (segment, here) in self.snapshot.segments.iter().zip(&self.segments) {
            let groups = self.groups(fields, &here.matched);
            let n_counted = |group: &Group<'_>| group.set.1.min(segment.n_alive - group.set.1);
            let is_much = groups.iter().map(n_counted).sum::<u64>() > WORTH_SHARING;
            let is_shared = is_alone && is_much;
            let count = |group: &Group<'_>| {
                let those: Vec<usize> = group.places.iter().map(|place| fields[*place]).collect();
                counts_of(segment, group.set, &those, is_shared)
            };
            let counted: Vec<Vec<Vec<u32>>> = match is_shared {
                true => groups.par_iter().map(count).collect(),
                false => groups.iter().map(count).collect(),
            };
            for (group, counted) in groups.iter().zip(counted) {
                for (place, counts) in group.places.iter().zip(counted) {
                    let both = sums[*place].iter_mut().zip(counts);
                    both.for_each(|(sum, n)| *sum += u64::from(n));
                }
            }
        }
        sums
    }

    fn groups<'a>(&self, fields: &[usize], matched: &'a Matched) -> Vec<Group<'a>> {
        let mut places: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
        for (place, field) in fields.iter().enumerate() {
            let filter = self.filter_of(*field).filter(|at| matched.has_beside(*at));
            places.entry(filter).or_default().push(place);
        }
        let group = |(filter, places): (Option<usize>, Vec<usize>)| Group {
            places,
            set: match filter {
                Some(at) => (&*matched.beside[at], matched.n_beside(at)),
                None => (&*matched.hits, matched.n_hits),
            },
        };
        places.into_iter().map(group).collect()
    }
}

/// Fields, by their places among those counted, that count one set of so many documents.
struct Group<'a> {
    places: Vec<usize>,
    set: (&'a Bits, u64),
}

/// One field whose values are shown.
struct Counting<'a> {
    dictionary: &'a Dictionary,
    selected: &'a [String],
}

impl Counting<'_> {
    /// All values or the first.
    fn values(&self, counts: &[u64], most: usize, contains: Option<&str>) -> Vec<FacetCount> {
        let dictionary = self.dictionary;
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
        listed(dictionary, counts, self.selected, looked_at)
            .into_iter()
            .filter_map(shown)
            .collect()
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
