//! Which labs open a set of files.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Lab, LabCatalogue};

/// How many of some files a lab opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Opens {
    /// So many of them.
    pub n_files: u64,
    /// So many there are.
    pub of: u64,
}

impl Lab {
    /// Whether it opens files of this media type.
    #[must_use]
    pub fn opens(&self, media_type: &str) -> bool {
        self.media_types
            .iter()
            .any(|known| matches(known, media_type))
    }

    /// Whether it names this media type itself, and does not just open everything.
    fn knows(&self, media_type: &str) -> bool {
        self.media_types.iter().any(|known| known == media_type)
    }

    /// How many of files it opens, of which `n_files` says how many there are of each media type.
    #[must_use]
    pub fn opens_of(&self, n_files: &BTreeMap<String, u64>) -> Opens {
        let opened = n_files
            .iter()
            .filter(|(media_type, _)| self.opens(media_type));
        Opens {
            n_files: opened.map(|(_, n)| n).sum(),
            of: n_files.values().sum(),
        }
    }
}

impl LabCatalogue {
    /// The labs that open any of the files, those first that open most of them, and of these those that know their
    /// media types by name; of equals the one that opens notebooks when nobody names another.
    #[must_use]
    pub fn opening(&self, n_files: &BTreeMap<String, u64>) -> Vec<(&Lab, Opens)> {
        let known = |lab: &Lab| -> u64 {
            let known = n_files
                .iter()
                .filter(|(media_type, _)| lab.knows(media_type));
            known.map(|(_, n)| n).sum()
        };
        let mut labs: Vec<(&Lab, Opens)> = self
            .iter()
            .map(|lab| (lab, lab.opens_of(n_files)))
            .filter(|(_, opens)| opens.n_files > 0)
            .collect();
        let first = self.for_notebooks().map(Lab::id);
        labs.sort_by_key(|(lab, opens)| {
            std::cmp::Reverse((opens.n_files, known(lab), Some(lab.id()) == first))
        });
        labs
    }
}

/// Whether a media type is one that a pattern such as `text/*` names.
fn matches(pattern: &str, media_type: &str) -> bool {
    let plain = media_type.split(';').next().unwrap_or_default().trim();
    match pattern.strip_suffix("/*") {
        Some("*") => true,
        Some(kind) => plain.split_once('/').is_some_and(|(of, _)| of == kind),
        None => pattern.eq_ignore_ascii_case(plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_one_type_a_kind_of_types_or_all() {
        assert!(matches("text/csv", "Text/CSV; header=present"));
        assert!(matches("text/*", "text/csv") && matches("*/*", "text/csv"));
        assert!(!matches("text/*", "texture/csv") && !matches("text/csv", "text/plain"));
    }

    #[test]
    fn the_labs_that_open_most_come_first_and_a_table_is_topcats_before_the_file_managers() {
        let catalogue = LabCatalogue::load(None).unwrap();
        let of = |types: &[(&str, u64)]| {
            types
                .iter()
                .map(|(name, n)| ((*name).to_owned(), *n))
                .collect::<BTreeMap<_, _>>()
        };
        let n_files = of(&[("application/x-votable+xml", 3), ("application/pdf", 1)]);
        let labs = catalogue.opening(&n_files);
        let at = |name: &str| labs.iter().position(|(lab, _)| lab.name == name).unwrap();
        assert!(at("files") < at("topcat"), "it opens the paper too");
        assert_eq!(labs[at("topcat")].1, Opens { n_files: 3, of: 4 });
        let tables = of(&[("application/x-votable+xml", 3)]);
        let labs = catalogue.opening(&tables);
        assert_eq!(labs.last().unwrap().0.media_types, ["*/*"]);
        let nothing = catalogue.opening(&BTreeMap::new());
        assert!(nothing.is_empty());
    }
}
