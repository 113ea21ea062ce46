//! Observing: what a receiver measures of the satellites above it.

use super::orbit::{EARTH_ROTATION, LIGHT, Satellite, System, satellites};
use super::text::noise;
use super::{Observations, Terms};
use crate::gssc::calendar::Day;

const MASK_DEG: f64 = 10.0;

/// A kind of measurement: its code in RINEX 3 and in RINEX 2, and its frequency in Hz.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) code: &'static str,
    pub(crate) old_code: &'static str,
    frequency: f64,
}

const L1: f64 = 1_575.42e6;
const L2: f64 = 1_227.60e6;
const E5A: f64 = 1_176.45e6;

const fn kind(code: &'static str, old_code: &'static str, frequency: f64) -> Kind {
    Kind {
        code,
        old_code,
        frequency,
    }
}

const GPS_KINDS: [Kind; 7] = [
    kind("C1C", "C1", L1),
    kind("L1C", "L1", L1),
    kind("D1C", "D1", L1),
    kind("S1C", "S1", L1),
    kind("C2W", "P2", L2),
    kind("L2W", "L2", L2),
    kind("S2W", "S2", L2),
];

const GALILEO_KINDS: [Kind; 7] = [
    kind("C1C", "C1", L1),
    kind("L1C", "L1", L1),
    kind("D1C", "D1", L1),
    kind("S1C", "S1", L1),
    kind("C5Q", "C5", E5A),
    kind("L5Q", "L5", E5A),
    kind("S5Q", "S5", E5A),
];

/// The kinds of a system, in the order of its columns.
pub(crate) fn kinds(system: System) -> &'static [Kind] {
    match system {
        System::Gps => &GPS_KINDS,
        System::Galileo => &GALILEO_KINDS,
    }
}

/// A measured value in thousandths, and its two flags, loss of lock and strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) thousandths: i64,
    pub(crate) flags: [char; 2],
}

/// The measurements of a moment, by satellite, in order of their names.
#[derive(Debug, Clone)]
pub(crate) struct Epoch {
    /// Seconds of the day.
    pub(crate) second: u32,
    pub(crate) seen: Vec<(Satellite, Vec<Option<Value>>)>,
}

/// What a station measures.
#[derive(Debug, Clone)]
pub(crate) struct Observed {
    pub(crate) day: Day,
    pub(crate) epochs: Vec<Epoch>,
}

/// Measures what is wanted.
pub(crate) fn observe(wanted: &Observations, terms: &Terms) -> Observed {
    let mut satellites = satellites(terms.seed);
    if wanted.is_version_2 {
        satellites.retain(|satellite| satellite.system == System::Gps);
    }
    satellites.sort_by_key(Satellite::name);
    let n_epochs = wanted.n_epochs.unwrap_or(terms.epochs_per_day);
    let receiver = Receiver::new(wanted, terms);
    let epochs = (0..n_epochs)
        .map(|n| wanted.start_s + n * wanted.step_s)
        .take_while(|second| *second < 86_400)
        .map(|second| receiver.epoch(&satellites, second));
    Observed {
        day: wanted.day,
        epochs: epochs.collect(),
    }
}

struct Receiver {
    position: [f64; 3],
    up: [f64; 3],
    day_s: f64,
    start_s: u32,
    seed: u64,
}

impl Receiver {
    fn new(wanted: &Observations, terms: &Terms) -> Self {
        let position = wanted.station.position;
        let length = position.iter().map(|x| x * x).sum::<f64>().sqrt();
        let name: u64 = wanted
            .station
            .name
            .bytes()
            .fold(0, |sum, byte| sum * 31 + u64::from(byte));
        Self {
            position,
            up: position.map(|x| x / length),
            day_s: wanted.day.gps_seconds(),
            start_s: wanted.start_s,
            seed: terms.seed ^ name ^ u64::from(terms.version) << 40,
        }
    }

    fn epoch(&self, satellites: &[Satellite], second: u32) -> Epoch {
        let seen = satellites.iter().filter_map(|satellite| {
            let values = self.values(satellite, second)?;
            Some((*satellite, values))
        });
        Epoch {
            second,
            seen: seen.collect(),
        }
    }

    /// The values of a satellite; nothing when it is not high enough.
    fn values(&self, satellite: &Satellite, second: u32) -> Option<Vec<Option<Value>>> {
        let gps_s = self.day_s + f64::from(second);
        let (range, sin_elevation) = self.range(satellite, gps_s);
        if sin_elevation < MASK_DEG.to_radians().sin() {
            return None;
        }
        let rate = self.range(satellite, gps_s + 0.5).0 - self.range(satellite, gps_s - 0.5).0;
        let delay = 2.4 / (sin_elevation + 0.02);
        let clock = LIGHT * satellite.clock_s(gps_s);
        let sky = Sky {
            metres: range + delay - clock,
            rate: rate - LIGHT * satellite.clock_drift(),
            sin_elevation,
        };
        let values = kinds(satellite.system).iter().enumerate();
        let of_kind = |(n, kind)| self.value(satellite, second, n as u64, kind, &sky);
        Some(values.map(of_kind).collect())
    }

    fn value(
        &self,
        satellite: &Satellite,
        second: u32,
        n: u64,
        kind: &Kind,
        sky: &Sky,
    ) -> Option<Value> {
        let number = u64::from(satellite.number) + 100 * satellite.system as u64;
        let random = |what: u64| noise(self.seed ^ self.day_s as u64, [number, n, what]) - 0.5;
        let jitter = random(u64::from(second) + 1);
        let wavelength = LIGHT / kind.frequency;
        // Four metres at the zenith on L1; the phase is early by what the code is late.
        let ionosphere = 4.0 * (L1 / kind.frequency).powi(2) / (sky.sin_elevation + 0.1).min(1.0);
        let strength = 36.0 + 16.0 * sky.sin_elevation + jitter;
        let grade = ((strength / 6.0) as u32).clamp(1, 9);
        let grade = char::from_digit(grade, 10).unwrap_or('9');
        let is_second = kind.frequency != L1;
        if is_second && sky.sin_elevation < 0.23 {
            return None;
        }
        let (value, flags) = match kind.code.as_bytes()[0] {
            b'C' => (sky.metres + ionosphere + 0.6 * jitter, [' ', grade]),
            b'L' => {
                let ambiguity = (random(0) * 2e5).round();
                let cycles = (sky.metres - ionosphere) / wavelength + ambiguity;
                let lost = if second == self.start_s { '1' } else { ' ' };
                (cycles + 0.006 * jitter, [lost, grade])
            }
            b'D' => (-sky.rate / wavelength + 0.1 * jitter, [' ', ' ']),
            _ => ((strength * 4.0).round() / 4.0, [' ', ' ']),
        };
        let thousandths = (value * 1000.0).round() as i64;
        Some(Value { thousandths, flags })
    }

    /// The distance at the time of sending, turned with the Earth, and the sine of the elevation.
    fn range(&self, satellite: &Satellite, gps_s: f64) -> (f64, f64) {
        let mut travel = 0.075;
        let mut range = 0.0;
        let mut apart = [0.0; 3];
        for _ in 0..3 {
            let [x, y, z] = satellite.position(gps_s - travel);
            let (sin, cos) = (EARTH_ROTATION * travel).sin_cos();
            let there = [cos * x + sin * y, cos * y - sin * x, z];
            apart = [0, 1, 2].map(|axis| there[axis] - self.position[axis]);
            range = apart.iter().map(|x| x * x).sum::<f64>().sqrt();
            travel = range / LIGHT;
        }
        let along = std::iter::zip(apart, self.up).map(|(a, b)| a * b);
        (range, along.sum::<f64>() / range)
    }
}

struct Sky {
    metres: f64,
    rate: f64,
    sin_elevation: f64,
}
