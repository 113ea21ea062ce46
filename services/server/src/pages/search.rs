//! The search page.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use gantry_search::{Counted, Found, Query};
use serde_json::Value;

use super::chosen::{Chip, Where, address, bare, chips, hidden};
use super::maps::{self, EarthMap, SkyMap};
use super::page;
use super::search_facets::{FacetGroup, fields_shown, groups, simulations};
use super::shell::{Link, Pair, Shell, VolumeChoice, volume_choices};
use crate::app::App;
use crate::extract::FromQuery;
use crate::format;
use crate::identity::Caller;
use crate::problem::Problem;
use crate::proposals::Proposed;
use crate::rest::blocking;
use crate::search_query::SearchParams;
use crate::words::{Said, filters, t, tn};

#[derive(Template)]
#[template(path = "search.html")]
struct SearchPage {
    shell: Shell,
    q: String,
    keep: Vec<Pair>,
    chosen: Where,
    tries: Vec<Link>,
    facets: Vec<FacetGroup>,
    /// Fields that people seldom look for first, closed.
    more_facets: Vec<FacetGroup>,
    chips: Vec<Chip>,
    clear_href: Option<String>,
    sorts: Vec<SortChoice>,
    sort_keep: Vec<Pair>,
    total: String,
    of: String,
    counted: &'static str,
    took_ms: String,
    collapse_href: Option<String>,
    notes: Vec<String>,
    meant: Option<Link>,
    /// Whether a region may be told by the name of an object.
    looks_up_names: bool,
    proposed: Option<Proposed>,
    hits: Vec<Hit>,
    /// The search, for who can save it.
    save: Option<String>,
    downloads: Vec<Link>,
    first_href: Option<String>,
    next: Option<String>,
    simulations: Option<Link>,
    suggestions: Vec<Link>,
    take_all: Option<String>,
    sky: Option<SkyMap>,
    earth: Option<EarthMap>,
    cards: bool,
    view_href: String,
    volumes: Vec<VolumeChoice>,
}

struct SortChoice {
    value: String,
    label: String,
    selected: bool,
}

struct Hit {
    id: String,
    title: Vec<TitlePart>,
    title_text: String,
    href: String,
    name: String,
    facts: String,
    note: Option<String>,
    size: String,
    size_bytes: String,
    state: Option<String>,
    simulated: bool,
}

struct TitlePart {
    text: String,
    mark: bool,
}

const TRIES: [&str; 5] = [
    "100 GHz",
    "common mask",
    "BRUX 2023 001",
    "gaia xp spectra",
    "final orbits",
];
const TAKE_MAX: u64 = 100_000;

pub(crate) async fn show(
    State(app): State<App>,
    caller: Option<Caller>,
    FromQuery(mut params): FromQuery<SearchParams>,
) -> Result<Response, Problem> {
    let chosen = Where::of(&params);
    // The words and facets are worth an answer without what cannot be read.
    let mut left_out = params.leave_out_unread();
    let located = match params.locate(&app.names).await {
        Ok(located) => located,
        Err(problem) => {
            params.pos = None;
            left_out.push(("pos", problem.detail));
            None
        }
    };
    let query = params.query()?;
    let query = Query {
        limit: params.limit.unwrap_or(20).min(100) as usize,
        spots: true,
        fields: query.fields.or_else(|| Some(fields_shown())),
        ..query
    };
    let mut found = blocking(&app, move |app| app.index.search(&query)).await??;
    found.notes.extend(located);
    found.notes.extend(left_out.iter().map(|(name, reason)| {
        let note = t("{what} is left out: {reason}").with("what", format!("`{name}`"));
        note.with("reason", reason).to_string()
    }));
    let title = params
        .q
        .clone()
        .filter(|q| !q.is_empty())
        .unwrap_or_else(|| t("Search").into());
    let shell = Shell::new(&app, caller.as_ref(), "search", title).await?;
    let volumes = volume_choices(&app, caller.as_ref(), None).await?;
    let mut shown = search_page(&app, &params, found, shell, volumes);
    shown.chosen = chosen;
    page(&shown)
}

fn search_page(
    app: &App,
    params: &SearchParams,
    found: Found,
    shell: Shell,
    volumes: Vec<VolumeChoice>,
) -> SearchPage {
    let words: Vec<String> = params
        .q
        .iter()
        .flat_map(|q| q.split_whitespace())
        .map(str::to_lowercase)
        .collect();
    let simulations = simulations(params, &found.facets);
    let chips = chips(params);
    let (facets, more_facets) = groups(params, &found.facets);
    let spots = found.spots.as_ref();
    SearchPage {
        q: params.q.clone().unwrap_or_default(),
        keep: hidden(params, &["q"]),
        chosen: Where::of(params),
        tries: tries(),
        facets,
        more_facets,
        clear_href: (!chips.is_empty()).then(|| address(&bare(params))),
        chips,
        sorts: sorts(params),
        sort_keep: hidden(params, &["sort"]),
        total: format::count(found.total),
        of: format::count(app.index.n_assets()),
        counted: if found.counted == Counted::Series {
            "series"
        } else {
            "assets"
        },
        took_ms: found.took.as_millis().to_string(),
        collapse_href: collapse(params, &found),
        notes: notes(&found, simulations.is_some()),
        meant: found.meant.as_ref().map(|q| meant(params, q)),
        looks_up_names: app.config.names.url.is_some(),
        proposed: proposed(app, &found),
        hits: found
            .hits
            .iter()
            .filter_map(|hit| hit_card(&words, hit.view.get()))
            .collect(),
        downloads: downloads(params),
        save: shell.user.as_ref().and_then(|_| to_save(params)),
        first_href: params.after.as_ref().map(|_| address(params)),
        next: found
            .next
            .as_ref()
            .map(|after| params.page_after("/", after)),
        simulations,
        suggestions: suggestions(params, found.total),
        take_all: (1..=TAKE_MAX)
            .contains(&found.total)
            .then(|| params.to_text()),
        sky: spots.and_then(|spots| maps::sky(spots, found.total)),
        earth: spots.and_then(|spots| maps::earth(spots, found.total, params)),
        cards: params.is_cards(),
        view_href: other_view(params),
        shell,
        volumes,
    }
}

/// The same search with its hits as cards, or as a list again.
fn other_view(params: &SearchParams) -> String {
    address(&SearchParams {
        view: (!params.is_cards()).then(|| "cards".to_owned()),
        ..params.clone()
    })
}

/// The search as it would be saved; none where everything is searched for.
fn to_save(params: &SearchParams) -> Option<String> {
    let text = SearchParams {
        since: None,
        view: None,
        ..params.clone()
    }
    .to_text();
    Some(text).filter(|text| !text.is_empty())
}

fn proposed(app: &App, found: &Found) -> Option<Proposed> {
    let proposal = found.proposal.as_ref()?;
    Proposed::of(app, proposal)
}

fn tries() -> Vec<Link> {
    let link = |text: &&str| Link::new(*text, format!("/?q={}", format::encode(text)));
    TRIES.iter().map(link).collect()
}

fn sorts(params: &SearchParams) -> Vec<SortChoice> {
    let chosen = params.sort.as_deref().unwrap_or("relevance");
    let sorts = [
        ("relevance", t("Most relevant")),
        ("newest", t("Newest")),
        ("time", t("Time covered")),
        ("title", t("Title")),
        ("size", t("Largest")),
    ];
    let sort = |(value, label): (&str, Said)| SortChoice {
        value: value.to_owned(),
        label: label.into(),
        selected: chosen == value,
    };
    sorts.into_iter().map(sort).collect()
}

/// The notes but for the one that is a link here.
fn notes(found: &Found, tells_simulations: bool) -> Vec<String> {
    let is_told = |note: &&String| {
        let is_meant = found.meant.is_some() && note.starts_with("did you mean ");
        is_meant || tells_simulations && note.contains("`provenance/simulated` are left out")
    };
    let rest = found.notes.iter().filter(|note| !is_told(note));
    rest.cloned().collect()
}

/// The same search with words that may have been meant.
fn meant(params: &SearchParams, q: &str) -> Link {
    let meant = SearchParams {
        q: Some(q.to_owned()),
        ..params.clone()
    };
    Link::new(q, address(&meant))
}

/// Where members of series are shown one by one, or folded again; nowhere when there are none.
fn collapse(params: &SearchParams, found: &Found) -> Option<String> {
    let folded = found.counted == Counted::Series;
    let has_series = found.hits.iter().any(|hit| {
        let view = hit.view.get();
        view.contains("\"members\":") || view.contains("\"series\":\"")
    });
    let other = Some("none".to_owned()).filter(|_| folded);
    let is_everything = params.q.is_none() && params.facet.is_empty();
    (has_series || is_everything).then(|| {
        address(&SearchParams {
            collapse: other,
            ..params.clone()
        })
    })
}

/// All matches as files.
fn downloads(params: &SearchParams) -> Vec<Link> {
    let formats = [
        ("CSV", "csv"),
        ("VOTable", "votable"),
        ("JSON Lines", "jsonl"),
    ];
    let link = |(label, format): (&str, &str)| {
        let asked = format!("/api/v1/assets?{}&format={format}", params.to_text());
        Link::new(label, asked.replace("?&", "?"))
    };
    formats.into_iter().map(link).collect()
}

fn suggestions(params: &SearchParams, total: u64) -> Vec<Link> {
    if total > 0 {
        return Vec::new();
    }
    let chips = chips(params);
    let all =
        (!chips.is_empty()).then(|| Link::new(t("without any filter"), address(&bare(params))));
    let without = chips.into_iter().map(|chip| {
        let text = t("without {filter}").with("filter", &chip.label);
        Link::new(text, chip.href)
    });
    without
        .chain(all)
        .chain([Link::new(t("everything"), "/")])
        .collect()
}

fn hit_card(words: &[String], view: &str) -> Option<Hit> {
    let value: Value = serde_json::from_str(view).ok()?;
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let (id, title) = (text("id"), text("title"));
    let size = value["size_bytes"].as_u64();
    let also: Vec<&str> = value["also"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    Some(Hit {
        href: format!("/assets/{id}"),
        title: marked(&title, words),
        title_text: title,
        name: value["name"]
            .as_str()
            .map_or_else(|| id.clone(), ToOwned::to_owned),
        facts: facts(&value),
        note: value["replaced_by"]
            .as_str()
            .map(|newer| t("Replaced by {newer}").with("newer", newer))
            .or_else(|| {
                let among = || t("Also in {archives}").with("archives", also.join(", "));
                (!also.is_empty()).then(among)
            })
            .map(String::from),
        size: format::maybe_size(size),
        size_bytes: size.map(|size| size.to_string()).unwrap_or_default(),
        state: None,
        simulated: value["facets"]["provenance"]
            .as_array()
            .is_some_and(|values| values.iter().any(|value| value == "simulated")),
        id,
    })
}

/// `NSIDE 2048 · IQU · K_CMB · PR3 · full mission`.
fn facts(value: &Value) -> String {
    let first = |field: &str| {
        value["facets"][field]
            .as_array()?
            .first()?
            .as_str()
            .map(ToOwned::to_owned)
    };
    let mut parts = Vec::new();
    parts.extend(members(&value["members"]));
    parts.extend(first("product_type").or_else(|| first("content")));
    parts.extend(first("analysis_centre"));
    parts.extend(first("constellation"));
    parts.extend(first("nside").map(|nside| format!("NSIDE {nside}")));
    parts.extend(first("stokes"));
    parts.extend(first("unit").map(|unit| unit.replace("%2F", "/")));
    parts.extend(first("rerelease").or_else(|| first("release")));
    parts.extend(first("split"));
    parts.extend(covered(value));
    parts.join(" · ")
}

/// `40 members, 38 of 40 days`.
fn members(members: &Value) -> Option<String> {
    let total = members["total"].as_u64()?;
    let mut text = tn("{n} member", "{n} members", total).to_string();
    if let (Some(there), Some(spanned)) = (
        members["n_days"].as_u64(),
        members["n_days_spanned"].as_u64(),
    ) {
        let days = tn("{there} of {n} day", "{there} of {n} days", spanned).with("there", there);
        text.push_str(&format!(", {days}"));
    }
    Some(text)
}

/// The days or else the time that is covered.
fn covered(value: &Value) -> Option<String> {
    let text = |of: &str, end: &str| value[of][end].as_str().map(ToOwned::to_owned);
    if let (Some(first), Some(last)) = (text("days", "first"), text("days", "last")) {
        return Some(if first == last {
            first
        } else {
            format!("{first} – {last}")
        });
    }
    let day = |end: &str| text("time", end).map(|text| text[..text.len().min(10)].to_owned());
    Some(format!("{} – {}", day("start")?, day("end")?))
}

/// A title with the words that were asked for marked.
fn marked(title: &str, words: &[String]) -> Vec<TitlePart> {
    let mut parts: Vec<TitlePart> = Vec::new();
    let mut rest = title;
    while !rest.is_empty() {
        let end = rest
            .char_indices()
            .find(|(_, c)| !c.is_alphanumeric())
            .map_or(rest.len(), |(at, _)| at);
        let end = if end == 0 {
            rest.chars().next().map_or(1, char::len_utf8)
        } else {
            end
        };
        let (token, after) = rest.split_at(end);
        let mark = words.contains(&token.to_lowercase());
        match parts.last_mut() {
            Some(last) if last.mark == mark => last.text.push_str(token),
            // The blank between two marked words is marked with them.
            _ => parts.push(TitlePart {
                text: token.to_owned(),
                mark,
            }),
        }
        rest = after;
    }
    parts
}
