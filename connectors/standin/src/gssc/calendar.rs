//! The calendar of GNSS: GPS weeks, days of the year, seconds since an epoch.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, Utc};

/// A day as a label of GPS time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(pub(crate) NaiveDate);

impl Day {
    /// The day `of_year`, from 1, of a year; nothing when the year has no such day.
    pub(crate) fn of_year(year: i32, of_year: u32) -> Option<Self> {
        NaiveDate::from_yo_opt(year, of_year).map(Self)
    }

    /// The day `of_week`, 0 to 6, of a GPS week.
    pub(crate) fn of_week(week: u32, of_week: u32) -> Self {
        Self(week_zero() + Days::new(u64::from(week * 7 + of_week)))
    }

    /// Such as `2023`.
    pub(crate) fn year(self) -> i32 {
        self.0.year()
    }

    /// From 1.
    pub(crate) fn number(self) -> u32 {
        self.0.ordinal()
    }

    /// GPS week and day of it, 0 to 6.
    pub(crate) fn week(self) -> (u32, u32) {
        let days = (self.0 - week_zero()).num_days().max(0) as u32;
        (days / 7, days % 7)
    }

    /// Two digits of the year, as short names have them.
    pub(crate) fn two_digits(self) -> i32 {
        self.year().rem_euclid(100)
    }

    /// Days since MJD 0.
    pub(crate) fn modified_julian(self) -> i64 {
        (self.0 - NaiveDate::from_ymd_opt(1858, 11, 17).expect("a day of the calendar")).num_days()
    }

    /// The moment `hours` after its beginning.
    pub(crate) fn plus_hours(self, hours: i64) -> DateTime<Utc> {
        self.0.and_time(NaiveTime::MIN).and_utc() + TimeDelta::hours(hours)
    }

    /// The day after so many days.
    pub(crate) fn plus_days(self, days: i64) -> Self {
        Self(self.0 + TimeDelta::days(days))
    }

    /// Seconds of GPS time from the beginning of week 0 to its beginning.
    pub(crate) fn gps_seconds(self) -> f64 {
        (self.0 - week_zero()).num_seconds() as f64
    }
}

fn week_zero() -> NaiveDate {
    NaiveDate::from_ymd_opt(1980, 1, 6).expect("a day of the calendar")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn week_2238_began_on_2022_11_27() {
        let day = Day(NaiveDate::from_ymd_opt(2022, 11, 27).unwrap());
        assert_eq!(day.week(), (2238, 0));
        assert_eq!(Day::of_week(2238, 0), day);
        assert_eq!(Day::of_year(2023, 1).unwrap().week(), (2243, 0));
        assert_eq!(Day::of_year(2023, 1).unwrap().modified_julian(), 59945);
    }
}
