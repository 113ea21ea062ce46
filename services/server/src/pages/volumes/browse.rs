//! One volume: what it is, whether it works, and its files.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use gantry_staging::volume::{Credentials, Elsewhere, Entry as FileEntry, Files, Kind, VolumePath};
use gantry_store::Volume;
use serde::Deserialize;
use serde_json::Value;

use super::super::login::BareForm;
use super::super::page;
use super::super::shell::{Link, Shell};
use super::forms::{Field, VolumeForm, kind_title, known_fields};
use super::list::trouble;
use super::{bytes_href, crumbs, file_href, folder_href, place};
use crate::app::App;
use crate::extract::{FromForm, FromPath, FromQuery, once};
use crate::format;
use crate::identity::Caller;
use crate::problem::Problem;
use crate::rest::listing::{ListParams, Listing};
use crate::rest::volumes::{ChangeVolume, NamePath, change_one, delete as delete_volume, try_out};
use crate::words::{filters, t};

#[derive(Template)]
#[template(path = "volume.html")]
struct VolumePage {
    shell: Shell,
    name: String,
    title: String,
    kind: String,
    place: String,
    room: String,
    trouble: Option<String>,
    is_new: bool,
    is_elsewhere: bool,
    writable: bool,
    mountable: bool,
    deletable: bool,
    error: Option<String>,
    steps: Vec<Step>,
    login: Vec<Field>,
    asks_plain: bool,
    crumbs: Vec<Link>,
    folder: String,
    q: String,
    hidden: bool,
    sort: String,
    columns: Vec<Column>,
    entries: Vec<Entry>,
    up_href: Option<String>,
    total: String,
    next: Option<String>,
    /// Why the folder cannot be shown.
    unreadable: Option<String>,
}

/// One step of trying a volume out.
struct Step {
    name: String,
    why: Option<String>,
}

/// One column by which the files can be sorted.
struct Column {
    /// What tests call it.
    key: &'static str,
    title: String,
    href: String,
    /// `ascending`, `descending` or `none`.
    sort: &'static str,
    number: bool,
}

struct Entry {
    name: String,
    path: String,
    href: String,
    preview_href: Option<String>,
    folder: bool,
    size: String,
    modified: String,
    linked: bool,
}

/// Which folder, and how it is listed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct FolderParams {
    #[serde(deserialize_with = "once")]
    path: Option<String>,
    #[serde(deserialize_with = "once")]
    sort: Option<String>,
    #[serde(deserialize_with = "once")]
    q: Option<String>,
    #[serde(deserialize_with = "once")]
    hidden: Option<String>,
    #[serde(deserialize_with = "once")]
    after: Option<usize>,
    #[serde(deserialize_with = "once")]
    new: Option<String>,
}

const PAGE: usize = 500;

pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    FromPath(at): FromPath<NamePath>,
    FromQuery(params): FromQuery<FolderParams>,
) -> Result<Response, Problem> {
    let said = Said::default();
    volume_page(&app, &caller, &at.name, &params, said).await
}

/// What a form that was sent is answered with, beside the volume.
#[derive(Default)]
pub(super) struct Said {
    error: Option<String>,
    steps: Vec<Step>,
}

async fn volume_page(
    app: &App,
    caller: &Caller,
    name: &str,
    params: &FolderParams,
    said: Said,
) -> Result<Response, Problem> {
    let volume = app
        .store
        .volume(&caller.may("volumes:read")?.id, name)
        .await?;
    let files = app.volumes.open(&volume);
    let folder = VolumePath::parse(params.path.as_deref().unwrap_or_default())?;
    let (listing, unreadable) = match &files {
        Ok(files) => match listing(files, &folder, params).await? {
            Ok(listing) => (listing, None),
            Err(why) => (Listing::empty(), Some(why)),
        },
        Err(error) => (Listing::empty(), Some(error.to_string())),
    };
    let elsewhere = app.volumes.elsewhere(&volume).ok().flatten();
    let own = elsewhere.filter(|_| volume.catalogue.is_none());
    let kind = Kind::named(&volume.kind);
    page(&VolumePage {
        shell: Shell::new(app, Some(caller), "volumes", volume.title.clone()).await?,
        kind: kind.map_or_else(String::new, kind_title),
        place: place(app, &volume),
        room: room(files.as_ref().ok()),
        trouble: files
            .as_ref()
            .ok()
            .and_then(|files| files.as_remote().and_then(trouble)),
        is_new: params.new.is_some() && said.steps.is_empty(),
        is_elsewhere: own.is_some(),
        writable: volume.catalogue.is_none(),
        mountable: app.labs.mountable(&volume.kind),
        deletable: !volume.permanent,
        error: said.error,
        steps: said.steps,
        login: login_fields(kind, own),
        asks_plain: kind.is_some_and(Kind::sends_in_the_clear),
        crumbs: crumbs(&volume.name, &volume.title, &folder),
        up_href: folder
            .parent()
            .map(|parent| folder_href(&volume.name, &parent)),
        total: format::count(listing.total as u64),
        next: listing.next.map(|after| {
            format!(
                "{}&after={after}",
                list_href(&volume, &folder, params, None)
            )
        }),
        columns: columns(&volume, &folder, params),
        entries: listing
            .entries
            .iter()
            .map(|entry| shown(&volume.name, &folder, entry))
            .collect(),
        q: params.q.clone().unwrap_or_default(),
        hidden: params.hidden.is_some(),
        sort: params.sort.clone().unwrap_or_default(),
        folder: folder.to_string(),
        name: volume.name,
        title: volume.title,
        unreadable,
    })
}

/// The fields of the form that changes how storage elsewhere of one's own is reached.
fn login_fields(kind: Option<&Kind>, own: Option<(Elsewhere, Credentials)>) -> Vec<Field> {
    let known = own.zip(kind);
    known.map_or_else(Vec::new, |((own, _), kind)| {
        known_fields(kind, own.address.as_str(), &own.settings)
    })
}

/// The room that is left, in words.
pub(super) fn room(files: Option<&Files>) -> String {
    let space = files.and_then(Files::space);
    space.map_or_else(String::new, |space| {
        let size = format::size(space.free_bytes);
        t("{size} free").with("size", size).into()
    })
}

/// A page of a folder, or why it cannot be shown.
async fn listing(
    files: &Files,
    folder: &VolumePath,
    params: &FolderParams,
) -> Result<Result<Listing, String>, Problem> {
    let entries = match files.list(folder).await {
        Ok(entries) => entries,
        // A folder of this machine that is not there is a wrong address; storage elsewhere says why on its page.
        Err(error) if files.as_local().is_some() => return Err(error.into()),
        Err(error) => return Ok(Err(error.to_string())),
    };
    let params = ListParams {
        sort: params.sort.clone(),
        q: params.q.clone(),
        hidden: Some(params.hidden.is_some()),
        limit: Some(PAGE),
        after: params.after,
    };
    params.page(entries).map(Ok)
}

/// The address of this folder, listed in the same way, or sorted otherwise.
fn list_href(
    volume: &Volume,
    folder: &VolumePath,
    params: &FolderParams,
    sort: Option<&str>,
) -> String {
    let mut href = folder_href(&volume.name, folder);
    let sort = sort.or(params.sort.as_deref());
    for (name, value) in [("sort", sort), ("q", params.q.as_deref())] {
        if let Some(value) = value {
            href.push_str(&format!("&{name}={}", format::encode(value)));
        }
    }
    if params.hidden.is_some() {
        href.push_str("&hidden=1");
    }
    href
}

fn columns(volume: &Volume, folder: &VolumePath, params: &FolderParams) -> Vec<Column> {
    let now = params.sort.as_deref().unwrap_or("name");
    let column = |(key, title, by, number): (&'static str, String, &str, bool)| {
        let descending = format!("-{by}");
        let (sort, next) = match now {
            now if now == by => ("ascending", descending.as_str()),
            now if now == descending => ("descending", by),
            // Of sizes and dates the largest and newest are looked for first.
            _ if number => ("none", descending.as_str()),
            _ => ("none", by),
        };
        Column {
            key,
            title,
            href: list_href(volume, folder, params, Some(next)),
            sort,
            number,
        }
    };
    [
        ("Name", t("Name").into(), "name", false),
        ("Size", t("Size").into(), "size", true),
        ("Modified", t("Modified").into(), "modified", true),
    ]
    .map(column)
    .into()
}

fn shown(volume: &str, folder: &VolumePath, entry: &FileEntry) -> Entry {
    let path = folder
        .join(&entry.name)
        .unwrap_or_else(|_| VolumePath::root());
    Entry {
        name: entry.name.clone(),
        href: if entry.is_folder {
            folder_href(volume, &path)
        } else {
            bytes_href(volume, &path)
        },
        preview_href: (!entry.is_folder).then(|| file_href(volume, "preview", &path)),
        folder: entry.is_folder,
        size: if entry.is_folder {
            String::new()
        } else {
            format::size(entry.size_bytes)
        },
        modified: if entry.modified_ns == 0 {
            String::new()
        } else {
            format::time(chrono::DateTime::from_timestamp_nanos(entry.modified_ns))
        },
        linked: entry.is_link,
        path: path.to_string(),
    }
}

/// Tries the volume out and shows how each step went.
pub(crate) async fn test(
    State(app): State<App>,
    caller: Caller,
    FromPath(at): FromPath<NamePath>,
    FromForm(form): FromForm<BareForm>,
) -> Result<Response, Problem> {
    caller.check_form(form.csrf.as_deref())?;
    let user = caller.may("volumes:write")?;
    let volume = app.store.volume(&user.id, &at.name).await?;
    let tried = try_out(&app, &volume).await?;
    let step = |step: &Value| Step {
        name: step_name(step["step"].as_str().unwrap_or_default()),
        why: step["why"].as_str().map(ToOwned::to_owned),
    };
    let steps = tried["steps"].as_array().into_iter().flatten().map(step);
    let said = Said {
        steps: steps.collect(),
        ..Said::default()
    };
    volume_page(&app, &caller, &at.name, &FolderParams::default(), said).await
}

/// A step of trying a volume out, in the reader's language.
fn step_name(step: &str) -> String {
    match step {
        "open" => t("open").into(),
        "connect" => t("connect").into(),
        "list" => t("list").into(),
        "write" => t("write").into(),
        "read back" => t("read back").into(),
        "delete" => t("delete").into(),
        other => other.to_owned(),
    }
}

/// Changes the title, or how storage elsewhere is reached.
pub(crate) async fn change(
    State(app): State<App>,
    caller: Caller,
    FromPath(at): FromPath<NamePath>,
    FromForm(form): FromForm<VolumeForm>,
) -> Result<Response, Problem> {
    caller.check_form(form.csrf.as_deref())?;
    let user = caller.may("volumes:write")?;
    let change = ChangeVolume {
        title: form.title.clone(),
        login: form.login(),
    };
    match change_one(&app, user, &at.name, change).await {
        Ok(volume) => Ok(Redirect::to(&format!("/volumes/{}", volume.name)).into_response()),
        Err(problem) if problem.status < 500 && problem.status != 404 => {
            let said = Said {
                error: Some(problem.detail),
                ..Said::default()
            };
            let params = FolderParams::default();
            let shown = volume_page(&app, &caller, &at.name, &params, said).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, shown).into_response())
        }
        Err(problem) => Err(problem),
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
