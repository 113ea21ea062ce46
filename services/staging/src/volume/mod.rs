//! Volumes: storage that belongs to one user, and paths that cannot leave it.

mod error;
mod local;
mod path;

pub use error::VolumeError;
pub use local::{Entry, LocalVolume, Part, Space};
pub use path::VolumePath;
