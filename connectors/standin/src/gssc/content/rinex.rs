//! RINEX: observations as text, version 3.04 and 2.11.

use chrono::Datelike;

use super::observe::{Epoch, Observed, Value, kinds};
use super::orbit::System;
use super::text::{comments, header};
use super::{Observations, Terms};
use crate::gssc::calendar::Day;

/// The whole file.
pub(crate) fn text(observed: &Observed, wanted: &Observations, terms: &Terms) -> String {
    let mut out = head(observed, wanted, terms);
    for epoch in &observed.epochs {
        if wanted.is_version_2 {
            write_epoch_2(&mut out, observed.day, epoch);
        } else {
            write_epoch_3(&mut out, observed.day, epoch);
        }
    }
    out
}

/// The header, up to its end.
pub(crate) fn head(observed: &Observed, wanted: &Observations, terms: &Terms) -> String {
    let mut out = String::new();
    let first = if wanted.is_version_2 {
        "     2.11           OBSERVATION DATA    G (GPS)"
    } else {
        "     3.04           OBSERVATION DATA    M (MIXED)"
    };
    header(&mut out, first, "RINEX VERSION / TYPE");
    let made = wanted.day.plus_hours(24).format("%Y%m%d %H%M%S UTC");
    let program = format!("{:<20}{:<20}{made}", "gantry-standin", "stand-in");
    header(&mut out, &program, "PGM / RUN BY / DATE");
    comments(&mut out, terms);
    write_station(&mut out, wanted);
    if wanted.is_version_2 {
        header(&mut out, "     1     1", "WAVELENGTH FACT L1/2");
        let codes: String = kinds(System::Gps)
            .iter()
            .map(|kind| format!("    {}", kind.old_code))
            .collect();
        let n_kinds = kinds(System::Gps).len();
        header(
            &mut out,
            &format!("{n_kinds:6}{codes}"),
            "# / TYPES OF OBSERV",
        );
    } else {
        for (letter, system) in [('G', System::Gps), ('E', System::Galileo)] {
            let codes: String = kinds(system)
                .iter()
                .map(|kind| format!(" {}", kind.code))
                .collect();
            let line = format!("{letter}  {:3}{codes}", kinds(system).len());
            header(&mut out, &line, "SYS / # / OBS TYPES");
        }
        header(&mut out, "DBHZ", "SIGNAL STRENGTH UNIT");
    }
    write_times(&mut out, observed, wanted);
    if !wanted.is_version_2 {
        for phase in ["G L1C", "G L2W", "E L1C", "E L5Q"] {
            header(&mut out, &format!("{phase}  0.00000"), "SYS / PHASE SHIFT");
        }
    }
    header(&mut out, "", "END OF HEADER");
    out
}

fn write_station(out: &mut String, wanted: &Observations) {
    let station = wanted.station;
    let moment = wanted
        .day
        .plus_hours(0)
        .format("%Y-%m-%dT%H:%MZ")
        .to_string();
    let receiver = station.receiver(&moment);
    let antenna = station.antenna(&moment);
    header(out, station.code(), "MARKER NAME");
    header(out, station.domes, "MARKER NUMBER");
    if !wanted.is_version_2 {
        header(out, "GEODETIC", "MARKER TYPE");
    }
    let agency = format!("{:<20}{}", "automatic", "gantry-standin");
    header(out, &agency, "OBSERVER / AGENCY");
    let line = format!(
        "{:<20}{:<20}{:<20}",
        receiver.serial, receiver.kind, receiver.firmware
    );
    header(out, &line, "REC # / TYPE / VERS");
    let line = format!("{:<20}{:<20}", antenna.serial, antenna.kind);
    header(out, &line, "ANT # / TYPE");
    let [x, y, z] = station.position;
    header(
        out,
        &format!("{x:14.4}{y:14.4}{z:14.4}"),
        "APPROX POSITION XYZ",
    );
    let delta = format!("{:14.4}{:14.4}{:14.4}", 0.0, 0.0, 0.0);
    header(out, &delta, "ANTENNA: DELTA H/E/N");
}

fn write_times(out: &mut String, observed: &Observed, wanted: &Observations) {
    header(
        out,
        &format!("{:10.3}", f64::from(wanted.step_s)),
        "INTERVAL",
    );
    let ends = [observed.epochs.first(), observed.epochs.last()];
    for (epoch, label) in ends
        .into_iter()
        .zip(["TIME OF FIRST OBS", "TIME OF LAST OBS"])
    {
        let Some(epoch) = epoch else { continue };
        let date = observed.day.0;
        let (hour, minute, second) = clock(epoch.second);
        let time = format!(
            "{:6}{:6}{:6}{hour:6}{minute:6}{:13.7}     GPS",
            date.year(),
            date.month(),
            date.day(),
            f64::from(second)
        );
        header(out, &time, label);
    }
    header(out, "    18", "LEAP SECONDS");
}

/// The line that begins an epoch of version 3, without the names of satellites.
pub(crate) fn epoch_line_3(day: Day, epoch: &Epoch) -> String {
    let (hour, minute, second) = clock(epoch.second);
    format!(
        "> {} {hour:02} {minute:02} {:10.7}  0{:3}",
        day.0.format("%Y %m %d"),
        f64::from(second),
        epoch.seen.len()
    )
}

/// The line that begins an epoch of version 2, without the names of satellites.
pub(crate) fn epoch_line_2(day: Day, epoch: &Epoch) -> String {
    let (hour, minute, second) = clock(epoch.second);
    format!(
        " {:02} {:2} {:2} {hour:2} {minute:2}{:11.7}  0{:3}",
        day.two_digits(),
        day.0.month(),
        day.0.day(),
        f64::from(second),
        epoch.seen.len()
    )
}

fn write_epoch_3(out: &mut String, day: Day, epoch: &Epoch) {
    out.push_str(&epoch_line_3(day, epoch));
    out.push('\n');
    for (satellite, values) in &epoch.seen {
        let mut line = satellite.name();
        for value in values {
            line.push_str(&field(value.as_ref()));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

fn write_epoch_2(out: &mut String, day: Day, epoch: &Epoch) {
    let mut line = epoch_line_2(day, epoch);
    for (n, (satellite, _)) in epoch.seen.iter().enumerate() {
        if n > 0 && n % 12 == 0 {
            out.push_str(&line);
            out.push('\n');
            line = " ".repeat(32);
        }
        line.push_str(&satellite.name());
    }
    out.push_str(&line);
    out.push('\n');
    for (_, values) in &epoch.seen {
        for five in values.chunks(5) {
            let line: String = five.iter().map(|value| field(value.as_ref())).collect();
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
}

/// 16 columns: the value with three decimals, and the two flags.
fn field(value: Option<&Value>) -> String {
    let Some(Value {
        thousandths,
        flags: [lock, strength],
    }) = value
    else {
        return " ".repeat(16);
    };
    let sign = if *thousandths < 0 { "-" } else { "" };
    let size = thousandths.unsigned_abs();
    let number = format!("{sign}{}.{:03}", size / 1000, size % 1000);
    format!("{number:>14}{lock}{strength}")
}

fn clock(second: u32) -> (u32, u32, u32) {
    (second / 3600, second / 60 % 60, second % 60)
}
