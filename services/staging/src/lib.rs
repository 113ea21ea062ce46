#![doc = include_str!("../README.md")]

mod archives;
mod blocking;
mod check;
mod ending;
mod error;
mod file;
mod finish;
mod job;
mod judge;
mod live;
mod manifest;
mod names;
mod place;
mod plan;
mod request;
mod selection;
mod staging;
mod transfer;
mod turn;
mod verify;
pub mod volume;
mod volumes;
mod worker;

pub use archives::{ArchiveAccess, Archives, archive_titles};
pub use check::{CheckedFile, FileState, check_volume};
pub use error::StagingError;
pub use live::Live;
pub use manifest::{Citation, citation, file_json};
pub use plan::{Plan, PlannedFile, PlannedMethod};
pub use request::{Method, OnConflict, StageRequest};
pub use selection::{MAX_ASSETS, Ranged, members, select, select_with_queries};
pub use staging::Staging;
pub use volumes::{NewVolume, Volumes, WORKSPACE};
pub use worker::Worker;
