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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    /// One that serves since minute 0 and was last used at minute 10.
    fn datalab() -> Datalab {
        Datalab {
            id: "1".to_owned(),
            owner: "ada".to_owned(),
            lab: "sepp/jupyterlab:v1".to_owned(),
            name: "maps".to_owned(),
            phase: Phase::Executing,
            request: "{}".to_owned(),
            selection: None,
            staging_job: None,
            notebook: None,
            running: None,
            secret: None,
            waiting_for: "[]".to_owned(),
            message: None,
            stop_wanted: false,
            auto_remove: true,
            created: at(0),
            ready: Some(at(0)),
            last_activity: Some(at(10)),
            expires: None,
            ended: None,
            kept_until: None,
        }
    }

    #[test]
    fn what_comes_first_stops_it_and_people_are_warned_a_quarter_of_an_hour_before() {
        let idle = Some(TimeDelta::minutes(120));
        let of = |datalab: &Datalab, now| {
            stops(datalab, idle, at(now)).map(|stops| (stops.at, stops.cause, stops.soon))
        };
        let unused = datalab();
        assert_eq!(of(&unused, 20), Some((at(130), "unused", false)));
        assert_eq!(of(&unused, 115), Some((at(130), "unused", true)));
        let limited = Datalab {
            expires: Some(at(60)),
            ..datalab()
        };
        assert_eq!(of(&limited, 20), Some((at(60), "time-limit", false)));
        assert_eq!(of(&limited, 45), Some((at(60), "time-limit", true)));
        // Of an hour and a bit, a quarter of an hour; of twenty minutes, five.
        let short = Datalab {
            expires: Some(at(20)),
            ..datalab()
        };
        assert_eq!(of(&short, 14), Some((at(20), "time-limit", false)));
        assert_eq!(of(&short, 15), Some((at(20), "time-limit", true)));
        assert_eq!(stops(&datalab(), None, at(20)), None);
        let ended = Datalab {
            phase: Phase::Completed,
            ..limited
        };
        assert_eq!(of(&ended, 20), None);
    }

    #[test]
    fn more_time_and_later_use_put_off_that_it_is_stopped_for_want_of_use() {
        let idle = TimeDelta::minutes(60);
        assert_eq!(used_until(&datalab(), None, idle), Some(at(70)));
        assert_eq!(used_until(&datalab(), Some(at(30)), idle), Some(at(90)));
        let kept = Datalab {
            kept_until: Some(at(200)),
            ..datalab()
        };
        assert_eq!(used_until(&kept, Some(at(30)), idle), Some(at(200)));
        assert_eq!(stops(&kept, Some(idle), at(0)).unwrap().at, at(200));
        let starting = Datalab {
            phase: Phase::Queued,
            ready: None,
            last_activity: None,
            ..datalab()
        };
        assert_eq!(stops(&starting, Some(idle), at(0)), None);
    }
}
