//! Stations by their site logs: where they stand, what changed while they observed, and when they could not.

use gantry_tests::TestApp;
use serde_json::json;

use crate::{list, text};

const FOLDERS: [&str; 7] = [
    "gnss/data/daily/2023/003",
    "gnss/data/daily/2023/005",
    "gnss/data/daily/2023/028",
    "gnss/data/daily/2023/029",
    "gnss/data/daily/2023/034",
    "gnss/data/daily/2023/035",
    "igs/station/log",
];

#[tokio::test]
async fn a_selection_says_what_changed_at_a_station_and_when_it_could_not_observe() {
    let app = TestApp::builder().gssc_folders(&FOLDERS).start().await;
    let ada = app.user("ada").await.with_volume("scratch").await;
    let select = async |station: &str, days: &str| {
        let facet = [format!("station/{station}"), "span/01D".to_owned()];
        let body = json!({"search": {"facet": facet, "days": days}, "prefer": {}});
        ada.post("/api/v1/selections", body).await.is(201).json()
    };
    let brux = select("BRUX00BEL", "2023-003/2023-005").await;
    let change = "BRUX00BEL: its receiver was changed on 2023-01-04, from SEPT POLARX4TR (firmware 2.9.6) to SEPT POLARX5TR (firmware 5.5.0)";
    let notes: Vec<&str> = list(&brux, "/notes")
        .iter()
        .filter_map(|note| note.as_str())
        .collect();
    assert!(notes.contains(&change), "{notes:?}");
    let plan = format!("/api/v1/selections/{}/plan", text(&brux, "/id"));
    let plan = ada
        .post(&plan, json!({"volume": "scratch"}))
        .await
        .is(200)
        .json();
    assert!(list(&plan, "/warnings").contains(&json!(change)), "{plan}");
    let before = select("BRUX00BEL", "2023-005").await;
    assert_eq!(
        list(&before, "/notes").len(),
        1,
        "of what was preferred only: {before}"
    );

    // Its log: removed on 29 January at noon, installed again on 3 February at midnight.
    let kms3 = select("KMS300DNK", "2023-028/2023-035").await;
    let gaps: Vec<(&str, &str)> = list(&kms3, "/gaps")
        .iter()
        .map(|gap| (text(gap, "/day"), text(gap, "/reason")))
        .collect();
    let inactive =
        ["2023-030", "2023-031", "2023-032", "2023-033"].map(|day| (day, "station-inactive"));
    assert_eq!(gaps, inactive);
}

#[tokio::test]
async fn a_site_log_is_shown_with_its_receivers_and_where_the_station_stands() {
    let app = TestApp::builder()
        .gssc_folders(&["igs/station/log"])
        .start()
        .await;
    let ada = app.user("ada").await;
    let id = "gssc:igs~station~log~brux00bel_20230105.log";
    let asset = ada
        .get(&format!("/api/v1/assets/{id}"))
        .await
        .is(200)
        .json();
    assert_eq!(asset["place"]["height_m"], json!(158.1));
    assert_eq!(
        asset["station"]["receivers"][1],
        json!({"kind": "SEPT POLARX5TR", "serial": "3057609", "firmware": "5.5.0", "installed": "2023-01-04"})
    );
    let page = ada.get(&format!("/assets/{id}")).await.is(200).text();
    for shown in [
        "50.798° N, 4.359° E, 158 m",
        "SEPT POLARX4TR, firmware 2.9.6",
        "2012-01-31 – 2023-01-04",
    ] {
        assert!(page.contains(shown), "`{shown}` is not on the page");
    }
    let found = ada.get("/api/v1/assets?q=13101M010").await.is(200).json();
    assert_eq!(text(&found, "/assets/0/id"), id);
}

#[tokio::test]
async fn files_are_found_by_where_their_station_stands() {
    let app = TestApp::builder().gssc_folders(&FOLDERS).start().await;
    let stations = async |place: &str| {
        let target = format!("/api/v1/assets?{place}&facet=span%2F01D&facets=station&limit=0");
        let found = app.nobody().get(&target).await.is(200).json();
        let counted = list(&found, "/facets/station").iter();
        let counted = counted.filter(|value| value["count"] != 0);
        counted
            .map(|value| text(value, "/path").to_owned())
            .collect::<std::collections::BTreeSet<_>>()
    };
    let only = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    // Potsdam is 630 km from Brussels, Copenhagen 770 km.
    assert_eq!(stations("near=50.8,4.36,50").await, only(&["BRUX00BEL"]));
    let around = stations("near=50.8,4.36,650").await;
    assert_eq!(around, only(&["BRUX00BEL", "POTS00DEU"]));
    assert_eq!(stations("bbox=5,78,20,80").await, only(&["NYA100NOR"]));
    assert_eq!(stations("bbox=170,-10,-170,10").await, only(&[]));
}
