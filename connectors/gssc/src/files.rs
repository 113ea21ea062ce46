//! The files of the tree and the addresses of their bytes.

use gantry_asset::{File, Location};
use gantry_net::{Entry, child};
use url::Url;

use crate::config::Facts;
use crate::names::{Name, Packing};

/// A file that was found in the tree.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Its path below the root, without a slash at either end.
    pub(crate) path: String,
    /// What the listing says of it.
    pub(crate) entry: Entry,
    /// Where else the same file is.
    pub(crate) also_at: Vec<Url>,
}

impl Found {
    pub(crate) fn name(&self) -> &str {
        &self.entry.name
    }
}

pub(crate) fn file(facts: &Facts, found: &Found, name: &Name) -> File {
    let mut locations = Vec::new();
    if facts.is_mounted {
        locations.push(Location::Mounted(found.path.clone()));
    }
    let own = below(&facts.root, &found.path, false);
    locations.extend(
        std::iter::once(&own)
            .chain(&found.also_at)
            .map(|url| Location::Address(gantry_connector::without_login(url))),
    );
    File {
        name: found.name().to_owned(),
        path: Some(found.path.clone()),
        media_type: media_type(found.name(), name).to_owned(),
        size_bytes: found.entry.size_bytes,
        checksum: None,
        modified: found.entry.modified,
        locations,
    }
}

/// The address of what lies at `path` below a root.
pub(crate) fn below(root: &Url, path: &str, is_folder: bool) -> Url {
    let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty()).collect();
    let mut url = root.clone();
    for (n, step) in steps.iter().enumerate() {
        url = child(&url, step, is_folder || n + 1 < steps.len());
    }
    url
}

fn media_type(file_name: &str, name: &Name) -> &'static str {
    let lower = file_name.to_ascii_lowercase();
    match name.packing.media_type() {
        Some(packed) => packed,
        None if lower.ends_with(".xml") => "application/xml",
        None if lower.ends_with(".html") || lower.ends_with(".htm") => "text/html",
        None if !name.is_other() || lower.ends_with(".txt") => "text/plain",
        None => "application/octet-stream",
    }
}

/// A file name without the extension of its packing.
pub(crate) fn unpacked(file_name: &str) -> &str {
    match crate::names::read_name(file_name).packing {
        Packing::None => file_name,
        _ => file_name
            .rsplit_once('.')
            .map_or(file_name, |(stem, _)| stem),
    }
}
