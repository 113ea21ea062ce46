//! The connector against a stand-in with the quirks of ObsTAP services.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;

use futures::StreamExt;
use gantry_asset::{Asset, Kind};
use gantry_connector::conformance::{Harvest, conformance, harvest};
use gantry_connector::{ArchiveConfig, Connector, Cursor, Harvested, OpenError, Resume};
use gantry_net::{Limits, Net, NetConfig};
use gantry_standin::gaia::N_SHARED;
use gantry_standin::{Fault, ObstapConfig, ObstapStandin, Running, Scope, Times};

fn archive(config: ObstapConfig) -> (Running, Box<dyn Connector>) {
    let standin = ObstapStandin::start(config).unwrap();
    let url = format!("{}/tap-server/tap", standin.url());
    let mut config = ArchiveConfig::new("obstap", url.parse().unwrap());
    config.limits = Limits {
        per_second: 10_000.0,
        backoff: std::time::Duration::from_millis(5),
        failures: 10_000,
        ..Limits::default()
    };
    let net = Net::new(NetConfig::default()).unwrap();
    let connector =
        gantry_connector_obstap::connect("example".parse().unwrap(), &config, net).unwrap();
    (standin, connector)
}

fn small(n_observations: usize, most_rows: Option<usize>) -> ObstapConfig {
    ObstapConfig {
        n_observations,
        most_rows,
        ..ObstapConfig::default()
    }
}

fn asset<'h>(harvest: &'h Harvest, local: &str) -> &'h Asset {
    &harvest.assets[&format!("example:{local}").parse().unwrap()]
}

#[tokio::test]
async fn the_connector_keeps_every_promise_of_a_connector() {
    let (_standin, connector) = archive(small(40, Some(9)));
    let harvest = conformance(connector.as_ref()).await.unwrap();
    assert_eq!(harvest.assets.len(), 40 + N_SHARED);
}

#[tokio::test]
async fn a_row_becomes_an_asset_with_what_it_says_of_sky_time_and_instrument() {
    let (_standin, connector) = archive(small(10, None));
    let harvest = harvest(connector.as_ref(), None).await.unwrap();
    let asset = asset(&harvest, "obs.example~archive~~3Fobs~00007");
    assert_eq!(asset.title, "Field 7 in red light");
    assert_eq!(asset.kind, Kind::InformationProduct);
    for (field, values) in [
        ("collection", &["survey"][..]),
        ("mission", &["Example Telescope"]),
        ("instrument", &["Camera"]),
        ("product_type", &["image"]),
        ("format", &["FITS"]),
        ("stokes", &["IQU"]),
        ("year", &["2020"]),
    ] {
        assert_eq!(asset.facets.get(field), values, "{field}");
    }
    // MJD 58849 is 2020-01-01.
    let time = asset.time.unwrap();
    assert_eq!(time.start.to_rfc3339(), "2020-01-08T00:00:00+00:00");
    assert_eq!(time.end.to_rfc3339(), "2020-01-08T06:00:00+00:00");
    assert_eq!(asset.files[0].name, "image_00007.fits");
    assert_eq!(asset.files[0].size_bytes, None, "kilobytes are no size");
    assert!(
        asset
            .description
            .contains("Target NGC 107. Exposure 600 s. Wavelengths 6.0000e-7 m to 7.0000e-7 m."),
        "{}",
        asset.description
    );
}

#[tokio::test]
async fn regions_are_read_in_every_form_they_are_written_in() {
    let (_standin, connector) = archive(small(8, None));
    let harvest = harvest(connector.as_ref(), None).await.unwrap();
    // A circle of 1° diameter has some 15 cells of 0.05 square degrees, a triangle of half a square degree as many.
    for n in 0..8 {
        let asset = asset(&harvest, &format!("obs.example~archive~~3Fobs~{n:05}"));
        let sky = asset.sky.as_ref().unwrap();
        let n_cells: u32 = sky
            .healpix8
            .iter()
            .map(|(first, last)| last - first + 1)
            .sum();
        assert!((8..60).contains(&n_cells), "{n}: {n_cells} cells");
        assert_eq!(asset.warnings, [""; 0]);
    }
}

#[tokio::test]
async fn rows_that_share_an_identifier_are_told_apart_whatever_page_they_come_on() {
    let mut all = BTreeSet::new();
    for most_rows in [None, Some(4), Some(5), Some(6), Some(7)] {
        let (_standin, connector) = archive(small(11, most_rows));
        let harvest = harvest(connector.as_ref(), None).await.unwrap();
        let shared = harvest
            .assets
            .keys()
            .filter(|id| id.local().contains("shared"));
        assert_eq!(shared.count(), N_SHARED, "{most_rows:?}");
        assert_eq!(harvest.assets.len(), 11 + N_SHARED, "{most_rows:?}");
        // What tells the three apart is in their addresses, and each stand-in has one of its own.
        let ids = harvest
            .assets
            .keys()
            .filter(|id| !id.local().contains("shared"));
        let ids: Vec<_> = ids.cloned().collect();
        all.insert(ids);
        assert_eq!(harvest.scopes, BTreeSet::from([String::new()]));
    }
    assert_eq!(all.len(), 1, "the same ids, however the pages are cut");
}

#[tokio::test]
async fn no_more_rows_are_asked_for_at_once_than_the_service_says_it_gives() {
    let (standin, connector) = archive(small(11, Some(5)));
    drop(harvest(connector.as_ref(), None).await.unwrap());
    let requests = standin.requests();
    let asked = requests
        .iter()
        .position(|request| request.name.as_deref() == Some("capabilities"));
    let queried = requests
        .iter()
        .position(|request| request.name.as_deref() == Some("async"));
    assert!(asked.is_some() && queried.is_some(), "{requests:?}");
    // 11 and those that share an identifier, five at a time: none is told to have overflowed and asked for again.
    let jobs = requests.iter().filter(|request| request.method == "POST");
    assert!(
        jobs.count() <= 2 + (11 + N_SHARED).div_ceil(3),
        "{requests:?}"
    );
}

#[tokio::test]
async fn more_rows_of_one_identifier_than_the_service_gives_at_once_are_an_error_and_not_left_out()
{
    let (_standin, connector) = archive(small(11, Some(2)));
    assert_eq!(
        failure(connector.as_ref()).await,
        "example cut its observations (ivoa.ObsCore) short: more than 2 rows share `ivo://obs.example/archive?shared`"
    );
}

#[tokio::test]
async fn a_row_without_an_identifier_and_one_without_a_proper_address_are_rejected_with_the_reason()
{
    let (_standin, connector) = archive(small(5, None));
    let harvest = harvest(connector.as_ref(), None).await.unwrap();
    assert_eq!(
        harvest.rejected,
        [
            (
                "obs-00008".to_owned(),
                "its obs_publisher_did is null".to_owned()
            ),
            (
                "ivo://obs.example/archive?astray".to_owned(),
                "its access_url is no address: `not an address`".to_owned()
            ),
        ]
    );
}

#[tokio::test]
async fn a_harvest_cut_after_any_page_ends_with_the_same_catalogue() {
    let (_standin, connector) = archive(small(60, Some(8)));
    let whole = harvest(connector.as_ref(), None).await.unwrap();
    assert!(whole.cursors.len() >= 7);
    for (cursor, n_before) in &whole.cursors {
        let rest = harvest(connector.as_ref(), Some(Cursor(cursor.0.clone())))
            .await
            .unwrap();
        let mut ids: Vec<_> = whole.order[..*n_before].to_vec();
        ids.extend(rest.order);
        assert_eq!(ids, whole.order);
    }
}

async fn failure(connector: &dyn Connector) -> String {
    let mut events = connector.harvest(None.into());
    while let Some(event) = events.next().await {
        match event {
            Ok(Harvested::ScopeComplete(_)) => panic!("a scope was completed"),
            Ok(_) => {}
            Err(error) => return error.to_string(),
        }
    }
    panic!("it ends with an error");
}

#[tokio::test]
async fn a_service_that_does_not_keep_the_order_of_its_pages_is_noticed_and_withdraws_nothing() {
    let (_standin, connector) = archive(ObstapConfig {
        ignores_order: true,
        ..small(60, Some(8))
    });
    let text = failure(connector.as_ref()).await;
    assert!(
        text.starts_with("example cut its observations (ivoa.ObsCore) short: its pages in the order of obs_publisher_did have ")
            && text.contains(" rows of 64; "),
        "{text}"
    );
}

#[tokio::test]
async fn a_service_that_is_down_or_answers_with_a_page_completes_nothing() {
    let (standin, connector) = archive(small(5, None));
    standin
        .faults()
        .set(Scope::All, Fault::HtmlInstead, Times::Always);
    let text = failure(connector.as_ref()).await;
    assert!(text.contains("example sent an unreadable tables"), "{text}");
    standin.faults().clear();
    standin
        .faults()
        .set_for("async", Fault::HtmlInstead, Times::Always);
    let text = failure(connector.as_ref()).await;
    assert!(text.contains("observations (ivoa.ObsCore)"), "{text}");
}

async fn bytes_of(connector: &dyn Connector, asset: &Asset) -> Result<Vec<u8>, OpenError> {
    let mut stream = connector.open(&asset.files[0], &Resume::default()).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.bytes.next().await {
        bytes.extend_from_slice(&chunk?);
    }
    Ok(bytes)
}

#[tokio::test]
async fn a_file_is_opened_by_its_address_or_by_its_links_and_a_lost_one_says_so() {
    let (_standin, connector) = archive(small(60, None));
    let harvest = harvest(connector.as_ref(), None).await.unwrap();
    let of = |n: usize| asset(&harvest, &format!("obs.example~archive~~3Fobs~{n:05}"));
    for (n, name, target) in [(4, "image_00004.fits", "NGC 104"), (6, "00006", "NGC 106")] {
        assert_eq!(of(n).files[0].name, name);
        let bytes = bytes_of(connector.as_ref(), of(n)).await.unwrap();
        let head = String::from_utf8_lossy(&bytes[..2880]).into_owned();
        assert_eq!((bytes.len(), head.contains(target)), (5760, true), "{n}");
    }
    let error = bytes_of(connector.as_ref(), of(27)).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("NotFoundFault: 27 is not kept any more"),
        "{error}"
    );
    assert!(!error.is_transient());
}
