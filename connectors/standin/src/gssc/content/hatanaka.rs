//! Hatanaka's compact RINEX, version 3.0 for RINEX 3 and 1.0 for RINEX 2.
//!
//! Lines of text are written as what changed since the line before, values as differences of up to
//! the third order over the epochs of a satellite.
//!
//! # Source
//! Y. Hatanaka, A Compression Format and Tools for GNSS Observation Data (2008), and the format
//! as `CRX2RNX` reads it.

use std::collections::HashMap;

use super::observe::{Epoch, Observed, Value};
use super::rinex::{epoch_line_2, epoch_line_3, head};
use super::text::header;
use super::{Observations, Terms};

/// The highest order of differences, as the usual programs take it.
const ORDER: usize = 3;

/// The whole file.
pub(crate) fn text(observed: &Observed, wanted: &Observations, terms: &Terms) -> String {
    let version = if wanted.is_version_2 { "1.0" } else { "3.0" };
    let mut out = String::new();
    let first = format!("{version:<20}COMPACT RINEX FORMAT");
    header(&mut out, &first, "CRINEX VERS   / TYPE");
    let made = wanted.day.plus_hours(24).format("%d-%b-%y %H:%M");
    let program = format!("{:<40}{made}", "gantry-standin");
    header(&mut out, &program, "CRINEX PROG / DATE");
    out.push_str(&head(observed, wanted, terms));
    let mut encoder = Encoder::new(wanted.is_version_2);
    for epoch in &observed.epochs {
        encoder.write_epoch(&mut out, observed, epoch);
    }
    out
}

struct Encoder {
    is_version_2: bool,
    line: String,
    satellites: HashMap<String, Tracked>,
}

/// What is known of a satellite from the epoch before.
#[derive(Default)]
struct Tracked {
    flags: String,
    arcs: Vec<Option<Arc>>,
}

/// The last differences of a value, by their order from 0 on.
struct Arc(Vec<i64>);

impl Encoder {
    fn new(is_version_2: bool) -> Self {
        Self {
            is_version_2,
            line: String::new(),
            satellites: HashMap::new(),
        }
    }

    fn write_epoch(&mut self, out: &mut String, observed: &Observed, epoch: &Epoch) {
        let mut line = match self.is_version_2 {
            true => epoch_line_2(observed.day, epoch),
            false => format!("{:<41}", epoch_line_3(observed.day, epoch)),
        };
        for (satellite, _) in &epoch.seen {
            line.push_str(&satellite.name());
        }
        if self.line.is_empty() {
            let begins = if self.is_version_2 { "&" } else { ">" };
            out.push_str(begins);
            out.push_str(&line[1..]);
        } else {
            out.push_str(&changed(&self.line, &line));
        }
        self.line = line;
        // A line for the receiver's clock, which has no offset.
        out.push_str("\n\n");
        let mut before = std::mem::take(&mut self.satellites);
        for (satellite, values) in &epoch.seen {
            let mut tracked = before.remove(&satellite.name()).unwrap_or_default();
            self.write_satellite(out, &mut tracked, values);
            self.satellites.insert(satellite.name(), tracked);
        }
    }

    fn write_satellite(&self, out: &mut String, tracked: &mut Tracked, values: &[Option<Value>]) {
        tracked.arcs.resize_with(values.len(), || None);
        let mut line = String::new();
        let mut flags = String::new();
        for (value, arc) in values.iter().zip(&mut tracked.arcs) {
            match value {
                Some(value) => {
                    line.push_str(&difference(arc, value.thousandths));
                    flags.extend(value.flags);
                }
                None => {
                    *arc = None;
                    flags.push_str("  ");
                }
            }
            line.push(' ');
        }
        if tracked.flags.is_empty() && !self.is_version_2 {
            // Nothing is known of the satellite, so that blanks are news too.
            line.push_str(&flags.replace(' ', "&"));
        } else {
            line.push_str(&changed(&tracked.flags, &flags));
        }
        tracked.flags = flags;
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

/// The next value of an arc as text, and the arc behind it.
fn difference(arc: &mut Option<Arc>, value: i64) -> String {
    let Some(Arc(before)) = arc else {
        *arc = Some(Arc(vec![value]));
        return format!("{ORDER}&{value}");
    };
    let mut differences = vec![value];
    for (order, earlier) in before.iter().enumerate().take(ORDER) {
        differences.push(differences[order] - earlier);
    }
    let last = differences[differences.len() - 1];
    *before = differences;
    last.to_string()
}

/// What changed of a line: a blank where nothing did, `&` where a blank came, without blanks behind.
fn changed(before: &str, after: &str) -> String {
    let width = before.len().max(after.len());
    let at = |text: &str, n: usize| text.as_bytes().get(n).copied().unwrap_or(b' ');
    let text: String = (0..width)
        .map(|n| match (at(before, n), at(after, n)) {
            (old, new) if old == new => ' ',
            (_, b' ') => '&',
            (_, new) => char::from(new),
        })
        .collect();
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cube_has_a_constant_third_difference() {
        let mut arc = None;
        let texts: Vec<_> = [0_i64, 1, 8, 27, 64, 125]
            .map(|value| difference(&mut arc, value))
            .into();
        assert_eq!(texts, ["3&0", "1", "6", "6", "6", "6"]);
    }

    #[test]
    fn only_what_changed_is_written() {
        assert_eq!(changed("abc d", "abd"), "  d &");
        assert_eq!(changed("", "8 "), "8");
    }
}
