//! The grid: where a HEALPix pixel lies on the sky.
//!
//! # Source
//! Górski et al. 2005, ApJ 622, 759, section 4.1 and 5.

use std::f64::consts::FRAC_PI_2;

/// A direction, as a vector of length 1.
pub(crate) type Direction = [f64; 3];

/// Number of pixels of the whole sky.
pub(crate) fn n_pixels(nside: u32) -> u64 {
    12 * u64::from(nside) * u64::from(nside)
}

/// The centre of a pixel in nested order; `nside` is a power of two.
pub(crate) fn nested(nside: u32, pixel: u64) -> Direction {
    const ROW: [i64; 12] = [2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4];
    const TURN: [i64; 12] = [1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7];
    let n = i64::from(nside);
    let face = (pixel / (n * n) as u64) as usize;
    let within = pixel % (n * n) as u64;
    let (x, y) = (every_other_bit(within), every_other_bit(within >> 1));
    let row = ROW[face] * n - x - y - 1;
    let squared = 3.0 * (n * n) as f64;
    let (in_row, z, shift) = if row < n {
        (row, 1.0 - (row * row) as f64 / squared, 0)
    } else if row > 3 * n {
        let from_south = 4 * n - row;
        (
            from_south,
            (from_south * from_south) as f64 / squared - 1.0,
            0,
        )
    } else {
        (
            n,
            (2 * n - row) as f64 * 2.0 / (3 * n) as f64,
            (row - n) & 1,
        )
    };
    let mut place = (TURN[face] * in_row + x - y + 1 + shift) / 2;
    if place > 4 * in_row {
        place -= 4 * in_row;
    } else if place < 1 {
        place += 4 * in_row;
    }
    let longitude = (place as f64 - (shift + 1) as f64 * 0.5) * FRAC_PI_2 / in_row as f64;
    direction(z, longitude)
}

/// The centre of a pixel in ring order.
pub(crate) fn ring(nside: u32, pixel: u64) -> Direction {
    let n = u64::from(nside);
    let n_cap = 2 * n * (n - 1);
    let squared = (3 * n * n) as f64;
    if pixel < n_cap {
        let row = (1 + 2 * pixel).isqrt().div_ceil(2);
        let place = pixel + 1 - 2 * row * (row - 1);
        let longitude = (place as f64 - 0.5) * FRAC_PI_2 / row as f64;
        return direction(1.0 - (row * row) as f64 / squared, longitude);
    }
    if pixel < n_pixels(nside) - n_cap {
        let along = pixel - n_cap;
        let row = along / (4 * n) + n;
        let shift = if (row + n) & 1 == 1 { 1.0 } else { 0.5 };
        let place = along % (4 * n) + 1;
        let z = (2.0 * n as f64 - row as f64) * 2.0 / (3 * n) as f64;
        return direction(z, (place as f64 - shift) * FRAC_PI_2 / n as f64);
    }
    let from_end = n_pixels(nside) - pixel;
    let row = (2 * from_end - 1).isqrt().div_ceil(2);
    let place = 4 * row + 1 - (from_end - 2 * row * (row - 1));
    let longitude = (place as f64 - 0.5) * FRAC_PI_2 / row as f64;
    direction((row * row) as f64 / squared - 1.0, longitude)
}

fn direction(z: f64, longitude: f64) -> Direction {
    let across = (1.0 - z * z).max(0.0).sqrt();
    [across * longitude.cos(), across * longitude.sin(), z]
}

fn every_other_bit(bits: u64) -> i64 {
    let mut bits = bits & 0x5555_5555_5555_5555;
    for (shift, mask) in [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0f0f_0f0f_0f0f_0f0f),
        (4, 0x00ff_00ff_00ff_00ff),
        (8, 0x0000_ffff_0000_ffff),
        (16, 0x0000_0000_ffff_ffff),
    ] {
        bits = (bits | (bits >> shift)) & mask;
    }
    bits as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(directions: impl Iterator<Item = Direction>) -> Vec<[i64; 3]> {
        let mut rounded: Vec<_> = directions
            .map(|d| d.map(|x| (x * 1e9).round() as i64))
            .collect();
        rounded.sort_unstable();
        rounded
    }

    #[test]
    fn both_orders_have_the_same_pixels() {
        for nside in [1, 2, 8] {
            let nested = sorted((0..n_pixels(nside)).map(|pixel| nested(nside, pixel)));
            let ring = sorted((0..n_pixels(nside)).map(|pixel| ring(nside, pixel)));
            assert_eq!(nested, ring);
        }
    }

    #[test]
    fn ring_order_goes_from_north_to_south() {
        let z: Vec<_> = (0..n_pixels(4)).map(|pixel| ring(4, pixel)[2]).collect();
        assert!(z.is_sorted_by(|a, b| a >= b));
        let z_of_first_nested = nested(1, 0)[2];
        assert!((z_of_first_nested - 2.0 / 3.0).abs() < 1e-12);
    }
}
