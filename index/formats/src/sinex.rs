//! SINEX and its kin: what the first line says. Solutions (`%=SNX`), troposphere (`%=TRO`), biases (`%=BIA`).

use std::io::Read;

use crate::lines::{Lines, TextError, number};

/// What the file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Station positions, velocities, Earth rotation: SINEX itself.
    Solution,
    /// Delays in the troposphere.
    Troposphere,
    /// Biases of signals.
    Bias,
}

/// A time of SINEX: year, day of year, second of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Time {
    /// Four digits.
    pub year: u16,
    /// 1 to 366.
    pub day_of_year: u16,
    /// 0 to 86400.
    pub second_of_day: u32,
}

/// The first line of a SINEX file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Sinex {
    /// What it holds.
    pub kind: Kind,
    /// As written, such as `2.02`.
    pub version: String,
    /// Who made the file, such as `ESA`.
    pub agency: String,
    /// When; none if unknown.
    pub created: Option<Time>,
    /// Whose data it is made of.
    pub data_agency: Option<String>,
    /// Where the data begin; none if unknown.
    pub start: Option<Time>,
    /// Where the data end; none if unknown.
    pub end: Option<Time>,
    /// Technique of a solution: P for GNSS, R VLBI, L laser, D DORIS, C combined. Of biases: A absolute, R relative.
    pub technique: Option<char>,
    /// The number of parameters that were estimated, or of biases.
    pub n_parameters: Option<u64>,
}

/// Reads the first line of a SINEX file that is not compressed; the rest is left alone.
///
/// # Errors
/// [`TextError::Line`] that names the fault: no SINEX, no version or agency, a time that is none.
pub fn read(reader: impl Read) -> Result<Sinex, TextError> {
    let mut lines = Lines::new(reader);
    let line = lines.next()?.unwrap_or("").to_owned();
    first_line(&line).map_err(|fault| TextError::Line { line: 1, fault })
}

fn first_line(line: &str) -> Result<Sinex, String> {
    let mut words = line.split_whitespace();
    let kind = match words.next() {
        Some("%=SNX") => Kind::Solution,
        Some("%=TRO") => Kind::Troposphere,
        Some("%=BIA") => Kind::Bias,
        _ => {
            return Err(
                "no SINEX: the first line begins with none of `%=SNX`, `%=TRO`, `%=BIA`".to_owned(),
            );
        }
    };
    let version = words.next().filter(|text| number(text).is_some());
    let version = version.ok_or("no version follows the kind of SINEX")?;
    let agency = words
        .next()
        .ok_or("no agency follows the version of SINEX")?;
    let created = words.next().map(time).transpose()?.flatten();
    let data_agency = words.next().map(ToOwned::to_owned);
    let start = words.next().map(time).transpose()?.flatten();
    let end = words.next().map(time).transpose()?.flatten();
    let technique = words.next().and_then(|word| word.chars().next());
    Ok(Sinex {
        kind,
        version: version.to_owned(),
        agency: agency.to_owned(),
        created,
        data_agency,
        start,
        end,
        technique,
        n_parameters: words.next().and_then(|word| word.parse().ok()),
    })
}

/// `YY:DDD:SSSSS` or `YYYY:DDD:SSSSS`; all zeros mean that the time is not known.
fn time(text: &str) -> Result<Option<Time>, String> {
    let wrong = || format!("`{text}` is no time of year, day and second");
    let mut parts = text.split(':');
    let (Some(year), Some(day), Some(second), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(wrong());
    };
    let long = year.len() == 4;
    let (year, day_of_year): (u16, u16) = match (year.parse(), day.parse()) {
        (Ok(year), Ok(day)) => (year, day),
        _ => return Err(wrong()),
    };
    let second_of_day: u32 = second.parse().map_err(|_| wrong())?;
    if (year, day_of_year, second_of_day) == (0, 0, 0) {
        return Ok(None);
    }
    if !(1..=366).contains(&day_of_year) || second_of_day > 86_400 {
        return Err(wrong());
    }
    let year = match year {
        _ if long => year,
        0..=79 => year + 2000,
        80..=99 => year + 1900,
        _ => return Err(wrong()),
    };
    Ok(Some(Time {
        year,
        day_of_year,
        second_of_day,
    }))
}
