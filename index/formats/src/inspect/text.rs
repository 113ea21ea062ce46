//! Facts of formats that are lines.

use std::io::{BufRead, BufReader, Cursor, Read};

use super::kind::n_cells;
use super::{Inspection, Kind};
use crate::hatanaka;
use crate::lines::{Lines, TextError, field};
use crate::rinex::{self, Checked, Header, check};
use crate::{antex, ionex, sp3};

/// The longest header of a RINEX file; real ones have some hundred lines.
const MAX_HEADER_BYTES: u64 = 8 << 20;

/// Reads lines as what they were told to be.
pub(super) fn facts(reader: &mut impl Read, found: &mut Inspection) {
    let read = match found.kind {
        Kind::Rinex => of_rinex(reader, found),
        Kind::Sp3 => of_sp3(reader, found),
        Kind::Ionex => of_ionex(reader, found),
        Kind::Antex => of_antex(reader, found),
        Kind::Sinex => of_sinex(reader, found),
        Kind::Ecsv => of_columns(reader, found, ' '),
        Kind::Csv => of_columns(reader, found, ','),
        Kind::Text | Kind::SiteLog | Kind::Cggtts => of_text(reader, found),
        _ => Ok(()),
    };
    if let Err(error) = read {
        found.fault(&error);
    }
}

fn of_rinex(reader: &mut impl Read, found: &mut Inspection) -> Result<(), TextError> {
    let mut read = Vec::new();
    let header = Header::read(Noting {
        inner: reader.take(MAX_HEADER_BYTES),
        read: &mut read,
    })?;
    found.kind = match header.kind {
        rinex::Kind::Observation => Kind::RinexObservation,
        rinex::Kind::Navigation => Kind::RinexNavigation,
        rinex::Kind::Meteorological => Kind::RinexMeteorological,
        rinex::Kind::Clock => Kind::RinexClock,
    };
    found.fact("version", header.version);
    found.fact("crinex", header.crinex.clone());
    found.fact("system", header.system.map(String::from));
    found.fact("marker", header.marker_name);
    found.fact("interval_s", header.interval_s);
    found.fact("centre", header.analysis_centre);
    found.fact("first", header.first.as_ref().map(written));
    found.fact("last", header.last.as_ref().map(written));
    let whole = Cursor::new(read).chain(reader);
    if header.crinex.is_none() {
        of_body(&check(whole)?, found);
        return Ok(());
    }
    match hatanaka::Decoder::new(whole, hatanaka::Limits::default()) {
        Ok(decoder) => of_body(&check(decoder)?, found),
        Err(error) => found.fault(&error),
    }
    Ok(())
}

fn of_body(checked: &Checked, found: &mut Inspection) {
    if checked.n_epochs > 0 {
        found.fact("epochs", checked.n_epochs);
    }
    if !checked.ephemerides.is_empty() {
        found.fact("ephemerides", checked.ephemerides.values().sum::<u64>());
    }
    if !checked.clock_records.is_empty() {
        found.fact("clocks", checked.clock_records.values().sum::<u64>());
    }
    found.warnings.extend(checked.warnings.iter().cloned());
}

/// A reader that keeps what was read through it.
struct Noting<'a, R> {
    inner: R,
    read: &'a mut Vec<u8>,
}

impl<R: Read> Read for Noting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.read.extend_from_slice(&buffer[..n]);
        Ok(n)
    }
}

fn written(time: &rinex::Time) -> String {
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:010.7}",
        time.year, time.month, time.day, time.hour, time.minute, time.second
    )
}

fn of_sp3(reader: &mut impl Read, found: &mut Inspection) -> Result<(), TextError> {
    let mut reader = BufReader::new(reader);
    let starts_blank = reader
        .fill_buf()
        .is_ok_and(|start| start.first().is_some_and(u8::is_ascii_whitespace));
    let orbits = sp3::read(reader)?;
    if starts_blank {
        let why = "a blank line stands before the first line";
        found.warnings.push(why.to_owned());
    }
    found.fact("version", String::from(orbits.version));
    found.fact("frame", orbits.frame);
    found.fact("agency", orbits.agency);
    found.fact("epochs", orbits.n_epochs);
    found.fact("satellites", orbits.n_satellites);
    found.faults.extend(orbits.faults);
    Ok(())
}

fn of_ionex(reader: &mut impl Read, found: &mut Inspection) -> Result<(), TextError> {
    let maps = ionex::read(reader)?;
    found.fact("version", maps.version);
    found.fact("interval_s", maps.interval_s);
    found.fact("maps", maps.n_tec_maps);
    found.fact("rms_maps", maps.n_rms_maps);
    found.faults.extend(maps.faults);
    Ok(())
}

fn of_antex(reader: &mut impl Read, found: &mut Inspection) -> Result<(), TextError> {
    let models = antex::read(reader)?;
    found.fact("version", models.version);
    found.fact("antennas", models.n_antennas);
    // Every antenna can be read nevertheless.
    found.warnings.extend(models.faults);
    Ok(())
}

fn of_sinex(reader: &mut impl Read, found: &mut Inspection) -> Result<(), TextError> {
    let mut lines = Lines::new(reader);
    let (mut blocks, mut has_end) = (Vec::new(), false);
    while let Some(line) = lines.next()? {
        if lines_begin(line, "%=SNX") {
            found.fact("version", field(line, 6, 10));
        }
        if line.starts_with('+') && blocks.len() < 1000 {
            blocks.push(line[1..].trim().to_owned());
        }
        has_end |= line.starts_with("%ENDSNX");
    }
    found.fact("blocks", blocks);
    if !has_end {
        found
            .faults
            .push("the file ends without %ENDSNX".to_owned());
    }
    Ok(())
}

fn lines_begin(line: &str, with: &str) -> bool {
    line.trim_start().starts_with(with)
}

/// ECSV and CSV: comments, one line of names, lines of cells.
fn of_columns(
    reader: &mut impl Read,
    found: &mut Inspection,
    mut delimiter: char,
) -> Result<(), TextError> {
    let mut lines = Lines::new(reader);
    let (mut n_columns, mut rows) = (None, 0_u64);
    while let Some(line) = lines.next()? {
        if let Some(comment) = line.strip_prefix('#') {
            if comment.trim().starts_with("delimiter:") {
                delimiter = if comment.contains(',') {
                    ','
                } else {
                    delimiter
                };
            }
        } else if line.trim().is_empty() {
        } else if let Some(expected) = n_columns {
            rows += 1;
            let n = n_cells(line, delimiter);
            if n != expected && found.faults.is_empty() {
                let why = format!("row {rows} has {n} cells where there are {expected} columns");
                found.faults.push(why);
            }
        } else {
            n_columns = Some(n_cells(line, delimiter));
        }
    }
    found.fact("n_columns", n_columns.unwrap_or(0));
    found.fact("rows", rows);
    Ok(())
}

fn of_text(reader: &mut impl Read, found: &mut Inspection) -> Result<(), TextError> {
    let mut lines = Lines::new(reader);
    while let Some(line) = lines.next()? {
        if found.facts.is_empty() {
            let first: String = line.chars().take(80).collect();
            found.fact("first_line", first.trim());
        }
    }
    found.fact("lines", lines.number);
    Ok(())
}
