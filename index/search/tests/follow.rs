//! The index follows its catalogue, through crashes, restored backups and lost directories.
#![expect(clippy::unwrap_used, reason = "a test may")]

mod support;

use gantry_search::{Change, Index, Mode, SearchError};
use support::{Catalogue, Searched, asset, ids, query};

fn assets(n: u32) -> impl Iterator<Item = gantry_asset::Asset> {
    (0..n).map(|at| {
        asset(
            &format!("map-{at:04}.fits"),
            &format!("Map {at}"),
            at,
            &["mission=Planck"],
        )
    })
}

fn all_of(index: &Index) -> Vec<String> {
    index
        .resolve(&query(""), 10_000)
        .unwrap()
        .into_iter()
        .map(|one| format!("{}@{}", one.id, one.version))
        .collect()
}

#[tokio::test]
async fn changes_replace_and_remove() {
    let catalogue = Catalogue::of(assets(10));
    let here = Searched::over(&catalogue).await;
    catalogue.put(
        asset("map-0003.fits", "A better title", 3, &["mission=Gaia"]),
        2,
    );
    catalogue.add(Change::Gone("planck:map-0004.fits".parse().unwrap()));
    catalogue.add(Change::Gone("planck:never-there.fits".parse().unwrap()));
    let followed = here.index.follow(&catalogue).await.unwrap();
    assert_eq!(
        (followed.applied, followed.up_to, followed.rebuilt),
        (3, 13, false)
    );
    assert_eq!(here.search("").total, 9);
    assert_eq!(here.ids("better"), ["map-0003.fits"]);
    assert_eq!(
        support::counts(&here.search(""), "mission"),
        [("Planck".to_owned(), 8), ("Gaia".to_owned(), 1)]
    );
    assert_eq!(here.index.follow(&catalogue).await.unwrap().applied, 0);
}

#[tokio::test]
async fn an_asset_put_twice_in_one_batch_is_there_once() {
    let catalogue = Catalogue::of(assets(3).chain(assets(3)));
    let here = Searched::over(&catalogue).await;
    assert_eq!(here.search("").total, 3);
}

#[tokio::test]
async fn a_following_cut_short_loses_and_repeats_nothing() {
    let catalogue = Catalogue::of(assets(5_000));
    let dir = tempfile::tempdir().unwrap();
    let index = Index::open(dir.path(), Mode::Writer).unwrap();
    *catalogue.fails_after.lock().unwrap() = Some(2_500);
    assert!(matches!(
        index.follow(&catalogue).await,
        Err(SearchError::Changes { after: 2_500, .. })
    ));
    *catalogue.fails_after.lock().unwrap() = None;
    index.follow(&catalogue).await.unwrap();
    let fresh = Searched::over(&catalogue).await;
    assert_eq!(all_of(&index), all_of(&fresh.index));

    *catalogue.fails_after.lock().unwrap() = Some(6_000);
    assets(2_000).for_each(|asset| catalogue.put(asset, 2));
    assert!(index.follow(&catalogue).await.is_err());
    drop(index);
    *catalogue.fails_after.lock().unwrap() = None;
    let index = Index::open(dir.path(), Mode::Writer).unwrap();
    index.follow(&catalogue).await.unwrap();
    fresh.index.follow(&catalogue).await.unwrap();
    assert_eq!(all_of(&index), all_of(&fresh.index));
    assert_eq!(index.up_to(), 7_000);
}

#[tokio::test]
async fn a_reopened_index_goes_on_where_it_was() {
    let catalogue = Catalogue::of(assets(20));
    let Searched { dir, index } = Searched::over(&catalogue).await;
    drop(index);
    let index = Index::open(dir.path(), Mode::Writer).unwrap();
    assert_eq!((index.up_to(), index.n_assets()), (20, 20));
    assert_eq!(index.follow(&catalogue).await.unwrap().applied, 0);
}

#[tokio::test]
async fn another_catalogue_or_a_restored_backup_is_indexed_anew() {
    let here = Searched::over(&Catalogue::of(assets(20))).await;
    let other = Catalogue::of(assets(5));
    let followed = here.index.follow(&other).await.unwrap();
    assert_eq!(
        (followed.applied, followed.rebuilt, here.search("").total),
        (5, true, 5)
    );
    other.changes.lock().unwrap().truncate(3);
    assert!(here.index.follow(&other).await.unwrap().rebuilt);
    assert_eq!(here.search("").total, 3);
    let n_dirs = std::fs::read_dir(here.dir.path())
        .unwrap()
        .filter(|e| e.as_ref().unwrap().path().is_dir())
        .count();
    assert_eq!(n_dirs, 1);
}

#[tokio::test]
async fn a_directory_that_is_gone_or_broken_only_costs_time() {
    let catalogue = Catalogue::of(assets(20));
    let Searched { dir, index } = Searched::over(&catalogue).await;
    let before = all_of(&index);
    drop(index);
    let name = std::fs::read_to_string(dir.path().join("current")).unwrap();
    std::fs::write(dir.path().join(&name).join("meta.json"), "{").unwrap();
    let index = Index::open(dir.path(), Mode::Writer).unwrap();
    index.follow(&catalogue).await.unwrap();
    assert_eq!(all_of(&index), before);
    drop(index);
    std::fs::remove_dir_all(dir.path()).unwrap();
    let index = Index::open(dir.path(), Mode::Writer).unwrap();
    index.follow(&catalogue).await.unwrap();
    assert_eq!(all_of(&index), before);
}

#[tokio::test]
async fn one_writes_and_others_read() {
    let catalogue = Catalogue::of(assets(20));
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(
        Index::open(empty.path(), Mode::Reader),
        Err(SearchError::NoIndex { .. })
    ));
    let here = Searched::over(&catalogue).await;
    let Err(SearchError::Locked { holder, .. }) = Index::open(here.dir.path(), Mode::Writer) else {
        panic!("a second writer was let in");
    };
    assert_eq!(holder, format!("process {}", std::process::id()));
    let reader = Index::open(here.dir.path(), Mode::Reader).unwrap();
    assert_eq!(reader.n_assets(), 20);
    catalogue.put(asset("new.fits", "New", 1, &[]), 1);
    here.index.follow(&catalogue).await.unwrap();
    assert_eq!(reader.follow(&catalogue).await.unwrap().up_to, 21);
    here.index.rebuild(&catalogue).await.unwrap();
    reader.refresh().unwrap();
    assert_eq!(all_of(&reader), all_of(&here.index));
    assert!(matches!(
        reader.rebuild(&catalogue).await,
        Err(SearchError::ReadOnly)
    ));
}

#[tokio::test]
async fn an_index_of_another_schema_is_none_to_a_reader() {
    let here = Searched::over(&Catalogue::of(assets(3))).await;
    let current = here.dir.path().join("current");
    let reader = Index::open(here.dir.path(), Mode::Reader).unwrap();
    let older = here.dir.path().join("v1.0-1");
    std::fs::create_dir(&older).unwrap();
    std::fs::write(older.join("meta.json"), "{}").unwrap();
    std::fs::write(&current, "v1.0-1").unwrap();
    assert!(matches!(
        Index::open(here.dir.path(), Mode::Reader),
        Err(SearchError::NoIndex { .. })
    ));
    reader.refresh().unwrap();
    assert_eq!(all_of(&reader).len(), 3);
}

#[tokio::test]
async fn a_search_sees_one_commit_while_others_are_made() {
    let catalogue = Catalogue::of(assets(50));
    let here = Searched::over(&catalogue).await;
    let found = here
        .index
        .search(&gantry_search::Query {
            limit: 10,
            ..query("map")
        })
        .unwrap();
    assert_eq!(ids(&found).len(), 10);
    assets(50).for_each(|asset| catalogue.put(asset, 2));
    here.index.follow(&catalogue).await.unwrap();
    let next = gantry_search::Query {
        limit: 100,
        after: found.next,
        ..query("map")
    };
    assert_eq!(here.index.search(&next).unwrap().hits.len(), 40);
}

#[tokio::test]
async fn many_small_followings_keep_the_best_first_while_segments_merge() {
    let catalogue = Catalogue::of([]);
    let here = Searched::over(&catalogue).await;
    let dice = &mut support::Dice(3);
    let mut ranks = Vec::new();
    for round in 0..40 {
        for at in 0..5 {
            let rank = u32::try_from(dice.below(1000)).unwrap();
            ranks.push(rank);
            let title = if rank % 3 == 0 { "Dust map" } else { "Map" };
            catalogue.put(asset(&format!("r{round:02}-{at}"), title, rank, &[]), rank);
        }
        here.index.follow(&catalogue).await.unwrap();
    }
    ranks.sort_unstable_by(|a, b| b.cmp(a));
    for q in ["", "map"] {
        let five = gantry_search::Query {
            limit: 5,
            ..query(q)
        };
        let found: Vec<u32> = here
            .index
            .search(&five)
            .unwrap()
            .hits
            .iter()
            .map(|hit| hit.version)
            .collect();
        assert_eq!(found, ranks[..5], "{q}");
    }
    let dust = gantry_search::Query {
        limit: 5,
        ..query("dust")
    };
    let best: Vec<u32> = ranks
        .iter()
        .copied()
        .filter(|rank| rank % 3 == 0)
        .take(5)
        .collect();
    let found: Vec<u32> = here
        .index
        .search(&dust)
        .unwrap()
        .hits
        .iter()
        .map(|hit| hit.version)
        .collect();
    assert_eq!(found, best);
}
