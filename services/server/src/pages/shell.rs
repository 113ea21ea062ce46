//! What every page has: the header with who asks and how the archives are.

use std::collections::BTreeMap;

use gantry_labs::EnvironmentState;

use super::labs::opens_text;
use crate::app::{App, Following};
use crate::config::MaintenanceConfig;
use crate::format;
use crate::identity::Caller;
use crate::problem::Problem;
use crate::words::{self, Language, t, tn};

/// The frame of a page.
pub(crate) struct Shell {
    pub(crate) title: String,
    pub(crate) user: Option<String>,
    pub(crate) csrf: String,
    pub(crate) nav: &'static str,
    pub(crate) n_datalabs: usize,
    pub(crate) archives: Vec<ArchiveLight>,
    pub(crate) language: &'static Language,
    pub(crate) languages: Vec<OtherLanguage>,
}

/// This page in another language.
pub(crate) struct OtherLanguage {
    pub(crate) tag: &'static str,
    pub(crate) name: &'static str,
    pub(crate) href: String,
}

/// How one archive is, in the header.
pub(crate) struct ArchiveLight {
    pub(crate) title: String,
    pub(crate) state: &'static str,
    /// The state, in the reader's language.
    pub(crate) state_text: String,
    pub(crate) text: String,
}

/// A text with an address.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) text: String,
    pub(crate) href: String,
}

impl Link {
    pub(crate) fn new(text: impl Into<String>, href: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            href: href.into(),
        }
    }
}

/// A name with a value.
pub(crate) struct Pair {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl Pair {
    pub(crate) fn new(name: &str, value: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            value: value.into(),
        }
    }
}

/// A volume to choose.
pub(crate) struct VolumeChoice {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) selected: bool,
}

/// A lab to choose.
pub(crate) struct LabChoice {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) selected: bool,
}

impl Shell {
    pub(crate) async fn new(
        app: &App,
        caller: Option<&Caller>,
        nav: &'static str,
        title: impl Into<String>,
    ) -> Result<Self, Problem> {
        let n_datalabs = match caller {
            Some(caller) => app
                .store
                .datalabs(&caller.user.id, None, 100)
                .await?
                .iter()
                .filter(|datalab| !datalab.phase.is_final())
                .count(),
            None => 0,
        };
        Ok(Self {
            title: title.into(),
            user: caller.map(|caller| caller.user.name.clone()),
            csrf: caller
                .and_then(|caller| caller.csrf.clone())
                .unwrap_or_default(),
            nav,
            n_datalabs,
            archives: lights(app),
            language: words::language(),
            languages: words::others()
                .into_iter()
                .map(|(other, href)| OtherLanguage {
                    tag: other.tag,
                    name: other.name,
                    href,
                })
                .collect(),
        })
    }
}

fn lights(app: &App) -> Vec<ArchiveLight> {
    let light = |(_, access): (_, &gantry_staging::ArchiveAccess)| {
        let (state, text) = app.archive_state(&*access.connector);
        let title = access.connector.archive().title.clone();
        ArchiveLight {
            title: title
                .strip_suffix(" Legacy Archive")
                .map_or(title.clone(), ToOwned::to_owned),
            state,
            state_text: state_text(state),
            text,
        }
    };
    app.archives.iter().map(light).collect()
}

/// How something is, in a word of the reader's language.
pub(crate) fn state_text(state: &str) -> String {
    match state {
        "ok" => t("ok"),
        "slow" => t("slow"),
        "down" => t("down"),
        _ => t("unknown"),
    }
    .into()
}

/// The caller's volumes to choose from; the one named, else the workspace, is chosen.
pub(crate) async fn volume_choices(
    app: &App,
    caller: Option<&Caller>,
    chosen: Option<&str>,
) -> Result<Vec<VolumeChoice>, Problem> {
    let Some(caller) = caller else {
        return Ok(Vec::new());
    };
    let volumes = app.store.volumes(&caller.user.id).await?;
    let chosen = chosen.unwrap_or(gantry_staging::WORKSPACE);
    Ok(volumes
        .iter()
        // Nothing can be put into what is read-only.
        .filter(|volume| volume.catalogue.is_none())
        .map(|volume| {
            let free = app
                .volumes
                .open(volume)
                .ok()
                .and_then(|files| files.space())
                .map(|space| t("{size} free").with("size", format::size(space.free_bytes)))
                .map(|free| format!(" · {free}"));
            VolumeChoice {
                name: volume.name.clone(),
                label: format!("{}{}", volume.name, free.unwrap_or_default()),
                selected: volume.name == chosen,
            }
        })
        .collect())
}

/// The labs to choose from for files of these media types, each with how many there are: those that can be launched
/// here and open some, or all where none does. The one that opens notebooks is chosen.
pub(crate) fn lab_choices(
    app: &App,
    caller: Option<&Caller>,
    n_files: &BTreeMap<String, u64>,
) -> Vec<LabChoice> {
    let catalogue = app.labs.catalogue();
    let default = catalogue.for_notebooks().map(gantry_labs::Lab::id);
    let mut labs: Vec<_> = catalogue
        .opening(n_files)
        .into_iter()
        .map(|(lab, opens)| (lab, Some(opens)))
        .collect();
    if labs.is_empty() {
        labs = catalogue.iter().map(|lab| (lab, None)).collect();
    }
    // Why none can be launched is told when one is.
    let here = labs.iter().filter(|(lab, _)| app.labs.lacks(lab).is_none());
    here.filter(|_| caller.is_some())
        .map(|(lab, opens)| {
            let part = opens.filter(|opens| opens.n_files < opens.of);
            let part = part.map(|opens| format!(" · {}", opens_text(opens)));
            LabChoice {
                id: lab.id(),
                label: format!("{}{}", lab.title, part.unwrap_or_default()),
                selected: Some(lab.id()) == default,
            }
        })
        .collect()
}

/// How many files of each media type some assets have.
pub(crate) fn media_types_of<'a>(
    assets: impl IntoIterator<Item = &'a gantry_asset::Asset>,
) -> BTreeMap<String, u64> {
    let mut n_files = BTreeMap::new();
    for file in assets.into_iter().flat_map(|asset| &asset.files) {
        *n_files.entry(file.media_type.clone()).or_default() += 1;
    }
    n_files
}

/// One part of the service and how it is.
pub(crate) struct Component {
    pub(crate) name: String,
    pub(crate) state: &'static str,
    /// The state, in the reader's language.
    pub(crate) state_text: String,
    pub(crate) text: String,
}

impl Component {
    fn new(name: impl Into<String>, (state, text): (&'static str, String)) -> Self {
        Self {
            name: name.into(),
            state,
            state_text: state_text(state),
            text,
        }
    }
}

/// The parts of the service and how they are.
pub(crate) async fn components(app: &App) -> Vec<Component> {
    let record = match app.store.change_number().await {
        Ok(number) => (
            "ok",
            tn("{n} change so far", "{n} changes so far", number).into(),
        ),
        Err(error) => ("down", error.to_string()),
    };
    let labs = match &*app.environment.borrow() {
        EnvironmentState::Ready(_) => ("ok", t("the labs' environment is there").into()),
        EnvironmentState::Making(text) => ("slow", text.clone()),
        EnvironmentState::Failed(text) => ("down", text.clone()),
    };
    let n_assets = app.index.n_assets();
    let indexed = tn(
        "{n} asset in the index",
        "{n} assets in the index",
        n_assets,
    );
    let search = match &*app.following.borrow() {
        Following::Up => ("ok", indexed.into()),
        Following::Begins => ("slow", indexed.into()),
        Following::Fails(why) => (
            "down",
            t("the index does not follow the catalogue: {reason}")
                .with("reason", why)
                .into(),
        ),
    };
    let mut parts = vec![
        Component::new(t("Catalogue"), record),
        Component::new(t("Search"), search),
        Component::new(t("Labs"), labs),
    ];
    for (_, access) in app.archives.iter() {
        let title = access.connector.archive().title.clone();
        parts.push(Component::new(title, app.archive_state(&*access.connector)));
    }
    parts
}

/// How the service is: its parts, what is wrong with them, and what is planned.
pub(crate) struct State {
    pub(crate) components: Vec<Component>,
    /// The part, and what is the matter.
    pub(crate) incidents: Vec<(String, String)>,
    pub(crate) maintenance: Vec<MaintenanceConfig>,
}

impl State {
    pub(crate) async fn of(app: &App) -> Self {
        let components = components(app).await;
        let down = components.iter().filter(|part| part.state == "down");
        let mut incidents: Vec<(String, String)> = down
            .map(|part| (part.name.clone(), part.text.clone()))
            .collect();
        for (id, access) in app.archives.iter() {
            if let Some(notice) = app.notices.of(id) {
                incidents.push((access.connector.archive().title.clone(), notice));
            }
        }
        let planned = app.config.maintenance.iter();
        Self {
            components,
            incidents,
            maintenance: planned
                .filter(|planned| planned.until > chrono::Utc::now())
                .cloned()
                .collect(),
        }
    }
}
