//! Lists: generated source lists and a small instrument model, as binary tables.

use std::io::Cursor;

use gantry_formats::fits::write::{Cell, Layout, NewColumn, TableWriter};
use gantry_formats::fits::{Card, ColumnType, FitsError};

use super::channel::{CHANNELS, Channel};
use super::sky::{hash, normal, uniform};

const N_SOURCES: u64 = 300;

/// Photometries of the catalogue of compact sources, with their errors.
const FLUXES: [&str; 4] = ["DETFLUX", "APERFLUX", "PSFFLUX", "GAUFLUX"];

/// A list of compact sources at one frequency.
pub(crate) fn sources(
    name: &str,
    release: &str,
    channel: &Channel,
    seed: u64,
) -> Result<Vec<u8>, FitsError> {
    let layout = Layout {
        primary: primary(channel.instrument, release),
        cards: vec![
            Card::text("EXTNAME", &format!("PCCS2_f{}", channel.name)),
            Card::text("FREQ", channel.name.trim_start_matches('0')),
            Card::text("FILENAME", name),
            Card::text("COORDSYS", "GALACTIC"),
        ],
        columns: source_columns(),
        n_rows: N_SOURCES,
        checksums: true,
    };
    let mut writer = TableWriter::start(Cursor::new(Vec::new()), layout)?;
    for n in 0..N_SOURCES {
        // The same sources are seen at every frequency.
        let random = |k| hash(seed ^ 0x5eed, 16 * n + k);
        let longitude = 360.0 * uniform(random(0));
        let latitude = (2.0 * uniform(random(1)) - 1.0).asin().to_degrees();
        let (ra, dec) = equatorial(longitude, latitude);
        let source = format!("PCCS2 {} G{longitude:06.2}{latitude:+06.2}", channel.name);
        let mut cells = vec![Cell::Text(&source)];
        cells.extend([longitude, latitude, ra, dec].map(Cell::Float));
        let flux = 300.0 / uniform(random(2)).max(0.01);
        for k in 0..FLUXES.len() as u64 {
            cells.push(Cell::Float(flux * (1.0 + 0.05 * normal(random(3 + k)))));
            cells.push(Cell::Float(0.06 * flux + 20.0));
        }
        cells.extend([Cell::Float(4.5), Cell::Float(4.2)]);
        writer.row(&cells)?;
    }
    Ok(writer.finish()?.into_inner())
}

fn source_columns() -> Vec<NewColumn> {
    let mut columns = vec![
        NewColumn::new("NAME", ColumnType::Text)
            .repeat(28)
            .unit("None"),
    ];
    let angle = |name| NewColumn::new(name, ColumnType::Double).unit("degrees");
    columns.extend(["GLON", "GLAT", "RA", "DEC"].map(angle));
    for flux in FLUXES {
        columns.push(NewColumn::new(flux, ColumnType::Float).unit("mJy"));
        columns.push(NewColumn::new(&format!("{flux}_ERR"), ColumnType::Float).unit("mJy"));
    }
    columns.extend(
        ["GAU_SEMI1", "GAU_SEMI2"]
            .map(|name| NewColumn::new(name, ColumnType::Float).unit("arcmin")),
    );
    columns
}

/// A reduced instrument model: noise and beam of each channel of the HFI.
pub(crate) fn instrument_model(name: &str, release: &str) -> Result<Vec<u8>, FitsError> {
    let channels: Vec<_> = CHANNELS
        .iter()
        .filter(|channel| channel.instrument == "HFI")
        .collect();
    let layout = Layout {
        primary: primary("HFI", release),
        cards: vec![
            Card::text("EXTNAME", "MAP_PARAMS"),
            Card::text("FILENAME", name),
        ],
        columns: vec![
            NewColumn::new("FREQUENCY", ColumnType::Text)
                .repeat(8)
                .unit("GHz"),
            NewColumn::new("FWHM", ColumnType::Float).unit("arcmin"),
            NewColumn::new("NOISE", ColumnType::Float),
        ],
        n_rows: channels.len() as u64,
        checksums: true,
    };
    let mut writer = TableWriter::start(Cursor::new(Vec::new()), layout)?;
    for (channel, fwhm) in channels
        .into_iter()
        .zip([9.65, 7.25, 4.99, 4.82, 4.68, 4.33])
    {
        writer.row(&[
            Cell::Text(channel.name),
            Cell::Float(fwhm),
            Cell::Float(channel.noise),
        ])?;
    }
    Ok(writer.finish()?.into_inner())
}

fn primary(instrument: &str, release: &str) -> Vec<Card> {
    vec![
        Card::text("INSTRUME", instrument),
        Card::text("VERSION", release),
        Card::text("ORIGIN", "gantry-standin").with_comment("generated, not measured"),
        Card::text("TELESCOP", "PLANCK"),
        Card::text("CREATOR", "gantry-standin"),
        Card::text("DATE-OBS", "2009-08-13"),
        Card::text("DATE-END", "2013-10-23"),
        Card::text("PROCVER", release),
    ]
}

/// Galactic to equatorial (J2000) degrees; the matrix is that of Hipparcos (ESA SP-1200, 1.5.3).
fn equatorial(longitude: f64, latitude: f64) -> (f64, f64) {
    const TO_GALACTIC: [[f64; 3]; 3] = [
        [-0.054_875_560_4, -0.873_437_090_2, -0.483_835_015_5],
        [0.494_109_427_9, -0.444_829_629_6, 0.746_982_244_5],
        [-0.867_666_149_0, -0.198_076_373_4, 0.455_983_776_2],
    ];
    let (l, b) = (longitude.to_radians(), latitude.to_radians());
    let galactic = [b.cos() * l.cos(), b.cos() * l.sin(), b.sin()];
    let along = |k: usize| -> f64 { (0..3).map(|j| TO_GALACTIC[j][k] * galactic[j]).sum() };
    let ra = along(1).atan2(along(0)).to_degrees().rem_euclid(360.0);
    (ra, along(2).clamp(-1.0, 1.0).asin().to_degrees())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_galactic_centre_and_pole_lie_where_they_do() {
        // l = 0, b = 0 is 17h 45m 37.2s, -28° 56' 10"; the pole is 12h 51m 26.3s, +27° 07' 42".
        let (ra, dec) = equatorial(0.0, 0.0);
        assert!(
            (ra - 266.405).abs() < 1e-3 && (dec + 28.936).abs() < 1e-3,
            "{ra} {dec}"
        );
        let (ra, dec) = equatorial(0.0, 90.0);
        assert!(
            (ra - 192.859).abs() < 1e-3 && (dec - 27.128).abs() < 1e-3,
            "{ra} {dec}"
        );
    }
}
