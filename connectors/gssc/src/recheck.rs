//! Folders that need not be listed in every harvest: those of days and weeks long past.
//!
//! What a folder of a day or week held is noted when all of it was told. A later harvest leaves such a folder out until
//! its recheck date, unless its time in the listing above it has changed since.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use gantry_net::Entry;
use serde::{Deserialize, Serialize};

use crate::calendar::day_of_week;

/// How long folders of a certain age are left alone.
#[derive(Deserialize)]
struct Rule {
    younger_than_days: Option<i64>,
    recheck_after_days: i64,
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../data/recheck.json"))
        .expect("the data shipped is read by a test")
});

/// Sizes of broadcast files by name, which are compared with those of the year's folder.
pub(crate) type Broadcast = BTreeMap<String, Option<u64>>;

/// What is noted of a folder that was told whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    /// When.
    at: DateTime<Utc>,
    /// Its time in the listing above it.
    modified: Option<DateTime<Utc>>,
    /// What it was told by: of another configuration or program nothing is left out.
    by: String,
    /// The broadcast files in it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    broadcast: Broadcast,
}

/// What earlier harvests noted, and what this one notes.
#[derive(Debug, Clone)]
pub(crate) struct Rechecks {
    noted: BTreeMap<String, Seen>,
    by: String,
    now: DateTime<Utc>,
}

/// A listing may count times in minutes, so that a change close to it may not show in them.
const CLOSE: TimeDelta = TimeDelta::minutes(2);

impl Rechecks {
    /// What the notes of an archive say.
    pub(crate) fn read(notes: BTreeMap<String, String>, by: &str, now: DateTime<Utc>) -> Self {
        let read = |(path, text): (String, String)| Some((path, serde_json::from_str(&text).ok()?));
        Self {
            noted: notes.into_iter().filter_map(read).collect(),
            by: by.to_owned(),
            now,
        }
    }

    /// Whether a folder is left out of this harvest.
    pub(crate) fn leaves_out(&self, path: &str, entry: &Entry) -> bool {
        let (Some(seen), Some(day)) = (self.noted.get(path), last_day(path)) else {
            return false;
        };
        let is_as_it_was = entry.modified == seen.modified
            && seen
                .modified
                .is_none_or(|modified| modified + CLOSE < seen.at);
        is_as_it_was && seen.by == self.by && self.now < seen.at + after(self.now, day, path)
    }

    /// The broadcast files that a folder which is left out had.
    pub(crate) fn broadcast(&self, path: &str) -> Option<&Broadcast> {
        self.noted.get(path).map(|seen| &seen.broadcast)
    }

    /// The note about a folder that was told whole; none for one that is not of a day or week, or still young.
    pub(crate) fn note(
        &self,
        path: &str,
        modified: Option<DateTime<Utc>>,
        broadcast: Broadcast,
    ) -> Option<String> {
        let day = last_day(path)?;
        if after(self.now, day, path).is_zero() {
            return None;
        }
        let seen = Seen {
            at: self.now,
            modified,
            by: self.by.clone(),
            broadcast,
        };
        serde_json::to_string(&seen).ok()
    }

    /// The folders that lay in this one and are in its listing no more, each with the folders noted in it.
    pub(crate) fn vanished(&self, path: &str, listed: impl Fn(&str) -> bool) -> Vec<Vanished> {
        let prefix = match path {
            "" => String::new(),
            path => format!("{path}/"),
        };
        let mut vanished: Vec<Vanished> = Vec::new();
        for noted in self.noted.range(prefix.clone()..).map(|(path, _)| path) {
            let Some(rest) = noted.strip_prefix(&prefix) else {
                break;
            };
            let name = rest.split('/').next().unwrap_or(rest);
            if listed(name) {
                continue;
            }
            let folder = format!("{prefix}{name}");
            match vanished.last_mut() {
                Some(last) if last.folder == folder => last.noted.push(noted.clone()),
                _ => vanished.push(Vanished {
                    folder,
                    noted: vec![noted.clone()],
                }),
            }
        }
        vanished
    }
}

/// A folder that is no more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Vanished {
    /// Its path.
    pub(crate) folder: String,
    /// What was noted of it and of what lay in it.
    pub(crate) noted: Vec<String>,
}

/// How long a folder is left alone; not the same for all, so that not all are due on the same day.
fn after(now: DateTime<Utc>, day: NaiveDate, path: &str) -> TimeDelta {
    let age = now.date_naive().signed_duration_since(day).num_days();
    let rule = RULES
        .iter()
        .find(|rule| rule.younger_than_days.is_none_or(|days| age < days));
    let days = rule.map_or(0, |rule| rule.recheck_after_days);
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    let share = i64::try_from(hasher.finish() % 51).unwrap_or(0) + 75;
    TimeDelta::minutes(days * 24 * 60 * share / 100)
}

/// The last day of what a folder is of: `…/2023/001` of a day, `products/2243` of a GPS week, `…/2023/brdc` of a year.
fn last_day(path: &str) -> Option<NaiveDate> {
    let (above, name) = path.rsplit_once('/')?;
    let above = above.rsplit('/').next()?;
    let year = || number(above, 4).and_then(|year| i32::try_from(year).ok());
    if above == "products" {
        return day_of_week(number(name, 4)?, 6);
    }
    match number(name, 3) {
        Some(day) => NaiveDate::from_yo_opt(year()?, day),
        None if name == "brdc" => NaiveDate::from_ymd_opt(year()?, 12, 31),
        None => None,
    }
}

fn number(text: &str, digits: usize) -> Option<u32> {
    let is_number = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}
