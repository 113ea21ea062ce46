//! Writing small text files on a page.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use gantry_staging::volume::VolumePath;
use serde::Deserialize;

use super::super::page;
use super::super::shell::{Link, Shell};
use super::{crumbs, file_href};
use crate::app::App;
use crate::extract::{FromForm, FromPath, FromQuery, once};
use crate::identity::Caller;
use crate::problem::{BAD_REQUEST, Problem};
use crate::rest::files::{Place, etag, place, refuse_part};
use crate::rest::volumes::NamePath;
use crate::words::{filters, t};

/// The longest text that is written on a page.
const LONGEST: usize = 256 << 10;

#[derive(Template)]
#[template(path = "volume_edit.html")]
struct EditPage {
    shell: Shell,
    volume: String,
    crumbs: Vec<Link>,
    /// The path of the file; empty for a new one.
    path: String,
    folder: String,
    text: String,
    /// The state of the file that the text is of.
    etag: String,
    error: Option<String>,
}

/// Which file, or in which folder a new one.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct EditParams {
    #[serde(deserialize_with = "once")]
    path: Option<String>,
    #[serde(deserialize_with = "once")]
    folder: Option<String>,
}

pub(crate) async fn edit(
    State(app): State<App>,
    caller: Caller,
    FromPath(at): FromPath<NamePath>,
    FromQuery(params): FromQuery<EditParams>,
) -> Result<Response, Problem> {
    let path = params.path.unwrap_or_default();
    let found = place(&app, &caller, (&at.name, &path), "volumes:read").await?;
    let (text, etag) = match found.path.is_root() {
        true => (String::new(), String::new()),
        false => read(&found).await?,
    };
    let shown = Shown {
        folder: params.folder.unwrap_or_default(),
        path,
        text,
        etag,
        error: None,
    };
    edit_page(&app, &caller, &found, shown).await
}

/// What stands on the page of the editor.
struct Shown {
    path: String,
    folder: String,
    text: String,
    etag: String,
    error: Option<String>,
}

async fn edit_page(
    app: &App,
    caller: &Caller,
    found: &Place,
    shown: Shown,
) -> Result<Response, Problem> {
    let folder = match shown.path.is_empty() {
        true => VolumePath::parse(&shown.folder)?,
        false => VolumePath::parse(&shown.path)?
            .parent()
            .unwrap_or_else(VolumePath::root),
    };
    let title = match shown.path.is_empty() {
        true => t("New file"),
        false => t("Edit {path}").with("path", &shown.path),
    };
    page(&EditPage {
        shell: Shell::new(app, Some(caller), "volumes", title).await?,
        crumbs: crumbs(&found.volume.name, &found.volume.title, &folder),
        volume: found.volume.name.clone(),
        path: shown.path,
        folder: folder.to_string(),
        text: shown.text,
        etag: shown.etag,
        error: shown.error,
    })
}

/// The text of a file, and which state of it that is.
async fn read(found: &Place) -> Result<(String, String), Problem> {
    let entry = found.files.stat(&found.path).await?;
    let entry = entry
        .filter(|entry| !entry.is_folder)
        .ok_or_else(|| Problem::not_found("file", found.path.as_str()))?;
    let refuse = |why: &str| {
        let text = format!("`{}` {why}; download it instead", found.path);
        Problem::new(&BAD_REQUEST, text)
    };
    let reading = found.files.read(&found.path, 0, None).await?;
    let bytes = reading.bytes(LONGEST + 1).await?;
    if bytes.len() > LONGEST {
        return Err(refuse("is too long to be written on a page"));
    }
    let text = String::from_utf8(bytes).map_err(|_| refuse("is no text"))?;
    Ok((text, etag(&entry)))
}

/// What is written.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct EditForm {
    #[serde(deserialize_with = "once")]
    csrf: Option<String>,
    #[serde(deserialize_with = "once")]
    path: Option<String>,
    #[serde(deserialize_with = "once")]
    folder: Option<String>,
    #[serde(deserialize_with = "once")]
    name: Option<String>,
    #[serde(deserialize_with = "once")]
    etag: Option<String>,
    #[serde(deserialize_with = "once")]
    text: Option<String>,
}

pub(crate) async fn save(
    State(app): State<App>,
    caller: Caller,
    FromPath(at): FromPath<NamePath>,
    FromForm(form): FromForm<EditForm>,
) -> Result<Response, Problem> {
    caller.check_form(form.csrf.as_deref())?;
    let known = form.path.clone().unwrap_or_default();
    let folder = form.folder.clone().unwrap_or_default();
    let path = match known.is_empty() {
        true => {
            let name = form.name.as_deref().unwrap_or_default().trim();
            if name.is_empty() {
                return Err(Problem::new(&BAD_REQUEST, "give the file a name"));
            }
            VolumePath::parse(&folder)?.join(name)?
        }
        false => VolumePath::parse(&known)?,
    };
    refuse_part(&path)?;
    let found = place(&app, &caller, (&at.name, path.as_str()), "volumes:write").await?;
    // Browsers send lines with both ends.
    let text = form.text.unwrap_or_default().replace("\r\n", "\n");
    let there = found.files.stat(&path).await?;
    let now = there.as_ref().map(etag).unwrap_or_default();
    if now != form.etag.unwrap_or_default() {
        let error = match known.is_empty() {
            true => t("there is a {path} already; choose another name"),
            false => t(
                "{path} was changed by somebody else since you opened it; save once more to replace it, or copy your text and open it anew",
            ),
        };
        let shown = Shown {
            etag: if known.is_empty() { String::new() } else { now },
            path: known,
            folder,
            text,
            error: Some(error.with("path", &path).into()),
        };
        let shown = edit_page(&app, &caller, &found, shown).await?;
        return Ok((StatusCode::CONFLICT, shown).into_response());
    }
    found.files.write(&path, text.into()).await?;
    app.store
        .forget_staged(&found.volume.id, path.as_str())
        .await?;
    Ok(Redirect::to(&file_href(&at.name, "preview", &path)).into_response())
}
