use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use gantry_harvest::{Scheduled, keep_harvesting, next_harvest};
use gantry_store::{BatchCounts, Harvest, Phase, Store};
use tokio_util::sync::CancellationToken;

use crate::archive::{asset, scripted, world};

const EVERY: Duration = Duration::from_millis(600);

#[tokio::test]
async fn an_archive_is_harvested_whenever_it_is_due_by_one_of_several_processes() {
    let world = world().await;
    let url = format!("sqlite:{}", world.folder.path().join("gantry.db").display());
    let other = Store::open(&url).await.unwrap();
    let scripts = (0..100).map(|_| vec![asset(1)]).collect();
    let archive = Scheduled {
        connector: Arc::new(scripted(scripts)),
        every: EVERY,
    };
    let planck = "planck".parse().unwrap();
    let cancelled = CancellationToken::new();
    let keep = |store, owner| keep_harvesting(store, vec![archive.clone()], owner, &cancelled);
    let watching = async {
        loop {
            let harvests = world.store.harvests(Some(&planck), 100).await.unwrap();
            if harvests.len() >= 4 {
                cancelled.cancel();
                return harvests;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let all = async { tokio::join!(keep(&world.store, "one"), keep(&other, "two"), watching).2 };
    let harvests = tokio::time::timeout(Duration::from_secs(60), all)
        .await
        .unwrap();
    for pair in harvests.windows(2) {
        assert!(pair[0].started - pair[1].started >= TimeDelta::from_std(EVERY).unwrap());
    }
    let ended = harvests
        .iter()
        .filter(|harvest| harvest.phase == Phase::Completed);
    assert!(ended.count() >= 3);
}

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
}

fn ended(phase: Phase, minute: i64) -> Harvest {
    Harvest {
        id: minute.to_string(),
        archive: "planck".to_owned(),
        phase,
        started: at(minute),
        ended: Some(at(minute + 1)),
        counts: BatchCounts::default(),
        n_withdrawn: 0,
        n_rejected: 0,
        n_withdrawals_waiting: 0,
        message: None,
    }
}

#[test]
fn after_failures_it_is_tried_again_sooner_than_due_and_ever_later() {
    let day = Duration::from_secs(24 * 3600);
    assert_eq!(next_harvest(&[], day), None);
    let good = ended(Phase::Completed, 0);
    assert_eq!(
        next_harvest(std::slice::from_ref(&good), day),
        Some(at(24 * 60))
    );
    let held = ended(Phase::Held, 0);
    assert_eq!(next_harvest(&[held], day), Some(at(24 * 60)));
    let failed = [100, 90, 80].map(|minute| ended(Phase::Error, minute));
    assert_eq!(next_harvest(&failed[2..], day), Some(at(81 + 5)));
    assert_eq!(next_harvest(&failed[1..], day), Some(at(91 + 10)));
    let mut newest = failed.to_vec();
    newest.push(good);
    assert_eq!(next_harvest(&newest, day), Some(at(101 + 20)));
    let hour = Duration::from_secs(600);
    assert_eq!(
        next_harvest(&newest, hour),
        Some(at(101 + 10)),
        "never later than the schedule"
    );
}
