//! Products of analysis centres: orbits (SP3), clocks (RINEX clock), rotation of the Earth (ERP).

use std::fmt::Write;

use chrono::Datelike;

use super::orbit::{Satellite, satellites};
use super::text::{comments, exponential, header, noise};
use super::{Orbits, Terms};
use crate::gssc::calendar::Day;
use crate::gssc::content::station::STATIONS;

/// The four letters of a centre in SP3.
fn agency(centre: &str) -> &str {
    match centre {
        "ESA" => "ESOC",
        "COD" => "AIUB",
        "GRG" => "GRGS",
        other => other,
    }
}

/// A few millimetres that a centre is off, constant over a file.
fn offsets(centre: &str, day: Day, satellite: &Satellite, terms: &Terms) -> [f64; 3] {
    let letters = centre
        .bytes()
        .fold(0, |sum, byte| sum * 256 + u64::from(byte));
    let number = u64::from(satellite.number) + 100 * satellite.system as u64;
    let what = letters ^ day.gps_seconds() as u64;
    [0, 1, 2].map(|axis| {
        let random = noise(
            terms.seed,
            [what, number, axis + 3 * u64::from(terms.version)],
        );
        0.02 * (random - 0.5)
    })
}

/// Orbits as SP3.
pub(crate) fn orbits(wanted: &Orbits, terms: &Terms) -> String {
    let satellites = satellites(terms.seed);
    let mut out = orbit_header(wanted, &satellites, terms);
    let start = wanted.day.gps_seconds() + f64::from(wanted.start_s);
    let off: Vec<_> = satellites
        .iter()
        .map(|satellite| offsets(wanted.centre, wanted.day, satellite, terms))
        .collect();
    for n in 0..wanted.n_epochs {
        let second = wanted.start_s + n * wanted.step_s;
        // Writing to a string cannot fail.
        let _ = writeln!(out, "*  {}", moment(wanted.day, second));
        let is_predicted = wanted.predicted_from.is_some_and(|from| n >= from);
        let gps_s = start + f64::from(n * wanted.step_s);
        for (satellite, off) in satellites.iter().zip(&off) {
            let position = satellite.position(gps_s);
            let [x, y, z] = [0, 1, 2].map(|axis| (position[axis] + off[axis]) / 1000.0);
            let clock = satellite.clock_s(gps_s) * 1e6;
            let mut line = format!("P{}{x:14.6}{y:14.6}{z:14.6}{clock:14.6}", satellite.name());
            if is_predicted {
                // Columns 76 and 80: clock and orbit are predicted.
                let _ = write!(line, "{:15}P   P", "");
            }
            out.push_str(&line);
            out.push('\n');
        }
    }
    out.push_str("EOF\n");
    out
}

fn orbit_header(wanted: &Orbits, satellites: &[Satellite], terms: &Terms) -> String {
    let Orbits {
        centre,
        day,
        version,
        frame,
        ..
    } = wanted;
    let (week, of_week) = day.week();
    let of_week = f64::from(of_week) * 86_400.0 + f64::from(wanted.start_s);
    let mut out = format!(
        "#{version}P{} {:7} ORBIT {frame:<5.5} FIT {:>4}\n",
        moment(*day, wanted.start_s),
        wanted.n_epochs,
        agency(centre)
    );
    let fraction = f64::from(wanted.start_s) / 86_400.0;
    let _ = writeln!(
        out,
        "## {week:4} {of_week:15.8} {:14.8} {:5} {fraction:15.13}",
        f64::from(wanted.step_s),
        day.modified_julian()
    );
    let names: Vec<_> = satellites.iter().map(Satellite::name).collect();
    for line in 0..5 {
        let begins = match line {
            0 => format!("+{:5}   ", satellites.len()),
            _ => format!("+{:8}", ""),
        };
        let ids = (0..17).map(|n| names.get(line * 17 + n).map_or("  0", String::as_str));
        let _ = writeln!(out, "{begins}{}", ids.collect::<String>());
    }
    for line in 0..5 {
        let accuracies = (0..17).map(|n| match line * 17 + n < satellites.len() {
            true => "  5",
            false => "  0",
        });
        let _ = writeln!(out, "++{:7}{}", "", accuracies.collect::<String>());
    }
    out.push_str("%c M  cc GPS ccc cccc cccc cccc cccc ccccc ccccc ccccc ccccc\n");
    out.push_str("%c cc cc ccc ccc cccc cccc cccc cccc ccccc ccccc ccccc ccccc\n");
    out.push_str("%f  1.2500000  1.025000000  0.00000000000  0.000000000000000\n");
    out.push_str("%f  0.0000000  0.000000000  0.00000000000  0.000000000000000\n");
    out.push_str("%i    0    0    0    0      0      0      0      0         0\n");
    out.push_str("%i    0    0    0    0      0      0      0      0         0\n");
    let frame_of_antennas = if *frame == "IGS20" {
        "IGS20_2274"
    } else {
        "IGS14_2108"
    };
    let _ = writeln!(out, "/* made by gantry-standin; no measurement, for tests");
    let _ = writeln!(out, "/* reprocessed {} times", terms.version);
    let _ = writeln!(
        out,
        "/* Kepler ellipses, the same as in the navigation messages"
    );
    let _ = writeln!(
        out,
        "/* PCV:{frame_of_antennas} OL/AL:NONE     NONE     YN ORB:CoN CLK:CoN"
    );
    out
}

/// A moment as SP3 has it.
fn moment(day: Day, second: u32) -> String {
    let day = day.plus_days(i64::from(second / 86_400));
    let second = second % 86_400;
    format!(
        "{} {:2} {:2} {:2} {:2} {:11.8}",
        day.year(),
        day.0.month(),
        day.0.day(),
        second / 3600,
        second / 60 % 60,
        f64::from(second % 60)
    )
}

/// Clocks as RINEX clock 3.00, or 2.00 where they are old; the first hours where they come fast.
pub(crate) fn clocks(centre: &str, day: Day, step_s: u32, is_old: bool, terms: &Terms) -> String {
    let satellites = satellites(terms.seed);
    let mut out = clock_header(centre, day, is_old, &satellites, terms);
    let n_epochs = match step_s {
        300.. => 86_400 / step_s,
        _ => terms.epochs_per_day,
    };
    for second in (0..n_epochs).map(|n| n * step_s).filter(|s| *s < 86_400) {
        let gps_s = day.gps_seconds() + f64::from(second);
        let time = format!(
            "{} {:02} {:02} {:9.6}",
            day.0.format("%Y %m %d"),
            second / 3600,
            second / 60 % 60,
            f64::from(second % 60)
        );
        for satellite in &satellites {
            let bias = satellite.clock_s(gps_s) + offsets(centre, day, satellite, terms)[0] / 3e8;
            // Writing to a string cannot fail.
            let _ = writeln!(
                out,
                "AS {:<4} {time}  2   {} {}",
                satellite.name(),
                exponential(bias, 12, 'E'),
                exponential(1.5e-11, 12, 'E')
            );
        }
    }
    out
}

fn clock_header(
    centre: &str,
    day: Day,
    is_old: bool,
    satellites: &[Satellite],
    terms: &Terms,
) -> String {
    let mut out = String::new();
    let first = match is_old {
        true => "     2.00           CLOCK DATA          GPS",
        false => "     3.00           CLOCK DATA          M",
    };
    header(&mut out, first, "RINEX VERSION / TYPE");
    let made = day.plus_hours(48).format("%Y%m%d %H%M%S UTC");
    let program = format!("{:<20}{:<20}{made}", "gantry-standin", "stand-in");
    header(&mut out, &program, "PGM / RUN BY / DATE");
    comments(&mut out, terms);
    if !is_old {
        header(
            &mut out,
            "G gantry-standin    igs20_2274.atx",
            "SYS / PCVS APPLIED",
        );
        header(
            &mut out,
            "E gantry-standin    igs20_2274.atx",
            "SYS / PCVS APPLIED",
        );
        header(&mut out, "   GPS", "TIME SYSTEM ID");
    }
    header(&mut out, "    18", "LEAP SECONDS");
    header(&mut out, "     1    AS", "# / TYPES OF DATA");
    let line = format!("{centre}  {} (made by gantry-standin)", agency(centre));
    header(&mut out, &line, "ANALYSIS CENTER");
    header(&mut out, "     1", "# OF CLK REF");
    let reference = &STATIONS[0];
    let line = format!("{:<4} {:<20}", reference.code(), reference.domes);
    header(&mut out, &line, "ANALYSIS CLK REF");
    header(
        &mut out,
        &format!("{:6}", satellites.len()),
        "# OF SOLN SATS",
    );
    for line in satellites.chunks(15) {
        let names: String = line.iter().map(|one| format!("{} ", one.name())).collect();
        header(&mut out, &names, "PRN LIST");
    }
    header(&mut out, "", "END OF HEADER");
    out
}

/// Rotation of the Earth at noon of so many days, version 2 of the IGS format.
pub(crate) fn earth_rotation(centre: &str, day: Day, n_days: u32, terms: &Terms) -> String {
    let mut out = String::from("version 2\n");
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "{centre} made by gantry-standin; no measurement, for tests; reprocessed {} times",
        terms.version
    );
    out.push_str("  MJD      Xpole   Ypole  UT1-UTC    LOD  Xsig  Ysig  UTsig LODsig  Nr Nf Nt");
    out.push_str("     Xrt    Yrt  Xrtsig Yrtsig\n");
    out.push_str("            (10**-6\")        (0.1 usec)     (10**-6\")   (0.1 usec)        ");
    out.push_str("     (10**-6\"/d)  (10**-6\"/d)\n");
    for n in 0..i64::from(n_days) {
        let mjd = day.modified_julian() as f64 + n as f64 + 0.5;
        let year = (mjd - 59_945.0) / 365.25 * std::f64::consts::TAU;
        let x = 40_000.0 + 120_000.0 * year.sin() + f64::from(terms.version);
        let y = 240_000.0 + 120_000.0 * year.cos();
        let ut1 = -178_000.0 - 800.0 * year.sin();
        let _ = writeln!(
            out,
            "{mjd:8.2} {x:8.0}{y:8.0}{ut1:9.0}{:7}{:6}{:6}{:7}{:7}{:4}{:3}{:3}{:8}{:7}{:8}{:7}",
            120, 8, 8, 12, 9, 110, 21, 21, 2064, 300, 60, 60
        );
    }
    out
}
