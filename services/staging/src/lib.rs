#![doc = include_str!("../README.md")]

mod archives;
mod asker;
mod blocking;
mod bring;
mod cache;
mod check;
mod cut_out;
mod draft;
mod ending;
mod error;
mod fair;
mod file;
mod finish;
mod job;
mod judge;
mod length;
mod live;
mod manifest;
mod mixture;
mod moving;
mod names;
mod place;
mod plan;
mod prefer;
mod quota;
mod request;
mod selection;
mod sets;
mod staging;
mod transfer;
mod turn;
mod unpack;
mod verify;
pub mod volume;
mod volumes;
mod worker;

pub use archives::{ArchiveAccess, Archives, archive_titles};
pub use asker::{MAX_UPLOAD_BYTES, UploadError};
pub use cache::Cache;
pub use check::{CheckedFile, FileState, check_volume};
pub use cut_out::CutOut;
pub use draft::{Draft, MAX_ASSETS, Ranged, candidates};
pub use error::StagingError;
pub use live::Live;
pub use manifest::{Citation, citation, file_json};
pub use plan::{Plan, PlannedFile, PlannedMethod};
pub use prefer::Prefer;
pub use quota::Quota;
pub use request::{Method, OnConflict, StageRequest};
pub use selection::{keep_draft, keep_draft_with_queries, members, select, select_with_queries};
pub use sets::{Candidate, Chosen, Knowledge, MAX_SET_DAYS, Sets, With, antenna_release};
pub use staging::Staging;
pub use volumes::{
    CataloguePlace, CatalogueVolume, NewVolume, Source, Volumes, VolumesConfig, WORKSPACE,
};
pub use worker::{Worker, WorkerConfig};
