//! Damages real files over and over and reads them: `fuzz FOLDER SECONDS [SEED]`.
//!
//! Each round takes a file, flips bytes, cuts, repeats and joins parts of it, and reads what comes of it with every
//! reader: as `inspect` does whatever it is, and by its first bytes alone. A panic ends the run with the seed that made
//! it; the last line says how much was read, how long the longest took and how much memory the process ever had.
#![expect(clippy::print_stdout, reason = "what it found is its purpose")]

use std::error::Error;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gantry_formats::inspect::{Limits, inspect, inspect_prefix};
use gantry_formats::sitelog;

/// Files above this are damaged in their first part only.
const MOST_BYTES: usize = 1 << 20;

/// Numbers that are the same for the same seed (xorshift64*, Vigna 2016).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let mixed = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16;
        usize::try_from(mixed).unwrap_or(0) % n.max(1)
    }

    /// A part of some bytes, by its beginning and end.
    fn part(&mut self, n: usize) -> (usize, usize) {
        let from = self.below(n);
        let length = 1 + self.below(64.min(n - from));
        (from, (from + length).min(n))
    }

    fn damage(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        for _ in 0..=self.below(8) {
            let n = bytes.len();
            if n < 2 {
                return;
            }
            match self.below(7) {
                0 => bytes.truncate(1 + self.below(n - 1)),
                1 => {
                    let (from, to) = self.part(n);
                    let again = bytes[from..to].to_vec();
                    let at = self.below(n);
                    bytes.splice(at..at, again);
                }
                2 => {
                    let (from, to) = self.part(n);
                    drop(bytes.drain(from..to));
                }
                3 if !other.is_empty() => {
                    let (from, to) = self.part(other.len());
                    let at = self.below(n);
                    bytes.splice(at..at, other[from..to].iter().copied());
                }
                4 => bytes[self.below(n)] = b"0123456789.-+eE \n\t<>&;\"'\0\xff"[self.below(26)],
                _ => bytes[self.below(n)] ^= 1 << self.below(8),
            }
        }
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            true => files(&path, found)?,
            false => found.push(path),
        }
    }
    Ok(())
}

/// The most memory this process ever had, as the system counts it.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.map_or_else(|| "unknown".to_owned(), |line| line[6..].trim().to_owned())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("which folder?")?);
    let seconds = Duration::from_secs(arguments.next().ok_or("how many seconds?")?.parse()?);
    let first_seed: u64 = arguments.next().map_or(Ok(1), |seed| seed.parse())?;
    let mut paths = Vec::new();
    files(&folder, &mut paths)?;
    paths.sort();
    let whole: Vec<Vec<u8>> = paths.iter().map(std::fs::read).collect::<Result<_, _>>()?;
    let limits = Limits {
        max_unpacked_bytes: 64 << 20,
        max_held_bytes: 16 << 20,
        ..Limits::default()
    };
    let begun = Instant::now();
    let (mut n_rounds, mut n_bytes, mut n_faults, mut longest) =
        (0_u64, 0_u64, 0_u64, (Duration::ZERO, 0));
    while begun.elapsed() < seconds {
        let seed = first_seed + n_rounds;
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let n = dice.below(whole.len());
        let mut bytes = whole[n]
            .iter()
            .copied()
            .take(MOST_BYTES)
            .collect::<Vec<u8>>();
        let other = dice.below(whole.len());
        dice.damage(&mut bytes, &whole[other]);
        let started = Instant::now();
        let read = std::panic::catch_unwind(|| {
            let found = inspect(&mut Cursor::new(&bytes), limits);
            drop(inspect_prefix(&bytes[..bytes.len().min(4096)]));
            drop(sitelog::read(&bytes[..]));
            found.faults.len() as u64
        });
        let Ok(n_here) = read else {
            return Err(format!("a panic at seed {seed}, {}", paths[n].display()).into());
        };
        longest = longest.max((started.elapsed(), seed));
        n_rounds += 1;
        n_bytes += bytes.len() as u64;
        n_faults += n_here;
    }
    println!(
        "{n_rounds} damaged files of {} read in {} s, {} MiB, {n_faults} faults told, no panic; the longest took {:.1} s (seed {}), the most memory was {}",
        whole.len(),
        begun.elapsed().as_secs(),
        n_bytes >> 20,
        longest.0.as_secs_f64(),
        longest.1,
        peak()
    );
    Ok(())
}
