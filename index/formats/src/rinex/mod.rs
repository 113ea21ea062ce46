//! RINEX 2, 3 and 4: observations, navigation messages, weather and clocks.
//!
//! [`Header::read`] reads a header, also that of a Hatanaka file, whose body it leaves alone.

mod header;

pub use header::{Applied, Device, Header, Kind, MAX_HEADER_LINES, Time};
