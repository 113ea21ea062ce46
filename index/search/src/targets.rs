//! Places of the sky by name: data, read from `vocabulary/targets.json`.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::text::parts;

/// A place of the sky.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    names: Vec<String>,
    ra: f64,
    dec: f64,
}

/// A place of the sky by one of its names.
#[derive(Debug)]
pub(crate) struct Target {
    /// Its first name.
    pub(crate) name: String,
    /// Right ascension, ICRS degrees.
    pub(crate) ra: f64,
    /// Declination, ICRS degrees.
    pub(crate) dec: f64,
}

/// The most words of a name.
const LONGEST: usize = 3;

static TARGETS: LazyLock<HashMap<Vec<String>, Target>> = LazyLock::new(|| {
    let entries: Vec<Entry> = serde_json::from_str(include_str!("../vocabulary/targets.json"))
        .expect("the places shipped are read by a test");
    let by_name = |entry: Entry| {
        let first = entry.names.first().cloned().unwrap_or_default();
        let (ra, dec) = (entry.ra, entry.dec);
        entry.names.into_iter().map(move |name| {
            let name_of = first.clone();
            (
                parts(&name),
                Target {
                    name: name_of,
                    ra,
                    dec,
                },
            )
        })
    };
    entries.into_iter().flat_map(by_name).collect()
});

/// The place whose name words begin with, and how many of the words are its name.
pub(crate) fn target(words: &[&str]) -> Option<(usize, &'static Target)> {
    (1..=words.len().min(LONGEST)).rev().find_map(|n| {
        let typed: Vec<String> = words[..n].iter().flat_map(|word| parts(word)).collect();
        TARGETS.get(&typed).map(|target| (n, target))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_by_any_of_their_names_however_these_are_written() {
        for typed in [
            &["Pleiades"][..],
            &["M45"],
            &["M", "45"],
            &["messier", "45"],
        ] {
            assert_eq!(
                target(typed).map(|(n, target)| (n, target.name.as_str())),
                Some((typed.len(), "Pleiades"))
            );
        }
        assert!(target(&["galactic", "plane"]).is_none());
        for target in TARGETS.values() {
            assert!((0.0..360.0).contains(&target.ra) && (-90.0..=90.0).contains(&target.dec));
        }
    }
}
