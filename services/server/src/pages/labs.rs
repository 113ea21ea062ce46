//! The pages of the lab catalogue: what can be launched, and the page of one with the form that launches it.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use gantry_labs::{Lab, LabKind, LabOption, Opens};
use serde::Deserialize;

use super::page;
use super::shell::{Pair, Shell, VolumeChoice, volume_choices};
use crate::app::App;
use crate::extract::{FromPath, FromQuery, once};
use crate::format;
use crate::identity::Caller;
use crate::problem::Problem;
use crate::rest::labs::{LabPath, media_types};
use crate::rest::selections::SelectionPath;
use crate::words::{filters, t, tn};

/// The pictures in `labs.svg`; a lab with another one has that of its kind.
const ICONS: &[&str] = &[
    "jupyterlab",
    "cmb",
    "gaia",
    "gnss",
    "ai",
    "terminal",
    "topcat",
    "octave",
    "files",
];

/// The name of a lab's picture.
pub(crate) fn icon(lab: &Lab) -> &'static str {
    let own = ICONS.iter().find(|known| **known == lab.icon);
    own.copied().unwrap_or(match lab.kind {
        LabKind::Notebook => "notebook",
        LabKind::Desktop => "desktop",
        LabKind::Terminal => "terminal",
        LabKind::Application => "application",
        LabKind::Vm => "vm",
    })
}

#[derive(Template)]
#[template(path = "labs.html")]
struct LabsPage {
    shell: Shell,
    q: String,
    kinds: Vec<Choice>,
    domains: Vec<Choice>,
    selection: Option<Selected>,
    labs: Vec<LabRow>,
    none: bool,
}

/// A value of a filter.
struct Choice {
    value: String,
    label: String,
    selected: bool,
}

/// The selection that is to be opened.
struct Selected {
    id: String,
    href: String,
    text: String,
}

struct LabRow {
    id: String,
    title: String,
    description: String,
    icon: &'static str,
    kind: String,
    domains: String,
    opens: Option<String>,
    href: String,
    why_not: Option<String>,
    launchable: bool,
    /// What the script searches in.
    words: String,
}

/// What is looked for.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct LabsParams {
    #[serde(deserialize_with = "once")]
    q: Option<String>,
    #[serde(deserialize_with = "once")]
    kind: Option<String>,
    #[serde(deserialize_with = "once")]
    domain: Option<String>,
    #[serde(deserialize_with = "once")]
    selection: Option<String>,
}

impl LabsParams {
    /// Whether a lab is one of those looked for.
    fn fits(&self, lab: &Lab, words: &str) -> bool {
        let q = self.q.as_deref().unwrap_or_default().to_lowercase();
        q.split_whitespace().all(|word| words.contains(word))
            && self
                .kind
                .as_deref()
                .is_none_or(|kind| kind == kind_name(lab.kind))
            && self
                .domain
                .as_ref()
                .is_none_or(|domain| lab.domain.contains(domain))
    }
}

/// A kind as addresses and JSON name it.
fn kind_name(kind: LabKind) -> String {
    serde_json::to_value(kind)
        .ok()
        .and_then(|value| value.as_str().map(ToOwned::to_owned))
        .unwrap_or_default()
}

/// A kind as people call it.
fn kind_title(kind: LabKind) -> String {
    let said = match kind {
        LabKind::Notebook => t("Notebooks"),
        LabKind::Desktop => t("Desktop"),
        LabKind::Terminal => t("Terminal"),
        LabKind::Application => t("Web application"),
        LabKind::Vm => t("Virtual machine"),
    };
    said.into()
}

pub(crate) async fn list(
    State(app): State<App>,
    caller: Option<Caller>,
    FromQuery(params): FromQuery<LabsParams>,
) -> Result<Response, Problem> {
    let (selection, n_files) = selected(&app, caller.as_ref(), params.selection.as_deref()).await?;
    let catalogue = app.labs.catalogue();
    let labs: Vec<(&Lab, Option<Opens>)> = match &n_files {
        Some(n_files) => {
            let opening = catalogue.opening(n_files).into_iter();
            opening.map(|(lab, opens)| (lab, Some(opens))).collect()
        }
        None => by_title(&app).into_iter().map(|lab| (lab, None)).collect(),
    };
    let domains: BTreeSet<&String> = catalogue.iter().flat_map(|lab| &lab.domain).collect();
    let kinds: BTreeMap<String, String> = catalogue
        .iter()
        .map(|lab| (kind_name(lab.kind), kind_title(lab.kind)))
        .collect();
    let rows: Vec<LabRow> = labs
        .into_iter()
        .map(|(lab, opens)| lab_row(&app, lab, opens, &params, caller.is_some()))
        .filter_map(|(row, fits)| fits.then_some(row))
        .collect();
    page(&LabsPage {
        shell: Shell::new(&app, caller.as_ref(), "labs", t("Labs")).await?,
        none: catalogue.iter().next().is_none(),
        kinds: kinds
            .into_iter()
            .map(|(value, label)| Choice {
                selected: params.kind.as_deref() == Some(&value),
                label,
                value,
            })
            .collect(),
        domains: domains
            .into_iter()
            .map(|domain| Choice {
                value: domain.clone(),
                label: domain.clone(),
                selected: params.domain.as_ref() == Some(domain),
            })
            .collect(),
        q: params.q.clone().unwrap_or_default(),
        selection,
        labs: rows,
    })
}

/// Every lab by its title; the one that opens notebooks comes first.
fn by_title(app: &App) -> Vec<&Lab> {
    let first = app.labs.catalogue().for_notebooks().map(Lab::id);
    let mut labs: Vec<&Lab> = app.labs.catalogue().iter().collect();
    labs.sort_by_key(|lab| (Some(lab.id()) != first, lab.title.to_lowercase()));
    labs
}

/// The selection of an address, and how many files of each media type it has.
async fn selected(
    app: &App,
    caller: Option<&Caller>,
    id: Option<&str>,
) -> Result<(Option<Selected>, Option<BTreeMap<String, u64>>), Problem> {
    let Some(id) = id else {
        return Ok((None, None));
    };
    let path = SelectionPath { id: id.to_owned() };
    let selection = path.selection(app, caller).await?;
    let selected = Selected {
        href: format!("/selections/{}", selection.id),
        text: format!(
            "{}, {}",
            tn("{n} product", "{n} products", selection.n_assets),
            format::maybe_size(selection.size_bytes)
        ),
        id: selection.id,
    };
    let n_files = media_types(app, &selected.id).await?;
    Ok((Some(selected), Some(n_files)))
}

fn lab_row(
    app: &App,
    lab: &Lab,
    opens: Option<Opens>,
    params: &LabsParams,
    may_launch: bool,
) -> (LabRow, bool) {
    let why_not = app.labs.why_not(lab);
    let kind = kind_title(lab.kind);
    let domains = lab.domain.join(", ");
    let id = lab.id();
    let words = [id.as_str(), &lab.title, &lab.description, &kind, &domains].join(" ");
    let words = words.to_lowercase();
    let fits = params.fits(lab, &words);
    let of = params.selection.as_ref();
    let row = LabRow {
        id,
        title: lab.title.clone(),
        description: lab.description.clone(),
        icon: icon(lab),
        kind,
        domains,
        opens: opens.map(opens_text),
        href: format!(
            "/labs/{}/{}{}",
            lab.namespace,
            lab.name,
            of.map(|id| format!("?selection={}", format::encode(id)))
                .unwrap_or_default()
        ),
        launchable: why_not.is_none() && may_launch,
        why_not,
        words,
    };
    (row, fits)
}

/// How many files a lab opens, as people say it.
pub(crate) fn opens_text(opens: Opens) -> String {
    let said = if opens.n_files < opens.of {
        tn(
            "opens {part} of {n} file",
            "opens {part} of {n} files",
            opens.of,
        )
        .with("part", format::count(opens.n_files))
    } else if opens.of == 1 {
        t("opens the file")
    } else {
        t("opens all files")
    };
    said.into()
}

#[derive(Template)]
#[template(path = "lab.html")]
struct LabPage {
    shell: Shell,
    id: String,
    title: String,
    description: String,
    icon: &'static str,
    facts: Vec<Pair>,
    login_hint: Option<String>,
    why_not: Option<String>,
    launchable: bool,
    selection: Option<Selected>,
    opens: Option<String>,
    volumes: Vec<VolumeChoice>,
    others: Vec<VolumeChoice>,
    mounts: bool,
    options: Vec<LabOption>,
    time_limits: Vec<(u64, String)>,
}

/// How long a datalab may run, in seconds.
fn time_limits() -> Vec<(u64, String)> {
    let hours = |n: u64| (n * 3_600, tn("{n} hour", "{n} hours", n).into());
    vec![
        hours(1),
        hours(4),
        hours(8),
        (24 * 3_600, tn("{n} day", "{n} days", 1).into()),
        (7 * 24 * 3_600, tn("{n} week", "{n} weeks", 1).into()),
    ]
}

/// For what a lab is to be launched.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct LabParams {
    #[serde(deserialize_with = "once")]
    selection: Option<String>,
}

pub(crate) async fn show(
    State(app): State<App>,
    caller: Option<Caller>,
    FromPath(path): FromPath<LabPath>,
    FromQuery(params): FromQuery<LabParams>,
) -> Result<Response, Problem> {
    let lab = path.lab(&app)?;
    let (selection, n_files) = selected(&app, caller.as_ref(), params.selection.as_deref()).await?;
    let why_not = app.labs.why_not(lab);
    let volumes = volume_choices(&app, caller.as_ref(), None).await?;
    let others = mountable(&app, caller.as_ref()).await?;
    let everything = t("everything").to_string();
    let opens = lab.media_types.join(", ").replace("*/*", &everything);
    let facts = [
        (t("Kind"), kind_title(lab.kind)),
        (t("Domains"), lab.domain.join(", ")),
        (t("Opens"), opens),
        (t("Lab"), lab.id()),
    ];
    page(&LabPage {
        shell: Shell::new(
            &app,
            caller.as_ref(),
            "labs",
            t("Launch {title}").with("title", &lab.title),
        )
        .await?,
        id: lab.id(),
        title: lab.title.clone(),
        description: lab.description.clone(),
        icon: icon(lab),
        facts: facts
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| Pair::new(&name.to_string(), value))
            .collect(),
        login_hint: lab.login_hint.clone(),
        launchable: why_not.is_none() && caller.is_some(),
        why_not,
        opens: n_files.map(|n_files| opens_text(lab.opens_of(&n_files))),
        selection,
        volumes,
        others,
        mounts: app.labs.mounts(),
        options: lab.options.clone(),
        time_limits: time_limits(),
    })
}

/// The volumes that can be in a datalab beside the workspace, which always is.
async fn mountable(app: &App, caller: Option<&Caller>) -> Result<Vec<VolumeChoice>, Problem> {
    let Some(caller) = caller else {
        return Ok(Vec::new());
    };
    let volumes = app.store.volumes(&caller.user.id).await?.into_iter();
    let others = volumes.filter(|volume| {
        volume.name != gantry_staging::WORKSPACE && app.labs.mountable(&volume.kind)
    });
    Ok(others
        .map(|volume| VolumeChoice {
            label: volume.title.clone(),
            selected: false,
            name: volume.name,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_picture_of_a_lab_and_of_a_kind_is_drawn() {
        let drawn = include_str!("../../assets/labs.svg");
        let kinds = ["notebook", "desktop", "terminal", "application", "vm"];
        for name in ICONS.iter().chain(&kinds) {
            assert!(drawn.contains(&format!("<symbol id=\"{name}\"")), "{name}");
        }
        for lab in gantry_labs::LabCatalogue::load(None).unwrap().iter() {
            assert_eq!(icon(lab), lab.icon, "{}", lab.id());
        }
    }
}
