//! Site logs: where a station stands and which receivers and antennas it has had.
//!
//! Two forms: the IGS's plain text, versions 1 and 2, and GeodesyML. Values in brackets are the
//! form's own hints and count as blank.

use std::io::{Cursor, Read};

use crate::lines::{Lines, TextError, note, number, some};
use crate::xml::{XmlError, XmlLimits};

mod geodesyml;

/// The most lines of a site log that are read; real ones have some thousands.
pub const MAX_LINES: u64 = 100_000;
/// The most receivers, and the most antennas.
pub const MAX_EQUIPMENT: usize = 1000;
/// Within how many lines the title must stand.
const TITLE_WITHIN: u64 = 30;
/// What GeodesyML may hold; real ones are below a megabyte.
const XML_LIMITS: XmlLimits = XmlLimits {
    text_bytes: 1 << 20,
    depth: 64,
    unpacked_bytes: 64 << 20,
};
const TITLE: &str = "Site Information Form";

/// Why a site log could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SiteLogError {
    /// A line of the plain form is wrong.
    #[error(transparent)]
    Text(#[from] TextError),
    /// GeodesyML that is no XML.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// XML of something else, or without a station.
    #[error("no site log: {0}")]
    NotOne(String),
}

/// The form of a site log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// The IGS's plain text.
    #[default]
    Text,
    /// XML.
    GeodesyMl,
}

/// A receiver or an antenna, and when it was at the station.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Equipment {
    /// IGS type name; of an antenna with its radome in the last four of twenty columns.
    pub kind: String,
    /// Serial number.
    pub serial: Option<String>,
    /// Firmware of a receiver.
    pub firmware: Option<String>,
    /// Satellite systems of a receiver, such as `GPS+GLO+GAL`.
    pub systems: Option<String>,
    /// Radome of an antenna; `NONE` if it has none.
    pub radome: Option<String>,
    /// Day or minute it was installed, ISO 8601 as written, UTC.
    pub installed: Option<String>,
    /// When it was removed; none while it stands.
    pub removed: Option<String>,
}

/// A station by its site log. Text that is not ASCII has `?` for its bytes in the plain form.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct SiteLog {
    /// Which form it has.
    pub form: Form,
    /// Four characters, upper case.
    pub id: String,
    /// Nine characters, upper case; older logs have none.
    pub long_id: Option<String>,
    /// The name of the site.
    pub name: Option<String>,
    /// IERS DOMES number.
    pub domes: Option<String>,
    /// The day the log was prepared.
    pub prepared: Option<String>,
    /// City or town.
    pub city: Option<String>,
    /// Country or region, as written.
    pub country: Option<String>,
    /// Approximate position, ITRF metres.
    pub position_m: Option<[f64; 3]>,
    /// Geodetic latitude, degrees north.
    pub latitude_deg: Option<f64>,
    /// Longitude, degrees east, −180 to 180 as written.
    pub longitude_deg: Option<f64>,
    /// Height above the ellipsoid, metres.
    pub height_m: Option<f64>,
    /// Receivers, in the log's order.
    pub receivers: Vec<Equipment>,
    /// Antennas, in the log's order.
    pub antennas: Vec<Equipment>,
    /// Values that could not be read, in sentences, 32 at most.
    pub faults: Vec<String>,
}

/// Reads a site log of either form, GeodesyML also within gzip.
///
/// # Errors
/// [`SiteLogError`] that says what is wrong: no title of a site log within 30 lines, no station id,
/// XML with another root, too many lines or devices.
pub fn read(mut reader: impl Read) -> Result<SiteLog, SiteLogError> {
    let mut start = Vec::new();
    let io = |source| TextError::Io { line: 1, source };
    reader
        .by_ref()
        .take(64)
        .read_to_end(&mut start)
        .map_err(io)?;
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start);
    let is_xml = text.trim_ascii_start().starts_with(b"<") || start.starts_with(&[0x1f, 0x8b]);
    let whole = Cursor::new(start).chain(reader);
    if is_xml {
        geodesyml::read(whole, XML_LIMITS)
    } else {
        Ok(plain(whole)?)
    }
}

/// The plain form.
fn plain(reader: impl Read) -> Result<SiteLog, TextError> {
    let mut lines = Lines::new(reader);
    let mut reading = Plain::default();
    let mut titled = false;
    while let Some(line) = lines.next()? {
        titled |= line.contains(TITLE);
        let fault = reading.line(line).err();
        let at = lines.number;
        if !titled && at >= TITLE_WITHIN {
            return Err(lines.fault(format!("no `{TITLE}` within {TITLE_WITHIN} lines")));
        }
        if at >= MAX_LINES {
            return Err(lines.fault(format!("the site log has more than {MAX_LINES} lines")));
        }
        if let Some(fault) = fault {
            if reading.is_full() {
                return Err(lines.fault(fault));
            }
            note(&mut reading.log.faults, at, fault);
        }
    }
    let end = |fault: String| TextError::Line {
        line: lines.number + 1,
        fault,
    };
    if !titled {
        return Err(end(format!("the file ends without `{TITLE}`")));
    }
    let mut log = reading.log;
    if log.id.is_empty() {
        return Err(end(
            "the file ends without Four or Nine Character ID".to_owned()
        ));
    }
    log.position_m = match reading.xyz {
        [Some(x), Some(y), Some(z)] => Some([x, y, z]),
        _ => None,
    };
    Ok(log)
}

/// A plain site log that is being read.
#[derive(Default)]
struct Plain {
    log: SiteLog,
    /// The first number of the section, and whether it is one of the form's empty examples (`3.x`).
    section: u32,
    is_example: bool,
    xyz: [Option<f64>; 3],
}

impl Plain {
    fn is_full(&self) -> bool {
        self.log.receivers.len().max(self.log.antennas.len()) >= MAX_EQUIPMENT
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        let mut text = line;
        if let Some((number, rest)) = section(line) {
            self.section = number.split('.').next().unwrap_or("").parse().unwrap_or(0);
            self.is_example = number.contains('x');
            text = rest;
        }
        let Some((label, value)) = text.split_once(':') else {
            return Ok(());
        };
        let (label, value) = (label.trim(), value.trim());
        if self.is_example || label.is_empty() {
            return Ok(());
        }
        let value = Some(value).filter(|value| !value.is_empty() && !value.starts_with('('));
        match self.section {
            0 if label == "Date Prepared" => self.log.prepared = date(value)?,
            1 => self.identity(label, value)?,
            2 => self.place(label, value)?,
            3 => equipment(&mut self.log.receivers, label, "Receiver Type", value)?,
            4 => equipment(&mut self.log.antennas, label, "Antenna Type", value)?,
            _ => {}
        }
        Ok(())
    }

    fn identity(&mut self, label: &str, value: Option<&str>) -> Result<(), String> {
        let log = &mut self.log;
        match (label, value) {
            ("Four Character ID", Some(id)) => log.id = checked_id(id, 4)?,
            ("Nine Character ID", Some(id)) => {
                let id = checked_id(id, 9)?;
                id.get(..4).unwrap_or("").clone_into(&mut log.id);
                log.long_id = Some(id);
            }
            ("Site Name", _) => log.name = value.and_then(some),
            ("IERS DOMES Number", _) => log.domes = value.and_then(some),
            _ => {}
        }
        Ok(())
    }

    fn place(&mut self, label: &str, value: Option<&str>) -> Result<(), String> {
        let Some(value) = value else { return Ok(()) };
        let wrong = || format!("{label}: `{value}` is no number");
        let axis = ["X coordinate", "Y coordinate", "Z coordinate"];
        if let Some(axis) = axis.iter().position(|name| label.starts_with(name)) {
            if let Some(place) = self.xyz.get_mut(axis) {
                *place = Some(leading_number(value).ok_or_else(wrong)?);
            }
        } else if label.starts_with("Latitude") {
            self.log.latitude_deg = Some(degrees(value, 90.0).ok_or_else(wrong)?);
        } else if label.starts_with("Longitude") {
            self.log.longitude_deg = Some(degrees(value, 360.0).ok_or_else(wrong)?);
        } else if label.starts_with("Elevation") {
            self.log.height_m = Some(leading_number(value).ok_or_else(wrong)?);
        } else if label == "City or Town" {
            self.log.city = some(value);
        } else if label.starts_with("Country") {
            self.log.country = some(value);
        }
        Ok(())
    }
}

/// `3.`, `3.10` or `8.1.x` at the beginning of a line, and what follows.
fn section(line: &str) -> Option<(&str, &str)> {
    let (number, rest) = line.split_once(char::is_whitespace)?;
    let is_digit = number.starts_with(|c: char| c.is_ascii_digit());
    let known = number.contains('.') && number.chars().all(|c| matches!(c, '0'..='9' | '.' | 'x'));
    (is_digit && known).then_some((number, rest))
}

/// A value of the receiver or antenna that was begun last; `first` begins one.
fn equipment(
    all: &mut Vec<Equipment>,
    label: &str,
    first: &str,
    value: Option<&str>,
) -> Result<(), String> {
    if label == first {
        if all.len() >= MAX_EQUIPMENT {
            return Err(format!("more than {MAX_EQUIPMENT} of {first}"));
        }
        let kind = value.unwrap_or("").to_owned();
        all.push(Equipment {
            kind,
            ..Equipment::default()
        });
        return Ok(());
    }
    let Some(last) = all.last_mut() else {
        return Ok(());
    };
    match label {
        "Serial Number" => last.serial = value.and_then(some),
        "Firmware Version" => last.firmware = value.and_then(some),
        "Satellite System" => last.systems = value.and_then(some),
        "Antenna Radome Type" => last.radome = value.and_then(some),
        "Date Installed" => last.installed = date(value)?,
        "Date Removed" => last.removed = date(value)?,
        _ => {}
    }
    Ok(())
}

/// An id of letters and digits, as upper case.
fn checked_id(text: &str, n: usize) -> Result<String, String> {
    let sound = text.len() == n && text.bytes().all(|b| b.is_ascii_alphanumeric());
    sound
        .then(|| text.to_ascii_uppercase())
        .ok_or_else(|| format!("`{text}` is no id of {n} letters and digits"))
}

/// A date as written, if it is one; the form's `CCYY-MM-DD…` is blank.
fn date(value: Option<&str>) -> Result<Option<String>, String> {
    let Some(text) = value.filter(|text| !text.starts_with("CCYY")) else {
        return Ok(None);
    };
    let pattern = b"0000-00-00T00:00:00";
    let body = text.strip_suffix('Z').unwrap_or(text);
    let fits = body.bytes().zip(pattern).all(|(is, should)| match should {
        b'0' => is.is_ascii_digit(),
        other => is == *other,
    });
    let two = |at: usize| {
        body.get(at..at + 2)
            .and_then(|text| text.parse::<u8>().ok())
    };
    let ranges = [
        (5, 1, 12),
        (8, 1, 31),
        (11, 0, 24),
        (14, 0, 59),
        (17, 0, 60),
    ];
    let in_range = ranges
        .iter()
        .all(|(at, least, most)| two(*at).is_none_or(|value| (*least..=*most).contains(&value)));
    if fits && in_range && matches!(body.len(), 10 | 16 | 19) {
        return Ok(Some(text.to_owned()));
    }
    Err(format!("`{text}` is no date of year, month and day"))
}

/// The number a value begins with; a unit may follow.
fn leading_number(value: &str) -> Option<f64> {
    number(value.split_whitespace().next()?)
}

/// `±DDMMSS.ss` or `±DDDMMSS.ss` as degrees, `most` at most.
fn degrees(value: &str, most: f64) -> Option<f64> {
    let packed = leading_number(value)?;
    let size = packed.abs();
    let (whole, minutes) = ((size / 1e4).trunc(), (size / 100.0).trunc() % 100.0);
    let seconds = size % 100.0;
    let degrees = whole + minutes / 60.0 + seconds / 3600.0;
    (minutes < 60.0 && seconds < 60.0 && degrees <= most).then(|| degrees.copysign(packed))
}
