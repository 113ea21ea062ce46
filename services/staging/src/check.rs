//! Checking a volume against the manifests that lie in it.

use std::collections::BTreeMap;

use futures::StreamExt;
use serde::Serialize;
use serde_json::Value;

use crate::error::StagingError;
use crate::manifest::CRATE;
use crate::verify::Hashes;
use crate::volume::{Files, VolumeError, VolumePath};

/// The largest manifest that is read.
const MAX_MANIFEST_BYTES: usize = 512 << 20;
/// How deep folders are looked through.
const MAX_DEPTH: usize = 64;

/// What a file is, compared with its manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckedFile {
    /// Its path in the volume.
    pub path: String,
    /// How it compares.
    pub state: FileState,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// How a file compares with its manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileState {
    /// It has the size and, where the manifest has one, the SHA-256.
    Intact,
    /// Its bytes are others.
    Changed,
    /// It is not there.
    Missing,
    /// It cannot be read, or the manifest's words on it cannot.
    Unreadable,
}

/// Compares every file that a manifest at or below `folder` lists; `seen` is told each path before it is read.
///
/// A file is listed once, by path, whatever the number of manifests that list it.
///
/// # Errors
/// [`StagingError::Volume`] when the folder cannot be looked through, or is in no volume.
pub async fn check_volume(
    volume: &Files,
    folder: &VolumePath,
    mut seen: impl FnMut(&str),
) -> Result<Vec<CheckedFile>, StagingError> {
    let mut listed = BTreeMap::new();
    let mut broken = Vec::new();
    let mut folders = vec![(folder.clone(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in volume.list(&folder).await? {
            let path = folder.join(&entry.name)?;
            if entry.is_folder && !entry.is_link && depth < MAX_DEPTH {
                folders.push((path, depth + 1));
            } else if entry.name == CRATE {
                match files_of(volume, &path).await {
                    Ok(files) => listed.extend(files.into_iter().map(|file| of(&folder, file))),
                    Err(why) => broken.push(CheckedFile {
                        path: path.to_string(),
                        state: FileState::Unreadable,
                        why: Some(why),
                    }),
                }
            }
        }
    }
    let mut checked = Vec::with_capacity(listed.len());
    for (path, file) in listed {
        seen(&path);
        let (state, why) = compare(volume, &path, &file).await;
        checked.push(CheckedFile { path, state, why });
    }
    checked.extend(broken);
    Ok(checked)
}

/// What a manifest says of a file.
struct Listed {
    id: String,
    size_bytes: Option<u64>,
    sha256: Option<String>,
}

fn of(folder: &VolumePath, file: Listed) -> (String, Listed) {
    let path = match folder.as_str() {
        "" => file.id.clone(),
        folder => format!("{folder}/{}", file.id),
    };
    (path, file)
}

async fn files_of(volume: &Files, path: &VolumePath) -> Result<Vec<Listed>, String> {
    let reading = volume.read(path, 0, None).await;
    let reading = reading.map_err(|error| error.to_string())?;
    let bytes = reading.bytes(MAX_MANIFEST_BYTES).await;
    let bytes = bytes.map_err(|error| error.to_string())?;
    let manifest: Value =
        serde_json::from_slice(&bytes).map_err(|error| format!("it is no manifest: {error}"))?;
    let graph = manifest["@graph"].as_array();
    let graph = graph.ok_or("it is no manifest: it has no @graph")?;
    let files = graph.iter().filter(|node| node["@type"] == "File");
    Ok(files
        .filter_map(|node| {
            Some(Listed {
                id: node["@id"].as_str()?.to_owned(),
                size_bytes: node["contentSize"].as_str().and_then(|n| n.parse().ok()),
                sha256: node["sha256"].as_str().map(ToOwned::to_owned),
            })
        })
        .collect())
}

async fn compare(volume: &Files, path: &str, listed: &Listed) -> (FileState, Option<String>) {
    let path = match VolumePath::parse(path) {
        Ok(path) => path,
        Err(error) => return (FileState::Unreadable, Some(error.to_string())),
    };
    let size_bytes = match volume.stat(&path).await {
        Ok(Some(entry)) => entry.size_bytes,
        Ok(None) => return (FileState::Missing, None),
        Err(error) => return (FileState::Unreadable, Some(error.to_string())),
    };
    if let Some(expected) = listed.size_bytes.filter(|size| *size != size_bytes) {
        let why = format!("it has {size_bytes} bytes and not {expected}");
        return (FileState::Changed, Some(why));
    }
    // What has no hash, such as a link, need not be read, but it must be readable.
    let length = listed.sha256.is_none().then_some(0);
    let found = match hash(volume, &path, length).await {
        Ok(found) => found,
        Err(VolumeError::Missing { .. }) => return (FileState::Missing, None),
        Err(error) => return (FileState::Unreadable, Some(error.to_string())),
    };
    match &listed.sha256 {
        Some(expected) if !expected.eq_ignore_ascii_case(&found) => {
            let why = format!("its SHA-256 is {found} and not {expected}");
            (FileState::Changed, Some(why))
        }
        _ => (FileState::Intact, None),
    }
}

async fn hash(
    volume: &Files,
    path: &VolumePath,
    length: Option<u64>,
) -> Result<String, VolumeError> {
    let mut reading = volume.read(path, 0, length).await?;
    let mut hashes = Hashes::default();
    while let Some(piece) = reading.next().await {
        hashes.update(&piece?);
    }
    Ok(hashes.finish(None).0)
}
