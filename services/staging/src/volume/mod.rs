//! A user's volume: what may be done with its files, whatever kind of storage it is.
//!
//! [`Files`] is what the rest of Gantry sees. [`LocalVolume`] is a folder of this machine, [`RemoteVolume`] storage
//! elsewhere; [`KINDS`] says as data what can be a volume.

mod elsewhere;
mod error;
mod files;
mod kind;
mod local;
mod path;
mod remote;
mod trouble;

pub use elsewhere::{Credentials, Elsewhere, Settings};
pub use error::VolumeError;
pub use files::{Files, Reading, Upload};
pub use kind::{Field, KINDS, Kind};
pub use local::{Entry, LocalVolume, Part, Space};
pub use path::VolumePath;
pub use remote::RemoteVolume;
pub(crate) use trouble::Gate;
pub use trouble::Trouble;
