//! Words that mean the same, and other habits of the sciences: data, read from `vocabulary/synonyms.json`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

use serde::Deserialize;

use crate::text::parts;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    groups: Vec<Vec<String>>,
    means: BTreeMap<String, Vec<String>>,
    units: Units,
    asks: BTreeMap<String, Vec<String>>,
    small_words: HashSet<String>,
    affinity: BTreeMap<String, f32>,
}

/// Words that make a quantity of the number beside them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Units {
    /// As in `100 GHz`, each with other ways to write it.
    pub(crate) after_number: BTreeMap<String, Vec<String>>,
    /// As in `NSIDE 2048`, each with the facet field whose values the numbers are.
    pub(crate) before_number: BTreeMap<String, String>,
}

/// All of it, in parts as [`crate::text`] makes them.
pub(crate) struct Synonyms {
    /// Groups of expressions of the same meaning; and expressions with those they mean too, which do not mean them.
    groups: Vec<Vec<Vec<String>>>,
    /// Which group an expression asks for.
    by_expression: HashMap<Vec<String>, usize>,
    /// Units.
    pub(crate) units: Units,
    /// Per facet field, expressions that ask for its hidden values.
    asks: BTreeMap<String, Vec<Vec<String>>>,
    /// Words that say nothing alone.
    pub(crate) small_words: HashSet<String>,
    /// How much a match of the facet's value itself counts, by field.
    pub(crate) affinity: BTreeMap<String, f32>,
}

/// The most parts an expression has.
pub(crate) const LONGEST_EXPRESSION: usize = 4;

static SYNONYMS: LazyLock<Synonyms> = LazyLock::new(|| {
    let file: File = serde_json::from_str(include_str!("../vocabulary/synonyms.json"))
        .expect("the synonyms shipped are read by a test");
    Synonyms::new(file)
});

/// The synonyms that Gantry ships.
pub(crate) fn synonyms() -> &'static Synonyms {
    &SYNONYMS
}

impl Synonyms {
    fn new(file: File) -> Self {
        let in_parts = |texts: &[String]| texts.iter().map(|text| parts(text)).collect::<Vec<_>>();
        let mut groups: Vec<_> = file.groups.iter().map(|group| in_parts(group)).collect();
        let each = groups
            .iter()
            .enumerate()
            .flat_map(|(at, group)| group.iter().map(move |one| (one.clone(), at)));
        let mut by_expression: HashMap<_, _> = each.collect();
        for (expression, others) in &file.means {
            let expression = parts(expression);
            by_expression.insert(expression.clone(), groups.len());
            groups.push([vec![expression], in_parts(others)].concat());
        }
        Self {
            by_expression,
            asks: file
                .asks
                .iter()
                .map(|(field, texts)| (field.clone(), in_parts(texts)))
                .collect(),
            groups,
            units: file.units,
            small_words: file.small_words,
            affinity: file.affinity,
        }
    }

    /// All expressions that mean the same as this one, itself included.
    pub(crate) fn of(&self, expression: &[String]) -> Option<&[Vec<String>]> {
        self.by_expression
            .get(expression)
            .map(|at| self.groups[*at].as_slice())
    }

    /// Whether these parts ask for the hidden values of a facet field.
    pub(crate) fn asks_for(&self, field: &str, typed: &[String]) -> bool {
        let holds = |one: &Vec<String>| {
            typed
                .windows(one.len())
                .any(|window| window == one.as_slice())
        };
        self.asks
            .get(field)
            .is_some_and(|expressions| expressions.iter().any(holds))
    }

    /// The unit that a word behind a number is, as values of facets are written.
    pub(crate) fn unit(&self, word: &str) -> Option<&str> {
        let is_it = |(unit, others): &(&String, &Vec<String>)| {
            *unit == word || others.iter().any(|other| other == word)
        };
        let found = self.units.after_number.iter().find(is_it);
        found.map(|(unit, _)| unit.as_str())
    }

    /// Whether a part is a unit, which adds nothing to its number.
    pub(crate) fn is_unit(&self, part: &str) -> bool {
        self.unit(part).is_some() || self.units.before_number.contains_key(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gantry_asset::vocabulary;

    #[test]
    fn the_shipped_synonyms_are_short_and_name_real_fields() {
        let all = synonyms();
        assert!(
            all.by_expression
                .keys()
                .all(|one| (1..=LONGEST_EXPRESSION).contains(&one.len()))
        );
        assert!(
            all.affinity
                .keys()
                .chain(all.asks.keys())
                .all(|field| vocabulary().field(field).is_some())
        );
        assert!(
            all.of(&parts("polarisation"))
                .unwrap()
                .contains(&parts("polarization"))
        );
    }

    #[test]
    fn words_of_simulations_ask_for_them() {
        assert!(synonyms().asks_for("provenance", &parts("FFP10 noise")));
        assert!(!synonyms().asks_for("provenance", &parts("smica noise")));
    }
}
