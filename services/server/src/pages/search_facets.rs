//! The facets beside a search.

use gantry_asset::vocabulary;
use gantry_search::FieldCounts;

use super::chosen::{toggled, with_facets};
use super::shell::Link;
use crate::format;
use crate::search_query::SearchParams;
use crate::words::tn;

/// So many values of a facet are shown at first.
const VALUES: usize = 8;

/// A field with its first values.
pub(super) struct FacetGroup {
    pub(super) field: String,
    pub(super) label: String,
    pub(super) values: Vec<FacetValue>,
    pub(super) more_href: Option<String>,
}

/// A value, to be chosen or let go.
pub(super) struct FacetValue {
    pub(super) label: String,
    pub(super) count: String,
    pub(super) selected: bool,
    pub(super) href: String,
    pub(super) share: u8,
    pub(super) depth: u8,
}

/// The fields that the page counts: all but series, which stand in the list itself.
pub(super) fn fields_shown() -> Vec<String> {
    let fields = vocabulary().fields.iter();
    let fields = fields.filter(|field| field.name != "series");
    fields.map(|field| field.name.clone()).collect()
}

/// The fields with values: those people look for first or have chosen from, and the others.
pub(super) fn groups(
    params: &SearchParams,
    counts: &[FieldCounts],
) -> (Vec<FacetGroup>, Vec<FacetGroup>) {
    let is_first = |field: &&FieldCounts| {
        let described = vocabulary().field(&field.field);
        let is_asked = params.facets.is_some() || described.is_some_and(|field| field.default);
        is_asked || field.values.iter().any(|value| value.selected)
    };
    let some = counts.iter().filter(|field| !field.values.is_empty());
    let (first, rest): (Vec<_>, Vec<_>) = some.partition(is_first);
    let groups = |fields: Vec<&FieldCounts>| {
        fields
            .into_iter()
            .map(|field| group(params, field))
            .collect()
    };
    (groups(first), groups(rest))
}

fn group(params: &SearchParams, counts: &FieldCounts) -> FacetGroup {
    let field = vocabulary().field(&counts.field);
    let most = counts
        .values
        .iter()
        .map(|value| value.count)
        .max()
        .unwrap_or(1)
        .max(1);
    let shown = counts
        .values
        .iter()
        .enumerate()
        .filter(|(n, value)| *n < VALUES || value.selected);
    let values: Vec<FacetValue> = shown
        .map(|(_, value)| {
            let text = format!("{}/{}", counts.field, value.path);
            FacetValue {
                label: value.label.clone(),
                count: format::count(value.count),
                selected: value.selected,
                href: toggled(params, &text, value.selected),
                share: format::percent(value.count, most),
                depth: depth_of(&value.path),
            }
        })
        .collect();
    let more = values.len() < counts.values.len();
    FacetGroup {
        field: counts.field.clone(),
        label: field.map_or_else(|| counts.field.clone(), |field| field.label.clone()),
        more_href: more.then(|| {
            let search = format::encode(&params.to_text());
            format!("/facets/{}?search={search}", counts.field)
        }),
        values,
    }
}

/// How far below the top of its tree a value stands, as far as that is shown.
pub(super) fn depth_of(path: &str) -> u8 {
    u8::try_from(path.matches('/').count()).unwrap_or(3).min(3)
}

/// What is hidden by default, one click away.
pub(super) fn simulations(params: &SearchParams, counts: &[FieldCounts]) -> Option<Link> {
    if params
        .facet
        .iter()
        .any(|facet| facet.starts_with("provenance/"))
    {
        return None;
    }
    let field = counts.iter().find(|field| field.field == "provenance")?;
    let hidden = field
        .values
        .iter()
        .find(|value| value.path == "simulated" && value.count > 0)?;
    let facets = params
        .facet
        .iter()
        .cloned()
        .chain(["provenance/simulated".to_owned()])
        .collect();
    let text = tn(
        "{n} simulation is hidden",
        "{n} simulations are hidden",
        hidden.count,
    );
    Some(Link::new(text, with_facets(params, facets)))
}
