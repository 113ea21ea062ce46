//! Discs on a NESTED HEALPix grid: which pixels a cone may touch.
//!
//! # Source
//! Górski et al., 2005, ApJ 622, 759, sections 4.1 and 5; the rotation to galactic axes is that of Hipparcos
//! (ESA SP-1200, 1.5.3).

use std::f64::consts::{FRAC_PI_4, PI};
use std::ops::Range;

/// A direction of length 1.
type Vector = [f64; 3];

const TO_GALACTIC: [Vector; 3] = [
    [-0.054_875_560_4, -0.873_437_090_2, -0.483_835_015_5],
    [0.494_109_427_9, -0.444_829_629_6, 0.746_982_244_5],
    [-0.867_666_149_0, -0.198_076_373_4, 0.455_983_776_2],
];
/// The southernmost ring and the longitude of each base pixel's southern corner, in units of nside and of 45 degrees.
const BASE_RING: [f64; 12] = [2., 2., 2., 2., 3., 3., 3., 3., 4., 4., 4., 4.];
const BASE_LONGITUDE: [f64; 12] = [1., 3., 5., 7., 0., 2., 4., 6., 1., 3., 5., 7.];
/// Room for the rounding of angles, in radians.
const ROUNDING: f64 = 1e-9;

/// The direction of a longitude and latitude in degrees.
pub(super) fn direction(longitude: f64, latitude: f64) -> Vector {
    let (l, b) = (longitude.to_radians(), latitude.to_radians());
    [b.cos() * l.cos(), b.cos() * l.sin(), b.sin()]
}

/// An equatorial direction (ICRS) on galactic axes.
pub(super) fn to_galactic(equatorial: Vector) -> Vector {
    TO_GALACTIC.map(|axis| axis.iter().zip(equatorial).map(|(a, e)| a * e).sum())
}

/// The angle between two directions, in radians, also a small one.
fn angle(a: Vector, b: Vector) -> f64 {
    let cross = [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ];
    let dot: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
    cross.iter().map(|c| c * c).sum::<f64>().sqrt().atan2(dot)
}

fn at(z: f64, phi: f64) -> Vector {
    let s = ((1.0 - z) * (1.0 + z)).max(0.0).sqrt();
    [s * phi.cos(), s * phi.sin(), z]
}

/// The centre of a NESTED pixel.
fn centre(nside: u64, pixel: u64) -> Vector {
    let base = (pixel / (nside * nside)) as usize;
    let within = pixel % (nside * nside);
    let (x, y) = (every_second_bit(within), every_second_bit(within >> 1));
    let side = nside as f64;
    let ring = BASE_RING[base] * side - (x + y) as f64 - 1.0;
    // How many pixels a quarter of the ring has, and its height.
    let (quarter, z) = if ring < side {
        (ring, 1.0 - ring * ring / (3.0 * side * side))
    } else if ring > 3.0 * side {
        let from_south = 4.0 * side - ring;
        let z = from_south * from_south / (3.0 * side * side) - 1.0;
        (from_south, z)
    } else {
        let z = (2.0 * side - ring) * 2.0 / (3.0 * side);
        (side, z)
    };
    let eighths = BASE_LONGITUDE[base] * quarter + x as f64 - y as f64;
    at(z, FRAC_PI_4 * eighths / quarter)
}

/// The bits at even places, put together.
fn every_second_bit(bits: u64) -> u64 {
    let mut v = bits & 0x5555_5555_5555_5555;
    v = (v | (v >> 1)) & 0x3333_3333_3333_3333;
    v = (v | (v >> 2)) & 0x0f0f_0f0f_0f0f_0f0f;
    v = (v | (v >> 4)) & 0x00ff_00ff_00ff_00ff;
    v = (v | (v >> 8)) & 0x0000_ffff_0000_ffff;
    (v | (v >> 16)) & 0x0000_0000_ffff_ffff
}

/// No point of any pixel lies further from its centre than this, in radians.
fn reach(nside: u64) -> f64 {
    let side = nside as f64;
    let t = (1.0 - 1.0 / side) * (1.0 - 1.0 / side);
    angle(at(2.0 / 3.0, PI / (4.0 * side)), at(1.0 - t / 3.0, 0.0))
}

/// The pixels that a disc may touch, in order: all that it does touch, and a few beside its edge.
///
/// A pixel is taken when its centre lies within the radius and the largest distance of a corner from its centre.
/// `nside` is a power of two.
pub(super) fn pixels(nside: u64, centre_at: Vector, radius_degrees: f64) -> Vec<Range<u64>> {
    let mut found = Vec::new();
    let disc = Disc {
        nside,
        centre: centre_at,
        radius: radius_degrees.to_radians(),
    };
    for base in 0..12 {
        disc.look(1, base, &mut found);
    }
    found
}

struct Disc {
    nside: u64,
    centre: Vector,
    radius: f64,
}

impl Disc {
    fn look(&self, nside: u64, cell: u64, found: &mut Vec<Range<u64>>) {
        let away = angle(self.centre, centre(nside, cell));
        let reach = reach(nside);
        // What is within a cell is within its reach, and so are the centres of its pixels.
        let slack = match nside == self.nside {
            true => reach,
            false => reach + self::reach(self.nside),
        };
        if away > self.radius + slack + ROUNDING {
            return;
        }
        if nside == self.nside || away + reach <= self.radius {
            let n = (self.nside / nside) * (self.nside / nside);
            return join(found, cell * n..(cell + 1) * n);
        }
        for child in 4 * cell..4 * cell + 4 {
            self.look(2 * nside, child, found);
        }
    }
}

fn join(found: &mut Vec<Range<u64>>, next: Range<u64>) {
    match found.last_mut() {
        Some(last) if last.end == next.start => last.end = next.end,
        _ => found.push(next),
    }
}
