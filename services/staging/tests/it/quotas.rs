//! Quotas: what a user's volumes may hold, before a job and while it runs.

use gantry_staging::Quota;
use gantry_store::Phase;

use crate::fake::Held;
use crate::world::{Setup, World, made, plain};

async fn bounded(quota: Quota) -> World {
    let held = ["a", "b", "c"].map(|name| Held::new(name, vec![1; 1000]));
    let setup = Setup {
        quota,
        ..Setup::default()
    };
    made(held, setup).await
}

#[tokio::test]
async fn a_job_ends_with_a_sentence_when_the_quota_is_used_up_and_goes_on_when_there_is_room() {
    let world = bounded(Quota {
        bytes: Some(2500),
        files: None,
    })
    .await;
    let ids = ["fake:a", "fake:b", "fake:c"];
    let selection = world.select(&ids).await;
    let plan = world
        .staging
        .plan(&selection, Some(&world.volume), &plain())
        .await
        .unwrap();
    assert_eq!(plan.quota_bytes_left, Some(2500));
    assert_eq!(
        plan.warnings,
        ["Your quota leaves 2500 bytes and 3000 are needed."]
    );
    let ended = world.stage(&ids, &plain()).await;
    assert_eq!(ended.phase, Phase::Error);
    assert_eq!(ended.counted(), [2, 0, 0, 1]);
    let text = ended.message.clone().unwrap();
    assert!(
        text.starts_with("the quota is used up: 3000 bytes would be there of 2500 bytes"),
        "{text}"
    );
    let failed = ended
        .files
        .iter()
        .find(|(_, outcome)| outcome.outcome == "failed");
    let (_, failed) = failed.unwrap();
    assert!(failed.reason.as_deref().unwrap().starts_with("quota: "));
    assert_eq!(failed.retry_may_help, Some(true));
    assert!(world.listing().iter().all(|path| !path.ends_with(".part")));
    // With the manifests gone as well there is room for the third.
    std::fs::remove_dir_all(world.path("fake")).unwrap();
    assert!(world.store.retry_staging_job(&ended.job).await.unwrap());
    let again = world.carry_out(&ended.job).await;
    assert_eq!(again.phase, Phase::Completed);
}

#[tokio::test]
async fn the_number_of_files_is_bounded_too_and_other_users_are_not_touched() {
    let world = bounded(Quota {
        bytes: None,
        files: Some(1),
    })
    .await;
    let ended = world.stage(&["fake:a", "fake:b"], &plain()).await;
    assert_eq!((ended.phase, ended.counted()), (Phase::Error, [1, 0, 0, 1]));
    let bob = world.store.ensure_user("bob", false).await.unwrap();
    let (_, bobs) = world.stage_as(&bob, &["fake:a"]).await;
    assert_eq!(
        (bobs.phase, bobs.counted()),
        (Phase::Completed, [1, 0, 0, 0])
    );
}

#[tokio::test]
async fn files_of_unknown_size_count_while_they_come() {
    let held = ["a", "b", "c"].map(|name| Held {
        listed: None,
        announced: None,
        ..Held::new(name, vec![1; 1000])
    });
    let setup = Setup {
        quota: Quota {
            bytes: Some(2500),
            files: None,
        },
        ..Setup::default()
    };
    let world = made(held, setup).await;
    let ended = world.stage(&["fake:a", "fake:b", "fake:c"], &plain()).await;
    assert_eq!((ended.phase, ended.counted()), (Phase::Error, [2, 0, 0, 1]));
    assert!(world.listing().iter().all(|path| !path.ends_with(".part")));
}

#[tokio::test]
async fn an_archive_that_sends_more_than_the_catalogue_says_is_not_listened_to() {
    let long = Held {
        listed: Some(1000),
        announced: None,
        ..Held::new("a", vec![1; 5_000_000])
    };
    let world = made([long], Setup::default()).await;
    let ended = world.stage(&["fake:a"], &plain()).await;
    let reason = ended.one().reason.clone().unwrap();
    assert!(
        reason.starts_with("replaced-at-archive: the archive serves more than the 1000 bytes"),
        "{reason}"
    );
}
