//! The place of a file in a volume, and what is known about it.

use std::collections::HashMap;

use gantry_asset::{AssetId, File};
use gantry_store::{NOT_RUN, Store, Volume};
use tokio::sync::Mutex;

use crate::archives::ArchiveAccess;
use crate::cache::Cache;
use crate::error::StagingError;
use crate::names::Names;
use crate::plan::{Facts, renamed};
use crate::request::{OnConflict, StageRequest};
use crate::unpack::unpacked_name;
use crate::volume::{Entry, Files, VolumeError, VolumePath};

/// A volume, opened.
pub(crate) struct OpenVolume<'a> {
    pub(crate) store: &'a Store,
    pub(crate) row: &'a Volume,
    pub(crate) files: &'a Files,
    /// The shared cache, where it is of interest what is in it.
    pub(crate) cache: Option<&'a Cache>,
    /// Where many places are looked at one after the other and nothing changes meanwhile.
    pub(crate) listed: Option<&'a Listed>,
}

/// What lies in the folders of storage elsewhere, each asked for once.
#[derive(Default)]
pub(crate) struct Listed(Mutex<HashMap<VolumePath, HashMap<String, Entry>>>);

impl Listed {
    async fn stat(&self, files: &Files, path: &VolumePath) -> Result<Option<Entry>, VolumeError> {
        let folder = path.parent().unwrap_or_else(VolumePath::root);
        let mut known = self.0.lock().await;
        if !known.contains_key(&folder) {
            let entries = match files.list(&folder).await {
                Err(VolumeError::Missing { .. }) => Vec::new(),
                listed => listed?,
            };
            let by_name = entries.into_iter().map(|entry| (entry.name.clone(), entry));
            known.insert(folder.clone(), by_name.collect());
        }
        Ok(known[&folder].get(path.name()).cloned())
    }
}

/// One file of one version of an asset.
pub(crate) struct Wanted<'a> {
    pub(crate) asset: &'a AssetId,
    pub(crate) version: u32,
    pub(crate) file: &'a File,
}

/// The path of a file, but for what is in the way there.
pub(crate) fn first_path(
    request: &StageRequest,
    asset: &AssetId,
    file: &File,
) -> Result<VolumePath, StagingError> {
    let folder = request.folder(asset.archive().as_str())?;
    let path = folder.join(file.path.as_deref().unwrap_or(&file.name))?;
    let cut = request.cut_out.as_ref();
    if let Some(name) = cut.and_then(|cut_out| cut_out.name_of(path.name())) {
        let folder = path.parent().unwrap_or_else(VolumePath::root);
        return Ok(folder.join(&name)?);
    }
    match unpacked_name(path.name()).filter(|_| request.unpack) {
        None => Ok(path),
        Some(name) => {
            let folder = path.parent().unwrap_or_else(VolumePath::root);
            Ok(folder.join(&name)?)
        }
    }
}

impl OpenVolume<'_> {
    /// Where a file goes and what is known of it there; another name is chosen where the request says so.
    ///
    /// `None` when another file of the same job has taken the name.
    pub(crate) async fn place(
        &self,
        request: &StageRequest,
        access: Option<&ArchiveAccess>,
        wanted: &Wanted<'_>,
        names: &Names,
    ) -> Result<Option<(VolumePath, Facts)>, StagingError> {
        let first = first_path(request, wanted.asset, wanted.file)?;
        let renames = request.on_conflict == OnConflict::Rename;
        let mut path = first.clone();
        let mut n = 2;
        loop {
            let facts = self.facts(&path, request, access, wanted).await?;
            let in_the_way = renames && facts.there.is_some() && !facts.same;
            if !in_the_way && names.take(&path) {
                return Ok(Some((path, facts)));
            }
            match renamed(&first, n).filter(|_| renames) {
                Some(next) => path = next,
                None => return Ok(None),
            }
            n += 1;
        }
    }

    /// What is known of a file at a path.
    pub(crate) async fn facts(
        &self,
        path: &VolumePath,
        request: &StageRequest,
        access: Option<&ArchiveAccess>,
        wanted: &Wanted<'_>,
    ) -> Result<Facts, StagingError> {
        let there = match self.listed.filter(|_| self.files.as_local().is_none()) {
            Some(listed) => listed.stat(self.files, path).await?,
            None => self.files.stat(path).await?,
        };
        let staged = if there.is_some() {
            self.store.staged_file(&self.row.id, path.as_str()).await?
        } else {
            None
        };
        let same_file = staged
            .as_ref()
            .is_some_and(|staged| staged.asset == *wanted.asset && staged.name == wanted.file.name);
        // A question is answered by whichever run of it is there.
        let is_version = |version: u32| version == wanted.version || wanted.version == NOT_RUN;
        let same = same_file
            && staged
                .as_ref()
                .is_some_and(|staged| is_version(staged.version));
        Ok(Facts {
            there,
            same,
            other_version: same_file && !same,
            staged,
            mounted: access.and_then(|access| access.mounted(wanted.file)),
            cached: self.has_cached(wanted).await?,
            is_elsewhere: self.files.as_local().is_none(),
            reserved: is_reserved(path.name()),
            is_made_anew: request.unpacks(&wanted.file.name) || request.cut_out.is_some(),
            is_not_cut: request
                .cut_out
                .is_some_and(|cut_out| cut_out.name_of(&wanted.file.name).is_none()),
            // A table is there to be asked; without a question there is nothing to fetch.
            needs_a_query: wanted.file.locations.is_empty(),
        })
    }
}

impl OpenVolume<'_> {
    async fn has_cached(&self, wanted: &Wanted<'_>) -> Result<bool, StagingError> {
        let file = wanted.file;
        let id = self.cache.and_then(|cache| {
            let id = cache.identity(wanted.asset, wanted.version, &file.name, file.size_bytes);
            Some((cache, id?))
        });
        match id {
            Some((cache, id)) => Ok(cache.has(&id).await?),
            None => Ok(false),
        }
    }
}

/// The manifests, and files that are being written.
fn is_reserved(name: &str) -> bool {
    let report = name.starts_with("report-") && name.ends_with(".json");
    report || name.ends_with(".part") || matches!(name, "ro-crate-metadata.json" | "CITATION.bib")
}
