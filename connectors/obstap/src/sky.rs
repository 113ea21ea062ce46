//! The part of the sky a row covers, as its region and as HEALPix cells.

use cdshealpix::nested;
use gantry_asset::{Shape, Sky};

use crate::row::Row;

/// The order of cells that assets are told by.
const DEPTH: u8 = 8;
/// Ranges of cells that are kept; a region of more is told by the circle around its middle.
const MOST_RANGES: usize = 512;

/// What a row covers, ICRS, and what is odd about its region: that where it can be read, else the circle of `s_fov`
/// around `s_ra`, `s_dec`.
///
/// # Source
/// IVOA ObsCore 1.1, section 4.12; DALI 1.1, section 3.3 (circle, polygon); STC-S 1.33 of older services.
pub(crate) fn coverage(row: &Row) -> (Option<Sky>, Option<String>) {
    let (ra, dec) = (row.number("s_ra"), row.number("s_dec"));
    let circle = || {
        let radius = row.number("s_fov").filter(|fov| *fov > 0.0).unwrap_or(0.0) / 2.0;
        cone(ra?, dec?, radius)
    };
    let region = row.numbers("s_region").map(|numbers| of_numbers(&numbers));
    let region = region.or_else(|| row.text("s_region").map(of_text));
    match region {
        None => (circle(), None),
        Some(Some(sky)) => (Some(sky), None),
        Some(None) => (
            circle(),
            Some("its s_region is not understood; the circle of s_fov stands for it".to_owned()),
        ),
    }
}

/// A region in words: STC-S such as `POLYGON ICRS 10 20 …`, or only its numbers.
fn of_text(text: &str) -> Option<Sky> {
    let upper = text.to_ascii_uppercase();
    let words = upper.split([' ', '\t', '\n', ',', '(', ')']);
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let numbers: Vec<f64> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let frames: Vec<&&str> = words
        .iter()
        .filter(|word| word.parse::<f64>().is_err())
        .collect();
    let is_known = |word: &&&str| {
        [
            "CIRCLE",
            "POLYGON",
            "ICRS",
            "J2000",
            "FK5",
            "TOPOCENTER",
            "BARYCENTER",
            "GEOCENTER",
            "UNKNOWNREFPOS",
            "SPHERICAL2",
        ]
        .contains(*word)
    };
    // FK5 at J2000 differs from ICRS by some 20 mas, less than a cell by far.
    frames.iter().all(is_known).then(|| of_numbers(&numbers))?
}

/// Three numbers are a circle, six and more the corners of a polygon.
fn of_numbers(numbers: &[f64]) -> Option<Sky> {
    match numbers {
        [ra, dec, radius] => cone(*ra, *dec, *radius),
        corners if corners.len() >= 6 && corners.len().is_multiple_of(2) => polygon(corners),
        _ => None,
    }
}

fn is_place(ra: f64, dec: f64) -> bool {
    (-360.0..=360.0).contains(&ra) && (-90.0..=90.0).contains(&dec)
}

fn cone(ra: f64, dec: f64, radius: f64) -> Option<Sky> {
    if !is_place(ra, dec) || !(0.0..=180.0).contains(&radius) {
        return None;
    }
    let ra = ra.rem_euclid(360.0);
    let (lon, lat) = (ra.to_radians(), dec.to_radians());
    let cells = match radius > 0.0 {
        true => nested::cone_coverage_approx(DEPTH, lon, lat, radius.to_radians())
            .to_flat_array()
            .to_vec(),
        false => vec![nested::hash(DEPTH, lon, lat)],
    };
    Some(Sky {
        shape: Some(Shape::Circle { ra, dec, radius }),
        ..of_cells(cells)
    })
}

/// Polygons of more corners are left out: the time to find their cells grows with the square of them.
const MOST_CORNERS: usize = 1_000;

fn polygon(corners: &[f64]) -> Option<Sky> {
    let places: Vec<(f64, f64)> = corners
        .chunks_exact(2)
        .filter(|place| is_place(place[0], place[1]))
        .map(|place| {
            (
                place[0].rem_euclid(360.0).to_radians(),
                place[1].to_radians(),
            )
        })
        .collect();
    if places.len() * 2 != corners.len() || places.len() > MOST_CORNERS {
        return None;
    }
    let cells = nested::polygon_coverage(DEPTH, &places, false)
        .to_flat_array()
        .to_vec();
    let corners = corners.chunks_exact(2);
    let sky = Sky {
        shape: Some(Shape::Polygon(
            corners
                .map(|place| [place[0].rem_euclid(360.0), place[1]])
                .collect(),
        )),
        ..of_cells(cells)
    };
    (!sky.healpix8.is_empty() && sky.healpix8.len() <= MOST_RANGES).then_some(sky)
}

/// Cells in order as ranges, both ends included.
fn of_cells(mut cells: Vec<u64>) -> Sky {
    cells.sort_unstable();
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for cell in cells
        .into_iter()
        .filter_map(|cell| u32::try_from(cell).ok())
    {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 >= cell => *last = cell,
            _ => ranges.push((cell, cell)),
        }
    }
    ranges.truncate(MOST_RANGES);
    Sky {
        healpix8: ranges,
        ..Sky::default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn no_region_panics_and_cells_are_in_order(
            numbers in prop::collection::vec(
                prop_oneof![-370.0..370.0_f64, -90.0..90.0_f64, Just(0.0), Just(90.0), Just(-90.0), Just(180.0), Just(f64::NAN)],
                0..12,
            )
        ) {
            if let Some(sky) = of_numbers(&numbers) {
                prop_assert!(sky.healpix8.iter().all(|(first, last)| first <= last && *last < 786_432));
                prop_assert!(sky.healpix8.windows(2).all(|pair| pair[0].1 < pair[1].0));
            }
        }
    }
}
