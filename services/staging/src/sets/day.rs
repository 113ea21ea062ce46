//! The set of one day: which centre, which class, which files.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use gantry_asset::Day;

use super::{Candidate, With};

/// What one centre has of a day in one class.
#[derive(Debug)]
pub(super) struct Attempt<'c> {
    pub(super) centre: String,
    pub(super) latency: String,
    /// The solution that has most; empty when there is none.
    pub(super) solution: String,
    /// The files, in the order in which contents were asked for.
    pub(super) picks: Vec<&'c Candidate>,
    /// The contents that are not there.
    pub(super) lacks: Vec<String>,
}

impl Attempt<'_> {
    /// `final of COD`, or `final ORB of COD` where only that was looked for.
    pub(super) fn name(&self, contents: &[String]) -> String {
        match contents {
            [content] => format!("{} {content} of {}", self.latency, self.centre),
            _ => format!("{} of {}", self.latency, self.centre),
        }
    }
}

/// What was looked at for a day, one after the other: each centre in all classes before the next; the last one may be
/// complete, all before it are not.
pub(super) fn attempts<'c>(
    with: &With,
    of_day: &[&'c Candidate],
    contents: &[String],
    day: Day,
) -> Vec<Attempt<'c>> {
    let mut tried = Vec::new();
    for centre in centres(with, of_day) {
        for latency in &with.latency {
            let attempt = attempt(of_day, contents, (&centre, latency), day);
            let is_complete = attempt.lacks.is_empty();
            tried.push(attempt);
            if is_complete {
                return tried;
            }
        }
    }
    tried
}

/// The complete one, else the first of those that lack least; none when there is nothing at all.
pub(super) fn taken<'a, 'c>(tried: &'a [Attempt<'c>]) -> Option<&'a Attempt<'c>> {
    let least = tried.iter().min_by_key(|attempt| attempt.lacks.len());
    least.filter(|attempt| !attempt.picks.is_empty())
}

/// The centres asked for, else all there are, the highest rank first.
fn centres(with: &With, of_day: &[&Candidate]) -> Vec<String> {
    if !with.analysis_centre.is_empty() {
        return with.analysis_centre.clone();
    }
    let mut ranks: BTreeMap<&str, u32> = BTreeMap::new();
    for candidate in of_day.iter().filter(|one| !one.centre.is_empty()) {
        let rank = ranks.entry(&candidate.centre).or_default();
        *rank = candidate.rank.max(*rank);
    }
    let mut centres: Vec<(Reverse<u32>, &str)> = ranks
        .into_iter()
        .map(|(centre, rank)| (Reverse(rank), centre))
        .collect();
    centres.sort_unstable();
    let centres = centres.into_iter();
    centres.map(|(_, centre)| centre.to_owned()).collect()
}

/// The best of a centre's solutions of one class: the one that lacks least, operational before the multi-GNSS
/// campaign before others.
fn attempt<'c>(
    of_day: &[&'c Candidate],
    contents: &[String],
    (centre, latency): (&str, &str),
    day: Day,
) -> Attempt<'c> {
    let here: Vec<&'c Candidate> = of_day
        .iter()
        .copied()
        .filter(|one| one.centre == centre && one.latency == latency)
        .filter(|one| contents.contains(&one.content))
        .collect();
    let lines: BTreeSet<&str> = here.iter().map(|one| one.line.as_str()).collect();
    let solutions = lines.into_iter().map(|line| {
        let mut lacks = Vec::new();
        let mut picks = Vec::new();
        for content in contents {
            let of = here.iter().copied();
            let of = of.filter(|one| one.line == line && one.content == *content);
            match best(of, day) {
                Some(pick) => picks.push(pick),
                None => lacks.push(content.clone()),
            }
        }
        (picks, lacks)
    });
    let best = solutions.min_by_key(|(picks, lacks)| {
        let first = picks.first();
        let campaign = match first.map(|pick| pick.campaign.as_deref()) {
            Some(Some("OPS")) => 0,
            Some(None) => 1,
            Some(Some("MGX")) => 2,
            _ => 3,
        };
        (lacks.len(), campaign, first.map(|pick| pick.line.clone()))
    });
    let (picks, lacks) = best.unwrap_or_else(|| (Vec::new(), contents.to_vec()));
    Attempt {
        centre: centre.to_owned(),
        latency: latency.to_owned(),
        solution: picks
            .first()
            .map(|pick| pick.solution.clone())
            .unwrap_or_default(),
        picks,
        lacks,
    }
}

/// Of several files of one content in one solution: the one that covers the whole day and no more than it must, begins
/// last, and is sampled most finely.
///
/// Of ultra-rapids, two days long and half of them predicted, this is the one that observed most of the day.
pub(super) fn best<'c>(
    files: impl Iterator<Item = &'c Candidate>,
    day: Day,
) -> Option<&'c Candidate> {
    files.min_by(|a, b| {
        let key = |one: &Candidate| {
            (
                !one.is_usual,
                !covers(one, day),
                tenths(one.span_s),
                Reverse(one.time.map(|time| time.start)),
                tenths(one.sampling_s),
            )
        };
        key(a).cmp(&key(b)).then_with(|| a.id.cmp(&b.id))
    })
}

/// Tenths of a second, so that lengths can be ordered; what is not known comes last.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lengths are positive and at most a year"
)]
fn tenths(seconds: Option<f64>) -> u64 {
    seconds.map_or(u64::MAX, |seconds| (seconds * 10.0) as u64)
}

/// Whether it covers a whole day on its own clock, which differs from UTC by less than a minute.
fn covers(one: &Candidate, day: Day) -> bool {
    let Some(time) = one.time else { return true };
    let midnight = day.date().and_hms_opt(0, 0, 0).map(|start| start.and_utc());
    midnight.is_some_and(|start| {
        let end = start + TimeDelta::hours(24) - TimeDelta::minutes(1);
        time.start <= start && time.end >= end
    })
}
