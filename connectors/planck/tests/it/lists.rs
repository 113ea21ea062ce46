use std::fmt::Write;

use gantry_asset::Asset;
use gantry_connector::conformance::harvest;
use gantry_connector::{ArchiveConfig, ConfigError};
use gantry_net::{Net, NetConfig};
use serde_json::json;

use crate::archive::{MAP, archive};

#[tokio::test]
async fn a_frequency_map_is_catalogued_with_all_that_its_name_says() {
    let archive = archive();
    let harvest = archive.harvest().await;
    let asset = &harvest.assets[&format!("planck:{MAP}").parse().unwrap()];
    let shown = serde_json::to_value(asset).unwrap();
    let size = shown["files"][0]["size_bytes"].clone();
    assert!(size.as_u64().unwrap() > 100_000);
    let expected = json!({
        "id": "planck:HFI_SkyMap_100_0016_R3.01_full.fits",
        "kind": "Information Product",
        "title": "HFI sky map, 100 GHz, full mission",
        "description": "Intensity and polarisation, I Q U with their covariance.",
        "facets": {
            "band": ["100 GHz"], "collection": ["Planck PR3"], "domain": ["Cosmology"], "format": ["FITS"],
            "instrument": ["HFI"], "mission": ["Planck"], "nside": ["16"], "organization": ["ESA"],
            "product_type": ["sky map"], "provenance": ["observed"], "publisher": ["ESA"],
            "release": ["PR3"], "rerelease": ["R3.01"], "split": ["full mission"],
        },
        "series": null,
        "time": {"start": "2009-08-12T00:00:00Z", "end": "2012-01-14T00:00:00Z"},
        "sky": {"all_sky": true},
        "related": [{"relation": "other-release", "asset": "planck:HFI_SkyMap_100_0016_R4.00_full.fits", "label": "PR4 (R4.00), dipole included"}],
        "rank": 1340,
        "files": [{
            "name": MAP, "media_type": "application/fits", "size_bytes": size, "modified": "2018-08-16T12:00:00Z",
            "locations": [
                {"address": format!("{}/pla/aio/product-action?MAP.MAP_ID={MAP}", archive.standin.url())},
                {"address": format!("{}/pla-sl/data-action?MAP.MAP_OID=15101", archive.standin.url())},
            ],
        }],
    });
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn what_is_no_product_is_rejected_with_its_name_and_the_rest_is_listed() {
    let mut archive = archive();
    let list = json!({"read": "2026-11-22", "products": [
        {"name": "a.fits", "class": "MAP"},
        {"name": "../etc/passwd", "class": "MAP"},
        {"name": ".hidden", "class": "MAP"},
        {"name": "no class.fits"},
        {"name": "negative.fits", "class": "MAP", "size_bytes": -1},
        {"class": "MAP"},
        7,
        {"name": "a.fits", "class": "MAP"},
        {"name": "ä b.fits", "class": "MAP"},
    ]});
    let harvest = harvest(archive.with_list(&list.to_string()).as_ref(), None)
        .await
        .unwrap();
    let ids: Vec<&str> = harvest.assets.keys().map(|id| id.as_str()).collect();
    assert_eq!(ids, ["planck:a.fits", "planck:~~C3~~A4~~20b.fits"]);
    let mut rejected: Vec<&str> = harvest
        .rejected
        .iter()
        .map(|(what, _)| what.as_str())
        .collect();
    rejected.sort_unstable();
    assert_eq!(
        rejected,
        [
            "../etc/passwd",
            ".hidden",
            "a.fits (again)",
            "negative.fits",
            "no class.fits",
            "product 5",
            "product 6"
        ]
    );
    assert!(
        harvest.rejected.iter().all(|(_, why)| why.len() > 10),
        "{:?}",
        harvest.rejected
    );
}

#[tokio::test]
async fn a_long_list_can_be_gone_on_with_at_every_cursor() {
    let mut archive = archive();
    let mut text = String::from(r#"{"products": ["#);
    for n in 0..1201 {
        let comma = if n == 0 { "" } else { "," };
        write!(
            text,
            r#"{comma}{{"name": "npipe6v20_noise_100_A_mc_{n:05}.fits", "class": "SIMULATED_MAP"}}"#
        )
        .unwrap();
    }
    text.push_str("]}");
    let connector = archive.with_list(&text);
    let whole = harvest(connector.as_ref(), None).await.unwrap();
    assert_eq!((whole.assets.len(), whole.cursors.len()), (1202, 2));
    for (cursor, n_before) in &whole.cursors {
        let rest = harvest(connector.as_ref(), Some(cursor.clone()))
            .await
            .unwrap();
        assert_eq!(rest.order, whole.order[*n_before..]);
        assert_eq!(rest.scopes, whole.scopes);
    }
}

#[tokio::test]
async fn the_list_shipped_is_catalogued_without_a_rejection() {
    let mut archive = archive();
    archive.config.products = None;
    let harvest = archive.harvest().await;
    let of = |part: &dyn Fn(&&Asset) -> bool| harvest.assets.values().filter(part).count();
    assert_eq!(of(&|asset| !asset.files.is_empty()), 568);
    assert_eq!(harvest.rejected, []);
    let likelihood = &harvest.assets[&"planck:COM_Likelihood_Code-v3.0_R3.01.tar.gz"
        .parse()
        .unwrap()];
    assert_eq!(likelihood.kind.as_str(), "Processing Software");
    let others = harvest
        .assets
        .values()
        .filter(|asset| asset.facets.first("product_type") == Some("other"));
    let observed = others.filter(|asset| asset.facets.first("provenance") == Some("observed"));
    let observed: Vec<&str> = observed.map(|asset| asset.id.local()).collect();
    assert_eq!(observed, ["MV.tgz", "TT.tgz"]);
    let some = &harvest.assets[&"planck:~ffp10_noise_217_full_map_mc".parse().unwrap()];
    assert_eq!(some.description, "2 of its realisations are catalogued.");
}

#[tokio::test]
async fn a_list_that_is_not_there_is_named_with_its_path() {
    let mut archive = archive();
    archive.config.products = Some("/nowhere/list.json".to_owned());
    let error = harvest(archive.connector().as_ref(), None)
        .await
        .unwrap_err();
    assert_eq!(
        error,
        "cannot read the product list of planck at `/nowhere/list.json`"
    );
}

#[tokio::test]
async fn a_list_that_may_never_end_is_not_read() {
    let mut archive = archive();
    archive.config.products = Some("/dev/zero".to_owned());
    let error = harvest(archive.connector().as_ref(), None)
        .await
        .unwrap_err();
    assert_eq!(
        error,
        "cannot read the product list of planck at `/dev/zero`"
    );
}

#[test]
fn values_that_cannot_be_used_are_refused_with_key_value_and_what_is_allowed() {
    let refused = |change: fn(&mut ArchiveConfig)| {
        let mut config = ArchiveConfig::new("planck", "https://pla.example/".parse().unwrap());
        change(&mut config);
        let net = Net::new(NetConfig::default()).unwrap();
        let made = gantry_connector_planck::connect("planck".parse().unwrap(), &config, net);
        let error = made.err().expect("it is refused");
        assert!(matches!(error, ConfigError::Value { .. }));
        error.to_string()
    };
    assert_eq!(
        refused(|config| config.years = Some("2023".to_owned())),
        "archive.planck.years = `2023`: an archive of the kind `planck` has no use for it; take it out"
    );
    assert_eq!(
        refused(|config| config.peek = Some("some".to_owned())),
        "archive.planck.peek = `some`: allowed: off, unknown, all"
    );
    let list = refused(|config| config.products = Some("http://".to_owned()));
    assert!(
        list.starts_with("archive.planck.products = `http://`: use a path"),
        "{list}"
    );
}
