//! Headers: everything before `END OF HEADER`.

use std::io::Read;

use crate::lines::{Lines, TextError, field, number};

/// The most header lines that are read; the longest real ones list some thousand stations.
pub const MAX_HEADER_LINES: u64 = 20_000;
/// Letters of satellite systems: RINEX's own, mixed, and D of DORIS.
const SYSTEMS: &str = "GREJCISMD";

/// What a RINEX file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Ranges, phases and signal strengths of a receiver.
    Observation,
    /// Broadcast ephemerides.
    Navigation,
    /// Weather at a station.
    Meteorological,
    /// Clocks of satellites and receivers.
    Clock,
}

/// A time as the header writes it, in its own time system.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Time {
    /// Four digits.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to below 61.
    pub second: f64,
    /// `GPS`, `GLO`, `DOR` and so on, if the line says it.
    pub system: Option<String>,
}

/// A receiver or an antenna.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// Serial number; empty if blank.
    pub serial: String,
    /// IGS type name, for antennas with the radome in its last four columns.
    pub kind: String,
    /// Firmware of a receiver; empty for antennas.
    pub version: String,
}

/// A model that was applied, from `SYS / PCVS APPLIED`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Letter of the satellite system.
    pub system: char,
    /// The program that applied it.
    pub program: String,
    /// The model, such as `IGS14`.
    pub source: String,
}

/// The header of a RINEX file.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// As written, such as `2.11`; `2` in very old files.
    pub version: String,
    /// What the file holds.
    pub kind: Kind,
    /// Letter of the satellite system, M if mixed, D for DORIS; none for weather and many clocks.
    pub system: Option<char>,
    /// The version of the Hatanaka format around it, if there is one.
    pub crinex: Option<String>,
    /// MARKER NAME.
    pub marker_name: Option<String>,
    /// MARKER NUMBER, mostly the DOMES number.
    pub marker_number: Option<String>,
    /// REC # / TYPE / VERS.
    pub receiver: Option<Device>,
    /// ANT # / TYPE.
    pub antenna: Option<Device>,
    /// APPROX POSITION XYZ, ITRF metres; none if blank or all zero. (DORIS: offsets in the satellite.)
    pub position_m: Option<[f64; 3]>,
    /// INTERVAL, seconds.
    pub interval_s: Option<f64>,
    /// TIME OF FIRST OBS.
    pub first: Option<Time>,
    /// TIME OF LAST OBS.
    pub last: Option<Time>,
    /// TIME SYSTEM ID of clocks, otherwise that of the first observation.
    pub time_system: Option<String>,
    /// Observation types by system letter; a blank letter where all systems share them (RINEX 2,
    /// weather).
    pub observation_types: Vec<(char, Vec<String>)>,
    /// Antenna models applied (clocks).
    pub pcvs: Vec<Applied>,
    /// ANALYSIS CENTER (clocks).
    pub analysis_centre: Option<String>,
    /// LEAP SECONDS.
    pub leap_seconds: Option<i32>,
    /// How many lines the header has, those of Hatanaka not counted.
    pub n_lines: u64,
}

impl Header {
    /// Reads the header of a RINEX or Hatanaka file that is not compressed otherwise.
    ///
    /// # Errors
    /// [`TextError::Line`] naming the line and its fault: no RINEX, no end of the header, a number
    /// that is none, a list of observation types that differs from its count.
    pub fn read(reader: impl Read) -> Result<Self, TextError> {
        Self::from_lines(&mut Lines::new(reader))
    }

    pub(crate) fn from_lines<R: Read>(lines: &mut Lines<R>) -> Result<Self, TextError> {
        let mut first = owned(lines)?;
        let mut crinex = None;
        if field(&first, 60, 80).starts_with("CRINEX VERS") {
            crinex = Some(field(&first, 0, 20).to_owned());
            owned(lines)?;
            first = owned(lines)?;
        }
        let before = lines.number - 1;
        let mut reading = Reading::start(&first, crinex).map_err(|fault| lines.fault(fault))?;
        loop {
            if lines.number - before >= MAX_HEADER_LINES {
                return Err(lines.fault(format!(
                    "the header does not end within {MAX_HEADER_LINES} lines"
                )));
            }
            let line = owned(lines)?;
            let label = line.get(reading.label_at..).unwrap_or("").trim();
            if label == "END OF HEADER" {
                break;
            }
            reading
                .line(&line, label)
                .map_err(|fault| lines.fault(fault))?;
        }
        reading.header.n_lines = lines.number - before;
        reading.finish().map_err(|(line, fault)| TextError::Line {
            line: line + before,
            fault,
        })
    }
}

fn owned<R: Read>(lines: &mut Lines<R>) -> Result<String, TextError> {
    match lines.next()? {
        Some(line) => Ok(line.to_owned()),
        None => Err(TextError::Line {
            line: lines.number + 1,
            fault: "the file ends before END OF HEADER".to_owned(),
        }),
    }
}

/// A header that is being read.
struct Reading {
    header: Header,
    /// Column of the labels, from 0.
    label_at: usize,
    line_number: u64,
    /// Announced number of types, and the line that announced it, per entry of observation_types.
    announced: Vec<(usize, u64)>,
}

impl Reading {
    fn start(line: &str, crinex: Option<String>) -> Result<Self, String> {
        const LABEL: &str = "RINEX VERSION / TYPE";
        let label_at = [60, 65]
            .into_iter()
            .find(|at| line.get(*at..).is_some_and(|rest| rest.starts_with(LABEL)))
            .ok_or_else(|| format!("no `{LABEL}` in column 61 or 66"))?;
        let (version, kind, system) = match label_at {
            60 => (field(line, 0, 20), field(line, 20, 40), field(line, 40, 60)),
            _ => (field(line, 0, 21), field(line, 21, 42), field(line, 42, 65)),
        };
        let number: f64 = version
            .parse()
            .map_err(|_| format!("`{version}` is no RINEX version"))?;
        if !(1.0..5.0).contains(&number) {
            return Err(format!("RINEX {version} is not known; 2, 3 and 4 are"));
        }
        let (kind, implied) = kind_of(kind, number)?;
        let header = Header {
            version: version.to_owned(),
            kind,
            system: implied.or(system_of(system)?).or_else(|| {
                // RINEX 2 lets a blank mean GPS.
                (kind == Kind::Observation && number < 3.0).then_some('G')
            }),
            crinex,
            marker_name: None,
            marker_number: None,
            receiver: None,
            antenna: None,
            position_m: None,
            interval_s: None,
            first: None,
            last: None,
            time_system: None,
            observation_types: Vec::new(),
            pcvs: Vec::new(),
            analysis_centre: None,
            leap_seconds: None,
            n_lines: 0,
        };
        Ok(Self {
            header,
            label_at,
            line_number: 1,
            announced: Vec::new(),
        })
    }

    fn line(&mut self, line: &str, label: &str) -> Result<(), String> {
        self.line_number += 1;
        let body = line.get(..self.label_at.min(line.len())).unwrap_or("");
        let header = &mut self.header;
        match label {
            "MARKER NAME" | "SATELLITE NAME" => header.marker_name = some(body),
            "MARKER NUMBER" => header.marker_number = some(field(body, 0, 20)),
            "REC # / TYPE / VERS" => header.receiver = Some(device(body)),
            "ANT # / TYPE" => header.antenna = Some(device(body)),
            "APPROX POSITION XYZ" => header.position_m = position(body)?,
            "INTERVAL" if !field(body, 0, 10).is_empty() => {
                header.interval_s = Some(float(body, 0, 10, label)?);
            }
            "TIME OF FIRST OBS" => header.first = Some(time(body, label)?),
            "TIME OF LAST OBS" => header.last = Some(time(body, label)?),
            "TIME SYSTEM ID" => header.time_system = some(body),
            "ANALYSIS CENTER" => header.analysis_centre = some(body),
            "LEAP SECONDS" => {
                let text = field(body, 0, 6);
                let seconds = text.parse();
                header.leap_seconds =
                    Some(seconds.map_err(|_| format!("{label}: `{text}` is no whole number"))?);
            }
            "SYS / PCVS APPLIED" => {
                let shift = usize::from(self.label_at == 65);
                header.pcvs.push(Applied {
                    system: body.chars().next().unwrap_or(' '),
                    program: field(body, 1, 19 + shift).to_owned(),
                    source: field(body, 19 + shift, self.label_at).to_owned(),
                });
            }
            "SYS / # / OBS TYPES" => {
                self.types(field(body, 0, 1), field(body, 3, 6), body, 6, 4)?
            }
            "# / TYPES OF OBSERV" => self.types("", field(body, 0, 6), body, 6, 6)?,
            _ => {}
        }
        Ok(())
    }

    /// Adds the types of a line: from column `from` on, each `width` columns wide.
    fn types(
        &mut self,
        system: &str,
        count: &str,
        body: &str,
        from: usize,
        width: usize,
    ) -> Result<(), String> {
        if !count.is_empty() {
            let count = count
                .parse()
                .map_err(|_| format!("`{count}` is no number of observation types"))?;
            let system = system.chars().next().unwrap_or(' ');
            self.header.observation_types.push((system, Vec::new()));
            self.announced.push((count, self.line_number));
        }
        let Some((_, types)) = self.header.observation_types.last_mut() else {
            return Err("observation types are continued before they begin".to_owned());
        };
        let cells = (from..body.len()).step_by(width);
        types.extend(
            cells
                .map(|at| field(body, at, at + width).to_owned())
                .filter(|name| !name.is_empty()),
        );
        Ok(())
    }

    fn finish(mut self) -> Result<Header, (u64, String)> {
        for ((system, types), (count, line)) in
            self.header.observation_types.iter().zip(&self.announced)
        {
            if types.len() != *count {
                let of = match system {
                    ' ' => String::new(),
                    letter => format!(" of system {letter}"),
                };
                let listed = types.len();
                return Err((
                    *line,
                    format!("{count} observation types{of} are announced and {listed} listed"),
                ));
            }
        }
        if self.header.time_system.is_none() {
            self.header.time_system = self.header.first.as_ref().and_then(|t| t.system.clone());
        }
        Ok(self.header)
    }
}

/// The kind by the type letter, and the system where RINEX 2 hides it in that letter.
fn kind_of(text: &str, version: f64) -> Result<(Kind, Option<char>), String> {
    let old = version < 3.0;
    Ok(match text.chars().next().map(|c| c.to_ascii_uppercase()) {
        Some('O') => (Kind::Observation, None),
        Some('M') => (Kind::Meteorological, None),
        Some('C') => (Kind::Clock, None),
        Some('N') => (Kind::Navigation, old.then_some('G')),
        Some('G') if old => (Kind::Navigation, Some('R')),
        Some('H') if old => (Kind::Navigation, Some('S')),
        Some('L' | 'E') if old => (Kind::Navigation, Some('E')),
        _ => return Err(format!("`{text}` is no type of RINEX file")),
    })
}

/// The letter of a system; some programs write the name instead.
fn system_of(text: &str) -> Result<Option<char>, String> {
    let upper = text.to_ascii_uppercase();
    Ok(match upper.as_str() {
        "" => None,
        "GLONASS" => Some('R'),
        "GALILEO" => Some('E'),
        "BEIDOU" | "BDS" => Some('C'),
        _ => Some(
            upper
                .chars()
                .next()
                .filter(|letter| SYSTEMS.contains(*letter))
                .ok_or_else(|| format!("`{text}` is no satellite system"))?,
        ),
    })
}

fn some(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn device(body: &str) -> Device {
    Device {
        serial: field(body, 0, 20).to_owned(),
        kind: field(body, 20, 40).to_owned(),
        version: field(body, 40, 60).to_owned(),
    }
}

fn float(body: &str, from: usize, to: usize, label: &str) -> Result<f64, String> {
    let text = field(body, from, to);
    number(text).ok_or_else(|| format!("{label}: `{text}` is no number"))
}

fn position(body: &str) -> Result<Option<[f64; 3]>, String> {
    if body.trim().is_empty() {
        return Ok(None);
    }
    let mut xyz = [0.0; 3];
    for (i, value) in xyz.iter_mut().enumerate() {
        *value = float(body, 14 * i, 14 * (i + 1), "APPROX POSITION XYZ")?;
    }
    Ok(Some(xyz).filter(|xyz| xyz.iter().any(|value| *value != 0.0)))
}

/// A time of six numbers, five of them six columns wide, and its system.
fn time(body: &str, label: &str) -> Result<Time, String> {
    let whole = |i: usize, range: std::ops::RangeInclusive<u16>| {
        let text = field(body, 6 * i, 6 * (i + 1));
        let value = text.parse().ok().filter(|value| range.contains(value));
        value.ok_or_else(|| format!("{label}: `{text}` is out of its range or no whole number"))
    };
    let narrow = |value: u16| u8::try_from(value).unwrap_or(u8::MAX);
    let second = float(body, 30, 43, label)?;
    if !(0.0..61.0).contains(&second) {
        return Err(format!("{label}: `{second}` is no second of a minute"));
    }
    Ok(Time {
        year: whole(0, 0..=9999).map(four_digits)?,
        month: narrow(whole(1, 1..=12)?),
        day: narrow(whole(2, 1..=31)?),
        hour: narrow(whole(3, 0..=23)?),
        minute: narrow(whole(4, 0..=59)?),
        second,
        system: some(field(body, 43, 60)),
    })
}

/// Two digits of a year: 80 to 99 are 19yy, the others 20yy.
pub(super) fn four_digits(year: u16) -> u16 {
    match year {
        0..=79 => year + 2000,
        80..=99 => year + 1900,
        _ => year,
    }
}
