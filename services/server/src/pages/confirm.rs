//! Deep links: what a portal's plain link leads to, asked once more before anything is done.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use gantry_asset::{ArchiveId, AssetId};
use gantry_staging::{StageRequest, select};
use gantry_store::AssetRecord;
use serde::Deserialize;

use super::page;
use super::selection::{PlanLine, Product, plan_lines};
use super::shell::{
    LabChoice, Pair, Shell, VolumeChoice, lab_choices, media_types_of, volume_choices,
};
use crate::app::App;
use crate::extract::{FromQuery, once};
use crate::format;
use crate::identity::Caller;
use crate::problem::{BAD_REQUEST, Problem};

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage {
    shell: Shell,
    action: &'static str,
    products: Vec<Product>,
    more: Option<String>,
    missing: Vec<String>,
    hidden: Vec<Pair>,
    from: Option<String>,
    n_products: String,
    size: String,
    plan_lines: Vec<PlanLine>,
    warnings: Vec<String>,
    volumes: Vec<VolumeChoice>,
    labs: Vec<LabChoice>,
    cancel_href: String,
}

/// What a link names: assets by id, or files of an archive by name.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct LinkParams {
    asset: Vec<String>,
    #[serde(deserialize_with = "once")]
    archive: Option<String>,
    name: Vec<String>,
}

const SHOWN: usize = 20;
const NAMED: usize = 1000;

pub(crate) async fn open_in_notebook(
    State(app): State<App>,
    caller: Option<Caller>,
    FromQuery(params): FromQuery<LinkParams>,
) -> Result<Response, Problem> {
    confirm(&app, caller.as_ref(), "open-in-notebook", &params).await
}

pub(crate) async fn add_to_volume(
    State(app): State<App>,
    caller: Option<Caller>,
    FromQuery(params): FromQuery<LinkParams>,
) -> Result<Response, Problem> {
    confirm(&app, caller.as_ref(), "add-to-volume", &params).await
}

async fn confirm(
    app: &App,
    caller: Option<&Caller>,
    action: &'static str,
    params: &LinkParams,
) -> Result<Response, Problem> {
    let (ids, mut missing) = named(app, params).await?;
    let records = app.store.live_assets(&ids).await?;
    missing.extend(
        ids.iter()
            .filter(|id| !records.iter().any(|record| record.asset.id == **id))
            .map(ToString::to_string),
    );
    let (mut lines, mut warnings, mut size) = (Vec::new(), Vec::new(), None);
    if !records.is_empty() {
        let found: Vec<AssetId> = records
            .iter()
            .map(|record| record.asset.id.clone())
            .collect();
        let selection = select(&app.store, &found, &[]).await?;
        let volume = match caller {
            Some(caller) => Some(
                app.store
                    .volume(&caller.user.id, gantry_staging::WORKSPACE)
                    .await?,
            ),
            None => None,
        };
        let plan = app
            .staging
            .plan(&selection, volume.as_ref(), &StageRequest::default())
            .await?;
        lines = plan_lines(&plan);
        warnings = plan.warnings;
        size = selection.size_bytes;
    }
    let title = if action == "open-in-notebook" {
        "Open in Notebook"
    } else {
        "Add to Data Volume"
    };
    page(&ConfirmPage {
        shell: Shell::new(app, caller, "search", title).await?,
        action,
        more: (records.len() > SHOWN)
            .then(|| format!("and {} further products", records.len() - SHOWN)),
        hidden: records
            .iter()
            .map(|record| Pair::new("asset", record.asset.id.to_string()))
            .collect(),
        products: records.iter().take(SHOWN).map(product).collect(),
        missing,
        from: None,
        n_products: format::count(records.len() as u64),
        size: if records.is_empty() {
            String::new()
        } else {
            format::maybe_size(size)
        },
        plan_lines: lines,
        warnings,
        volumes: volume_choices(app, caller, None).await?,
        labs: lab_choices(
            app,
            caller,
            &media_types_of(records.iter().map(|record| &record.asset)),
        ),
        cancel_href: "/".to_owned(),
    })
}

fn product(record: &AssetRecord) -> Product {
    Product::new(record, record.version)
}

/// The assets a link names, and the names that the archive does not have.
async fn named(app: &App, params: &LinkParams) -> Result<(Vec<AssetId>, Vec<String>), Problem> {
    if params.asset.len() + params.name.len() > NAMED {
        return Err(Problem::new(
            &BAD_REQUEST,
            format!("a link may name at most {NAMED} products; make a selection instead"),
        ));
    }
    if params.asset.is_empty() && params.name.is_empty() {
        return Err(Problem::new(
            &BAD_REQUEST,
            "name what to take: ?asset=planck:… or ?archive=planck&name=…",
        ));
    }
    let (mut ids, mut missing) = (Vec::new(), Vec::new());
    for text in &params.asset {
        match AssetId::parse(text) {
            Ok(id) => ids.push(id),
            Err(_) => missing.push(text.clone()),
        }
    }
    if !params.name.is_empty() {
        let archive = params.archive.as_deref().unwrap_or_default();
        let archive = ArchiveId::new(archive)
            .map_err(|error| Problem::new(&BAD_REQUEST, format!("archive=: {error}")))?;
        for name in &params.name {
            match app
                .store
                .assets_by_file_name(&archive, name)
                .await?
                .into_iter()
                .next()
            {
                Some(id) => ids.push(id),
                None => missing.push(name.clone()),
            }
        }
    }
    Ok((ids, missing))
}
