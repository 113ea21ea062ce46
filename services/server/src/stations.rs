//! What the site logs of stations say of a selection.

use std::collections::BTreeMap;

use gantry_asset::{AssetId, FacetPath, Station};
use gantry_search::{Collapse, Query};
use gantry_staging::Draft;

use crate::app::App;
use crate::problem::Problem;

/// The most site logs that are looked at, twice what the IGS's network has.
const MOST_LOGS: usize = 5_000;

/// Of more stations than this all site logs are looked at.
const MOST_NAMED: usize = 50;

/// Tells a draft what the newest site log of each of its stations says of its days.
pub(crate) async fn tell(app: &App, draft: &mut Draft) -> Result<(), Problem> {
    let stations = draft.stations();
    if stations.is_empty() {
        return Ok(());
    }
    let facet = |field: &str, path: &str| FacetPath {
        field: field.to_owned(),
        path: path.to_owned(),
    };
    let mut facets = vec![facet("content", "site log")];
    if stations.len() <= MOST_NAMED {
        facets.extend(stations.keys().map(|station| facet("station", station)));
    }
    let query = Query {
        facets,
        collapse: Collapse::None,
        ..Query::default()
    };
    let found =
        crate::rest::blocking(app, move |app| app.index.resolve(&query, MOST_LOGS)).await??;
    let ids: Vec<AssetId> = found.into_iter().map(|found| found.id).collect();
    let mut newest: BTreeMap<String, Station> = BTreeMap::new();
    for record in app.store.live_assets(&ids).await? {
        let Some(log) = record.asset.station.map(|log| *log) else {
            continue;
        };
        let older = newest.get(&log.id).map(|other| other.prepared);
        if stations.contains_key(&log.id) && older.is_none_or(|other| other <= log.prepared) {
            newest.insert(log.id.clone(), log);
        }
    }
    draft.tell_stations(newest.into_values());
    Ok(())
}
