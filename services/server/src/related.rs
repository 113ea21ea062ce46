//! What belongs with an asset: what its connector says, and what a search finds beside it.
//!
//! A map has its other splits, bands and methods; an observation of a day the products that are needed to work with it.
//! Which searches those are is decided by the asset's facets and days alone.

use gantry_asset::{Asset, Day, Days, Relation, vocabulary};
use gantry_connector_gssc::products;
use gantry_search::{Index, Query};
use gantry_staging::antenna_release;
use gantry_store::AssetRecord;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::app::App;
use crate::problem::Problem;
use crate::search_query::SearchParams;
use crate::views::{HitView, facet_text};

/// The most assets of a group.
const SHOWN: usize = 20;

/// So many hits are compared with a product to find those that differ from it in one thing.
const COMPARED: usize = 200;

/// Assets that belong with another for the same reason.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Group {
    /// Which group it is: a relation, or what was searched for.
    #[schema(example = "orbits")]
    pub(crate) group: &'static str,
    /// What people read above it.
    #[schema(example = "Orbits of 2023-003, final")]
    pub(crate) label: String,
    /// How many there are.
    pub(crate) total: usize,
    /// The first of them, at most 20, as a search shows them; `note` says what is to be known of one.
    #[schema(value_type = Vec<Object>)]
    pub(crate) assets: Vec<Value>,
    /// The address of the search that finds all of them, where there is one.
    pub(crate) search: Option<String>,
}

/// All that belongs with an asset.
pub(crate) async fn groups(app: &App, record: &AssetRecord) -> Result<Vec<Group>, Problem> {
    let mut groups = stored(app, &record.asset).await?;
    let asset = record.asset.clone();
    let found = crate::rest::blocking(app, move |app| found(&app.index, &asset)).await??;
    groups.extend(found);
    Ok(groups)
}

const RELATIONS: [(Relation, &str, &str); 4] = [
    (Relation::SupersededBy, "superseded-by", "Replaced by"),
    (Relation::Supersedes, "supersedes", "Replaces"),
    (Relation::OtherRelease, "other-release", "Other releases"),
    (Relation::SameName, "same-name", "Same name, other bytes"),
];

/// The relations that the connector told; those no longer there are left out.
async fn stored(app: &App, asset: &Asset) -> Result<Vec<Group>, Problem> {
    let ids: Vec<_> = asset.related.iter().map(|one| one.asset.clone()).collect();
    let records = app.store.live_assets(&ids).await?;
    let mut groups = Vec::new();
    for (relation, group, label) in RELATIONS {
        let of_relation = asset.related.iter().filter(|one| one.relation == relation);
        let mut assets: Vec<Value> = Vec::new();
        for one in of_relation {
            let Some(record) = records.iter().find(|record| record.asset.id == one.asset) else {
                continue;
            };
            let mut hit = json!(HitView::from(record));
            hit["note"] = json!(one.label);
            assets.push(hit);
        }
        let total = assets.len();
        assets.truncate(SHOWN);
        groups.push(Group {
            group,
            label: label.to_owned(),
            total,
            assets,
            search: None,
        });
    }
    groups.retain(|group| group.total > 0);
    Ok(groups)
}

/// A search for a group: of several ways the first that finds something.
struct Wanted {
    group: &'static str,
    ways: Vec<Way>,
}

struct Way {
    label: String,
    params: SearchParams,
    keep: Keep,
}

/// What of the hits belongs to the group.
enum Keep {
    All,
    /// Those that have the same values in these fields and others in the last one.
    Differing(&'static [&'static str], &'static str),
    /// The antenna model that was in use in a GPS week.
    OfWeek(u32),
}

fn found(index: &Index, asset: &Asset) -> Result<Vec<Group>, gantry_search::SearchError> {
    let mut groups = Vec::new();
    for wanted in wanted(asset) {
        for way in wanted.ways {
            let Ok(query) = way.params.query() else {
                continue;
            };
            let limit = match way.keep {
                Keep::All => SHOWN + 1,
                Keep::Differing(..) | Keep::OfWeek(_) => COMPARED,
            };
            let found = index.search(&Query {
                limit,
                fields: Some(Vec::new()),
                ..query
            })?;
            let hits = found.hits.iter();
            let mut assets: Vec<Value> = hits
                .filter_map(|hit| serde_json::from_str(hit.view.get()).ok())
                .collect();
            let with_own = assets.len();
            assets.retain(|hit| hit["id"] != asset.id.as_str());
            let n_own = with_own - assets.len();
            way.keep.of(asset, &mut assets);
            if assets.is_empty() {
                continue;
            }
            let is_all = matches!(way.keep, Keep::All);
            let n_found = usize::try_from(found.total).unwrap_or(usize::MAX);
            let total = match is_all {
                true => n_found.saturating_sub(n_own),
                false => assets.len(),
            };
            assets.truncate(SHOWN);
            let address = format!("/api/v1/assets?{}", way.params.to_text());
            groups.push(Group {
                group: wanted.group,
                label: way.label,
                total,
                assets,
                search: is_all.then_some(address),
            });
            break;
        }
    }
    Ok(groups)
}

impl Keep {
    fn of(&self, asset: &Asset, hits: &mut Vec<Value>) {
        let own = |field: &str| json!(asset.facets.get(field));
        let of = |hit: &Value, field: &str| match &hit["facets"][field] {
            Value::Null => json!([]),
            values => values.clone(),
        };
        match self {
            Self::All => {}
            Self::Differing(same, other) => hits.retain(|hit| {
                let is_alike = same.iter().all(|field| of(hit, field) == own(field));
                let theirs = of(hit, other);
                let differs = theirs != own(other) && theirs != json!([]);
                is_alike && differs && hit["replaced_by"].is_null()
            }),
            Self::OfWeek(week) => {
                let release =
                    |hit: &Value| antenna_release(hit["facets"]["antenna_model"][0].as_str()?);
                hits.retain(|hit| release(hit).is_some());
                // The newest that was there, else the oldest that came after.
                hits.sort_by_key(|hit| {
                    let release = release(hit).unwrap_or_default();
                    (release > *week, release.abs_diff(*week))
                });
                hits.truncate(1);
            }
        }
    }
}

/// The groups that are worth a search.
fn wanted(asset: &Asset) -> Vec<Wanted> {
    let is_observation = asset.facets.get("content").iter().any(|one| one == "OBS");
    let day = asset.days.as_ref().and_then(Days::range);
    if asset.is_series() {
        return day.map_or_else(Vec::new, |days| of_series(asset, days.last));
    }
    match day.filter(|days| days.n_days() == 1) {
        Some(day) if is_observation => of_observation(asset, day.first),
        Some(day) => of_product(asset, day.first),
        // The realisations of a simulation are its series.
        None if asset.series.is_none() => variants(asset),
        None => Vec::new(),
    }
}

/// What is alike in the splits of a map, in its bands, in the ways it was separated. Bands are corrected in ways of their
/// own (LFI for its bandpass, HFI for zodiacal light), so that is not asked to be alike.
const VARIANTS: [(&str, &str, &[&str], &str); 3] = [
    (
        "splits",
        "Other splits",
        &[
            "product_type",
            "instrument",
            "band",
            "release",
            "detset",
            "method",
            "correction",
            "provenance",
            "format",
            "stokes",
        ],
        "split",
    ),
    (
        "bands",
        "Other bands",
        &[
            "product_type",
            "release",
            "split",
            "detset",
            "method",
            "provenance",
            "format",
        ],
        "band",
    ),
    (
        "methods",
        "Other methods",
        &[
            "product_type",
            "release",
            "split",
            "correction",
            "provenance",
            "format",
        ],
        "method",
    ),
];

fn variants(asset: &Asset) -> Vec<Wanted> {
    let has = |field: &str| !asset.facets.get(field).is_empty();
    let of = |(group, label, same, other): (
        &'static str,
        &str,
        &'static [&'static str],
        &'static str,
    )| {
        let archive = facet_text("archive", asset.id.archive().as_str());
        let alike = same.iter().flat_map(|field| {
            let values = asset.facets.get(field).iter();
            values.map(move |value| facet_text(field, value))
        });
        let way = Way {
            label: label.to_owned(),
            params: params(std::iter::once(archive).chain(alike).collect(), None),
            keep: Keep::Differing(same, other),
        };
        (has(other) && has("product_type")).then(|| Wanted {
            group,
            ways: vec![way],
        })
    };
    VARIANTS.into_iter().filter_map(of).collect()
}

/// What is needed to work with an observation of a day, and what else there is of its station.
fn of_observation(asset: &Asset, day: Day) -> Vec<Wanted> {
    let of_day = |group, label: &str, facets: &[(&str, &str)], qualities: &[&str]| {
        let way = |quality: Option<&str>| {
            let facets = facets.iter().copied();
            let facets = facets.chain(quality.map(|quality| ("latency", quality)));
            let quality = quality.map(|quality| format!(", {quality}"));
            Way {
                label: format!("{label} of {day}{}", quality.unwrap_or_default()),
                params: params(
                    facets
                        .map(|(field, path)| facet_text(field, path))
                        .collect(),
                    Some(day),
                ),
                keep: Keep::All,
            }
        };
        let qualities = qualities.iter().map(|quality| way(Some(*quality)));
        Wanted {
            group,
            ways: qualities.chain([way(None)]).collect(),
        }
    };
    let broadcast = [("content", "NAV"), ("tag", "BRDC")];
    let mut wanted = vec![
        of_day("navigation", "Navigation messages", &broadcast, &[]),
        of_day("orbits", "Orbits", &[("content", "ORB")], &["final"]),
        of_day("clocks", "Clocks", &[("content", "CLK")], &["final"]),
        of_day(
            "ionosphere",
            "Ionosphere maps",
            &[("content", "GIM")],
            &["final"],
        ),
    ];
    wanted.extend(antenna_model(day));
    if let Some(station) = asset.facets.first("station") {
        let station = [("station", station)];
        wanted.push(of_day(
            "station",
            "Other files of its station",
            &station,
            &[],
        ));
    }
    wanted
}

fn antenna_model(day: Day) -> Option<Wanted> {
    let (week, _) = day.gps_week()?;
    let mut facets = vec![facet_text("content", "ANTEX")];
    let family = products::antenna_family(week);
    facets.extend(family.map(|family| facet_text("frame", family)));
    let way = Way {
        label: format!("Antenna model of {day}"),
        params: params(facets, None),
        keep: Keep::OfWeek(week),
    };
    Some(Wanted {
        group: "antenna-model",
        ways: vec![way],
    })
}

/// The rest of the solution that a product of a day is part of, and the antenna model it was made with.
fn of_product(asset: &Asset, day: Day) -> Vec<Wanted> {
    let Some((centre, facets)) = solution(asset) else {
        return Vec::new();
    };
    let rest = Wanted {
        group: "solution",
        ways: vec![Way {
            label: format!("Other products of {centre} of {day}"),
            params: params(facets, Some(day)),
            keep: Keep::All,
        }],
    };
    std::iter::once(rest).chain(antenna_model(day)).collect()
}

/// The other series of a solution, with the antenna model of the last day, or those of a station.
fn of_series(asset: &Asset, last: Day) -> Vec<Wanted> {
    let others = |group, label: String, facets: Vec<String>| Wanted {
        group,
        ways: vec![Way {
            label,
            params: SearchParams {
                collapse: None,
                ..params(facets, None)
            },
            keep: Keep::All,
        }],
    };
    let station = asset.facets.first("station");
    match (solution(asset), station) {
        (Some((centre, facets)), _) => {
            let rest = others("solution", format!("Other products of {centre}"), facets);
            std::iter::once(rest).chain(antenna_model(last)).collect()
        }
        (None, Some(station)) => {
            let facets = vec![facet_text("station", station)];
            vec![others(
                "station",
                "Other files of its station".to_owned(),
                facets,
            )]
        }
        (None, None) => Vec::new(),
    }
}

/// The name of the centre whose product it is, and the facets of the solution it is part of.
fn solution(asset: &Asset) -> Option<(String, Vec<String>)> {
    let centre = asset.facets.first("analysis_centre")?;
    let fields = ["analysis_centre", "campaign", "latency"].into_iter();
    let facets = fields.filter_map(|field| Some(facet_text(field, asset.facets.first(field)?)));
    let label = vocabulary()
        .field("analysis_centre")
        .map_or_else(|| centre.to_owned(), |field| field.label_of(centre));
    Some((label, facets.collect()))
}

fn params(facet: Vec<String>, day: Option<Day>) -> SearchParams {
    SearchParams {
        facet,
        days: day.map(|day| day.to_string()),
        collapse: Some("none".to_owned()),
        ..SearchParams::default()
    }
}
