//! Words find what has a facet value that says them, though no title does.

mod support;

use gantry_asset::FacetPath;
use gantry_search::Query;
use support::{Catalogue, Searched, asset, query};

const DUST: &str = "dust.fits";
const GAS: &str = "gas.fits";

fn catalogue() -> Catalogue {
    let dust = [
        "domain=Sky/Dust",
        "nside=2048",
        "release=PR3",
        "band=100 GHz",
        "unit=MJy%2Fsr",
    ];
    let gas = ["domain=Sky", "nside=1024", "release=PR2", "band=44 GHz"];
    Catalogue::of([asset(DUST, "One", 2, &dust), asset(GAS, "Other", 1, &gas)])
}

#[tokio::test]
async fn a_word_of_a_value_or_of_its_label_finds_what_has_the_value() {
    let searched = Searched::over(&catalogue()).await;
    for (typed, found) in [
        ("domain:dust", vec![DUST]),
        ("sky", vec![DUST, GAS]),
        ("ghz", vec![DUST, GAS]),
        ("ghz -sky", vec![]),
        ("nside 2048", vec![DUST]),
        ("100 GHz", vec![DUST]),
        ("\"100 ghz\"", vec![DUST]),
        ("\"ghz 100\"", vec![]),
        ("MJy/sr", vec![DUST]),
        // The labels of PR2 and PR3.
        ("2015", vec![GAS]),
        ("\"PR3 2018\"", vec![DUST]),
        ("mj*", vec![DUST]),
        ("sk* -mjy", vec![GAS]),
    ] {
        assert_eq!(searched.ids(typed), found, "{typed}");
    }
}

#[tokio::test]
async fn a_value_that_comes_later_is_found_by_its_words_and_by_those_asked_before() {
    let catalogue = catalogue();
    let searched = Searched::over(&catalogue).await;
    assert_eq!(searched.ids("sky"), [DUST, GAS]);
    assert!(searched.ids("comet").is_empty());
    catalogue.put(asset("tail.fits", "Third", 3, &["domain=Sky/Comet"]), 1);
    let followed = searched.index.follow(&catalogue).await;
    assert_eq!(followed.map(|done| done.applied).ok(), Some(1));
    assert_eq!(searched.ids("comet"), ["tail.fits"]);
    assert_eq!(searched.ids("sky"), ["tail.fits", DUST, GAS]);
}

#[tokio::test]
async fn a_completion_is_offered_only_where_something_has_all_of_its_words() {
    let assets = [
        asset("1.fits", "Alpha gamma", 1, &[]),
        asset("2.fits", "Beta", 1, &[]),
    ];
    let searched = Searched::over(&Catalogue::of(assets)).await;
    let texts = |typed: &str| {
        let all = searched.index.suggest(typed, 10).expect("it is searched");
        all.into_iter().map(|one| one.text).collect::<Vec<_>>()
    };
    assert_eq!(texts("alpha ga"), ["alpha gamma"]);
    assert!(texts("alpha be").is_empty());
}

#[tokio::test]
async fn a_value_that_there_is_not_is_told_with_those_that_may_be_meant() {
    let searched = Searched::over(&catalogue()).await;
    let notes = |field: &str, path: &str| {
        let facet = FacetPath {
            field: field.to_owned(),
            path: path.to_owned(),
        };
        let asked = Query {
            facets: vec![facet],
            ..query("")
        };
        searched.index.search(&asked).expect("it is searched").notes
    };
    let meant = ["no `band` is called `44`; there is `44 GHz`"];
    assert_eq!(notes("band", "44"), meant);
    assert_eq!(notes("band", "45 GHz"), ["no `band` is called `45 GHz`"]);
    assert!(notes("band", "44 GHz").is_empty());
    assert!(notes("nside", "1..3").is_empty());
}

#[tokio::test]
async fn completions_of_all_that_was_typed_come_before_those_of_its_last_word() {
    let stations = |n: u32| asset(&format!("s{n}"), "100 things", 1, &["organization=Gamma"]);
    let all = (0..5)
        .map(stations)
        .chain([asset("b", "Band", 1, &["band=100 GHz"])]);
    let searched = Searched::over(&Catalogue::of(all)).await;
    let all = searched.index.suggest("100 G", 10).expect("it is searched");
    let texts: Vec<_> = all.into_iter().map(|one| one.text).collect();
    assert_eq!(texts[..2], ["100 GHz", "100 Gamma"], "{texts:?}");
}
