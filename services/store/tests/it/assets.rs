use gantry_store::{BatchCounts, StoreError};

use crate::record::{asset, id, maps, planck, record};

fn counts(new: u64, changed: u64, unchanged: u64) -> BatchCounts {
    BatchCounts {
        new,
        changed,
        unchanged,
    }
}

#[tokio::test]
async fn an_unchanged_asset_is_no_change() {
    let record = record().await;
    assert_eq!(record.harvested(&maps(20)).await.counts, counts(20, 0, 0));
    let number = record.change_number().await.unwrap();
    let again = record.harvested(&maps(20)).await;
    assert_eq!((again.counts, again.n_withdrawn), (counts(0, 0, 20), 0));
    assert_eq!(record.change_number().await.unwrap(), number);
    assert_eq!(number, 20);
}

#[tokio::test]
async fn a_new_title_updates_an_asset_without_making_a_version() {
    let record = record().await;
    record.harvested(&[asset("a", 1), asset("b", 1)]).await;
    let mut renamed = asset("a", 1);
    renamed.title = "Another title".to_owned();
    let report = record.harvested(&[renamed.clone(), asset("b", 1)]).await;
    assert_eq!(report.counts, counts(0, 1, 1));
    let now = record.asset(&id("a"), None).await.unwrap();
    assert_eq!(
        (now.asset, now.version, now.change, now.withdrawn),
        (renamed, 1, 3, None)
    );
    assert_eq!(record.asset_versions(&id("a")).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_new_size_makes_a_version_and_the_old_one_keeps_its_files() {
    let record = record().await;
    record.harvested(&[asset("a", 2880)]).await;
    record.harvested(&[asset("a", 5760)]).await;
    let versions: Vec<_> = record
        .asset_versions(&id("a"))
        .await
        .unwrap()
        .into_iter()
        .map(|version| (version.version, version.files[0].size_bytes))
        .collect();
    assert_eq!(versions, [(2, Some(5760)), (1, Some(2880))]);
    assert_eq!(
        record.asset(&id("a"), None).await.unwrap().asset.files,
        asset("a", 5760).files
    );
    // Files it had before are a version of their own all the same.
    record.harvested(&[asset("a", 2880)]).await;
    assert_eq!(record.asset(&id("a"), None).await.unwrap().version, 3);
}

#[tokio::test]
async fn change_numbers_have_no_gaps_and_their_order_under_two_writers() {
    let record = record().await;
    let other = record.again().await;
    let gaia = "gaia".parse().unwrap();
    let (ours, _) = record
        .begin_harvest(&planck(), "one", false)
        .await
        .unwrap()
        .unwrap();
    let (theirs, _) = other
        .begin_harvest(&gaia, "two", false)
        .await
        .unwrap()
        .unwrap();
    let write = async |store: &gantry_store::Store, lease, archive: &str| {
        for n in 0..40 {
            let mut batch = vec![asset(&format!("x{n}"), 1), asset(&format!("y{n}"), 1)];
            for asset in &mut batch {
                asset.id = format!("{archive}:{}", asset.id.local()).parse().unwrap();
            }
            store.upsert_assets(lease, &batch).await.unwrap();
        }
    };
    let follow = async {
        // Whoever follows never meets a number that was skipped before.
        let (mut after, mut seen) = (0, Vec::new());
        while seen.len() < 160 {
            for change in record.changes(after, 7).await.unwrap() {
                after = change.number;
                seen.push(change.number);
            }
            tokio::task::yield_now().await;
        }
        seen
    };
    let all = async {
        tokio::join!(
            write(&record, &ours, "planck"),
            write(&other, &theirs, "gaia"),
            follow
        )
    };
    let ((), (), seen) = tokio::time::timeout(std::time::Duration::from_secs(60), all)
        .await
        .expect("160 changes within a minute");
    assert_eq!(seen, (1..=160).collect::<Vec<u64>>());
    assert_eq!(record.change_number().await.unwrap(), 160);
}

#[tokio::test]
async fn changes_tell_each_asset_once_as_it_is_now_with_its_files() {
    let record = record().await;
    record.harvested(&maps(700)).await;
    let mut newer = maps(700);
    newer[3] = asset("m003", 9);
    let also = |name: &str| gantry_asset::File {
        name: name.to_owned(),
        ..newer[3].files[0].clone()
    };
    let others = ["b", "a"].map(also);
    newer[3].files.extend(others);
    record.harvested(&newer).await;
    let mut after = 0;
    let mut told = Vec::new();
    loop {
        let page = record.changes(after, 600).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.number;
        told.extend(page.into_iter().map(|change| change.record.asset));
    }
    let mut expected = newer;
    let changed = expected.remove(3);
    expected.push(changed);
    assert_eq!(told, expected);
}

#[tokio::test]
async fn an_asset_that_nobody_has_is_named_in_the_error() {
    let record = record().await;
    let missing = record.asset(&id("none"), None).await.unwrap_err();
    assert!(matches!(missing, StoreError::NoSuchAsset(_)));
    assert_eq!(missing.to_string(), "no asset `planck:none`");
    record.harvested(&maps(3)).await;
    let live = record
        .live_assets(&[id("m001"), id("none"), id("m002"), id("m001")])
        .await
        .unwrap();
    let mut ids: Vec<_> = live.iter().map(|record| record.asset.id.local()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["m001", "m002"]);
    assert_eq!(
        record.assets_by_file_name(&planck(), "m002").await.unwrap(),
        [id("m002")]
    );
}
