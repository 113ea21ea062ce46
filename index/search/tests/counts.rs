//! Totals and facet counts against the plainest way to count them, and queries nobody would type.
#![expect(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::collections::BTreeMap;

use gantry_asset::{Asset, FacetPath, vocabulary};
use gantry_search::{Change, Collapse, Query, Suggested};
use proptest::prelude::*;
use support::{Catalogue, Dice, Searched, asset, rounds};

const WORDS: [&str; 6] = ["map", "dust", "lensing", "beam", "noise", "point source"];

/// Fields with the values they take; the second may have several at once, the third is a tree.
const FIELDS: [(&str, &[&str]); 6] = [
    ("mission", &["Planck", "Gaia", "Galileo"]),
    ("instrument", &["HFI", "LFI", "RVS", "BP/RP"]),
    (
        "domain",
        &["Earth", "Earth/Sea", "Earth/Sea/Level", "Sky", "Sky/Deep"],
    ),
    ("band", &["30 GHz", "100 GHz", "143 GHz", "217 GHz"]),
    ("provenance", &["observed", "simulated", "model"]),
    ("year", &["2009", "2010", "2011", "2012", "2013"]),
];

fn random_asset(dice: &mut Dice, number: u64) -> Asset {
    let title = format!("{} {} {number}", dice.one(&WORDS), dice.one(&WORDS));
    let mut made = asset(
        &format!("a-{number:05}"),
        &title,
        u32::try_from(dice.below(4)).unwrap(),
        &[],
    );
    for (field, values) in FIELDS {
        let most = if matches!(field, "instrument" | "domain") {
            3
        } else {
            1
        };
        for _ in 0..dice.below(most + 1) {
            made.facets.add(field, *dice.one(values));
        }
    }
    made
}

fn random_query(dice: &mut Dice) -> Query {
    let mut facets = Vec::new();
    for _ in 0..dice.below(5) {
        let (field, values) = dice.one(&FIELDS);
        facets.push(FacetPath {
            field: (*field).to_owned(),
            path: (*dice.one(values)).to_owned(),
        });
    }
    if dice.below(4) == 0 {
        facets.push(FacetPath {
            field: "year".to_owned(),
            path: "2010..2012".to_owned(),
        });
    }
    let q = if dice.below(2) == 0 {
        String::new()
    } else {
        (*dice.one(&WORDS)).to_owned()
    };
    let fields = FIELDS
        .iter()
        .map(|(field, _)| (*field).to_owned())
        .collect();
    Query {
        q,
        facets,
        limit: 5,
        collapse: Collapse::None,
        fields: Some(fields),
        ..Query::default()
    }
}

/// All values of a field with their ancestors, each once.
fn steps(asset: &Asset, field: &str) -> Vec<String> {
    let mut all: Vec<String> = asset
        .facets
        .get(field)
        .iter()
        .flat_map(|path| FacetPath::ancestors(path).map(str::to_owned))
        .collect();
    all.sort();
    all.dedup();
    all
}

/// Whether an asset meets what is asked of one field.
fn meets(asset: &Asset, query: &Query, field: &str) -> bool {
    let has = steps(asset, field);
    let selected: Vec<&FacetPath> = query
        .facets
        .iter()
        .filter(|facet| facet.field == field)
        .collect();
    if selected.is_empty() {
        let hidden = &vocabulary().field(field).unwrap().hidden_values;
        return !has.iter().any(|value| hidden.contains(value));
    }
    selected
        .iter()
        .any(|facet| match facet.path.split_once("..") {
            Some((from, to)) => has
                .iter()
                .any(|value| value.as_str() >= from && value.as_str() <= to),
            None => has.contains(&facet.path),
        })
}

fn brute_force(assets: &[Asset], query: &Query) -> (u64, BTreeMap<String, BTreeMap<String, u64>>) {
    let mut total = 0;
    let mut counts: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for asset in assets.iter().filter(|asset| asset.title.contains(&query.q)) {
        let failed: Vec<&str> = FIELDS
            .iter()
            .map(|(field, _)| *field)
            .filter(|field| !meets(asset, query, field))
            .collect();
        total += u64::from(failed.is_empty());
        for (field, _) in FIELDS {
            if failed.is_empty() || failed == [field] {
                for value in steps(asset, field) {
                    *counts
                        .entry(field.to_owned())
                        .or_default()
                        .entry(value)
                        .or_default() += 1;
                }
            }
        }
    }
    (total, counts)
}

#[tokio::test]
async fn counts_are_those_of_counting_one_by_one() {
    for seed in 1..=rounds() {
        let dice = &mut Dice(seed * 0x9E37_79B9);
        let mut assets: Vec<Asset> = (0..700).map(|number| random_asset(dice, number)).collect();
        let catalogue = Catalogue::of(assets.clone());
        let here = Searched::over(&catalogue).await;
        for _ in 0..3 {
            for _ in 0..40 {
                compare(&here, &assets, &random_query(dice), seed);
            }
            change_some(dice, &mut assets, &catalogue);
            here.index.follow(&catalogue).await.unwrap();
        }
    }
}

/// Withdraws, replaces and adds some, so that there are several segments with deleted documents.
fn change_some(dice: &mut Dice, assets: &mut Vec<Asset>, catalogue: &Catalogue) {
    for _ in 0..60 {
        let at = usize::try_from(dice.below(assets.len() as u64)).unwrap();
        catalogue.add(Change::Gone(assets.swap_remove(at).id));
    }
    for _ in 0..60 {
        let number = dice.below(2_000);
        let new = random_asset(dice, number);
        assets.retain(|asset| asset.id != new.id);
        assets.push(new.clone());
        catalogue.put(new, 2);
    }
}

fn compare(here: &Searched, assets: &[Asset], query: &Query, seed: u64) {
    let found = here.index.search(query).unwrap();
    let (total, expected) = brute_force(assets, query);
    assert_eq!(found.total, total, "seed {seed}, {query:?}");
    for field in &found.facets {
        let counted: BTreeMap<String, u64> = field
            .values
            .iter()
            .filter(|value| value.count > 0)
            .map(|v| (v.path.clone(), v.count))
            .collect();
        let expected = expected.get(&field.field).cloned().unwrap_or_default();
        assert_eq!(
            counted, expected,
            "seed {seed}, field {}, {query:?}",
            field.field
        );
        for facet in query
            .facets
            .iter()
            .filter(|f| f.field == field.field && !f.path.contains(".."))
        {
            assert!(
                field
                    .values
                    .iter()
                    .any(|value| value.path == facet.path && value.selected)
            );
        }
    }
    let resolved = here.index.resolve(query, usize::MAX).unwrap();
    assert_eq!(resolved.len() as u64, total);
    assert!(resolved.is_sorted_by(|a, b| a.id.as_str() < b.id.as_str()));
    if query.q.is_empty() {
        let rank =
            |id: &gantry_asset::AssetId| assets.iter().find(|asset| asset.id == *id).unwrap().rank;
        assert!(
            found
                .hits
                .is_sorted_by_key(|hit| (std::cmp::Reverse(rank(&hit.id)), hit.id.clone()))
        );
    }
}

#[test]
fn no_text_is_an_error_or_a_panic() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let dice = &mut Dice(7);
    let assets: Vec<Asset> = (0..50).map(|number| random_asset(dice, number)).collect();
    let here = runtime.block_on(Searched::over(&Catalogue::of(assets)));
    let piece = prop_oneof![
        any::<String>(),
        "[a-zA-Z0-9:*\"\\-_. ]{0,20}",
        prop::sample::select(vec![
            "band:",
            "title:\"",
            "id:*",
            "-",
            "\"",
            "*",
            "100 GHz",
            "year:2009..",
            "nside",
            "..",
            "-band:x",
            "«",
            "e\u{301}",
            "polarization",
            "half mission",
            "mission:",
            "-\"map",
            "map*",
            ":::",
            "\0",
        ])
        .prop_map(str::to_owned),
    ];
    let text = prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.join(" "));
    let cases = u32::try_from(rounds() * 100).unwrap();
    proptest!(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }, |(q in text)| {
        let query = Query { q: q.clone(), limit: 10, ..Query::default() };
        prop_assert!(here.index.search(&query).is_ok());
        prop_assert!(here.index.resolve(&query, 10).is_ok());
        let completions = here.index.suggest(&q, 5).unwrap();
        prop_assert!(completions.len() <= 5);
        for completion in completions {
            let chosen = match &completion.what {
                Suggested::Facet { field, path, label } if completion.text == *label => Query {
                    facets: vec![FacetPath { field: field.clone(), path: path.clone() }],
                    ..Query::default()
                },
                _ => Query { q: completion.text.clone(), ..Query::default() },
            };
            let found = here.index.search(&chosen).unwrap();
            prop_assert_eq!(completion.count, found.total, "{:?}", completion);
        }
        prop_assert!(here.index.facet_values("band", &query, Some(&q), 5).is_ok());
    });
}

#[tokio::test]
async fn counts_that_were_kept_are_those_of_the_facets_and_no_others() {
    let assets = ["100 GHz", "143 GHz"]
        .map(|band| asset(band, "Map", 1, &[&format!("band={band}"), "year=2010"]));
    let searched = Searched::over(&Catalogue::of(assets)).await;
    let of_year = |facets: &[(&str, &str)]| {
        let facet = |(field, path): &(&str, &str)| FacetPath {
            field: (*field).to_owned(),
            path: (*path).to_owned(),
        };
        let asked = Query {
            facets: facets.iter().map(facet).collect(),
            fields: Some(vec!["year".to_owned()]),
            ..support::query("")
        };
        let found = searched.index.search(&asked).unwrap();
        support::counts(&found, "year")
    };
    let one = |n| vec![("2010".to_owned(), n)];
    // Written one below the other, the first is the same as the second.
    assert_eq!(of_year(&[("band", "100 GHz\nband/143 GHz")]), []);
    for _ in 0..2 {
        assert_eq!(of_year(&[("band", "100 GHz"), ("band", "143 GHz")]), one(2));
        assert_eq!(of_year(&[("band", "143 GHz"), ("band", "100 GHz")]), one(2));
        assert_eq!(of_year(&[("band", "100 GHz")]), one(1));
        assert_eq!(of_year(&[]), one(2));
    }
}
