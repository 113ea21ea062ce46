//! Days of the year, GPS weeks and leap seconds.

use std::sync::LazyLock;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use gantry_asset::TimeScale;
use serde::Deserialize;

#[derive(Deserialize)]
struct LeapSeconds {
    expires: NaiveDate,
    /// From which day on GPS time is so many seconds before UTC, in order.
    gps_minus_utc_s: Vec<(NaiveDate, i64)>,
}

static LEAP_SECONDS: LazyLock<LeapSeconds> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../data/leap_seconds.json"))
        .expect("the data shipped is read by a test")
});

/// The day from which on the leap seconds shipped may be wrong.
#[must_use]
pub fn leap_seconds_expire() -> NaiveDate {
    LEAP_SECONDS.expires
}

/// The instant of UTC at which a clock of this scale shows `nominal`.
///
/// Daily 2023-001 begins at 2022-12-31T23:59:42Z: GPS time is 18 s ahead. BeiDou time is 14 s behind GPS time.
pub(crate) fn to_utc(nominal: NaiveDateTime, scale: TimeScale) -> DateTime<Utc> {
    let ahead_s = match scale {
        TimeScale::Gpst => gps_minus_utc_s(nominal),
        TimeScale::Bdt => gps_minus_utc_s(nominal) - 14,
        _ => 0,
    };
    (nominal - TimeDelta::seconds(ahead_s)).and_utc()
}

/// How far GPS time is ahead when its clock shows `gpst`.
fn gps_minus_utc_s(gpst: NaiveDateTime) -> i64 {
    LEAP_SECONDS
        .gps_minus_utc_s
        .iter()
        .rev()
        .find(|(from, offset_s)| gpst - TimeDelta::seconds(*offset_s) >= midnight(*from))
        .map_or(0, |(_, offset_s)| *offset_s)
}

pub(crate) fn midnight(day: NaiveDate) -> NaiveDateTime {
    day.and_time(NaiveTime::MIN)
}

/// The year of two digits: 80–99 are 19yy, 00–79 are 20yy.
pub(crate) fn year_of_two_digits(digits: i32) -> i32 {
    if digits >= 80 {
        1900 + digits
    } else {
        2000 + digits
    }
}

/// The day of a GPS week, 0 being Sunday; week 0 began on 1980-01-06.
pub(crate) fn day_of_week(week: u32, day: u32) -> Option<NaiveDate> {
    let first = NaiveDate::from_ymd_opt(1980, 1, 6)?;
    first.checked_add_signed(TimeDelta::days(i64::from(week) * 7 + i64::from(day)))
}

/// The GPS week of a day and its place in it; none before week 0.
pub(crate) fn week_of(day: NaiveDate) -> Option<(u32, u32)> {
    let days = day
        .signed_duration_since(NaiveDate::from_ymd_opt(1980, 1, 6)?)
        .num_days();
    let days = u32::try_from(days).ok()?;
    Some((days / 7, days % 7))
}

/// A day as GNSS people write it, `2023-001`.
pub(crate) fn label(day: NaiveDate) -> String {
    format!("{:04}-{:03}", day.year(), day.ordinal())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_daily_file_begins_before_the_utc_day_by_the_leap_seconds_of_its_time() {
        let begins = |text: &str, scale| to_utc(midnight(day(text)), scale).to_rfc3339();
        assert_eq!(
            begins("2023-01-01", TimeScale::Gpst),
            "2022-12-31T23:59:42+00:00"
        );
        assert_eq!(
            begins("2023-01-01", TimeScale::Bdt),
            "2022-12-31T23:59:56+00:00"
        );
        assert_eq!(
            begins("2023-01-01", TimeScale::Utc),
            "2023-01-01T00:00:00+00:00"
        );
        // The leap second at the end of 2016 came before GPS time showed 00:00:18.
        assert_eq!(
            begins("2017-01-01", TimeScale::Gpst),
            "2016-12-31T23:59:43+00:00"
        );
        assert_eq!(
            begins("1995-01-01", TimeScale::Gpst),
            "1994-12-31T23:59:50+00:00"
        );
    }

    #[test]
    fn weeks_are_counted_from_1980_01_06() {
        assert_eq!(day_of_week(2238, 0), Some(day("2022-11-27")));
        assert_eq!(day_of_week(887, 4), Some(day("1997-01-09")));
        assert_eq!(week_of(day("2023-01-01")), Some((2243, 0)));
        assert_eq!(week_of(day("1980-01-05")), None);
        assert_eq!(label(day("2024-12-31")), "2024-366");
    }
}
