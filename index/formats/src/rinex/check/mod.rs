//! The body of a RINEX file, read through to its end and counted.
//!
//! What makes a file unreadable is an error with its line: a bad epoch line, a wrong number of
//! satellites, observations or lines. What only disagrees with the header is a warning. One record
//! at a time is held.

mod observation;
mod records;

use std::collections::BTreeMap;
use std::io::Read;

use super::{Header, Kind, Time};
use crate::epoch::days_of;
use crate::lines::{Lines, TextError, field, number};

/// What a RINEX file holds, header and body.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The header.
    pub header: Header,
    /// Records of observations or cycle slips (flags 0, 1 and 6), or of weather.
    pub n_epochs: u64,
    /// The first of these times.
    pub first: Option<Time>,
    /// The last of them.
    pub last: Option<Time>,
    /// Records of a clock file by their kind: `AS` satellites, `AR` receivers, and others.
    pub clock_records: BTreeMap<String, u64>,
    /// Ephemerides by letter of the system.
    pub ephemerides: BTreeMap<char, u64>,
    /// Sentences on what does not agree, at most one of each kind.
    pub warnings: Vec<String>,
}

/// Reads a RINEX file through; a Hatanaka file must be decoded first.
///
/// # Errors
/// [`TextError::Line`] with the first line that is not as the format wants it.
pub fn check(reader: impl Read) -> Result<Checked, TextError> {
    let mut lines = Lines::new(reader);
    let header = Header::from_lines(&mut lines)?;
    if header.crinex.is_some() {
        return Err(lines.fault("the body is in the Hatanaka format, which must be decoded first"));
    }
    let mut checked = Checked {
        header,
        n_epochs: 0,
        first: None,
        last: None,
        clock_records: BTreeMap::new(),
        ephemerides: BTreeMap::new(),
        warnings: Vec::new(),
    };
    match checked.header.kind {
        Kind::Observation => observation::read(&mut lines, &mut checked)?,
        Kind::Meteorological => records::weather(&mut lines, &mut checked)?,
        Kind::Clock => records::clocks(&mut lines, &mut checked)?,
        Kind::Navigation => records::navigation(&mut lines, &mut checked)?,
    }
    if checked.is_empty() {
        return Err(lines.fault("the file ends after its header, without any records"));
    }
    checked.compare();
    Ok(checked)
}

impl Checked {
    /// Counts an epoch; a time that goes back is a warning.
    fn epoch(&mut self, time: Time, line: u64) {
        let back = "an epoch is not after the one before it";
        let goes_back = self
            .last
            .as_ref()
            .is_some_and(|last| key(&time) <= key(last));
        if goes_back && !self.warnings.iter().any(|warning| warning.ends_with(back)) {
            self.warnings.push(format!("line {line}: {back}"));
        }
        self.n_epochs += 1;
        self.first.get_or_insert_with(|| time.clone());
        self.last = Some(time);
    }

    fn is_empty(&self) -> bool {
        self.n_epochs == 0 && self.clock_records.is_empty() && self.ephemerides.is_empty()
    }

    /// Warns where header and body do not agree.
    fn compare(&mut self) {
        let header = &self.header;
        let counts = [&header.first, &header.last];
        let labels = ["TIME OF FIRST OBS", "TIME OF LAST OBS"];
        let found = [&self.first, &self.last];
        for ((label, said), found) in labels.into_iter().zip(counts).zip(found) {
            let (Some(said), Some(found)) = (said, found) else {
                continue;
            };
            let same =
                key(said)[..5] == key(found)[..5] && (said.second - found.second).abs() < 5e-4;
            if !same {
                let (said, found) = (shown(said), shown(found));
                self.warnings
                    .push(format!("{label} is {said}, but the body has {found}"));
            }
        }
    }
}

/// A time as numbers that compare as the times do; the last are the bits of its seconds.
fn key(time: &Time) -> [u64; 6] {
    let parts = [time.month, time.day, time.hour, time.minute].map(u64::from);
    let [month, day, hour, minute] = parts;
    let seconds = time.second.to_bits();
    [u64::from(time.year), month, day, hour, minute, seconds]
}

fn shown(time: &Time) -> String {
    let [month, day, hour, minute] = [time.month, time.day, time.hour, time.minute];
    let (year, second) = (time.year, time.second);
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:06.3}")
}

/// Where a line has the parts of a time: year, month, day, hour, minute, second.
type TimeAt = [(usize, usize); 6];

/// The time of a record, strictly: no blank inside a number, no 31st of April.
fn time(line: &str, at: &TimeAt, may_leap: bool) -> Result<Time, String> {
    const NAMES: [&str; 6] = ["year", "month", "day", "hour", "minute", "second"];
    let text = |i: usize| field(line, at[i].0, at[i].1);
    let bad = |i: usize| {
        let (name, text) = (NAMES[i], text(i));
        format!("the {name} `{text}` of the time is out of its range or no number")
    };
    let whole = |i: usize, least: u16, most: u16| {
        let digits = Some(text(i)).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let value = digits.and_then(|text| text.parse::<u16>().ok());
        value
            .filter(|value| (least..=most).contains(value))
            .ok_or_else(|| bad(i))
    };
    let narrow = |value: u16| u8::try_from(value).unwrap_or(u8::MAX);
    let year = super::header::four_digits(whole(0, 0, 9999)?);
    let month = whole(1, 1, 12)?;
    let last = days_of(year, narrow(month));
    let day = whole(2, 1, last.into())?;
    let (hour, minute) = (whole(3, 0, 23)?, whole(4, 0, 59)?);
    let end = if may_leap { 61.0 } else { 60.0 };
    let second = decimal(text(5)).filter(|second| (0.0..end).contains(second));
    Ok(Time {
        year,
        month: narrow(month),
        day: narrow(day),
        hour: narrow(hour),
        minute: narrow(minute),
        // The absolute value, since a minus zero has other bits.
        second: second.ok_or_else(|| bad(5))?.abs(),
        system: None,
    })
}

/// A number of digits, a point and a sign, and nothing else.
fn decimal(text: &str) -> Option<f64> {
    let plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    number(text).filter(|_| text.bytes().all(plain))
}

/// Whether seconds may be 60: only times that follow UTC have leap seconds.
fn may_leap(header: &Header) -> bool {
    matches!(header.time_system.as_deref(), Some("GLO" | "UTC"))
}

/// The version as a number, such as 3.04.
fn version(header: &Header) -> f64 {
    header.version.parse().unwrap_or_default()
}
