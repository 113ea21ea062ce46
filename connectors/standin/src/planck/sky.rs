//! The sky: a smooth background, a galactic plane and noise, the same for the same seed.
//!
//! Nothing here is measured; it only has the looks and magnitudes of the real thing.

use super::grid::{self, Direction};

/// Templates in nested order, in units that a channel scales.
#[derive(Debug)]
pub(crate) struct Sky {
    pub(crate) nside: u32,
    /// Temperature of the background in K.
    pub(crate) cmb: Vec<f32>,
    /// Its polarisation in K.
    pub(crate) q: Vec<f32>,
    pub(crate) u: Vec<f32>,
    /// Emission of the galaxy, about 1 in its plane.
    pub(crate) galaxy: Vec<f32>,
}

impl Sky {
    pub(crate) fn new(nside: u32, seed: u64) -> Self {
        let n = grid::n_pixels(nside) as usize;
        let waves = Waves::new(seed, 14, 60e-6);
        let q_waves = Waves::new(seed ^ 0x51, 5, 3e-6);
        let u_waves = Waves::new(seed ^ 0x55, 5, 3e-6);
        let mut sky = Self {
            nside,
            cmb: Vec::with_capacity(n),
            q: Vec::with_capacity(n),
            u: Vec::with_capacity(n),
            galaxy: Vec::with_capacity(n),
        };
        for pixel in 0..n as u64 {
            let at = grid::nested(nside, pixel);
            sky.cmb.push(waves.at(at));
            sky.q.push(q_waves.at(at));
            sky.u.push(u_waves.at(at));
            sky.galaxy.push(galaxy(at));
        }
        sky
    }
}

/// A thin bright plane, a thick faint one, and a bulge towards the centre.
fn galaxy([x, y, z]: Direction) -> f32 {
    let longitude = y.atan2(x);
    let arms = 0.6 + 0.4 * (0.5 * longitude).cos().powi(2);
    let thin = (-(z / 0.02).powi(2)).exp();
    let thick = 0.08 * (-(z / 0.2).abs()).exp();
    let bulge = 0.5 * (-((1.0 - x) / 0.01)).exp();
    (arms * (thin + thick) + bulge + 0.002) as f32
}

/// The solar dipole of PR4, in K: 3366.6 µK towards l = 263.986°, b = 48.247°.
pub(crate) fn dipole(at: Direction) -> f64 {
    let (l, b) = (263.986_f64.to_radians(), 48.247_f64.to_radians());
    let towards = [b.cos() * l.cos(), b.cos() * l.sin(), b.sin()];
    3366.6e-6 * (at[0] * towards[0] + at[1] * towards[1] + at[2] * towards[2])
}

/// A few plane waves across the sphere: a smooth field of low order.
struct Waves(Vec<([f64; 3], f64, f64)>);

impl Waves {
    fn new(seed: u64, n: u64, amplitude: f64) -> Self {
        let wave = |k: u64| {
            let random = |j: u64| normal(hash(seed, 1000 + 8 * k + j));
            let reach = 1.0 + k as f64;
            let vector = [0, 1, 2].map(|j| reach * random(j));
            (vector, 6.3 * random(3), amplitude / reach.sqrt())
        };
        Self((0..n).map(wave).collect())
    }

    fn at(&self, [x, y, z]: Direction) -> f32 {
        let wave = |(k, phase, amplitude): &([f64; 3], f64, f64)| {
            amplitude * (k[0] * x + k[1] * y + k[2] * z + phase).cos()
        };
        self.0.iter().map(wave).sum::<f64>() as f32
    }
}

/// 64 random bits that follow from two numbers (the finaliser of splitmix64).
pub(crate) fn hash(seed: u64, n: u64) -> u64 {
    let mut bits = seed.wrapping_add(n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// A number of mean 0 and deviation 1 made of random bits: four uniform ones added.
pub(crate) fn normal(bits: u64) -> f64 {
    let sum: u64 = (0..4).map(|k| (bits >> (16 * k)) & 0xffff).sum();
    (sum as f64 - 131_070.0) / 37_837.0
}

/// A number in [0, 1) made of random bits.
pub(crate) fn uniform(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}
