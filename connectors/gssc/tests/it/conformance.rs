use futures::StreamExt;
use gantry_connector::conformance::{Harvest, conformance, harvest};
use gantry_connector::{Connector, Cursor, Harvested, Since};
use gantry_standin::gssc::{Change, Way};

use crate::archive::{Archive, archive, connector, without_addresses};

#[tokio::test]
async fn the_connector_keeps_every_promise_by_ftp_by_sftp_and_by_http_and_finds_the_same() {
    let archive = archive();
    let by_ftp = conformance(archive.connector(Way::Ftp).as_ref())
        .await
        .unwrap();
    let by_sftp = conformance(archive.connector(Way::Sftp).as_ref())
        .await
        .unwrap();
    assert_eq!(without_addresses(&by_ftp), without_addresses(&by_sftp));
    assert_eq!(by_ftp.scopes, by_sftp.scopes);
    assert_eq!(by_ftp.rejected, []);
    let by_http = conformance(archive.connector(Way::Http).as_ref())
        .await
        .unwrap();
    assert_eq!(without_addresses(&by_ftp), without_addresses(&by_http));
}

#[tokio::test]
async fn every_file_below_the_folders_is_an_asset_or_a_further_location_of_one() {
    let archive = archive();
    let harvest = harvest(archive.connector(Way::Ftp).as_ref(), None)
        .await
        .unwrap();
    let mut there = archive
        .paths(&["gnss/data/", "gnss/products/", "igs/station/"])
        .await;
    for asset in harvest.assets.values() {
        for file in &asset.files {
            assert!(there.remove(file.path.as_ref().unwrap()), "{}", asset.id);
        }
    }
    let base = archive.url(Way::Ftp).to_string();
    for path in &there {
        let address = gantry_asset::Location::Address(format!("{base}{path}"));
        let mut files = harvest.assets.values().flat_map(|asset| &asset.files);
        assert!(
            files.any(|file| file.locations[1..].contains(&address)),
            "{path} is lost"
        );
    }
    // The broadcast files of 38 days stand in a folder of the year too.
    assert!(
        there.iter().all(|path| path.contains("/brdc/")),
        "{there:?}"
    );
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

/// Harvests until nothing is left, going on from the last cursor after each failure.
async fn harvest_with_cuts(connector: &dyn Connector, draw: &mut Draw) -> Result<Harvest, String> {
    let mut whole = Harvest::default();
    let mut cursor: Option<Cursor> = None;
    for _ in 0..200 {
        let cut_after = 1 + draw.below(400);
        let mut events = connector.harvest(cursor.clone().into());
        let mut n_events = 0;
        let ended = loop {
            match events.next().await {
                None => break true,
                Some(Err(error)) if error.is_transient() => break false,
                Some(Err(error)) => return Err(format!("{error:?}")),
                Some(Ok(Harvested::Asset(asset))) => {
                    drop(whole.assets.insert(asset.id.clone(), *asset))
                }
                Some(Ok(Harvested::ScopeComplete(scope))) => drop(whole.scopes.insert(scope)),
                Some(Ok(Harvested::Cursor(next))) => cursor = Some(next),
                Some(Ok(Harvested::Note { .. })) => {}
                Some(Ok(other)) => return Err(format!("{other:?}")),
            }
            n_events += 1;
            if n_events >= cut_after {
                break false;
            }
        };
        if ended {
            return Ok(whole);
        }
    }
    Err("it never came to its end".to_owned())
}

#[tokio::test]
async fn harvests_that_are_cut_and_troubled_end_with_the_same_catalogue() {
    let archive = archive();
    for way in [Way::Ftp, Way::Sftp] {
        let connector = archive.connector(way);
        let untroubled = harvest(connector.as_ref(), None).await.unwrap();
        for seed in 0..rounds() {
            let mut draw = Draw(seed);
            let switches = archive.standin.switches();
            let every = 2 + draw.below(4) as u32;
            switches.drop_every_nth_connection(way, Some(every));
            let troubled = harvest_with_cuts(archive.connector(way).as_ref(), &mut draw).await;
            switches.clear();
            let troubled = troubled.unwrap_or_else(|why| panic!("{way:?}, seed {seed}: {why}"));
            assert!(troubled.assets == untroubled.assets, "{way:?}, seed {seed}");
            assert_eq!(troubled.scopes, untroubled.scopes, "{way:?}, seed {seed}");
        }
    }
}

#[tokio::test]
async fn a_file_that_is_gone_is_missing_within_a_scope_that_was_completed() {
    let archive = archive();
    let name = "BRUX00BEL_R_20230020000_01D_30S_MO.crx.gz";
    let gone = Change::Remove(name.to_owned());
    archive
        .standin
        .switches()
        .change_after_listings(0, "/gnss/data/daily/2023/002", gone);
    let harvest = harvest(archive.connector(Way::Ftp).as_ref(), None)
        .await
        .unwrap();
    assert!(harvest.scopes.contains("gnss~data~daily~2023~002~"));
    let id = format!("gssc:gnss~data~daily~2023~002~{name}")
        .parse()
        .unwrap();
    assert!(!harvest.assets.contains_key(&id));
}

async fn fails(archive: &Archive, way: Way) -> (String, bool) {
    let connector = archive.connector(way);
    let mut events = connector.harvest(Since::default());
    while let Some(event) = events.next().await {
        match event {
            Ok(Harvested::ScopeComplete(scope)) => panic!("scope `{scope}` was completed"),
            Ok(_) => {}
            Err(error) => return (error.to_string(), error.is_transient()),
        }
    }
    panic!("the harvest ends");
}

#[tokio::test]
async fn an_archive_that_refuses_is_an_error_and_completes_nothing() {
    let archive = archive();
    archive.standin.switches().refuse_login(true);
    for way in [Way::Ftp, Way::Sftp] {
        assert_eq!(fails(&archive, way).await.0, "gssc did not give its folder");
    }
    archive.standin.switches().refuse_login(false);
    let mut config = archive.config(Way::Ftp);
    config.years = Some("2030".to_owned());
    let harvest = harvest(connector(&config).as_ref(), None).await.unwrap();
    assert!(!harvest.scopes.contains("~"), "series of other years stay");
}
