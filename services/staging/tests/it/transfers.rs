use gantry_standin::{Fault, Times};
use gantry_store::{FileOutcome, Phase};

use crate::fake::Held;
use crate::world::{fake, plain, request, sha256, standin, until};

const MAP: &str = "HFI_SkyMap_100_0016_R3.01_full.fits";
const MAP_ID: &str = "planck:HFI_SkyMap_100_0016_R3.01_full.fits";
const MAP_AT: &str = "/pla/aio/product-action?MAP.MAP_ID=HFI_SkyMap_100_0016_R3.01_full.fits";
const STAGED: &str = "planck/HFI_SkyMap_100_0016_R3.01_full.fits";

#[tokio::test]
async fn a_staged_file_has_the_bytes_that_the_archive_serves() {
    let world = standin().await;
    let bytes = world.served(MAP_AT).await;
    let ended = world.stage(&[MAP_ID], &plain()).await;
    assert_eq!(
        (ended.phase, ended.counted()),
        (Phase::Completed, [1, 0, 0, 0])
    );
    let expected = FileOutcome {
        outcome: "staged".to_owned(),
        method: Some("copy".to_owned()),
        path: Some(STAGED.to_owned()),
        size_bytes: Some(bytes.len() as u64),
        sha256: Some(sha256(&bytes)),
        verified_by: ended.one().verified_by.clone(),
        ..FileOutcome::default()
    };
    assert_eq!(ended.one(), &expected);
    assert_eq!(world.tree(), [(STAGED.to_owned(), bytes.clone())].into());
    assert_eq!(ended.job.bytes_moved, bytes.len() as u64);
    assert_eq!(ended.counts.bytes_done, bytes.len() as u64);
}

#[tokio::test]
async fn what_is_staged_already_is_present_and_no_byte_moves() {
    let world = standin().await;
    let first = world.stage(&[MAP_ID], &plain()).await;
    let n_requests = world.standin().requests().len();
    let second = world.stage(&[MAP_ID], &plain()).await;
    assert_ne!(second.job.id, first.job.id);
    assert_eq!(
        (second.phase, second.counted(), second.job.bytes_moved),
        (Phase::Completed, [0, 1, 0, 0], 0)
    );
    assert_eq!(
        second.one(),
        &FileOutcome {
            outcome: "present".to_owned(),
            ..first.one().clone()
        }
    );
    assert_eq!(world.standin().requests().len(), n_requests);
}

#[tokio::test]
async fn a_transfer_that_is_cut_goes_on_by_range_and_becomes_the_whole_file() {
    let world = standin().await;
    let bytes = world.served(MAP_AT).await;
    world
        .standin()
        .faults()
        .set_for(MAP, Fault::CutAt { byte: 70_001 }, Times::Next(1));
    let ended = world.stage(&[MAP_ID], &plain()).await;
    assert_eq!(ended.one().sha256, Some(sha256(&bytes)));
    assert_eq!(world.read(STAGED), bytes);
    assert_eq!(world.listing(), [STAGED]);
    let last = world.standin().requests().pop().unwrap();
    assert_eq!(
        (last.range.as_deref(), last.status),
        (Some("bytes=70001-"), Some(206))
    );
    assert_eq!(ended.job.bytes_moved, bytes.len() as u64);
}

#[tokio::test]
async fn a_server_without_ranges_sends_the_whole_file_again() {
    let world = standin().await;
    let bytes = world.served(MAP_AT).await;
    world
        .standin()
        .faults()
        .set_for(MAP, Fault::NoRange, Times::Always);
    world
        .standin()
        .faults()
        .set_for(MAP, Fault::CutAt { byte: 70_001 }, Times::Next(1));
    let ended = world.stage(&[MAP_ID], &plain()).await;
    assert_eq!(ended.one().sha256, Some(sha256(&bytes)));
    assert_eq!(world.read(STAGED), bytes);
    assert_eq!(ended.job.bytes_moved, bytes.len() as u64 + 70_001);
}

#[tokio::test]
async fn parts_of_a_file_that_changed_in_between_are_never_glued() {
    let world = standin().await;
    let faults = world.standin().faults();
    faults.set_for(MAP, Fault::ChangedContent, Times::Always);
    let changed = world.served(MAP_AT).await;
    faults.clear();
    faults.set_for(MAP, Fault::CutAt { byte: 70_001 }, Times::Next(1));
    let job = world.job(&[MAP_ID], &plain()).await;
    let worker = world.worker("one");
    until("the first part", async || {
        let row = world
            .store
            .staging_files(&job.id, 0, 1)
            .await
            .unwrap()
            .remove(0);
        (row.bytes_done == 70_001).then_some(())
    })
    .await;
    faults.set_for(MAP, Fault::ChangedContent, Times::Always);
    let ended = world.until_phase(&job, Phase::Completed).await;
    worker.stop().await;
    assert_eq!(ended.one().sha256, Some(sha256(&changed)));
    assert_eq!(world.read(STAGED), changed);
}

#[tokio::test]
async fn another_length_than_the_catalogue_has_fails_clearly_and_leaves_nothing() {
    for off_by in [-500, 500] {
        let world = standin().await;
        let size = world.served(MAP_AT).await.len() as i64;
        world
            .standin()
            .faults()
            .set_for(MAP, Fault::WrongLength { off_by }, Times::Always);
        let ended = world.stage(&[MAP_ID], &plain()).await;
        assert_eq!(
            (ended.phase, ended.counted()),
            (Phase::Completed, [0, 0, 0, 1])
        );
        let text = format!(
            "replaced-at-archive: the archive serves {} bytes, the catalogue has {size}; harvest it and select again",
            size + off_by
        );
        assert_eq!(ended.one().reason.as_deref(), Some(text.as_str()));
        assert_eq!(ended.one().retry_may_help, Some(false));
        assert_eq!(world.listing(), [] as [&str; 0]);
    }
}

#[tokio::test]
async fn fewer_bytes_than_were_announced_fail_after_a_second_try_and_leave_nothing() {
    let mut held = Held::new("map", vec![1; 900]);
    (held.listed, held.announced) = (None, Some(1000));
    let world = fake([held]).await;
    let ended = world.stage(&["fake:map"], &plain()).await;
    assert_eq!(
        ended.one().reason.as_deref(),
        Some("wrong-length: 900 bytes came, 1000 were announced")
    );
    assert_eq!(ended.one().retry_may_help, Some(true));
    assert_eq!(world.fake.opened().len(), 2);
    assert_eq!(world.listing(), [] as [&str; 0]);
}

#[tokio::test]
async fn a_page_in_place_of_the_file_fails_as_one() {
    let world = standin().await;
    world
        .standin()
        .faults()
        .set_for(MAP, Fault::HtmlInstead, Times::Always);
    let ended = world.stage(&[MAP_ID], &plain()).await;
    let text =
        format!("web-page: planck sent a web page instead of `{MAP}`; it may be down, retry later");
    assert_eq!(
        (ended.one().outcome.as_str(), ended.one().reason.as_deref()),
        ("failed", Some(text.as_str()))
    );
    assert_eq!(ended.one().retry_may_help, Some(true));
    assert_eq!(world.listing(), [] as [&str; 0]);
}

#[tokio::test]
async fn what_the_archive_no_longer_has_fails_as_replaced() {
    let world = standin().await;
    world
        .standin()
        .faults()
        .set_for(MAP, Fault::Removed, Times::Always);
    let ended = world.stage(&[MAP_ID], &plain()).await;
    let text =
        format!("replaced-at-archive: planck no longer has `{MAP}`; harvest it and select again");
    assert_eq!(
        (ended.one().reason.as_deref(), ended.one().retry_may_help),
        (Some(text.as_str()), Some(false))
    );
    assert_eq!(world.listing(), [] as [&str; 0]);
}

#[tokio::test]
async fn an_overloaded_archive_and_dropped_connections_only_cost_time() {
    let world = standin().await;
    let faults = world.standin().faults();
    faults.set_for(
        MAP,
        Fault::Unavailable {
            retry_after_s: Some(1),
        },
        Times::Next(2),
    );
    faults.drop_every_nth_connection(Some(3));
    let ended = world
        .stage(
            &[
                MAP_ID,
                "planck:COM_PCCS_100_R2.01.fits",
                "planck:HFI_RIMO_R1.10.fits",
            ],
            &plain(),
        )
        .await;
    assert_eq!(
        (ended.phase, ended.counted()),
        (Phase::Completed, [3, 0, 0, 0])
    );
}

#[tokio::test]
async fn two_jobs_that_want_one_file_move_it_once() {
    let mut held = Held::new("map", vec![7; 300_000]);
    held.stalls_at = Some(100_000);
    let world = fake([held, Held::new("other", "o")]).await;
    let (first, second) = (
        world.job(&["fake:map"], &plain()).await,
        world.job(&["fake:map", "fake:other"], &plain()).await,
    );
    let (one, two) = (world.worker("one"), world.worker("two"));
    until("both run", async || {
        let phases = [
            world.ended(&first).await.phase,
            world.ended(&second).await.phase,
        ];
        (phases == [Phase::Executing; 2]
            && !world.fake.opened().is_empty()
            && world.ended(&second).await.counts.waiting == 1)
            .then_some(())
    })
    .await;
    world.fake.change("map", |held| held.stalls_at = None);
    // Whoever has it is stopped and goes on; the other waits for it and finds it.
    let opened = world.fake.opened();
    let n_of_map =
        |opened: &[(String, u64)]| opened.iter().filter(|(name, _)| name == "map").count();
    assert_eq!(n_of_map(&opened), 1);
    for job in [&first, &second] {
        world
            .store
            .ask_staging_job(job, gantry_store::Wanted::Hold)
            .await
            .unwrap();
    }
    for job in [&first, &second] {
        world.until_phase(job, Phase::Held).await;
        world.store.release_staging_job(job).await.unwrap();
    }
    let first = world.until_phase(&first, Phase::Completed).await;
    let second = world.until_phase(&second, Phase::Completed).await;
    one.stop().await;
    two.stop().await;
    let outcomes = [
        first.files[0].1.outcome.as_str(),
        second.files[0].1.outcome.as_str(),
    ];
    assert!(
        matches!(outcomes, ["staged", "present"] | ["present", "staged"]),
        "{outcomes:?}"
    );
    assert_eq!(world.read("fake/map"), vec![7; 300_000]);
    assert_eq!(world.listing(), ["fake/map", "fake/other"]);
}

#[tokio::test]
async fn two_hundred_small_files_are_all_staged() {
    let names: Vec<String> = (0..200).map(|n| format!("f{n:03}")).collect();
    let world = fake(names.iter().map(|name| Held::new(name, name.repeat(100)))).await;
    let ids: Vec<String> = names.iter().map(|name| format!("fake:{name}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let ended = world.stage(&ids, &plain()).await;
    assert_eq!(
        (ended.phase, ended.counted()),
        (Phase::Completed, [200, 0, 0, 0])
    );
    let expected = names
        .iter()
        .map(|name| (format!("fake/{name}"), name.repeat(100).into_bytes()));
    assert_eq!(world.tree(), expected.collect());
    assert_eq!(world.stage(&ids, &plain()).await.counted(), [0, 200, 0, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_under_way_keep_no_connection_that_their_own_job_waits_for() {
    // The first ends at once, so that the job looks for more files while the others begin to ask the record.
    let names: Vec<String> = (0..7).map(|n| format!("f{n}")).collect();
    let mut held: Vec<Held> = names.iter().map(|name| Held::new(name, "x")).collect();
    held[0].gone = true;
    let world = fake(held).await;
    let ids: Vec<String> = names.iter().map(|name| format!("fake:{name}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    for n in 0..40 {
        let wanted = request(serde_json::json!({"directory": format!("try-{n}")}));
        let job = world.job(&ids, &wanted).await;
        let worker = world.worker("one");
        let ended = world.until_phase(&job, Phase::Completed).await;
        worker.stop().await;
        assert_eq!(ended.counted(), [6, 0, 0, 1]);
    }
}
