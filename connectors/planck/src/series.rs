//! Series: realisations of one simulation, which differ only in their number.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use gantry_asset::{ArchiveId, Asset, AssetId};

/// How many numbers that are missing are named.
const MOST_NAMED: usize = 10;

/// The realisations of one list: the numbers there are, by what their names have in common.
pub(crate) struct Realisations {
    numbers: BTreeMap<String, BTreeSet<u32>>,
    told: HashSet<String>,
    /// Whether a number that is not there is missing at the archive.
    is_whole: bool,
}

impl Realisations {
    pub(crate) fn new<'a>(names: impl Iterator<Item = &'a str>, is_whole: bool) -> Self {
        let mut numbers: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
        for (key, number) in names.filter_map(realisation) {
            numbers.entry(key).or_default().insert(number);
        }
        // One alone stands for itself.
        numbers.retain(|_, numbers| numbers.len() > 1);
        Self {
            numbers,
            told: HashSet::new(),
            is_whole,
        }
    }

    /// Takes note of a product that an earlier part of the same harvest told, with its series.
    pub(crate) fn was_told(&mut self, file: &str) {
        self.told.extend(realisation(file).map(|(key, _)| key));
    }

    /// Makes a product a member of its series, if it is in one; gives the series before the first of its members.
    pub(crate) fn join(
        &mut self,
        archive: &ArchiveId,
        asset: &mut Asset,
        file: &str,
    ) -> Option<Asset> {
        let (key, _) = realisation(file)?;
        let numbers = self.numbers.get(&key)?;
        let id = AssetId::parse(&format!("{archive}:~{key}")).ok()?;
        asset.series = Some(id.clone());
        self.told.insert(key.clone()).then(|| Asset {
            title: format!("Simulation, {}, realisations", words(&key)),
            description: match self.is_whole {
                true => told(numbers),
                false => format!("{} of its realisations are catalogued.", numbers.len()),
            },
            facets: asset.facets.clone(),
            rank: asset.rank,
            sky: asset.sky.clone(),
            ..Asset::new(id, asset.kind)
        })
    }
}

/// What a name has in common with other realisations, and its number: `ffp10_noise_217_full_map_mc_00010.fits` is
/// number 10 of `ffp10_noise_217_full_map_mc`.
fn realisation(file: &str) -> Option<(String, u32)> {
    let (before, rest) = file.split_once("_mc_")?;
    let end = rest.bytes().position(|byte| !byte.is_ascii_digit())?;
    let (number, rest) = rest.split_at_checked(end)?;
    let (after, _) = rest.split_once('.')?;
    let number = number.parse().ok().filter(|_| (3..=6).contains(&end))?;
    Some((format!("{before}_mc{after}"), number))
}

fn words(key: &str) -> String {
    let words = key.split('_').filter(|word| !matches!(*word, "mc" | ""));
    words.collect::<Vec<_>>().join(" ")
}

/// Which numbers there are, and which are missing between them.
fn told(numbers: &BTreeSet<u32>) -> String {
    let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else {
        return String::new();
    };
    let n = numbers.len();
    let missing = (last - first) as usize + 1 - n;
    let all = format!("{n} realisations, {first} to {last}");
    if missing == 0 {
        return all;
    }
    let gaps = (*first..=*last).filter(|number| !numbers.contains(number));
    let named: Vec<String> = gaps
        .take(MOST_NAMED)
        .map(|number| number.to_string())
        .collect();
    let more = if missing > named.len() {
        " and others"
    } else {
        ""
    };
    format!(
        "{all}; {missing} missing between them: {}{more}",
        named.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_number_of_its_own_is_no_realisation() {
        assert_eq!(
            realisation("dx12_v3_smica_cmb_mc_00970_raw.fits"),
            Some(("dx12_v3_smica_cmb_mc_raw".to_owned(), 970))
        );
        for name in [
            "HFI_SkyMap_100_2048_R3.01_full.fits",
            "a_mc_.fits",
            "a_mc_1234567.fits",
            "a_mc_00010",
            "_mc_é.fits",
        ] {
            assert_eq!(realisation(name), None, "{name}");
        }
    }
}
