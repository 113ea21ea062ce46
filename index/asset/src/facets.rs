//! Facets: fields of an asset whose values are counted beside search results.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The facet values of one asset, by field; always lists, values are paths such as `Software/Positioning`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Facets(BTreeMap<String, Vec<String>>);

impl Facets {
    /// No facets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value to a field, once.
    pub fn add(&mut self, field: &str, value: impl Into<String>) {
        let value = value.into();
        let values = self.0.entry(field.to_owned()).or_default();
        if !value.is_empty() && !values.contains(&value) {
            values.push(value);
        }
    }

    /// The values of a field; empty when it has none.
    #[must_use]
    pub fn get(&self, field: &str) -> &[String] {
        self.0.get(field).map_or(&[], Vec::as_slice)
    }

    /// The first value of a field.
    #[must_use]
    pub fn first(&self, field: &str) -> Option<&str> {
        self.get(field).first().map(String::as_str)
    }

    /// All fields with their values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0
            .iter()
            .map(|(field, values)| (field.as_str(), values.as_slice()))
    }
}

/// One selected facet, `field/path`; a `/` inside a value is written `%2F`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FacetPath {
    /// The field, such as `band`.
    pub field: String,
    /// The value with its ancestors, such as `Software/Positioning`.
    pub path: String,
}

impl FacetPath {
    /// Reads `field/path`; `None` when there is no field or no path.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (field, path) = text.split_once('/')?;
        (!field.is_empty() && !path.is_empty()).then(|| Self {
            field: field.to_owned(),
            path: path.to_owned(),
        })
    }

    /// The value and its ancestors, shortest first: `A`, `A/B`, `A/B/C`.
    pub fn ancestors(path: &str) -> impl Iterator<Item = &str> {
        path.match_indices('/')
            .map(|(at, _)| &path[..at])
            .chain(std::iter::once(path))
    }
}

impl fmt::Display for FacetPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.field, self.path)
    }
}

/// Writes one value as one step of a path, so that a `/` inside it does not make two.
#[must_use]
pub(crate) fn escape(value: &str) -> String {
    value.replace('%', "%25").replace('/', "%2F")
}

impl Facets {
    /// Adds one value that may hold a `/`, such as the unit `MJy/sr`, as a single step.
    pub fn add_step(&mut self, field: &str, value: &str) {
        self.add(field, escape(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_counts_at_each_of_its_ancestors() {
        assert_eq!(
            FacetPath::ancestors("A/B/C").collect::<Vec<_>>(),
            ["A", "A/B", "A/B/C"]
        );
    }

    #[test]
    fn a_slash_inside_a_value_is_one_step() {
        let mut facets = Facets::new();
        facets.add_step("unit", "MJy/sr");
        assert_eq!(facets.get("unit"), ["MJy%2Fsr"]);
    }
}
