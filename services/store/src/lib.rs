#![doc = include_str!("../README.md")]

mod assets;
mod audit;
mod database;
mod datalabs;
mod error;
mod harvests;
mod intents;
mod lease;
mod phase;
mod queries;
mod seal;
mod selections;
mod series;
mod staged_files;
mod staging_jobs;
mod staging_work;
mod upserts;
mod users;
mod volumes;
mod withdrawals;

pub use assets::{AssetRecord, AssetVersion, BatchCounts, ChangeRecord};
pub use audit::AuditEntry;
pub use database::Store;
pub use datalabs::{Datalab, DatalabUpdate, NewDatalab};
pub use error::StoreError;
pub use harvests::{Harvest, Rejection};
pub use intents::{Idempotent, Intent};
pub use lease::Lease;
pub use phase::Phase;
pub use queries::NOT_RUN;
pub use seal::{Seal, SealError};
pub use selections::{Selection, SelectionMember};
pub use staged_files::StagedFile;
pub use staging_jobs::{FileCounts, FileOutcome, NewStagingFile, StagingFile, StagingJob, Wanted};
pub use users::{NewToken, Session, Token, User, random_secret, secret_hash};
pub use volumes::Volume;
