//! The page of a selection.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use gantry_asset::{Asset, Completeness, Day};
use gantry_staging::{Plan, StageRequest, members};
use gantry_store::AssetRecord;
use serde::Deserialize;

use super::page;
use super::shell::{LabChoice, Shell, VolumeChoice, lab_choices, volume_choices};
use crate::app::App;
use crate::extract::{FromPath, FromQuery, once};
use crate::format;
use crate::identity::Caller;
use crate::problem::Problem;
use crate::rest::labs::media_types;
use crate::rest::selections::{SelectionPath, selection_citation};

#[derive(Template)]
#[template(path = "selection.html")]
struct SelectionPage {
    shell: Shell,
    id: String,
    n_assets: String,
    n_files: String,
    size: String,
    created: String,
    products: Vec<Product>,
    first_href: Option<String>,
    next: Option<String>,
    warnings: Vec<String>,
    gaps: Vec<Gap>,
    plan: Vec<PlanFile>,
    plan_lines: Vec<PlanLine>,
    plan_more: Option<String>,
    quota: Option<PlanLine>,
    citation_text: String,
    bibtex: String,
    acknowledgement: Option<String>,
    volumes: Vec<VolumeChoice>,
    labs: Vec<LabChoice>,
}

/// One product of a selection.
pub(crate) struct Product {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) href: String,
    pub(crate) version: String,
    pub(crate) n_files: String,
    pub(crate) size: String,
    pub(crate) note: Option<String>,
}

impl Product {
    pub(crate) fn new(record: &AssetRecord, version: u32) -> Self {
        let asset: &Asset = &record.asset;
        Self {
            id: asset.id.to_string(),
            title: asset.title.clone(),
            href: format!("/assets/{}", asset.id),
            version: version.to_string(),
            n_files: asset.files.len().to_string(),
            size: format::maybe_size(asset.size_bytes()),
            note: record
                .withdrawn
                .map(|_| "no longer at the archive".to_owned()),
        }
    }
}

struct PlanFile {
    name: String,
    method: String,
    reason: String,
    size: String,
}

/// One line of what a click would do.
pub(crate) struct PlanLine {
    pub(crate) text: String,
    pub(crate) size: String,
}

struct Gap {
    what: String,
    when: String,
    reason: &'static str,
}

/// How many gaps the page shows.
const GAPS: usize = 200;

/// The days that are missing, runs of them in one line.
fn gaps(days: &Completeness) -> Vec<Gap> {
    let mut lines: Vec<(&gantry_asset::Gap, i32, String)> = Vec::new();
    for gap in &days.gaps {
        let number = gap.day.parse().map_or(0, Day::number);
        match lines.last_mut() {
            Some((first, last, until))
                if first.series == gap.series
                    && first.what() == gap.what()
                    && first.reason == gap.reason
                    && *last + 1 == number =>
            {
                (*last, *until) = (number, gap.day.clone());
            }
            _ => lines.push((gap, number, gap.day.clone())),
        }
    }
    let shown = lines.into_iter().take(GAPS);
    shown
        .map(|(gap, _, until)| Gap {
            what: gap.what(),
            when: if until == gap.day {
                until
            } else {
                format!("{} to {until}", gap.day)
            },
            reason: gap.reason.words(),
        })
        .collect()
}

/// Which page, and for which volume the plan is made.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct SelectionParams {
    #[serde(deserialize_with = "once")]
    after: Option<u64>,
    #[serde(deserialize_with = "once")]
    volume: Option<String>,
}

const PAGE: u32 = 100;

pub(crate) async fn show(
    State(app): State<App>,
    caller: Option<Caller>,
    FromPath(path): FromPath<SelectionPath>,
    FromQuery(params): FromQuery<SelectionParams>,
) -> Result<Response, Problem> {
    let selection = path.selection(&app, caller.as_ref()).await?;
    let from = params.after.unwrap_or(0);
    let rows = members(&app.store, &selection.id, from, PAGE).await?;
    let next = from + rows.len() as u64;
    let volume = match &caller {
        Some(caller) => Some(
            app.store
                .volume(
                    &caller.user.id,
                    params
                        .volume
                        .as_deref()
                        .unwrap_or(gantry_staging::WORKSPACE),
                )
                .await?,
        ),
        None => None,
    };
    let plan = app
        .staging
        .plan(&selection, volume.as_ref(), &StageRequest::default())
        .await?;
    let n_files = media_types(&app, &selection.id).await?;
    let cited = selection_citation(&app, &selection.id).await?;
    let href = |after: u64| format!("/selections/{}?after={after}", selection.id);
    page(&SelectionPage {
        shell: Shell::new(&app, caller.as_ref(), "search", "Selection").await?,
        n_assets: format::count(selection.n_assets),
        n_files: format::count(selection.n_files),
        size: format::maybe_size(selection.size_bytes),
        created: format::time(selection.created),
        products: rows
            .iter()
            .map(|(member, record)| Product::new(record, member.version))
            .collect(),
        first_href: (from > 0).then(|| href(0)),
        next: (next < selection.n_assets).then(|| href(next)),
        gaps: gaps(&selection.days),
        plan: plan_files(&plan),
        plan_lines: plan_lines(&plan),
        plan_more: (plan.n_files > plan.files.len() as u64).then(|| {
            format!(
                "and {} further files",
                format::count(plan.n_files - plan.files.len() as u64)
            )
        }),
        quota: plan.free_bytes.map(|free| PlanLine {
            text: "free in the volume".to_owned(),
            size: format::size(free),
        }),
        warnings: plan.warnings,
        citation_text: cited.text,
        bibtex: cited.bibtex,
        acknowledgement: Some(cited.acknowledgement).filter(|text| !text.is_empty()),
        volumes: volume_choices(&app, caller.as_ref(), params.volume.as_deref()).await?,
        labs: lab_choices(&app, caller.as_ref(), &n_files),
        id: selection.id,
    })
}

fn plan_files(plan: &Plan) -> Vec<PlanFile> {
    plan.files
        .iter()
        .map(|file| PlanFile {
            name: file.name.clone(),
            method: file.method.to_owned(),
            reason: file.reason.unwrap_or_default().to_owned(),
            size: format::maybe_size(file.size_bytes),
        })
        .collect()
}

/// A plan in a line per method, as people read it.
pub(crate) fn plan_lines(plan: &Plan) -> Vec<PlanLine> {
    plan.methods
        .iter()
        .map(|planned| {
            let what = match planned.method {
                "present" => "already there".to_owned(),
                "link" => "linked from the mounted archive".to_owned(),
                "clone" => "cloned from the shared cache".to_owned(),
                "copy" => "copied from the mounted archive".to_owned(),
                "download" => {
                    let time = planned
                        .seconds
                        .map(|seconds| format!(", about {}", format::duration(seconds)))
                        .unwrap_or_default();
                    format!("to copy from {}{time}", planned.archive_title)
                }
                _ => "left out".to_owned(),
            };
            PlanLine {
                text: format!("{}: {what}", format::plural(planned.n_files, "file")),
                size: format::maybe_size(planned.size_bytes),
            }
        })
        .collect()
}
