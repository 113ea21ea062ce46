//! What a range of days should hold, and what of it is not there.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Asset, AssetId, Day, DayRange};

/// How many gaps are told one by one; all are counted.
pub const MAX_GAPS: usize = 10_000;

/// Members that say they cover more days than this are not looked at.
const MAX_DAYS: u64 = 40_000;

/// The days that were asked for, of one series or several, and those that are missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completeness {
    /// How many days of series were asked for.
    pub expected: u64,
    /// How many of them have a member.
    pub found: u64,
    /// The others, at most [`MAX_GAPS`], by series and day.
    pub gaps: Vec<Gap>,
}

/// A day of a series that was asked for and has no member.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// The series.
    pub series: AssetId,
    /// The day, `2023-017`.
    pub day: String,
    /// The station, where the series is one of a station.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub station: Option<String>,
    /// Why it is not there, as far as is known.
    pub reason: GapReason,
}

/// Why a day has no member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapReason {
    /// The catalogue, as it was harvested last, has none.
    NotAtArchive,
    /// The day is not over yet.
    NotYetDue,
}

impl GapReason {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::NotAtArchive => "the archive has none",
            Self::NotYetDue => "not due yet",
        }
    }
}

impl Completeness {
    /// Counts what `members` have of the days asked for; `today` is the last day that can be there.
    ///
    /// Without a range, a series is asked for from its first member to its last. Assets of no series, and those
    /// without days, ask for nothing.
    pub fn add<'a>(
        &mut self,
        members: impl IntoIterator<Item = &'a Asset>,
        range: Option<DayRange>,
        today: Day,
    ) {
        for (series, of) in by_series(members) {
            let first = of.days.first().copied();
            let Some((first, last)) = first.zip(of.days.last().copied()) else {
                continue;
            };
            let (first, last) = asked(range, (first, last));
            let found = of.days.range(first..=last).count();
            self.expected += u64::try_from(i64::from(last) - i64::from(first) + 1).unwrap_or(0);
            self.found += found as u64;
            let missing = (first..=last).filter(|day| !of.days.contains(day));
            for day in missing.filter_map(Day::of_number) {
                if self.gaps.len() >= MAX_GAPS {
                    break;
                }
                self.gaps.push(Gap {
                    series: series.clone(),
                    day: day.to_string(),
                    station: of.station.clone(),
                    reason: if day >= today {
                        GapReason::NotYetDue
                    } else {
                        GapReason::NotAtArchive
                    },
                });
            }
        }
    }

    /// In a sentence, when something is missing.
    #[must_use]
    pub fn sentence(&self) -> Option<String> {
        let missing = self.expected.saturating_sub(self.found);
        (missing > 0).then(|| {
            let named: Vec<&str> = self
                .gaps
                .iter()
                .take(5)
                .map(|gap| gap.day.as_str())
                .collect();
            let more = if missing > named.len() as u64 {
                " and others"
            } else {
                ""
            };
            let are = if missing == 1 { "is" } else { "are" };
            format!(
                "{missing} of {} days {are} not there: {}{more}",
                self.expected,
                named.join(", ")
            )
        })
    }
}

/// The days asked for; an end far outside what there is was left open and asks for nothing beyond it.
fn asked(range: Option<DayRange>, (first, last): (i32, i32)) -> (i32, i32) {
    /// Longer than any gap that somebody wants told day by day.
    const OPEN: i32 = 100 * 366;
    let Some(range) = range else {
        return (first, last);
    };
    let (from, to) = (range.first.number(), range.last.number());
    (
        if first - from > OPEN { first } else { from },
        if to - last > OPEN { last } else { to },
    )
}

#[derive(Default)]
struct OfSeries {
    days: BTreeSet<i32>,
    station: Option<String>,
}

fn by_series<'a>(members: impl IntoIterator<Item = &'a Asset>) -> BTreeMap<AssetId, OfSeries> {
    let mut found: BTreeMap<AssetId, OfSeries> = BTreeMap::new();
    for asset in members {
        let range = asset.days.as_ref().and_then(crate::Days::range);
        let range = range.filter(|range| range.n_days() <= MAX_DAYS);
        if let (Some(series), Some(range)) = (&asset.series, range) {
            let of = found.entry(series.clone()).or_default();
            of.days.extend(range.first.number()..=range.last.number());
            of.station = asset.facets.first("station").map(str::to_owned);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Days, Kind};

    fn member(day: &str) -> Asset {
        let mut asset = Asset::new(
            format!("gssc:{day}").parse().unwrap(),
            Kind::InformationData,
        );
        asset.series = Some("gssc:~BRUX".parse().unwrap());
        asset.facets.add("station", "BRUX00BEL");
        let (first, last) = (day.to_owned(), day.to_owned());
        asset.days = Some(Days { first, last });
        asset
    }

    fn asked(range: Option<&str>, today: &str) -> (u64, u64, Vec<(String, GapReason)>) {
        let members = ["2023-001", "2023-002", "2023-004"].map(member);
        let mut days = Completeness::default();
        let range = range.map(|range| range.parse().unwrap());
        days.add(&members, range, today.parse().unwrap());
        let gaps = days.gaps.into_iter().map(|gap| (gap.day, gap.reason));
        (days.expected, days.found, gaps.collect())
    }

    #[test]
    fn days_of_a_range_without_a_member_are_gaps_and_those_to_come_not_due() {
        let (none, later) = (GapReason::NotAtArchive, GapReason::NotYetDue);
        let gap = |day: &str, reason| (day.to_owned(), reason);
        assert_eq!(asked(None, "2024-001"), (4, 3, vec![gap("2023-003", none)]));
        assert_eq!(
            asked(Some("2023-002/2023-006"), "2023-006"),
            (
                5,
                2,
                vec![
                    gap("2023-003", none),
                    gap("2023-005", none),
                    gap("2023-006", later)
                ]
            )
        );
    }

    #[test]
    fn an_end_that_was_left_open_asks_for_nothing_beyond_what_there_is() {
        let whole = asked(None, "2024-001");
        assert_eq!(asked(Some("1800-001/2999-365"), "2024-001"), whole);
        assert_eq!(asked(Some("2023-004/2999-365"), "2024-001"), (1, 1, vec![]));
    }
}
