#![doc = include_str!("../README.md")]

mod asset;
mod completeness;
mod coverage;
mod day;
mod facets;
mod file;
mod id;
mod members;
mod query;
mod station;
mod vocabulary;

pub use asset::{Asset, Column, Content, Kind, Related, Relation};
pub use completeness::{Completeness, Gap, GapReason, MAX_GAPS};
pub use coverage::{Days, Place, Shape, Sky, TimeScale, TimeSpan};
pub use day::{Day, DayRange, NoDay};
pub use facets::{FacetPath, Facets};
pub use file::{Algorithm, Checksum, File, Location, version_hash};
pub use id::{ArchiveId, AssetId, IdError};
pub use members::{Members, SumOfMembers};
pub use query::{AdqlQuery, DatalinkQuery, Query, QueryUpload};
pub use station::{Equipment, Station};
pub use vocabulary::{FacetField, FacetOrder, Vocabulary, vocabulary};
