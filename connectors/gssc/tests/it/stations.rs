//! What site logs say of stations. Positions were computed with astropy from the coordinates in the logs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use gantry_asset::Asset;
use gantry_connector::Since;
use gantry_connector::conformance::{Harvest, harvest, harvest_since};
use gantry_standin::gssc::{Change, GsscAction, Way};

use crate::archive::{Archive, archive, archive_with, connector, named};

const DAY: &str = "/gnss/data/daily/2023/002";

async fn harvested(archive: &Archive, notes: &BTreeMap<String, String>) -> Harvest {
    let since = Since {
        cursor: None,
        notes: notes.clone(),
    };
    harvest_since(archive.connector(Way::Ftp).as_ref(), since)
        .await
        .unwrap()
}

/// The site logs read since `n` requests ago.
fn read(archive: &Archive, n: usize) -> Vec<String> {
    let requests = archive.standin.requests().into_iter().skip(n);
    requests
        .filter(|request| request.action == GsscAction::Retrieve)
        .map(|request| request.path)
        .collect()
}

fn close(asset: &Asset, lat: f64, lon: f64, height_m: f64) {
    let place = asset.place.unwrap();
    let near = |is: f64, should: f64, by: f64| (is - should).abs() < by;
    assert!(
        near(place.lat, lat, 1e-5) && near(place.lon, lon, 1e-5),
        "{place:?}"
    );
    assert!(near(place.height_m.unwrap(), height_m, 0.1), "{place:?}");
}

#[tokio::test]
async fn files_of_a_station_say_where_it_stands_and_what_stood_there_that_day() {
    let harvest = harvest(archive().connector(Way::Ftp).as_ref(), None)
        .await
        .unwrap();
    let before = named(&harvest, "BRUX00BEL_R_20230010000_01D_30S_MO.crx.gz");
    close(before, 50.798_064_7, 4.358_566_8, 158.140);
    assert_eq!(
        before.description,
        "Brussels, BEL, DOMES 13101M010, receiver SEPT POLARX4TR, antenna JAVRINGANT_DM SCIS"
    );
    let after = named(&harvest, "BRUX00BEL_R_20230050000_01D_30S_MO.crx.gz");
    assert!(
        after.description.contains("receiver SEPT POLARX5TR"),
        "{}",
        after.description
    );
    let series = &harvest.assets[before.series.as_ref().unwrap()];
    assert_eq!(series.place, before.place);
    assert!(series.synonyms.contains(&"13101M010".to_owned()));
    let north = named(&harvest, "NYA100NOR_R_20230010000_01D_30S_MO.crx.gz");
    close(north, 78.929_554_7, 11.865_308_2, 84.244);
    let broadcast = named(&harvest, "BRDC00IGS_R_20230010000_01D_MN.rnx.gz");
    assert_eq!(
        (broadcast.place, broadcast.description.as_str()),
        (None, "")
    );
}

#[tokio::test]
async fn the_newest_log_of_a_station_is_read_once_and_again_when_it_is_replaced() {
    let archive = archive();
    let first = harvested(&archive, &BTreeMap::new()).await;
    let mut logs = read(&archive, 0);
    logs.sort();
    assert_eq!(logs.len(), 6, "{logs:?}");
    assert!(
        !logs.iter().any(|path| path.contains("brux00bel_20201120")),
        "{logs:?}"
    );
    let log = named(&first, "brux00bel_20230105.log")
        .station
        .clone()
        .unwrap();
    let receivers: Vec<_> = log.receivers.iter().map(|one| one.kind.as_str()).collect();
    assert_eq!(receivers, ["SEPT POLARX4TR", "SEPT POLARX5TR"]);
    let notes: BTreeMap<String, String> = first
        .notes
        .iter()
        .filter_map(|(about, note)| Some((about.clone(), note.clone()?)))
        .collect();
    let n = archive.standin.requests().len();
    let second = harvested(&archive, &notes).await;
    assert_eq!(read(&archive, n), [""; 0]);
    let name = "brux00bel_20230105.log";
    assert_eq!(named(&second, name), named(&first, name), "noted, not read");
    let newer = Change::Add(
        "brux00bel_20230201.log".to_owned(),
        "no site log at all".into(),
    );
    archive
        .standin
        .switches()
        .change_after_listings(0, "/igs/station/log", newer);
    let mut notes = notes;
    notes.remove(DAY.trim_matches('/'));
    let third = harvested(&archive, &notes).await;
    let warnings = &named(&third, "brux00bel_20230201.log").warnings;
    assert!(
        warnings
            .iter()
            .any(|text| text.starts_with("it could not be read as a site log: ")),
        "{warnings:?}"
    );
    let file = named(&third, "BRUX00BEL_R_20230020000_01D_30S_MO.crx.gz");
    assert!(file.place.is_some(), "what the older log says counts on");
}

#[tokio::test]
async fn four_characters_are_the_station_that_had_them_by_then() {
    let archive = archive();
    let switches = archive.standin.switches();
    for name in ["brux0020.23d.Z", "brux0010.99d.Z", "wxyz0020.23d.Z"] {
        switches.change_after_listings(0, DAY, Change::Add(name.to_owned(), "x".into()));
    }
    let harvest = harvest(archive.connector(Way::Ftp).as_ref(), None)
        .await
        .unwrap();
    let station = |name: &str| named(&harvest, name).facets.get("station").to_vec();
    assert_eq!(station("brux0020.23d.Z"), ["BRUX00BEL"]);
    assert_eq!(
        station("brux0010.99d.Z"),
        ["BRUX"],
        "before anything stood there"
    );
    assert_eq!(station("wxyz0020.23d.Z"), ["WXYZ"]);
    let asset = named(&harvest, "brux0020.23d.Z");
    assert_eq!(
        asset.series.as_ref().unwrap().as_str(),
        "gssc:~BRUX-OBS-01D-RINEX2"
    );
    assert!(asset.synonyms.contains(&"BRUX".to_owned()));
}

#[tokio::test]
#[expect(
    clippy::print_stderr,
    reason = "who runs it must see that nothing was tested"
)]
async fn a_real_site_log_is_told_in_both_its_forms() {
    let Some(folder) = std::env::var_os("GANTRY_REAL_DATA").map(PathBuf::from) else {
        eprintln!("NOT RUN: GANTRY_REAL_DATA is not set");
        return;
    };
    let archive = archive_with(Some(folder));
    let mut config = archive.config(Way::Ftp);
    config.folders = vec!["igs".to_owned()];
    let harvest = harvest(connector(&config).as_ref(), None).await.unwrap();
    for name in ["houz00glp_20250106.log", "HOUZ00GLP.xml"] {
        let asset = named(&harvest, name);
        assert_eq!(asset.warnings, [""; 0], "{name}");
        let log = asset.station.as_ref().unwrap();
        assert_eq!(
            (log.id.as_str(), log.domes.as_deref()),
            ("HOUZ00GLP", Some("97102M001")),
            "{name}"
        );
        assert_eq!(log.receivers.last().unwrap().kind, "LEICA GR50", "{name}");
        let place = asset.place.unwrap();
        assert_eq!(
            (place.lat.trunc(), place.lon.trunc()),
            (15.0, -61.0),
            "{name}"
        );
        assert!(!log.was_inactive("2010-001".parse().unwrap()));
        assert!(log.was_inactive("1999-001".parse().unwrap()));
    }
}
