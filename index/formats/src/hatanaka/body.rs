//! Records: epoch lines, the clock line after them, and events.

use std::io::Read;

use super::arc::{Arc, whole, write_fixed};
use super::satellite::Satellite;
use super::{Decoder, Next, Version, line};
use crate::lines::TextError;

/// Where things stand in the epoch line of a RINEX version; columns from 0.
#[derive(Debug)]
pub(super) struct Layout {
    /// The first byte of a line that is whole and not a difference.
    initialised: u8,
    /// The first byte of the epoch line in RINEX.
    first: u8,
    flag_at: usize,
    n_satellites_at: usize,
    satellites_at: usize,
    /// Of RINEX, where CRINEX 3 has its satellites.
    clock_at: usize,
    clock_decimals: usize,
    /// Whether all systems have the same observation types and a satellite's line no name.
    pub(super) shared_types: bool,
    pub(super) types_per_line: usize,
}

pub(super) const RINEX_2: Layout = Layout {
    initialised: b'&',
    first: b' ',
    flag_at: 28,
    n_satellites_at: 29,
    satellites_at: 32,
    clock_at: 68,
    clock_decimals: 9,
    shared_types: true,
    types_per_line: 5,
};

pub(super) const RINEX_3: Layout = Layout {
    initialised: b'>',
    first: b'>',
    flag_at: 31,
    n_satellites_at: 32,
    satellites_at: 41,
    clock_at: 41,
    clock_decimals: 12,
    shared_types: false,
    types_per_line: usize::MAX,
};

/// Satellites in an epoch line of RINEX 2 and in each line that continues it.
const PER_LINE: usize = 12;

/// Changes `text` by a difference of text: a blank keeps, `&` blanks, anything else replaces.
pub(super) fn apply(text: &mut Vec<u8>, difference: &[u8]) {
    if text.len() < difference.len() {
        text.resize(difference.len(), b' ');
    }
    for (byte, new) in text.iter_mut().zip(difference) {
        match new {
            b' ' => {}
            b'&' => *byte = b' ',
            new => *byte = *new,
        }
    }
}

impl<R: Read> Decoder<R> {
    /// Reads an epoch or the first line of an event; sets [`Next::End`] at the end of the file.
    pub(super) fn record(&mut self) -> Result<(), TextError> {
        let Some(line) = self.epoch_line()? else {
            self.next = Next::End;
            return Ok(());
        };
        let layout = self.layout;
        if line.first() == Some(&layout.initialised) {
            match line.get(layout.flag_at) {
                Some(b'0' | b'1') => {}
                Some(flag) => return self.begin_event(&line, *flag),
                None => return Err(self.fault("an epoch line that ends before its flag")),
            }
            self.epoch.clear();
            self.satellites.clear();
            apply(&mut self.epoch, &line);
            self.epoch[0] = layout.first;
        } else if self.epoch.is_empty() {
            return Err(self.fault("an epoch line that is a difference, but to nothing before it"));
        } else {
            apply(&mut self.epoch, &line);
        }
        let kept = self.epoch.trim_ascii_end().len();
        self.epoch.truncate(kept);
        let ids = self.satellite_ids().map_err(|fault| self.fault(fault))?;
        self.epoch(&ids)
    }

    /// The next line that is neither an escape line of CRINEX 3 nor the end of a DOS file.
    fn epoch_line(&mut self) -> Result<Option<Vec<u8>>, TextError> {
        loop {
            let Some(line) = self.lines.next_bytes()? else {
                return Ok(None);
            };
            match line.first() {
                Some(0x1a) => return Ok(None),
                Some(b'&') if self.version == Version::Three => {}
                _ if line.contains(&0) => return Err(self.fault("a byte is zero")),
                _ => return Ok(Some(line.to_vec())),
            }
        }
    }

    /// Passes on the first line of an event; the epoch after it must be initialised.
    fn begin_event(&mut self, line: &[u8], flag: u8) -> Result<(), TextError> {
        let layout = self.layout;
        if !(b'2'..=b'6').contains(&flag) {
            let flag = [flag];
            let flag = flag.escape_ascii();
            return Err(self.fault(format!("`{flag}` is no epoch flag; 0 to 6 are")));
        }
        let n = match columns(line, layout.n_satellites_at, 3) {
            b"" => 0,
            text => whole(text)
                .and_then(|n| u32::try_from(n).ok())
                .ok_or_else(|| {
                    let text = text.escape_ascii();
                    self.fault(format!("`{text}` is no number of lines of an event"))
                })?,
        };
        let mut line = line.to_vec();
        line[0] = layout.first;
        self.pass(&line);
        self.epoch.clear();
        self.n_epochs += u64::from(flag == b'6');
        self.next = Next::Event(n);
        Ok(())
    }

    /// The satellites of the epoch line, checked.
    fn satellite_ids(&self) -> Result<Vec<[u8; 3]>, String> {
        let (layout, epoch) = (self.layout, &self.epoch);
        let flag_at = layout.flag_at;
        let gap = epoch.get(flag_at - 2..flag_at);
        if epoch.first() != Some(&layout.first) || gap != Some(b"  ") {
            return Err("no epoch line where one is due".to_owned());
        }
        if !matches!(epoch.get(flag_at), Some(b'0' | b'1')) {
            return Err("the flag of an epoch with observations is not 0 or 1".to_owned());
        }
        let text = columns(epoch, layout.n_satellites_at, 3);
        let n = whole(text).and_then(|n| usize::try_from(n).ok());
        let n = n.ok_or_else(|| format!("`{}` is no number of satellites", text.escape_ascii()))?;
        let most = self.limits.max_satellites;
        if n > most {
            return Err(format!("{n} satellites are more than the {most} allowed"));
        }
        let list = epoch.get(layout.satellites_at..).unwrap_or_default();
        if list.len() != 3 * n {
            let announced = 3 * n;
            let listed = list.len();
            return Err(format!(
                "{n} satellites are announced, which take {announced} columns, but the list has {listed}"
            ));
        }
        let ids: Vec<[u8; 3]> = list
            .chunks_exact(3)
            .map(|id| [id[0], id[1], id[2]])
            .collect();
        for (i, id) in ids.iter().enumerate() {
            let named = (id[0] == b' ' || id[0].is_ascii_uppercase())
                && (id[1] == b' ' || id[1].is_ascii_digit())
                && id[2].is_ascii_digit();
            if !named {
                return Err(format!("`{}` is no satellite", id.escape_ascii()));
            }
            if ids[..i].contains(id) {
                return Err(format!("satellite `{}` is listed twice", id.escape_ascii()));
            }
            self.types.of(*id, layout)?;
        }
        Ok(ids)
    }

    /// Reads the clock and the satellites, and writes the whole epoch.
    fn epoch(&mut self, ids: &[[u8; 3]]) -> Result<(), TextError> {
        let clock = line(&mut self.lines)?;
        self.clock = match clock.trim_ascii_end() {
            b"" => None,
            text => {
                let read = Arc::read(self.clock.take(), text);
                Some(read.map_err(|fault| self.fault(format!("clock offset: {fault}")))?)
            }
        };
        self.write_epoch_line(ids.len())
            .map_err(|fault| self.fault(format!("clock offset: {fault}")))?;
        let mut before = std::mem::take(&mut self.satellites);
        for id in ids {
            let line = line(&mut self.lines)?;
            let mut satellite = match before.iter().position(|satellite| satellite.id == *id) {
                Some(at) => before.swap_remove(at),
                None => {
                    let n_types = self.types.of(*id, self.layout);
                    Satellite::new(*id, n_types.map_err(|fault| self.fault(fault))?)
                }
            };
            satellite
                .read(&line, self.version)
                .and_then(|()| satellite.write(&mut self.text, self.layout))
                .map_err(|fault| self.fault(format!("{}: {fault}", id.escape_ascii())))?;
            self.satellites.push(satellite);
        }
        self.n_epochs += 1;
        Ok(())
    }

    /// Writes the epoch line, and in RINEX 2 those that continue its list of satellites.
    fn write_epoch_line(&mut self, n_satellites: usize) -> Result<(), String> {
        let layout = self.layout;
        let (text, epoch) = (&mut self.text, &self.epoch);
        let mut head = epoch[..epoch.len().min(layout.clock_at)].to_vec();
        match &self.clock {
            Some(clock) => {
                head.resize(layout.clock_at, b' ');
                let decimals = layout.clock_decimals;
                write_fixed(&mut head, clock.value(), decimals, decimals + 3)?;
                text.extend(head);
            }
            None => text.extend(head.trim_ascii_end()),
        }
        text.push(b'\n');
        if layout.shared_types && n_satellites > PER_LINE {
            for more in epoch[layout.clock_at..].chunks(3 * PER_LINE) {
                text.extend([b' '; 32]);
                text.extend(more);
                text.push(b'\n');
            }
        }
        Ok(())
    }

    fn fault(&self, fault: impl Into<String>) -> TextError {
        self.lines.fault(fault)
    }
}

/// `width` columns from `at` on, as much of them as there is, without outer blanks.
fn columns(line: &[u8], at: usize, width: usize) -> &[u8] {
    let to = line.len().min(at + width);
    line.get(at..to).unwrap_or_default().trim_ascii()
}
