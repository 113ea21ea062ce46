#![doc = include_str!("../README.md")]

mod config;
pub mod conformance;
mod connector;
pub mod document;
mod error;
mod open;
mod registry;
pub mod tap;
pub mod tree;

pub use config::{ArchiveConfig, ConfigError, Peek, folder};
pub use connector::{
    Archive, Asks, ByteStream, Connector, Cursor, Harvested, Login, Remarks, Resume, Since,
};
pub use error::{HarvestError, OpenError};
pub use open::{open_address, without_login};
pub use registry::{Connect, Registry};
