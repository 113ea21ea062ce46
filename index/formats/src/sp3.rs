//! SP3: positions (and velocities) of satellites at equal steps of time, versions a to d.
//!
//! Source: the descriptions of SP3-c and SP3-d at the IGS. The header is read strictly; the body is
//! counted, and what is wrong with it is told in [`Sp3::faults`], since archives hold such files.

use std::io::Read;

use crate::epoch::epoch;
use crate::lines::{Lines, TextError, field, note, number, some};
use crate::rinex::Time;

/// The most lines of a file that are read; a day of 120 satellites each 30 seconds has 350,000.
pub const MAX_LINES: u64 = 20_000_000;
/// The most satellites a header may list; SP3-d allows three digits.
const MAX_SATELLITES: usize = 999;

/// What an SP3 file is about, and whether its body keeps what its header says.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Sp3 {
    /// `a` to `d`.
    pub version: char,
    /// Whether velocities stand beside the positions (mode V).
    pub velocities: bool,
    /// The first epoch by the header, in `time_system`.
    pub first: Time,
    /// The number of epochs by the header.
    pub n_epochs_announced: u64,
    /// The number of epochs in the body.
    pub n_epochs: u64,
    /// Seconds from one epoch to the next, by the header.
    pub interval_s: f64,
    /// GPS week of the first epoch, by the header.
    pub gps_week: Option<u32>,
    /// The number of satellites by the header.
    pub n_satellites: usize,
    /// The satellites the header lists, such as `G01`; numbers without a letter are GPS.
    pub satellites: Vec<String>,
    /// The number of positions in the body.
    pub n_positions: u64,
    /// Positions that are flagged as predicted (column 80).
    pub n_predicted_positions: u64,
    /// Clocks that are flagged as predicted (column 76).
    pub n_predicted_clocks: u64,
    /// Data used, such as `ORBIT` or `d+D`.
    pub data_used: Option<String>,
    /// Reference frame, cut to five characters by the format: `IGS20`, `ITRF2`.
    pub frame: Option<String>,
    /// `FIT`, `BHN`, `HLM` and so on.
    pub orbit_type: Option<String>,
    /// Who made it, such as `ESOC`.
    pub agency: Option<String>,
    /// `GPS`, `UTC` and so on; SP3-a has no other than GPS.
    pub time_system: Option<String>,
    /// G for GPS only, M for mixed and so on; SP3-a and some others do not say.
    pub file_type: Option<char>,
    /// The antenna model of the comment `PCV:`, such as `IGS20_2274`.
    pub pcv: Option<String>,
    /// Whether `EOF` ends the file.
    pub ended: bool,
    /// What is wrong with the body, in sentences with line numbers, 32 at most.
    pub faults: Vec<String>,
}

/// Reads an SP3 file that is not compressed; one blank line before it is passed over.
///
/// # Errors
/// [`TextError::Line`] naming the line and its fault: an empty file, no SP3, a header without its
/// first lines or with numbers that are none, more than [`MAX_LINES`] lines.
pub fn read(reader: impl Read) -> Result<Sp3, TextError> {
    let mut lines = Lines::new(reader);
    let mut first = wanted(&mut lines, "`#a` to `#d`")?;
    if first.trim().is_empty() {
        first = wanted(&mut lines, "`#a` to `#d`")?;
    }
    let mut sp3 = start(&first).map_err(|fault| lines.fault(fault))?;
    let second = wanted(&mut lines, "`##`")?;
    sp3.interval_s = interval(&second).map_err(|fault| lines.fault(fault))?;
    sp3.gps_week = field(&second, 3, 7).parse().ok();
    let mut body = Body::default();
    loop {
        let at = lines.number;
        if at >= MAX_LINES {
            return Err(lines.fault(format!("the file has more than {MAX_LINES} lines")));
        }
        let Some(line) = lines.next()? else { break };
        if sp3.ended {
            if !line.trim().is_empty() {
                note(&mut sp3.faults, at + 1, "there is more after EOF");
                break;
            }
        } else if let Err(fault) = body.line(&mut sp3, line) {
            if sp3.n_epochs == 0 {
                return Err(lines.fault(fault));
            }
            note(&mut sp3.faults, at + 1, fault);
        }
    }
    body.finish(&mut sp3, lines.number);
    Ok(sp3)
}

fn wanted<R: Read>(lines: &mut Lines<R>, what: &str) -> Result<String, TextError> {
    match lines.next()? {
        Some(line) => Ok(line.to_owned()),
        None => Err(TextError::Line {
            line: lines.number + 1,
            fault: format!("the file ends where the line that begins with {what} should stand"),
        }),
    }
}

/// The first line.
fn start(line: &str) -> Result<Sp3, String> {
    let mut characters = line.chars();
    let version = match (characters.next(), characters.next()) {
        (Some('#'), Some(version @ 'a'..='d')) => version,
        _ => return Err("no SP3: the first line does not begin with `#a` to `#d`".to_owned()),
    };
    let velocities = match characters.next() {
        Some('V') => true,
        Some('P' | ' ') => false,
        _ => return Err(format!("`{}` is neither P nor V", field(line, 2, 3))),
    };
    let count = field(line, 32, 39);
    let system = (version == 'a').then_some("GPS");
    Ok(Sp3 {
        version,
        velocities,
        first: epoch(columns(line), system)?,
        n_epochs_announced: count
            .parse()
            .map_err(|_| format!("`{count}` is no number of epochs"))?,
        n_epochs: 0,
        interval_s: 0.0,
        gps_week: None,
        n_satellites: 0,
        satellites: Vec::new(),
        n_positions: 0,
        n_predicted_positions: 0,
        n_predicted_clocks: 0,
        data_used: some(field(line, 40, 45)),
        frame: some(field(line, 46, 51)),
        orbit_type: some(field(line, 52, 55)),
        agency: some(field(line, 56, 60)),
        time_system: system.map(ToOwned::to_owned),
        file_type: None,
        pcv: None,
        ended: false,
        faults: Vec::new(),
    })
}

/// The six numbers of a time in the first line and in those of epochs.
fn columns(line: &str) -> [&str; 6] {
    [(3, 7), (8, 10), (11, 13), (14, 16), (17, 19), (20, 31)]
        .map(|(from, to)| field(line, from, to))
}

/// The second line's step of time, seconds.
fn interval(line: &str) -> Result<f64, String> {
    if !line.starts_with("##") {
        return Err("the second line of SP3 does not begin with `##`".to_owned());
    }
    let text = field(line, 24, 38);
    let seconds = number(text).filter(|seconds| (0.0..100_000.0).contains(seconds));
    seconds.ok_or_else(|| format!("`{text}` is no interval of epochs in seconds"))
}

/// What is remembered from line to line after the second.
#[derive(Default)]
struct Body {
    n_count_lines: u64,
    n_type_lines: u64,
}

impl Body {
    fn line(&mut self, sp3: &mut Sp3, line: &str) -> Result<(), String> {
        match line.as_bytes() {
            [b'P', ..] => position(sp3, line),
            [b'*', ..] => {
                sp3.n_epochs += 1;
                epoch(columns(line), None).map(drop)
            }
            [b'+', b' ', ..] => self.satellites(sp3, line),
            [b'%', b'c', ..] => {
                self.n_type_lines += 1;
                if self.n_type_lines == 1 {
                    types(sp3, line);
                }
                Ok(())
            }
            [b'/', b'*', ..] => {
                if let Some(model) = line.split_once("PCV:") {
                    let model = model.1.split_whitespace().next();
                    sp3.pcv = sp3.pcv.take().or_else(|| model.map(ToOwned::to_owned));
                }
                Ok(())
            }
            _ if line.trim_end() == "EOF" => {
                sp3.ended = true;
                Ok(())
            }
            [b'+', b'+', ..] | [b'%', b'f' | b'i', ..] | [b'V', ..] | [b'E', b'P' | b'V', ..] => {
                Ok(())
            }
            _ if line.trim().is_empty() => Ok(()),
            _ => Err(format!("`{}` begins no line of SP3", field(line, 0, 2))),
        }
    }

    fn satellites(&mut self, sp3: &mut Sp3, line: &str) -> Result<(), String> {
        self.n_count_lines += 1;
        if self.n_count_lines == 1 {
            let text = field(line, 2, 6);
            let count = text.parse().ok().filter(|count| *count <= MAX_SATELLITES);
            sp3.n_satellites =
                count.ok_or_else(|| format!("`{text}` is no number of satellites"))?;
        }
        for at in (9..60).step_by(3) {
            let id = field(line, at, at + 3);
            if matches!(id, "" | "0" | "00") || sp3.satellites.len() >= sp3.n_satellites {
                continue;
            }
            sp3.satellites.push(match id.parse::<u16>() {
                Ok(number) => format!("G{number:02}"),
                Err(_) => id.replace(' ', "0"),
            });
        }
        Ok(())
    }

    fn finish(self, sp3: &mut Sp3, last: u64) {
        let mut faults = std::mem::take(&mut sp3.faults);
        let (announced, found) = (sp3.n_epochs_announced, sp3.n_epochs);
        if announced != found {
            note(
                &mut faults,
                last,
                format_args!("{announced} epochs are announced and {found} found"),
            );
        }
        let (announced, found) = (sp3.n_satellites, sp3.satellites.len());
        if announced != found {
            note(
                &mut faults,
                last,
                format_args!("{announced} satellites are announced and {found} listed"),
            );
        }
        if !sp3.ended {
            note(&mut faults, last, "the file ends without EOF");
        }
        sp3.faults = faults;
    }
}

/// File type and time system of the first `%c` line.
fn types(sp3: &mut Sp3, line: &str) {
    let kind = field(line, 3, 5);
    sp3.file_type = kind.chars().next().filter(char::is_ascii_uppercase);
    let system = Some(field(line, 9, 12)).filter(|text| !matches!(*text, "" | "ccc"));
    if let Some(system) = system {
        sp3.time_system = Some(system.to_owned());
        sp3.first.system = Some(system.to_owned());
    }
}

/// A position and clock: three numbers in kilometres are wanted.
fn position(sp3: &mut Sp3, line: &str) -> Result<(), String> {
    if sp3.n_epochs == 0 {
        return Err("a position stands before the first epoch".to_owned());
    }
    for at in [4, 18, 32] {
        let text = field(line, at, at + 14);
        if number(text).is_none() {
            return Err(format!("`{text}` is no coordinate of a position"));
        }
    }
    sp3.n_positions += 1;
    sp3.n_predicted_clocks += u64::from(field(line, 75, 76) == "P");
    sp3.n_predicted_positions += u64::from(field(line, 79, 80) == "P");
    Ok(())
}
