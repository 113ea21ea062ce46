//! Ionosphere: maps of the vertical electron content every two hours, as IONEX 1.0.

use std::fmt::Write;

use chrono::Datelike;

use super::Terms;
use super::text::{comments, header};
use crate::gssc::calendar::Day;

/// From the first map of the day to the first of the next.
const N_MAPS: u32 = 13;

/// A day of maps.
pub(crate) fn text(centre: &str, day: Day, terms: &Terms) -> String {
    let mut out = head(centre, day, terms);
    for n in 1..=N_MAPS {
        let hour = 2 * (n - 1);
        header(&mut out, &format!("{n:6}"), "START OF TEC MAP");
        header(&mut out, &moment(day, hour), "EPOCH OF CURRENT MAP");
        for row in 0..71 {
            let latitude = 87.5 - 2.5 * f64::from(row);
            let line = format!(
                "  {latitude:6.1}{:6.1}{:6.1}{:6.1}{:6.1}",
                -180.0, 180.0, 5.0, 450.0
            );
            header(&mut out, &line, "LAT/LON1/LON2/DLON/H");
            for column in 0..73 {
                let longitude = -180.0 + 5.0 * f64::from(column);
                let value = electrons(day, hour, latitude, longitude) + terms.version;
                // Writing to a string cannot fail.
                let _ = write!(out, "{value:5}");
                if column % 16 == 15 || column == 72 {
                    out.push('\n');
                }
            }
        }
        header(&mut out, &format!("{n:6}"), "END OF TEC MAP");
    }
    header(&mut out, "", "END OF FILE");
    out
}

fn head(centre: &str, day: Day, terms: &Terms) -> String {
    let mut out = String::new();
    let first = "     1.0            IONOSPHERE MAPS     GNSS";
    header(&mut out, first, "IONEX VERSION / TYPE");
    let made = day.plus_hours(96).format("%d-%b-%y %H:%M");
    let program = format!("{:<20}{centre:<20}{made}", "gantry-standin");
    header(&mut out, &program, "PGM / RUN BY / DATE");
    comments(&mut out, terms);
    let lines = [
        (moment(day, 0), "EPOCH OF FIRST MAP"),
        (moment(day, 24), "EPOCH OF LAST MAP"),
        (format!("{:6}", 7200), "INTERVAL"),
        (format!("{N_MAPS:6}"), "# OF MAPS IN FILE"),
        ("  NONE".to_owned(), "MAPPING FUNCTION"),
        (format!("{:8.1}", 10.0), "ELEVATION CUTOFF"),
        (String::new(), "OBSERVABLES USED"),
        (format!("{:8.1}", 6371.0), "BASE RADIUS"),
        (format!("{:6}", 2), "MAP DIMENSION"),
        ("   450.0 450.0   0.0".to_owned(), "HGT1 / HGT2 / DHGT"),
        ("    87.5 -87.5  -2.5".to_owned(), "LAT1 / LAT2 / DLAT"),
        ("  -180.0 180.0   5.0".to_owned(), "LON1 / LON2 / DLON"),
        (format!("{:6}", -1), "EXPONENT"),
        (String::new(), "END OF HEADER"),
    ];
    for (content, label) in lines {
        header(&mut out, &content, label);
    }
    out
}

fn moment(day: Day, hour: u32) -> String {
    let day = day.plus_days(i64::from(hour / 24));
    format!(
        "{:6}{:6}{:6}{:6}{:6}{:6}",
        day.year(),
        day.0.month(),
        day.0.day(),
        hour % 24,
        0,
        0
    )
}

/// Tenths of TECU: most in the afternoon, in two bands beside the equator.
fn electrons(day: Day, hour: u32, latitude: f64, longitude: f64) -> u32 {
    let local = (f64::from(hour) + longitude / 15.0 - 14.0) / 24.0 * std::f64::consts::TAU;
    let daily = 1.0 + 0.1 * f64::from(day.number() % 7);
    let bands = (-((latitude.abs() - 15.0) / 18.0).powi(2)).exp();
    let tecu = 6.0 + daily * (10.0 + 38.0 * bands) * f64::midpoint(1.0, local.cos());
    (tecu * 10.0).round() as u32
}
