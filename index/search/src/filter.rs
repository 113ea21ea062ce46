//! Which documents count, and for which facet fields.
//!
//! Within a field selections are OR, between fields AND, and the counts of a field ignore its own selection. A document
//! that fails no field counts everywhere, one that fails a single field counts for that field alone; both come from one
//! pass over the words of the bit sets.

use gantry_asset::vocabulary;
use tantivy::SegmentReader;

use crate::bits::{Bits, OnesOf};
use crate::error::SearchError;
use crate::language::{Parsed, shown};
use crate::query::{Collapse, Query};
use crate::schema::{NO_TIME, fields};
use crate::segment::Segment;
use crate::sky::search::Sought;
use crate::snapshot::Snapshot;
use crate::synonyms::synonyms;

/// The condition of one facet field.
pub(crate) struct FieldFilter {
    /// Its place in the vocabulary.
    pub(crate) field: usize,
    table: Vec<bool>,
    /// Whether it leaves out the field's hidden values, rather than keeping selected ones.
    pub(crate) hides: bool,
    /// Selected values, the unknown included.
    pub(crate) selected: Vec<String>,
}

/// A condition from the query's text, which counts for its own field too.
struct Condition {
    field: usize,
    table: Vec<bool>,
    negated: bool,
}

/// Which series have all the words, by their numbers in the facet field `series`.
struct Answering {
    field: usize,
    table: Vec<bool>,
}

/// All conditions beside the words.
pub(crate) struct Filters<'a> {
    /// Selected facets and hidden values, by field.
    pub(crate) by_field: Vec<FieldFilter>,
    conditions: Vec<Condition>,
    time: Option<(i64, i64)>,
    days: Option<(i64, i64)>,
    /// Regions of the sky and of the Earth that the coverage must meet.
    regions: Vec<Sought<'a>>,
    collapse: Collapse,
    /// Series that answer the words themselves, and so stand for their members; all do when there are no words.
    answering: Option<Answering>,
    /// Whether a facet was selected that does not exist, so that nothing is found.
    impossible: bool,
}

/// The documents of a segment that count.
pub(crate) struct Matched {
    /// Those that meet every condition.
    pub(crate) hits: Bits,
    /// Per entry of [`Filters::by_field`], those that meet all other conditions.
    pub(crate) beside: Vec<Bits>,
}

impl<'a> Filters<'a> {
    pub(crate) fn new(snapshot: &Snapshot, query: &'a Query, parsed: &mut Parsed) -> Self {
        let mut filters = Self {
            by_field: Vec::new(),
            conditions: conditions(snapshot, parsed),
            time: query
                .time
                .map(|(from, to)| (from.timestamp_micros(), to.timestamp_micros())),
            days: query
                .days
                .map(|days| (days.first.number().into(), days.last.number().into())),
            regions: regions(query),
            collapse: query.collapse,
            answering: None,
            impossible: false,
        };
        for facet in &query.facets {
            match snapshot.field(&facet.field) {
                Some(field) => filters.select(snapshot, field, &facet.path),
                None => {
                    filters.impossible = true;
                    parsed
                        .notes
                        .push(format!("`{}` is no facet, so nothing has it", facet.field));
                }
            }
        }
        filters.hide(snapshot, parsed);
        filters
    }

    /// Lets only those series stand for their members that are among `with_words`, the documents with all the words, by
    /// segment. The words told which members were meant where their series does not have them.
    pub(crate) fn fold_by_words(&mut self, snapshot: &Snapshot, with_words: &[Bits]) {
        let Some(field) = snapshot.field("series") else {
            return;
        };
        let mut counts = vec![0; snapshot.dictionaries[field].len()];
        for (segment, with_words) in snapshot.segments.iter().zip(with_words) {
            let mut series = segment.fixed.series.clone();
            series.and(with_words);
            series.and(&segment.alive);
            let docs: Vec<u32> = series.iter().collect();
            segment.fixed.columns[field].count(&docs, &mut counts);
        }
        let table = counts.into_iter().map(|count| count > 0).collect();
        self.answering = Some(Answering { field, table });
    }

    /// The documents of a word of the bit sets that another one stands for.
    fn folded(&self, segment: &Segment, word: usize) -> u64 {
        match (self.collapse, &self.answering) {
            (Collapse::None, _) => segment.fixed.series.words()[word],
            (Collapse::Series, None) => segment.fixed.members.words()[word],
            (Collapse::Series, Some(answering)) => segment.fixed.columns[answering.field].matching(
                &answering.table,
                word,
                segment.fixed.members.words()[word],
            ),
        }
    }

    fn select(&mut self, snapshot: &Snapshot, field: usize, path: &str) {
        let dictionary = &snapshot.dictionaries[field];
        let at = self
            .by_field
            .iter()
            .position(|filter| filter.field == field)
            .unwrap_or_else(|| {
                let table = vec![false; dictionary.len()];
                self.by_field.push(FieldFilter {
                    field,
                    table,
                    hides: false,
                    selected: Vec::new(),
                });
                self.by_field.len() - 1
            });
        let filter = &mut self.by_field[at];
        if let Some(range) = dictionary.in_range(path) {
            for number in range {
                filter.table[number] = true;
                filter.selected.push(dictionary.value(number).to_owned());
            }
            return;
        }
        if let Some(number) = dictionary.number(path) {
            filter.table[number as usize] = true;
        }
        filter.selected.push(path.to_owned());
    }

    /// Leaves out what the vocabulary hides, in fields nobody asked about.
    fn hide(&mut self, snapshot: &Snapshot, parsed: &Parsed) {
        for (field, described) in vocabulary().fields.iter().enumerate() {
            let is_selected = self.by_field.iter().any(|filter| filter.field == field);
            let is_asked = parsed
                .fields
                .iter()
                .any(|word| word.field == field && !word.negated)
                || synonyms().asks_for(&described.name, &parsed.typed);
            if described.hidden_values.is_empty() || is_selected || is_asked {
                continue;
            }
            let dictionary = &snapshot.dictionaries[field];
            let mut table = vec![false; dictionary.len()];
            let hidden = described
                .hidden_values
                .iter()
                .filter_map(|value| dictionary.number(value));
            hidden.for_each(|number| table[number as usize] = true);
            self.by_field.push(FieldFilter {
                field,
                table,
                hides: true,
                selected: Vec::new(),
            });
        }
    }

    /// The documents of a segment that meet all regions, deleted ones included; `None` without regions.
    pub(crate) fn in_regions(
        &self,
        segment: &Segment,
        reader: &SegmentReader,
    ) -> Result<Option<Bits>, SearchError> {
        let mut all: Option<Bits> = None;
        for region in &self.regions {
            let mut found = region
                .find(reader)
                .map_err(SearchError::engine("look up a region"))?;
            if region.is_of_sky() {
                found.or(&segment.fixed.all_sky);
            }
            match &mut all {
                Some(all) => all.and(&found),
                None => all = Some(found),
            }
        }
        Ok(all)
    }

    /// The documents of a segment that count; `exact` are those asked for by name, which nothing hides.
    pub(crate) fn apply(
        &self,
        segment: &Segment,
        text: Option<&Bits>,
        regions: Option<&Bits>,
        exact: &Bits,
    ) -> Matched {
        let n = segment.fixed.n_docs;
        let mut matched = Matched {
            hits: Bits::none(n),
            beside: vec![Bits::none(n); self.by_field.len()],
        };
        if self.impossible {
            return matched;
        }
        let mut masks = vec![0; self.by_field.len()];
        for word in 0..segment.alive.words().len() {
            let exact = exact.words()[word];
            let mut among = segment.alive.words()[word] & (!self.folded(segment, word) | exact);
            for set in [text, regions].into_iter().flatten() {
                among &= set.words()[word];
            }
            among = self.meeting_conditions(segment, word, among);
            if among == 0 {
                continue;
            }
            let mut all = among;
            for (mask, filter) in masks.iter_mut().zip(&self.by_field) {
                let found =
                    segment.fixed.columns[filter.field].matching(&filter.table, word, among);
                *mask = if filter.hides { !found | exact } else { found };
                all &= *mask;
            }
            matched.hits.words_mut()[word] = all;
            for (at, beside) in matched.beside.iter_mut().enumerate() {
                let others = masks.iter().enumerate().filter(|(other, _)| *other != at);
                beside.words_mut()[word] = others.fold(among, |set, (_, mask)| set & mask);
            }
        }
        matched
    }

    fn meeting_conditions(&self, segment: &Segment, word: usize, mut among: u64) -> u64 {
        for condition in &self.conditions {
            let found =
                segment.fixed.columns[condition.field].matching(&condition.table, word, among);
            among &= if condition.negated { !found } else { found };
        }
        let base = u32::try_from(word * 64).expect("documents are numbered by u32");
        let fixed = &segment.fixed;
        if let Some((from, to)) = self.time {
            among = kept(among, |at| {
                let (start, end) = (fixed.start.get_val(base + at), fixed.end.get_val(base + at));
                start != NO_TIME && start < to && (end > from || start == end && start >= from)
            });
        }
        if let Some((first, last)) = self.days {
            among = kept(among, |at| {
                let start = fixed.first_day.get_val(base + at);
                start != NO_TIME && start <= last && fixed.last_day.get_val(base + at) >= first
            });
        }
        among
    }
}

/// The bits of a word that meet a condition.
fn kept(word: u64, meets: impl Fn(u32) -> bool) -> u64 {
    OnesOf { word, base: 0 }
        .filter(|at| meets(*at))
        .fold(0, |bits, at| bits | 1 << at)
}

fn regions(query: &Query) -> Vec<Sought<'_>> {
    let sky = query.pos.iter().map(|region| (region, fields().sky));
    let places = query.near.iter().chain(&query.bbox);
    sky.chain(places.map(|region| (region, fields().place)))
        .map(|(region, fields)| Sought::new(region, fields))
        .collect()
}

fn conditions(snapshot: &Snapshot, parsed: &mut Parsed) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for word in &parsed.fields {
        let dictionary = &snapshot.dictionaries[word.field];
        let numbers = dictionary
            .in_range(&word.typed)
            .unwrap_or_else(|| dictionary.meant_by(&word.typed, word.is_prefix));
        if numbers.is_empty() {
            parsed.notes.push(format!(
                "no `{}` is called {}",
                dictionary.field.name,
                shown(&word.typed)
            ));
        }
        let mut table = vec![false; dictionary.len()];
        numbers.into_iter().for_each(|number| table[number] = true);
        conditions.push(Condition {
            field: word.field,
            table,
            negated: word.negated,
        });
    }
    conditions
}
