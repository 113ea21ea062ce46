use gantry_asset::AssetId;
use gantry_staging::{StagingError, members, select};

use crate::fake::Held;
use crate::world::fake;

#[tokio::test]
async fn ten_thousand_assets_are_the_same_selection_in_any_order() {
    let world = fake((0..10_000).map(|n| Held::new(&format!("f{n:05}"), "x"))).await;
    let mut ids: Vec<AssetId> = (0..10_000)
        .map(|n| format!("fake:f{n:05}").parse().unwrap())
        .collect();
    let first = select(&world.store, &ids, &[]).await.unwrap();
    assert_eq!(
        (first.n_assets, first.n_files, first.size_bytes, first.owner),
        (10_000, 10_000, Some(10_000), None)
    );
    assert!(first.id.starts_with("sel_") && first.id.len() == 36);
    ids.reverse();
    ids.rotate_left(3_333);
    ids.extend_from_within(..5);
    let second = select(&world.store, &ids, &[]).await.unwrap();
    assert_eq!(
        (second.id.as_str(), second.n_assets),
        (first.id.as_str(), 10_000)
    );
    let other = select(&world.store, &ids[1..9_000], &[]).await.unwrap();
    assert_ne!(other.id, first.id);

    let mut seen = Vec::new();
    loop {
        let page = members(&world.store, &first.id, seen.len() as u64, 999)
            .await
            .unwrap();
        if page.is_empty() {
            break;
        }
        seen.extend(
            page.into_iter()
                .map(|(member, record)| (member.asset, member.version, record.asset.files.len())),
        );
    }
    let expected: Vec<_> = (0..10_000)
        .map(|n| (format!("fake:f{n:05}").parse().unwrap(), 1, 1))
        .collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_selection_of_nothing_and_of_what_is_not_there_is_refused_by_name() {
    let world = fake([Held::new("a", "a")]).await;
    assert!(matches!(
        select(&world.store, &[], &[]).await,
        Err(StagingError::Empty)
    ));
    let ids: Vec<AssetId> = ["fake:a", "fake:z5", "fake:z1", "fake:z4", "fake:z2"]
        .map(|id| id.parse().unwrap())
        .to_vec();
    let error = select(&world.store, &ids, &[]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no asset `fake:z1`, `fake:z2`, `fake:z4` and 1 more; search for it, or ask `/api/v1/assets/resolve` for its id"
    );
}

#[tokio::test]
async fn an_old_selection_keeps_its_version() {
    let world = fake([Held::new("a", "one")]).await;
    let old = world.select(&["fake:a"]).await;
    world
        .fake
        .change("a", |held| *held = Held::new("a", "other"));
    let (_, access) = world.archives.iter().next().unwrap();
    let cancelled = tokio_util::sync::CancellationToken::new();
    gantry_harvest::harvest(
        &world.store,
        access.connector.as_ref(),
        "test",
        true,
        &cancelled,
        &|_| {},
    )
    .await
    .unwrap();
    let new = world.select(&["fake:a"]).await;
    assert_ne!(old.id, new.id);
    for (selection, version, size) in [(&old, 1, 3), (&new, 2, 5)] {
        let (member, record) = members(&world.store, &selection.id, 0, 10)
            .await
            .unwrap()
            .remove(0);
        assert_eq!(
            (member.version, record.asset.files[0].size_bytes),
            (version, Some(size))
        );
    }
    // The archive serves the new bytes only, and says so by their length.
    let job = world
        .staging
        .stage(&world.ada, &old, &world.volume, &crate::world::plain())
        .await
        .unwrap();
    let ended = world.carry_out(&job).await;
    let reason = ended.one().reason.clone().unwrap();
    assert!(
        reason.starts_with("replaced-at-archive: the archive serves 5 bytes, the catalogue has 3"),
        "{reason}"
    );
}
