//! Navigation messages: the orbits' own elements, every two hours; RINEX 3.04 and 2.11.

use chrono::Datelike;

use super::Terms;
use super::orbit::{Satellite, System, satellites};
use super::text::{comments, d19, header};
use crate::gssc::calendar::Day;

const STEP_S: u32 = 7200;

/// A day of messages: of all systems, or with `is_short` of GPS only, in RINEX 2.
pub(crate) fn text(day: Day, is_short: bool, terms: &Terms) -> String {
    let mut out = String::new();
    let first = if is_short {
        "     2.11           N: GPS NAV DATA"
    } else {
        "     3.04           N: GNSS NAV DATA    M: MIXED"
    };
    header(&mut out, first, "RINEX VERSION / TYPE");
    let made = day.plus_hours(24).format("%Y%m%d %H%M%S UTC");
    let program = format!("{:<20}{:<20}{made}", "gantry-standin", "stand-in");
    header(&mut out, &program, "PGM / RUN BY / DATE");
    comments(&mut out, terms);
    header(&mut out, "    18", "LEAP SECONDS");
    header(&mut out, "", "END OF HEADER");
    for toe in (0..86_400).step_by(STEP_S as usize) {
        for satellite in satellites(terms.seed) {
            if !is_short || satellite.system == System::Gps {
                write_message(&mut out, day, toe, &satellite, is_short, terms.version);
            }
        }
    }
    out
}

fn write_message(
    out: &mut String,
    day: Day,
    toe: u32,
    satellite: &Satellite,
    is_short: bool,
    version: u32,
) {
    let gps_s = day.gps_seconds() + f64::from(toe);
    let (hour, minute) = (toe / 3600, toe / 60 % 60);
    let date = day.0;
    let begins = if is_short {
        format!(
            "{:2} {:02} {:2} {:2} {hour:2} {minute:2}{:5.1}",
            satellite.number,
            day.two_digits(),
            date.month(),
            date.day(),
            0.0
        )
    } else {
        let date = date.format("%Y %m %d");
        format!("{} {date} {hour:02} {minute:02} 00", satellite.name())
    };
    let clock = [satellite.clock_s(gps_s), satellite.clock_drift(), 0.0];
    out.push_str(&begins);
    out.extend(clock.map(d19));
    out.push('\n');
    let indent = if is_short { "   " } else { "    " };
    for line in elements(satellite, gps_s, version).chunks(4) {
        out.push_str(indent);
        out.extend(line.iter().copied().map(d19));
        out.push('\n');
    }
}

/// The numbers of the seven lines of orbit, in their order.
fn elements(satellite: &Satellite, gps_s: f64, version: u32) -> Vec<f64> {
    let of_week = gps_s.rem_euclid(604_800.0);
    let week = (gps_s / 604_800.0).floor();
    let issue = f64::from((of_week / f64::from(STEP_S)) as u32 + version);
    let (source, accuracy) = match satellite.system {
        System::Gps => (1.0, 2.0),
        // I/NAV on E1-B, clock for E5b and E1.
        System::Galileo => (517.0, 3.12),
    };
    let end = match satellite.system {
        System::Gps => vec![issue, of_week - 18.0, 4.0],
        System::Galileo => vec![0.0, of_week + 600.0],
    };
    let mut numbers = vec![
        issue,
        0.0,
        0.0,
        satellite.mean_anomaly(gps_s),
        0.0,
        satellite.eccentricity,
        0.0,
        satellite.semi_major.sqrt(),
        of_week,
        0.0,
        satellite.node_of_week(gps_s),
        0.0,
        satellite.inclination,
        0.0,
        satellite.perigee,
        satellite.node_rate,
        0.0,
        source,
        week,
        0.0,
        accuracy,
        0.0,
        0.0,
    ];
    numbers.extend(end);
    numbers
}
