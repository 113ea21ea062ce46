//! Coverage: which time, which days, which part of the sky.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A half-open interval of UTC, `start` included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeSpan {
    /// The first instant covered.
    pub start: DateTime<Utc>,
    /// The first instant no longer covered.
    pub end: DateTime<Utc>,
}

/// Nominal GNSS days, labels rather than UTC intervals, `YYYY-DDD`, both included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Days {
    /// The first day.
    pub first: String,
    /// The last day.
    pub last: String,
}

/// The scale an archive counts time in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeScale {
    /// Coordinated Universal Time.
    #[serde(rename = "UTC")]
    Utc,
    /// GPS time.
    #[serde(rename = "GPST")]
    Gpst,
    /// BeiDou time, GPST − 14 s.
    #[serde(rename = "BDT")]
    Bdt,
    /// Barycentric coordinate time.
    #[serde(rename = "TCB")]
    Tcb,
}

impl TimeScale {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Utc => "UTC",
            Self::Gpst => "GPST",
            Self::Bdt => "BDT",
            Self::Tcb => "TCB",
        }
    }
}

/// The part of the sky an asset covers, ICRS degrees.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sky {
    /// Whether it covers the whole sky.
    #[serde(default)]
    pub all_sky: bool,
    /// HEALPix cells as inclusive ranges at order 8, NESTED, ICRS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub healpix8: Vec<(u32, u32)>,
}

impl Sky {
    /// The whole sky.
    #[must_use]
    pub fn all() -> Self {
        Self {
            all_sky: true,
            healpix8: Vec::new(),
        }
    }
}
