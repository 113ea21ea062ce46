//! Nominal days: the labels GNSS archives file by, and ranges of them.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Days as Later, NaiveDate};

use crate::Days;

/// A nominal day, a label such as `2023-001`; which instants it covers depends on the archive's time scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(NaiveDate);

/// A text that is no day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no day: write it as year and day of year (`2023-001`), as a date (`2023-01-01`) or as GPS week and day (`2238/3`)"
)]
pub struct NoDay(String);

/// A range of nominal days, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayRange {
    /// The first day.
    pub first: Day,
    /// The last day, not before the first.
    pub last: Day,
}

/// The first day of GPS week 0 (IS-GPS-200, section 3.3.4).
fn gps_epoch() -> NaiveDate {
    NaiveDate::from_ymd_opt(1980, 1, 6).expect("1980-01-06 is a date")
}

impl Day {
    /// A day of a year, from 1.
    #[must_use]
    pub fn of_year(year: i32, day: u32) -> Option<Self> {
        NaiveDate::from_yo_opt(year, day).map(Self)
    }

    /// A day of a GPS week, 0 being Sunday.
    #[must_use]
    pub fn of_gps_week(week: u32, day: u32) -> Option<Self> {
        let days = u64::from(week) * 7 + u64::from(day);
        (day < 7)
            .then(|| gps_epoch().checked_add_days(Later::new(days)))
            .flatten()
            .map(Self)
    }

    /// The GPS week and the day in it, 0 being Sunday; `None` before the first week.
    #[must_use]
    pub fn gps_week(self) -> Option<(u32, u32)> {
        let days = u32::try_from((self.0 - gps_epoch()).num_days()).ok()?;
        Some((days / 7, days % 7))
    }

    /// The day of such a number.
    #[must_use]
    pub fn of_number(number: i32) -> Option<Self> {
        NaiveDate::from_num_days_from_ce_opt(number).map(Self)
    }

    /// The date that bears the label.
    #[must_use]
    pub fn date(self) -> NaiveDate {
        self.0
    }

    /// A number that grows by one from day to day.
    #[must_use]
    pub fn number(self) -> i32 {
        self.0.num_days_from_ce()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:03}", self.0.year(), self.0.ordinal())
    }
}

impl FromStr for Day {
    type Err = NoDay;

    fn from_str(text: &str) -> Result<Self, NoDay> {
        let read = || {
            if let Some((week, day)) = text.split_once('/') {
                return Self::of_gps_week(number(week)?, number(day)?);
            }
            let mut parts = text.split('-');
            let year = number(parts.next().filter(|year| year.len() == 4)?)?;
            let year = i32::try_from(year).ok()?;
            match (parts.next(), parts.next(), parts.next()) {
                (Some(day), None, _) if day.len() == 3 => Self::of_year(year, number(day)?),
                (Some(month), Some(day), None) => {
                    NaiveDate::from_ymd_opt(year, number(month)?, number(day)?).map(Self)
                }
                _ => None,
            }
        };
        read().ok_or_else(|| NoDay(text.chars().take(40).collect()))
    }
}

/// Digits only: no sign, no blanks.
fn number(text: &str) -> Option<u32> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

impl DayRange {
    /// A range of a single day.
    #[must_use]
    pub fn of(day: Day) -> Self {
        Self {
            first: day,
            last: day,
        }
    }

    /// How many days.
    #[must_use]
    pub fn n_days(&self) -> u64 {
        u64::try_from(self.last.number() - self.first.number()).map_or(0, |n| n + 1)
    }
}

impl FromStr for DayRange {
    type Err = NoDay;

    /// Reads `2023-001`, `2023-01-01`, `2238/3`, or two days with a `/` between: `2023-100/2023-130`.
    fn from_str(text: &str) -> Result<Self, NoDay> {
        if let Ok(day) = text.parse() {
            return Ok(Self::of(day));
        }
        let fail = || NoDay(text.chars().take(40).collect());
        let (first, last) = text.split_once('/').ok_or_else(fail)?;
        let (first, last): (Day, Day) = (first.parse()?, last.parse()?);
        if first <= last {
            Ok(Self { first, last })
        } else {
            Err(fail())
        }
    }
}

impl Days {
    /// These days as a range; `None` when the labels are not days.
    #[must_use]
    pub fn range(&self) -> Option<DayRange> {
        let (first, last) = (self.first.parse().ok()?, self.last.parse().ok()?);
        (first <= last).then_some(DayRange { first, last })
    }
}

impl From<DayRange> for Days {
    fn from(range: DayRange) -> Self {
        Self {
            first: range.first.to_string(),
            last: range.last.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> Option<(String, String)> {
        let range: DayRange = text.parse().ok()?;
        Some((range.first.to_string(), range.last.to_string()))
    }

    #[test]
    fn a_day_is_written_by_day_of_year_by_date_or_by_gps_week() {
        let day = |text: &str| text.parse::<Day>().unwrap().to_string();
        assert_eq!(day("2023-001"), "2023-001");
        assert_eq!(day("2023-01-01"), "2023-001");
        assert_eq!(day("2020-12-31"), "2020-366");
        // Week 2238 began on 2022-11-27 (IGS long product names).
        assert_eq!(day("2238/0"), "2022-331");
        assert_eq!(
            "2022-331".parse::<Day>().unwrap().gps_week(),
            Some((2238, 0))
        );
        for bad in [
            "",
            "2023",
            "2023-000",
            "2023-366",
            "23-001",
            "2023-1",
            "2238/7",
            "+023-001",
            "2023-02-30",
            "x",
        ] {
            assert!(bad.parse::<Day>().is_err(), "{bad} was taken");
        }
    }

    #[test]
    fn a_range_has_both_its_days_and_never_runs_backwards() {
        let days = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(range("2023-100/2023-130"), days("2023-100", "2023-130"));
        assert_eq!(range("2238/3"), days("2022-334", "2022-334"));
        assert_eq!(range("2023-12-31/2024-001"), days("2023-365", "2024-001"));
        assert_eq!(range("2023-130/2023-100"), None);
        let range: DayRange = "2020-001/2020-366".parse().unwrap();
        assert_eq!(range.n_days(), 366);
    }
}
