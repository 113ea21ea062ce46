use gantry_connector::conformance::conformance;
use gantry_standin::{Fault, Scope, Times};

use crate::archive::archive;

fn rounds() -> u64 {
    std::env::var("GANTRY_TEST_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(5)
}

#[tokio::test]
async fn the_connector_keeps_every_promise_of_a_connector() {
    let archive = archive();
    let harvest = conformance(archive.connector().as_ref()).await.unwrap();
    assert_eq!(harvest.rejected, []);
}

#[tokio::test]
async fn it_keeps_them_while_the_archive_is_overloaded_and_drops_connections() {
    let archive = archive();
    let untroubled = archive.harvest().await;
    for seed in 0..rounds() {
        let faults = archive.standin.faults();
        faults.clear();
        let fault = match seed % 3 {
            0 => Fault::PoolEmpty,
            1 => Fault::Unavailable {
                retry_after_s: None,
            },
            _ => Fault::Unavailable {
                retry_after_s: Some(0),
            },
        };
        let times = Times::Next(1 + u32::try_from(seed % 2).unwrap());
        faults.set(Scope::All, fault, times);
        faults.drop_every_nth_connection(Some(3 + u32::try_from(seed % 4).unwrap()));
        let troubled = conformance(archive.connector().as_ref()).await;
        let troubled = troubled.unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        assert_eq!(troubled.assets, untroubled.assets, "seed {seed}");
        assert_eq!(troubled.scopes, untroubled.scopes, "seed {seed}");
    }
}

#[tokio::test]
async fn every_tenth_connection_dropped_changes_nothing() {
    let archive = archive();
    let untroubled = archive.harvest().await;
    archive.standin.faults().drop_every_nth_connection(Some(10));
    assert_eq!(archive.harvest().await.assets, untroubled.assets);
}
