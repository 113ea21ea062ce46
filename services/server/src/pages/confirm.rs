//! What a portal's link or button leads to: what it is about, asked once more before anything is done.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use gantry_asset::AssetId;
use gantry_staging::{StageRequest, select};
use gantry_store::AssetRecord;
use serde::Deserialize;
use url::Url;

use super::page;
use super::selection::{PlanLine, Product, plan_lines};
use super::shell::{
    LabChoice, Pair, Shell, VolumeChoice, lab_choices, media_types_of, volume_choices,
};
use crate::app::App;
use crate::extract::{FromQuery, once};
use crate::format;
use crate::identity::Caller;
use crate::portal::{Wanted, look_up};
use crate::problem::{BAD_REQUEST, Problem};
use crate::words::{filters, t, tn};

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage {
    shell: Shell,
    action: &'static str,
    what: String,
    products: Vec<Product>,
    more: Option<String>,
    missing: Vec<String>,
    n_missing: usize,
    hidden: Vec<Pair>,
    post_to: String,
    from: Option<Source>,
    size: String,
    query: Option<AskedQuery>,
    plan_lines: Vec<PlanLine>,
    warnings: Vec<String>,
    volumes: Vec<VolumeChoice>,
    labs: Vec<LabChoice>,
    cancel_href: String,
    can_go: bool,
}

/// The page that somebody came from.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) title: String,
    pub(crate) origin: String,
    pub(crate) is_known: bool,
}

/// A query that is to be asked of an archive.
pub(crate) struct AskedQuery {
    pub(crate) archive: String,
    pub(crate) adql: String,
}

/// What is asked before anything is done.
pub(crate) struct Question {
    pub(crate) action: &'static str,
    pub(crate) ids: Vec<AssetId>,
    pub(crate) missing: Vec<String>,
    pub(crate) query: Option<AskedQuery>,
    pub(crate) from: Option<Source>,
    pub(crate) notes: Vec<String>,
    /// Where the answer goes; a form that names the products itself without one.
    pub(crate) post_to: Option<String>,
    pub(crate) cancel_href: String,
}

/// What a link names: assets by id, or files of an archive by name; and where it stands.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct LinkParams {
    asset: Vec<String>,
    #[serde(deserialize_with = "once")]
    archive: Option<String>,
    name: Vec<String>,
    #[serde(rename = "return", deserialize_with = "once")]
    back: Option<String>,
}

const SHOWN: usize = 20;
const NAMED: usize = 1000;

pub(crate) async fn open_in_notebook(
    State(app): State<App>,
    caller: Option<Caller>,
    headers: HeaderMap,
    FromQuery(params): FromQuery<LinkParams>,
) -> Result<Response, Problem> {
    of_link(
        &app,
        caller.as_ref(),
        "open-in-notebook",
        (&headers, params),
    )
    .await
}

pub(crate) async fn add_to_volume(
    State(app): State<App>,
    caller: Option<Caller>,
    headers: HeaderMap,
    FromQuery(params): FromQuery<LinkParams>,
) -> Result<Response, Problem> {
    of_link(&app, caller.as_ref(), "add-to-volume", (&headers, params)).await
}

async fn of_link(
    app: &App,
    caller: Option<&Caller>,
    action: &'static str,
    (headers, params): (&HeaderMap, LinkParams),
) -> Result<Response, Problem> {
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
    let back = app.portals.way_back(params.back.as_deref());
    let wanted = Wanted {
        assets: params.asset,
        archive: params.archive,
        names: params.name,
        ..Wanted::default()
    };
    let (ids, missing) = look_up(app, &wanted).await?;
    let referrer = headers
        .get(header::REFERER)
        .and_then(|from| from.to_str().ok());
    let question = Question {
        action,
        ids,
        missing,
        query: None,
        from: referrer.and_then(|from| Source::of(app, from)),
        notes: Vec::new(),
        post_to: None,
        cancel_href: back.unwrap_or_else(|| "/".to_owned()),
    };
    ask(app, caller, question).await
}

impl Source {
    /// Whose page this is: a known portal's, or one of a site that Gantry does not know; its own are nobody's. Below a
    /// path of its host Gantry is that path alone, and an address without one is the host's.
    pub(crate) fn of(app: &App, address: &str) -> Option<Self> {
        let address = Url::parse(address).ok()?;
        let origin = address.origin();
        let is_own = origin == app.public_url().origin()
            && address.path().starts_with(app.public_url().path());
        if !origin.is_tuple() || is_own {
            return None;
        }
        let origin = origin.ascii_serialization();
        let portal = app.portals.get(&origin);
        Some(Self {
            title: portal.map_or_else(|| origin.clone(), |portal| portal.title.clone()),
            is_known: portal.is_some(),
            origin,
        })
    }
}

/// The page that asks.
pub(crate) async fn ask(
    app: &App,
    caller: Option<&Caller>,
    question: Question,
) -> Result<Response, Problem> {
    let Question {
        action,
        ids,
        mut missing,
        ..
    } = question;
    let records = in_order(app.store.live_assets(&ids).await?, &ids, &mut missing);
    let plan = planned(app, caller, &records).await?;
    let title = match action {
        "open-in-notebook" => t("Open in Notebook"),
        _ => t("Add to Data Volume"),
    };
    let hidden = match &question.post_to {
        None => records
            .iter()
            .map(|record| Pair::new("asset", record.asset.id.to_string()))
            .collect(),
        Some(_) => Vec::new(),
    };
    let mut warnings = question.notes;
    warnings.extend(plan.warnings);
    page(&ConfirmPage {
        shell: Shell::new(app, caller, "search", title).await?,
        action,
        what: what(records.len(), question.query.is_some()),
        more: further(records.len().saturating_sub(SHOWN)),
        can_go: !records.is_empty() || question.query.is_some(),
        hidden,
        post_to: question.post_to.unwrap_or_else(|| "/selections".to_owned()),
        products: records.iter().take(SHOWN).map(product).collect(),
        n_missing: missing.len(),
        missing: missing.into_iter().take(SHOWN).collect(),
        from: question.from,
        size: plan.size,
        query: question.query,
        plan_lines: plan.lines,
        warnings,
        volumes: volume_choices(app, caller, None).await?,
        labs: lab_choices(
            app,
            caller,
            &media_types_of(records.iter().map(|record| &record.asset)),
        ),
        cancel_href: question.cancel_href,
    })
}

fn what(n_products: usize, is_query: bool) -> String {
    if is_query {
        t("the result of a query").into()
    } else {
        tn("{n} product", "{n} products", n_products).into()
    }
}

/// What is said of the products that are not shown.
fn further(n: usize) -> Option<String> {
    (n > 0).then(|| tn("and {n} further product", "and {n} further products", n).into())
}

/// The records in the order of their ids; what has none is missing.
fn in_order(
    records: Vec<AssetRecord>,
    ids: &[AssetId],
    missing: &mut Vec<String>,
) -> Vec<AssetRecord> {
    let mut by_id: std::collections::HashMap<AssetId, AssetRecord> = records
        .into_iter()
        .map(|record| (record.asset.id.clone(), record))
        .collect();
    let mut found = Vec::with_capacity(by_id.len());
    for id in ids {
        match by_id.remove(id) {
            Some(record) => found.push(record),
            None => missing.push(id.to_string()),
        }
    }
    found
}

/// What a click would do.
#[derive(Default)]
struct Planned {
    lines: Vec<PlanLine>,
    warnings: Vec<String>,
    size: String,
}

async fn planned(
    app: &App,
    caller: Option<&Caller>,
    records: &[AssetRecord],
) -> Result<Planned, Problem> {
    if records.is_empty() {
        return Ok(Planned::default());
    }
    let ids: Vec<AssetId> = records
        .iter()
        .map(|record| record.asset.id.clone())
        .collect();
    // Who is not known writes nothing to the record.
    let Some(caller) = caller else {
        let sizes = records.iter().map(|record| record.asset.size_bytes());
        return Ok(Planned {
            size: format::maybe_size(sizes.sum()),
            ..Planned::default()
        });
    };
    let selection = select(&app.store, &ids, &[]).await?;
    let workspace = app
        .store
        .volume(&caller.user.id, gantry_staging::WORKSPACE)
        .await?;
    let plan = app
        .staging
        .plan(&selection, Some(&workspace), &StageRequest::default())
        .await?;
    Ok(Planned {
        lines: plan_lines(&plan),
        warnings: plan.warnings,
        size: format::maybe_size(selection.size_bytes),
    })
}

fn product(record: &AssetRecord) -> Product {
    Product::new(record, record.version)
}
