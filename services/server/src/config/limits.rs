//! `[limits]`: how much one caller may ask for.

use serde::Deserialize;

use super::AuthMode;

/// `[limits]`. With `auth.mode = "local"` nothing is bounded that is not said here; 0 is no bound.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Requests of one user, or of one address where nobody is logged in, per second; 50 by default.
    pub per_second: Option<f64>,
    /// How many of them may come at once after a pause; 200 by default.
    pub burst: Option<u32>,
    /// How many of them may be answered at the same time, streams among them; 64 by default.
    pub in_flight: Option<usize>,
    /// Logins that are tried, and clicks on portals, from one address per minute; 300 by default, since many people may share one.
    pub logins_per_minute: Option<u32>,
}

/// The limits that hold; `None` is no bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) per_second: Option<f64>,
    pub(crate) burst: u32,
    pub(crate) in_flight: Option<usize>,
    pub(crate) logins_per_minute: Option<u32>,
}

impl LimitsConfig {
    pub(crate) fn bounds(&self, mode: AuthMode) -> Bounds {
        let is_shared = mode != AuthMode::Local;
        let per_second = self.per_second.or(is_shared.then_some(50.0));
        let in_flight = self.in_flight.or(is_shared.then_some(64));
        let logins = self.logins_per_minute.or(is_shared.then_some(300));
        Bounds {
            per_second: per_second.filter(|n| *n > 0.0),
            burst: self.burst.unwrap_or(200).max(1),
            in_flight: in_flight.filter(|n| *n > 0),
            logins_per_minute: logins.filter(|n| *n > 0),
        }
    }
}
