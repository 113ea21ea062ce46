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
    /// Its footprint, where the archive tells it; the cells are then those it touches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
}

/// A footprint on the sky, ICRS degrees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// A circle; one of radius 0 is a point.
    Circle {
        /// The right ascension of its middle.
        ra: f64,
        /// The declination of its middle.
        dec: f64,
        /// The angle from its middle to its edge.
        radius: f64,
    },
    /// A polygon of great circles, by right ascension and declination of its corners: the smaller part of the sky that
    /// they enclose.
    Polygon(Vec<[f64; 2]>),
}

/// A place on the Earth, on the ellipsoid WGS 84 or GRS 80, which agree within a millimetre.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Latitude in degrees, north positive.
    pub lat: f64,
    /// Longitude in degrees, east positive.
    pub lon: f64,
    /// Height above the ellipsoid in metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height_m: Option<f64>,
}

impl Sky {
    /// The whole sky.
    #[must_use]
    pub fn all() -> Self {
        Self {
            all_sky: true,
            ..Self::default()
        }
    }
}
