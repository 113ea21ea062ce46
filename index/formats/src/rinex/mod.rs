//! RINEX 2, 3 and 4: observations, navigation messages, weather and clocks.
//!
//! [`Header::read`] reads a header, also that of a Hatanaka file, whose body it leaves alone.
//! [`check`] reads a file through to its end.

mod check;
mod header;

pub use check::{Checked, check};
pub use header::{Applied, Device, Header, Kind, MAX_HEADER_LINES, Time};
