//! What does not go together: releases, reference frames and antenna models mixed in one selection.

use std::collections::{BTreeMap, BTreeSet};

use gantry_asset::Asset;

/// What the assets of a selection differ in, by archive and facet.
#[derive(Debug, Default)]
pub(crate) struct Mixture(BTreeMap<(String, &'static str), BTreeSet<String>>);

/// The facets whose mixing deserves a word, and what they are called.
const FACETS: [(&str, &str); 3] = [
    ("release", "releases"),
    ("frame", "reference frames"),
    ("antenna_model", "antenna models"),
];

/// The reference epochs of Gaia's releases (documentation of each release, table `gaia_source`, `ref_epoch`).
const GAIA_EPOCHS: [(&str, &str); 3] = [("DR1", "J2015.0"), ("DR2", "J2015.5"), ("DR3", "J2016.0")];

impl Mixture {
    pub(crate) fn look_at(&mut self, asset: &Asset) {
        for (facet, _) in FACETS {
            let values = asset.facets.first(facet).map(ToOwned::to_owned);
            if let Some(value) = values {
                let of = (asset.id.archive().to_string(), facet);
                self.0.entry(of).or_default().insert(value);
            }
        }
    }

    /// One sentence for each mixture.
    pub(crate) fn sentences(&self) -> Vec<String> {
        let mixed = self.0.iter().filter(|(_, values)| values.len() > 1);
        mixed
            .map(|((_, facet), values)| sentence(facet, values))
            .collect()
    }
}

fn sentence(facet: &str, values: &BTreeSet<String>) -> String {
    let words = FACETS.iter().find(|(name, _)| *name == facet);
    let words = words.map_or(facet, |(_, words)| words);
    let names: Vec<&str> = values.iter().map(String::as_str).collect();
    let mut text = format!("The selection mixes the {words} {}.", names.join(", "));
    let has = |name: &str| values.contains(name);
    if facet == "release"
        && has("PR4")
        && names
            .iter()
            .any(|name| name.starts_with("PR") && *name != "PR4")
    {
        text.push_str(" PR4 keeps the Solar dipole (3366.6 µK towards l 263.986°, b 48.247°), has A/B splits rather than half-missions and is in K_CMB throughout.");
    }
    let epochs: Vec<String> = GAIA_EPOCHS
        .iter()
        .filter(|(release, _)| facet == "release" && has(release))
        .map(|(release, epoch)| format!("{release} at {epoch}"))
        .collect();
    if epochs.len() > 1 {
        text.push_str(&format!(
            " Their positions are of different epochs, {}; a source may have another identifier in each.",
            epochs.join(", ")
        ));
    }
    if facet == "frame" {
        text.push_str(" Positions differ by millimetres to centimetres between them.");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use gantry_asset::Kind;

    fn asset(id: &str, facet: &str, value: &str) -> Asset {
        let mut asset = Asset::new(id.parse().unwrap(), Kind::InformationData);
        asset.facets.add(facet, value);
        asset
    }

    #[test]
    fn releases_are_mixed_only_within_an_archive_and_the_epochs_are_told() {
        let mut mixture = Mixture::default();
        mixture.look_at(&asset("planck:a", "release", "PR3"));
        mixture.look_at(&asset("gaia:a", "release", "DR2"));
        assert!(mixture.sentences().is_empty());
        mixture.look_at(&asset("gaia:b", "release", "DR3"));
        let [sentence] = &mixture.sentences()[..] else {
            panic!("one mixture");
        };
        assert!(
            sentence.contains("DR2 at J2015.5, DR3 at J2016.0"),
            "{sentence}"
        );
    }
}
