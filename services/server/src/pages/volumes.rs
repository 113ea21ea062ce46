//! The pages of volumes.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use gantry_staging::volume::{Entry as FileEntry, VolumePath};
use serde::Deserialize;

use super::login::BareForm;
use super::page;
use super::shell::{Link, Shell};
use crate::app::App;
use crate::extract::{FromForm, FromPath, FromQuery, once};
use crate::format;
use crate::identity::Caller;
use crate::problem::Problem;
use crate::rest::files::remove;
use crate::rest::volumes::{
    CreateVolume, NamePath, create as create_volume, delete as delete_volume,
};

#[derive(Template)]
#[template(path = "volumes.html")]
struct VolumesPage {
    shell: Shell,
    volumes: Vec<VolumeRow>,
    error: Option<String>,
    name: String,
    title: String,
}

struct VolumeRow {
    name: String,
    title: String,
    kind: String,
    path: String,
    href: String,
    mountable: bool,
    permanent: bool,
    used: String,
    quota: Option<String>,
    used_percent: Option<u8>,
    state: Option<String>,
}

pub(crate) async fn list(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    volumes_page(&app, &caller, None, &VolumeForm::default()).await
}

async fn volumes_page(
    app: &App,
    caller: &Caller,
    error: Option<String>,
    form: &VolumeForm,
) -> Result<Response, Problem> {
    let volumes = app.store.volumes(&caller.may("volumes:read")?.id).await?;
    let rows = volumes
        .iter()
        .map(|volume| {
            let opened = app.volumes.open(volume);
            let free = opened
                .as_ref()
                .ok()
                .and_then(|files| files.space())
                .map(|space| format!("{} free", format::size(space.free_bytes)));
            VolumeRow {
                name: volume.name.clone(),
                title: volume.title.clone(),
                kind: volume.kind.clone(),
                path: volume.path.clone(),
                href: format!("/volumes/{}", volume.name),
                mountable: app.labs.mountable(&volume.kind),
                permanent: volume.permanent,
                used: free.unwrap_or_default(),
                quota: None,
                used_percent: None,
                state: opened.err().map(|error| error.to_string()),
            }
        })
        .collect();
    page(&VolumesPage {
        shell: Shell::new(app, Some(caller), "volumes", "Volumes").await?,
        volumes: rows,
        error,
        name: form.name.clone().unwrap_or_default(),
        title: form.title.clone().unwrap_or_default(),
    })
}

/// The form that makes a volume.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct VolumeForm {
    #[serde(deserialize_with = "once")]
    csrf: Option<String>,
    #[serde(deserialize_with = "once")]
    name: Option<String>,
    #[serde(deserialize_with = "once")]
    title: Option<String>,
    #[serde(deserialize_with = "once")]
    kind: Option<String>,
}

pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    FromForm(form): FromForm<VolumeForm>,
) -> Result<Response, Problem> {
    caller.check_form(form.csrf.as_deref())?;
    let user = caller.may("volumes:write")?;
    let asked = CreateVolume {
        name: form.name.clone().unwrap_or_default().trim().to_owned(),
        title: form.title.clone(),
        kind: form.kind.clone(),
        ..CreateVolume::default()
    };
    match create_volume(&app, user, asked).await {
        Ok(volume) => Ok(Redirect::to(&format!("/volumes/{}", volume.name)).into_response()),
        Err(problem) if problem.status < 500 => {
            let shown = volumes_page(&app, &caller, Some(problem.detail), &form).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, shown).into_response())
        }
        Err(problem) => Err(problem),
    }
}

#[derive(Template)]
#[template(path = "volume.html")]
struct VolumePage {
    shell: Shell,
    name: String,
    title: String,
    kind: String,
    real_path: String,
    crumbs: Vec<Link>,
    entries: Vec<Entry>,
    up_href: Option<String>,
    next: Option<String>,
    deletable: bool,
}

struct Entry {
    name: String,
    path: String,
    href: String,
    folder: bool,
    size: String,
    modified: String,
    linked: bool,
}

/// Which folder, and from which entry on.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct FolderParams {
    #[serde(deserialize_with = "once")]
    path: Option<String>,
    #[serde(deserialize_with = "once")]
    after: Option<usize>,
}

const PAGE: usize = 500;

pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    FromPath(at): FromPath<NamePath>,
    FromQuery(params): FromQuery<FolderParams>,
) -> Result<Response, Problem> {
    let volume = app
        .store
        .volume(&caller.may("volumes:read")?.id, &at.name)
        .await?;
    let files = app.volumes.open(&volume)?;
    let folder = VolumePath::parse(params.path.as_deref().unwrap_or_default())?;
    let all = files.list(&folder).await?;
    let from = params.after.unwrap_or(0);
    let entries: Vec<Entry> = all
        .iter()
        .skip(from)
        .take(PAGE)
        .map(|entry| shown(&volume.name, &folder, entry))
        .collect();
    let next = from + entries.len();
    page(&VolumePage {
        shell: Shell::new(&app, Some(&caller), "volumes", volume.title.clone()).await?,
        crumbs: crumbs(&volume.name, &volume.title, &folder),
        up_href: folder
            .parent()
            .map(|parent| folder_href(&volume.name, &parent)),
        next: (next < all.len())
            .then(|| format!("{}&after={next}", folder_href(&volume.name, &folder))),
        entries,
        name: volume.name,
        title: volume.title,
        kind: volume.kind,
        real_path: volume.path,
        deletable: !volume.permanent,
    })
}

fn folder_href(volume: &str, folder: &VolumePath) -> String {
    format!("/volumes/{volume}?path={}", format::encode(folder.as_str()))
}

fn crumbs(volume: &str, title: &str, folder: &VolumePath) -> Vec<Link> {
    let mut crumbs = Vec::new();
    let mut at = Some(folder.clone());
    while let Some(here) = at {
        let text = if here.is_root() {
            title.to_owned()
        } else {
            here.name().to_owned()
        };
        crumbs.push(Link::new(text, folder_href(volume, &here)));
        at = here.parent();
    }
    crumbs.reverse();
    crumbs
}

fn shown(volume: &str, folder: &VolumePath, entry: &FileEntry) -> Entry {
    let path = folder
        .join(&entry.name)
        .map(|path| path.as_str().to_owned())
        .unwrap_or_default();
    let encoded: Vec<String> = path
        .split('/')
        .map(|step| format::encode(step).replace('+', "%20"))
        .collect();
    let href = if entry.is_folder {
        format!("/volumes/{volume}?path={}", format::encode(&path))
    } else {
        format!("/api/v1/volumes/{volume}/files/{}", encoded.join("/"))
    };
    Entry {
        name: entry.name.clone(),
        href,
        folder: entry.is_folder,
        size: if entry.is_folder {
            String::new()
        } else {
            format::size(entry.size_bytes)
        },
        modified: format::time(chrono::DateTime::from_timestamp_nanos(entry.modified_ns)),
        linked: entry.is_link,
        path,
    }
}

pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    FromPath(at): FromPath<NamePath>,
    FromForm(form): FromForm<BareForm>,
) -> Result<Response, Problem> {
    caller.check_form(form.csrf.as_deref())?;
    delete_volume(&app, caller.may("volumes:write")?, &at.name).await?;
    Ok(Redirect::to("/volumes").into_response())
}

/// The form that deletes a file.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct DeleteForm {
    #[serde(deserialize_with = "once")]
    csrf: Option<String>,
    #[serde(deserialize_with = "once")]
    path: Option<String>,
}

pub(crate) async fn delete_file(
    State(app): State<App>,
    caller: Caller,
    FromPath(at): FromPath<NamePath>,
    FromForm(form): FromForm<DeleteForm>,
) -> Result<Response, Problem> {
    caller.check_form(form.csrf.as_deref())?;
    let path = form.path.unwrap_or_default();
    remove(&app, &caller, (&at.name, &path)).await?;
    let folder = VolumePath::parse(&path)?
        .parent()
        .unwrap_or_else(VolumePath::root);
    Ok(Redirect::to(&folder_href(&at.name, &folder)).into_response())
}
