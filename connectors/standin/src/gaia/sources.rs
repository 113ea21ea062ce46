//! Sources: a cluster like the Pleiades, the field around it, and a thin field all over the sky.
//!
//! Everything about a source follows from the seed and its place in the list.

use std::f64::consts::TAU;

use super::healpix;
use super::value::{Column, Kind, Value, read_columns};

const COLUMNS: &str = include_str!("gaia_source.txt");
const ZERO_POINT_G: f64 = 25.6874;
const ZERO_POINT_BP: f64 = 25.3385;
const ZERO_POINT_RP: f64 = 24.7479;
const SOLUTION_ID: i64 = 1_636_148_068_921_376_768;
/// Sources of the real archive, where its answers have them: number, ra, dec, parallax, pmra, pmdec, G, BP - RP.
const KNOWN: [(i64, [f64; 7]); 3] = [
    (
        4_583_627_001_381_815_936,
        [
            268.067_664_666,
            26.507_486_059,
            2.303_408_6,
            -8.544_033,
            -27.672_991,
            7.012_019,
            3.664_544,
        ],
    ),
    (
        5_348_723_816_842_275_584,
        [
            171.550_810_717,
            -51.360_630_966,
            1.070_467_8,
            -12.518_990,
            2.770_998,
            7.017_903,
            4.222_787,
        ],
    ),
    (
        5_937_083_312_263_887_616,
        [251.519_207_729, -51.505_352_555, 1.1, -3.2, -4.1, 16.1, 1.3],
    ),
];
/// Its last digits differ from a known one by less than a double can tell.
const NEIGHBOUR: i64 = 5_937_083_312_263_888_000;

/// What the other properties of a source follow from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    pub(crate) source_id: i64,
    pub(crate) ra: f64,
    pub(crate) dec: f64,
    parallax: f64,
    pmra: f64,
    pmdec: f64,
    pub(crate) g: f64,
    pub(crate) bp_rp: f64,
    radial_velocity: f64,
    pub(crate) is_variable: bool,
    seed: u64,
}

/// A source of random numbers that gives the same for the same seed (splitmix64).
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Evenly from 0 up to 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Normally, around 0 with a deviation of 1.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (TAU * self.unit()).cos()
    }
}

/// `n` sources of the field, half of them around the cluster, and a fifth as many of the cluster.
pub(crate) fn sources(seed: u64, n: usize) -> Vec<Source> {
    let mut dice = Dice::new(seed);
    let mut sources: Vec<Source> = KNOWN.iter().map(|known| known_source(*known)).collect();
    let neighbour = Source {
        source_id: NEIGHBOUR,
        ra: sources[2].ra + 2e-5,
        g: 18.9,
        seed: 7,
        ..sources[2]
    };
    sources.push(neighbour);
    for i in 0..n / 5 {
        sources.push(member(&mut dice, i as i64));
    }
    for i in 0..n {
        let is_near = i % 2 == 0;
        sources.push(field(&mut dice, is_near, i as i64));
    }
    sources.sort_by_key(|source| source.source_id);
    sources.dedup_by_key(|source| source.source_id);
    sources
}

fn known_source(
    (source_id, [ra, dec, parallax, pmra, pmdec, g, bp_rp]): (i64, [f64; 7]),
) -> Source {
    Source {
        source_id,
        ra,
        dec,
        parallax,
        pmra,
        pmdec,
        g,
        bp_rp,
        radial_velocity: -20.3,
        is_variable: g < 8.0,
        seed: source_id as u64,
    }
}

/// A member of the cluster: 7.4 mas, moving by (20, -45) mas/yr.
fn member(dice: &mut Dice, i: i64) -> Source {
    let angle = dice.between(0.0, TAU);
    let radius = 1.2 * dice.unit().powf(0.7) / dice.between(0.6, 1.0);
    let dec = 24.12 + radius * angle.sin();
    let ra = 56.75 + radius * angle.cos() / dec.to_radians().cos();
    let bp_rp = dice.between(0.0, 1.0).powf(0.6) * 3.4 - 0.1;
    let parallax = 7.4 + 0.12 * dice.normal();
    let is_binary = dice.unit() < 0.2;
    let absolute = main_sequence(bp_rp) + 0.06 * dice.normal() - if is_binary { 0.6 } else { 0.0 };
    let (pmra, pmdec) = (20.0 + 0.9 * dice.normal(), -45.3 + 0.9 * dice.normal());
    finish(
        dice,
        [ra, dec, parallax, pmra, pmdec, absolute, bp_rp, 5.7],
        i,
    )
}

fn field(dice: &mut Dice, is_near: bool, i: i64) -> Source {
    let (ra, dec) = if is_near {
        (dice.between(52.75, 60.75), dice.between(20.12, 28.12))
    } else {
        (
            dice.between(0.0, 360.0),
            dice.between(-1.0, 1.0).asin().to_degrees(),
        )
    };
    let distance_pc = 80.0 + 3500.0 * dice.unit().powf(1.6);
    let bp_rp = (0.95 + 0.45 * dice.normal()).clamp(-0.2, 4.0);
    let is_giant = dice.unit() < 0.18;
    let absolute = if is_giant {
        0.6 + 0.5 * dice.normal()
    } else {
        main_sequence(bp_rp)
    };
    let speed = 6000.0 / distance_pc;
    let (pmra, pmdec) = (speed * dice.normal(), speed * dice.normal() - speed / 3.0);
    let velocity = 30.0 * dice.normal();
    finish(
        dice,
        [
            ra,
            dec,
            1000.0 / distance_pc,
            pmra,
            pmdec,
            absolute,
            bp_rp,
            velocity,
        ],
        i,
    )
}

/// Absolute magnitude in G of a star on the main sequence.
fn main_sequence(bp_rp: f64) -> f64 {
    match bp_rp {
        x if x < 0.8 => 1.1 + 4.8 * x,
        x if x < 1.8 => 4.94 + 3.0 * (x - 0.8),
        x => 7.94 + 2.7 * (x - 1.8),
    }
}

fn finish(
    dice: &mut Dice,
    [ra, dec, parallax, pmra, pmdec, absolute, bp_rp, velocity]: [f64; 8],
    i: i64,
) -> Source {
    let g = (absolute + 5.0 * (100.0 / parallax).log10()).clamp(3.0, 20.9);
    let error = parallax_error(g);
    let cell = healpix::pixel(12, ra, dec) as i64;
    Source {
        // The lower 35 bits tell the sources of a cell apart; real ones are multiples of 128.
        source_id: (cell << 35) + (i % (1 << 27) + 1) * 128,
        ra: ra.rem_euclid(360.0),
        dec,
        parallax: parallax + error * dice.normal(),
        pmra: pmra + error * dice.normal(),
        pmdec: pmdec + error * dice.normal(),
        g,
        bp_rp,
        radial_velocity: velocity + dice.normal(),
        is_variable: dice.unit() < 0.06,
        seed: dice.bits(),
    }
}

/// In mas, as the archive's errors go with magnitude.
fn parallax_error(g: f64) -> f64 {
    0.02 * 10_f64.powf(0.2 * (g - 14.5).max(0.0))
}

/// The columns of `gaiadr3.gaia_source`.
pub(crate) fn columns() -> Vec<Column> {
    read_columns(COLUMNS)
}

impl Source {
    pub(crate) fn dice(&self, salt: u64) -> Dice {
        Dice::new(self.seed ^ salt.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    pub(crate) fn has_xp(&self) -> bool {
        self.g < 17.65
    }

    pub(crate) fn has_rvs(&self) -> bool {
        self.g < 13.0 && self.seed.is_multiple_of(3)
    }

    /// A row of `gaiadr3.gaia_source`: its cells in the order of `columns`.
    pub(crate) fn row(&self, columns: &[Column], release: &str, ref_epoch: f64) -> Vec<Value> {
        let mut dice = self.dice(1);
        columns
            .iter()
            .map(|column| self.cell(column, release, ref_epoch, &mut dice))
            .collect()
    }

    fn cell(&self, column: &Column, release: &str, ref_epoch: f64, dice: &mut Dice) -> Value {
        let name = column.name.as_str();
        if name == "designation" {
            return Value::text(format!("{release} {}", self.source_id));
        }
        if name == "ref_epoch" {
            return Value::Float(ref_epoch);
        }
        match column.kind {
            Kind::Long => self.long(name),
            Kind::Short | Kind::Int => self.short(name, dice),
            Kind::Boolean => Value::Bool(self.flag(name)),
            Kind::Char => self.word(name),
            Kind::Float => self.number(name, dice).map_or(Value::Null, Value::float),
            _ => self.number(name, dice).map_or(Value::Null, Value::Float),
        }
    }

    fn long(&self, name: &str) -> Value {
        Value::Int(match name {
            "source_id" => self.source_id,
            "random_index" => (self.seed % 1_811_709_771) as i64,
            _ => SOLUTION_ID,
        })
    }

    fn flag(&self, name: &str) -> bool {
        match name {
            "has_xp_continuous" | "has_xp_sampled" => self.has_xp(),
            "has_rvs" => self.has_rvs(),
            "has_epoch_photometry" => self.is_variable,
            "has_mcmc_gspphot" => self.has_parameters(),
            "astrometric_primary_flag" => self.g < 17.0 && self.seed % 8 == 1,
            _ => false,
        }
    }

    fn word(&self, name: &str) -> Value {
        match name {
            "phot_variable_flag" if self.is_variable => Value::text("VARIABLE"),
            "phot_variable_flag" => Value::text("NOT_AVAILABLE"),
            "libname_gspphot" if self.has_parameters() => {
                Value::text(if self.bp_rp > 1.2 { "MARCS" } else { "PHOENIX" })
            }
            _ => Value::Null,
        }
    }

    fn short(&self, name: &str, dice: &mut Dice) -> Value {
        let roll = dice.unit();
        let has_velocity = self.has_velocity();
        let of_velocity =
            name.starts_with("rv_") || name.starts_with("vbroad") || name.starts_with("grvs");
        let value = match name {
            _ if of_velocity && !has_velocity => return Value::Null,
            "astrometric_params_solved" => 31,
            "visibility_periods_used" | "rv_nb_transits" => 12 + (roll * 18.0) as i64,
            "rv_atm_param_origin" => 111,
            "rv_method_used" => 1,
            "non_single_star" | "phot_proc_mode" | "astrometric_n_bad_obs_al" => 0,
            _ if name.contains("contaminated")
                || name.contains("blended")
                || name.starts_with("ipd_frac") =>
            {
                (roll * 3.0) as i64
            }
            _ if name.ends_with("obs_al") || name.ends_with("obs_ac") || name == "phot_g_n_obs" => {
                180 + (roll * 320.0) as i64
            }
            _ => 18 + (roll * 30.0) as i64,
        };
        Value::Int(value)
    }

    fn has_velocity(&self) -> bool {
        self.g < 14.0
    }

    fn has_parameters(&self) -> bool {
        self.g < 18.25 && !self.seed.is_multiple_of(4)
    }

    /// A number; nothing where the archive has none.
    fn number(&self, name: &str, dice: &mut Dice) -> Option<f64> {
        let roll = dice.unit();
        let error = parallax_error(self.g);
        let (bp, rp) = self.magnitudes();
        Some(match name {
            "ra" => self.ra,
            "dec" => self.dec,
            "parallax" => self.parallax,
            "pmra" => self.pmra,
            "pmdec" => self.pmdec,
            "pm" => self.pmra.hypot(self.pmdec),
            "parallax_over_error" => f64::from(self.parallax as f32) / f64::from(error as f32),
            "parallax_error" => error,
            "ra_error" | "dec_error" => error * 0.85,
            "pmra_error" | "pmdec_error" => error * 1.1,
            "ruwe" => {
                1.0 + 0.03 * (roll - 0.5)
                    + if self.seed.is_multiple_of(19) {
                        1.4 * roll
                    } else {
                        0.0
                    }
            }
            "phot_g_mean_mag" => self.g,
            "phot_bp_mean_mag" => bp,
            "phot_rp_mean_mag" => rp,
            "bp_rp" => bp - rp,
            "bp_g" => bp - self.g,
            "g_rp" => self.g - rp,
            "l" | "b" | "ecl_lon" | "ecl_lat" => self.other_frame(name),
            "radial_velocity" if self.has_velocity() => self.radial_velocity,
            "radial_velocity_error" if self.has_velocity() => 0.2 + roll,
            "teff_gspphot" if self.has_parameters() => 4600.0 / (0.42 * self.bp_rp + 0.5),
            "logg_gspphot" if self.has_parameters() => 4.4,
            "mh_gspphot" if self.has_parameters() => -0.1,
            "distance_gspphot" if self.has_parameters() && self.parallax > 0.2 => {
                1000.0 / self.parallax
            }
            "azero_gspphot" | "ag_gspphot" if self.has_parameters() => 0.12,
            "classprob_dsc_combmod_star" => 0.999,
            "classprob_dsc_combmod_quasar" | "classprob_dsc_combmod_galaxy" => 1e-13 * (1.0 + roll),
            "nu_eff_used_in_astrometry" => 1.65 - 0.14 * self.bp_rp,
            "phot_bp_rp_excess_factor" => 1.15 + 0.06 * self.bp_rp,
            _ if name.contains("pseudocolour")
                || name.contains("gspphot")
                || name.starts_with("scan_direction") =>
            {
                return None;
            }
            _ if name.contains("_corr") => roll - 0.5,
            _ if name.starts_with("phot_") => self.flux(name)?,
            _ if name.starts_with("astrometric_") || name.starts_with("ipd_") => roll,
            _ => return None,
        })
    }

    fn magnitudes(&self) -> (f64, f64) {
        let bp = self.g + 0.44 * self.bp_rp + 0.02;
        (bp, bp - self.bp_rp)
    }

    /// A flux, its error or their ratio, in electrons a second.
    fn flux(&self, name: &str) -> Option<f64> {
        let (bp, rp) = self.magnitudes();
        let (magnitude, zero_point) = match name.get(5..8)? {
            "g_m" => (self.g, ZERO_POINT_G),
            "bp_" => (bp, ZERO_POINT_BP),
            _ => (rp, ZERO_POINT_RP),
        };
        let flux = 10_f64.powf(0.4 * (zero_point - magnitude));
        let error = (flux / 300.0).sqrt() + flux * 2e-4;
        Some(match name {
            _ if name.ends_with("_flux_over_error") => flux / error,
            _ if name.ends_with("_flux_error") => error,
            _ => flux,
        })
    }

    fn other_frame(&self, name: &str) -> f64 {
        let (pole_ra, pole_dec, node) = if name.starts_with("ecl") {
            (270.0, 66.560_709, 90.0)
        } else {
            (192.859_48, 27.128_25, 122.931_92)
        };
        let (dec, from_pole) = (self.dec.to_radians(), (self.ra - pole_ra).to_radians());
        let pole = f64::to_radians(pole_dec);
        let sine = dec.sin() * pole.sin() + dec.cos() * pole.cos() * from_pole.cos();
        if name == "b" || name == "ecl_lat" {
            return sine.asin().to_degrees();
        }
        let y = dec.cos() * from_pole.sin();
        let x = dec.sin() * pole.cos() - dec.cos() * pole.sin() * from_pole.cos();
        (node - y.atan2(x).to_degrees()).rem_euclid(360.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_of_a_known_source_are_those_of_the_archive() {
        let source = known_source(KNOWN[0]);
        for (name, expected) in [
            ("l", 51.642_379_4),
            ("b", 24.006_902_7),
            ("ecl_lon", 267.313_356_5),
            ("ecl_lat", 49.928_747_6),
        ] {
            let found = source.other_frame(name);
            assert!((found - expected).abs() < 1e-4, "{name}: {found}");
        }
    }

    #[test]
    fn the_zero_points_are_those_of_the_archive() {
        let flux = known_source(KNOWN[0]).flux("phot_g_mean_flux").unwrap();
        assert!((flux / 2.952_156_4e7 - 1.0).abs() < 1e-3, "{flux}");
    }

    #[test]
    fn numbers_of_sources_hold_the_cell_they_lie_in() {
        for source in sources(1, 500)
            .iter()
            .filter(|source| source.source_id != NEIGHBOUR)
        {
            assert_eq!(
                source.source_id >> 35,
                healpix::pixel(12, source.ra, source.dec) as i64
            );
        }
    }
}
