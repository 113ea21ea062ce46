//! Cut-outs: a cone of a NESTED map, out of a few ranges of its bytes, written as a partial map.
//!
//! [`Cut::plan`] needs the headers alone and says which bytes are wanted; [`CutWriter`] takes them in that order and
//! writes a table with a column PIXEL, as `healpy.read_map(partial=True)` reads it. In a NESTED map neighbours on the
//! sky are neighbours in the file, so that the bytes of a cone lie in few places; in a RING map they do not.

use std::io::{Seek, Write};
use std::ops::Range;

use super::card::{Card, Value};
use super::column::{Column, ColumnType};
use super::disc;
use super::header::Hdu;
use super::healpix::{Healpix, Ordering};
use super::write::{Layout, NewColumn, TableWriter};
use super::{FitsError, padded};

/// The most pixels that are cut out.
pub const MAX_PIXELS: u64 = 1 << 24;
/// The most ranges of bytes that are asked for.
pub const MAX_RANGES: usize = 4096;
/// Bytes between two ranges that are rather read than left out.
const GAP_BYTES: u64 = 64 << 10;
/// The longest row of a map that is cut.
const MAX_ROW_BYTES: u64 = 16 << 20;

/// A cone on the sky, ICRS, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cone {
    /// Right ascension of its centre.
    pub ra: f64,
    /// Declination of its centre.
    pub dec: f64,
    /// Its radius.
    pub radius: f64,
}

impl Cone {
    /// Whether there is such a cone: RA 0 to 360, Dec -90 to 90, radius above 0 and at most 90.
    pub fn is_valid(&self) -> bool {
        (0.0..=360.0).contains(&self.ra)
            && (-90.0..=90.0).contains(&self.dec)
            && self.radius > 0.0
            && self.radius <= 90.0
    }

    /// The part of the sky that is in it.
    pub fn sky_fraction(&self) -> f64 {
        let half = (self.radius.to_radians() / 2.0).sin();
        half * half
    }
}

/// Why a file or a cone of it cannot be cut out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CutError {
    /// There is no map in it.
    #[error("it holds no HEALPix map")]
    NoMap,
    /// Its pixels are in rings, or in no order that is told.
    #[error(
        "its pixels are not in NESTED order; only of such a map few ranges of bytes are a cone"
    )]
    NotNested,
    /// It is a partial map already.
    #[error("it is a partial map already, with the numbers of its pixels in a column")]
    Explicit,
    /// It does not have each pixel of the sky once.
    #[error("its table does not have each pixel of NSIDE {nside} once")]
    NotWhole {
        /// What its header says.
        nside: u32,
    },
    /// Its axes are none that are known here.
    #[error("its axes are `{found}`; known are galactic and equatorial ones")]
    Axes {
        /// What its header says.
        found: String,
    },
    /// A column is of a kind that is not cut.
    #[error("its column `{name}` of format `{format}` has no number for each pixel")]
    Column {
        /// The column's name.
        name: String,
        /// Its TFORM.
        format: String,
    },
    /// The cone is none.
    #[error("RA is 0 to 360, Dec -90 to 90 and the radius above 0 and at most 90 degrees")]
    Cone,
    /// The cone has too many pixels.
    #[error("the cone has about {n} pixels, and at most {max} are cut out; make it smaller")]
    TooLarge {
        /// How many there would be.
        n: u64,
        /// How many there may be.
        max: u64,
    },
    /// The headers cannot be, or the bytes cannot be written.
    #[error(transparent)]
    Fits(#[from] FitsError),
}

/// What of a map is cut out, and from which bytes.
#[derive(Debug, Clone)]
pub struct Cut {
    pixels: Vec<Range<u64>>,
    rows: Vec<Range<u64>>,
    columns: Vec<Column>,
    layout: Layout,
    pixels_per_row: u64,
    row_bytes: u64,
    data_start: u64,
    file_bytes: u64,
    nside: u32,
    has_long_pixels: bool,
}

impl Cut {
    /// Plans the cut-out of the first table among `hdus` that is a NESTED map of the whole sky.
    ///
    /// Every pixel that the cone touches is in it, and a few beside its edge. `from` is a sentence that says which file
    /// it is cut from; it is written into the header.
    ///
    /// # Errors
    /// [`CutError`], which says why this file or this cone cannot be.
    pub fn plan(hdus: &[Hdu], cone: Cone, from: &str) -> Result<Self, CutError> {
        if !cone.is_valid() {
            return Err(CutError::Cone);
        }
        let maps = hdus.iter().find_map(|hdu| Some((hdu, hdu.healpix()?)));
        let (hdu, map) = maps.ok_or(CutError::NoMap)?;
        let columns = check(hdu, &map)?;
        let n = (cone.sky_fraction() * map.n_pixels() as f64) as u64;
        let too_large = |n| CutError::TooLarge { n, max: MAX_PIXELS };
        if n > MAX_PIXELS {
            return Err(too_large(n));
        }
        let centre = disc::direction(cone.ra, cone.dec);
        let centre = match is_galactic(&map)? {
            true => disc::to_galactic(centre),
            false => centre,
        };
        let pixels = disc::pixels(u64::from(map.nside), centre, cone.radius);
        let n_pixels: u64 = pixels.iter().map(|range| range.end - range.start).sum();
        if n_pixels > MAX_PIXELS {
            return Err(too_large(n_pixels));
        }
        let row_bytes = hdu.shape()?.first().copied().unwrap_or(0);
        let end = padded(hdu.data_bytes).and_then(|n| n.checked_add(hdu.data_start));
        let primary = hdus.first().filter(|first| first.index != hdu.index);
        Ok(Self {
            rows: rows(&pixels, map.pixels_per_row, row_bytes),
            layout: layout(primary, hdu, &map, &columns, (n_pixels, cone, from)),
            pixels,
            columns,
            pixels_per_row: map.pixels_per_row,
            row_bytes,
            data_start: hdu.data_start,
            file_bytes: end.ok_or_else(|| hdu.bad("NAXIS"))?,
            nside: map.nside,
            has_long_pixels: i32::try_from(map.n_pixels()).is_err(),
        })
    }

    /// The ranges of bytes of the whole file that are needed, in order.
    pub fn byte_ranges(&self) -> impl Iterator<Item = Range<u64>> {
        let at = |row: u64| self.data_start + row * self.row_bytes;
        self.rows
            .iter()
            .map(move |rows| at(rows.start)..at(rows.end))
    }

    /// How many pixels it has.
    pub fn n_pixels(&self) -> u64 {
        self.layout.n_rows
    }

    /// The NSIDE of the map.
    pub fn nside(&self) -> u32 {
        self.nside
    }

    /// How long the file it is cut from is at least.
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// How long the cut-out will be.
    pub fn n_bytes(&self) -> u64 {
        self.layout.n_bytes()
    }

    /// Writes the headers; the writer takes what is read of [`byte_ranges`](Self::byte_ranges).
    ///
    /// # Errors
    /// [`FitsError`] as of a [`TableWriter`].
    pub fn start<W: Write + Seek>(&self, out: W) -> Result<CutWriter<'_, W>, FitsError> {
        Ok(CutWriter {
            cut: self,
            table: TableWriter::start(out, self.layout.clone())?,
            rows: self.rows.iter().cloned().flatten(),
            pixels: self.pixels.iter().cloned().flatten().peekable(),
            held: Vec::new(),
            out_row: Vec::new(),
        })
    }
}

/// The numbers in ranges, one after the other.
type Numbers<'c> = std::iter::Flatten<std::iter::Cloned<std::slice::Iter<'c, Range<u64>>>>;

/// Writes a cut-out from the bytes of its ranges.
pub struct CutWriter<'c, W> {
    cut: &'c Cut,
    table: TableWriter<W>,
    rows: Numbers<'c>,
    pixels: std::iter::Peekable<Numbers<'c>>,
    held: Vec<u8>,
    out_row: Vec<u8>,
}

impl<W: Write + Seek> CutWriter<'_, W> {
    /// Takes the next bytes of the ranges, as many as there are.
    ///
    /// # Errors
    /// [`FitsError::Unwritable`] for more bytes than were asked for, [`FitsError::Io`].
    pub fn take(&mut self, mut bytes: &[u8]) -> Result<(), FitsError> {
        let row_bytes = self.cut.row_bytes as usize;
        if !self.held.is_empty() {
            let n = bytes.len().min(row_bytes - self.held.len());
            self.held.extend_from_slice(&bytes[..n]);
            bytes = &bytes[n..];
            if self.held.len() < row_bytes {
                return Ok(());
            }
            let row = std::mem::take(&mut self.held);
            self.row(&row)?;
        }
        let (rows, rest) = bytes.split_at(bytes.len() / row_bytes * row_bytes);
        for row in rows.chunks_exact(row_bytes) {
            self.row(row)?;
        }
        self.held.extend_from_slice(rest);
        Ok(())
    }

    /// Pads the data, sets the sums, and gives the writer back.
    ///
    /// # Errors
    /// [`FitsError::Unwritable`] when not all bytes came, [`FitsError::Io`].
    pub fn finish(self) -> Result<W, FitsError> {
        self.table.finish()
    }

    fn row(&mut self, row: &[u8]) -> Result<(), FitsError> {
        let Some(n) = self.rows.next() else {
            let reason = "more bytes than the cut-out asked for".to_owned();
            return Err(FitsError::Unwritable { reason });
        };
        let per_row = self.cut.pixels_per_row;
        let end = (n + 1) * per_row;
        while let Some(pixel) = self.pixels.next_if(|pixel| *pixel < end) {
            let within = (pixel - n * per_row) as usize;
            self.out_row.clear();
            match self.cut.has_long_pixels {
                true => self.out_row.extend((pixel as i64).to_be_bytes()),
                false => self.out_row.extend((pixel as i32).to_be_bytes()),
            }
            for column in &self.cut.columns {
                let n_bytes = column.kind.n_bytes() as usize;
                let at = column.offset_bytes as usize + within * n_bytes;
                self.out_row.extend_from_slice(&row[at..at + n_bytes]);
            }
            self.table.raw_row(&self.out_row)?;
        }
        Ok(())
    }
}

/// Whether the map can be cut; its columns.
fn check(hdu: &Hdu, map: &Healpix) -> Result<Vec<Column>, CutError> {
    let columns = hdu.columns()?;
    let explicit = |text: &str| text.trim().eq_ignore_ascii_case("EXPLICIT");
    let named_pixel = |column: &Column| column.name.trim().eq_ignore_ascii_case("PIXEL");
    if map.indxschm.as_deref().is_some_and(explicit) || columns.first().is_some_and(named_pixel) {
        return Err(CutError::Explicit);
    }
    if map.ordering != Some(Ordering::Nested) {
        return Err(CutError::NotNested);
    }
    for column in &columns {
        let is_number = matches!(
            column.kind,
            ColumnType::Byte
                | ColumnType::Short
                | ColumnType::Int
                | ColumnType::Long
                | ColumnType::Float
                | ColumnType::Double
        );
        if !is_number || column.repeat != map.pixels_per_row {
            let (name, format) = (column.name.clone(), column.format.clone());
            return Err(CutError::Column { name, format });
        }
    }
    let row_bytes = hdu.shape()?.first().copied().unwrap_or(0);
    let whole = hdu.n_rows().checked_mul(map.pixels_per_row) == Some(map.n_pixels());
    let fits = (1..=MAX_ROW_BYTES).contains(&row_bytes);
    let from_zero = map.firstpix.is_none_or(|first| first == 0);
    if !whole || !fits || !from_zero || !map.nside.is_power_of_two() {
        return Err(CutError::NotWhole { nside: map.nside });
    }
    Ok(columns)
}

fn is_galactic(map: &Healpix) -> Result<bool, CutError> {
    let found = map.coordsys.as_deref().unwrap_or_default().trim();
    match found.to_ascii_uppercase().as_str() {
        "G" | "GAL" | "GALACTIC" => Ok(true),
        "C" | "Q" | "CELESTIAL" | "EQUATORIAL" | "ICRS" => Ok(false),
        _ => Err(CutError::Axes {
            found: found.to_owned(),
        }),
    }
}

/// The rows that hold these pixels; those with little between them are joined, and more where there would be too many.
fn rows(pixels: &[Range<u64>], per_row: u64, row_bytes: u64) -> Vec<Range<u64>> {
    let mut gap = GAP_BYTES / row_bytes.max(1);
    loop {
        let mut rows: Vec<Range<u64>> = Vec::new();
        for range in pixels {
            let next = range.start / per_row..range.end.div_ceil(per_row);
            match rows.last_mut() {
                Some(last) if next.start <= last.end + gap => last.end = last.end.max(next.end),
                _ => rows.push(next),
            }
        }
        if rows.len() <= MAX_RANGES {
            return rows;
        }
        gap = gap.saturating_mul(2).max(1);
    }
}

/// Cards that say how the table is built, or which the cut-out has its own of.
const OWN: [&str; 24] = [
    "SIMPLE", "XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "PCOUNT", "GCOUNT", "TFIELDS",
    "EXTEND", "CHECKSUM", "DATASUM", "FIRSTPIX", "LASTPIX", "PIXTYPE", "ORDERING", "NSIDE",
    "COORDSYS", "INDXSCHM", "OBJECT", "OBS_NPIX", "GRAIN", "THEAP", "END",
];
/// What is told of each column by cards of its own; it keeps its number and one more.
const OF_COLUMNS: [&str; 5] = ["TNULL", "TSCAL", "TZERO", "TDISP", "TUCD"];
/// The same, but said otherwise in the cut-out, or not any more so.
const BUILT: [&str; 5] = ["TTYPE", "TFORM", "TUNIT", "TDIM", "TBCOL"];
/// Characters of a line of HISTORY.
const LINE: usize = 72;

fn layout(
    primary: Option<&Hdu>,
    hdu: &Hdu,
    map: &Healpix,
    columns: &[Column],
    (n_pixels, cone, from): (u64, Cone, &str),
) -> Layout {
    let pixel = match i32::try_from(map.n_pixels()) {
        Ok(_) => ColumnType::Int,
        Err(_) => ColumnType::Long,
    };
    let mut new = vec![NewColumn::new("PIXEL", pixel)];
    new.extend(columns.iter().map(|column| {
        let plain = NewColumn::new(&column.name, column.kind);
        match column.unit.as_deref() {
            Some(unit) => plain.unit(unit),
            None => plain,
        }
    }));
    let mut cards = vec![
        Card::text("PIXTYPE", "HEALPIX").with_comment("HEALPix pixelisation"),
        Card::text("ORDERING", "NESTED").with_comment("order of the pixels"),
        Card::int("NSIDE", i64::from(map.nside)),
        Card::text("COORDSYS", map.coordsys.as_deref().unwrap_or_default()),
        Card::text("INDXSCHM", "EXPLICIT").with_comment("PIXEL has the number of each pixel"),
        Card::text("OBJECT", "PARTIAL").with_comment("a part of the sky"),
        Card::int("OBS_NPIX", i64::try_from(n_pixels).unwrap_or(i64::MAX)),
    ];
    cards.extend(hdu.cards.iter().filter_map(carried));
    let Cone { ra, dec, radius } = cone;
    let told = format!(
        "Cut out by Gantry {} {from}: the pixels that the cone at RA {ra} Dec {dec} of radius {radius} degrees (ICRS) touches, and a few beside its edge.",
        env!("CARGO_PKG_VERSION")
    );
    cards.extend(lines(&told).map(|line| Card::new("HISTORY", Value::Commentary(line))));
    Layout {
        primary: primary
            .map(|first| first.cards.iter().filter_map(carried).collect())
            .unwrap_or_default(),
        cards,
        columns: new,
        n_rows: n_pixels,
        checksums: true,
    }
}

/// A card as it stands in the cut-out; one that does not fit a line of its own is left out.
fn carried(card: &Card) -> Option<Card> {
    let keyword = card.keyword.to_ascii_uppercase();
    if OWN.contains(&keyword.as_str()) {
        return None;
    }
    let stem = keyword.trim_end_matches(|c: char| c.is_ascii_digit());
    let number: Option<u32> = keyword[stem.len()..].parse().ok();
    let mut carried = card.clone();
    if let Some(number) = number {
        if BUILT.contains(&stem) {
            return None;
        }
        if OF_COLUMNS.contains(&stem) {
            carried.keyword = format!("{stem}{}", number.checked_add(1)?);
        }
    }
    carried.encode().is_ok().then_some(carried)
}

/// A sentence in lines of a header; what is not ASCII becomes `?`.
fn lines(text: &str) -> impl Iterator<Item = String> {
    let plain = |c: char| if c.is_ascii_graphic() { c } else { '?' };
    let mut lines = vec![String::new()];
    for word in text.split_ascii_whitespace() {
        let mut word: String = word.chars().map(plain).collect();
        // A name may be longer than a line.
        while word.len() > LINE {
            let rest = word.split_off(LINE);
            lines.push(std::mem::replace(&mut word, rest));
        }
        match lines.last_mut() {
            Some(line) if line.is_empty() => *line = word,
            Some(line) if line.len() + 1 + word.len() <= LINE => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines.into_iter()
}
