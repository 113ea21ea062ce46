//! Which documents count, and for which facet fields.
//!
//! Within a field selections are OR, between fields AND, and the counts of a field ignore its own selection. A document
//! that fails no field counts everywhere, one that fails a single field counts for that field alone; both come from
//! the same sets, one for each field's condition.

use std::sync::Arc;

use gantry_asset::vocabulary;
use tantivy::SegmentReader;

use crate::bits::Bits;
use crate::error::SearchError;
use crate::facets::Dictionary;
use crate::language::{Parsed, shown};
use crate::meet::{Condition, met};
use crate::query::{Collapse, Query};
use crate::schema::fields;
use crate::segment::Segment;
use crate::sky::search::Sought;
use crate::snapshot::Snapshot;
use crate::synonyms::synonyms;

/// The most values named in place of one that there is not.
const MOST_MEANT: usize = 3;

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
struct Said {
    field: usize,
    table: Vec<bool>,
    negated: bool,
}

/// Which series have all the words, by their numbers in the facet field `series`.
struct Answering {
    field: usize,
    table: Vec<bool>,
}

/// What has changed since a change of the catalogue.
struct Changed {
    after: u64,
    /// Where the field `series` stands, and of which series members have.
    series: Option<(usize, Vec<bool>)>,
}

impl Changed {
    fn of(snapshot: &Snapshot, after: u64) -> Self {
        let of_members = |field: usize| {
            let mut counts = vec![0; snapshot.dictionaries[field].len()];
            for segment in &snapshot.segments {
                let mut members = segment.fixed.members.clone();
                members.and(&segment.alive);
                let changed = segment.fixed.changed(after, &members);
                let changed: Vec<u32> = changed.iter().collect();
                segment.fixed.columns[field].count(&changed, &mut counts);
            }
            (field, counts.into_iter().map(|n| n > 0).collect())
        };
        let series = snapshot.field("series").map(of_members);
        Self { after, series }
    }

    /// Those of some documents that have changed, or stand for one that has.
    fn among(&self, segment: &Segment, among: &Bits) -> Bits {
        let fixed = &segment.fixed;
        let mut changed = fixed.changed(self.after, among);
        if let Some((field, has_changed)) = &self.series {
            let mut series = fixed.series.clone();
            series.and(among);
            let column = &fixed.columns[*field];
            changed.or(&column.matching(&column.asked(has_changed), &series));
        }
        changed
    }
}

/// All conditions beside the words.
pub(crate) struct Filters<'a> {
    /// Selected facets and hidden values, by field.
    pub(crate) by_field: Vec<FieldFilter>,
    conditions: Vec<Said>,
    time: Option<(i64, i64)>,
    days: Option<(i64, i64)>,
    changed: Option<Changed>,
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
    pub(crate) hits: Arc<Bits>,
    /// How many those are.
    pub(crate) n_hits: u64,
    /// Per entry of [`Filters::by_field`], those that meet all other conditions.
    pub(crate) beside: Vec<Arc<Bits>>,
}

impl Matched {
    /// Whether a filter leaves out any.
    pub(crate) fn has_beside(&self, at: usize) -> bool {
        !Arc::ptr_eq(&self.beside[at], &self.hits)
    }

    /// How many documents meet all conditions but one.
    pub(crate) fn n_beside(&self, at: usize) -> u64 {
        match self.has_beside(at) {
            true => self.beside[at].count(),
            false => self.n_hits,
        }
    }
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
            changed: query
                .changed_after
                .map(|after| Changed::of(snapshot, after)),
            regions: regions(query),
            collapse: query.collapse,
            answering: None,
            impossible: false,
        };
        for facet in &query.facets {
            match snapshot.field(&facet.field) {
                Some(field) => {
                    filters.select(snapshot, field, &facet.path);
                    parsed
                        .notes
                        .extend(unknown_value(&snapshot.dictionaries[field], &facet.path));
                }
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

    /// Leaves out the documents that another one stands for.
    fn fold(&self, segment: &Segment, exact: &Bits, among: &mut Bits) {
        let fixed = &segment.fixed;
        let answered;
        let folded = match (self.collapse, &self.answering) {
            (Collapse::None, _) => &fixed.series,
            (Collapse::Series, None) => &fixed.members,
            (Collapse::Series, Some(answering)) => {
                let column = &fixed.columns[answering.field];
                answered = column.matching(&column.asked(&answering.table), &fixed.members);
                &answered
            }
        };
        if exact.is_empty() {
            among.without(folded);
        } else {
            let mut folded = folded.clone();
            folded.without(exact);
            among.without(&folded);
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
        if self.impossible {
            let none = Arc::new(Bits::none(segment.fixed.n_docs));
            return Matched {
                beside: vec![Arc::clone(&none); self.by_field.len()],
                hits: none,
                n_hits: 0,
            };
        }
        let mut among = segment.alive.clone();
        self.fold(segment, exact, &mut among);
        text.into_iter()
            .chain(regions)
            .for_each(|set| among.and(set));
        self.meet_conditions(segment, &mut among);
        let condition = |filter: &FieldFilter| filter.condition(segment, &among, exact);
        let each: Vec<Option<Condition>> = self.by_field.iter().map(condition).collect();
        let has_any: Vec<bool> = each.iter().map(Option::is_some).collect();
        let conditions: Vec<Condition> = each.into_iter().flatten().collect();
        let (hits, others) = met(among, &conditions);
        let (hits, mut others) = (Arc::new(hits), others.into_iter().map(Arc::new));
        let mut beside = |has_any| match has_any {
            true => others.next().unwrap_or_default(),
            false => Arc::clone(&hits),
        };
        Matched {
            beside: has_any.into_iter().map(&mut beside).collect(),
            n_hits: hits.count(),
            hits,
        }
    }

    fn meet_conditions(&self, segment: &Segment, among: &mut Bits) {
        let fixed = &segment.fixed;
        for condition in &self.conditions {
            let column = &fixed.columns[condition.field];
            let found = column.matching(&column.asked(&condition.table), among);
            match condition.negated {
                true => among.without(&found),
                false => *among = found,
            }
        }
        if let Some(time) = self.time {
            *among = fixed.time.meeting(time, among);
        }
        if let Some(days) = self.days {
            *among = fixed.days.meeting(days, among);
        }
        if let Some(changed) = &self.changed {
            *among = changed.among(segment, among);
        }
    }
}

impl FieldFilter {
    /// What it asks of the documents, of some at least; `None` when all meet it.
    fn condition(&self, segment: &Segment, among: &Bits, exact: &Bits) -> Option<Condition> {
        let mut set = segment.fixed.with_value(self.field, &self.table, among);
        if self.hides && set.is_empty() {
            return None;
        }
        if self.hides && !exact.is_empty() {
            Arc::make_mut(&mut set).without(exact);
        }
        Some(Condition {
            set,
            negated: self.hides,
        })
    }
}

/// Says that no value of a field is called so, and which may be meant; nothing where one is, or it is a range.
fn unknown_value(dictionary: &Dictionary, path: &str) -> Option<String> {
    if dictionary.number(path).is_some() || dictionary.in_range(path).is_some() {
        return None;
    }
    let field = &dictionary.field.name;
    let meant = dictionary
        .meant_by(path, false)
        .into_iter()
        .take(MOST_MEANT);
    let meant = meant.map(|number| format!("`{}`", dictionary.value(number)));
    let meant = meant.collect::<Vec<_>>();
    let meant = match meant.as_slice() {
        [] => String::new(),
        some => format!("; there is {}", some.join(", ")),
    };
    Some(format!("no `{field}` is called {}{meant}", shown(path)))
}

fn regions(query: &Query) -> Vec<Sought<'_>> {
    let sky = query.pos.iter().map(|region| (region, fields().sky));
    let places = query.near.iter().chain(&query.bbox);
    sky.chain(places.map(|region| (region, fields().place)))
        .map(|(region, fields)| Sought::new(region, fields))
        .collect()
}

fn conditions(snapshot: &Snapshot, parsed: &mut Parsed) -> Vec<Said> {
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
        conditions.push(Said {
            field: word.field,
            table,
            negated: word.negated,
        });
    }
    conditions
}
