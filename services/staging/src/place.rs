//! The place of a file in a volume, and what is known about it.

use gantry_asset::{AssetId, File};
use gantry_store::{Store, Volume};

use crate::archives::ArchiveAccess;
use crate::error::StagingError;
use crate::plan::{Facts, renamed};
use crate::request::{OnConflict, StageRequest};
use crate::volume::{LocalVolume, VolumePath};

/// A volume, opened.
pub(crate) struct OpenVolume<'a> {
    pub(crate) store: &'a Store,
    pub(crate) row: &'a Volume,
    pub(crate) files: &'a LocalVolume,
}

/// One file of one version of an asset.
pub(crate) struct Wanted<'a> {
    pub(crate) asset: &'a AssetId,
    pub(crate) version: u32,
    pub(crate) file: &'a File,
}

impl OpenVolume<'_> {
    /// Where a file goes and what is known of it there; another name is chosen where the request says so.
    pub(crate) async fn place(
        &self,
        request: &StageRequest,
        access: Option<&ArchiveAccess>,
        wanted: &Wanted<'_>,
    ) -> Result<(VolumePath, Facts), StagingError> {
        let folder = request.folder(wanted.asset.archive().as_str())?;
        let first = folder.join(wanted.file.path.as_deref().unwrap_or(&wanted.file.name))?;
        let mut path = first.clone();
        let mut facts = self.facts(&path, access, wanted).await?;
        let mut n = 2;
        while request.on_conflict == OnConflict::Rename
            && facts.there.is_some()
            && !facts.same
            && let Some(next) = renamed(&first, n)
        {
            path = next;
            facts = self.facts(&path, access, wanted).await?;
            n += 1;
        }
        Ok((path, facts))
    }

    async fn facts(
        &self,
        path: &VolumePath,
        access: Option<&ArchiveAccess>,
        wanted: &Wanted<'_>,
    ) -> Result<Facts, StagingError> {
        let there = self.files.stat(path)?;
        let staged = if there.is_some() {
            self.store.staged_file(&self.row.id, path.as_str()).await?
        } else {
            None
        };
        let same = staged.as_ref().is_some_and(|staged| {
            staged.asset == *wanted.asset
                && staged.version == wanted.version
                && staged.name == wanted.file.name
        });
        let mounted = access.and_then(|access| access.mounted(wanted.file));
        Ok(Facts {
            there,
            staged,
            same,
            mounted,
            needs_a_query: false,
        })
    }
}
