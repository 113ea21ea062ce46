//! When a datalab is stopped though nobody asked: its time is over, or nobody uses it.

use chrono::{DateTime, TimeDelta, Utc};
use gantry_store::{Datalab, Phase};
use serde::Serialize;

use super::Labs;

/// How long before its end people are warned, at most.
const WARNED_BEFORE: TimeDelta = TimeDelta::minutes(15);

/// When a datalab is stopped as things stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stops {
    /// When.
    pub at: DateTime<Utc>,
    /// Why: `time-limit` or `unused`.
    pub cause: &'static str,
    /// Whether that is soon, so that people are to be warned.
    pub soon: bool,
}

impl Labs {
    /// When a datalab is stopped as things stand, and why.
    pub(super) fn stops(&self, datalab: &Datalab) -> Option<Stops> {
        stops(datalab, self.idle(), Utc::now())
    }

    /// How long a lab may go unused.
    pub(super) fn idle(&self) -> Option<TimeDelta> {
        let seconds = self.config.idle_s?;
        Some(TimeDelta::seconds(
            i64::try_from(seconds)
                .unwrap_or(i64::MAX / 1_000)
                .min(i64::MAX / 1_000),
        ))
    }
}

/// Until when a datalab is not stopped for want of use, of which somebody last saw a use at `last`.
pub(super) fn used_until(
    datalab: &Datalab,
    last: Option<DateTime<Utc>>,
    idle: TimeDelta,
) -> Option<DateTime<Utc>> {
    let used = last.max(datalab.last_activity).max(datalab.ready)?;
    used.checked_add_signed(idle).max(datalab.kept_until)
}

fn stops(datalab: &Datalab, idle: Option<TimeDelta>, now: DateTime<Utc>) -> Option<Stops> {
    if datalab.phase.is_final() {
        return None;
    }
    let serves = datalab.phase == Phase::Executing;
    let unused = idle
        .filter(|_| serves)
        .and_then(|idle| used_until(datalab, None, idle));
    let ends = [
        datalab
            .expires
            .map(|at| (at, "time-limit", datalab.created)),
        unused.map(|at| (at, "unused", datalab.last_activity.unwrap_or(at))),
    ];
    let (at, cause, since) = ends.into_iter().flatten().min_by_key(|(at, ..)| *at)?;
    // Of a short time the last quarter.
    let warned = WARNED_BEFORE.min((at - since) / 4);
    Some(Stops {
        at,
        cause,
        soon: at - now <= warned,
    })
}
