//! The counts of facet values among the results.

use gantry_asset::vocabulary;

use crate::execute::Run;
use crate::facets::{Dictionary, ToCount};
use crate::query::{FacetCount, FieldCounts, MOST_VALUES};
use crate::text::fold;

impl Run<'_> {
    /// The counts of one field, all values or the first.
    pub(crate) fn counts(
        &self,
        field: usize,
        most: usize,
        contains: Option<&str>,
    ) -> Vec<FacetCount> {
        let dictionary = &self.snapshot.dictionaries[field];
        let filter = self
            .filters
            .by_field
            .iter()
            .position(|filter| filter.field == field);
        let mut counts = vec![0_u64; dictionary.len()];
        for (segment, here) in self.snapshot.segments.iter().zip(&self.segments) {
            let (column, totals) = (&segment.fixed.columns[field], &segment.totals[field]);
            match filter {
                Some(at) => ToCount::new(&here.matched.beside[at], &segment.alive).count(
                    column,
                    totals,
                    &mut counts,
                ),
                None => here
                    .hits_to_count
                    .get_or_init(|| ToCount::new(&here.matched.hits, &segment.alive))
                    .count(column, totals, &mut counts),
            }
        }
        let selected = filter.map_or(&[][..], |at| &self.filters.by_field[at].selected);
        let mut values = listed(dictionary, &counts, selected);
        if let Some(wanted) = contains.map(fold) {
            let holds = |text: &str| fold(text).contains(&wanted);
            values.retain(|value| holds(&value.label) || holds(&value.path));
        }
        let mut n_left = most;
        values.retain(|value| {
            let stays = value.selected || n_left > 0;
            n_left = n_left.saturating_sub(1);
            stays
        });
        values
    }

    /// The counts of the fields asked for, or of the default ones.
    pub(crate) fn all_counts(&self) -> Vec<FieldCounts> {
        let wanted = |name: &str, default: bool| {
            self.query
                .fields
                .as_ref()
                .map_or(default, |fields| fields.iter().any(|field| field == name))
        };
        let fields = vocabulary()
            .fields
            .iter()
            .enumerate()
            .filter(|(_, field)| wanted(&field.name, field.default));
        fields
            .map(|(at, field)| FieldCounts {
                field: field.name.clone(),
                values: self.counts(at, MOST_VALUES, None),
            })
            .collect()
    }
}

/// The values that count something or are selected, in the order of the vocabulary.
fn listed(dictionary: &Dictionary, counts: &[u64], selected: &[String]) -> Vec<FacetCount> {
    let known = dictionary
        .iter()
        .map(|(number, value)| (value, counts[number]));
    let unknown = selected
        .iter()
        .filter(|value| dictionary.number(value).is_none());
    let mut values: Vec<FacetCount> = known
        .chain(unknown.map(|value| (value.as_str(), 0)))
        .map(|(path, count)| (path, count, selected.iter().any(|one| one == path)))
        .filter(|(_, count, selected)| *count > 0 || *selected)
        .map(|(path, count, selected)| {
            let label = dictionary.field.label_of(path);
            FacetCount {
                path: path.to_owned(),
                label,
                count,
                selected,
            }
        })
        .collect();
    values.sort_by(|a, b| {
        dictionary
            .field
            .compare((&a.path, a.count), (&b.path, b.count))
    });
    values.dedup_by(|a, b| a.path == b.path);
    values
}
