//! The shared cache: one download however many ask, and nothing in it that is not what it was.

use std::path::{Path, PathBuf};

use gantry_store::Phase;

use crate::fake::Held;
use crate::world::{Setup, World, fake, made, plain, request, sha256, until};

const LIMIT: u64 = 2_000_000;

async fn cached(held: impl IntoIterator<Item = Held>) -> World {
    let setup = Setup {
        cache_bytes: Some(LIMIT),
        ..Setup::default()
    };
    made(held, setup).await
}

/// Every file in the cache's folder.
fn in_cache(world: &World) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => walk(&path, found),
                false => found.push(path),
            }
        }
    }
    let mut found = Vec::new();
    walk(&world.folder.path().join("cache"), &mut found);
    found.sort();
    found
}

#[tokio::test]
async fn what_another_user_has_staged_is_not_fetched_again() {
    let world = cached([Held::new("map", vec![7; 300_000])]).await;
    let first = world.stage(&["fake:map"], &plain()).await;
    assert_eq!(first.counted(), [1, 0, 0, 0]);
    let bob = world.store.ensure_user("bob", false).await.unwrap();
    let (volume, second) = world.stage_as(&bob, &["fake:map"]).await;
    assert_eq!(second.counted(), [1, 0, 0, 0]);
    assert_eq!(
        world.fake.opened(),
        [("map".to_owned(), 0)],
        "one download for both"
    );
    assert_eq!(
        (first.job.bytes_moved, second.job.bytes_moved),
        (300_000, 0)
    );
    let copy = std::fs::read(Path::new(&volume.path).join("fake/map")).unwrap();
    assert_eq!(copy, vec![7; 300_000]);
    let outcome = second.one();
    assert!(
        matches!(outcome.method.as_deref(), Some("copy" | "clone")),
        "{outcome:?}"
    );
    assert_eq!(outcome.sha256.as_deref(), Some(&*sha256(&vec![7; 300_000])));
    // Changing one copy changes nothing else.
    std::fs::write(world.path("fake/map"), "mine").unwrap();
    let carol = world.store.ensure_user("carol", false).await.unwrap();
    let (volume, _) = world.stage_as(&carol, &["fake:map"]).await;
    let copy = std::fs::read(Path::new(&volume.path).join("fake/map")).unwrap();
    assert_eq!(copy, vec![7; 300_000]);
}

#[tokio::test]
async fn two_jobs_that_ask_at_once_share_one_download() {
    let mut map = Held::new("map", vec![7; 300_000]);
    map.stalls_at = Some(100_000);
    let world = cached([map]).await;
    let bob = world.store.ensure_user("bob", false).await.unwrap();
    let mine = world.job(&["fake:map"], &plain()).await;
    let new = gantry_staging::NewVolume {
        name: "bobs".to_owned(),
        ..Default::default()
    };
    let bobs = world.volumes.create(&bob, &new).await.unwrap();
    let selection = world.select(&["fake:map"]).await;
    let other = world
        .staging
        .stage(&bob, &selection, &bobs, &plain())
        .await
        .unwrap();
    let worker = world.worker("one");
    until("the second job waits for the first", async || {
        let jobs = [&mine, &other];
        for job in jobs {
            let job = world.store.staging_job_by_id(&job.id).await.unwrap();
            if job.waiting_for.contains("shared-download") {
                return Some(());
            }
        }
        None
    })
    .await;
    assert_eq!(world.fake.opened().len(), 1);
    world.fake.change("map", |map| map.stalls_at = None);
    // The stalled answer never ends by itself; the job that has it is held, so that the other goes on with the part.
    let holder = match world
        .store
        .staging_job_by_id(&mine.id)
        .await
        .unwrap()
        .waiting_for
        .contains("shared-download")
    {
        true => &other,
        false => &mine,
    };
    world
        .store
        .ask_staging_job(holder, gantry_store::Wanted::Hold)
        .await
        .unwrap();
    let waits = if holder.id == mine.id { &other } else { &mine };
    let done = world.until_phase(waits, Phase::Completed).await;
    assert_eq!(done.counted(), [1, 0, 0, 0]);
    let opened = world.fake.opened();
    assert_eq!(opened.len(), 2, "{opened:?}");
    assert!(
        opened[1].1 > 0,
        "the other job goes on where the first was: {opened:?}"
    );
    world.store.release_staging_job(holder).await.unwrap();
    let done = world.until_phase(holder, Phase::Completed).await;
    assert_eq!(done.counted(), [1, 0, 0, 0]);
    assert_eq!(world.fake.opened().len(), 2);
    worker.stop().await;
}

#[tokio::test]
async fn bytes_touched_by_hand_are_noticed_and_fetched_anew() {
    let world = cached([Held::new("map", vec![7; 300_000])]).await;
    world.stage(&["fake:map"], &plain()).await;
    let [bytes] = &in_cache(&world)[..] else {
        panic!("one file");
    };
    let mut touched = vec![7; 300_000];
    touched[1000] = 8;
    std::fs::write(bytes, touched).unwrap();
    let bob = world.store.ensure_user("bob", false).await.unwrap();
    let (volume, ended) = world.stage_as(&bob, &["fake:map"]).await;
    assert_eq!(ended.counted(), [1, 0, 0, 0]);
    let copy = std::fs::read(Path::new(&volume.path).join("fake/map")).unwrap();
    assert_eq!(copy, vec![7; 300_000]);
    assert_eq!(world.fake.opened().len(), 2);
}

#[tokio::test]
async fn what_was_taken_out_of_the_cache_by_hand_is_fetched_anew() {
    let world = cached([Held::new("map", vec![7; 300_000])]).await;
    world.stage(&["fake:map"], &plain()).await;
    for file in in_cache(&world) {
        std::fs::remove_file(file).unwrap();
    }
    let bob = world.store.ensure_user("bob", false).await.unwrap();
    let (_, ended) = world.stage_as(&bob, &["fake:map"]).await;
    assert_eq!(ended.counted(), [1, 0, 0, 0]);
    assert_eq!(world.fake.opened().len(), 2);
    assert_eq!(in_cache(&world).len(), 1);
}

#[tokio::test]
async fn the_cache_stays_within_its_bounds_and_throws_away_what_was_not_used_for_longest() {
    let sized = |name: &str, byte| Held::new(name, vec![byte; 700_000]);
    let world = cached([sized("a", 1), sized("b", 2), sized("c", 3)]).await;
    for id in ["fake:a", "fake:b", "fake:c"] {
        world.stage(&[id], &plain()).await;
    }
    let held: u64 = in_cache(&world)
        .iter()
        .map(|path| path.metadata().unwrap().len())
        .sum();
    assert!(held <= LIMIT, "{held}");
    let bob = world.store.ensure_user("bob", false).await.unwrap();
    world.stage_as(&bob, &["fake:a", "fake:c"]).await;
    let opened: Vec<String> = world
        .fake
        .opened()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(opened, ["a", "b", "c", "a"], "only the oldest had to go");
}

#[tokio::test]
async fn a_file_larger_than_the_cache_goes_straight_to_its_volume() {
    let world = cached([Held::new("big", vec![1; 2_100_000])]).await;
    let ended = world.stage(&["fake:big"], &plain()).await;
    assert_eq!(ended.counted(), [1, 0, 0, 0]);
    assert_eq!(world.read("fake/big").len(), 2_100_000);
    assert_eq!(in_cache(&world), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn an_aborted_job_leaves_no_part_in_the_cache() {
    let mut map = Held::new("map", vec![7; 300_000]);
    map.stalls_at = Some(100_000);
    let world = cached([map]).await;
    let job = world.job(&["fake:map"], &plain()).await;
    let worker = world.worker("one");
    until("bytes have come", async || {
        in_cache(&world)
            .iter()
            .any(|path| path.metadata().unwrap().len() > 0)
            .then_some(())
    })
    .await;
    world
        .store
        .ask_staging_job(&job, gantry_store::Wanted::Abort)
        .await
        .unwrap();
    world.until_phase(&job, Phase::Aborted).await;
    worker.stop().await;
    assert_eq!(in_cache(&world), Vec::<PathBuf>::new());
    assert_eq!(world.listing(), Vec::<String>::new());
}

#[tokio::test]
async fn what_lies_about_in_the_cache_is_cleared_away() {
    let world = cached([Held::new("map", vec![7; 300_000])]).await;
    world.stage(&["fake:map"], &plain()).await;
    let incoming = world.folder.path().join("cache/incoming");
    std::fs::write(incoming.join("of-a-dead-process.part"), "x").unwrap();
    let bytes = world.folder.path().join("cache/bytes/ab");
    std::fs::create_dir_all(&bytes).unwrap();
    std::fs::write(bytes.join("unknown-to-the-record"), "x").unwrap();
    let cache = world.staging.worker().cache().unwrap();
    cache.tidy().await.unwrap();
    assert_eq!(in_cache(&world).len(), 1, "{:?}", in_cache(&world));
}

#[tokio::test]
async fn a_plan_tells_what_need_not_be_fetched() {
    let world = cached([Held::new("map", "a map"), Held::new("new", "new")]).await;
    world.stage(&["fake:map"], &plain()).await;
    let selection = world.select(&["fake:map", "fake:new"]).await;
    let elsewhere = request(serde_json::json!({"directory": "again"}));
    let plan = world
        .staging
        .plan(&selection, Some(&world.volume), &elsewhere)
        .await
        .unwrap();
    let methods: Vec<_> = plan
        .files
        .iter()
        .map(|file| (file.name.as_str(), file.method))
        .collect();
    assert_eq!(methods, [("map", "copy"), ("new", "download")]);
    let again = world.stage(&["fake:map"], &elsewhere).await;
    assert_eq!(again.job.bytes_moved, 0);
}

#[tokio::test]
async fn without_a_cache_every_volume_has_its_own_download() {
    let world = fake([Held::new("map", "a map")]).await;
    world.stage(&["fake:map"], &plain()).await;
    let bob = world.store.ensure_user("bob", false).await.unwrap();
    world.stage_as(&bob, &["fake:map"]).await;
    assert_eq!(world.fake.opened().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_close_together_they_ask_a_file_is_fetched_once() {
    const FILES: usize = 60;
    let names: Vec<String> = (0..FILES).map(|n| format!("f{n:02}")).collect();
    let world = cached(names.iter().map(|name| Held::new(name, name.as_str()))).await;
    let mut jobs = Vec::new();
    let ids: Vec<String> = names.iter().map(|name| format!("fake:{name}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    for n in 0..6 {
        let wanted = request(serde_json::json!({"directory": format!("copy-{n}")}));
        jobs.push(world.job(&ids, &wanted).await);
    }
    let worker = world.worker_with("one", jobs.len());
    for job in &jobs {
        let done = world.until_phase(job, Phase::Completed).await;
        assert_eq!(done.counted(), [FILES as u64, 0, 0, 0]);
    }
    worker.stop().await;
    let mut opened: Vec<String> = world
        .fake
        .opened()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    opened.sort();
    assert_eq!(opened, names);
}
