//! The pages of volumes: the list and its forms, the file browser, previews, the editor.

mod browse;
mod edit;
mod files;
mod forms;
mod list;
mod preview;

use gantry_staging::volume::VolumePath;
use gantry_store::Volume;

use super::shell::Link;
use crate::app::App;
use crate::format;
use crate::words::t;

pub(crate) use browse::{change, delete, show, test};
pub(crate) use edit::{edit, save};
pub(crate) use files::{delete_file, move_file, new_folder};
pub(crate) use list::{create, list};
pub(crate) use preview::{image, preview};

fn folder_href(volume: &str, folder: &VolumePath) -> String {
    format!("/volumes/{volume}?path={}", format::encode(folder.as_str()))
}

/// The address of a page about a file.
fn file_href(volume: &str, page: &str, path: &VolumePath) -> String {
    format!(
        "/volumes/{volume}/{page}?path={}",
        format::encode(path.as_str())
    )
}

/// The address of a file's bytes.
fn bytes_href(volume: &str, path: &VolumePath) -> String {
    let path = format::encode_path(path.as_str());
    format!("/api/v1/volumes/{volume}/files/{path}")
}

/// The way from the root of a volume to a folder.
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

/// Where a volume is, for people: its folder, or its address without the password.
fn place(app: &App, volume: &Volume) -> String {
    if volume.catalogue.is_some() {
        return t("shared by whoever runs this service").into();
    }
    match app.volumes.elsewhere(volume) {
        Ok(Some((elsewhere, credentials))) => elsewhere.masked(credentials.password.is_some()),
        _ => volume.path.clone(),
    }
}
