//! Tables of biases (Bias-SINEX), attitude (ORBEX) and coordinates (SINEX), small ones.

use std::fmt::Write;

use super::Terms;
use super::orbit::{Satellite, System, satellites};
use super::station::STATIONS;
use super::text::{exponential, noise};
use crate::gssc::calendar::Day;

const MADE: &str = "made by gantry-standin; no measurement, for tests";

/// A moment as SINEX has it: year, day of the year, second of the day.
fn moment(day: Day, second: u32) -> String {
    format!("{}:{:03}:{second:05}", day.year(), day.number())
}

/// The same with two digits of the year.
fn short_moment(day: Day, second: u32) -> String {
    format!("{:02}:{:03}:{second:05}", day.two_digits(), day.number())
}

/// Biases of the codes of satellites.
pub(crate) fn biases(centre: &str, day: Day, terms: &Terms) -> String {
    let satellites = satellites(terms.seed);
    let (start, end) = (moment(day, 0), moment(day.plus_days(1), 0));
    let made = moment(day.plus_days(14), terms.version);
    let n_rows = satellites.len() * 2;
    let mut out = format!("%=BIA 1.00 {centre} {made} {centre} {start} {end} A {n_rows:08}\n");
    let _ = write!(
        out,
        "*-------------------------------------------------------------------------------\n\
         +FILE/REFERENCE\n DESCRIPTION       {MADE}\n OUTPUT            daily biases\n\
         -FILE/REFERENCE\n\
         +BIAS/DESCRIPTION\n BIAS_MODE                               ABSOLUTE\n \
         TIME_SYSTEM                             G\n-BIAS/DESCRIPTION\n\
         +BIAS/SOLUTION\n\
         *BIAS SVN_ PRN STATION__ OBS1 OBS2 BIAS_START____ BIAS_END______ UNIT \
         __ESTIMATED_VALUE____ _STD_DEV___\n"
    );
    for satellite in &satellites {
        for (n, code) in codes(satellite.system).into_iter().enumerate() {
            let what = [satellite.number.into(), n as u64, satellite.system as u64];
            let value = 20.0 * (noise(terms.seed, what) - 0.5) + 0.001 * f64::from(terms.version);
            // Writing to a string cannot fail.
            let _ = writeln!(
                out,
                " OSB  {} {:<3} {:<9} {code:<4} {:<4} {start} {end} {:<4} {value:21.4} {:11.4}",
                vehicle(satellite),
                satellite.name(),
                "",
                "",
                "ns",
                0.01
            );
        }
    }
    out.push_str("-BIAS/SOLUTION\n%=ENDBIA\n");
    out
}

fn codes(system: System) -> [&'static str; 2] {
    match system {
        System::Gps => ["C1C", "C2W"],
        System::Galileo => ["C1C", "C5Q"],
    }
}

fn vehicle(satellite: &Satellite) -> String {
    let letter = &satellite.name()[..1];
    let first = match satellite.system {
        System::Gps => 40,
        System::Galileo => 200,
    };
    format!("{letter}{:03}", first + satellite.number)
}

/// Attitude as quaternions, every quarter of an hour.
pub(crate) fn attitude(centre: &str, day: Day, terms: &Terms) -> String {
    let satellites = satellites(terms.seed);
    let next = day.plus_days(1).0.format("%Y %m %d");
    let date = day.0.format("%Y %m %d");
    let mut out = format!(
        "%=ORBEX  0.09\n%%\n+FILE/DESCRIPTION\n \
         DESCRIPTION         {MADE}; reprocessed {} times\n \
         CREATED_BY          gantry-standin\n \
         INPUT_DATA          u\n \
         CONTACT             {centre}\n \
         TIME_SYSTEM         GPS\n \
         START_TIME          {date} 00 00 00.000000000000\n \
         END_TIME            {next} 00 00 00.000000000000\n \
         EPOCH_INTERVAL      900.000\n \
         COORD_SYSTEM        IGS20\n \
         FRAME_TYPE          ECEF\n \
         LIST_OF_REC_TYPES   ATT\n\
         -FILE/DESCRIPTION\n+SATELLITE/ID_AND_DESCRIPTION\n",
        terms.version
    );
    for satellite in &satellites {
        let _ = writeln!(out, " {}", satellite.name());
    }
    out.push_str("-SATELLITE/ID_AND_DESCRIPTION\n+EPHEMERIS/DATA\n");
    for second in (0..86_400).step_by(900) {
        let (hour, minute) = (second / 3600, second / 60 % 60);
        let n = satellites.len();
        // Writing to a string cannot fail.
        let _ = writeln!(out, "## {date} {hour:02} {minute:02} 00.000000000000 {n:3}");
        for satellite in &satellites {
            let gps_s = day.gps_seconds() + f64::from(second);
            let [w, x, y, z] = quaternion(satellite.position(gps_s));
            let _ = writeln!(
                out,
                " ATT {:<15} 4 {w:20.16} {x:20.16} {y:20.16} {z:20.16}",
                satellite.name()
            );
        }
    }
    out.push_str("-EPHEMERIS/DATA\n%END_ORBEX\n");
    out
}

/// The shortest turn that brings the z axis to the Earth's centre.
fn quaternion(position: [f64; 3]) -> [f64; 4] {
    let length = position.iter().map(|x| x * x).sum::<f64>().sqrt();
    let [x, y, z] = position.map(|axis| -axis / length);
    let w = (f64::midpoint(1.0, z)).max(1e-12).sqrt();
    [w, -y / (2.0 * w), x / (2.0 * w), 0.0]
}

/// Coordinates of the stations as SINEX.
pub(crate) fn coordinates(centre: &str, day: Day, terms: &Terms) -> String {
    let start = short_moment(day, 0);
    let end = short_moment(day, 86_370);
    let middle = short_moment(day, 43_200);
    let made = short_moment(day.plus_days(14), terms.version);
    let n = STATIONS.len() * 3;
    let mut out = format!(
        "%=SNX 2.02 {centre} {made} {centre} {start} {end} P {n:05} 2 S\n\
         +FILE/REFERENCE\n DESCRIPTION        {MADE}\n-FILE/REFERENCE\n+SITE/ID\n\
         *CODE PT __DOMES__ T _STATION DESCRIPTION__ APPROX_LON_ APPROX_LAT_ _APP_H_\n"
    );
    for station in &STATIONS {
        let [lon, lat, height] = geodetic(station.position);
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            " {}  A {:<9} P {:<22} {} {} {height:7.1}",
            station.code(),
            station.domes,
            format!("{}, {}", station.site, station.country),
            degrees(lon.rem_euclid(360.0)),
            degrees(lat)
        );
    }
    out.push_str("-SITE/ID\n+SOLUTION/EPOCHS\n");
    out.push_str("*CODE PT SOLN T _DATA_START_ __DATA_END__ _MEAN_EPOCH_\n");
    for station in &STATIONS {
        let _ = writeln!(out, " {}  A    1 P {start} {end} {middle}", station.code());
    }
    out.push_str("-SOLUTION/EPOCHS\n+SOLUTION/ESTIMATE\n");
    out.push_str(
        "*INDEX TYPE__ CODE PT SOLN _REF_EPOCH__ UNIT S __ESTIMATED VALUE____ _STD_DEV___\n",
    );
    let mut index = 0;
    for station in &STATIONS {
        for (axis, kind) in ["STAX", "STAY", "STAZ"].into_iter().enumerate() {
            index += 1;
            let value = station.position[axis] + 0.001 * f64::from(terms.version);
            let _ = writeln!(
                out,
                " {index:5} {kind:<6} {}  A    1 {middle} m    2 {} {}",
                station.code(),
                exponential(value, 14, 'E'),
                exponential(0.0008, 4, 'E').trim_start()
            );
        }
    }
    out.push_str("-SOLUTION/ESTIMATE\n%ENDSNX\n");
    out
}

/// Degrees, minutes and seconds as SINEX has them.
fn degrees(angle: f64) -> String {
    let tenths = (angle.abs() * 36_000.0).round() as u64;
    let sign = if angle < 0.0 { "-" } else { "" };
    let degrees = format!("{sign}{}", tenths / 36_000);
    let seconds = (tenths % 600) as f64 / 10.0;
    format!("{degrees:>3} {:2} {seconds:4.1}", tenths / 600 % 60)
}

/// Longitude and latitude in degrees and height in metres over the ellipsoid WGS 84.
pub(crate) fn geodetic([x, y, z]: [f64; 3]) -> [f64; 3] {
    let (a, e2) = (6_378_137.0, 6.694_379_990_14e-3);
    let p = x.hypot(y);
    let mut latitude = (z / (p * (1.0 - e2))).atan();
    let mut height = 0.0;
    for _ in 0..8 {
        let n = a / (1.0 - e2 * latitude.sin().powi(2)).sqrt();
        height = p / latitude.cos() - n;
        latitude = (z / (p * (1.0 - e2 * n / (n + height)))).atan();
    }
    [y.atan2(x).to_degrees(), latitude.to_degrees(), height]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brussels_is_where_it_is() {
        let [lon, lat, height] = geodetic(STATIONS[0].position);
        assert!((lon - 4.3586).abs() < 1e-3, "{lon}");
        assert!((lat - 50.7981).abs() < 1e-3, "{lat}");
        assert!((height - 158.0).abs() < 2.0, "{height}");
    }
}
