//! Facts of formats that are lines.

use std::io::Read;

use super::kind::n_cells;
use super::{Inspection, Kind};
use crate::lines::{Lines, TextError, field};
use crate::rinex::{self, Header};

/// Reads lines as what they were told to be.
pub(super) fn facts(reader: &mut impl Read, found: &mut Inspection) {
    let read = match found.kind {
        Kind::Rinex => of_rinex(reader, found),
        Kind::Sp3 => of_sp3(reader, found),
        Kind::Ionex | Kind::Antex => of_labels(reader, found),
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
    let header = Header::read(reader)?;
    found.kind = match header.kind {
        rinex::Kind::Observation => Kind::RinexObservation,
        rinex::Kind::Navigation => Kind::RinexNavigation,
        rinex::Kind::Meteorological => Kind::RinexMeteorological,
        rinex::Kind::Clock => Kind::RinexClock,
    };
    found.fact("version", header.version);
    found.fact("crinex", header.crinex);
    found.fact("system", header.system.map(String::from));
    found.fact("marker", header.marker_name);
    found.fact("interval_s", header.interval_s);
    found.fact("centre", header.analysis_centre);
    found.fact("first", header.first.as_ref().map(written));
    found.fact("last", header.last.as_ref().map(written));
    Ok(())
}

fn written(time: &rinex::Time) -> String {
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:010.7}",
        time.year, time.month, time.day, time.hour, time.minute, time.second
    )
}

fn of_sp3(reader: &mut impl Read, found: &mut Inspection) -> Result<(), TextError> {
    let mut lines = Lines::new(reader);
    let (mut announced, mut n_epochs, mut has_end, mut is_first) = (None, 0_u64, false, true);
    while let Some(line) = lines.next()? {
        if is_first && line.trim().is_empty() {
            let why = "blank lines stand before the first line";
            found.warnings.push(why.to_owned());
            continue;
        }
        if is_first && line.starts_with('#') {
            found.fact("version", field(line, 1, 2));
            found.fact("frame", field(line, 46, 51));
            found.fact("agency", field(line, 56, 60));
            announced = field(line, 32, 39).parse::<u64>().ok();
        } else if is_first {
            let why = "the first two lines of the header are missing";
            found.faults.push(why.to_owned());
        }
        is_first = false;
        n_epochs += u64::from(line.starts_with("* "));
        has_end |= line.trim_end() == "EOF";
    }
    found.fact("epochs", n_epochs);
    if !has_end {
        found
            .faults
            .push("the file ends without its EOF line".to_owned());
    }
    if let Some(announced) = announced.filter(|n| *n != n_epochs) {
        let why = format!("{announced} epochs are announced and {n_epochs} found");
        found.faults.push(why);
    }
    Ok(())
}

/// IONEX and ANTEX: labels from column 61 on, blocks that begin and end.
fn of_labels(reader: &mut impl Read, found: &mut Inspection) -> Result<(), TextError> {
    let mut lines = Lines::new(reader);
    let (mut maps, mut rms, mut antennas, mut open) = (0_u64, 0_u64, 0_u64, None);
    let (mut announced, mut has_end) = (None, false);
    while let Some(line) = lines.next()? {
        let label = field(line, 60, 80);
        match label {
            "IONEX VERSION / TYPE" | "ANTEX VERSION / SYST" => {
                found.fact("version", field(line, 0, 8));
            }
            "INTERVAL" => found.fact("interval_s", field(line, 0, 6).parse::<i64>().ok()),
            "# OF MAPS IN FILE" => announced = field(line, 0, 6).parse::<u64>().ok(),
            "START OF TEC MAP" => maps += 1,
            "START OF RMS MAP" => rms += 1,
            "START OF ANTENNA" => antennas += 1,
            "END OF FILE" => has_end = true,
            _ => {}
        }
        if let Some(block) = label.strip_prefix("START OF ") {
            open = Some(block.to_owned());
        } else if label.strip_prefix("END OF ") == open.as_deref() {
            open = None;
        }
    }
    if let Some(block) = open.filter(|block| block != "AUX DATA") {
        found.faults.push(format!("the file ends within {block}"));
    }
    if found.kind == Kind::Antex {
        found.fact("antennas", antennas);
        return Ok(());
    }
    found.fact("maps", maps);
    found.fact("rms_maps", rms);
    if !has_end {
        found
            .faults
            .push("the file ends without END OF FILE".to_owned());
    }
    if let Some(announced) = announced.filter(|n| *n != maps) {
        found
            .faults
            .push(format!("{announced} maps are announced and {maps} found"));
    }
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
