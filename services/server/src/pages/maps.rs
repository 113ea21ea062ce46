//! Maps of where the matches of a search lie: the sky in galactic coordinates, the Earth with its stations.

use std::f64::consts::{FRAC_PI_2, PI};
use std::fmt::Write;

use gantry_search::{Spot, Spots, galactic_outline};

use super::chosen::address;
use crate::format;
use crate::search_query::SearchParams;
use crate::words::{t, tn};

/// The ellipse of the sky: its middle and half its axes, in the units of the picture.
const MIDDLE: (f64, f64) = (150.0, 75.0);
const HALF: (f64, f64) = (148.0, 73.0);

/// So many places are drawn, and so many named beside the picture.
const DRAWN: usize = 800;
const NAMED: usize = 12;

/// A place is searched for with this around it, km.
const AROUND_KM: u8 = 1;

/// Where the matches lie on the sky.
pub(super) struct SkyMap {
    /// The outlines of cells, the fewest matches first.
    pub(super) shades: Vec<String>,
    /// Whether a match covers all of it.
    pub(super) whole: bool,
    pub(super) caption: String,
}

/// Where the matches lie on the Earth.
pub(super) struct EarthMap {
    pub(super) dots: Vec<Dot>,
    pub(super) caption: String,
    pub(super) named: Vec<Dot>,
    /// What is not named.
    pub(super) more: Option<String>,
}

/// A place with matches.
pub(super) struct Dot {
    pub(super) x: String,
    pub(super) y: String,
    pub(super) radius: String,
    pub(super) label: String,
    pub(super) count: String,
    pub(super) href: String,
}

/// The map of the sky, if any match covers some of it.
pub(super) fn sky(spots: &Spots, total: u64) -> Option<SkyMap> {
    if spots.all_sky + spots.of_sky == 0 {
        return None;
    }
    let most = spots.cells.values().copied().max().unwrap_or(1).max(1);
    let mut shades = vec![String::new(); 3];
    for (cell, count) in &spots.cells {
        // By the share of the logarithm, so that few beside many are seen.
        let share = (*count as f64 + 1.0).ln() / (most as f64 + 1.0).ln();
        let shade = ((share * 3.0) as usize).min(2);
        shades[shade].push_str(&outline(&galactic_outline(*cell)));
    }
    Some(SkyMap {
        shades,
        whole: spots.all_sky > 0,
        caption: sky_caption(spots, total),
    })
}

fn sky_caption(spots: &Spots, total: u64) -> String {
    let mut says = Vec::new();
    if spots.all_sky > 0 {
        let whole = tn(
            "{n} covers the whole sky",
            "{n} cover the whole sky",
            spots.all_sky,
        );
        says.push(whole.to_string());
    }
    if spots.of_sky > 0 {
        let part = match spots.all_sky {
            0 => tn(
                "{n} covers a part of the sky, in {cells} of 768 equal cells",
                "{n} cover a part of the sky, in {cells} of 768 equal cells",
                spots.of_sky,
            ),
            _ => tn(
                "{n} covers a part of it, in {cells} of 768 equal cells",
                "{n} cover a part of it, in {cells} of 768 equal cells",
                spots.of_sky,
            ),
        };
        says.push(part.with("cells", spots.cells.len()).to_string());
    }
    let says = among(spots, total, says.join(", "));
    t("Galactic, Mollweide. {says}.").with("says", says).into()
}

/// What is said, of how many where that is not all.
fn among(spots: &Spots, total: u64, says: String) -> String {
    match spots.looked_at < total {
        true => t("Of {n} looked at, {says}")
            .with("n", format::count(spots.looked_at))
            .with("says", says)
            .into(),
        false => says,
    }
}

/// The map of the Earth, if any match has a place on it.
pub(super) fn earth(spots: &Spots, total: u64, params: &SearchParams) -> Option<EarthMap> {
    let n = spots.places.len();
    if n == 0 {
        return None;
    }
    let most = spots.places[0].count.max(1);
    let dot = |spot: &Spot| dot(spot, most, params);
    let places = tn("{n} place", "{n} places", n);
    let says = tn("{n} is of {places}", "{n} are of {places}", spots.of_earth);
    let says = among(spots, total, says.with("places", places).into());
    let more = n.saturating_sub(NAMED);
    Some(EarthMap {
        // Places with few matches are drawn last, so that they are not hidden.
        dots: spots.places.iter().take(DRAWN).map(dot).collect(),
        caption: t("Equirectangular, WGS84. {says}.")
            .with("says", says)
            .into(),
        named: spots.places.iter().take(NAMED).map(dot).collect(),
        more: (more > 0).then(|| {
            t("and {n} more; “Near” and “Box” above find any.")
                .with("n", format::count(more as u64))
                .into()
        }),
    })
}

fn dot(spot: &Spot, most: u64, params: &SearchParams) -> Dot {
    let share = (spot.count as f64 + 1.0).ln() / (most as f64 + 1.0).ln();
    let side = |degrees: f64, plus: char, minus: char| {
        format!(
            "{:.2}° {}",
            degrees.abs(),
            if degrees < 0.0 { minus } else { plus }
        )
    };
    let (lat, lon) = (side(spot.lat, 'N', 'S'), side(spot.lon, 'E', 'W'));
    let search = SearchParams {
        near: Some(format!("{:.3},{:.3},{AROUND_KM}", spot.lat, spot.lon)),
        bbox: None,
        ..params.clone()
    };
    Dot {
        x: short(spot.lon + 180.0),
        y: short(90.0 - spot.lat),
        radius: short(1.8 + 2.2 * share),
        label: match &spot.station {
            Some(station) => format!("{station}, {lat}, {lon}"),
            None => format!("{lat}, {lon}"),
        },
        count: format::count(spot.count),
        href: address(&search),
    }
}

fn short(number: f64) -> String {
    format!("{number:.1}")
}

/// A closed outline in Mollweide's projection. What crosses the edge of the map is drawn on both sides, what is around
/// a pole from edge to edge.
fn outline(corners: &[(f64, f64)]) -> String {
    let mut around = Vec::with_capacity(corners.len());
    let mut last = corners.first().map_or(0.0, |(lon, _)| *lon);
    for (lon, lat) in corners {
        // The nearest of the longitudes that are the same.
        last += (lon - last + 180.0).rem_euclid(360.0) - 180.0;
        around.push((last, *lat));
    }
    let start = around.first().map_or(0.0, |(lon, _)| *lon);
    let back = start - last;
    let turn = last + (back + 180.0).rem_euclid(360.0) - 180.0 - start;
    if turn.abs() > 180.0 {
        return path(&around_pole(&around));
    }
    let low = around.iter().map(|(lon, _)| *lon).fold(f64::MAX, f64::min);
    let high = around.iter().map(|(lon, _)| *lon).fold(f64::MIN, f64::max);
    let mut drawn = String::new();
    for shift in [-720.0, -360.0, 0.0, 360.0] {
        if high + shift > -180.0 && low + shift < 180.0 {
            let shifted = around
                .iter()
                .map(|(lon, lat)| ((lon + shift).clamp(-180.0, 180.0), *lat));
            drawn.push_str(&path(&shifted.collect::<Vec<_>>()));
        }
    }
    drawn
}

/// From one edge of the map to the other, and along the pole back.
fn around_pole(corners: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let wrapped = |lon: f64| (lon + 180.0).rem_euclid(360.0) - 180.0;
    let mut along: Vec<(f64, f64)> = corners
        .iter()
        .map(|(lon, lat)| (wrapped(*lon), *lat))
        .collect();
    along.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (Some(west), Some(east)) = (along.first().copied(), along.last().copied()) else {
        return along;
    };
    let edge = (west.1 + east.1) / 2.0;
    let pole = 90.0_f64.copysign(edge);
    along.insert(0, (-180.0, edge));
    along.insert(0, (-180.0, pole));
    along.extend([(180.0, edge), (180.0, pole)]);
    along
}

fn path(corners: &[(f64, f64)]) -> String {
    let mut drawn = String::new();
    for (at, (lon, lat)) in corners.iter().enumerate() {
        let (x, y) = mollweide(*lon, *lat);
        let _ = write!(drawn, "{}{x:.1} {y:.1}", if at == 0 { 'M' } else { 'L' });
    }
    drawn.push('Z');
    drawn
}

/// Where a longitude of −180 to 180 and a latitude lie in the picture; longitudes grow to the left, as on the sky.
///
/// # Source
/// Snyder, Map Projections: A Working Manual (USGS Professional Paper 1395, 1987), equations 31-1 to 31-4.
fn mollweide(lon: f64, lat: f64) -> (f64, f64) {
    let lat = lat.to_radians();
    let mut theta = lat;
    // At the poles the derivative vanishes, and the latitude is the answer.
    if FRAC_PI_2 - lat.abs() > 1e-9 {
        for _ in 0..20 {
            let wrong = 2.0 * theta + (2.0 * theta).sin() - PI * lat.sin();
            theta -= wrong / (2.0 + 2.0 * (2.0 * theta).cos());
        }
    }
    let (x, y) = (lon / 180.0 * theta.cos(), theta.sin());
    (MIDDLE.0 - HALF.0 * x, MIDDLE.1 - HALF.1 * y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_projection_is_that_of_snyder() {
        // Snyder's numerical example, page 365: on a sphere of radius 1, 50° S and 75° W of a central meridian of 90° W
        // by 15°; x is 0.1788845 and y −0.9208758 of it.
        let (x, y) = mollweide(15.0, -50.0);
        let (units_x, units_y) = (HALF.0 / 8_f64.sqrt(), HALF.1 / 2_f64.sqrt());
        assert!(((MIDDLE.0 - x) / units_x - 0.178_884_5).abs() < 1e-4, "{x}");
        assert!(((MIDDLE.1 - y) / units_y + 0.920_875_8).abs() < 1e-4, "{y}");
        assert_eq!(mollweide(0.0, 0.0), MIDDLE);
        assert_eq!(mollweide(180.0, 0.0), (2.0, 75.0));
    }

    #[test]
    fn what_crosses_the_edge_is_drawn_on_both_sides_and_a_pole_from_edge_to_edge() {
        let across = outline(&[(175.0, 0.0), (180.0, 5.0), (185.0, 0.0), (180.0, -5.0)]);
        assert_eq!(across.matches('M').count(), 2, "{across}");
        let inside = outline(&[(-5.0, 0.0), (0.0, 5.0), (5.0, 0.0), (0.0, -5.0)]);
        assert_eq!(inside.matches('M').count(), 1, "{inside}");
        let pole = outline(&[(0.0, 80.0), (90.0, 80.0), (180.0, 80.0), (270.0, 80.0)]);
        assert_eq!(pole.matches('M').count(), 1, "{pole}");
        assert!(pole.contains("150.0 2.0"), "{pole}");
    }
}
