//! Staging while everything goes wrong: a random archive, a random network, a service that is killed at random moments,
//! and at times a disk that fills up.
//!
//! Each round has a seed, which is printed when something is wrong with it; `GANTRY_TEST_SEED` is the seed of the first
//! round, and `GANTRY_TEST_ROUNDS=1` runs no other. What happens when depends on the machine, what happens does not.

mod archive;
mod dice;
mod holdings;
mod judge;
mod relay;
mod round;

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::processes::{number, rounds};
use round::Round;

/// What all rounds together did.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    files: u64,
    kills: u64,
    cuts: u64,
    /// Requests that had to begin behind what was kept before a kill, and did.
    resumes: u64,
    requests: u64,
    full_disks: u64,
    /// Files that came to their place only by a retry.
    retried: u64,
    wrong: Vec<String>,
}

/// Says which round it was when a test cannot go on.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            say(&format!(
                "this round again: GANTRY_TEST_ROUNDS=1 GANTRY_TEST_SEED={}",
                self.0
            ));
        }
    }
}

/// After so many rounds with something wrong there is enough to look at.
const ENOUGH: usize = 3;

#[test]
fn whatever_goes_wrong_every_file_is_whole_or_said_to_have_failed() {
    let rounds = rounds();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let first = number("GANTRY_TEST_SEED").unwrap_or(now.as_secs() * 1000);
    let mut tally = Tally::default();
    let mut n_bad = 0;
    for n in 0..rounds {
        let seed = Seed(first + n);
        let before = tally.wrong.len();
        Round::prepare(seed.0).run(&mut tally);
        for wrong in &tally.wrong[before..] {
            say(&format!("seed {}: {wrong}", seed.0));
        }
        n_bad += usize::from(tally.wrong.len() > before);
        if n_bad == ENOUGH {
            break;
        }
    }
    say(&closing_line(rounds, &tally));
    assert!(tally.wrong.is_empty(), "{:#?}", tally.wrong);
}

fn closing_line(rounds: u64, tally: &Tally) -> String {
    let not_run = if tally.full_disks == 0 && !round::can_mount() {
        "\nNOT RUN  rounds on a full disk: a small file system cannot be mounted here; run as root"
    } else {
        ""
    };
    format!(
        "fault run: {} rounds, {} files, {} kills, {} cuts, {} requests, {} resumed behind a kill, {} full disks, {} retried, {} wrong{not_run}",
        spaced(rounds),
        spaced(tally.files),
        spaced(tally.kills),
        spaced(tally.cuts),
        spaced(tally.requests),
        spaced(tally.resumes),
        spaced(tally.full_disks),
        spaced(tally.retried),
        spaced(tally.wrong.len() as u64),
    )
}

/// Written past the test harness, which keeps what a passing test prints to itself.
fn say(text: &str) {
    let line = format!("{text}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// `7 412`.
fn spaced(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<_> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(String::from_utf8_lossy)
        .collect();
    groups.join(" ")
}
