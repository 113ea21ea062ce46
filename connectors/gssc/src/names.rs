//! The grammar of GNSS file names: pure and total.
//!
//! Every name is read; what no rule fits has no [`Name::content`] and stays "other". Case never matters.
//!
//! # Source
//! RINEX 2.11 and 3.05, section "file naming"; the IGS guidelines for long product names (2022); IONEX 1.0.

mod packing;
mod product;
mod rinex;

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use gantry_asset::TimeScale;

use crate::calendar;
use crate::vocabulary;
pub use packing::Packing;

/// The longest name that is read; a longer one is "other".
const MAX_BYTES: usize = 255;

/// What a file name says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Name {
    /// `OBS`, `NAV`, `ORB`, …, `site log`; none when no rule fits.
    pub content: Option<String>,
    /// The station: nine characters in long names, four in short ones.
    pub station: Option<String>,
    /// The analysis centre, three letters.
    pub analysis_centre: Option<String>,
    /// The campaign of a product: `OPS`, `MGX`, …
    pub campaign: Option<String>,
    /// The last letters of a long product's first word, `FIN`, or the first three of a short name.
    pub solution: Option<String>,
    /// `ultra`, `rapid`, `final`, …
    pub latency: Option<String>,
    /// The version of a solution, `0` for the first.
    pub version: Option<char>,
    /// `R` from a receiver, `S` from a stream, `U` unknown.
    pub source: Option<char>,
    /// Where it begins, on the clock of its own scale.
    pub start: Option<NaiveDateTime>,
    /// How much time it covers, `01D`.
    pub span: Option<Period>,
    /// The time between two records, `30S`.
    pub sampling: Option<Period>,
    /// The major version of RINEX, where the name tells it.
    pub rinex_version: Option<u8>,
    /// The letter of the constellation, `M` for mixed.
    pub system: Option<char>,
    /// Whether observations are packed as Compact RINEX (Hatanaka).
    pub is_compact: bool,
    /// Whether it is one of the short names.
    pub is_short: bool,
    /// Whether it holds the predicted half only.
    pub is_predicted: bool,
    /// The format, `SP3`.
    pub format: Option<String>,
    /// The antenna models it holds, `igs20_2274`.
    pub antenna_model: Option<String>,
    /// What the code of the content was where a content has several, `DSB`.
    pub code: Option<String>,
    /// How it is packed.
    pub packing: Packing,
}

/// A length of time as names write it: two digits and a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// How many units.
    pub n: u32,
    /// `S`econds, `M`inutes, `H`ours, `D`ays, `W`eeks, `L` months, `Y`ears, `Z` Hz, `C` 100 Hz, `U`nspecified.
    pub unit: char,
}

impl Period {
    /// Reads `01D`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (digits, unit) = text.split_at_checked(2)?;
        let unit = unit.chars().next().filter(|_| unit.len() == 1)?;
        let is_period =
            digits.bytes().all(|byte| byte.is_ascii_digit()) && "SMHDWLYZCU".contains(unit);
        Some(Self {
            n: digits.parse().ok().filter(|_| is_period)?,
            unit,
        })
    }

    /// Of so many units.
    #[must_use]
    pub const fn new(n: u32, unit: char) -> Self {
        Self { n, unit }
    }

    /// What people read: `30 s`, `5 min`, `1 Hz`; none when it says nothing.
    #[must_use]
    pub fn label(self) -> Option<String> {
        let n = self.n;
        Some(match self.unit {
            _ if n == 0 => return None,
            'S' => format!("{n} s"),
            'M' => format!("{n} min"),
            'H' => format!("{n} h"),
            'D' => format!("{n} d"),
            'W' => format!("{} d", n * 7),
            'L' => format!("{n} months"),
            'Y' => format!("{n} y"),
            'Z' => format!("{n} Hz"),
            'C' => format!("{} Hz", n * 100),
            _ => return None,
        })
    }

    /// The moment that lies so much after another; none when the length is not known.
    #[must_use]
    pub fn after(self, start: NaiveDateTime) -> Option<NaiveDateTime> {
        let seconds = match self.unit {
            'S' => 1,
            'M' => 60,
            'H' => 3600,
            'D' => 86_400,
            'W' => 7 * 86_400,
            'L' => return start.checked_add_months(chrono::Months::new(self.n)),
            'Y' => return start.checked_add_months(chrono::Months::new(self.n * 12)),
            _ => return None,
        };
        start.checked_add_signed(TimeDelta::seconds(i64::from(self.n) * seconds))
    }
}

impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}{}", self.n, self.unit)
    }
}

/// Reads a file name as far as the grammar goes.
#[must_use]
pub fn read_name(file_name: &str) -> Name {
    let (stem, packing) = packing::split(file_name);
    let plain = stem.to_ascii_uppercase();
    let read = (plain.len() <= MAX_BYTES && plain.is_ascii())
        .then(|| {
            rinex::long(&plain)
                .or_else(|| rinex::short(&plain))
                .or_else(|| product::long(&plain))
                .or_else(|| product::ionex(&plain))
                .or_else(|| product::short(&plain))
                .or_else(|| product::antennas(&plain))
                .or_else(|| product::site_log(&plain))
        })
        .flatten()
        .unwrap_or_default();
    Name { packing, ..read }
}

impl Name {
    /// Whether no rule fits.
    #[must_use]
    pub fn is_other(&self) -> bool {
        self.content.is_none()
    }

    /// Whether it is what one station has observed: observations, its navigation messages, weather.
    #[must_use]
    pub fn is_of_station(&self) -> bool {
        let content = self.content.as_deref();
        matches!(content, Some("OBS" | "NAV" | "MET")) && !self.is_broadcast()
    }

    /// Whether it is the merged broadcast file of all stations.
    #[must_use]
    pub fn is_broadcast(&self) -> bool {
        self.content.as_deref() == Some("NAV")
            && self
                .station
                .as_ref()
                .is_some_and(|station| station.starts_with("BRDC"))
    }

    /// The nominal days it covers, first and last.
    #[must_use]
    pub fn days(&self) -> Option<(NaiveDate, NaiveDate)> {
        let start = self.start?;
        let end = self.end().unwrap_or(start);
        let last = (end - TimeDelta::seconds(1)).max(start);
        Some((start.date(), last.date()))
    }

    /// Where it ends, on the clock of its own scale; none when its length is not known.
    #[must_use]
    pub fn end(&self) -> Option<NaiveDateTime> {
        self.span?
            .after(self.start?)
            .filter(|end| Some(*end) > self.start)
    }

    /// The series it is a member of, as in `gssc:~BRUX00BEL-OBS-01D-30S` behind the `~`; none for what stands alone.
    #[must_use]
    pub fn series(&self) -> Option<String> {
        crate::series::key(self)
    }

    /// The scale in which its days are counted; none where it has no days.
    #[must_use]
    pub fn time_scale(&self) -> Option<TimeScale> {
        self.start?;
        Some(match (self.content.as_deref()?, self.system) {
            ("OBS" | "NAV", Some('R')) | ("GIM" | "ERP", _) => TimeScale::Utc,
            ("OBS" | "NAV", Some('C')) => TimeScale::Bdt,
            ("site log" | "ANTEX", _) => return None,
            _ => TimeScale::Gpst,
        })
    }

    /// The constellations it is of, where the name tells.
    #[must_use]
    pub fn constellation(&self) -> Option<&'static str> {
        self.system.and_then(vocabulary::constellation)
    }
}

/// The day of a year and a day of the year, both as digits.
fn day_of_year(year: &str, day: &str) -> Option<NaiveDate> {
    let year: i32 = number(year)?.try_into().ok()?;
    let year = if year < 100 {
        calendar::year_of_two_digits(year)
    } else {
        year
    };
    NaiveDate::from_yo_opt(year, number(day)?).filter(|_| (1950..2100).contains(&year))
}

/// A number of digits only.
fn number(text: &str) -> Option<u32> {
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_digits)
}

fn is_word(text: &str, n_characters: usize) -> bool {
    text.len() == n_characters && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// `YYYYDDDHHMM`.
fn moment(text: &str) -> Option<NaiveDateTime> {
    if text.len() != 11 {
        return None;
    }
    let (year, rest) = text.split_at_checked(4)?;
    let (day, rest) = rest.split_at_checked(3)?;
    let (hour, minute) = rest.split_at_checked(2)?;
    day_of_year(year, day)?.and_hms_opt(number(hour)?, number(minute)?, 0)
}
