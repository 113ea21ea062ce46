//! Regions that are searched for: of the sky, and of the Earth, which is a sphere here.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use super::sphere::{Arc, NOTHING, Point, Polygon};

/// The axes of a frame, ICRS: its `x`, `y` and its pole.
pub(crate) type Axes = [Point; 3];

/// Longitudes and latitudes that stand for themselves.
pub(crate) const ICRS: Axes = [
    Point([1.0, 0.0, 0.0]),
    Point([0.0, 1.0, 0.0]),
    Point([0.0, 0.0, 1.0]),
];

/// Galactic axes in ICRS.
///
/// # Source
/// The Hipparcos and Tycho Catalogues, ESA SP-1200, volume 1, section 1.5.3.
pub(crate) const GALACTIC: Axes = [
    Point([
        -0.054_875_560_416_215_37,
        -0.873_437_090_234_885,
        -0.483_835_015_548_713_2,
    ]),
    Point([
        0.494_109_427_875_583_7,
        -0.444_829_629_960_011_2,
        0.746_982_244_497_219,
    ]),
    Point([
        -0.867_666_149_019_004_7,
        -0.198_076_373_431_201_5,
        0.455_983_776_175_066_9,
    ]),
];

/// A part of the sphere, its boundary included.
#[derive(Debug, Clone)]
pub struct Region(Area);

#[derive(Debug, Clone)]
enum Area {
    Circle(Point, f64),
    Range(Box<Range>),
    Polygon(Polygon),
}

/// From one longitude eastward to another, and between two latitudes.
#[derive(Debug, Clone)]
struct Range {
    axes: Axes,
    west: f64,
    /// How far it goes to the east, at most all around.
    width: f64,
    south: f64,
    north: f64,
    meridians: Vec<Arc>,
}

/// The point of a longitude and a latitude in a frame.
pub(crate) fn in_frame(axes: &Axes, lon: f64, lat: f64) -> Point {
    let Point([x, y, z]) = Point::of(lon, lat);
    Point(axes[0].0.map(|part| part * x))
        .plus(axes[1], y)
        .plus(axes[2], z)
}

impl Range {
    fn new(axes: Axes, (west, width): (f64, f64), lat: (f64, f64)) -> Self {
        let mut range = Self {
            axes,
            west,
            width,
            south: lat.0,
            north: lat.1,
            meridians: Vec::new(),
        };
        if range.width < TAU {
            // In halves, since from pole to pole is no arc that is the shorter one.
            let middle = f64::midpoint(lat.0, lat.1);
            for (lon, from, to) in [
                (west, lat.0, middle),
                (west, middle, lat.1),
                (west + width, lat.0, middle),
                (west + width, middle, lat.1),
            ] {
                let arc = Arc::new(in_frame(&axes, lon, from), in_frame(&axes, lon, to));
                range.meridians.push(arc);
            }
        }
        range
    }

    fn coordinates(&self, point: Point) -> (f64, f64) {
        Point(self.axes.map(|axis| axis.dot(point))).lon_lat()
    }

    /// How far east of its western side a longitude is.
    fn east(&self, lon: f64) -> f64 {
        (lon - self.west).rem_euclid(TAU)
    }

    fn spans(&self, lon: f64) -> bool {
        // What rounding puts just beside a side is on it.
        let east = self.east(lon);
        east <= self.width + NOTHING || TAU - east < NOTHING
    }

    fn holds(&self, point: Point) -> bool {
        let (lon, lat) = self.coordinates(point);
        let spans_lat = (self.south - NOTHING..=self.north + NOTHING).contains(&lat);
        spans_lat && (self.spans(lon) || lat.abs() >= FRAC_PI_2 - NOTHING)
    }

    /// The latitudes of its sides that are no poles.
    fn parallels(&self) -> impl Iterator<Item = f64> {
        [self.south, self.north]
            .into_iter()
            .filter(|lat| lat.abs() < FRAC_PI_2)
    }

    fn distance(&self, point: Point) -> f64 {
        let (lon, lat) = self.coordinates(point);
        // The nearest point of a parallel has the same longitude; else an end, which is a meridian's too.
        let straight = self.parallels().filter(|_| self.spans(lon));
        let parallels = straight.map(|side| (side - lat).abs());
        let meridians = self.meridians.iter().map(|arc| arc.distance(point));
        let angle = parallels.chain(meridians).fold(PI, f64::min);
        if self.holds(point) { -angle } else { angle }
    }

    fn meets(&self, arc: &Arc) -> bool {
        let crosses = |side: f64| {
            arc.at_height(self.axes[2], side.sin())
                .any(|point| self.spans(self.coordinates(point).0))
        };
        self.meridians.iter().any(|meridian| meridian.meets(arc)) || self.parallels().any(crosses)
    }
}

impl Region {
    pub(crate) fn circle(middle: Point, radius: f64) -> Self {
        Self(Area::Circle(middle, radius.min(PI)))
    }

    /// From a longitude so far to the east, at most all around, and between two latitudes.
    pub(crate) fn range(axes: Axes, lon: (f64, f64), lat: (f64, f64)) -> Self {
        Self(Area::Range(Box::new(Range::new(axes, lon, lat))))
    }

    pub(crate) fn polygon(polygon: Polygon) -> Self {
        Self(Area::Polygon(polygon))
    }

    /// The angle from a point to the boundary, negative inside.
    pub(crate) fn distance(&self, point: Point) -> f64 {
        match &self.0 {
            Area::Circle(middle, radius) => middle.angle(point) - radius,
            Area::Range(range) => range.distance(point),
            Area::Polygon(polygon) => polygon.distance(point),
        }
    }

    /// Whether it and the circle have a point in common.
    pub(crate) fn meets_circle(&self, middle: Point, radius: f64) -> bool {
        self.distance(middle) <= radius + NOTHING
    }

    /// Whether it and the polygon have a point in common.
    pub(crate) fn meets_polygon(&self, other: &Polygon) -> bool {
        match &self.0 {
            Area::Circle(middle, radius) => other.distance(*middle) <= *radius + NOTHING,
            Area::Range(range) => {
                let corner = in_frame(&range.axes, range.west, range.south);
                other.corners.iter().any(|corner| range.holds(*corner))
                    || other.holds(corner)
                    || other.edges().iter().any(|edge| range.meets(edge))
            }
            Area::Polygon(own) => {
                own.corners.iter().any(|corner| other.holds(*corner))
                    || other.corners.iter().any(|corner| own.holds(*corner))
                    || own
                        .edges()
                        .iter()
                        .any(|edge| other.edges().iter().any(|others| edge.meets(others)))
            }
        }
    }

    /// A point from which all of it is within an angle; `None` when that would be most of the sphere.
    pub(crate) fn within(&self) -> Option<(Point, f64)> {
        match &self.0 {
            Area::Circle(middle, radius) => Some((*middle, *radius)),
            Area::Range(range) => {
                let lat = f64::midpoint(range.south, range.north);
                let middle = in_frame(&range.axes, range.west + range.width / 2.0, lat);
                let small = range.width < PI / 2.0 && range.north - range.south < PI / 2.0;
                let corners = range.meridians.iter().flat_map(|arc| [arc.from, arc.to]);
                let reach = corners
                    .map(|corner| corner.angle(middle))
                    .fold(0.0, f64::max);
                small.then_some((middle, reach * 1.5 + 0.01))
            }
            Area::Polygon(polygon) => Some((polygon.middle(), polygon.reach())),
        }
    }
}
