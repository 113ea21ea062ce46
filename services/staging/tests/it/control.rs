use gantry_store::{Phase, StagingJob, Wanted};

use crate::fake::Held;
use crate::world::{World, fake, plain, request, until};

fn slow(name: &str, stalls_at: usize) -> Held {
    let mut held = Held::new(name, name.repeat(200_000));
    held.stalls_at = Some(stalls_at);
    held
}

/// Waits until a file moves, or waits for its first byte.
async fn until_opened(world: &World, n: usize) {
    until("opened", async || {
        (world.fake.opened().len() >= n).then_some(())
    })
    .await;
}

async fn until_part(world: &World, path: &str, size: u64) {
    until("a part", async || {
        let meta = std::fs::metadata(world.path(path)).ok()?;
        (meta.len() == size).then_some(())
    })
    .await;
}

async fn ask(world: &World, job: &StagingJob, wanted: Wanted) {
    world.store.ask_staging_job(job, wanted).await.unwrap();
}

#[tokio::test]
async fn a_held_job_keeps_its_part_and_goes_on_where_it_was_when_released() {
    let world = fake([slow("abc", 131_072)]).await;
    let job = world.job(&["fake:abc"], &plain()).await;
    let worker = world.worker("one");
    until_part(&world, "fake/abc.part", 131_072).await;
    ask(&world, &job, Wanted::Hold).await;
    let held = world.until_phase(&job, Phase::Held).await;
    assert_eq!(
        (
            held.counts.waiting,
            held.counts.bytes_done,
            held.job.bytes_moved
        ),
        (1, 131_072, 131_072)
    );
    assert_eq!(world.listing(), ["fake/abc.part"]);
    world.fake.change("abc", |held| held.stalls_at = None);
    world.store.release_staging_job(&job).await.unwrap();
    let ended = world.until_phase(&job, Phase::Completed).await;
    worker.stop().await;
    assert_eq!(
        world.fake.opened(),
        [("abc".to_owned(), 0), ("abc".to_owned(), 131_072)]
    );
    assert_eq!(world.read("fake/abc"), "abc".repeat(200_000).into_bytes());
    assert_eq!(ended.job.bytes_moved, 600_000);
    assert_eq!(world.listing(), ["fake/abc"]);
}

#[tokio::test]
async fn an_aborted_job_leaves_no_part_whatever_its_files_waited_for() {
    let mut deep = slow("deep", 70_000);
    deep.path = Some("a/b/deep.dat".to_owned());
    let mut unopened = slow("unopened", 0);
    unopened.path = Some("c/unopened.dat".to_owned());
    let world = fake([
        deep,
        unopened,
        slow("plain", 70_000),
        Held::new("done", "d"),
    ])
    .await;
    for on_conflict in ["keep", "rename"] {
        std::fs::create_dir_all(world.path("fake")).unwrap();
        std::fs::write(world.path("fake/plain"), "mine").unwrap();
        let n = world.fake.opened().len();
        let wanted = request(serde_json::json!({"on_conflict": on_conflict}));
        let job = world
            .job(
                &["fake:deep", "fake:unopened", "fake:plain", "fake:done"],
                &wanted,
            )
            .await;
        let worker = world.worker("one");
        until_opened(&world, n + 2).await;
        until_part(&world, "fake/a/b/deep.dat.part", 70_000).await;
        ask(&world, &job, Wanted::Abort).await;
        let ended = world.until_phase(&job, Phase::Aborted).await;
        worker.stop().await;
        assert_eq!(ended.message.as_deref(), Some("it was aborted"));
        assert_eq!(world.listing(), ["fake/done", "fake/plain"]);
        assert_eq!(world.read("fake/plain"), b"mine");
    }
}

#[tokio::test]
async fn a_held_job_that_is_aborted_leaves_no_part_either() {
    let world = fake([slow("abc", 131_072)]).await;
    let job = world.job(&["fake:abc"], &plain()).await;
    let worker = world.worker("one");
    until_part(&world, "fake/abc.part", 131_072).await;
    ask(&world, &job, Wanted::Hold).await;
    world.until_phase(&job, Phase::Held).await;
    ask(&world, &job, Wanted::Abort).await;
    world.until_phase(&job, Phase::Aborted).await;
    worker.stop().await;
    assert_eq!(world.listing(), [] as [&str; 0]);
}

#[tokio::test]
async fn an_abort_leaves_the_part_of_another_job_alone() {
    let world = fake([slow("abc", 131_072), Held::new("x", "x")]).await;
    let first = world.job(&["fake:abc"], &plain()).await;
    let worker = world.worker("one");
    until_part(&world, "fake/abc.part", 131_072).await;
    let second = world.job(&["fake:abc", "fake:x"], &plain()).await;
    until("the other file", async || {
        (world.ended(&second).await.counts.staged == 1).then_some(())
    })
    .await;
    ask(&world, &second, Wanted::Abort).await;
    world.until_phase(&second, Phase::Aborted).await;
    assert_eq!(world.listing(), ["fake/abc.part", "fake/x"]);
    assert_eq!(world.ended(&first).await.phase, Phase::Executing);
    ask(&world, &first, Wanted::Abort).await;
    world.until_phase(&first, Phase::Aborted).await;
    worker.stop().await;
    assert_eq!(world.listing(), ["fake/x"]);
}

#[tokio::test]
async fn a_retry_stages_only_what_failed() {
    let mut gone = Held::new("gone", "g");
    gone.gone = true;
    let world = fake([gone, Held::new("there", "t")]).await;
    let ended = world.stage(&["fake:gone", "fake:there"], &plain()).await;
    assert_eq!(
        (ended.phase, ended.counted()),
        (Phase::Completed, [1, 0, 0, 1])
    );
    world.fake.change("gone", |held| held.gone = false);
    assert!(world.store.retry_staging_job(&ended.job).await.unwrap());
    let ended = world.carry_out(&ended.job).await;
    assert_eq!(
        (ended.phase, ended.counted()),
        (Phase::Completed, [2, 0, 0, 0])
    );
    let opened: Vec<_> = world
        .fake
        .opened()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(opened.iter().filter(|name| *name == "gone").count(), 2);
    assert_eq!(opened.iter().filter(|name| *name == "there").count(), 1);
    assert_eq!(world.listing(), ["fake/gone", "fake/there"]);
}

#[tokio::test]
async fn a_worker_that_is_stopped_leaves_its_job_to_the_next_at_once() {
    let world = fake([slow("abc", 131_072)]).await;
    let job = world.job(&["fake:abc"], &plain()).await;
    let worker = world.worker("one");
    until_part(&world, "fake/abc.part", 131_072).await;
    worker.stop().await;
    assert_eq!(world.ended(&job).await.phase, Phase::Executing);
    world.fake.change("abc", |held| held.stalls_at = None);
    let ended = world.carry_out(&job).await;
    assert_eq!(
        (ended.phase, ended.counted()),
        (Phase::Completed, [1, 0, 0, 0])
    );
    assert_eq!(world.fake.opened()[1], ("abc".to_owned(), 131_072));
}

#[tokio::test]
async fn a_volume_that_is_gone_ends_the_job_with_its_name() {
    let world = fake([Held::new("a", "a")]).await;
    let job = world.job(&["fake:a"], &plain()).await;
    std::fs::remove_dir_all(&world.volume.path).unwrap();
    let ended = world.carry_out(&job).await;
    assert_eq!(ended.phase, Phase::Error);
    let text = ended.message.unwrap();
    assert!(text.starts_with("volume `cmb`: "), "{text}");
}
