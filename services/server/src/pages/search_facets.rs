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

pub(super) fn group(params: &SearchParams, counts: &FieldCounts) -> FacetGroup {
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
