//! Orbits: Kepler ellipses of a few satellites, as their navigation messages describe them.

use std::f64::consts::TAU;

use super::text::noise;

/// Of the Earth, m³/s², and its rotation, rad/s, as the interface documents have them.
pub(crate) const MU: f64 = 3.986_005e14;
pub(crate) const EARTH_ROTATION: f64 = 7.292_115_146_7e-5;
pub(crate) const LIGHT: f64 = 299_792_458.0;
/// The beginning of GPS week 2243, in seconds of GPS time, from which all angles count.
const REFERENCE_S: f64 = 2243.0 * 604_800.0;

/// The systems that are generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum System {
    Gps,
    Galileo,
}

/// A satellite, its orbit and its clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Satellite {
    pub(crate) system: System,
    pub(crate) number: u32,
    /// Metres.
    pub(crate) semi_major: f64,
    pub(crate) eccentricity: f64,
    pub(crate) inclination: f64,
    pub(crate) perigee: f64,
    pub(crate) node_rate: f64,
    node: f64,
    anomaly: f64,
    /// Seconds, and seconds per second.
    clock: [f64; 2],
}

impl Satellite {
    /// Such as `G01`.
    pub(crate) fn name(&self) -> String {
        let letter = match self.system {
            System::Gps => 'G',
            System::Galileo => 'E',
        };
        format!("{letter}{:02}", self.number)
    }

    pub(crate) fn mean_motion(&self) -> f64 {
        (MU / self.semi_major.powi(3)).sqrt()
    }

    /// The mean anomaly at a moment, in [0, 2π).
    pub(crate) fn mean_anomaly(&self, gps_s: f64) -> f64 {
        (self.anomaly + self.mean_motion() * (gps_s - REFERENCE_S)).rem_euclid(TAU)
    }

    /// The longitude of the node in the frame that turns with the Earth.
    fn node_longitude(&self, gps_s: f64) -> f64 {
        self.node + (self.node_rate - EARTH_ROTATION) * (gps_s - REFERENCE_S)
    }

    /// The node as the messages have it: at the beginning of the week, of a message for `toe_s`.
    pub(crate) fn node_of_week(&self, toe_s: f64) -> f64 {
        let of_week = toe_s.rem_euclid(604_800.0);
        let angle = self.node_longitude(toe_s) + EARTH_ROTATION * of_week;
        (angle + TAU / 2.0).rem_euclid(TAU) - TAU / 2.0
    }

    /// Where it is, in metres, earth-fixed.
    pub(crate) fn position(&self, gps_s: f64) -> [f64; 3] {
        let mean = self.mean_anomaly(gps_s);
        let mut eccentric = mean;
        for _ in 0..8 {
            eccentric = mean + self.eccentricity * eccentric.sin();
        }
        let e = self.eccentricity;
        let truly = ((1.0 - e * e).sqrt() * eccentric.sin()).atan2(eccentric.cos() - e);
        let radius = self.semi_major * (1.0 - e * eccentric.cos());
        let (sin_u, cos_u) = (truly + self.perigee).sin_cos();
        let (sin_node, cos_node) = self.node_longitude(gps_s).sin_cos();
        let (sin_i, cos_i) = self.inclination.sin_cos();
        [
            radius * (cos_u * cos_node - sin_u * cos_i * sin_node),
            radius * (cos_u * sin_node + sin_u * cos_i * cos_node),
            radius * sin_u * sin_i,
        ]
    }

    /// Its clock's offset in seconds.
    pub(crate) fn clock_s(&self, gps_s: f64) -> f64 {
        self.clock[0] + self.clock[1] * (gps_s - REFERENCE_S)
    }

    /// Its clock's drift, in seconds per second.
    pub(crate) fn clock_drift(&self) -> f64 {
        self.clock[1]
    }
}

/// All satellites: two in each of the six planes of GPS, three in each of the three of Galileo.
pub(crate) fn satellites(seed: u64) -> Vec<Satellite> {
    let gps = (0..12).map(|n| satellite(seed, System::Gps, n));
    let galileo = (0..9).map(|n| satellite(seed, System::Galileo, n));
    gps.chain(galileo).collect()
}

fn satellite(seed: u64, system: System, n: u32) -> Satellite {
    let random = |what: u64| noise(seed, [system as u64, n.into(), what]);
    let (n_planes, per_plane, semi_major, inclination) = match system {
        System::Gps => (6, 2, 26_559_710.0, 55.0),
        System::Galileo => (3, 3, 29_600_318.0, 56.0),
    };
    let (plane, slot) = (n % n_planes, n / n_planes);
    let number = match system {
        System::Gps => [1, 3, 5, 6, 8, 10, 11, 17, 24, 25, 30, 32][n as usize],
        System::Galileo => [1, 3, 7, 11, 12, 19, 24, 31, 36][n as usize],
    };
    Satellite {
        system,
        number,
        semi_major: semi_major + 400.0 * random(1),
        eccentricity: match system {
            System::Gps => 0.002 + 0.01 * random(2),
            System::Galileo => 0.000_1 + 0.000_3 * random(2),
        },
        inclination: (inclination + random(3)).to_radians(),
        perigee: TAU * random(4) - TAU / 2.0,
        node_rate: -8.0e-9,
        node: TAU * f64::from(plane) / f64::from(n_planes),
        anomaly: TAU * (f64::from(slot) / f64::from(per_plane) + f64::from(plane) / 18.0),
        clock: [6e-4 * (random(5) - 0.5), 2e-11 * (random(6) - 0.5)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gps_satellite_goes_round_twice_in_a_sidereal_day() {
        let satellite = satellites(1)[0];
        let period = TAU / satellite.mean_motion();
        assert!((period - 43_082.0).abs() < 30.0, "{period}");
        let at = |s: f64| satellite.position(REFERENCE_S + s);
        let radius = at(0.0).iter().map(|x| x * x).sum::<f64>().sqrt();
        assert!((2.62e7..2.70e7).contains(&radius), "{radius}");
        // After a sidereal day it stands over the same place, but for the drift of its node.
        let apart = std::iter::zip(at(0.0), at(86_164.1)).map(|(a, b)| (a - b).powi(2));
        assert!(apart.sum::<f64>().sqrt() < 2.0e5);
    }
}
