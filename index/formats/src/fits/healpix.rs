//! HEALPix: what a table says about the sky map it holds.

use super::column::ColumnType;
use super::header::{Hdu, HduKind};

/// The order of the pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ordering {
    /// `RING`
    Ring,
    /// `NESTED` or `NEST`
    Nested,
}

/// A sky map's grid and conventions. Texts are as given.
#[derive(Debug, Clone, PartialEq)]
pub struct Healpix {
    /// Pixels along the side of a base pixel.
    pub nside: u32,
    /// Nothing when the header does not say.
    pub ordering: Option<Ordering>,
    /// `GALACTIC`, `G`, `C`, `unknown`, or nothing.
    pub coordsys: Option<String>,
    /// `HEALPIX`, or nothing when the grid was told by the number of pixels.
    pub pixtype: Option<String>,
    /// `IMPLICIT`, or `EXPLICIT` with a column of pixel numbers.
    pub indxschm: Option<String>,
    /// FIRSTPIX, from 0.
    pub firstpix: Option<u64>,
    /// LASTPIX, inclusive.
    pub lastpix: Option<u64>,
    /// `COSMO` or `IAU`: the sign of U.
    pub polcconv: Option<String>,
    /// The value that stands for an unobserved pixel.
    pub bad_data: Option<f64>,
    /// Values per cell: 1, or often 1024.
    pub pixels_per_row: u64,
}

impl Ordering {
    fn read(text: &str) -> Option<Self> {
        match text.trim().to_ascii_uppercase().as_str() {
            "RING" => Some(Self::Ring),
            "NESTED" | "NEST" => Some(Self::Nested),
            _ => None,
        }
    }
}

impl Healpix {
    /// Number of pixels of the whole sky, 12 nside².
    pub fn n_pixels(&self) -> u64 {
        n_pixels(self.nside)
    }
}

impl Hdu {
    /// The HEALPix map in a binary table.
    ///
    /// It is one when PIXTYPE says so, or when its number of values is 12 NSIDE² of its NSIDE card.
    /// A coverage map (`ORDERING= 'NUNIQ'`) is none: its rows are cells of differing size.
    pub fn healpix(&self) -> Option<Healpix> {
        if self.kind != HduKind::BinTable {
            return None;
        }
        let ordering = self.text("ORDERING");
        if ordering.is_some_and(|text| text.trim().eq_ignore_ascii_case("NUNIQ")) {
            return None;
        }
        let columns = self.columns().ok()?;
        let is_number = |kind| !matches!(kind, ColumnType::Text | ColumnType::Variable);
        let first = columns.iter().find(|column| is_number(column.kind))?;
        let n_values = self.n_rows().checked_mul(first.repeat)?;
        let pixtype = self.text("PIXTYPE").map(str::to_owned);
        let named = pixtype
            .as_deref()
            .is_some_and(|text| text.trim().eq_ignore_ascii_case("HEALPIX"));
        let nside = match self.int("NSIDE") {
            Some(nside) => u32::try_from(nside)
                .ok()
                .filter(|n| (1..=1 << 29).contains(n))?,
            None if named => nside_of(n_values)?,
            None => return None,
        };
        if !named && n_values != n_pixels(nside) {
            return None;
        }
        let owned = |keyword| self.text(keyword).map(str::to_owned);
        let pixel = |keyword| self.int(keyword).and_then(|n| u64::try_from(n).ok());
        Some(Healpix {
            nside,
            ordering: ordering.and_then(Ordering::read),
            coordsys: owned("COORDSYS"),
            pixtype,
            indxschm: owned("INDXSCHM"),
            firstpix: pixel("FIRSTPIX"),
            lastpix: pixel("LASTPIX"),
            polcconv: owned("POLCCONV"),
            bad_data: self.float("BAD_DATA"),
            pixels_per_row: first.repeat,
        })
    }
}

fn n_pixels(nside: u32) -> u64 {
    12 * u64::from(nside) * u64::from(nside)
}

/// The NSIDE whose whole sky has this many pixels.
fn nside_of(n_values: u64) -> Option<u32> {
    let nside = (n_values / 12).isqrt();
    let nside = u32::try_from(nside)
        .ok()
        .filter(|n| (1..=1 << 29).contains(n))?;
    (n_pixels(nside) == n_values).then_some(nside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nside_follows_from_a_whole_sky_only() {
        assert_eq!(nside_of(786_432), Some(256));
        assert_eq!(nside_of(12), Some(1));
        assert_eq!(nside_of(786_431), None);
        assert_eq!(nside_of(0), None);
    }
}
