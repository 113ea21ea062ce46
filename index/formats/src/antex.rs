//! ANTEX: where the phase centres of antennas are, of satellites and of receivers.

use std::io::Read;

use crate::lines::{Lines, TextError, field, note, number, some};

/// The most lines of a file that are read; the IGS's own have about a million.
pub const MAX_LINES: u64 = 20_000_000;

/// What an ANTEX file is about.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Antex {
    /// As written, such as `1.4`.
    pub version: String,
    /// Letter of the satellite system, M if mixed.
    pub system: Option<char>,
    /// A if the patterns are absolute, R if relative to `reference_antenna`.
    pub pattern: Option<char>,
    /// The antenna that relative patterns refer to.
    pub reference_antenna: Option<String>,
    /// Antennas that begin in the body.
    pub n_antennas: u64,
    /// Those among them that fly, which have a satellite's code such as `G032`.
    pub n_satellite_antennas: u64,
    /// The SINEX code of the first antenna that has one, which names the model: `IGS14_2247`.
    pub sinex_code: Option<String>,
    /// What is wrong with the body, in sentences with line numbers, 32 at most.
    pub faults: Vec<String>,
}

/// Reads an ANTEX file that is not compressed.
///
/// # Errors
/// [`TextError::Line`] naming the line and its fault: no ANTEX, a version that is none, no end of
/// the header, more than [`MAX_LINES`] lines.
pub fn read(reader: impl Read) -> Result<Antex, TextError> {
    let mut lines = Lines::new(reader);
    let first = lines.next()?.unwrap_or("").to_owned();
    let mut antex = start(&first).map_err(|fault| TextError::Line { line: 1, fault })?;
    let (mut in_header, mut open) = (true, None);
    loop {
        let at = lines.number + 1;
        if at > MAX_LINES {
            return Err(lines.fault(format!("the file has more than {MAX_LINES} lines")));
        }
        let Some(line) = lines.next()? else { break };
        match field(line, 60, 80) {
            "END OF HEADER" => in_header = false,
            "PCV TYPE / REFANT" if in_header => {
                antex.pattern = line.chars().next().filter(|c| *c != ' ');
                antex.reference_antenna = some(field(line, 20, 40));
            }
            "START OF ANTENNA" => {
                if let Some(begun) = open.replace(at) {
                    note(&mut antex.faults, begun, UNENDED);
                }
                antex.n_antennas += 1;
            }
            "TYPE / SERIAL NO" => {
                antex.n_satellite_antennas += u64::from(!field(line, 40, 50).is_empty());
            }
            "SINEX CODE" if antex.sinex_code.is_none() => {
                antex.sinex_code = some(field(line, 0, 10));
            }
            "END OF ANTENNA" => open = None,
            _ => {}
        }
    }
    if in_header {
        let line = lines.number + 1;
        let fault = "the file ends before END OF HEADER".to_owned();
        return Err(TextError::Line { line, fault });
    }
    if let Some(begun) = open {
        note(&mut antex.faults, begun, UNENDED);
    }
    Ok(antex)
}

const UNENDED: &str = "the antenna that begins here has no END OF ANTENNA";

fn start(line: &str) -> Result<Antex, String> {
    if field(line, 60, 80) != "ANTEX VERSION / SYST" {
        return Err("no `ANTEX VERSION / SYST` in column 61".to_owned());
    }
    let version = field(line, 0, 8);
    if number(version).is_none() {
        return Err(format!("`{version}` is no ANTEX version"));
    }
    Ok(Antex {
        version: version.to_owned(),
        system: field(line, 20, 21).chars().next(),
        pattern: None,
        reference_antenna: None,
        n_antennas: 0,
        n_satellite_antennas: 0,
        sinex_code: None,
        faults: Vec::new(),
    })
}
