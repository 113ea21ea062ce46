//! IONEX: maps of the ionosphere's electron content over latitude, longitude and height.
//!
//! The header is read strictly; maps are counted, and what is wrong with them is told in [`Ionex::faults`].

use std::io::Read;

use crate::epoch::epoch;
use crate::lines::{Lines, TextError, field, note, number, some};
use crate::rinex::Time;

/// The most lines of a file that are read; a day of maps each 15 minutes has some 100,000.
pub const MAX_LINES: u64 = 20_000_000;

/// One axis of the grid.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Axis {
    /// The first value.
    pub from: f64,
    /// The last value.
    pub to: f64,
    /// The step; 0 if there is one value only, negative from north to south.
    pub step: f64,
}

/// What an IONEX file is about, and whether its body keeps what its header says.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Ionex {
    /// As written, such as `1.0`.
    pub version: String,
    /// The satellite system or theoretical model, such as `GPS` or `GNS`.
    pub system: Option<String>,
    /// The program that wrote the file.
    pub program: Option<String>,
    /// Who ran it, such as `AIUB`.
    pub agency: Option<String>,
    /// When, as written.
    pub created: Option<String>,
    /// EPOCH OF FIRST MAP, UT.
    pub first: Time,
    /// EPOCH OF LAST MAP, UT; for a whole day it belongs to the next.
    pub last: Time,
    /// INTERVAL, seconds; 0 if the maps do not stand at equal steps.
    pub interval_s: Option<f64>,
    /// Maps by the header, each kind on its own.
    pub n_maps_announced: u64,
    /// Maps of total electron content in the body.
    pub n_tec_maps: u64,
    /// Maps of their errors in the body.
    pub n_rms_maps: u64,
    /// Maps of heights in the body.
    pub n_height_maps: u64,
    /// LAT1 / LAT2 / DLAT, degrees.
    pub latitude_deg: Axis,
    /// LON1 / LON2 / DLON, degrees.
    pub longitude_deg: Axis,
    /// HGT1 / HGT2 / DHGT, kilometres.
    pub height_km: Axis,
    /// BASE RADIUS, kilometres.
    pub base_radius_km: Option<f64>,
    /// Values times ten to this are TECU; −1 unless the header says otherwise.
    pub exponent: i32,
    /// MAPPING FUNCTION; `NONE` if there is none.
    pub mapping_function: Option<String>,
    /// # OF STATIONS.
    pub n_stations: Option<u32>,
    /// # OF SATELLITES.
    pub n_satellites: Option<u32>,
    /// Whether END OF FILE ends it.
    pub ended: bool,
    /// What is wrong with the body, in sentences with line numbers, 32 at most.
    pub faults: Vec<String>,
}

/// Reads an IONEX file that is not compressed.
///
/// # Errors
/// [`TextError::Line`] naming the line and its fault: no IONEX, no end of the header, a header
/// without times, grid or number of maps, more than [`MAX_LINES`] lines.
pub fn read(reader: impl Read) -> Result<Ionex, TextError> {
    let mut lines = Lines::new(reader);
    let mut header = Header::default();
    loop {
        let Some(line) = next(&mut lines)? else {
            let line = lines.number + 1;
            let fault = "the file ends before END OF HEADER".to_owned();
            return Err(TextError::Line { line, fault });
        };
        let (is_first, label) = (lines.number == 1, field(&line, 60, 80));
        if is_first && label != "IONEX VERSION / TYPE" {
            return Err(lines.fault("no `IONEX VERSION / TYPE` in column 61"));
        }
        if label == "END OF HEADER" {
            break;
        }
        header
            .line(&line, label)
            .map_err(|fault| lines.fault(fault))?;
    }
    let mut ionex = header.finish().map_err(|fault| lines.fault(fault))?;
    let mut maps = Maps::default();
    while let Some(line) = next(&mut lines)? {
        let label = field(&line, 60, 80);
        if label == "END OF FILE" {
            ionex.ended = true;
            break;
        }
        maps.line(&mut ionex.faults, label, lines.number);
    }
    maps.finish(&mut ionex, lines.number);
    Ok(ionex)
}

fn next<R: Read>(lines: &mut Lines<R>) -> Result<Option<String>, TextError> {
    if lines.number >= MAX_LINES {
        return Err(lines.fault(format!("the file has more than {MAX_LINES} lines")));
    }
    Ok(lines.next()?.map(ToOwned::to_owned))
}

/// A header that is being read.
#[derive(Default)]
struct Header {
    version: String,
    system: Option<String>,
    run: [Option<String>; 3],
    first: Option<Time>,
    last: Option<Time>,
    interval_s: Option<f64>,
    n_maps: Option<u64>,
    axes: [Option<Axis>; 3],
    base_radius_km: Option<f64>,
    exponent: Option<i32>,
    mapping_function: Option<String>,
    n_stations: Option<u32>,
    n_satellites: Option<u32>,
}

impl Header {
    fn line(&mut self, line: &str, label: &str) -> Result<(), String> {
        let wrong = |text: &str| format!("{label}: `{text}` is no number");
        let cell = |from, to| field(line, from, to);
        let float = |from, to| number(cell(from, to)).ok_or_else(|| wrong(cell(from, to)));
        let count = || cell(0, 6).parse().map_err(|_| wrong(cell(0, 6)));
        match label {
            "IONEX VERSION / TYPE" => {
                let version = cell(0, 20);
                if number(version).is_none() {
                    return Err(format!("`{version}` is no IONEX version"));
                }
                if !cell(20, 40).starts_with('I') {
                    return Err(format!("`{}` are no ionosphere maps", cell(20, 40)));
                }
                version.clone_into(&mut self.version);
                self.system = some(cell(40, 60));
            }
            "PGM / RUN BY / DATE" => {
                self.run = [(0, 20), (20, 40), (40, 60)].map(|(from, to)| some(cell(from, to)));
            }
            "EPOCH OF FIRST MAP" => self.first = Some(time(line, label)?),
            "EPOCH OF LAST MAP" => self.last = Some(time(line, label)?),
            "INTERVAL" => self.interval_s = Some(float(0, 6)?),
            "# OF MAPS IN FILE" => {
                self.n_maps = Some(cell(0, 6).parse().map_err(|_| wrong(cell(0, 6)))?);
            }
            "MAPPING FUNCTION" => self.mapping_function = some(cell(0, 60)),
            "# OF STATIONS" => self.n_stations = Some(count()?),
            "# OF SATELLITES" => self.n_satellites = Some(count()?),
            "BASE RADIUS" => self.base_radius_km = Some(float(0, 8)?),
            "EXPONENT" => {
                let exponent: i32 = cell(0, 6).parse().map_err(|_| wrong(cell(0, 6)))?;
                self.exponent = Some(exponent);
            }
            "LAT1 / LAT2 / DLAT" | "LON1 / LON2 / DLON" | "HGT1 / HGT2 / DHGT" => {
                let axis = Axis {
                    from: float(2, 8)?,
                    to: float(8, 14)?,
                    step: float(14, 20)?,
                };
                let at = ["LA", "LO", "HG"]
                    .iter()
                    .position(|name| label.starts_with(name));
                if let Some(place) = at.and_then(|at| self.axes.get_mut(at)) {
                    *place = Some(axis);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<Ionex, String> {
        let lacks = |what: &str| format!("the header ends without {what}");
        let [latitude, longitude, height] = self.axes;
        let [program, agency, created] = self.run;
        Ok(Ionex {
            version: self.version,
            system: self.system,
            program,
            agency,
            created,
            first: self.first.ok_or_else(|| lacks("EPOCH OF FIRST MAP"))?,
            last: self.last.ok_or_else(|| lacks("EPOCH OF LAST MAP"))?,
            interval_s: self.interval_s,
            n_maps_announced: self.n_maps.ok_or_else(|| lacks("# OF MAPS IN FILE"))?,
            n_tec_maps: 0,
            n_rms_maps: 0,
            n_height_maps: 0,
            latitude_deg: latitude.ok_or_else(|| lacks("LAT1 / LAT2 / DLAT"))?,
            longitude_deg: longitude.ok_or_else(|| lacks("LON1 / LON2 / DLON"))?,
            height_km: height.ok_or_else(|| lacks("HGT1 / HGT2 / DHGT"))?,
            base_radius_km: self.base_radius_km,
            exponent: self.exponent.unwrap_or(-1),
            mapping_function: self.mapping_function,
            n_stations: self.n_stations,
            n_satellites: self.n_satellites,
            ended: false,
            faults: Vec::new(),
        })
    }
}

fn time(line: &str, label: &str) -> Result<Time, String> {
    let parts = [0, 6, 12, 18, 24, 30].map(|at| field(line, at, at + 6));
    epoch(parts, Some("UT")).map_err(|fault| format!("{label}: {fault}"))
}

/// Maps that are counted: TEC, RMS and height.
#[derive(Default)]
struct Maps {
    n: [u64; 3],
    /// The kind that is open, and the line it began at.
    open: Option<(usize, u64)>,
}

impl Maps {
    const KINDS: [&'static str; 3] = ["TEC", "RMS", "HEIGHT"];

    fn line(&mut self, faults: &mut Vec<String>, label: &str, at: u64) {
        let kind = |start: &str| {
            let name = label.strip_prefix(start)?.strip_suffix(" MAP")?;
            Self::KINDS.iter().position(|known| *known == name)
        };
        if let Some(kind) = kind("START OF ") {
            self.note_open(faults);
            self.open = Some((kind, at));
        } else if let Some(kind) = kind("END OF ") {
            match self.open.take() {
                Some((begun, _)) if begun == kind => {
                    if let Some(n) = self.n.get_mut(kind) {
                        *n += 1;
                    }
                }
                _ => note(
                    faults,
                    at,
                    format_args!("{label} ends no map that was begun"),
                ),
            }
        }
    }

    fn note_open(&self, faults: &mut Vec<String>) {
        if let Some((_, at)) = self.open {
            note(faults, at, "the map that begins here does not end");
        }
    }

    fn finish(self, ionex: &mut Ionex, last: u64) {
        self.note_open(&mut ionex.faults);
        [ionex.n_tec_maps, ionex.n_rms_maps, ionex.n_height_maps] = self.n;
        let announced = ionex.n_maps_announced;
        for (name, n) in Self::KINDS.iter().zip(self.n) {
            if n != announced && (n > 0 || *name == "TEC") {
                let fault = format!("{announced} maps are announced and {n} {name} maps found");
                note(&mut ionex.faults, last, fault);
            }
        }
        if !ionex.ended {
            note(&mut ionex.faults, last, "the file ends without END OF FILE");
        }
    }
}
