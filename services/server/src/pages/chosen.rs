//! What is chosen in a search beside its words: how it stands in forms and addresses, and how it is taken back.

use gantry_asset::{FacetPath, vocabulary};

use super::shell::Pair;
use crate::search_query::SearchParams;
use crate::words::{Said, t};

/// Something chosen, and the address without it.
pub(super) struct Chip {
    pub(super) label: String,
    pub(super) href: String,
}

/// The fields of the search form beside its words.
pub(super) struct Where {
    pub(super) time: String,
    pub(super) days: String,
    pub(super) pos: String,
    pub(super) galactic: bool,
    pub(super) near: String,
    pub(super) bbox: String,
    pub(super) open: bool,
}

impl Where {
    pub(super) fn of(params: &SearchParams) -> Self {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let SearchParams {
            time,
            days,
            pos,
            near,
            bbox,
            ..
        } = params;
        Self {
            time: text(time),
            days: text(days),
            pos: text(pos),
            galactic: params.frame.as_deref() == Some("galactic"),
            near: text(near),
            bbox: text(bbox),
            open: [time, days, pos, near, bbox]
                .into_iter()
                .any(Option::is_some),
        }
    }
}

/// All that is chosen: facets, then time, days and places.
pub(super) fn chips(params: &SearchParams) -> Vec<Chip> {
    let facets = params.facet.iter().filter_map(|text| chip(params, text));
    let since = params.since.map(|_| Chip {
        label: t("new since last time").into(),
        href: address(&SearchParams {
            since: None,
            ..params.clone()
        }),
    });
    facets.chain(bounds(params)).chain(since).collect()
}

/// The search with its words alone.
pub(super) fn bare(params: &SearchParams) -> SearchParams {
    SearchParams {
        q: params.q.clone(),
        sort: params.sort.clone(),
        collapse: params.collapse.clone(),
        view: params.view.clone(),
        ..SearchParams::default()
    }
}

fn bounds(params: &SearchParams) -> Vec<Chip> {
    let galactic = match params.frame.as_deref() {
        Some("galactic") => format!(" ({})", t("galactic")),
        _ => String::new(),
    };
    let mut chips = Vec::new();
    let mut add = |name: Said, value: &Option<String>, more: &str, without: SearchParams| {
        if let Some(value) = value {
            chips.push(Chip {
                label: format!("{name} › {value}{more}"),
                href: address(&without),
            });
        }
    };
    let all = || params.clone();
    add(
        t("Time"),
        &params.time,
        "",
        SearchParams {
            time: None,
            ..all()
        },
    );
    add(
        t("Days"),
        &params.days,
        "",
        SearchParams {
            days: None,
            ..all()
        },
    );
    let sky = SearchParams {
        pos: None,
        frame: None,
        ..all()
    };
    add(t("Sky"), &params.pos, &galactic, sky);
    add(
        t("Near"),
        &params.near,
        " km",
        SearchParams {
            near: None,
            ..all()
        },
    );
    add(
        t("Box"),
        &params.bbox,
        "",
        SearchParams {
            bbox: None,
            ..all()
        },
    );
    chips
}

/// The address of a search from its first page on.
pub(super) fn address(params: &SearchParams) -> String {
    let text = params.to_text();
    if text.is_empty() {
        "/".to_owned()
    } else {
        format!("/?{text}")
    }
}

pub(super) fn with_facets(params: &SearchParams, facet: Vec<String>) -> String {
    address(&SearchParams {
        facet,
        ..params.clone()
    })
}

pub(super) fn hidden(params: &SearchParams, without: &[&str]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (name, value) in [
        ("q", &params.q),
        ("time", &params.time),
        ("days", &params.days),
        ("pos", &params.pos),
        ("frame", &params.frame),
        ("near", &params.near),
        ("bbox", &params.bbox),
        ("sort", &params.sort),
        ("collapse", &params.collapse),
        ("view", &params.view),
    ] {
        // The search form has fields of its own for time, days and places.
        let in_form = !matches!(name, "sort" | "collapse" | "view") && without.contains(&"q");
        let own = without.contains(&name) || in_form;
        if let Some(value) = value.as_ref().filter(|_| !own) {
            pairs.push(Pair::new(name, value.clone()));
        }
    }
    pairs.extend(
        params
            .since
            .map(|since| Pair::new("since", since.to_string())),
    );
    pairs.extend(
        params
            .facet
            .iter()
            .map(|facet| Pair::new("facet", facet.clone())),
    );
    pairs
}

pub(super) fn toggled(params: &SearchParams, text: &str, selected: bool) -> String {
    let mut facets: Vec<String> = params
        .facet
        .iter()
        .filter(|facet| facet.as_str() != text)
        .cloned()
        .collect();
    if !selected {
        facets.push(text.to_owned());
    }
    with_facets(params, facets)
}

pub(super) fn chip(params: &SearchParams, text: &str) -> Option<Chip> {
    let facet = FacetPath::parse(text)?;
    let field = vocabulary().field(&facet.field)?;
    Some(Chip {
        label: format!("{} › {}", field.label, field.label_of(&facet.path)),
        href: toggled(params, text, true),
    })
}
