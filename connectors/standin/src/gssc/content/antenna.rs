//! Antennas: offsets and variations of phase centres, as ANTEX 1.4, for what the stations have.

use std::fmt::Write;

use super::Terms;
use super::orbit::{System, satellites};
use super::station::STATIONS;
use super::text::{comments, header};

/// A file of this name: all satellites, and each kind of antenna of the stations once.
pub(crate) fn text(name: &str, terms: &Terms) -> String {
    let mut out = String::new();
    header(&mut out, "     1.4            M", "ANTEX VERSION / SYST");
    header(&mut out, "A", "PCV TYPE / REFANT");
    comments(&mut out, terms);
    header(&mut out, name, "COMMENT");
    header(&mut out, "", "END OF HEADER");
    for satellite in satellites(terms.seed) {
        let (kind, codes) = match satellite.system {
            System::Gps => ("BLOCK IIF", ["G01", "G02"]),
            System::Galileo => ("GALILEO-2", ["E01", "E05"]),
        };
        let line = format!("{kind:<20}{:<20}", satellite.name());
        let offset = [390.0, 0.0, 1500.0 + f64::from(satellite.number)];
        write_antenna(&mut out, &line, codes, offset, [17.0, 1.0]);
    }
    let mut kinds: Vec<_> = STATIONS
        .iter()
        .flat_map(|station| station.antennas)
        .map(|antenna| antenna.kind)
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        write_antenna(
            &mut out,
            kind,
            ["G01", "G02"],
            [0.6, -0.3, 89.5],
            [90.0, 5.0],
        );
    }
    out
}

fn write_antenna(
    out: &mut String,
    kind: &str,
    codes: [&str; 2],
    offset: [f64; 3],
    [zenith, step]: [f64; 2],
) {
    header(out, "", "START OF ANTENNA");
    header(out, kind, "TYPE / SERIAL NO");
    let method = format!(
        "{:<20}{:<20}{:>6}    01-JAN-23",
        "GENERATED", "gantry-standin", 0
    );
    header(out, &method, "METH / BY / # / DATE");
    header(out, "     0.0", "DAZI");
    let zeniths = format!("  {:6.1}{zenith:6.1}{step:6.1}", 0.0);
    header(out, &zeniths, "ZEN1 / ZEN2 / DZEN");
    header(out, &format!("{:6}", codes.len()), "# OF FREQUENCIES");
    header(
        out,
        "  2022    11    27     0     0    0.0000000",
        "VALID FROM",
    );
    for code in codes {
        header(out, &format!("   {code}"), "START OF FREQUENCY");
        let [north, east, up] = offset;
        header(
            out,
            &format!("{north:10.2}{east:10.2}{up:10.2}"),
            "NORTH / EAST / UP",
        );
        out.push_str("   NOAZI");
        for n in 0..=(zenith / step) as u32 {
            let value = 2.0 * (f64::from(n) * step / zenith * 3.0).sin();
            // Writing to a string cannot fail.
            let _ = write!(out, "{value:8.2}");
        }
        out.push('\n');
        header(out, &format!("   {code}"), "END OF FREQUENCY");
    }
    header(out, "", "END OF ANTENNA");
}
