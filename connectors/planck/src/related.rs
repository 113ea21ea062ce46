//! Which products belong together: other releases of one, and re-issues within a release.

use std::collections::HashMap;

use gantry_asset::{ArchiveId, AssetId, Related, Relation};

use crate::grammar::Name;

/// The products of one list by what they are but for their release.
pub(crate) struct Families<'a> {
    by_key: HashMap<String, Vec<(&'a str, &'a Name)>>,
}

impl<'a> Families<'a> {
    pub(crate) fn new(products: impl Iterator<Item = (&'a str, &'a Name)>) -> Self {
        let mut by_key: HashMap<String, Vec<_>> = HashMap::new();
        for (file, name) in products {
            if let Some(key) = name.key_without_release() {
                by_key.entry(key).or_default().push((file, name));
            }
        }
        Self { by_key }
    }

    /// What is related to a product.
    pub(crate) fn related(&self, archive: &ArchiveId, file: &str, name: &Name) -> Vec<Related> {
        let family = name
            .key_without_release()
            .and_then(|key| self.by_key.get(&key));
        let mut related: Vec<Related> = family
            .into_iter()
            .flatten()
            .filter_map(|(other_file, other)| {
                let relation = relation(name, other).filter(|_| *other_file != file)?;
                let asset = AssetId::from_path(archive, other_file).ok()?;
                Some(Related {
                    relation,
                    asset,
                    label: label(other),
                })
            })
            .collect();
        related.sort();
        related
    }

    /// Whether a later re-issue of the same release stands beside it.
    pub(crate) fn is_superseded(&self, name: &Name) -> bool {
        let family = name
            .key_without_release()
            .and_then(|key| self.by_key.get(&key));
        family
            .into_iter()
            .flatten()
            .any(|(_, other)| relation(name, other) == Some(Relation::SupersededBy))
    }
}

fn relation(name: &Name, other: &Name) -> Option<Relation> {
    let ((release, rerelease), (other_release, other_rerelease)) =
        (name.release.as_ref()?, other.release.as_ref()?);
    if release != other_release {
        return Some(Relation::OtherRelease);
    }
    match rerelease.cmp(other_rerelease) {
        std::cmp::Ordering::Less => Some(Relation::SupersededBy),
        std::cmp::Ordering::Greater => Some(Relation::Supersedes),
        std::cmp::Ordering::Equal => None,
    }
}

fn label(name: &Name) -> String {
    let Some((release, rerelease)) = &name.release else {
        return String::new();
    };
    let dipole = if *release == 4 && name.band_ghz.is_some() {
        ", dipole included"
    } else {
        ""
    };
    format!("PR{release} ({rerelease}){dipole}")
}
