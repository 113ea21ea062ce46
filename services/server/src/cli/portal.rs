//! The example portal of `gantry demo`: a table of the demo's products on another site.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::Context;
use gantry_standin::{PortalConfig, PortalRow, PortalStandin, Running};
use serde_json::Value;

use crate::app::App;
use crate::config::PortalConfig as Known;
use crate::pages::newest_kit;
use crate::search_query::SearchParams;

/// The example portal as the service knows it.
pub(super) fn known(at: SocketAddr) -> BTreeMap<String, Known> {
    let portal = Known {
        title: Some("Example archive".to_owned()),
        ..Known::default()
    };
    [(format!("http://{at}"), portal)].into()
}

/// Starts it on loopback, named by number, so that its site is not that of `localhost`.
pub(super) fn start(app: &App, at: SocketAddr) -> anyhow::Result<Running> {
    let service = app.public_url().to_string();
    let kit = newest_kit();
    let mut config = PortalConfig::new(service.clone(), format!("{service}{}", kit.path()));
    config.listen = at;
    config.integrity = Some(kit.integrity.clone());
    config.maps = rows(
        app,
        &["archive/planck"],
        "id",
        ["band", "split", "correction"],
    )?;
    config.observations = rows(
        app,
        &["archive/gssc", "content/OBS"],
        "name",
        ["station", "year", "sampling"],
    )?;
    PortalStandin::start(config).context("the example portal cannot be started")
}

/// The most rows of a table.
const ROWS: u32 = 200;

/// The products of a search as rows of a table.
fn rows(
    app: &App,
    facets: &[&str],
    value: &str,
    columns: [&str; 3],
) -> anyhow::Result<Vec<PortalRow>> {
    let params = SearchParams {
        facet: facets.iter().map(ToString::to_string).collect(),
        collapse: Some("none".to_owned()),
        limit: Some(ROWS),
        facets: Some(String::new()),
        ..SearchParams::default()
    };
    let query = params
        .query()
        .map_err(|problem| anyhow::anyhow!(problem.detail))?;
    let hits = app.index.search(&query)?.hits;
    let views = hits.iter().map(|hit| serde_json::from_str(hit.view.get()));
    views.map(|view| Ok(row(&view?, value, columns))).collect()
}

fn row(view: &Value, value: &str, columns: [&str; 3]) -> PortalRow {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let facet = |field: &str| {
        let values = view["facets"][field].as_array().into_iter().flatten();
        values
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    };
    PortalRow {
        value: text(&view[value]),
        name: text(&view["name"]),
        columns: columns.map(facet),
        size_bytes: view["size_bytes"].as_u64(),
    }
}
