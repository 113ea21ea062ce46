//! Members of a series: what it stands for, summed up.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Asset, DayRange, Days, Facets, Place, Sky, TimeSpan};

/// What a series stands for, summed up from its members.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Members {
    /// How many there are.
    pub total: u64,
    /// Their sizes together, where all are known.
    pub size_bytes: Option<u64>,
    /// How many days have a member; only where members cover days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_days: Option<u64>,
    /// How many days there are from the first to the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_days_spanned: Option<u64>,
    /// From the first instant to the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<TimeSpan>,
    /// From the first day to the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<Days>,
    /// The sky they cover together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sky: Option<Sky>,
    /// The place of all that have one, where it is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// All values that one of them has.
    #[serde(default)]
    pub facets: Facets,
}

/// Number of HEALPix cells at order 8.
const CELLS: u32 = 786_432;

/// The longest range of one member whose days are counted one by one; a longer one is no daily file.
const MOST_DAYS: u64 = 40;

/// Sums up the members of a series as they come.
#[derive(Debug, Default)]
pub struct SumOfMembers {
    members: Members,
    days: BTreeSet<i32>,
    cells: Vec<(u32, u32)>,
    all_sky: bool,
    many_places: bool,
    unknown_size: bool,
}

impl SumOfMembers {
    /// Adds a member; `size_bytes` is that of its files.
    pub fn add(&mut self, member: &Asset, size_bytes: Option<u64>) {
        let sum = &mut self.members;
        sum.total += 1;
        match size_bytes {
            Some(size) => sum.size_bytes = Some(sum.size_bytes.unwrap_or(0).saturating_add(size)),
            None => self.unknown_size = true,
        }
        for (field, values) in member.facets.iter() {
            for value in values {
                sum.facets.add(field, value.as_str());
            }
        }
        if let Some(time) = member.time {
            let known = sum.time.get_or_insert(time);
            known.start = known.start.min(time.start);
            known.end = known.end.max(time.end);
        }
        if let Some(range) = member.days.as_ref().and_then(Days::range) {
            self.add_days(range);
        }
        if let Some(sky) = &member.sky {
            self.all_sky |= sky.all_sky;
            self.cells.extend(&sky.healpix8);
        }
        if let Some(place) = member.place {
            self.many_places |= *self.members.place.get_or_insert(place) != place;
        }
    }

    fn add_days(&mut self, range: DayRange) {
        let known = self.members.days.as_ref().and_then(Days::range);
        let known = known.map_or(range, |known| DayRange {
            first: known.first.min(range.first),
            last: known.last.max(range.last),
        });
        self.members.days = Some(known.into());
        if range.n_days() <= MOST_DAYS {
            self.days.extend(range.first.number()..=range.last.number());
        }
    }

    /// What they are together.
    #[must_use]
    pub fn sum(mut self) -> Members {
        if self.unknown_size {
            self.members.size_bytes = None;
        }
        if let Some(range) = self.members.days.as_ref().and_then(Days::range)
            && !self.days.is_empty()
        {
            self.members.n_days = Some(self.days.len() as u64);
            self.members.n_days_spanned = Some(range.n_days());
        }
        if self.many_places {
            self.members.place = None;
        }
        let cells = merged(self.cells);
        let whole = self.all_sky || cells == [(0, CELLS - 1)];
        self.members.sky = match (whole, cells.is_empty()) {
            (true, _) => Some(Sky::all()),
            (false, true) => None,
            (false, false) => Some(Sky {
                healpix8: cells,
                ..Sky::default()
            }),
        };
        self.members
    }
}

/// Ranges in order, those that touch made one.
fn merged(mut ranges: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    ranges.sort_unstable();
    let mut merged: Vec<(u32, u32)> = Vec::new();
    for (first, last) in ranges {
        match merged.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => merged.push((first, last)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(day: &str, year: &str) -> Asset {
        let json = serde_json::json!({
            "id": "gssc:a", "kind": "Information Data", "title": "a", "facets": {"year": [year], "station": ["BRUX00BEL"]},
            "days": {"first": day, "last": day},
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_series_covers_what_its_members_cover_and_says_which_days_are_missing() {
        let mut sum = SumOfMembers::default();
        for (day, year) in [
            ("2023-001", "2023"),
            ("2022-365", "2022"),
            ("2023-004", "2023"),
        ] {
            sum.add(&member(day, year), Some(10));
        }
        let members = sum.sum();
        assert_eq!((members.total, members.size_bytes), (3, Some(30)));
        assert_eq!((members.n_days, members.n_days_spanned), (Some(3), Some(5)));
        let days = members.days.unwrap();
        assert_eq!(
            (days.first.as_str(), days.last.as_str()),
            ("2022-365", "2023-004")
        );
        assert_eq!(members.facets.get("year"), ["2023", "2022"]);
        assert_eq!(members.facets.get("station"), ["BRUX00BEL"]);
    }

    #[test]
    fn a_series_has_a_place_where_its_members_share_one() {
        let at = |lat| {
            let mut asset = member("2023-001", "2023");
            asset.place = Some(Place {
                lat,
                lon: 4.36,
                height_m: None,
            });
            asset
        };
        let place_of = |members: &[Asset]| {
            let mut sum = SumOfMembers::default();
            members.iter().for_each(|member| sum.add(member, None));
            sum.sum().place.map(|place| place.lat)
        };
        let elsewhere = member("2023-001", "2023");
        assert_eq!(place_of(&[at(50.8), elsewhere, at(50.8)]), Some(50.8));
        assert_eq!(place_of(&[at(50.8), at(51.0), at(50.8)]), None);
    }

    #[test]
    fn one_unknown_size_makes_the_whole_unknown() {
        let mut sum = SumOfMembers::default();
        sum.add(&member("2023-001", "2023"), Some(10));
        sum.add(&member("2023-002", "2023"), None);
        assert_eq!(sum.sum().size_bytes, None);
    }

    #[test]
    fn tiles_that_cover_every_cell_are_the_whole_sky() {
        let tile = |first, last| {
            let mut asset = member("2023-001", "2023");
            asset.sky = Some(Sky {
                healpix8: vec![(first, last)],
                ..Sky::default()
            });
            asset
        };
        let sum_of = |tiles: &[(u32, u32)]| {
            let mut sum = SumOfMembers::default();
            for (first, last) in tiles {
                sum.add(&tile(*first, *last), None);
            }
            sum.sum().sky.unwrap()
        };
        assert_eq!(sum_of(&[(100_000, CELLS - 1), (0, 99_999)]), Sky::all());
        assert_eq!(
            sum_of(&[(5, 9), (0, 4), (11, 12)]).healpix8,
            [(0, 9), (11, 12)]
        );
    }
}
