//! Site logs: where a station is and which receivers and antennas it had, version 2.0.

use std::fmt::Write;

use super::Terms;
use super::bias::geodetic;
use super::station::{Equipment, Station};

const STILL: &str = "CCYY-MM-DDThh:mmZ";

/// The log of a station as it was on the day `prepared`, such as `2023-01-05`.
pub(crate) fn text(station: &Station, prepared: &str, terms: &Terms) -> String {
    let mut out = format!(
        "     {} Site Information Form (site log v2.0)\n     \
         made by gantry-standin; no description of a real station, for tests\n\n\n\
         0.   Form\n\n",
        station.name
    );
    let kind = if terms.version > 0 { "UPDATE" } else { "NEW" };
    field(&mut out, "Prepared by (full name)", "gantry-standin");
    field(&mut out, "Date Prepared", prepared);
    field(&mut out, "Report Type", kind);
    out.push_str("\n\n1.   Site Identification of the GNSS Monument\n\n");
    field(&mut out, "Site Name", station.site);
    field(&mut out, "Nine Character ID", station.name);
    field(&mut out, "IERS DOMES Number", station.domes);
    field(&mut out, "Date Installed", &station.antennas[0].since[..10]);
    write_location(&mut out, station);
    out.push_str("\n\n3.   GNSS Receiver Information\n");
    let shown = |one: &&Equipment| &one.since[..10] <= prepared;
    let receivers: Vec<_> = station.receivers.iter().filter(shown).collect();
    for (n, receiver) in receivers.iter().enumerate() {
        let _ = writeln!(
            out,
            "\n3.{:<3}{:<25}: {}",
            n + 1,
            "Receiver Type",
            receiver.kind
        );
        field(&mut out, "Satellite System", "GPS+GAL");
        field(&mut out, "Serial Number", receiver.serial);
        field(&mut out, "Firmware Version", receiver.firmware);
        field(&mut out, "Elevation Cutoff Setting", "10 deg");
        field(&mut out, "Date Installed", receiver.since);
        let next = receivers.get(n + 1).map_or(STILL, |next| next.since);
        let removed = receiver.until.unwrap_or(next);
        field(&mut out, "Date Removed", removed);
    }
    out.push_str("\n\n4.   GNSS Antenna Information\n");
    let antennas: Vec<_> = station.antennas.iter().filter(shown).collect();
    for (n, antenna) in antennas.iter().enumerate() {
        let (_, dome) = antenna.kind.split_at(16);
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "\n4.{:<3}{:<25}: {}",
            n + 1,
            "Antenna Type",
            antenna.kind
        );
        field(&mut out, "Serial Number", antenna.serial);
        field(&mut out, "Antenna Reference Point", "BPA");
        field(&mut out, "Marker->ARP Up Ecc. (m)", "0.0000");
        field(&mut out, "Marker->ARP North Ecc(m)", "0.0000");
        field(&mut out, "Marker->ARP East Ecc(m)", "0.0000");
        field(&mut out, "Antenna Radome Type", dome);
        field(&mut out, "Date Installed", antenna.since);
        let removed = antennas.get(n + 1).map_or(STILL, |next| next.since);
        field(&mut out, "Date Removed", removed);
    }
    out
}

fn write_location(out: &mut String, station: &Station) {
    let [x, y, z] = station.position;
    let [longitude, latitude, height] = geodetic(station.position);
    out.push_str("\n\n2.   Site Location Information\n\n");
    field(out, "City or Town", station.site);
    field(out, "Country or Region", &station.name[6..]);
    out.push_str("     Approximate Position (ITRF)\n");
    field(out, "  X coordinate (m)", &format!("{x:.3}"));
    field(out, "  Y coordinate (m)", &format!("{y:.3}"));
    field(out, "  Z coordinate (m)", &format!("{z:.3}"));
    field(out, "  Latitude (N is +)", &angle(latitude, 2));
    field(out, "  Longitude (E is +)", &angle(longitude, 3));
    field(out, "  Elevation (m,ellips.)", &format!("{height:.1}"));
}

/// Degrees, minutes and seconds without anything between them: `+504753.20`.
fn angle(degrees: f64, n_digits: usize) -> String {
    let hundredths = (degrees.abs() * 360_000.0).round() as u64;
    let sign = if degrees < 0.0 { '-' } else { '+' };
    format!(
        "{sign}{:0n_digits$}{:02}{:05.2}",
        hundredths / 360_000,
        hundredths / 6_000 % 60,
        (hundredths % 6_000) as f64 / 100.0
    )
}

fn field(out: &mut String, name: &str, value: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "     {name:<25}: {value}");
}
