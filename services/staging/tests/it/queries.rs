use gantry_asset::{AdqlQuery, Asset, File, Kind, Location, Query};
use gantry_staging::{select, select_with_queries};
use gantry_store::{Phase, Selection, StoreError};
use serde_json::json;

use crate::fake::Held;
use crate::world::{Ended, World, fake, plain, request, sha256, until};

/// A query that the archive in memory answers with what it holds under this name.
fn query(answered_by: &str) -> Asset {
    let mut query = Asset::new("fake:~query-1".parse().unwrap(), Kind::InformationData);
    let adql = Query::Adql(AdqlQuery {
        upload: None,
        adql: answered_by.to_owned(),
        release: Some("DR3".to_owned()),
        format: "votable".to_owned(),
        max_rows: None,
    });
    query.files = vec![File {
        name: "query-1.vot".to_owned(),
        path: None,
        media_type: "application/x-votable+xml".to_owned(),
        size_bytes: None,
        checksum: None,
        modified: None,
        locations: vec![Location::Query(Box::new(adql))],
    }];
    query
}

/// A world whose archive answers the query with these bytes, and a selection of the query and of one file.
async fn asking(bytes: &str) -> (World, Selection) {
    let mut answer = Held::new("answer", bytes);
    (answer.name, answer.listed, answer.announced) = ("query-1.vot".to_owned(), None, None);
    let world = fake([answer, Held::new("map", "a map")]).await;
    let selection = select_with_queries(
        &world.store,
        &world.ada,
        &["fake:map".parse().unwrap()],
        &[],
        &[query("answer")],
    )
    .await
    .unwrap();
    (world, selection)
}

async fn staged(world: &World, selection: &Selection, wanted: serde_json::Value) -> Ended {
    let job = world
        .staging
        .stage(&world.ada, selection, &world.volume, &request(wanted))
        .await
        .unwrap();
    world.carry_out(&job).await
}

/// The runs of the query, newest first: version, rows, hash of the file.
async fn runs(world: &World) -> Vec<(u32, Option<u64>, Option<String>)> {
    let versions = world.store.asset_versions(&query("").id).await.unwrap();
    versions
        .into_iter()
        .map(|run| {
            let checksum = run.files[0].checksum.clone();
            (
                run.version,
                run.n_rows,
                checksum.map(|checksum| checksum.value),
            )
        })
        .collect()
}

#[tokio::test]
async fn a_query_is_run_when_it_is_staged_and_each_run_is_a_version_with_its_hash_and_rows() {
    let (world, selection) = asking("<VOTABLE/>").await;
    assert_eq!(runs(&world).await, []);
    let ended = staged(&world, &selection, json!({})).await;
    assert_eq!(
        (ended.phase, ended.counted()),
        (Phase::Completed, [2, 0, 0, 0])
    );
    let (_, outcome) = ended
        .files
        .iter()
        .find(|(name, _)| name == "query-1.vot")
        .unwrap();
    assert_eq!(
        (
            outcome.n_rows,
            outcome.warnings.as_slice(),
            outcome.verified_by.as_deref()
        ),
        (
            Some(152),
            ["2 sources had no product".to_owned()].as_slice(),
            Some("unverified")
        )
    );
    assert_eq!(world.read("fake/query-1.vot"), b"<VOTABLE/>");
    let first = (1, Some(152), Some(sha256(b"<VOTABLE/>")));
    assert_eq!(runs(&world).await, std::slice::from_ref(&first));

    // What was staged is there; asked to replace it, the archive is asked again, and answers something else.
    assert_eq!(
        staged(&world, &selection, json!({})).await.counted(),
        [0, 2, 0, 0]
    );
    world.fake.change("answer", |held| {
        held.bytes = b"<VOTABLE>more</VOTABLE>".to_vec()
    });
    std::fs::write(world.path("fake/query-1.vot"), "edited").unwrap();
    let again = staged(&world, &selection, json!({"on_conflict": "replace"})).await;
    assert_eq!(again.counted(), [1, 1, 0, 0]);
    let second = (2, Some(152), Some(sha256(b"<VOTABLE>more</VOTABLE>")));
    assert_eq!(runs(&world).await, [second, first]);
}

#[tokio::test]
async fn a_run_that_a_killed_worker_began_is_taken_up_by_the_next() {
    let (world, selection) = asking("<VOTABLE/>").await;
    world.fake.change("answer", |held| held.stalls_at = Some(0));
    let job = world
        .staging
        .stage(&world.ada, &selection, &world.volume, &plain())
        .await
        .unwrap();
    let first = world.worker("first");
    until("the run is kept", async || {
        let rows = world.store.staging_files(&job.id, 0, 10).await.unwrap();
        rows.iter()
            .any(|row| {
                row.resume
                    .as_deref()
                    .is_some_and(|text| text.contains("run-1"))
            })
            .then_some(())
    })
    .await;
    first.stop().await;
    world.fake.change("answer", |held| held.stalls_at = None);
    let ended = world.carry_out(&job).await;
    assert_eq!(ended.counted(), [2, 0, 0, 0]);
    assert_eq!(world.fake.runs(), [None, Some("run-1".to_owned())]);
}

#[tokio::test]
async fn a_query_belongs_to_who_asked_and_its_selection_too() {
    let (world, selection) = asking("<VOTABLE/>").await;
    let eve = world.store.ensure_user("eve", false).await.unwrap();
    assert_eq!(selection.owner.as_deref(), Some(world.ada.id.as_str()));
    for viewer in [None, Some(eve.id.as_str())] {
        let asset = world.store.asset(&query("").id, viewer).await;
        assert!(
            matches!(asset, Err(StoreError::NoSuchAsset(_))),
            "{asset:?}"
        );
        let selection = world.store.selection(&selection.id, viewer).await;
        assert!(
            matches!(selection, Err(StoreError::NotFound { .. })),
            "{selection:?}"
        );
    }
    assert!(
        world
            .store
            .asset(&query("").id, Some(&world.ada.id))
            .await
            .is_ok()
    );
    let changes = world.store.changes(0, 100).await.unwrap();
    assert!(
        changes
            .iter()
            .all(|change| change.record.asset.id != query("").id)
    );
    let refused = select(&world.store, &[query("").id], &[])
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("fake:~query-1"), "{refused}");
}

#[tokio::test]
async fn a_table_that_nobody_asked_anything_is_left_out_and_says_what_it_needs() {
    let mut table = Held::new("gaiadr3.gaia_source", "");
    table.is_table = true;
    let world = fake([table]).await;
    let ended = world.stage(&["fake:gaiadr3.gaia_source"], &plain()).await;
    assert_eq!(
        (ended.phase, ended.counted(), ended.one().reason.as_deref()),
        (Phase::Completed, [0, 0, 1, 0], Some("needs-a-query"))
    );
    let selection = world.select(&["fake:gaiadr3.gaia_source"]).await;
    let plan = world
        .staging
        .plan(&selection, Some(&world.volume), &plain())
        .await
        .unwrap();
    assert_eq!(
        (plan.files[0].method, plan.files[0].reason),
        ("skip", Some("needs-a-query"))
    );
}

#[tokio::test]
async fn a_series_in_a_selection_means_its_members() {
    let daily = |day: u32| Held {
        series: Some("~daily".to_owned()),
        ..Held::new(&format!("day-{day}"), format!("of day {day}"))
    };
    let world = fake([daily(1), daily(2), daily(3), Held::new("map", "a map")]).await;
    let ended = world.stage(&["fake:~daily", "fake:day-2"], &plain()).await;
    assert_eq!(ended.counted(), [3, 0, 0, 0]);
    assert_eq!(world.listing(), ["fake/day-1", "fake/day-2", "fake/day-3"]);
}
