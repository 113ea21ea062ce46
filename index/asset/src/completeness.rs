//! What a range of days should hold, and what of it is not there.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Asset, AssetId, Day, DayRange};

/// How many gaps are told one by one; all are counted.
pub const MAX_GAPS: usize = 10_000;

/// Members that say they cover more days than this are not looked at.
const MAX_DAYS: u64 = 40_000;

/// How many notes are kept.
const MAX_NOTES: usize = 200;

/// The days that were asked for, of series and of products, and those that are missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completeness {
    /// How many days of series and of products were asked for.
    pub expected: u64,
    /// How many of them are there.
    pub found: u64,
    /// The others, at most [`MAX_GAPS`], by series and day.
    pub gaps: Vec<Gap>,
    /// How what is there was chosen, in sentences; at most a few hundred.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A day of a series or of a product that was asked for and is not there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// The series, where it is known which one should hold the day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<AssetId>,
    /// The day, `2023-017`.
    pub day: String,
    /// The station, where the series is one of a station.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub station: Option<String>,
    /// The content of a product that is missing in a set, `ATT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The solution that lacks it, `COD0OPSFIN`, where one was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solution: Option<String>,
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
    /// By its site log the station had no receiver or no antenna.
    StationInactive,
}

impl GapReason {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::NotAtArchive => "the archive has none",
            Self::NotYetDue => "not due yet",
            Self::StationInactive => "the station had no receiver or no antenna",
        }
    }
}

impl Gap {
    /// What is missing, in words: `BRUX00BEL`, `ATT of COD0OPSFIN`, `ORB`, or the series.
    #[must_use]
    pub fn what(&self) -> String {
        match (&self.station, &self.content, &self.solution, &self.series) {
            (Some(station), ..) => station.clone(),
            (_, Some(content), Some(solution), _) => format!("{content} of {solution}"),
            (_, Some(content), None, _) => content.clone(),
            (.., Some(series)) => series.to_string(),
            _ => String::new(),
        }
    }
}

impl Completeness {
    /// Counts what `members` have of the days asked for; `today` is the last day that can be there.
    ///
    /// Without a range, a series is asked for from its first member to its last. Assets of no series, and those
    /// without days, ask for nothing. `counts_as` names the series that others count as, since their members stand
    /// in for its own.
    pub fn add<'a>(
        &mut self,
        members: impl IntoIterator<Item = &'a Asset>,
        range: Option<DayRange>,
        today: Day,
        counts_as: &BTreeMap<AssetId, AssetId>,
    ) {
        for (series, of) in by_series(members, counts_as) {
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
                    series: Some(series.clone()),
                    day: day.to_string(),
                    station: of.station.clone(),
                    content: None,
                    solution: None,
                    reason: if day >= today {
                        GapReason::NotYetDue
                    } else {
                        GapReason::NotAtArchive
                    },
                });
            }
        }
    }

    /// Counts one product of one day: found, or missing as the gap says.
    pub fn count(&mut self, gap: Option<Gap>) {
        self.expected += 1;
        match gap {
            None => self.found += 1,
            Some(gap) if self.gaps.len() < MAX_GAPS => self.gaps.push(gap),
            Some(_) => {}
        }
    }

    /// Takes in what was counted elsewhere; notes beyond a few hundred are counted only.
    pub fn merge(&mut self, other: Self) {
        self.expected += other.expected;
        self.found += other.found;
        self.gaps.extend(other.gaps);
        self.gaps.truncate(MAX_GAPS);
        self.notes.extend(other.notes);
        let more = self.notes.len().saturating_sub(MAX_NOTES);
        if more > 0 {
            self.notes.truncate(MAX_NOTES);
            self.notes.push(format!("and {more} further notes"));
        }
    }

    /// In a sentence, when something is missing.
    #[must_use]
    pub fn sentence(&self) -> Option<String> {
        let missing = self.expected.saturating_sub(self.found);
        (missing > 0).then(|| {
            let mut named: Vec<String> = Vec::new();
            for gap in &self.gaps {
                let name = match &gap.content {
                    Some(_) => format!("{} {}", gap.day, gap.what()),
                    None => gap.day.clone(),
                };
                named.push(name);
                if named.len() == 5 {
                    break;
                }
            }
            let of_products = self.gaps.iter().any(|gap| gap.content.is_some());
            let noun = if of_products {
                "expected days and products"
            } else {
                "days"
            };
            let more = if missing > named.len() as u64 {
                " and others"
            } else {
                ""
            };
            let are = if missing == 1 { "is" } else { "are" };
            format!(
                "{missing} of {} {noun} {are} not there: {}{more}",
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

fn by_series<'a>(
    members: impl IntoIterator<Item = &'a Asset>,
    counts_as: &BTreeMap<AssetId, AssetId>,
) -> BTreeMap<AssetId, OfSeries> {
    let mut found: BTreeMap<AssetId, OfSeries> = BTreeMap::new();
    for asset in members {
        let range = asset.days.as_ref().and_then(crate::Days::range);
        let range = range.filter(|range| range.n_days() <= MAX_DAYS);
        if let (Some(series), Some(range)) = (&asset.series, range) {
            let counted = counts_as.get(series).unwrap_or(series);
            let of = found.entry(counted.clone()).or_default();
            of.days.extend(range.first.number()..=range.last.number());
            if counted == series || of.station.is_none() {
                of.station = asset.facets.first("station").map(str::to_owned);
            }
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
        days.add(&members, range, today.parse().unwrap(), &BTreeMap::new());
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

    #[test]
    fn members_of_another_series_fill_the_gaps_of_the_one_they_count_as() {
        let mut members = ["2023-001", "2023-003"].map(member);
        let old: AssetId = "gssc:~BRUX-RINEX2".parse().unwrap();
        let usual: AssetId = "gssc:~BRUX".parse().unwrap();
        members[1].series = Some(old.clone());
        let mut days = Completeness::default();
        let (range, today) = (
            "2023-001/2023-003".parse().ok(),
            "2024-001".parse().unwrap(),
        );
        days.add(
            &members,
            range,
            today,
            &BTreeMap::from([(old, usual.clone())]),
        );
        assert_eq!((days.expected, days.found), (3, 2));
        assert_eq!(
            (&days.gaps[0].series, days.gaps[0].day.as_str()),
            (&Some(usual), "2023-002")
        );
    }

    #[test]
    fn what_is_missing_is_named_with_its_day() {
        let mut days = Completeness::default();
        days.count(None);
        days.count(Some(Gap {
            series: None,
            day: "2023-017".to_owned(),
            station: None,
            content: Some("ATT".to_owned()),
            solution: Some("COD0OPSFIN".to_owned()),
            reason: GapReason::NotAtArchive,
        }));
        assert_eq!(
            days.sentence().unwrap(),
            "1 of 2 expected days and products is not there: 2023-017 ATT of COD0OPSFIN"
        );
    }
}
