//! Assets are found by what their archive calls them and by the names of their files.

mod support;

use gantry_asset::{Asset, AssetId};
use support::{Catalogue, Searched, asset};

/// Two archives that call something the same, and one more.
async fn searched() -> Searched {
    let named = |id: &str| Asset {
        id: AssetId::parse(id).expect("it has the form"),
        ..asset("some.file", "Observation", 1, &[])
    };
    let all = [
        "planck:ABCD0010.23o.crx.gz",
        "gssc:ABCD0010.23o.crx.gz",
        "gssc:abcd0010.log",
    ];
    Searched::over(&Catalogue::of(all.map(named))).await
}

fn ids(searched: &Searched, q: &str) -> Vec<String> {
    let found = searched.search(q);
    let ids = found.hits.iter().map(|hit| hit.id.to_string());
    let mut ids: Vec<String> = ids.collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn with_its_archive_a_name_is_that_archives_alone() {
    let searched = searched().await;
    let both = ["gssc:ABCD0010.23o.crx.gz", "planck:ABCD0010.23o.crx.gz"];
    assert_eq!(ids(&searched, "id:ABCD0010.23o.crx.gz"), both);
    assert_eq!(ids(&searched, "id:gssc:abcd0010.23o.crx.gz"), both[..1]);
    assert_eq!(ids(&searched, "id:planck:ABCD0010.23o.crx.gz"), both[1..]);
    assert!(ids(&searched, "id:plan:ABCD0010.23o.crx.gz").is_empty());
    assert!(ids(&searched, "id:gaia:ABCD0010.23o.crx.gz").is_empty());
}

#[tokio::test]
async fn a_file_is_found_by_its_name_behind_that_of_its_archive() {
    let with_file = |id: &str| Asset {
        id: AssetId::parse(id).expect("it has the form"),
        ..asset("BRUX0010.23D.Z", "Observation", 1, &[])
    };
    let all = ["gssc:data~2023~001~BRUX0010.23D.Z", "planck:elsewhere"];
    let searched = Searched::over(&Catalogue::of(all.map(with_file))).await;
    assert_eq!(ids(&searched, "id:brux0010.23d.z"), all);
    assert_eq!(ids(&searched, "gssc:brux0010.23d"), all[..1]);
    assert_eq!(ids(&searched, "planck:BRUX0010.23D.Z"), all[1..]);
    assert_eq!(ids(&searched, "id:gssc:brux*"), all[..1]);
    assert!(ids(&searched, "id:gaia:brux0010.23d").is_empty());
    let completed = searched.index.suggest("bru", 10).expect("it is searched");
    let texts = completed.into_iter().map(|one| one.text);
    assert!(
        texts
            .collect::<Vec<_>>()
            .contains(&"BRUX0010.23D.Z".to_owned())
    );
}

#[tokio::test]
async fn one_or_two_extensions_may_be_left_off_and_no_more() {
    let searched = searched().await;
    let both = ["gssc:ABCD0010.23o.crx.gz", "planck:ABCD0010.23o.crx.gz"];
    assert_eq!(ids(&searched, "id:abcd0010.23o.crx"), both);
    assert_eq!(ids(&searched, "id:abcd0010.23o"), both);
    assert_eq!(ids(&searched, "id:gssc:abcd0010.23o"), both[..1]);
    assert_eq!(ids(&searched, "id:abcd0010"), ["gssc:abcd0010.log"]);
    assert!(ids(&searched, "id:abcd001").is_empty());
    assert!(ids(&searched, "id:abcd0010.").is_empty());
}

#[tokio::test]
async fn the_beginning_of_a_name_finds_all_that_go_on_from_it() {
    let searched = searched().await;
    assert_eq!(ids(&searched, "id:abcd*").len(), 3);
    assert_eq!(ids(&searched, "abcd0010.2*").len(), 2);
    let gssc = ["gssc:ABCD0010.23o.crx.gz", "gssc:abcd0010.log"];
    assert_eq!(ids(&searched, "id:gssc:ABCD*"), gssc);
}

#[tokio::test]
async fn an_id_that_is_being_typed_is_completed_from_its_archives_names() {
    let searched = searched().await;
    let texts = |typed: &str| {
        let all = searched.index.suggest(typed, 10).expect("it is searched");
        all.into_iter().map(|one| one.text).collect::<Vec<_>>()
    };
    assert_eq!(texts("planck:ab"), ["planck:ABCD0010.23o.crx.gz"]);
    let gssc = ["gssc:ABCD0010.23o.crx.gz", "gssc:abcd0010.log"];
    assert_eq!(texts("gssc:AB"), gssc);
    assert_eq!(texts("ABCD"), ["ABCD0010.23o.crx.gz", "abcd0010.log"]);
    assert!(texts("plan").contains(&"planck:ABCD0010.23o.crx.gz".to_owned()));
    assert!(texts("gaia:ab").is_empty());
}
