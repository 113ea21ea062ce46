//! What the forms of the file browser do: make a folder, move, delete.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use gantry_staging::volume::VolumePath;
use serde::Deserialize;

use super::folder_href;
use crate::app::App;
use crate::extract::{FromForm, FromPath, once};
use crate::identity::Caller;
use crate::problem::{BAD_REQUEST, Problem};
use crate::rest::files::{make_folder, move_to, remove};
use crate::rest::volumes::NamePath;

/// A form about one path.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct PathForm {
    #[serde(deserialize_with = "once")]
    csrf: Option<String>,
    /// What is there, or the folder something new is made in.
    #[serde(deserialize_with = "once")]
    path: Option<String>,
    /// The name of what is new.
    #[serde(deserialize_with = "once")]
    name: Option<String>,
    /// Where something goes.
    #[serde(deserialize_with = "once")]
    to: Option<String>,
}

/// Back to the folder something lies in.
fn back(volume: &str, path: &VolumePath) -> Response {
    let folder = path.parent().unwrap_or_else(VolumePath::root);
    Redirect::to(&folder_href(volume, &folder)).into_response()
}

pub(crate) async fn new_folder(
    State(app): State<App>,
    caller: Caller,
    FromPath(at): FromPath<NamePath>,
    FromForm(form): FromForm<PathForm>,
) -> Result<Response, Problem> {
    caller.check_form(form.csrf.as_deref())?;
    let folder = VolumePath::parse(&form.path.unwrap_or_default())?;
    let name = form.name.unwrap_or_default();
    if name.trim().is_empty() {
        return Err(Problem::new(&BAD_REQUEST, "give the folder a name"));
    }
    let path = folder.join(name.trim())?;
    make_folder(&app, &caller, (&at.name, path.as_str())).await?;
    Ok(Redirect::to(&folder_href(&at.name, &path)).into_response())
}

pub(crate) async fn move_file(
    State(app): State<App>,
    caller: Caller,
    FromPath(at): FromPath<NamePath>,
    FromForm(form): FromForm<PathForm>,
) -> Result<Response, Problem> {
    caller.check_form(form.csrf.as_deref())?;
    let to = form.to.unwrap_or_default();
    let path = form.path.unwrap_or_default();
    move_to(&app, &caller, (&at.name, &path), to.trim()).await?;
    Ok(back(&at.name, &VolumePath::parse(to.trim())?))
}

pub(crate) async fn delete_file(
    State(app): State<App>,
    caller: Caller,
    FromPath(at): FromPath<NamePath>,
    FromForm(form): FromForm<PathForm>,
) -> Result<Response, Problem> {
    caller.check_form(form.csrf.as_deref())?;
    let path = form.path.unwrap_or_default();
    remove(&app, &caller, (&at.name, &path)).await?;
    Ok(back(&at.name, &VolumePath::parse(&path)?))
}
