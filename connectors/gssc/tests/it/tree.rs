use std::collections::BTreeSet;

use bytes::Bytes;
use gantry_asset::{Kind, Location, Relation, TimeScale};
use gantry_connector::conformance::{Harvest, harvest};
use gantry_standin::gssc::{Change, Way};

use crate::archive::{Archive, archive, connector, named};

async fn harvested(archive: &Archive, years: Option<&str>) -> Harvest {
    let mut config = archive.config(Way::Ftp);
    config.years = years.map(ToOwned::to_owned);
    config.license = Some("IGS open data".to_owned());
    config
        .networks
        .insert("EPN".to_owned(), vec!["BRUX".to_owned()]);
    harvest(connector(&config).as_ref(), None).await.unwrap()
}

#[tokio::test]
async fn a_daily_file_is_found_by_its_day_its_codes_and_its_short_name() {
    let harvest = harvested(&archive(), None).await;
    let asset = named(&harvest, "BRUX00BEL_R_20230010000_01D_30S_MO.crx.gz");
    assert_eq!(
        asset.id.as_str(),
        "gssc:gnss~data~daily~2023~001~BRUX00BEL_R_20230010000_01D_30S_MO.crx.gz"
    );
    assert_eq!(asset.kind, Kind::InformationData);
    assert_eq!(asset.title, "BRUX00BEL, observations, 2023-001, daily 30 s");
    assert_eq!(
        asset.synonyms,
        [
            "13101M010",
            "2023-01-01",
            "BRUX",
            "GPS week 2243 day 0",
            "brux0010.23d"
        ]
    );
    let days = asset.days.as_ref().unwrap();
    assert_eq!(
        (days.first.as_str(), days.last.as_str()),
        ("2023-001", "2023-001")
    );
    let time = asset.time.unwrap();
    assert_eq!(time.start.to_rfc3339(), "2022-12-31T23:59:42+00:00");
    assert_eq!(time.end.to_rfc3339(), "2023-01-01T23:59:42+00:00");
    assert_eq!(asset.time_scale, Some(TimeScale::Gpst));
    for (field, values) in [
        ("collection", &["data/daily"][..]),
        ("domain", &["Navigation", "Earth Science/Geodesy"]),
        ("organization", &["IGS"]),
        ("publisher", &["GNSS Science Support Centre"]),
        ("network", &["EPN"]),
        ("content", &["OBS"]),
        ("product_type", &["observations"]),
        ("format", &["RINEX"]),
        ("station", &["BRUX00BEL"]),
        ("constellation", &["mixed"]),
        ("sampling", &["30 s"]),
        ("span", &["01D"]),
        ("license", &["IGS open data"]),
        ("year", &["2023"]),
    ] {
        assert_eq!(asset.facets.get(field), values, "{field}");
    }
    let series = &harvest.assets[asset.series.as_ref().unwrap()];
    assert_eq!(series.id.as_str(), "gssc:~BRUX00BEL-OBS-01D-30S");
    assert_eq!(series.title, "BRUX00BEL, daily 30 s observations");
    assert_eq!((series.files.len(), series.days.is_none()), (0, true));
    assert_eq!(series.facets.get("network"), ["EPN"]);
}

#[tokio::test]
async fn products_say_who_made_them_and_how_soon() {
    let harvest = harvested(&archive(), None).await;
    let orbits = named(&harvest, "ESA0OPSFIN_20230010000_01D_05M_ORB.SP3.gz");
    assert_eq!(orbits.kind, Kind::InformationProduct);
    assert_eq!(orbits.title, "ESA final orbits, 2023-001");
    assert_eq!(orbits.facets.get("organization"), ["IGS", "ESOC"]);
    assert_eq!(orbits.facets.get("latency"), ["final"]);
    assert_eq!(orbits.facets.get("campaign"), ["OPS"]);
    let title = |name: &str| named(&harvest, name).title.clone();
    assert_eq!(
        title("ESA0OPSULT_20230010600_02D_15M_ORB.SP3.gz"),
        "ESA ultra-rapid orbits, 2023-001 06:00"
    );
    assert_eq!(
        title("IGS0OPSFIN_20230010000_07D_01D_ERP.ERP.gz"),
        "IGS final Earth rotation parameters, 2023-001 to 2023-007"
    );
    let antennas = named(&harvest, "igs20_2274.atx");
    assert_eq!(antennas.facets.get("frame"), ["IGS20"]);
    assert_eq!(antennas.facets.get("antenna_model"), ["igs20_2274"]);
    let mgex = named(&harvest, "GRG0MGXFIN_20201730000_01D_15M_ORB.SP3.gz");
    assert_eq!(mgex.facets.get("network"), ["MGEX"]);
    assert_eq!(mgex.facets.get("collection"), ["products/mgex"]);
}

#[tokio::test]
async fn what_people_mean_first_stands_first() {
    let harvest = harvested(&archive(), None).await;
    let rank = |name: &str| named(&harvest, name).rank;
    for order in [
        &[
            "BRUX00BEL_R_20230010000_01D_30S_MO.crx.gz",
            "brux0010.23d.Z",
            "brux0010.23o.Z",
            "BRUX00BEL_R_20230010000_01H_30S_MO.crx.gz",
            "BRUX00BEL_R_20230010000_15M_01S_MO.crx.gz",
            "BRUX00BEL_R_20230010000_01D_MN.rnx.gz",
        ][..],
        &[
            "IGS0OPSFIN_20230010000_01D_15M_ORB.SP3.gz",
            "igs22430.sp3.Z",
            "COD0OPSFIN_20230010000_01D_05M_ORB.SP3.gz",
            "ESA0OPSFIN_20230010000_01D_05M_ORB.SP3.gz",
            "ESA0OPSULT_20230010600_02D_15M_ORB.SP3.gz",
        ],
        &[
            "BRDC00IGS_R_20230010000_01D_MN.rnx.gz",
            "brdc0010.23n.gz",
            "BRUX00BEL_R_20230010000_01D_MN.rnx.gz",
        ],
        &["igs20.atx", "igs20_2274.atx", "igs14_2108.atx"],
    ] {
        for pair in order.windows(2) {
            assert!(
                rank(pair[0]) > rank(pair[1]),
                "{} before {}",
                pair[0],
                pair[1]
            );
        }
    }
}

#[tokio::test]
async fn a_broadcast_file_of_the_year_is_a_further_location_of_that_of_its_day() {
    let archive = archive();
    let harvest = harvested(&archive, None).await;
    let asset = named(&harvest, "BRDC00IGS_R_20230010000_01D_MN.rnx.gz");
    assert_eq!(
        asset.title,
        "Merged broadcast navigation BRDC00IGS, 2023-001, daily, all constellations"
    );
    let base = archive.url(Way::Ftp);
    let at = |folder: &str| {
        Location::Address(format!(
            "{base}gnss/data/daily/2023/{folder}/BRDC00IGS_R_20230010000_01D_MN.rnx.gz"
        ))
    };
    assert_eq!(asset.files[0].locations, [at("001"), at("brdc")]);
}

#[tokio::test]
async fn only_the_years_asked_for_are_harvested_and_no_more_is_taken_to_be_gone() {
    let harvest = harvested(&archive(), Some("2020")).await;
    let years: Vec<_> = harvest
        .assets
        .values()
        .flat_map(|asset| asset.facets.get("year"))
        .filter(|year| *year != "2020")
        .collect();
    assert_eq!(years, [""; 0]);
    assert!(harvest.scopes.contains("gnss~products~2111~"));
    assert!(!harvest.scopes.contains("gnss~products~") && !harvest.scopes.contains("~"));
}

#[tokio::test]
async fn a_mirror_with_the_same_files_is_a_further_location() {
    let archive = archive();
    let mut config = archive.config(Way::Ftp);
    config.mirrors = vec![archive.url(Way::Sftp)];
    config.folders = vec!["gnss/products/2243".to_owned()];
    let harvest = harvest(connector(&config).as_ref(), None).await.unwrap();
    let asset = named(&harvest, "igs22430.sp3.Z");
    // A login is the configuration's and stands in no address.
    let at = |way| {
        let root = archive.url(way).to_string().replace("anonymous@", "");
        Location::Address(format!("{root}gnss/products/2243/igs22430.sp3.Z"))
    };
    assert_eq!(asset.files[0].locations, [at(Way::Ftp), at(Way::Sftp)]);
    let only = |id: &str| id.starts_with("gnss~products~2243~") || id.starts_with('~');
    assert!(harvest.assets.keys().all(|id| only(id.local())));
}

#[tokio::test]
async fn other_bytes_under_the_same_name_are_an_asset_that_names_the_first() {
    let archive = archive();
    let name = "BRDC00IGS_R_20230010000_01D_MN.rnx.gz";
    let other = Change::Add(name.to_owned(), Bytes::from_static(b"other bytes"));
    let folder = "/gnss/data/daily/2023/brdc";
    archive
        .standin
        .switches()
        .change_after_listings(0, folder, other);
    let harvest = harvested(&archive, Some("2023")).await;
    let id = |folder: &str| {
        format!("gssc:gnss~data~daily~2023~{folder}~{name}")
            .parse()
            .unwrap()
    };
    let (first, second) = (&harvest.assets[&id("001")], &harvest.assets[&id("brdc")]);
    assert_eq!(first.files[0].locations.len(), 1);
    assert_eq!(second.files[0].size_bytes, Some(11));
    let related: Vec<_> = second
        .related
        .iter()
        .map(|other| (other.relation, &other.asset))
        .collect();
    assert_eq!(related, [(Relation::SameName, &first.id)]);
}

#[tokio::test]
async fn names_keep_the_spelling_of_the_server_and_mean_the_same() {
    let archive = archive();
    let plain = harvested(&archive, Some("2023")).await;
    archive.standin.switches().mix_case(true);
    let mixed = harvested(&archive, Some("2023")).await;
    let series = |harvest: &Harvest| -> BTreeSet<_> {
        let of = harvest.assets.values();
        of.filter_map(|asset| asset.series.clone()).collect()
    };
    assert_eq!(series(&plain), series(&mixed));
    assert_ne!(
        plain.assets.keys().collect::<Vec<_>>(),
        mixed.assets.keys().collect::<Vec<_>>()
    );
    let days = |harvest: &Harvest| -> BTreeSet<_> {
        let of = harvest.assets.values();
        of.filter_map(|asset| asset.days.clone().map(|days| (days.first, days.last)))
            .collect()
    };
    assert_eq!(days(&plain), days(&mixed));
}
