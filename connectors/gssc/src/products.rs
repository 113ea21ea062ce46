//! What is known of products before they are there: when they are due, and which antenna model a week was made with.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use chrono::TimeDelta;
use serde::Deserialize;

use crate::vocabulary;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DueFacts {
    #[serde(rename = "what")]
    _what: String,
    sources: BTreeMap<String, String>,
    due: Vec<Due>,
}

/// When what fits is due; a member that is left out fits everything.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Due {
    content: Option<String>,
    centre: Option<String>,
    latency: Option<String>,
    hours: u32,
    source: String,
}

static DUE: LazyLock<DueFacts> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../data/due.json"))
        .expect("the data shipped is read by a test")
});

/// How long after the end of its nominal day a product should be there, by content, centre and latency; none when
/// nobody says so.
///
/// # Source
/// `data/due.json`, which names its own.
#[must_use]
pub fn due_after(content: &str, centre: &str, latency: &str) -> Option<TimeDelta> {
    let fits = |asked: &Option<String>, is: &str| asked.as_ref().is_none_or(|asked| asked == is);
    let due = DUE.due.iter().find(|due| {
        fits(&due.content, content) && fits(&due.centre, centre) && fits(&due.latency, latency)
    })?;
    Some(TimeDelta::hours(i64::from(due.hours)))
}

/// Who says when what is due, a line each.
pub fn due_sources() -> impl Iterator<Item = (&'static str, &'static str)> {
    let named = |source: &str| DUE.due.iter().any(|due| due.source == source);
    let sources = DUE.sources.iter();
    sources
        .filter(move |(source, _)| named(source))
        .map(|(source, says)| (source.as_str(), says.as_str()))
}

/// The family of antenna models in use in a GPS week: `IGS20` from week 2238 on; none before the first known.
#[must_use]
pub fn antenna_family(week: u32) -> Option<&'static str> {
    vocabulary::family_in_use(week)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_names_its_source_and_the_centre_comes_before_the_rule_for_all() {
        for due in &DUE.due {
            assert!(DUE.sources.contains_key(&due.source), "{}", due.source);
        }
        assert_eq!(due_sources().count(), DUE.sources.len());
        let days = |content, centre, latency| due_after(content, centre, latency).unwrap();
        assert_eq!(days("ORB", "ESA", "final"), TimeDelta::days(5));
        // IGS: the final products of a week come at most 19 days after its first day.
        assert_eq!(days("ORB", "COD", "final"), TimeDelta::days(19));
        assert_eq!(days("CLK", "COD", "rapid"), TimeDelta::hours(17));
        assert_eq!(due_after("CLK", "COD", "predicted"), None);
    }

    #[test]
    fn a_week_is_made_with_the_antennas_that_were_in_use() {
        // IGSMAIL-8238: IGS20 from week 2238 on; IGSMAIL-7399: IGS14 from week 1934 on.
        assert_eq!(antenna_family(2238), Some("IGS20"));
        assert_eq!(antenna_family(2237), Some("IGS14"));
        assert_eq!(antenna_family(1000), None);
    }
}
