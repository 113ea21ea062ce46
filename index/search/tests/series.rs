//! What a series stands for: the size of its members, their changes, and one completion for all of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use gantry_asset::{Asset, AssetId};
use gantry_search::{Change, Collapse, IndexedAsset, Query, Sort, Suggested};
use support::{Catalogue, Searched, asset, ids};

fn series() -> AssetId {
    "planck:~daily".parse().unwrap()
}

fn member(day: u32) -> Asset {
    let title = format!("Observations of day {day}");
    let mut member = asset(&format!("obs{day:03}"), &title, 1, &["mission=Planck"]);
    member.series = Some(series());
    member
}

/// Five members, their series, and a single asset larger than one of them and smaller than all.
fn catalogue() -> Catalogue {
    let catalogue = Catalogue::of((1..=5).map(member));
    let mut all = asset("x", "Observations, daily", 10, &["mission=Planck"]);
    all.id = series();
    all.files.clear();
    let view = serde_json::json!({ "id": all.id });
    catalogue.add(Change::Put(Box::new(IndexedAsset {
        asset: all,
        version: 0,
        n_files: 0,
        size_bytes: Some(5 * 2880),
        view: serde_json::value::to_raw_value(&view).unwrap(),
    })));
    let mut single = asset("single", "Observations, once", 1, &["mission=Planck"]);
    single.files[0].size_bytes = Some(3 * 2880);
    catalogue.put(single, 1);
    catalogue
}

#[tokio::test]
async fn a_series_is_as_large_as_its_members_together() {
    let searched = Searched::over(&catalogue()).await;
    let largest = Query {
        sort: Sort::Size,
        limit: 10,
        ..Query::default()
    };
    let found = searched.index.search(&largest).unwrap();
    assert_eq!(ids(&found), ["~daily", "single"]);
}

#[tokio::test]
async fn what_has_changed_is_found_and_a_series_whose_member_has() {
    let catalogue = catalogue();
    let searched = Searched::over(&catalogue).await;
    let before = searched.index.up_to();
    let changed = |collapse| {
        let query = Query {
            changed_after: Some(before),
            limit: 10,
            collapse,
            ..Query::default()
        };
        let found = searched.index.search(&query).unwrap();
        assert_eq!(found.total, found.hits.len() as u64);
        ids(&found)
    };
    assert_eq!(changed(Collapse::Series), [""; 0]);
    catalogue.put(member(3), 2);
    searched.index.follow(&catalogue).await.unwrap();
    assert_eq!(changed(Collapse::Series), ["~daily"]);
    assert_eq!(changed(Collapse::None), ["obs003"]);
}

#[tokio::test]
async fn beside_a_completion_stands_what_is_found_with_it() {
    let catalogue = catalogue();
    catalogue.add(Change::Gone(member(5).id));
    let searched = Searched::over(&catalogue).await;
    let completions = searched.index.suggest("planc", 10).unwrap();
    let facet = completions
        .iter()
        .find(|one| matches!(&one.what, Suggested::Facet { field, .. } if field == "mission"));
    assert_eq!(facet.unwrap().count, 2, "{completions:?}");
    let words = searched.index.suggest("observ", 10).unwrap();
    let word = words.iter().find(|one| one.what == Suggested::Word);
    assert_eq!(word.map(|word| word.count), Some(2), "{words:?}");
}
