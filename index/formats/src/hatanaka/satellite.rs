//! Satellites: the observations of one, their flags, and how many types its system has.

use std::collections::BTreeMap;

use super::Version;
use super::arc::{Arc, whole, write_fixed};
use super::body::{Layout, apply};

/// Numbers of observation types by letter of the system; a blank where all share them (RINEX 2).
#[derive(Debug, Default)]
pub(super) struct Types(BTreeMap<u8, usize>);

impl Types {
    /// Takes the number out of a header line, if that is what the line says.
    pub(super) fn declare(&mut self, line: &[u8], label: &[u8], max: usize) -> Result<(), String> {
        let (system, count) = match label {
            b"# / TYPES OF OBSERV" => (b' ', &line[..6]),
            b"SYS / # / OBS TYPES" if line[0] != b' ' => (line[0], &line[3..6]),
            _ => return Ok(()),
        };
        let text = count.trim_ascii();
        if text.is_empty() {
            return Ok(()); // A line that continues the list before.
        }
        let n = whole(text)
            .and_then(|n| usize::try_from(n).ok())
            .filter(|n| *n > 0);
        let n = n.ok_or_else(|| {
            format!(
                "`{}` is no number of observation types",
                text.escape_ascii()
            )
        })?;
        if n > max {
            return Err(format!(
                "{n} observation types are more than the {max} allowed"
            ));
        }
        self.0.insert(system, n);
        Ok(())
    }

    /// The number of types of a satellite.
    pub(super) fn of(&self, id: [u8; 3], layout: &Layout) -> Result<usize, String> {
        let system = if layout.shared_types { b' ' } else { id[0] };
        self.0.get(&system).copied().ok_or_else(|| {
            let id = id.escape_ascii();
            format!("satellite `{id}` has no observation types in the header")
        })
    }
}

/// A satellite of the epoch before, or a new one.
#[derive(Debug)]
pub(super) struct Satellite {
    pub(super) id: [u8; 3],
    /// One per type; none where the epoch before had no number.
    arcs: Vec<Option<Arc>>,
    /// Two per type: loss of lock and signal strength.
    flags: Vec<u8>,
}

impl Satellite {
    pub(super) fn new(id: [u8; 3], n_types: usize) -> Self {
        Self {
            id,
            arcs: vec![None; n_types],
            flags: vec![b' '; 2 * n_types],
        }
    }

    /// Reads its line: one difference per type, each followed by a blank, then the flags.
    pub(super) fn read(&mut self, line: &[u8], version: Version) -> Result<(), String> {
        let n_types = self.arcs.len();
        let mut cells = line.splitn(n_types + 1, |byte| *byte == b' ');
        for arc in &mut self.arcs {
            *arc = match cells.next().unwrap_or_default() {
                b"" => None,
                text => Some(Arc::read(arc.take(), text)?),
            };
        }
        let flags = cells.next().unwrap_or_default().trim_ascii_end();
        if flags.len() > self.flags.len() {
            let most = self.flags.len();
            return Err(format!(
                "{} flags after {n_types} observations, which have {most}",
                flags.len()
            ));
        }
        apply(&mut self.flags, flags);
        if version == Version::One {
            // CRINEX 1 takes the flags of a number that is not there to be blank, also later on.
            for (flags, arc) in self.flags.chunks_mut(2).zip(&self.arcs) {
                if arc.is_none() {
                    flags.fill(b' ');
                }
            }
        }
        Ok(())
    }

    /// Writes its observations as RINEX does.
    pub(super) fn write(&self, text: &mut Vec<u8>, layout: &Layout) -> Result<(), String> {
        if !layout.shared_types {
            text.extend(self.id);
        }
        let n_types = self.arcs.len();
        for (i, (arc, flags)) in self.arcs.iter().zip(self.flags.chunks(2)).enumerate() {
            match arc {
                Some(arc) => write_fixed(text, arc.value(), 3, 14)?,
                None => text.extend([b' '; 14]),
            }
            text.extend(flags);
            if i + 1 == n_types || (i + 1) % layout.types_per_line == 0 {
                // Blanks only, so that the line before keeps its end.
                let kept = text.iter().rposition(|byte| *byte != b' ');
                text.truncate(kept.map_or(0, |at| at + 1));
                text.push(b'\n');
            }
        }
        Ok(())
    }
}
