//! Products that belong to the days of a selection, as sets; pure.
//!
//! Orbits, clocks, Earth rotation, biases and attitude of a day come from one solution: one centre, version, campaign
//! and latency. [`Sets`] is given days and the products there are for them, and says which are taken, what is missing
//! and why, and what a reader should know. Looking products up is left to others.

mod antenna;
mod candidate;
mod day;
mod with;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use gantry_asset::{AssetId, Completeness, Day, Gap, GapReason};

pub use antenna::antenna_release;
pub use candidate::Candidate;
use day::{Attempt, attempts, best, taken};
pub use with::With;

/// How many days of a selection get products.
pub const MAX_SET_DAYS: u64 = 4000;

/// How many runs of days one note names.
const RUNS: usize = 5;

/// What is known of products that are not there.
#[derive(Debug, Clone, Copy)]
pub struct Knowledge {
    /// How long after the end of its day a product is due, by content, centre and latency.
    pub due_after: fn(&str, &str, &str) -> Option<TimeDelta>,
    /// The family of antenna models in use in a GPS week, `IGS20`.
    pub antenna_family: fn(u32) -> Option<&'static str>,
}

/// What was chosen.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// The products.
    pub ids: BTreeSet<AssetId>,
    /// What was expected, what of it is there, what is missing, and what a reader should know.
    pub days: Completeness,
}

/// Products chosen day by day.
pub struct Sets<'a> {
    with: &'a With,
    known: Knowledge,
    now: DateTime<Utc>,
    selected: &'a BTreeSet<Day>,
    antennas: &'a [Candidate],
    chosen: Chosen,
    /// What is to be said, with the days it is about.
    said: BTreeMap<String, BTreeSet<i32>>,
    /// Orbits before and after that were counted already: the solution and the day.
    margins: BTreeSet<(String, Day)>,
}

impl<'a> Sets<'a> {
    /// Nothing chosen yet for the days `selected`; `antennas` are all antenna models there are.
    #[must_use]
    pub fn new(
        with: &'a With,
        known: Knowledge,
        selected: &'a BTreeSet<Day>,
        antennas: &'a [Candidate],
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            with,
            known,
            now,
            selected,
            antennas,
            chosen: Chosen::default(),
            said: BTreeMap::new(),
            margins: BTreeSet::new(),
        }
    }

    /// Chooses for some of the days; `candidates` hold all there is for them and for the margin around them.
    pub fn add(&mut self, days: &[Day], candidates: &[Candidate]) {
        let by_day = candidate::by_day(candidates);
        for day in days.iter().copied() {
            let of_day = by_day.get(&day.number()).map_or(&[][..], Vec::as_slice);
            let mut picks: Vec<&Candidate> = Vec::new();
            if self.with.one_set {
                picks.extend(self.add_set(day, of_day, &self.with.content, &by_day));
            } else {
                for content in &self.with.content {
                    let only = std::slice::from_ref(content);
                    picks.extend(self.add_set(day, of_day, only, &by_day));
                }
            }
            if self.with.antenna {
                self.add_antenna(day, &picks);
            }
            if self.with.nav.is_some() {
                self.add_navigation(day, of_day);
            }
        }
    }

    /// All that was chosen.
    #[must_use]
    pub fn chosen(mut self) -> Chosen {
        let mut said: Vec<(i32, String)> = Vec::new();
        for (text, days) in &self.said {
            said.extend(
                days.first()
                    .map(|first| (*first, format!("{}: {text}", runs(days)))),
            );
        }
        said.sort_unstable();
        self.chosen.days.notes = said.into_iter().map(|(_, note)| note).collect();
        self.chosen
    }

    fn say(&mut self, day: Day, text: String) {
        self.said.entry(text).or_default().insert(day.number());
    }

    fn take(&mut self, candidate: &Candidate) {
        self.chosen.ids.insert(candidate.id.clone());
        self.chosen.days.count(None);
    }

    /// Chooses the set of a day.
    fn add_set<'c>(
        &mut self,
        day: Day,
        of_day: &[&'c Candidate],
        contents: &[String],
        by_day: &BTreeMap<i32, Vec<&'c Candidate>>,
    ) -> Vec<&'c Candidate> {
        if contents.is_empty() {
            return Vec::new();
        }
        let tried = attempts(self.with, of_day, contents, day);
        let Some(set) = taken(&tried) else {
            for content in contents {
                let reason = self.reason_of_all(content, day);
                self.miss(day, content, None, reason);
            }
            return Vec::new();
        };
        self.tell(day, &tried, set, contents);
        for content in &set.lacks {
            let reason = self.reason(content, &set.centre, &set.latency, day);
            self.miss(day, content, Some(&set.solution), reason);
        }
        for pick in &set.picks {
            self.take(pick);
            if pick.content == "ORB" {
                self.add_margin(day, pick, by_day);
            }
        }
        set.picks.clone()
    }

    /// Says why it is not the first choice, and what it lacks.
    fn tell(&mut self, day: Day, tried: &[Attempt<'_>], set: &Attempt<'_>, contents: &[String]) {
        let name = set.name(contents);
        if !set.lacks.is_empty() {
            let lacks = set.lacks.join(" and ");
            self.say(
                day,
                format!("no set is complete; {name} taken, without {lacks}"),
            );
            return;
        }
        let any_centre = self.with.analysis_centre.is_empty();
        let failed: Vec<String> = tried
            .iter()
            .filter(|other| !other.lacks.is_empty())
            .filter(|other| !any_centre || other.centre == set.centre)
            .map(|other| self.why_not(day, other, contents))
            .collect();
        if !failed.is_empty() {
            self.say(day, format!("{}; {name} taken", failed.join(", ")));
        }
    }

    fn why_not(&self, day: Day, other: &Attempt<'_>, contents: &[String]) -> String {
        let name = other.name(contents);
        let due = other.lacks.iter().filter_map(|content| {
            self.due(content, &other.centre, &other.latency, day)
                .filter(|due| *due > self.now)
        });
        match due.max() {
            Some(due) if other.picks.is_empty() => {
                format!("{name} is not due before {}", due.format("%Y-%m-%d"))
            }
            _ if other.picks.is_empty() => format!("there is no {name}"),
            _ => format!("{name} lacks {}", other.lacks.join(" and ")),
        }
    }

    /// The orbits of the days before and after, of the same solution; a day that is selected has its own.
    fn add_margin(
        &mut self,
        day: Day,
        orbits: &Candidate,
        by_day: &BTreeMap<i32, Vec<&Candidate>>,
    ) {
        let margin = i32::try_from(self.with.margin_days).unwrap_or_default();
        let around = (1..=margin).flat_map(|n| [day.number() - n, day.number() + n]);
        for beside in around.filter_map(Day::of_number) {
            let is_new = self.margins.insert((orbits.line.clone(), beside));
            if self.selected.contains(&beside) || !is_new {
                continue;
            }
            let of_day = by_day.get(&beside.number()).map_or(&[][..], Vec::as_slice);
            let same = of_day.iter().copied();
            let same = same.filter(|one| one.content == "ORB" && one.line == orbits.line);
            match best(same, beside) {
                Some(found) => self.take(found),
                None => {
                    let reason = self.reason("ORB", &orbits.centre, &orbits.latency, beside);
                    self.miss(beside, "ORB", Some(&orbits.solution), reason);
                }
            }
        }
    }

    fn add_navigation(&mut self, day: Day, of_day: &[&Candidate]) {
        let merged = of_day.iter().filter(|one| one.content == "NAV");
        let best = merged.min_by_key(|one| (!one.is_mixed, std::cmp::Reverse(one.rank), &one.id));
        let Some(found) = best else {
            let reason = self.reason("NAV", "", "", day);
            self.miss(day, "NAV", Some("BRDC"), reason);
            return;
        };
        if !found.is_mixed {
            let text = "no merged navigation messages of all constellations; those of one taken";
            self.say(day, text.to_owned());
        }
        self.take(found);
    }

    fn add_antenna(&mut self, day: Day, picks: &[&Candidate]) {
        let found = antenna::of(picks, self.antennas, self.known.antenna_family, day);
        for text in found.said {
            self.say(day, text);
        }
        if found.files.is_empty() {
            let solution = picks.first().map(|pick| pick.solution.clone());
            self.miss(day, "ANTEX", solution.as_deref(), GapReason::NotAtArchive);
        }
        for (n, file) in found.files.into_iter().enumerate() {
            match n {
                0 => self.take(file),
                _ => drop(self.chosen.ids.insert(file.id.clone())),
            }
        }
    }

    fn miss(&mut self, day: Day, content: &str, solution: Option<&str>, reason: GapReason) {
        self.chosen.days.count(Some(Gap {
            series: None,
            day: day.to_string(),
            station: None,
            content: Some(content.to_owned()),
            solution: solution.map(str::to_owned),
            reason,
        }));
    }

    fn due(&self, content: &str, centre: &str, latency: &str, day: Day) -> Option<DateTime<Utc>> {
        let end = day.date().succ_opt()?.and_hms_opt(0, 0, 0)?.and_utc();
        end.checked_add_signed((self.known.due_after)(content, centre, latency)?)
    }

    /// Why a product is not there; one of which nobody says when it is due is due when its day is over.
    fn reason(&self, content: &str, centre: &str, latency: &str, day: Day) -> GapReason {
        let due = self.due(content, centre, latency, day);
        let is_over = day.date() < self.now.date_naive();
        match due.map_or(is_over, |due| due <= self.now) {
            true => GapReason::NotAtArchive,
            false => GapReason::NotYetDue,
        }
    }

    /// Why no centre and no class has it: it is not due yet as long as it is due nowhere.
    fn reason_of_all(&self, content: &str, day: Day) -> GapReason {
        let centres = match self.with.analysis_centre.as_slice() {
            [] => &[String::new()][..],
            centres => centres,
        };
        let mut reasons = centres.iter().flat_map(|centre| {
            let classes = self.with.latency.iter();
            classes.map(move |latency| self.reason(content, centre, latency, day))
        });
        match reasons.all(|reason| reason == GapReason::NotYetDue) {
            true => GapReason::NotYetDue,
            false => GapReason::NotAtArchive,
        }
    }
}

/// Days as people write them: `2023-001 to 2023-003, 2023-017`.
fn runs(days: &BTreeSet<i32>) -> String {
    let mut runs: Vec<(i32, i32)> = Vec::new();
    for day in days {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *day => *last = *day,
            _ => runs.push((*day, *day)),
        }
    }
    let label = |day: i32| {
        Day::of_number(day)
            .map(|day| day.to_string())
            .unwrap_or_default()
    };
    let named = runs
        .iter()
        .take(RUNS)
        .map(|(first, last)| match last - first {
            0 => label(*first),
            _ => format!("{} to {}", label(*first), label(*last)),
        });
    let named = named.collect::<Vec<_>>().join(", ");
    match runs.len() > RUNS {
        true => format!("{named} and other days"),
        false => named,
    }
}

#[cfg(test)]
mod tests;
