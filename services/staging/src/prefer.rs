//! Which of several observation files of one station and day is taken; pure.
//!
//! The unit of choice is the series: what a file name says but the day and hour. Of a station and day one series is
//! kept, hour by hour where it is hourly; all others are left out and counted.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use gantry_asset::{Asset, AssetId, DayRange};
use serde::{Deserialize, Serialize};

use crate::error::StagingError;
use crate::length::seconds;

/// A file that says it covers more days than this is no observation of a day.
const MAX_DAYS: u64 = 40;

/// What is preferred where there is a choice; what comes first in a list is better.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prefer {
    /// How much time a file covers, as names write it.
    pub span: String,
    /// The time between two observations, as names write it.
    pub sampling: String,
    /// Major versions of RINEX.
    pub rinex_version: Vec<String>,
}

impl Default for Prefer {
    fn default() -> Self {
        Self {
            span: "01D".to_owned(),
            sampling: "30S".to_owned(),
            rinex_version: ["4", "3", "2"].map(str::to_owned).to_vec(),
        }
    }
}

/// What a preference comes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Preferred {
    /// What others are preferred to.
    pub(crate) left_out: BTreeSet<AssetId>,
    /// The series that others of the same station count as.
    pub(crate) counts_as: BTreeMap<AssetId, AssetId>,
    /// How many were left out, in a sentence.
    pub(crate) notes: Vec<String>,
}

impl Prefer {
    /// That its lengths are lengths and its versions are versions.
    ///
    /// # Errors
    /// [`StagingError::Asked`] naming what cannot be used and what is allowed.
    pub fn check(&self) -> Result<(), StagingError> {
        for (name, text) in [("span", &self.span), ("sampling", &self.sampling)] {
            if seconds(text).is_none() {
                return Err(StagingError::asked(
                    format!("prefer.{name}"),
                    text,
                    "two digits and a unit, as in `30S`, `15M`, `01H` or `01D`",
                ));
            }
        }
        let known = |version: &&String| matches!(version.as_str(), "2" | "3" | "4");
        match self.rinex_version.iter().find(|version| !known(version)) {
            Some(version) => Err(StagingError::asked(
                "prefer.rinex_version".to_owned(),
                version,
                "a list of `\"4\"`, `\"3\"` and `\"2\"`",
            )),
            None => Ok(()),
        }
    }

    /// Chooses among the observations of `assets`; all else is kept.
    pub(crate) fn choose<'a>(&self, assets: impl Iterator<Item = &'a Asset>) -> Preferred {
        let seen: Vec<Observation<'_>> =
            assets.filter_map(|asset| self.observation(asset)).collect();
        let stations = stations(&seen);
        let mut by_day: BTreeMap<(&str, i32), Vec<&Observation<'_>>> = BTreeMap::new();
        for observation in &seen {
            let station = stations[observation.station];
            for day in observation.days.first.number()..=observation.days.last.number() {
                by_day.entry((station, day)).or_default().push(observation);
            }
        }
        let mut kept: BTreeSet<&AssetId> = BTreeSet::new();
        let mut usual: BTreeMap<&str, BTreeMap<&AssetId, usize>> = BTreeMap::new();
        for ((station, _), of_day) in &by_day {
            let Some(best) = of_day.iter().min_by_key(|one| (&one.score, one.series)) else {
                continue;
            };
            *usual
                .entry(station)
                .or_default()
                .entry(best.series)
                .or_default() += 1;
            kept.extend(one_each(of_day, best.series));
        }
        let left_out: BTreeSet<AssetId> = seen
            .iter()
            .filter(|one| !kept.contains(&one.asset.id))
            .map(|one| one.asset.id.clone())
            .collect();
        let usual = usual.into_iter().filter_map(|(station, n_days)| {
            let most = n_days.iter().max_by_key(|(id, n)| (**n, Reverse(**id)))?;
            Some((station, *most.0))
        });
        let usual: BTreeMap<&str, &AssetId> = usual.collect();
        let counts_as = seen.iter().filter_map(|one| {
            let main = *usual.get(stations[one.station])?;
            (one.series != main).then(|| (one.series.clone(), main.clone()))
        });
        Preferred {
            counts_as: counts_as.collect(),
            notes: self.note(left_out.len()).into_iter().collect(),
            left_out,
        }
    }

    fn note(&self, n: usize) -> Option<String> {
        let (files, others) = match n {
            0 => return None,
            1 => ("file was", "another"),
            _ => ("files were", "others"),
        };
        let versions = self.rinex_version.join(", ");
        Some(format!(
            "{n} observation {files} left out for {others} of the same station and day; preferred are {} at {}, from receivers before streams, RINEX {versions}",
            self.span, self.sampling
        ))
    }

    fn observation<'a>(&self, asset: &'a Asset) -> Option<Observation<'a>> {
        let is_observation = asset.facets.first("content") == Some("OBS");
        let days = asset.days.as_ref()?.range()?;
        (is_observation && days.n_days() <= MAX_DAYS).then_some(Observation {
            asset,
            station: asset.facets.first("station")?,
            days,
            series: asset.series.as_ref().unwrap_or(&asset.id),
            score: self.score(asset),
        })
    }

    fn score(&self, asset: &Asset) -> Score {
        let length = |field: &str| asset.facets.first(field).and_then(seconds);
        let (span, sampling) = (length("span"), length("sampling"));
        let wanted = seconds(&self.sampling);
        let version = version(asset);
        let place = |version: &str| self.rinex_version.iter().position(|known| known == version);
        Score {
            is_other_span: span != seconds(&self.span),
            // Short names do not say it; a daily file has 30 s by custom.
            is_other_sampling: sampling.is_some() && sampling != wanted,
            source: source(asset),
            shortness: Reverse(span.map_or(0, whole_seconds)),
            version: version.and_then(place).unwrap_or(usize::MAX),
            is_unsaid: sampling.is_none(),
            rank: Reverse(asset.rank),
        }
    }
}

/// An observation file of days.
struct Observation<'a> {
    asset: &'a Asset,
    station: &'a str,
    days: DayRange,
    series: &'a AssetId,
    score: Score,
}

/// How good a file is; the smallest is the best, what decides first stands first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Score {
    is_other_span: bool,
    is_other_sampling: bool,
    source: u8,
    shortness: Reverse<u64>,
    version: usize,
    is_unsaid: bool,
    rank: Reverse<u32>,
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "spans are whole positive seconds far below 2^53"
)]
fn whole_seconds(seconds: f64) -> u64 {
    seconds as u64
}

/// A receiver's file before a stream's before one of unknown origin, by the mark of its series; a file that says
/// nothing is a receiver's.
fn source(asset: &Asset) -> u8 {
    let key = asset.series.as_ref().map_or("", |series| series.local());
    let has = |mark: &str| key.split('-').skip(2).any(|part| part == mark);
    match () {
        () if has("S") => 1,
        () if has("U") => 2,
        () => 0,
    }
}

/// The major version of RINEX; a long name of which nothing more is known counts as 3.
fn version(asset: &Asset) -> Option<&str> {
    let said = asset.facets.first("rinex_version");
    said.and_then(|version| version.split('.').next())
        .or(Some("3"))
}

/// One code for each station: the four characters of old names are those of the only long code that begins with them.
fn stations<'a>(seen: &[Observation<'a>]) -> HashMap<&'a str, &'a str> {
    let codes: BTreeSet<&str> = seen.iter().map(|one| one.station).collect();
    let long = |short: &str| {
        let mut of = codes
            .iter()
            .filter(|code| code.len() == 9 && code.starts_with(short));
        of.next().filter(|_| of.next().is_none()).copied()
    };
    let canonical = |code: &&'a str| match code.len() {
        4 => (*code, long(code).unwrap_or(code)),
        _ => (*code, *code),
    };
    codes.iter().map(canonical).collect()
}

/// The files of a series on one day, one for each beginning.
fn one_each<'a>(of_day: &[&Observation<'a>], series: &AssetId) -> Vec<&'a AssetId> {
    let mut by_start: BTreeMap<_, &'a AssetId> = BTreeMap::new();
    for one in of_day.iter().filter(|one| one.series == series) {
        let id = &one.asset.id;
        let start = one.asset.time.map(|time| time.start);
        let kept = by_start.entry(start).or_insert(id);
        *kept = (*kept).min(id);
    }
    by_start.into_values().collect()
}

#[cfg(test)]
mod tests;
