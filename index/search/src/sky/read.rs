//! Regions as they are written in an address.

use super::region::{Axes, GALACTIC, ICRS, Region, in_frame};
use super::sphere::{Point, Polygon};
use std::f64::consts::{FRAC_PI_2, TAU};

/// The mean radius of the Earth in kilometres, on which distances between places are great circles.
///
/// # Source
/// GRS80: R1 = (2a + b) / 3, Moritz 2000, Journal of Geodesy 74, 128.
const EARTH_KM: f64 = 6371.0088;

/// The most corners of a polygon.
const MOST_CORNERS: usize = 100;

/// Corners nearer than this are one: a milliarcsecond.
const SAME: f64 = 5e-9;

/// What is allowed for `pos`.
const POS: &str = "write CIRCLE ra dec radius, RANGE ra1 ra2 dec1 dec2 or POLYGON ra1 dec1 ra2 dec2 ra3 dec3 …, in degrees";

/// The frame that coordinates are in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Frame {
    /// Right ascension and declination, ICRS.
    #[default]
    Icrs,
    /// Galactic longitude and latitude.
    Galactic,
}

impl Frame {
    fn axes(self) -> &'static Axes {
        match self {
            Self::Icrs => &ICRS,
            Self::Galactic => &GALACTIC,
        }
    }
}

/// Why a text is no region: what is wrong, and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RegionError(String);

fn wrong<T>(text: impl Into<String>) -> Result<T, RegionError> {
    Err(RegionError(text.into()))
}

impl Region {
    /// Reads a region of the sky, in degrees: `CIRCLE ra dec radius`, `RANGE ra1 ra2 dec1 dec2` (through 0 when `ra1` is
    /// the larger, `-Inf` and `+Inf` for no bound), `POLYGON ra1 dec1 …` (great circles; the smaller of the two parts).
    ///
    /// # Errors
    /// [`RegionError`] for any other shape, for numbers out of range, and for what is no area.
    ///
    /// # Source
    /// IVOA Simple Image Access 2.0, section 2.1.1; DALI 1.1, section 3.3.
    pub fn read_pos(text: &str, frame: Frame) -> Result<Self, RegionError> {
        let mut words = text.split_ascii_whitespace();
        let shape = words.next().unwrap_or_default();
        let numbers: Vec<f64> = words.map(number).collect::<Result<_, _>>()?;
        match (shape.to_ascii_uppercase().as_str(), numbers.as_slice()) {
            ("CIRCLE", [lon, lat, radius]) => circle(frame, *lon, *lat, *radius),
            ("CIRCLE", numbers) => wrong(format!(
                "a CIRCLE has 3 numbers, ra dec radius, not {}",
                numbers.len()
            )),
            ("RANGE", [west, east, south, north]) => range(frame, (*west, *east), (*south, *north)),
            ("RANGE", numbers) => wrong(format!(
                "a RANGE has 4 numbers, ra1 ra2 dec1 dec2, not {}",
                numbers.len()
            )),
            ("POLYGON", numbers) => polygon(frame, numbers),
            ("", _) => wrong(format!("it is empty; {POS}")),
            (other, _) => wrong(format!("`{}` is no shape; {POS}", short(other))),
        }
    }

    /// Reads the surroundings of a place, `lat,lon,km`: WGS84 degrees, and the distance along a great circle of a sphere of
    /// 6371.0088 km.
    ///
    /// # Errors
    /// [`RegionError`] for anything else and for numbers out of range.
    pub fn read_near(text: &str) -> Result<Self, RegionError> {
        let numbers = commas(text)?;
        let [lat, lon, km] = numbers.as_slice() else {
            return wrong(format!(
                "it has {} numbers; write lat,lon,km, as in 50.8,4.36,100",
                numbers.len()
            ));
        };
        let lat = between("lat", *lat, -90.0, 90.0)?;
        let lon = between("lon", *lon, -180.0, 360.0)?;
        let km = between("km", *km, 0.0, 20_016.0)?;
        Ok(Self::circle(Point::of_degrees(lon, lat), km / EARTH_KM))
    }

    /// Reads a box on the Earth, `west,south,east,north` in WGS84 degrees; over the antimeridian when `west` is larger
    /// than `east`.
    ///
    /// # Errors
    /// [`RegionError`] for anything else and for numbers out of range.
    pub fn read_bbox(text: &str) -> Result<Self, RegionError> {
        let numbers = commas(text)?;
        let [west, south, east, north] = numbers.as_slice() else {
            return wrong(format!(
                "it has {} numbers; write west,south,east,north, as in -10,35,30,60",
                numbers.len()
            ));
        };
        let west = between("west", *west, -180.0, 180.0)?;
        let east = between("east", *east, -180.0, 180.0)?;
        let lat = latitudes(("south", *south), ("north", *north))?;
        let width = if west <= east {
            east - west
        } else {
            east + 360.0 - west
        };
        Ok(between_meridians(ICRS, west, width, lat))
    }
}

fn circle(frame: Frame, lon: f64, lat: f64, radius: f64) -> Result<Region, RegionError> {
    let middle = place(frame, lon, lat)?;
    let radius = between("radius", radius, 0.0, 180.0)?;
    Ok(Region::circle(middle, radius.to_radians()))
}

fn range(frame: Frame, lon: (f64, f64), lat: (f64, f64)) -> Result<Region, RegionError> {
    let open = |value: f64, none: f64, bound: f64| if value == none { bound } else { value };
    let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
    let west = between("ra1", open(lon.0, low, 0.0), 0.0, 360.0)?;
    let east = between("ra2", open(lon.1, high, 360.0), 0.0, 360.0)?;
    let (south, north) = (open(lat.0, low, -90.0), open(lat.1, high, 90.0));
    let lat = latitudes(("dec1", south), ("dec2", north))?;
    let width = if west <= east {
        east - west
    } else {
        east + 360.0 - west
    };
    Ok(between_meridians(*frame.axes(), west, width, lat))
}

/// A range in degrees.
fn between_meridians(axes: Axes, west: f64, width: f64, lat: (f64, f64)) -> Region {
    let west = west.to_radians();
    let width = if width >= 360.0 {
        TAU
    } else {
        width.to_radians()
    };
    let lat = (lat.0.to_radians(), lat.1.to_radians());
    if lat.0 == lat.1 && lat.0.abs() >= FRAC_PI_2 {
        return Region::circle(in_frame(&axes, west, lat.0), 0.0);
    }
    Region::range(axes, (west, width), lat)
}

fn polygon(frame: Frame, numbers: &[f64]) -> Result<Region, RegionError> {
    if !numbers.len().is_multiple_of(2) {
        return wrong(format!(
            "a POLYGON has an even number of numbers, ra and dec of each corner, not {}",
            numbers.len()
        ));
    }
    let corners = numbers.chunks_exact(2);
    let mut corners: Vec<Point> = corners
        .map(|pair| place(frame, pair[0], pair[1]))
        .collect::<Result<_, _>>()?;
    let same = |a: &Point, b: &Point| a.angle(*b) < SAME;
    if corners.len() > 3 && same(&corners[0], &corners[corners.len() - 1]) {
        corners.pop();
    }
    if !(3..=MOST_CORNERS).contains(&corners.len()) {
        return wrong(format!(
            "a POLYGON of {} corners; allowed are 3 to {MOST_CORNERS}",
            corners.len()
        ));
    }
    let next = corners.iter().cycle().skip(1);
    if let Some(at) = corners.iter().zip(next).position(|(a, b)| same(a, b)) {
        return wrong(format!(
            "corner {} of the POLYGON is the same as the next; each corner stands once",
            at + 1
        ));
    }
    let Some(polygon) = Polygon::new(corners) else {
        return wrong(
            "the corners of the POLYGON do not lie in one half of the sky (within 89 degrees of some middle), so which side is meant cannot be told; use CIRCLE or RANGE, or several searches",
        );
    };
    if polygon.crosses_itself() {
        return wrong("sides of the POLYGON cross or touch; give its corners in order around it");
    }
    if polygon.flat_area() < SAME * SAME {
        return wrong("the corners of the POLYGON lie on one great circle; it needs an area");
    }
    Ok(Region::polygon(polygon))
}

fn place(frame: Frame, lon: f64, lat: f64) -> Result<Point, RegionError> {
    let (name, other) = match frame {
        Frame::Icrs => ("ra", "dec"),
        Frame::Galactic => ("l", "b"),
    };
    let lon = between(name, lon, 0.0, 360.0)?;
    let lat = between(other, lat, -90.0, 90.0)?;
    Ok(in_frame(frame.axes(), lon.to_radians(), lat.to_radians()))
}

fn latitudes(south: (&str, f64), north: (&str, f64)) -> Result<(f64, f64), RegionError> {
    let low = between(south.0, south.1, -90.0, 90.0)?;
    let high = between(north.0, north.1, -90.0, 90.0)?;
    if low > high {
        return wrong(format!(
            "{} `{low}` is larger than {} `{high}`; give the smaller first",
            south.0, north.0
        ));
    }
    Ok((low, high))
}

fn between(name: &str, value: f64, low: f64, high: f64) -> Result<f64, RegionError> {
    if (low..=high).contains(&value) {
        return Ok(value);
    }
    wrong(format!("{name} `{value}`: allowed is {low} to {high}"))
}

fn commas(text: &str) -> Result<Vec<f64>, RegionError> {
    text.split(',').map(|word| number(word.trim())).collect()
}

fn number(word: &str) -> Result<f64, RegionError> {
    match word.parse::<f64>() {
        Ok(value) if !value.is_nan() => Ok(value),
        _ => wrong(format!("`{}` is no number", short(word))),
    }
}

/// A text as it is repeated, however long it is.
fn short(text: &str) -> String {
    text.chars().take(40).collect()
}
