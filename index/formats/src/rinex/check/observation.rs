//! Observations: epoch lines, the lines of each satellite, and events.

use std::collections::BTreeMap;
use std::io::Read;

use super::{Checked, TimeAt, decimal, may_leap, time, version};
use crate::lines::{Lines, TextError, field};

/// Where things stand in a version; columns from 0.
struct Layout {
    time: TimeAt,
    flag_at: usize,
    n_at: usize,
    /// Observations in one line.
    per_line: usize,
    /// Whether the satellite is named in front of its observations, or in the epoch line.
    names_in_front: bool,
}

const RINEX_2: Layout = Layout {
    time: [(0, 3), (3, 6), (6, 9), (9, 12), (12, 15), (15, 26)],
    flag_at: 28,
    n_at: 29,
    per_line: 5,
    names_in_front: false,
};

const RINEX_3: Layout = Layout {
    time: [(1, 6), (6, 9), (9, 12), (12, 15), (15, 18), (18, 29)],
    flag_at: 31,
    n_at: 32,
    per_line: usize::MAX,
    names_in_front: true,
};

const DORIS: Layout = Layout {
    time: [(1, 6), (6, 9), (9, 12), (12, 15), (15, 18), (18, 31)],
    flag_at: 33,
    n_at: 34,
    per_line: 5,
    names_in_front: true,
};

/// Satellites in an epoch line of RINEX 2 and in each that continues it.
const NAMES_PER_LINE: usize = 12;
/// Width of an observation with its two flags.
const CELL: usize = 16;

/// Numbers of observation types by letter of the system; a blank where all share them.
type Types = BTreeMap<char, usize>;

/// Reads all records.
pub(super) fn read<R: Read>(lines: &mut Lines<R>, checked: &mut Checked) -> Result<(), TextError> {
    let mut types: Types = checked
        .header
        .observation_types
        .iter()
        .map(|(system, types)| (*system, types.len()))
        .collect();
    let layout = match checked.header.system {
        Some('D') => &DORIS,
        _ if version(&checked.header) < 3.0 => &RINEX_2,
        _ => &RINEX_3,
    };
    while let Some(line) = epoch_line(lines)? {
        let (flag, n) = epoch(&line, layout).map_err(|fault| lines.fault(fault))?;
        if ('2'..='5').contains(&flag) {
            event(lines, n, &mut types)?;
            continue;
        }
        let time = time(&line, &layout.time, may_leap(&checked.header));
        let time = time.map_err(|fault| lines.fault(format!("a bad epoch line: {fault}")))?;
        checked.epoch(time, lines.number);
        if layout.names_in_front {
            named(lines, layout, n, &types)?;
        } else {
            listed(lines, &line, n, &types)?;
        }
    }
    Ok(())
}

/// The next line that is not blank; blank ones are allowed at the end of the file only.
fn epoch_line<R: Read>(lines: &mut Lines<R>) -> Result<Option<String>, TextError> {
    let mut blank = None;
    while let Some(line) = lines.next()? {
        if line.trim().is_empty() {
            blank = blank.or(Some(lines.number));
            continue;
        }
        let line = line.to_owned();
        if let Some(line) = blank {
            let fault = "a blank line where an epoch is due".to_owned();
            return Err(TextError::Line { line, fault });
        }
        return Ok(Some(line));
    }
    Ok(None)
}

/// The flag of an epoch line, and its number of satellites or lines.
fn epoch(line: &str, layout: &Layout) -> Result<(char, usize), String> {
    let first = if layout.names_in_front { '>' } else { ' ' };
    if !line.starts_with(first) {
        return Err("this line begins no epoch, and no more lines were announced".to_owned());
    }
    let bad = |what: &str, text: &str| format!("a bad epoch line: `{text}` is no {what}");
    let text = field(line, layout.flag_at, layout.flag_at + 1);
    let flag = match text.chars().next().unwrap_or('0') {
        flag @ '0'..='6' => flag,
        _ => return Err(bad("epoch flag", text)),
    };
    let text = field(line, layout.n_at, layout.n_at + 3);
    let n = match text {
        "" if flag > '1' => 0,
        text => text.parse().map_err(|_| match line.len() <= layout.n_at {
            true => format!("a bad epoch line: `{}` ends too soon", line.trim()),
            false => bad("number of satellites", text),
        })?,
    };
    Ok((flag, n))
}

/// Passes over the lines of an event, which may change the types.
fn event<R: Read>(lines: &mut Lines<R>, n: usize, types: &mut Types) -> Result<(), TextError> {
    for k in 0..n {
        let line = next(lines, || {
            format!("an event announces {n} lines and has {k}")
        })?;
        let (system, count) = match field(&line, 60, 80) {
            "# / TYPES OF OBSERV" => (' ', field(&line, 0, 6)),
            "SYS / # / OBS TYPES" => (line.chars().next().unwrap_or(' '), field(&line, 3, 6)),
            _ => continue,
        };
        if count.is_empty() {
            continue; // A line that continues the list before.
        }
        let count = count
            .parse()
            .map_err(|_| lines.fault(format!("`{count}` is no number of observation types")))?;
        types.insert(system, count);
    }
    Ok(())
}

/// Reads the lines of `n` satellites that are named in front of their observations.
fn named<R: Read>(
    lines: &mut Lines<R>,
    layout: &Layout,
    n: usize,
    types: &Types,
) -> Result<(), TextError> {
    let mut seen = Vec::new();
    for k in 0..n {
        let few = || format!("{n} satellites are announced and only {k} follow");
        let line = next(lines, few)?;
        if line.starts_with('>') {
            return Err(lines.fault(few()));
        }
        let name = line.get(..3).unwrap_or(&line).to_owned();
        let system = name.chars().next().unwrap_or(' ');
        let Some(n_types) = types.get(&system).filter(|_| is_name(&name)) else {
            let fault = format!("`{name}` is no satellite of a system the header lists");
            return Err(lines.fault(fault));
        };
        if seen.contains(&name) {
            return Err(lines.fault(format!("satellite `{name}` is there twice")));
        }
        let mut left = *n_types;
        let mut rest = line.get(3..).unwrap_or_default().to_owned();
        loop {
            let here = left.min(layout.per_line);
            observations(&rest, here, &name).map_err(|fault| lines.fault(fault))?;
            left -= here;
            if left == 0 {
                break;
            }
            let line = next(lines, || format!("`{name}` lacks {left} observations"))?;
            rest = line.get(3..).unwrap_or_default().to_owned();
        }
        seen.push(name);
    }
    Ok(())
}

/// Reads the lines of `n` satellites that the epoch line lists.
fn listed<R: Read>(
    lines: &mut Lines<R>,
    epoch: &str,
    n: usize,
    types: &Types,
) -> Result<(), TextError> {
    let n_types = types.get(&' ').copied().unwrap_or(0);
    for name in names(lines, epoch, n)? {
        let mut left = n_types;
        while left > 0 {
            let here = left.min(RINEX_2.per_line);
            let line = next(lines, || format!("`{name}` lacks {left} observations"))?;
            observations(&line, here, &name).map_err(|fault| lines.fault(fault))?;
            left -= here;
        }
    }
    Ok(())
}

/// The satellites of an epoch line and of those that continue it.
fn names<R: Read>(lines: &mut Lines<R>, epoch: &str, n: usize) -> Result<Vec<String>, TextError> {
    let mut names = Vec::new();
    let mut line = epoch.to_owned();
    while names.len() < n {
        if !names.is_empty() {
            let listed = names.len();
            line = next(lines, || {
                format!("{n} satellites are announced and {listed} listed")
            })?;
        }
        let here = (n - names.len()).min(NAMES_PER_LINE);
        for at in (32..).step_by(3).take(here) {
            let name = line.get(at..at + 3).unwrap_or_default().to_owned();
            if !is_name(&name) {
                let listed = names.len();
                let fault = format!(
                    "{n} satellites are announced; number {} is `{name}`",
                    listed + 1
                );
                return Err(lines.fault(fault));
            }
            if names.contains(&name) {
                return Err(lines.fault(format!("satellite `{name}` is there twice")));
            }
            names.push(name);
        }
        let end = 32 + 3 * here;
        if !field(&line, end, 68.max(end)).is_empty() {
            return Err(lines.fault(format!("more satellites are listed than the {n} announced")));
        }
    }
    Ok(names)
}

/// A system letter, or a blank for GPS in RINEX 2, and a number.
fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let mut next = || bytes.next().unwrap_or(b'?');
    let (system, tens, ones) = (next(), next(), next());
    (system == b' ' || system.is_ascii_uppercase())
        && (tens == b' ' || tens.is_ascii_digit())
        && ones.is_ascii_digit()
}

/// Checks the cells of a line: a number or blanks, then two flags.
fn observations(line: &str, n: usize, name: &str) -> Result<(), String> {
    let line = line.trim_end();
    if line.len() > n.saturating_mul(CELL) {
        return Err(format!(
            "`{name}` has more than {n} observations in this line"
        ));
    }
    for at in (0..line.len()).step_by(CELL) {
        let text = field(line, at, at + 14);
        let flags = field(line, at + 14, at + CELL);
        let is_flag = |byte: u8| byte == b' ' || byte.is_ascii_digit();
        if !text.is_empty() && (decimal(text).is_none() || !text.contains('.')) {
            return Err(format!("`{text}` is no observation of `{name}`"));
        }
        if !flags.bytes().all(is_flag) {
            return Err(format!(
                "`{flags}` are no flags of an observation of `{name}`"
            ));
        }
    }
    Ok(())
}

/// The next line, or a fault where the file has ended.
fn next<R: Read>(lines: &mut Lines<R>, fault: impl Fn() -> String) -> Result<String, TextError> {
    match lines.next()? {
        Some(line) => Ok(line.to_owned()),
        None => Err(lines.fault(format!("the file ends within a record: {}", fault()))),
    }
}
