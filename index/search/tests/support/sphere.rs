//! Areas of the sphere told by many of their points, in degrees: the plainest way to see whether two of them meet.

use super::Dice;

/// A longitude and a latitude in degrees.
pub type LonLat = (f64, f64);

/// An area of the sphere.
#[derive(Debug, Clone)]
pub enum Area {
    Circle(LonLat, f64),
    /// Corners around a middle, by bearing and distance, the bearings ascending.
    Star(LonLat, Vec<(f64, f64)>),
    /// From a longitude so far to the east, between two latitudes; in galactic coordinates or not.
    Range(bool, f64, f64, f64, f64),
    /// HEALPix cells at order 8.
    Cells(Vec<(u32, u32)>),
}

/// The angle between two places, by the formula of the haversine.
pub fn apart(a: LonLat, b: LonLat) -> f64 {
    let half = |x: f64, y: f64| ((x - y).to_radians() / 2.0).sin().powi(2);
    let h = half(a.1, b.1) + a.1.to_radians().cos() * b.1.to_radians().cos() * half(a.0, b.0);
    2.0 * h.min(1.0).sqrt().asin().to_degrees()
}

/// The bearing of a place as seen from another, east of north.
fn bearing(from: LonLat, to: LonLat) -> f64 {
    let (east, a, b) = (
        (to.0 - from.0).to_radians(),
        from.1.to_radians(),
        to.1.to_radians(),
    );
    let y = east.sin() * b.cos();
    let x = a.cos() * b.sin() - a.sin() * b.cos() * east.cos();
    y.atan2(x).to_degrees()
}

/// The place in a direction and at a distance from another.
pub fn toward(from: LonLat, bearing: f64, distance: f64) -> LonLat {
    let (lat, angle, far) = (
        from.1.to_radians(),
        bearing.to_radians(),
        distance.to_radians(),
    );
    let sin = lat.sin() * far.cos() + lat.cos() * far.sin() * angle.cos();
    let east = (angle.sin() * far.sin() * lat.cos()).atan2(far.cos() - lat.sin() * sin);
    let lon = (from.0 + east.to_degrees()).rem_euclid(360.0);
    (lon, sin.clamp(-1.0, 1.0).asin().to_degrees())
}

/// Galactic coordinates, from where the galactic pole and the celestial pole are.
///
/// # Source
/// Perryman et al. 1997, The Hipparcos and Tycho Catalogues, section 1.5.3: pole at 192.85948, 27.12825; the celestial
/// pole at longitude 122.93192.
fn galactic(place: LonLat) -> LonLat {
    let pole = (192.859_48, 27.128_25);
    let lat = 90.0 - apart(pole, place);
    let lon = 122.931_92 - bearing(pole, place);
    (lon.rem_euclid(360.0), lat)
}

/// The other way round: the same triangle seen from the galactic pole.
fn from_galactic((lon, lat): LonLat) -> LonLat {
    toward((192.859_48, 27.128_25), 122.931_92 - lon, 90.0 - lat)
}

fn random_place(dice: &mut Dice) -> LonLat {
    let share = |dice: &mut Dice| dice.below(1_000_000) as f64 / 1e6;
    let near = share(dice) * 3.0;
    let anywhere = (2.0 * share(dice) - 1.0).asin().to_degrees();
    match dice.below(8) {
        0 => (share(dice) * 360.0, 90.0 - near),
        1 => (share(dice) * 360.0, near - 90.0),
        2 => ((near - 1.5).rem_euclid(360.0), anywhere),
        3 => ((near - 1.5).rem_euclid(360.0), share(dice) * 3.0),
        4 => (120.0 + near, 40.0 + share(dice) * 3.0),
        _ => (share(dice) * 360.0, anywhere),
    }
}

/// A number between two, small ones as often as large ones.
fn between(dice: &mut Dice, low: f64, high: f64) -> f64 {
    low * (high / low).powf(dice.below(100_000) as f64 / 1e5)
}

impl Area {
    pub fn circle(dice: &mut Dice, most: f64) -> Self {
        Self::Circle(random_place(dice), between(dice, 0.01, most))
    }

    pub fn star(dice: &mut Dice, most: f64) -> Self {
        let (n, reach) = (3 + dice.below(6), between(dice, 0.05, most));
        let step = 360.0 / n as f64;
        let middle = random_place(dice);
        let corner = |at: u64| {
            let turn = (at as f64 + dice.below(40) as f64 / 100.0) * step;
            (turn, reach * (0.4 + dice.below(60) as f64 / 100.0))
        };
        Self::Star(middle, (0..n).map(corner).collect())
    }

    pub fn range(dice: &mut Dice) -> Self {
        let (lon, lat) = random_place(dice);
        let (width, height) = (between(dice, 0.5, 360.0), between(dice, 0.5, 180.0));
        let south = (lat - height / 2.0).max(-90.0);
        let north = (lat + height / 2.0).min(90.0);
        // No wider than written: a decimal or two are enough.
        let round = |x: f64| (x * 100.0).round() / 100.0;
        let west = round(lon).rem_euclid(360.0);
        Self::Range(
            dice.below(3) == 0,
            west,
            round(width).min(359.9),
            round(south),
            round(north),
        )
    }

    pub fn cells(dice: &mut Dice) -> Self {
        let ranges = (0..=dice.below(3)).map(|_| {
            let first = u32::try_from(dice.below(786_000)).unwrap();
            (first, first + u32::try_from(dice.below(60)).unwrap())
        });
        let mut ranges: Vec<(u32, u32)> = ranges.collect();
        ranges.sort_unstable();
        Self::Cells(ranges)
    }

    pub fn corners(middle: LonLat, around: &[(f64, f64)]) -> Vec<LonLat> {
        let corner = |(turn, reach): &(f64, f64)| toward(middle, *turn, *reach);
        around.iter().map(corner).collect()
    }

    pub fn holds(&self, place: LonLat) -> bool {
        match self {
            Self::Circle(middle, radius) => apart(*middle, place) <= *radius,
            Self::Range(is_galactic, west, width, south, north) => {
                let (lon, lat) = if *is_galactic { galactic(place) } else { place };
                (*south..=*north).contains(&lat) && (lon - west).rem_euclid(360.0) <= *width
            }
            // Whoever walks around a place inside turns once.
            Self::Star(middle, around) => {
                let corners = Self::corners(*middle, around);
                let next = corners.iter().cycle().skip(1);
                let turn = |(a, b): (&LonLat, &LonLat)| {
                    let turn = bearing(place, *b) - bearing(place, *a);
                    (turn + 540.0).rem_euclid(360.0) - 180.0
                };
                let turns: f64 = corners.iter().zip(next).map(turn).sum();
                apart(*middle, place) < 89.0 && turns.abs() > 180.0
            }
            Self::Cells(ranges) => {
                // A point of a circle that reaches the pole may be beyond it by the last digit.
                let lat = place.1.clamp(-90.0, 90.0).to_radians();
                let cell = cdshealpix::nested::hash(8, place.0.to_radians(), lat);
                let cell = u32::try_from(cell).unwrap();
                ranges
                    .iter()
                    .any(|(first, last)| (*first..=*last).contains(&cell))
            }
        }
    }

    /// Places in it, and how far from the nearest of them anything in it can be.
    pub fn places(&self) -> (Vec<LonLat>, f64) {
        match self {
            Self::Circle(middle, radius) => {
                let ring = |n: u32| (0..36).map(move |turn| (f64::from(n), f64::from(turn) * 10.0));
                let places = (0..=10).flat_map(ring);
                let place = |(n, turn): (f64, f64)| toward(*middle, turn, radius * n / 10.0);
                (places.map(place).collect(), radius * 0.12 + 1e-9)
            }
            Self::Star(middle, around) => {
                let corners = Self::corners(*middle, around);
                let next = corners.iter().cycle().skip(1);
                let mut places = vec![*middle];
                for (a, b) in corners.iter().zip(next) {
                    for on_side in (0..=12).map(|n| f64::from(n) / 12.0) {
                        let side = toward(*a, bearing(*a, *b), apart(*a, *b) * on_side);
                        let (turn, far) = (bearing(*middle, side), apart(*middle, side));
                        places.extend(
                            (1..=10).map(|n| toward(*middle, turn, far * f64::from(n) / 10.0)),
                        );
                    }
                }
                let reach = around.iter().map(|(_, reach)| *reach).fold(0.0, f64::max);
                (places, reach * 0.15)
            }
            Self::Range(is_galactic, west, width, south, north) => {
                let mut places = Vec::new();
                for x in (0..=30).map(|n| west + width * f64::from(n) / 30.0) {
                    for y in (0..=30).map(|n| south + (north - south) * f64::from(n) / 30.0) {
                        let place = (x.rem_euclid(360.0), y);
                        places.push(if *is_galactic {
                            from_galactic(place)
                        } else {
                            place
                        });
                    }
                }
                (places, (width.max(north - south)) / 30.0)
            }
            Self::Cells(ranges) => {
                let cells = ranges.iter().flat_map(|(first, last)| *first..=*last);
                let grid = |cell: u32| cdshealpix::nested::grid(8, u64::from(cell), 3).into_vec();
                let places = cells.flat_map(grid);
                let degrees = |(lon, lat): (f64, f64)| (lon.to_degrees(), lat.to_degrees());
                (places.map(degrees).collect(), 0.08)
            }
        }
    }

    /// Whether it holds a place or one at this distance from it.
    fn is_near(&self, place: LonLat, distance: f64) -> bool {
        if let Some((middle, reach)) = self.around()
            && apart(middle, place) > reach + distance
        {
            return false;
        }
        let around = (0..16).flat_map(|turn| {
            [1.0, 0.5].map(|part| toward(place, f64::from(turn) * 22.5, distance * part))
        });
        self.holds(place) || around.into_iter().any(|place| self.holds(place))
    }

    /// A circle that holds all of it.
    fn around(&self) -> Option<(LonLat, f64)> {
        match self {
            Self::Circle(middle, radius) => Some((*middle, *radius)),
            Self::Star(middle, around) => {
                let reach = around.iter().map(|(_, reach)| *reach).fold(0.0, f64::max);
                Some((*middle, reach))
            }
            Self::Range(..) | Self::Cells(_) => None,
        }
    }

    /// Whether two areas meet, `None` where their places are too far apart to tell.
    pub fn meets(&self, other: &Self) -> Option<bool> {
        if let (Some((own, reach)), Some((others, others_reach))) = (self.around(), other.around())
            && apart(own, others) > reach + others_reach
        {
            return Some(false);
        }
        let ((own, step), (others, others_step)) = (self.places(), other.places());
        let holds_own = own.iter().any(|place| other.holds(*place));
        if holds_own || others.iter().any(|place| self.holds(*place)) {
            return Some(true);
        }
        let near = own.iter().any(|place| other.is_near(*place, step * 1.05));
        let may = near
            && others
                .iter()
                .any(|place| self.is_near(*place, others_step * 1.05));
        if may { None } else { Some(false) }
    }
}
