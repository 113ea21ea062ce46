//! `gantry search`.

use std::process::ExitCode;

use clap::Args;
use gantry_net::Net;
use serde_json::{Value, json};

use super::output::Output;
use crate::app::App;
use crate::config::Config;
use crate::format;
use crate::names::Names;
use crate::problem::Problem;
use crate::proposals::Proposed;
use crate::search_query::SearchParams;

/// The arguments of `search`.
#[derive(Args)]
pub(super) struct SearchArgs {
    /// Words, "phrases", -not, field:value, prefix*.
    #[arg(default_value = "")]
    query: String,
    /// A selected facet, such as instrument/HFI; may come several times.
    #[arg(long)]
    facet: Vec<String>,
    /// A region of the sky in degrees: CIRCLE ra dec radius, RANGE ra1 ra2 dec1 dec2, POLYGON ra1 dec1 …; or an object,
    /// as in "M31, 0.5", where [names] url is set.
    #[arg(long)]
    pos: Option<String>,
    /// The frame of --pos.
    #[arg(long, value_parser = ["icrs", "galactic"], requires = "pos")]
    frame: Option<String>,
    /// A UTC interval, such as 2010-01-01/2011-01-01.
    #[arg(long)]
    time: Option<String>,
    /// GNSS days.
    #[arg(long)]
    days: Option<String>,
    /// Places within a distance, as LAT,LON,KM.
    #[arg(long, allow_hyphen_values = true)]
    near: Option<String>,
    /// Places in a box, as WEST,SOUTH,EAST,NORTH; over the antimeridian when WEST is larger than EAST.
    #[arg(long, allow_hyphen_values = true)]
    bbox: Option<String>,
    /// Whether series stand for their members.
    #[arg(long, value_parser = ["series", "none"])]
    collapse: Option<String>,
    /// The order.
    #[arg(long, value_parser = ["relevance", "newest", "time", "title", "size"])]
    sort: Option<String>,
    /// How many.
    #[arg(long, default_value_t = 20)]
    limit: u32,
}

pub(super) async fn run(
    args: &SearchArgs,
    config: Config,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let mut params = SearchParams {
        q: Some(args.query.clone()),
        facet: args.facet.clone(),
        time: args.time.clone(),
        pos: args.pos.clone(),
        frame: args.frame.clone(),
        days: args.days.clone(),
        near: args.near.clone(),
        bbox: args.bbox.clone(),
        collapse: args.collapse.clone(),
        sort: args.sort.clone(),
        limit: Some(args.limit),
        ..SearchParams::default()
    };
    let refused = |problem: Problem| anyhow::anyhow!(problem.detail);
    let names = Names::new(config.names.url.as_ref(), &Net::new(config.net.clone())?);
    let located = params.locate(&names).await.map_err(refused)?;
    located.iter().for_each(|sentence| output.note(sentence));
    let query = params.query().map_err(refused)?;
    let app = App::open(config, false).await?;
    if let Err(error) = app.follow().await {
        output.note(&format!(
            "The index could not be brought up to the catalogue, so this is what it held before: {}",
            crate::format::sentence(&error)
        ));
    }
    let found = app.index.search(&query)?;
    let hits: Vec<Value> = found
        .hits
        .iter()
        .filter_map(|hit| serde_json::from_str(hit.view.get()).ok())
        .collect();
    let mut notes = found.notes.clone();
    let proposed = found.proposal.as_ref();
    let proposed = proposed.and_then(|proposal| Proposed::of(&app, proposal));
    notes.extend(proposed.map(|proposed| proposed.note()));
    let mut lines: Vec<String> = notes.clone();
    for hit in &hits {
        let size = format::maybe_size(hit["size_bytes"].as_u64());
        lines.push(format!(
            "{}\n    {}  {size}",
            hit["title"].as_str().unwrap_or_default(),
            hit["id"].as_str().unwrap_or_default()
        ));
    }
    lines.push(format::plural(found.total, "product"));
    if app.index.n_assets() == 0 {
        lines.push(
            "The catalogue is empty: `gantry harvest --all` fills it; beside `gantry demo`, add the `--config` it names."
                .to_owned(),
        );
    }
    let facets: serde_json::Map<String, Value> = found
        .facets
        .iter()
        .map(|field| (field.field.clone(), json!(field.values)))
        .collect();
    output.answer(
        &json!({"total": found.total, "assets": hits, "facets": facets, "notes": notes}),
        &lines.join("\n"),
    )?;
    app.shutdown().await;
    Ok(ExitCode::SUCCESS)
}
