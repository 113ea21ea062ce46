//! Why a harvest did not begin.

use gantry_asset::ArchiveId;
use gantry_store::StoreError;

/// A harvest that did not begin, or whose report could not be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HarvestRunError {
    /// Somebody harvests this archive right now.
    #[error("{0} is being harvested right now; wait for that harvest to end")]
    Busy(ArchiveId),
    /// The record could not be read or written.
    #[error("the harvest of {archive} could not be kept")]
    Store {
        /// Which archive.
        archive: ArchiveId,
        /// Why not.
        source: StoreError,
    },
}
