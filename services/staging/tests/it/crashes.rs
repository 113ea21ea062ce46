use std::collections::BTreeMap;

use gantry_store::{Lease, Phase, StagingJob};
use serde_json::json;

use crate::fake::Held;
use crate::world::{Killable, Setup, World, fake, made, plain, request, sha256, until};

fn many() -> Vec<Held> {
    (0..12)
        .map(|n| Held::new(&format!("f{n:02}"), format!("{n}, ").repeat(100_000)))
        .collect()
}

fn ids() -> Vec<String> {
    (0..12).map(|n| format!("fake:f{n:02}")).collect()
}

async fn undisturbed() -> BTreeMap<String, Vec<u8>> {
    let world = fake(many()).await;
    let ids = ids();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    world.stage(&ids, &plain()).await;
    world.tree()
}

/// Runs a worker on threads of its own and ends them in the middle: what a killed process leaves.
async fn killed_when(world: &World, owner: &str, is_time: impl AsyncFnMut() -> Option<()>) {
    let worker = Killable::start(world, owner);
    until("the middle", is_time).await;
    worker.kill(world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_in_the_middle_leaves_nothing_that_another_cannot_finish() {
    let expected = undisturbed().await;
    let mut held = many();
    for stalled in [3, 5] {
        held[stalled].stalls_at = Some(150_000);
    }
    let world = fake(held).await;
    let ids = ids();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let job = world.job(&ids, &plain()).await;
    killed_when(&world, "dead", async || {
        (world.ended(&job).await.counts.staged >= 4).then_some(())
    })
    .await;
    let left = world.ended(&job).await;
    assert!(
        left.phase == Phase::Executing && left.counts.waiting >= 2,
        "{left:?}"
    );
    for stalled in ["f03", "f05"] {
        world.fake.change(stalled, |held| held.stalls_at = None);
    }
    let ended = world.carry_out(&job).await;
    assert_eq!(
        (ended.phase, ended.counted()),
        (Phase::Completed, [12, 0, 0, 0])
    );
    assert_eq!(world.tree(), expected);
    for (name, outcome) in &ended.files {
        assert_eq!(
            outcome.sha256,
            Some(sha256(&expected[&format!("fake/{name}")])),
            "{name}"
        );
    }
}

/// A job of one file, claimed by a process that then dies having kept this of its part.
async fn died_with(world: &World, asset: &str, kept: serde_json::Value) -> StagingJob {
    let job = world.job(&[asset], &plain()).await;
    let lease: Lease = world
        .store
        .claim_staging_job("dead")
        .await
        .unwrap()
        .unwrap();
    world.store.start_staging_job(&lease).await.unwrap();
    let text = kept.to_string();
    world
        .store
        .keep_progress(&lease, 0, 5, Some(&text))
        .await
        .unwrap();
    world.store.expire_staging_jobs("dead").await.unwrap();
    job
}

fn whole(bytes: &[u8]) -> serde_json::Value {
    let outcome = json!({
        "outcome": "staged", "method": "copy", "path": "fake/map", "size_bytes": bytes.len(), "sha256": sha256(bytes),
        "verified_by": "size", "warnings": [], "reason": null, "retry_may_help": null,
    });
    json!({"etag": null, "last_modified": null, "total_bytes": null, "location": null, "whole": outcome, "path": "fake/map"})
}

#[tokio::test]
async fn a_crash_between_naming_a_file_and_saying_so_is_mended_without_moving_a_byte() {
    for name in ["fake/map", "fake/map.part"] {
        let world = fake([Held::new("map", "bytes")]).await;
        let job = died_with(&world, "fake:map", whole(b"bytes")).await;
        std::fs::create_dir_all(world.path("fake")).unwrap();
        std::fs::write(world.path(name), b"bytes").unwrap();
        let ended = world.carry_out(&job).await;
        assert_eq!(
            (ended.phase, ended.counted()),
            (Phase::Completed, [1, 0, 0, 0]),
            "{name}"
        );
        assert_eq!(ended.one().sha256, Some(sha256(b"bytes")));
        assert_eq!(world.fake.opened(), [], "{name}");
        assert_eq!(
            world.tree(),
            [("fake/map".to_owned(), b"bytes".to_vec())].into()
        );
        // The record knows it now.
        assert_eq!(
            world.stage(&["fake:map"], &plain()).await.counted(),
            [0, 1, 0, 0]
        );
    }
}

#[tokio::test]
async fn a_file_that_was_whole_when_its_process_died_leaves_nothing_in_the_cache() {
    for name in ["fake/map", "fake/map.part"] {
        let setup = Setup {
            cache_bytes: Some(1_000_000),
            ..Setup::default()
        };
        let world = made([Held::new("map", "bytes")], setup).await;
        let job = died_with(&world, "fake:map", whole(b"bytes")).await;
        std::fs::create_dir_all(world.path("fake")).unwrap();
        std::fs::write(world.path(name), b"bytes").unwrap();
        // Where the cache fetches this file of this version to.
        let part = format!("{}.part", sha256(b"fake:map\n1\nmap"));
        let part = world.folder.path().join("cache/incoming").join(part);
        std::fs::write(&part, b"bytes").unwrap();
        let ended = world.carry_out(&job).await;
        assert_eq!(ended.counted(), [1, 0, 0, 0], "{name}");
        assert!(!part.exists(), "{name}");
        // Nor does it get in the way of others.
        let elsewhere = request(json!({"directory": "again"}));
        let again = world.stage(&["fake:map"], &elsewhere).await;
        assert_eq!(again.counted(), [1, 0, 0, 0], "{name}");
    }
}

#[tokio::test]
async fn what_a_crash_left_is_not_believed_when_its_bytes_are_others() {
    let world = fake([Held::new("map", "bytes")]).await;
    let job = died_with(&world, "fake:map", whole(b"bytes")).await;
    std::fs::create_dir_all(world.path("fake")).unwrap();
    std::fs::write(world.path("fake/map.part"), b"wrong").unwrap();
    let ended = world.carry_out(&job).await;
    assert_eq!(
        (ended.phase, ended.counted()),
        (Phase::Completed, [1, 0, 0, 0])
    );
    assert_eq!(world.read("fake/map"), b"bytes");
    assert_eq!(world.fake.opened(), [("map".to_owned(), 0)]);
}

#[tokio::test]
async fn a_part_that_was_whole_before_its_process_died_asks_for_no_byte_beyond_its_end() {
    let world = fake([Held::new("map", "bytes")]).await;
    let kept = json!({"etag": "\"1\"", "last_modified": null, "total_bytes": 5, "location": "fake:map", "whole": null, "path": "fake/map"});
    let job = died_with(&world, "fake:map", kept).await;
    std::fs::create_dir_all(world.path("fake")).unwrap();
    std::fs::write(world.path("fake/map.part"), b"bytes").unwrap();
    let ended = world.carry_out(&job).await;
    assert_eq!(
        (ended.phase, ended.counted()),
        (Phase::Completed, [1, 0, 0, 0])
    );
    assert_eq!(world.fake.opened(), []);
    assert_eq!(
        world.tree(),
        [("fake/map".to_owned(), b"bytes".to_vec())].into()
    );
}

#[tokio::test]
async fn a_part_of_unknown_origin_is_thrown_away() {
    let world = fake([Held::new("map", "bytes")]).await;
    std::fs::create_dir_all(world.path("fake")).unwrap();
    std::fs::write(world.path("fake/map.part"), b"somebody's, and longer").unwrap();
    let ended = world.stage(&["fake:map"], &plain()).await;
    assert_eq!(ended.counted(), [1, 0, 0, 0]);
    assert_eq!(
        world.tree(),
        [("fake/map".to_owned(), b"bytes".to_vec())].into()
    );
}

#[tokio::test]
async fn a_part_that_is_a_link_is_not_written_through() {
    let world = fake([Held::new("map", "bytes")]).await;
    std::fs::create_dir_all(world.path("fake")).unwrap();
    std::fs::write(world.path("mine"), b"precious").unwrap();
    std::os::unix::fs::symlink("../mine", world.path("fake/map.part")).unwrap();
    let ended = world.stage(&["fake:map"], &plain()).await;
    assert_eq!(ended.counted(), [0, 0, 0, 1]);
    assert_eq!(world.read("mine"), b"precious");
}
