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
use crate::words::{filters, t, tn};

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
                .map(|_| t("no longer at the archive").into()),
        }
    }
}

struct PlanFile {
    name: String,
    method: String,
    /// The method as people read it.
    how: String,
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
                t("{first} to {last}")
                    .with("first", &gap.day)
                    .with("last", until)
                    .into()
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
        shell: Shell::new(&app, caller.as_ref(), "search", t("Selection")).await?,
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
            tn(
                "and {n} further file",
                "and {n} further files",
                plan.n_files - plan.files.len() as u64,
            )
            .into()
        }),
        quota: plan.free_bytes.map(|free| PlanLine {
            text: t("free in the volume").into(),
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
            how: how(file.method),
            reason: file.reason.unwrap_or_default().to_owned(),
            size: format::maybe_size(file.size_bytes),
        })
        .collect()
}

/// What is done with a file, in a word.
fn how(method: &str) -> String {
    match method {
        "present" => t("present").into(),
        "link" => t("link").into(),
        "clone" => t("clone").into(),
        "copy" => t("copy").into(),
        "download" => t("download").into(),
        "skip" => t("skip").into(),
        other => other.to_owned(),
    }
}

/// A plan in a line per method, as people read it.
pub(crate) fn plan_lines(plan: &Plan) -> Vec<PlanLine> {
    plan.methods
        .iter()
        .map(|planned| {
            let what = match planned.method {
                "present" => t("already there"),
                "link" => t("linked from the mounted archive"),
                "clone" => t("cloned from the shared cache"),
                "copy" => t("copied from the mounted archive"),
                "download" => {
                    let what = t("to copy from {archive}").with("archive", &planned.archive_title);
                    match planned.seconds {
                        Some(seconds) => t("{what}, about {time}")
                            .with("what", what)
                            .with("time", format::duration(seconds)),
                        None => what,
                    }
                }
                _ => t("left out"),
            };
            let files = tn("{n} file", "{n} files", planned.n_files);
            PlanLine {
                text: format!("{files}: {what}"),
                size: format::maybe_size(planned.size_bytes),
            }
        })
        .collect()
}
