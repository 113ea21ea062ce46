//! Points, arcs and polygons on the unit sphere; angles in radians.

use std::f64::consts::TAU;

/// Angles below this are none: a thousandth of a milliarcsecond.
pub(crate) const NOTHING: f64 = 5e-12;

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point(pub(crate) [f64; 3]);

impl Point {
    /// From a longitude and a latitude.
    pub(crate) fn of(lon: f64, lat: f64) -> Self {
        Self([lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()])
    }

    /// From a longitude and a latitude in degrees.
    pub(crate) fn of_degrees(lon: f64, lat: f64) -> Self {
        Self::of(lon.to_radians(), lat.to_radians())
    }

    /// Its longitude from 0 and its latitude.
    pub(crate) fn lon_lat(self) -> (f64, f64) {
        let [x, y, z] = self.0;
        (y.atan2(x).rem_euclid(TAU), z.atan2(x.hypot(y)))
    }

    pub(crate) fn dot(self, other: Self) -> f64 {
        let ([a, b, c], [x, y, z]) = (self.0, other.0);
        a * x + b * y + c * z
    }

    pub(crate) fn cross(self, other: Self) -> Self {
        let ([a, b, c], [x, y, z]) = (self.0, other.0);
        Self([b * z - c * y, c * x - a * z, a * y - b * x])
    }

    pub(crate) fn plus(self, other: Self, times: f64) -> Self {
        let ([a, b, c], [x, y, z]) = (self.0, other.0);
        Self([a + times * x, b + times * y, c + times * z])
    }

    pub(crate) fn length(self) -> f64 {
        self.dot(self).sqrt()
    }

    /// The direction of a vector that has one.
    pub(crate) fn unit(self) -> Option<Self> {
        let length = self.length();
        (length > NOTHING).then(|| Self(self.0.map(|part| part / length)))
    }

    /// The angle to another direction, exact for small and for large ones.
    pub(crate) fn angle(self, other: Self) -> f64 {
        self.cross(other).length().atan2(self.dot(other))
    }
}

/// The shorter arc of the great circle through two points that are neither the same nor opposite.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arc {
    pub(crate) from: Point,
    pub(crate) to: Point,
    /// The pole of its circle; `None` when both ends are one.
    pole: Option<Point>,
}

impl Arc {
    pub(crate) fn new(from: Point, to: Point) -> Self {
        Self {
            from,
            to,
            pole: from.cross(to).unit(),
        }
    }

    /// Whether a point of its circle lies between its ends.
    fn spans(&self, pole: Point, point: Point) -> bool {
        pole.cross(self.from).dot(point) >= -NOTHING && self.to.cross(pole).dot(point) >= -NOTHING
    }

    /// The angle from a point to the nearest of the arc.
    pub(crate) fn distance(&self, point: Point) -> f64 {
        match self.pole {
            Some(pole) if self.spans(pole, point) => pole.dot(point).abs().min(1.0).asin(),
            _ => self.from.angle(point).min(self.to.angle(point)),
        }
    }

    /// Whether two arcs have a point in common.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        let (Some(pole), Some(others)) = (self.pole, other.pole) else {
            return self.distance(other.from) <= NOTHING || other.distance(self.from) <= NOTHING;
        };
        let Some(at) = pole.cross(others).unit() else {
            let ends = [self.distance(other.from), self.distance(other.to)];
            let own = [other.distance(self.from), other.distance(self.to)];
            return ends.iter().chain(&own).any(|angle| *angle <= NOTHING);
        };
        let opposite = Point(at.0.map(|part| -part));
        [at, opposite]
            .into_iter()
            .any(|at| self.spans(pole, at) && other.spans(others, at))
    }

    /// The points of the arc where `axis · point` is `height`.
    pub(crate) fn at_height(&self, axis: Point, height: f64) -> impl Iterator<Item = Point> {
        let found = self.pole.and_then(|pole| {
            let highest = axis.plus(pole, -axis.dot(pole));
            let (up, along) = (highest.unit()?, pole.cross(highest).unit()?);
            let cos = height / highest.length();
            (cos.abs() <= 1.0).then(|| {
                let sin = (1.0 - cos * cos).sqrt();
                let point = |sin: f64| Point(up.0.map(|part| part * cos)).plus(along, sin);
                (pole, [point(sin), point(-sin)])
            })
        });
        let arc = *self;
        found.into_iter().flat_map(move |(pole, points)| {
            points
                .into_iter()
                .filter(move |point| arc.spans(pole, *point))
        })
    }
}

/// A polygon of great circles that lies in one half of the sphere; the smaller of the two parts its edges divide.
#[derive(Debug, Clone)]
pub(crate) struct Polygon {
    pub(crate) corners: Vec<Point>,
    edges: Vec<Arc>,
    /// The middle of that half, and two directions across it.
    axes: [Point; 3],
    /// The corners as seen from the centre of the sphere on the plane that touches it at the middle, where great
    /// circles are straight lines.
    flat: Vec<(f64, f64)>,
}

impl Polygon {
    /// The polygon of at least three corners; `None` when no middle sees all of them within 89 degrees.
    pub(crate) fn new(corners: Vec<Point>) -> Option<Self> {
        let middle = middle(&corners)?;
        let [x, y, z] = middle.0;
        let aside = if z.abs() < 0.9 {
            Point([-y, x, 0.0])
        } else {
            Point([0.0, -z, y])
        };
        let right = aside.unit()?;
        let axes = [middle, right, middle.cross(right)];
        let flat = corners
            .iter()
            .map(|corner| project(&axes, *corner))
            .collect::<Option<_>>()?;
        let next = corners.iter().cycle().skip(1);
        let edges = corners
            .iter()
            .zip(next)
            .map(|(from, to)| Arc::new(*from, *to))
            .collect();
        Some(Self {
            corners,
            edges,
            axes,
            flat,
        })
    }

    pub(crate) fn edges(&self) -> &[Arc] {
        &self.edges
    }

    pub(crate) fn middle(&self) -> Point {
        self.axes[0]
    }

    /// How far its corners are from its middle.
    pub(crate) fn reach(&self) -> f64 {
        let angles = self
            .corners
            .iter()
            .map(|corner| corner.angle(self.middle()));
        angles.fold(0.0, f64::max)
    }

    /// Twice its area on the plane of its corners, whichever way they run.
    pub(crate) fn flat_area(&self) -> f64 {
        let next = self.flat.iter().cycle().skip(1);
        let parts = self
            .flat
            .iter()
            .zip(next)
            .map(|(a, b)| a.0 * b.1 - a.1 * b.0);
        parts.sum::<f64>().abs()
    }

    /// Whether two edges cross that are no neighbours.
    pub(crate) fn crosses_itself(&self) -> bool {
        let n = self.edges.len();
        let apart = |a: usize, b: usize| b > a + 1 && !(a == 0 && b == n - 1);
        (0..n).any(|a| (0..n).any(|b| apart(a, b) && self.edges[a].meets(&self.edges[b])))
    }

    pub(crate) fn holds(&self, point: Point) -> bool {
        let Some((x, y)) = project(&self.axes, point) else {
            return false;
        };
        let next = self.flat.iter().cycle().skip(1);
        let crossed = self.flat.iter().zip(next).filter(|(a, b)| {
            (a.1 > y) != (b.1 > y) && x < (b.0 - a.0) * (y - a.1) / (b.1 - a.1) + a.0
        });
        crossed.count() % 2 == 1
    }

    /// The angle from a point to the boundary, negative inside.
    pub(crate) fn distance(&self, point: Point) -> f64 {
        let angles = self.edges.iter().map(|edge| edge.distance(point));
        let angle = angles.fold(f64::INFINITY, f64::min);
        if self.holds(point) { -angle } else { angle }
    }
}

/// Where the line from the centre of the sphere through a point meets the plane at the middle, if it does.
fn project(axes: &[Point; 3], point: Point) -> Option<(f64, f64)> {
    let depth = axes[0].dot(point);
    (depth > 1e-9).then(|| (axes[1].dot(point) / depth, axes[2].dot(point) / depth))
}

/// A point that sees all others within 89 degrees; nearly always their mean.
fn middle(corners: &[Point]) -> Option<Point> {
    let mut sum = corners
        .iter()
        .fold(Point([0.0; 3]), |sum, corner| sum.plus(*corner, 1.0));
    if sum.length() < 1e-6 {
        sum = *corners.first()?;
    }
    let mut sum = sum.unit()?;
    for _ in 0..500 {
        let lowest = corners
            .iter()
            .min_by(|a, b| sum.dot(**a).total_cmp(&sum.dot(**b)))?;
        if sum.dot(*lowest) >= 1_f64.to_radians().sin() {
            return Some(sum);
        }
        sum = sum.plus(*lowest, 0.2).unit()?;
    }
    None
}
