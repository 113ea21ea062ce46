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
mod tests {
    use gantry_asset::{Days, Kind, TimeSpan};

    use super::*;

    /// The asset of a station's file: a long name, or a short one of a whole day; `@V` behind it is the version of
    /// RINEX that its header says.
    fn file(name: &str) -> Asset {
        let (name, version) = name.split_once('@').unwrap_or((name, ""));
        let mut asset = Asset::new(
            format!("gssc:{name}").parse().unwrap(),
            Kind::InformationData,
        );
        asset.facets.add("content", "OBS");
        let parts: Vec<&str> = name.split('_').collect();
        let (day, hour, series) = if let [station, source, start, span, sampling, _] = parts[..] {
            asset.facets.add("station", station);
            asset.facets.add("span", span);
            let sampling_s = seconds(sampling).unwrap();
            asset.facets.add("sampling", format!("{sampling_s} s"));
            let mark = if source == "R" {
                String::new()
            } else {
                format!("-{source}")
            };
            let series = format!("{station}-OBS-{span}-{sampling}{mark}");
            (&start[4..7], start[7..9].parse().unwrap(), series)
        } else {
            asset.facets.add("station", name[..4].to_uppercase());
            asset.facets.add("span", "01D");
            asset.facets.add("rinex_version", "2");
            (
                &name[4..7],
                0,
                format!("{}-OBS-01D-RINEX2", name[..4].to_uppercase()),
            )
        };
        if !version.is_empty() {
            asset.facets.add("rinex_version", version);
        }
        asset.series = format!("gssc:~{series}").parse().ok();
        let day = format!("2023-{day}");
        let date = day.parse::<gantry_asset::Day>().unwrap().date();
        let start = date.and_hms_opt(hour, 0, 0).unwrap().and_utc();
        asset.time = Some(TimeSpan {
            start,
            end: start + chrono::TimeDelta::hours(1),
        });
        asset.days = Some(Days {
            first: day.clone(),
            last: day,
        });
        asset
    }

    /// What is kept of files.
    fn kept(prefer: &Prefer, names: &[&str]) -> (Vec<String>, Preferred) {
        let assets: Vec<Asset> = names.iter().map(|name| file(name)).collect();
        let chosen = prefer.choose(assets.iter());
        let kept = assets
            .iter()
            .filter(|asset| !chosen.left_out.contains(&asset.id));
        (
            kept.map(|asset| asset.id.local().to_owned()).collect(),
            chosen,
        )
    }

    const DAILY: &str = "BRUX00BEL_R_20230010000_01D_30S_MO";
    const STREAM: &str = "BRUX00BEL_S_20230010000_01D_30S_MO";
    const UNKNOWN: &str = "BRUX00BEL_U_20230010000_01D_30S_MO";
    const HOURS: [&str; 2] = [
        "BRUX00BEL_R_20230010000_01H_30S_MO",
        "BRUX00BEL_R_20230010100_01H_30S_MO",
    ];
    const QUARTER: &str = "BRUX00BEL_R_20230010000_15M_01S_MO";
    const OLD: &str = "brux0010.23d";

    #[test]
    fn daily_before_hourly_receivers_before_streams_the_longest_and_the_newest_rinex() {
        for (there, best) in [
            (&[QUARTER, DAILY, HOURS[0]][..], &[DAILY][..]),
            (&[UNKNOWN, STREAM, DAILY], &[DAILY]),
            (&[UNKNOWN, STREAM], &[STREAM]),
            (&[OLD, DAILY], &[DAILY]),
            (&[OLD, QUARTER], &[OLD]),
            // Hours do not stand for each other, and a longer span is better than a shorter one.
            (&[HOURS[0], HOURS[1], QUARTER], &HOURS),
            (
                &[
                    "BRUX00BEL_R_20230010000_01D_30S_MO",
                    "BRUX00BEL_R_20230010000_01D_01S_MO",
                ],
                &[DAILY],
            ),
            // Other days and stations are no alternatives.
            (
                &[DAILY, "brux0020.23d", "pots0010.23d"],
                &[DAILY, "brux0020.23d", "pots0010.23d"],
            ),
        ] {
            assert_eq!(kept(&Prefer::default(), there).0, best, "{there:?}");
        }
    }

    #[test]
    fn what_is_preferred_comes_first_in_the_order_given() {
        let two_first = Prefer {
            rinex_version: vec!["2".to_owned(), "3".to_owned()],
            ..Prefer::default()
        };
        assert_eq!(kept(&two_first, &[DAILY, OLD]).0, [OLD]);
        let fast = Prefer {
            span: "15M".to_owned(),
            sampling: "01S".to_owned(),
            ..Prefer::default()
        };
        assert_eq!(kept(&fast, &[DAILY, QUARTER, HOURS[0]]).0, [QUARTER]);
        let headers = [
            "BRUX00BEL_R_20230010000_01D_30S_MO@3",
            "BRUX00BEL_R_20230010000_01D_30S_GO@4",
        ];
        let mut files = headers.map(file);
        files[1].series = "gssc:~BRUX00BEL-OBS-01D-30S-GO".parse().ok();
        let chosen = Prefer::default().choose(files.iter());
        assert_eq!(chosen.left_out, BTreeSet::from([files[0].id.clone()]));
    }

    #[test]
    fn of_equal_files_one_is_kept_whatever_their_order() {
        let mut twins = [file(DAILY), file(DAILY)];
        twins[1].id = "gssc:mirror~BRUX00BEL_R_20230010000_01D_30S_MO"
            .parse()
            .unwrap();
        let out = BTreeSet::from([twins[1].id.clone()]);
        assert_eq!(Prefer::default().choose(twins.iter()).left_out, out);
        assert_eq!(Prefer::default().choose(twins.iter().rev()).left_out, out);
    }

    #[test]
    fn what_was_left_out_is_counted_and_its_series_counts_as_the_usual_one() {
        let names = [
            DAILY,
            OLD,
            QUARTER,
            "BRUX00BEL_R_20230020000_01D_30S_MO",
            "brux0030.23d",
        ];
        let (kept, chosen) = kept(&Prefer::default(), &names);
        assert_eq!(kept.len(), 3);
        assert_eq!(
            chosen.notes,
            [
                "2 observation files were left out for others of the same station and day; preferred are 01D at 30S, from receivers before streams, RINEX 4, 3, 2"
            ]
        );
        let old: AssetId = "gssc:~BRUX-OBS-01D-RINEX2".parse().unwrap();
        assert_eq!(
            chosen.counts_as[&old],
            "gssc:~BRUX00BEL-OBS-01D-30S".parse().unwrap()
        );
    }

    #[test]
    fn what_is_no_length_and_no_version_is_refused() {
        for (wrong, named) in [
            (
                Prefer {
                    span: "day".to_owned(),
                    ..Prefer::default()
                },
                "prefer.span=`day`",
            ),
            (
                Prefer {
                    sampling: "30".to_owned(),
                    ..Prefer::default()
                },
                "prefer.sampling",
            ),
            (
                Prefer {
                    rinex_version: vec!["5".to_owned()],
                    ..Prefer::default()
                },
                "`5`",
            ),
        ] {
            let error = wrong.check().unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
        Prefer::default().check().unwrap();
    }
}
