//! Archives and their harvests.

use gantry_standin::{Fault, Scope, Times};
use gantry_tests::{Client, TestApp, eventually, product};
use serde_json::{Value, json};

use crate::{keys, list, text};

const OF_A_HARVEST: [&str; 12] = [
    "archive",
    "changed",
    "ended",
    "id",
    "message",
    "new",
    "phase",
    "rejected",
    "started",
    "unchanged",
    "withdrawals_waiting",
    "withdrawn",
];

/// Starts a harvest and waits for its end.
async fn harvested(olga: &Client) -> Value {
    let answer = olga
        .post("/api/v1/archives/planck/harvests?full=true", json!({}))
        .await
        .is(202);
    let at = answer.header("location").expect("a location").to_owned();
    assert_eq!(
        at,
        format!("/api/v1/harvests/{}", text(&answer.json(), "/harvest"))
    );
    eventually("the harvest ends", || async {
        let harvest = olga.get(&at).await.is(200).json();
        harvest["ended"].is_string().then_some(harvest)
    })
    .await
}

#[tokio::test]
async fn an_archive_tells_its_health_its_holding_and_its_last_harvest() {
    let app = TestApp::start().await;
    let archives = app.nobody().get("/api/v1/archives").await.is(200).json();
    let planck = &list(&archives, "/archives")[0];
    assert_eq!(
        keys(planck),
        [
            "asks",
            "error_budget",
            "health",
            "home",
            "id",
            "kind",
            "last_good_harvest",
            "last_harvest",
            "license",
            "login",
            "n_assets",
            "next_harvest",
            "notice",
            "schedule_s",
            "state",
            "text",
            "title"
        ]
    );
    assert_eq!(
        (&planck["id"], &planck["state"]),
        (&json!("planck"), &json!("ok"))
    );
    assert_eq!(keys(&planck["last_harvest"]), OF_A_HARVEST);
    assert_eq!(planck["last_harvest"]["phase"], "COMPLETED");
    assert_eq!(planck["last_good_harvest"], planck["last_harvest"]);
    assert_eq!(
        planck["error_budget"],
        json!({"days": 30, "harvests": 1, "failed": 0, "allowed": 1})
    );
    for none in ["schedule_s", "next_harvest", "notice"] {
        assert_eq!(planck[none], Value::Null, "{none}");
    }
    let one = app
        .nobody()
        .get("/api/v1/archives/planck")
        .await
        .is(200)
        .json();
    assert_eq!(
        (&one["id"], &one["n_assets"]),
        (&planck["id"], &planck["n_assets"])
    );
    for unknown in ["gaia", "PLANCK", "%00", "a%2Fb"] {
        let answer = app
            .nobody()
            .get(&format!("/api/v1/archives/{unknown}"))
            .await;
        let problem = answer.problem(404, "not-found");
        assert!(text(&problem, "/detail").contains("planck"), "{problem}");
    }
}

#[tokio::test]
async fn a_second_harvest_changes_nothing() {
    let app = TestApp::start().await;
    let olga = app.operator("olga").await;
    let first = app
        .nobody()
        .get("/api/v1/archives/planck")
        .await
        .is(200)
        .json()["last_harvest"]
        .clone();
    let second = harvested(&olga).await;
    assert_eq!(keys(&second), OF_A_HARVEST);
    assert_eq!(
        (&second["phase"], &second["new"], &second["changed"]),
        (&json!("COMPLETED"), &json!(0), &json!(0))
    );
    assert_eq!(second["unchanged"], first["new"]);
    let all = app
        .nobody()
        .get("/api/v1/harvests?archive=planck")
        .await
        .is(200)
        .json();
    assert_eq!(list(&all, "/harvests").len(), 2);
    assert_eq!(all["harvests"][0]["id"], second["id"]);
    let rejections = app
        .nobody()
        .get(&format!(
            "/api/v1/harvests/{}/rejections",
            text(&second, "/id")
        ))
        .await
        .is(200)
        .json();
    assert_eq!(rejections, json!({"rejections": [], "next": null}));
    for unknown in [
        "/api/v1/harvests/none",
        "/api/v1/harvests/none/rejections",
        "/api/v1/harvests?archive=none",
    ] {
        drop(app.nobody().get(unknown).await.problem(404, "not-found"));
    }
}

#[tokio::test]
async fn a_harvest_that_fails_says_so_and_takes_nothing_out() {
    let app = TestApp::start().await;
    let olga = app.operator("olga").await;
    let before = app.nobody().get("/api/v1/assets").await.json()["total"].clone();
    app.faults().set(
        Scope::Product("products.json".to_owned()),
        Fault::HtmlInstead,
        Times::Always,
    );
    let failed = harvested(&olga).await;
    assert_eq!(
        (&failed["phase"], &failed["withdrawn"]),
        (&json!("ERROR"), &json!(0)),
        "{failed}"
    );
    assert!(!text(&failed, "/message").is_empty(), "{failed}");
    app.app.follow().await.unwrap();
    assert_eq!(
        app.nobody().get("/api/v1/assets").await.json()["total"],
        before
    );
}

#[tokio::test]
async fn many_withdrawals_wait_for_an_operator() {
    let app = TestApp::start().await;
    let olga = app.operator("olga").await;
    let gone: Vec<String> = [
        "LFI_SkyMap_030-BPassCorrected_NSIDE_R3.00_full",
        "LFI_SkyMap_044-BPassCorrected_NSIDE_R3.00_full",
        "LFI_SkyMap_070-BPassCorrected_NSIDE_R3.00_full",
        "HFI_Mask_GalPlane-apo0_NSIDE_R2.00",
    ]
    .into_iter()
    .map(product)
    .collect();
    for id in &gone {
        app.faults().set_for(
            id.strip_prefix("planck:").unwrap(),
            Fault::Removed,
            Times::Always,
        );
    }
    let held = harvested(&olga).await;
    assert_eq!(
        (
            &held["phase"],
            &held["withdrawn"],
            &held["withdrawals_waiting"]
        ),
        (&json!("HELD"), &json!(0), &json!(4)),
        "{held}"
    );
    for id in &gone {
        drop(
            app.nobody()
                .get(&format!("/api/v1/assets/{id}"))
                .await
                .is(200),
        );
    }
    let accept = format!("/api/v1/harvests/{}/accept-withdrawals", text(&held, "/id"));
    let accepted = olga.post(&accept, json!({})).await.is(200).json();
    assert_eq!(
        (
            &accepted["phase"],
            &accepted["withdrawn"],
            &accepted["withdrawals_waiting"]
        ),
        (&json!("COMPLETED"), &json!(4), &json!(0))
    );
    for id in &gone {
        drop(
            app.nobody()
                .get(&format!("/api/v1/assets/{id}"))
                .await
                .problem(410, "asset-withdrawn"),
        );
    }
    drop(
        olga.post(&accept, json!({}))
            .await
            .problem(404, "not-found"),
    );
}
