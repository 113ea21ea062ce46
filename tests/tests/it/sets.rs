//! Preferred observations, and products in sets, from the front door to the volume.

use std::collections::BTreeSet;

use gantry_tests::{Client, TestApp, product};
use serde_json::{Value, json};

use crate::{list, text};

/// Days of stations, two weeks of products, antenna models.
const FOLDERS: [&str; 9] = [
    "gnss/data/daily/2023/001",
    "gnss/data/daily/2023/002",
    "gnss/data/daily/2023/015",
    "gnss/data/daily/2023/016",
    "gnss/data/daily/2023/018",
    "gnss/data/daily/2023/019",
    "gnss/products/2244",
    "gnss/products/2245",
    "igs/station/general",
];

/// The attitude of COD's finals of 2023-018 is missing, its rapids are whole.
const FALLS: &str = "2023-018: final of COD lacks ATT; rapid of COD taken";

async fn gnss() -> (TestApp, Client) {
    let app = TestApp::builder().gssc_folders(&FOLDERS).start().await;
    let ada = app.user("ada").await.with_volume("scratch").await;
    (app, ada)
}

/// Observations of BRUX in a range of days, by both its codes.
fn brux(days: &str) -> Value {
    json!({"facet": ["station/BRUX00BEL", "station/BRUX", "content/OBS"], "days": days})
}

/// BRUX on four days, of which 2023-017 is missing, with a whole set of CODE.
fn asked() -> Value {
    json!({
        "search": brux("2023-016/2023-019"),
        "prefer": {},
        "with": {
            "content": ["ORB", "CLK", "ERP", "OSB", "ATT"], "latency": ["final", "rapid"], "analysis_centre": ["COD", "ESA"],
            "one_set": true, "margin_days": 1, "antenna": true, "nav": "BRDC",
        },
    })
}

/// The names of what a selection holds.
async fn names(ada: &Client, selection: &Value) -> BTreeSet<String> {
    let page = format!("/api/v1/selections/{}?limit=1000", text(selection, "/id"));
    let page = ada.get(&page).await.is(200).json();
    let name = |asset: &Value| {
        text(asset, "/id")
            .rsplit_once("~")
            .map_or_else(String::new, |(_, name)| name.to_owned())
    };
    list(&page, "/assets").iter().map(name).collect()
}

#[tokio::test]
async fn of_the_files_of_a_station_and_day_the_preferred_one_is_selected() {
    let (_app, ada) = gnss().await;
    let all = json!({"search": brux("2023-001/2023-002")});
    let selection = ada.post("/api/v1/selections", all).await.is(201).json();
    // Each day: RINEX 3, and RINEX 2 packed in two ways under an old name.
    assert_eq!(selection["n_assets"], 6);
    let select = async |prefer: Value| {
        let body = json!({"search": brux("2023-001/2023-002"), "prefer": prefer});
        ada.post("/api/v1/selections", body).await.is(201).json()
    };
    let selection = select(json!({})).await;
    let daily = ["001", "002"].map(|day| format!("BRUX00BEL_R_2023{day}0000_01D_30S_MO.crx.gz"));
    assert_eq!(names(&ada, &selection).await, BTreeSet::from(daily));
    assert_eq!(
        (
            &selection["expected"],
            &selection["found"],
            &selection["gaps"]
        ),
        (&json!(2), &json!(2), &json!([]))
    );
    assert_eq!(
        selection["notes"],
        json!([
            "4 observation files were left out for others of the same station and day; preferred are 01D at 30S, from receivers before streams, RINEX 4, 3, 2"
        ])
    );
    let selection = select(json!({"rinex_version": ["2"]})).await;
    let old = ["brux0010.23d.Z", "brux0020.23d.Z"].map(str::to_owned);
    assert_eq!(names(&ada, &selection).await, BTreeSet::from(old));
    // A day under an old name and one under a long one are two days of one station.
    let mixed = json!({"search": brux("2023-002/2023-015"), "prefer": {"rinex_version": ["2"]}});
    let selection = ada.post("/api/v1/selections", mixed).await.is(201).json();
    assert_eq!(
        (&selection["expected"], &selection["found"]),
        (&json!(14), &json!(2))
    );
}

#[tokio::test]
async fn products_of_a_day_come_as_one_set_with_their_margin_antenna_and_navigation() {
    let (_app, ada) = gnss().await;
    let selection = ada.post("/api/v1/selections", asked()).await.is(201).json();
    let mut expected = BTreeSet::new();
    let mut add = |word: &str, day: &str, ends: &[&str]| {
        expected.extend(
            ends.iter()
                .map(|end| format!("{word}_2023{day}0000_{end}.gz")),
        );
    };
    let of_day = [
        "01D_05M_ORB.SP3",
        "01D_05M_CLK.CLK",
        "01D_01D_OSB.BIA",
        "01D_15M_ATT.OBX",
    ];
    for day in ["016", "018", "019"] {
        add("BRUX00BEL_R", day, &["01D_30S_MO.crx"]);
        add("BRDC00IGS_R", day, &["01D_MN.rnx"]);
        let word = if day == "018" {
            "COD0OPSRAP"
        } else {
            "COD0OPSFIN"
        };
        add(word, day, &of_day);
    }
    add("COD0OPSFIN", "015", &["07D_01D_ERP.ERP"]);
    add("COD0OPSRAP", "018", &["01D_01D_ERP.ERP"]);
    for beside in ["015", "017", "020"] {
        add("COD0OPSFIN", beside, &["01D_05M_ORB.SP3"]);
    }
    // What the clocks say was applied, though igs20_2247 was there when the day was.
    expected.insert("igs20_2274.atx".to_owned());
    assert_eq!(names(&ada, &selection).await, expected);

    assert_eq!(selection["notes"], json!([FALLS]));
    // Four days of BRUX, three sets of five, four orbits beside, three antenna models, three days of navigation.
    assert_eq!(
        (&selection["expected"], &selection["found"]),
        (&json!(29), &json!(27))
    );
    assert_eq!(
        selection["gaps"],
        json!([
            {"series": "gssc:~BRUX00BEL-OBS-01D-30S", "day": "2023-017", "station": "BRUX00BEL", "reason": "not-at-archive"},
            {"day": "2023-017", "content": "ORB", "solution": "COD0OPSRAP", "reason": "not-at-archive"},
        ])
    );
    let again = ada.post("/api/v1/selections", asked()).await.is(201).json();
    assert_eq!(again["id"], selection["id"]);
}

#[tokio::test]
async fn plan_page_and_report_say_how_a_set_was_chosen() {
    let (app, ada) = gnss().await;
    let selection = ada.post("/api/v1/selections", asked()).await.is(201).json();
    let plan = format!("/api/v1/selections/{}/plan", text(&selection, "/id"));
    let plan = ada.post(&plan, json!({})).await.is(200).json();
    assert_eq!(
        plan["warnings"],
        json!([
            "2 of 29 expected days and products are not there: 2023-017, 2023-017 ORB of COD0OPSRAP",
            FALLS
        ])
    );
    assert_eq!(
        (&plan["notes"], &plan["gaps"]),
        (&selection["notes"], &selection["gaps"])
    );
    let page = format!("/selections/{}", text(&selection, "/id"));
    let page = app.in_browser(&ada).await.get(&page).await.is(200).text();
    assert!(
        page.contains(FALLS) && page.contains("ORB of COD0OPSRAP"),
        "{page}"
    );

    let mut take = asked();
    take["volume"] = json!("scratch");
    let answer = ada.post("/api/v1/add-to-volume", take).await.is(202);
    let job = ada.job(&answer);
    let done = job.completes().await;
    assert_eq!(
        (&done["selection"], &done["files"]["staged"]),
        (&selection["id"], &json!(24))
    );
    let report = format!(
        "/api/v1/volumes/scratch/files/gssc/report-{}.json",
        text(&done, "/id")
    );
    let report = ada.get(&report).await.is(200).json();
    assert_eq!(
        (&report["notes"], &report["gaps"]),
        (&selection["notes"], &selection["gaps"])
    );
}

#[tokio::test]
async fn wishes_that_nobody_would_look_at_are_refused() {
    let (_app, ada) = gnss().await;
    let days = brux("2023-016");
    let selection = ada
        .post("/api/v1/selections", json!({"search": days}))
        .await
        .is(201)
        .json();
    let map = product("HFI_SkyMap_100_NSIDE_R3.01_full");
    for (body, status, named) in [
        (
            json!({"search": days, "with": {"contents": ["ORB"]}}),
            400,
            "`analysis_centre`",
        ),
        (
            json!({"search": days, "with": {"content": ["XYZ"]}}),
            400,
            "ORB, CLK, ERP, OSB, ATT",
        ),
        (
            json!({"search": days, "with": {"margin_days": -1}}),
            400,
            "`with`",
        ),
        (json!({"search": days, "with": []}), 400, "`with`"),
        (
            json!({"search": days, "prefer": {"rinex": 3}}),
            400,
            "`rinex_version`",
        ),
        (
            json!({"search": days, "prefer": {"span": "x"}}),
            400,
            "prefer.span=`x`",
        ),
        (
            json!({"any_of": [{"search": days, "with": {}}]}),
            400,
            "beside `any_of`",
        ),
        (
            json!({"selection": selection["id"], "prefer": {}}),
            400,
            "never changes",
        ),
        (json!({"assets": [map], "with": {}}), 422, "GNSS days"),
    ] {
        let answer = ada
            .post("/api/v1/selections", body.clone())
            .await
            .is(status);
        let detail = answer.any_problem();
        assert!(
            text(&detail, "/detail").contains(named),
            "{body} → {detail}"
        );
    }
}
