//! Maps: generated sky maps with the names, columns, cards and units of the archive.

use std::io::{Seek, Write};

use gantry_formats::fits::write::{Cell, Layout, NewColumn, TableWriter};
use gantry_formats::fits::{Card, ColumnType, FitsError, Value};

use super::channel::Channel;
use super::grid;
use super::sky::{Sky, dipole, hash, normal};

/// What stands for a pixel that was not observed.
pub(crate) const BAD_DATA: f64 = -1.6375e30;
const N_BAD_PIXELS: u64 = 5;

/// A map that can be generated; its name and length are known before.
#[derive(Debug, Clone)]
pub(crate) struct Map {
    pub(crate) name: String,
    pub(crate) release: String,
    pub(crate) kind: Kind,
    pub(crate) nside: u32,
    pub(crate) seed: u64,
}

/// What a map shows.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// A frequency map, of all data or of a part whose noise is so much larger.
    Frequency {
        channel: &'static Channel,
        noise_factor: f64,
        has_dipole: bool,
    },
    /// The background as one method cleaned it.
    Cmb { is_polarised: bool },
    /// Noise of a simulation.
    Noise { channel: &'static Channel },
    /// Dust.
    Dust,
    /// The common mask, NESTED.
    CommonMask,
    /// Masks of the galactic plane, RING.
    PlaneMask,
}

impl Map {
    pub(crate) fn n_bytes(&self) -> u64 {
        self.layout().n_bytes()
    }

    /// Writes the whole file.
    pub(crate) fn write<W: Write + Seek>(&self, sky: &Sky, out: W) -> Result<W, FitsError> {
        let per_row = self.pixels_per_row();
        let mut writer = TableWriter::start(out, self.layout())?;
        let bad = self.bad_pixels();
        let n_columns = self.columns().len();
        let mut values = Vec::with_capacity(n_columns);
        let mut cells = vec![Cell::Int(0); n_columns * per_row as usize];
        for row in 0..grid::n_pixels(self.nside) / per_row {
            for k in 0..per_row {
                values.clear();
                self.values(sky, row * per_row + k, &bad, &mut values);
                for (column, value) in values.iter().enumerate() {
                    cells[column * per_row as usize + k as usize] = *value;
                }
            }
            writer.row(&cells)?;
        }
        writer.finish()
    }

    fn is_mask(&self) -> bool {
        matches!(self.kind, Kind::CommonMask | Kind::PlaneMask)
    }

    /// Masks have the older layout, 1024 pixels to a row, where the sky has as many.
    fn pixels_per_row(&self) -> u64 {
        if self.is_mask() {
            grid::n_pixels(self.nside).min(1024)
        } else {
            1
        }
    }

    fn bad_pixels(&self) -> [u64; N_BAD_PIXELS as usize] {
        let seed = self.own_seed();
        std::array::from_fn(|k| hash(seed, k as u64) % grid::n_pixels(self.nside))
    }

    /// A seed of its own (FNV-1a over the name), so that two maps do not share their noise.
    fn own_seed(&self) -> u64 {
        self.name
            .bytes()
            .fold(self.seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            })
    }

    fn columns(&self) -> Vec<NewColumn> {
        let per_row = self.pixels_per_row();
        let mask = |name: &&str| NewColumn::new(name, ColumnType::Float).repeat(per_row);
        match self.kind {
            Kind::Frequency { channel, .. } => frequency_columns(channel),
            Kind::Cmb { is_polarised: true } => {
                let inpainted = ["I_STOKES_INP", "Q_STOKES_INP", "U_STOKES_INP"];
                let mut columns = float_columns(&STOKES, "K_CMB");
                columns.extend(float_columns(&["TMASK"], "none"));
                columns.extend(float_columns(&inpainted, "K_CMB"));
                columns
            }
            Kind::Cmb {
                is_polarised: false,
            } => [
                float_columns(&["I_STOKES"], "K_CMB"),
                float_columns(&["TMASK"], "none"),
            ]
            .concat(),
            Kind::Noise { channel } => float_columns(&STOKES, channel.unit),
            Kind::Dust => float_columns(&["I_ML", "I_MEAN", "I_RMS"], "uK_RJ"),
            Kind::CommonMask => ["TMASK"].iter().map(mask).collect(),
            Kind::PlaneMask => ["GAL060", "GAL080"].iter().map(mask).collect(),
        }
    }

    fn layout(&self) -> Layout {
        let last = grid::n_pixels(self.nside) as i64 - 1;
        let (extension, ordering) = match self.kind {
            Kind::Frequency { .. } => ("FREQ-MAP", "NESTED"),
            Kind::Cmb { .. } | Kind::Dust => ("COMP-MAP", "NESTED"),
            Kind::Noise { .. } => ("xtension", "NESTED"),
            Kind::CommonMask => ("MASK-INT", "NESTED"),
            Kind::PlaneMask => ("GAL-MASK", "RING"),
        };
        let mut cards = vec![
            Card::text("EXTNAME", extension),
            Card::text("PIXTYPE", "HEALPIX").with_comment("HEALPIX pixelisation"),
            Card::text("ORDERING", ordering),
            Card::int("NSIDE", i64::from(self.nside)),
            Card::int("FIRSTPIX", 0),
            Card::int("LASTPIX", last),
            Card::text("INDXSCHM", "IMPLICIT"),
            Card::int("GRAIN", 0),
            Card::text("COORDSYS", "GALACTIC"),
            Card::text("POLCCONV", "COSMO"),
            Card::new("BAD_DATA", Value::Float(BAD_DATA)),
            Card::text("PROCVER", &self.release),
            Card::text("FILENAME", &self.name),
        ];
        if let Kind::Frequency { channel, .. } | Kind::Noise { channel } = self.kind {
            cards.push(Card::text("FREQ", channel.name.trim_start_matches('0')));
            cards.push(Card::text("UNITFREQ", "GHz"));
        }
        if let Kind::Cmb { .. } = self.kind {
            let method = self.name.split(['-', '_']).nth(3).unwrap_or_default();
            cards.push(Card::text("METHOD", method));
        }
        Layout {
            primary: vec![
                Card::text("TELESCOP", "PLANCK"),
                Card::text("INSTRUME", self.instrument()),
                Card::text("ORIGIN", "gantry-standin").with_comment("generated, not measured"),
            ],
            cards,
            columns: self.columns(),
            n_rows: grid::n_pixels(self.nside) / self.pixels_per_row(),
            checksums: true,
        }
    }

    fn instrument(&self) -> &'static str {
        match self.kind {
            Kind::Frequency { channel, .. } | Kind::Noise { channel } => channel.instrument,
            _ => "LFI-HFI",
        }
    }

    /// The values of one pixel, one per column.
    fn values(&self, sky: &Sky, pixel: u64, bad: &[u64], into: &mut Vec<Cell<'static>>) {
        let at = pixel as usize;
        let seed = hash(self.own_seed(), pixel);
        let noise = |k: u64| normal(hash(seed, k));
        let mut put = |value: f64| into.push(Cell::Float(value));
        match self.kind {
            Kind::Frequency {
                channel,
                noise_factor,
                has_dipole,
            } => {
                let observed = Observed {
                    channel,
                    noise_factor,
                    has_dipole,
                    is_bad: bad.contains(&pixel),
                };
                observed.values(sky, pixel, seed, into);
            }
            Kind::Cmb { is_polarised } => {
                let temperature = f64::from(sky.cmb[at]) + 2e-6 * noise(0);
                let mask = f64::from(u8::from(sky.galaxy[at] < 0.3));
                let (q, u) = (
                    f64::from(sky.q[at]) + 1e-6 * noise(1),
                    f64::from(sky.u[at]) + 1e-6 * noise(2),
                );
                put(temperature);
                if is_polarised {
                    [q, u, mask, temperature, q, u].into_iter().for_each(put);
                } else {
                    put(mask);
                }
            }
            Kind::Noise { channel } => (0..3).for_each(|k| put(channel.noise * noise(k))),
            Kind::Dust => {
                let dust = 150.0 * f64::from(sky.galaxy[at]);
                [dust + 0.2 * noise(0), dust, 0.2].into_iter().for_each(put);
            }
            Kind::CommonMask => put(f64::from(u8::from(sky.galaxy[at] < 0.3))),
            Kind::PlaneMask => {
                let z = grid::ring(self.nside, pixel)[2].abs();
                [0.4, 0.2]
                    .into_iter()
                    .for_each(|cut| put(f64::from(u8::from(z > cut))));
            }
        }
    }
}

const STOKES: [&str; 3] = ["I_STOKES", "Q_STOKES", "U_STOKES"];
const COVARIANCES: [&str; 6] = ["II_COV", "IQ_COV", "IU_COV", "QQ_COV", "QU_COV", "UU_COV"];

/// Stokes parameters, hits, covariances; of an unpolarised channel only those of intensity.
fn frequency_columns(channel: &Channel) -> Vec<NewColumn> {
    let (n_stokes, n_covariances) = if channel.is_polarised { (3, 6) } else { (1, 1) };
    let mut columns = float_columns(&STOKES[..n_stokes], channel.unit);
    columns.push(NewColumn::new("HITS", ColumnType::Int));
    let squared = format!("({})^2", channel.unit);
    columns.extend(float_columns(&COVARIANCES[..n_covariances], &squared));
    columns
}

fn float_columns(names: &[&str], unit: &str) -> Vec<NewColumn> {
    names
        .iter()
        .map(|name| NewColumn::new(name, ColumnType::Float).unit(unit))
        .collect()
}

/// One frequency map's way of seeing a pixel.
struct Observed {
    channel: &'static Channel,
    noise_factor: f64,
    has_dipole: bool,
    is_bad: bool,
}

impl Observed {
    fn values(&self, sky: &Sky, pixel: u64, seed: u64, into: &mut Vec<Cell<'static>>) {
        let channel = self.channel;
        let at = pixel as usize;
        let direction = grid::nested(sky.nside, pixel);
        let n_covariances = if channel.is_polarised { 6 } else { 1 };
        let n_stokes = if channel.is_polarised { 3 } else { 1 };
        if self.is_bad {
            into.extend([Cell::Float(BAD_DATA)].repeat(n_stokes));
            into.push(Cell::Int(0));
            into.extend([Cell::Float(BAD_DATA)].repeat(n_covariances));
            return;
        }
        // The scanning of the sky went over the ecliptic poles most often.
        let depth = 0.5 + 1.5 * direction[2].powi(2);
        let deviation = channel.noise * self.noise_factor / depth.sqrt();
        let noise = |k: u64| deviation * normal(hash(seed, k));
        let galaxy = channel.galaxy * f64::from(sky.galaxy[at]);
        let mut background = f64::from(sky.cmb[at]);
        if self.has_dipole {
            background += dipole(direction);
        }
        into.push(Cell::Float(
            channel.per_kelvin * background + galaxy + noise(0),
        ));
        if channel.is_polarised {
            into.push(Cell::Float(
                f64::from(sky.q[at]) + 0.05 * galaxy + 1.4 * noise(1),
            ));
            into.push(Cell::Float(
                f64::from(sky.u[at]) - 0.03 * galaxy + 1.4 * noise(2),
            ));
        }
        let hits = 2000.0 * depth / (self.noise_factor * self.noise_factor);
        into.push(Cell::Int(hits as i64 + (seed % 50) as i64));
        let variance = deviation * deviation;
        let covariances = [1.0, 0.01, -0.01, 2.0, 0.02, 2.0];
        into.extend(
            covariances[..n_covariances]
                .iter()
                .map(|factor| Cell::Float(factor * variance)),
        );
    }
}
