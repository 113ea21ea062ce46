//! Where assets are: regions of the sky and of the Earth.

pub(crate) mod cells;
pub(crate) mod coverage;
mod read;
pub(crate) mod region;
pub(crate) mod search;
pub(crate) mod sphere;

pub use read::{Frame, RegionError};
pub use region::Region;
