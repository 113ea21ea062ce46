use std::time::{Duration, SystemTime};

use gantry_staging::StageRequest;
use gantry_staging::volume::VolumeError;
use gantry_staging::{StagingError, select};
use serde_json::json;

use crate::fake::Held;
use crate::world::{World, fake, plain, request};

fn on_conflict(text: &str) -> StageRequest {
    request(json!({"on_conflict": text}))
}

async fn with_mine() -> World {
    let world = fake([Held::new("map.fits.gz", "theirs")]).await;
    std::fs::create_dir_all(world.path("fake")).unwrap();
    std::fs::write(world.path("fake/map.fits.gz"), "mine").unwrap();
    world
}

fn tree(entries: &[(&str, &str)]) -> std::collections::BTreeMap<String, Vec<u8>> {
    entries
        .iter()
        .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
        .collect()
}

#[tokio::test]
async fn a_file_in_the_way_is_kept_replaced_or_left_beside_as_was_asked() {
    let world = with_mine().await;
    let ended = world.stage(&["fake:map.fits.gz"], &plain()).await;
    assert_eq!(
        (ended.counted(), ended.one().reason.as_deref()),
        ([0, 0, 1, 0], Some("name-taken"))
    );
    assert_eq!(world.tree(), tree(&[("fake/map.fits.gz", "mine")]));

    let both = tree(&[
        ("fake/map.fits.gz", "mine"),
        ("fake/map-2.fits.gz", "theirs"),
    ]);
    for expected in [[1, 0, 0, 0], [0, 1, 0, 0]] {
        let ended = world
            .stage(&["fake:map.fits.gz"], &on_conflict("rename"))
            .await;
        assert_eq!(
            (ended.counted(), ended.one().path.as_deref()),
            (expected, Some("fake/map-2.fits.gz"))
        );
        assert_eq!(world.tree(), both);
    }

    let ended = world
        .stage(&["fake:map.fits.gz"], &on_conflict("replace"))
        .await;
    assert_eq!(ended.counted(), [1, 0, 0, 0]);
    assert_eq!(world.read("fake/map.fits.gz"), b"theirs");
}

#[tokio::test]
async fn a_folder_in_the_way_is_never_replaced() {
    let world = fake([Held::new("map", "theirs")]).await;
    std::fs::create_dir_all(world.path("fake/map")).unwrap();
    std::fs::write(world.path("fake/map/inside"), "mine").unwrap();
    let ended = world.stage(&["fake:map"], &on_conflict("replace")).await;
    assert_eq!(
        (ended.counted(), ended.one().reason.as_deref()),
        ([0, 0, 1, 0], Some("name-taken: a folder has its name"))
    );
    assert_eq!(world.listing(), ["fake/map/inside"]);
}

#[tokio::test]
async fn a_file_that_was_only_touched_is_read_again_and_found_present() {
    let world = fake([Held::new("map", "theirs")]).await;
    world.stage(&["fake:map"], &plain()).await;
    let file = std::fs::File::options()
        .write(true)
        .open(world.path("fake/map"))
        .unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(60))
        .unwrap();
    let ended = world.stage(&["fake:map"], &plain()).await;
    assert_eq!(
        (ended.counted(), ended.one().verified_by.as_deref()),
        ([0, 1, 0, 0], Some("previous-copy"))
    );
    assert_eq!(world.fake.opened().len(), 1);
}

#[tokio::test]
async fn a_file_its_user_changed_is_kept_unless_it_is_to_be_replaced() {
    let world = fake([Held::new("map", "theirs"), Held::new("other", "other")]).await;
    world.stage(&["fake:map"], &plain()).await;
    std::fs::write(world.path("fake/map"), "edited").unwrap();
    let ended = world.stage(&["fake:map", "fake:other"], &plain()).await;
    assert_eq!(ended.counted(), [1, 0, 1, 0]);
    assert_eq!(
        ended.files[0].1.reason.as_deref(),
        Some("name-taken: it was changed since it was staged")
    );
    assert_eq!(world.read("fake/map"), b"edited");

    let ended = world.stage(&["fake:map"], &on_conflict("rename")).await;
    assert_eq!(ended.one().path.as_deref(), Some("fake/map-2"));
    assert_eq!(
        (world.read("fake/map"), world.read("fake/map-2")),
        (b"edited".to_vec(), b"theirs".to_vec())
    );

    world.stage(&["fake:map"], &on_conflict("replace")).await;
    assert_eq!(world.read("fake/map"), b"theirs");
}

#[tokio::test]
async fn another_version_is_kept_apart_and_said_to_be_there() {
    let world = fake([Held::new("map", "one")]).await;
    world.stage(&["fake:map"], &plain()).await;
    world
        .fake
        .change("map", |held| *held = Held::new("map", "second"));
    let (_, access) = world.archives.iter().next().unwrap();
    let cancelled = tokio_util::sync::CancellationToken::new();
    let harvest = gantry_harvest::harvest(
        &world.store,
        access.connector.as_ref(),
        "test",
        true,
        &cancelled,
        &|_| {},
    );
    assert_eq!(harvest.await.unwrap().counts.changed, 1);
    let ended = world.stage(&["fake:map"], &plain()).await;
    assert!(
        ended
            .one()
            .reason
            .as_ref()
            .unwrap()
            .starts_with("name-taken: another version of it is there")
    );
    assert_eq!(world.read("fake/map"), b"one");
    let ended = world.stage(&["fake:map"], &on_conflict("replace")).await;
    assert_eq!(ended.counted(), [1, 0, 0, 0]);
    assert_eq!(world.read("fake/map"), b"second");
}

fn same_names() -> [Held; 2] {
    let [mut a, mut b] = [Held::new("a", "of a"), Held::new("b", "of b")];
    (a.name, b.name) = ("map.txt".to_owned(), "map.txt".to_owned());
    [a, b]
}

#[tokio::test]
async fn of_two_files_with_one_name_in_one_job_the_second_is_skipped_or_renamed() {
    let world = fake(same_names()).await;
    let ended = world
        .stage(&["fake:a", "fake:b"], &on_conflict("replace"))
        .await;
    assert_eq!(ended.counted(), [1, 0, 1, 0]);
    let reasons: Vec<_> = ended
        .files
        .iter()
        .filter_map(|(_, outcome)| outcome.reason.as_deref())
        .collect();
    assert!(
        reasons[0].starts_with("name-taken: another file of this job has the same name"),
        "{reasons:?}"
    );
    assert_eq!(world.listing(), ["fake/map.txt"]);

    let world = fake(same_names()).await;
    for expected in [[2, 0, 0, 0], [0, 2, 0, 0]] {
        let ended = world
            .stage(&["fake:a", "fake:b"], &on_conflict("rename"))
            .await;
        assert_eq!(ended.counted(), expected);
        for (held, (_, outcome)) in same_names().iter().zip(&ended.files) {
            assert_eq!(world.read(outcome.path.as_ref().unwrap()), held.bytes);
        }
        assert_eq!(world.listing(), ["fake/map-2.txt", "fake/map.txt"]);
    }
}

#[tokio::test]
async fn many_files_of_one_name_take_theirs_in_the_order_of_the_job() {
    let held = (0..30).map(|n| Held {
        name: "map.txt".to_owned(),
        ..Held::new(&format!("a{n:02}"), format!("of {n}"))
    });
    let world = fake(held).await;
    let assets: Vec<String> = (0..30).map(|n| format!("fake:a{n:02}")).collect();
    let assets: Vec<&str> = assets.iter().map(String::as_str).collect();
    let ended = world.stage(&assets, &on_conflict("rename")).await;
    let paths = ended.files.iter().map(|(_, outcome)| outcome.path.clone());
    let expected = (1..=30).map(|n| match n {
        1 => Some("fake/map.txt".to_owned()),
        n => Some(format!("fake/map-{n}.txt")),
    });
    assert_eq!(paths.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_plan_says_what_the_job_then_does() {
    let world = fake(
        same_names()
            .into_iter()
            .chain([Held::new("c", "c"), Held::new("mine", "theirs")]),
    )
    .await;
    std::fs::create_dir_all(world.path("fake")).unwrap();
    std::fs::write(world.path("fake/mine"), "mine").unwrap();
    let selection = world
        .select(&["fake:a", "fake:b", "fake:c", "fake:mine"])
        .await;
    let planned = async || {
        let plan = world
            .staging
            .plan(&selection, Some(&world.volume), &plain())
            .await
            .unwrap();
        plan.methods
            .iter()
            .map(|planned| (planned.method, planned.n_files))
            .collect::<Vec<_>>()
    };
    assert_eq!(planned().await, [("download", 2), ("skip", 2)]);
    let job = world
        .staging
        .stage(&world.ada, &selection, &world.volume, &plain())
        .await
        .unwrap();
    assert_eq!(world.carry_out(&job).await.counted(), [2, 0, 2, 0]);
    assert_eq!(planned().await, [("present", 2), ("skip", 2)]);
}

#[tokio::test]
async fn a_directory_that_leads_out_of_the_volume_is_refused() {
    let world = fake([Held::new("map", "x")]).await;
    let selection = select(&world.store, &["fake:map".parse().unwrap()], &[])
        .await
        .unwrap();
    for directory in ["../x", "/etc", "a/../../b", "a//b", "a\u{0}b", "./a"] {
        let wanted = request(json!({"directory": directory}));
        let refused = world
            .staging
            .stage(&world.ada, &selection, &world.volume, &wanted)
            .await;
        let error = refused.unwrap_err();
        assert!(
            matches!(error, StagingError::Volume(VolumeError::Path { .. })),
            "{directory:?}: {error}"
        );
        assert!(
            error.to_string().contains("is no path inside a volume"),
            "{error}"
        );
    }
    let ended = world
        .stage(&["fake:map"], &request(json!({"directory": "a/b"})))
        .await;
    assert_eq!(
        (ended.counted(), world.listing()),
        ([1, 0, 0, 0], vec!["a/b/map".to_owned()])
    );
    let ended = world
        .stage(&["fake:map"], &request(json!({"directory": ""})))
        .await;
    assert_eq!(
        (ended.counted(), world.listing()),
        ([1, 0, 0, 0], vec!["a/b/map".to_owned(), "map".to_owned()])
    );
}
