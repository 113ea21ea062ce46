//! Clocks, broadcast ephemerides and weather.

use std::io::Read;

use super::{Checked, TimeAt, may_leap, time, version};
use crate::lines::{Lines, TextError, field, number};

/// Kinds of clock records: satellite, receiver, calibration, discontinuity, monitor.
const CLOCKS: [&str; 5] = ["AS", "AR", "CR", "DR", "MS"];
/// Columns of a number in a navigation file.
const WIDE: usize = 19;

/// Counts the records of a clock file by kind.
pub(super) fn clocks<R: Read>(
    lines: &mut Lines<R>,
    checked: &mut Checked,
) -> Result<(), TextError> {
    // Since 3.04 names have nine columns and not four.
    let shift = if version(&checked.header) >= 3.04 {
        5
    } else {
        0
    };
    let at: TimeAt = [(8, 12), (12, 15), (15, 18), (18, 21), (21, 24), (24, 34)]
        .map(|(from, to)| (from + shift, to + shift));
    while let Some(line) = record(lines)? {
        let kind = field(&line, 0, 2).to_owned();
        if !CLOCKS.contains(&kind.as_str()) {
            return Err(lines.fault(format!("`{kind}` is no kind of clock record")));
        }
        time(&line, &at, may_leap(&checked.header)).map_err(|fault| lines.fault(fault))?;
        let text = field(&line, 34 + shift, 37 + shift);
        let n = text.parse().ok().filter(|n| (1..=6).contains(n));
        let n: usize =
            n.ok_or_else(|| lines.fault(format!("`{text}` is no number of values; 1 to 6 are")))?;
        values(&line, 37 + shift, n.min(2)).map_err(|fault| lines.fault(fault))?;
        if n > 2 {
            let more = following(lines)?;
            values(&more, 0, n - 2).map_err(|fault| lines.fault(fault))?;
        }
        *checked.clock_records.entry(kind).or_default() += 1;
    }
    Ok(())
}

/// Checks that `n` numbers stand in a line from column `from` on.
fn values(line: &str, from: usize, n: usize) -> Result<(), String> {
    let words = line
        .get(from..)
        .unwrap_or_default()
        .split_ascii_whitespace();
    let mut found = 0;
    for word in words {
        number(word).ok_or_else(|| format!("`{word}` is no number"))?;
        found += 1;
    }
    if found != n {
        return Err(format!("{n} values are announced and {found} found"));
    }
    Ok(())
}

/// Counts the ephemerides of a navigation file by system.
pub(super) fn navigation<R: Read>(
    lines: &mut Lines<R>,
    checked: &mut Checked,
) -> Result<(), TextError> {
    let version = version(&checked.header);
    let leap = may_leap(&checked.header);
    while let Some(line) = record(lines)? {
        let (line, system, n_lines) = if version >= 4.0 {
            let Some(message) = line.strip_prefix("> EPH ") else {
                other_message(lines, &line)?;
                continue;
            };
            let system = message.chars().next().unwrap_or(' ');
            let n_lines = lines_of_message(system, field(message, 4, 8));
            (following(lines)?, system, n_lines)
        } else if version >= 3.0 {
            let system = line.chars().next().unwrap_or(' ');
            (line, system, Some(lines_of_system(system, version)))
        } else {
            let system = checked.header.system.unwrap_or('G');
            (line, system, Some(lines_of_system(system, version)))
        };
        ephemeris(&line, system, version, leap).map_err(|fault| lines.fault(fault))?;
        orbit(lines, version, n_lines)?;
        *checked.ephemerides.entry(system).or_default() += 1;
    }
    Ok(())
}

/// Passes over a record of RINEX 4 that is no ephemeris.
fn other_message<R: Read>(lines: &mut Lines<R>, line: &str) -> Result<(), TextError> {
    let kind = line.get(..6).unwrap_or(line);
    if !["> STO ", "> EOP ", "> ION "].contains(&kind) {
        return Err(lines.fault(format!("`{kind}` begins no record of a navigation file")));
    }
    orbit(lines, 4.0, None)
}

/// Lines of an ephemeris up to RINEX 3, its first not counted.
fn lines_of_system(system: char, version: f64) -> usize {
    match system {
        'R' if version >= 3.05 => 4,
        'R' | 'S' => 3,
        _ => 7,
    }
}

/// Lines of a message of RINEX 4, its first not counted; none for messages not known here.
fn lines_of_message(system: char, message: &str) -> Option<usize> {
    match (system, message) {
        (_, "LNAV" | "INAV" | "FNAV" | "D1" | "D2") => Some(7),
        ('R', "FDMA") => Some(4),
        ('S', "SBAS") => Some(3),
        ('G' | 'J', "CNAV") => Some(8),
        ('G' | 'J' | 'C', "CNV2") | ('C', "CNV1") => Some(9),
        ('C', "CNV3") => Some(8),
        _ => None,
    }
}

/// Checks the first line of an ephemeris: satellite, time, three numbers.
fn ephemeris(line: &str, system: char, version: f64, leap: bool) -> Result<(), String> {
    const OLD: TimeAt = [(2, 5), (5, 8), (8, 11), (11, 14), (14, 17), (17, 22)];
    const NEW: TimeAt = [(3, 8), (8, 11), (11, 14), (14, 17), (17, 20), (20, 23)];
    let (name, at, from) = match version < 3.0 {
        true => (field(line, 0, 2), &OLD, 22),
        false => (field(line, 1, 3), &NEW, 23),
    };
    let known = "GREJCIS".contains(system) && (version < 3.0 || line.starts_with(system));
    if !known || name.parse::<u8>().is_err() {
        let name = field(line, 0, 3);
        return Err(format!("`{name}` is no satellite of an ephemeris"));
    }
    time(line, at, leap)?;
    numbers(line, from, 3)
}

/// Reads the other lines of an ephemeris, `n` if given, else up to the next record of RINEX 4.
fn orbit<R: Read>(lines: &mut Lines<R>, version: f64, n: Option<usize>) -> Result<(), TextError> {
    let from = if version < 3.0 { 3 } else { 4 };
    let mut found = 0;
    while n.is_none_or(|n| found < n) {
        if n.is_none() && matches!(lines.peek()?, None | Some(b'>')) {
            return Ok(());
        }
        let line = following(lines)?;
        // The lines of STO, EOP and ION begin with a time, of which only its columns are blank here.
        if n.is_some() {
            if !line.get(..from).unwrap_or(&line).trim().is_empty() {
                let n = n.unwrap_or_default();
                let fault = format!("an ephemeris has {found} lines after its first and not {n}");
                return Err(lines.fault(fault));
            }
            numbers(&line, from, 4).map_err(|fault| lines.fault(fault))?;
        }
        found += 1;
    }
    Ok(())
}

/// Checks up to `n` numbers of 19 columns; the last may be blank or not there.
fn numbers(line: &str, from: usize, n: usize) -> Result<(), String> {
    for at in (from..).step_by(WIDE).take(n) {
        let text = field(line, at, at + WIDE);
        if !text.is_empty() && number(text).is_none() {
            return Err(format!("`{text}` is no number of an ephemeris"));
        }
    }
    let rest = field(line, from + n * WIDE, line.len());
    if !rest.is_empty() {
        return Err(format!("`{rest}` stands after the {n} numbers of the line"));
    }
    Ok(())
}

/// Counts the records of a weather file.
pub(super) fn weather<R: Read>(
    lines: &mut Lines<R>,
    checked: &mut Checked,
) -> Result<(), TextError> {
    /// Values in the first line of a record, and in each that continues it.
    const FIRST: usize = 8;
    const MORE: usize = 10;
    let types = &checked.header.observation_types;
    let n_types: usize = types.iter().map(|(_, types)| types.len()).sum();
    let wide = if version(&checked.header) < 3.0 { 0 } else { 2 };
    let at: TimeAt = [(0, 3), (3, 6), (6, 9), (9, 12), (12, 15), (15, 18)]
        .map(|(from, to)| (if from == 0 { 0 } else { from + wide }, to + wide));
    while let Some(line) = record(lines)? {
        let time = time(&line, &at, false).map_err(|fault| lines.fault(fault))?;
        let n = n_types.min(FIRST);
        readings(&line, 18 + wide, n).map_err(|fault| lines.fault(fault))?;
        checked.epoch(time, lines.number);
        let mut left = n_types - n;
        while left > 0 {
            let n = left.min(MORE);
            let more = following(lines)?;
            readings(&more, 4, n).map_err(|fault| lines.fault(fault))?;
            left -= n;
        }
    }
    Ok(())
}

/// Checks up to `n` values of seven columns.
fn readings(line: &str, from: usize, n: usize) -> Result<(), String> {
    let end = from + 7 * n;
    for at in (from..end).step_by(7) {
        let text = field(line, at, at + 7);
        if !text.is_empty() && number(text).is_none() {
            return Err(format!("`{text}` is no value of weather"));
        }
    }
    match field(line, end, line.len()) {
        "" => Ok(()),
        rest => Err(format!("`{rest}` stands after the {n} values of the line")),
    }
}

/// The first line of the next record, if there is one; blank lines are passed over.
fn record<R: Read>(lines: &mut Lines<R>) -> Result<Option<String>, TextError> {
    while let Some(line) = lines.next()? {
        if !line.trim().is_empty() {
            return Ok(Some(line.to_owned()));
        }
    }
    Ok(None)
}

/// A further line of a record.
fn following<R: Read>(lines: &mut Lines<R>) -> Result<String, TextError> {
    match lines.next()? {
        Some(line) => Ok(line.to_owned()),
        None => Err(lines.fault("the file ends within the record that this line belongs to")),
    }
}
