//! The archives as staging sees them: a connector, and the folders where its tree is mounted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use gantry_asset::{ArchiveId, AssetId, File, Location};
use gantry_connector::Connector;

/// One archive: how its bytes are opened, and where they may already be.
#[derive(Clone)]
pub struct ArchiveAccess {
    /// Its connector.
    pub connector: Arc<dyn Connector>,
    /// The folders of this machine below which its tree is mounted.
    pub mounts: Vec<PathBuf>,
    /// How many requests it is asked at once.
    pub max_in_flight: usize,
}

/// All configured archives.
#[derive(Clone, Default)]
pub struct Archives(Arc<BTreeMap<ArchiveId, ArchiveAccess>>);

impl Archives {
    /// The archives given.
    pub fn new(archives: impl IntoIterator<Item = ArchiveAccess>) -> Self {
        let by_id = archives
            .into_iter()
            .map(|access| (access.connector.archive().id.clone(), access));
        Self(Arc::new(by_id.collect()))
    }

    /// The archive of this id.
    #[must_use]
    pub fn get(&self, id: &ArchiveId) -> Option<&ArchiveAccess> {
        self.0.get(id)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&ArchiveId, &ArchiveAccess)> {
        self.0.iter()
    }

    /// Every folder that links may lead into.
    #[must_use]
    pub fn mounts(&self) -> Vec<PathBuf> {
        self.0
            .values()
            .flat_map(|access| access.mounts.clone())
            .collect()
    }
}

impl ArchiveAccess {
    /// Where a file is below a mount, if it is there: a regular file that lies below the mount when its links are resolved.
    #[must_use]
    pub fn mounted(&self, file: &File) -> Option<PathBuf> {
        let below = file.locations.iter().filter_map(|location| match location {
            Location::Mounted(path) => crate::volume::VolumePath::parse(path).ok(),
            Location::Address(_) | Location::Query(_) => None,
        });
        below
            .flat_map(|path| {
                self.mounts
                    .iter()
                    .map(move |mount| (mount, mount.join(path.as_str())))
            })
            .find_map(|(mount, path)| {
                let (mount, path) = (mount.canonicalize().ok()?, path.canonicalize().ok()?);
                let meta = std::fs::metadata(&path).ok()?;
                let right_size = file.size_bytes.is_none_or(|size| size == meta.len());
                (path.starts_with(mount) && meta.is_file() && right_size).then_some(path)
            })
    }
}

/// The titles of the archives in a list of assets, for sentences.
#[must_use]
pub fn archive_titles<'a>(
    archives: &Archives,
    assets: impl Iterator<Item = &'a AssetId>,
) -> Vec<String> {
    let ids: BTreeSet<ArchiveId> = assets.map(AssetId::archive).collect();
    ids.iter()
        .map(|id| {
            archives.get(id).map_or_else(
                || id.to_string(),
                |access| access.connector.archive().title.clone(),
            )
        })
        .collect()
}
