use futures::StreamExt;
use gantry_connector::{Connector, Harvested, Since, conformance::conformance};
use gantry_standin::{Fault, Scope, Times};

use crate::archive::archive;

#[tokio::test]
async fn the_connector_keeps_every_promise_of_a_connector() {
    let archive = archive();
    let harvest = conformance(archive.connector().as_ref()).await.unwrap();
    assert_eq!((harvest.assets.len(), harvest.rejected.len()), (32, 0));
}

/// How often faults are drawn.
fn rounds() -> u64 {
    std::env::var("GANTRY_TEST_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(5)
}

/// Numbers that are the same for the same seed (splitmix64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

#[tokio::test]
async fn it_keeps_them_while_the_archive_is_overloaded_and_drops_connections() {
    let archive = archive();
    let untroubled = archive.harvest().await;
    for seed in 0..rounds() {
        let mut draw = Draw(seed);
        let faults = archive.standin.faults();
        faults.clear();
        let retry_after_s = [None, Some(0), Some(1)][draw.below(3) as usize];
        let overloaded = Fault::Unavailable { retry_after_s };
        faults.set(
            Scope::All,
            overloaded,
            Times::Next(1 + draw.below(2) as u32),
        );
        faults.drop_every_nth_connection(Some(3 + draw.below(3) as u32));
        let troubled = conformance(archive.connector().as_ref()).await;
        let troubled = troubled.unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        assert_eq!(troubled.assets, untroubled.assets, "seed {seed}");
        assert_eq!(troubled.scopes, untroubled.scopes, "seed {seed}");
    }
}

/// What came of a harvest of which no product and no scope is expected.
async fn failure(connector: &dyn Connector) -> String {
    let mut events = connector.harvest(Since::default());
    let mut error = None;
    while let Some(event) = events.next().await {
        match event {
            Ok(Harvested::ScopeComplete(scope)) => panic!("scope `{scope}` was completed"),
            Ok(Harvested::Withdrawn(id)) => panic!("`{id}` was withdrawn"),
            Ok(_) => {}
            Err(failed) => error = Some(failed.to_string()),
        }
    }
    error.expect("the harvest fails")
}

#[tokio::test]
async fn a_list_that_is_cut_anywhere_is_an_error_and_completes_nothing() {
    let archive = archive();
    let size = list_bytes(&archive).await;
    for seed in 0..rounds() {
        let byte = 1 + Draw(seed).below(size - 1);
        archive
            .standin
            .faults()
            .set_for("products.json", Fault::CutAt { byte }, Times::Next(1));
        let error = failure(archive.connector().as_ref()).await;
        assert_eq!(
            error, "planck did not give its product list",
            "cut at {byte}"
        );
    }
    assert_eq!(archive.harvest().await.assets.len(), 32);
}

async fn list_bytes(archive: &crate::archive::Archive) -> u64 {
    let net = gantry_net::Net::new(gantry_net::NetConfig::default()).unwrap();
    let url = archive.config.products.as_ref().unwrap().parse().unwrap();
    let client = net.client(gantry_net::Scope::new("list", [&url]));
    client
        .get(&url)
        .await
        .unwrap()
        .bytes(1 << 20)
        .await
        .unwrap()
        .len() as u64
}

#[tokio::test]
async fn a_page_in_place_of_the_list_and_an_archive_that_is_down_are_errors() {
    let archive = archive();
    archive
        .standin
        .faults()
        .set_for("products.json", Fault::HtmlInstead, Times::Next(1));
    let error = failure(archive.connector().as_ref()).await;
    assert!(
        error.starts_with("planck sent an unreadable product list: "),
        "{error}"
    );
    let down = Fault::Unavailable {
        retry_after_s: None,
    };
    archive
        .standin
        .faults()
        .set(Scope::All, down, Times::Always);
    let error = failure(archive.connector().as_ref()).await;
    assert_eq!(error, "planck did not give its product list");
}
