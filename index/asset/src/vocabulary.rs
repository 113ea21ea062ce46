//! The facet vocabulary: which fields there are, how they are called, ordered and shown.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// All facet fields.
#[derive(Debug, Deserialize)]
pub struct Vocabulary {
    /// The fields in the order a page shows them.
    pub fields: Vec<FacetField>,
}

/// One facet field.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FacetField {
    /// Its name in addresses, JSON and connectors.
    pub name: String,
    /// Its name for people.
    pub label: String,
    /// How its values are ordered.
    pub order: FacetOrder,
    /// Whether it comes without being asked for.
    pub default: bool,
    /// Names of values for people, where they differ.
    #[serde(default)]
    pub labels: HashMap<String, String>,
    /// The values in their own order, for [`FacetOrder::Date`].
    #[serde(default)]
    pub values: Vec<String>,
    /// For [`FacetOrder::Number`]: how many of one thing the units are that values are given in, seconds of time.
    #[serde(default)]
    pub units: HashMap<String, f64>,
    /// Values not shown until somebody asks for them.
    #[serde(default)]
    pub hidden_values: Vec<String>,
}

/// How the values of a field are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FacetOrder {
    /// Most frequent first.
    Count,
    /// By the number a value begins with.
    Number,
    /// By the vocabulary's own order, then by name.
    Date,
}

static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../vocabulary/facets.json"))
        .expect("the vocabulary shipped is read by a test")
});

/// The vocabulary that Gantry ships.
#[must_use]
pub fn vocabulary() -> &'static Vocabulary {
    &VOCABULARY
}

impl Vocabulary {
    /// The field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&FacetField> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The fields that come without being asked for.
    pub fn default_fields(&self) -> impl Iterator<Item = &FacetField> {
        self.fields.iter().filter(|field| field.default)
    }
}

impl FacetField {
    /// What people read for a value: its label, or its last step.
    #[must_use]
    pub fn label_of(&self, path: &str) -> String {
        let step = || {
            let step = path.rsplit('/').next().unwrap_or(path);
            match step.contains('%') {
                true => step.replace("%2F", "/").replace("%25", "%"),
                false => step.to_owned(),
            }
        };
        self.labels.get(path).cloned().unwrap_or_else(step)
    }

    /// Which of two counted values comes first.
    #[must_use]
    pub fn compare(&self, a: (&str, u64), b: (&str, u64)) -> Ordering {
        let by_order = match self.order {
            FacetOrder::Count => b.1.cmp(&a.1),
            FacetOrder::Number | FacetOrder::Date => {
                let place = |value| self.place(value).unwrap_or(f64::INFINITY);
                place(a.0).total_cmp(&place(b.0))
            }
        };
        by_order.then_with(|| a.0.cmp(b.0))
    }

    /// Where a value stands in the order of the field: its number, with its unit where the field has units, or its place
    /// among the vocabulary's values; `None` where it has none.
    #[must_use]
    pub fn place(&self, value: &str) -> Option<f64> {
        if self.order == FacetOrder::Date {
            let place = self.values.iter().position(|known| known == value);
            return place.map(|at| at as f64);
        }
        let is_of_number = |c: char| c.is_ascii_digit() || c == '.';
        let end = value.find(|c| !is_of_number(c)).unwrap_or(value.len());
        let number: f64 = value[..end].parse().ok()?;
        let unit = self.units.get(value[end..].trim());
        Some(number * unit.copied().unwrap_or(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_sort_by_frequency_and_releases_by_date() {
        let sorted = |field: &str, values: &[&str]| {
            let field = vocabulary().field(field).unwrap();
            let mut values: Vec<_> = values.iter().map(|v| ((*v).to_owned(), 1)).collect();
            values.sort_by(|a, b| field.compare((&a.0, a.1), (&b.0, b.1)));
            values.into_iter().map(|(v, _)| v).collect::<Vec<_>>()
        };
        assert_eq!(
            sorted("band", &["857 GHz", "100 GHz", "30 GHz"]),
            ["30 GHz", "100 GHz", "857 GHz"]
        );
        assert_eq!(
            sorted("release", &["PR4", "PR1", "DR3", "zz"]),
            ["PR1", "PR4", "DR3", "zz"]
        );
    }

    #[test]
    fn spans_of_time_sort_by_how_long_they_are() {
        let place = |field: &str, value: &str| vocabulary().field(field).unwrap().place(value);
        assert_eq!(place("sampling", "15 min"), Some(900.0));
        assert_eq!(place("sampling", "30 s"), Some(30.0));
        assert_eq!(place("span", "01D"), Some(86_400.0));
        assert_eq!(place("span", "15M"), Some(900.0));
        assert_eq!(place("sampling", "unknown"), None);
        assert_eq!(place("band", "857 GHz"), Some(857.0));
    }

    #[test]
    fn simulations_are_hidden_by_default() {
        assert_eq!(
            vocabulary().field("provenance").unwrap().hidden_values,
            ["simulated"]
        );
    }
}
