//! Selections: what both buttons act on.

use gantry_tests::{TestApp, product};
use serde_json::{Value, json};

use crate::{keys, list, text};

const A: &str = "HFI_SkyMap_100_NSIDE_R3.01_full";
const B: &str = "HFI_SkyMap_143_NSIDE_R3.01_full";

#[tokio::test]
async fn the_same_assets_are_the_same_selection_in_whatever_order_and_form() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let (a, b) = (product(A), product(B));
    let made = ada
        .post("/api/v1/selections", json!({"assets": [a, b]}))
        .await
        .is(201);
    let selection = made.json();
    let id = text(&selection, "/id").to_owned();
    assert_eq!(
        made.header("location"),
        Some(format!("/api/v1/selections/{id}").as_str())
    );
    assert!(id.starts_with("sel_"), "{id}");
    assert_eq!(
        keys(&selection),
        [
            "change",
            "created",
            "expected",
            "found",
            "gaps",
            "id",
            "n_assets",
            "n_files",
            "notes",
            "size_bytes"
        ]
    );
    assert_eq!(
        (&selection["n_assets"], &selection["n_files"]),
        (&json!(2), &json!(2))
    );
    assert!(
        selection["change"].is_string(),
        "64-bit numbers are strings: {selection}"
    );
    for same in [
        json!({"assets": [b, a]}),
        json!({"assets": [a, b, a]}),
        json!({"any_of": [{"assets": [b]}, {"assets": [a]}]}),
        json!({"selection": id}),
        json!({
            "search": {"facet": ["product_type/sky map", "band/100 GHz", "band/143 GHz", "release/PR3", "split/full mission"]},
            "except": [product("HFI_SkyMap_143_NSIDE_R3.00_full")],
        }),
    ] {
        let again = bob.post("/api/v1/selections", same.clone()).await;
        assert_eq!(text(&again.is(201).json(), "/id"), id, "{same}");
    }
}

#[tokio::test]
async fn a_selection_is_paged_and_cited_by_whoever_holds_its_id() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let found = app
        .nobody()
        .get("/api/v1/assets?facet=instrument/HFI&collapse=none&limit=1000")
        .await
        .json();
    let body = json!({"search": {"facet": ["instrument/HFI"]}});
    let selection = ada.post("/api/v1/selections", body).await.is(201).json();
    assert_eq!(selection["n_assets"], found["total"]);
    let mut target = format!("/api/v1/selections/{}?limit=4", text(&selection, "/id"));
    let mut seen = Vec::new();
    loop {
        let page = app.nobody().get(&target).await.is(200).json();
        for asset in list(&page, "/assets") {
            assert_eq!(
                keys(asset),
                ["id", "n_files", "size_bytes", "title", "version"]
            );
            seen.push(text(asset, "/id").to_owned());
        }
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut target),
            None => break,
        }
    }
    let mut expected: Vec<String> = list(&found, "/assets")
        .iter()
        .map(|hit| text(hit, "/id").to_owned())
        .collect();
    expected.sort();
    let n_seen = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((seen.len(), &seen), (n_seen, &expected));
    let cited = app
        .nobody()
        .get(&format!(
            "/api/v1/selections/{}/citation",
            text(&selection, "/id")
        ))
        .await
        .is(200)
        .json();
    assert_eq!(keys(&cited), ["acknowledgement", "bibtex", "text"]);
    let n_acknowledged = text(&cited, "/acknowledgement").split("\n\n").count();
    assert_eq!(n_acknowledged, 1, "each archive once: {cited}");
}

#[tokio::test]
async fn what_is_left_out_of_a_search_is_not_in_the_selection() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let whole = ada
        .post(
            "/api/v1/selections",
            json!({"search": {"facet": ["instrument/LFI"]}}),
        )
        .await
        .is(201)
        .json();
    let left_out = product("LFI_SkyMap_030-BPassCorrected_NSIDE_R3.00_full");
    let body = json!({"search": {"facet": ["instrument/LFI"]}, "except": [left_out]});
    let rest = ada.post("/api/v1/selections", body).await.is(201).json();
    assert_eq!(
        rest["n_assets"].as_u64().unwrap() + 1,
        whole["n_assets"].as_u64().unwrap()
    );
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_with_its_name() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let known = product(A);
    for (body, status, kind, named) in [
        (
            json!({"assets": [known, "planck:none.fits", "planck:nor.fits"]}),
            422,
            "unknown-assets",
            "planck:none.fits",
        ),
        (
            json!({"assets": [known, "planck:none.fits", "planck:nor.fits"]}),
            422,
            "unknown-assets",
            "planck:nor.fits",
        ),
        (json!({"assets": ["no id"]}), 400, "bad-request", "no id"),
        (json!({"assets": []}), 422, "unprocessable", "nothing"),
        (
            json!({"search": {"q": "zzzzqqq", "facet": ["instrument/HFI", "instrument/none"]}}),
            422,
            "unprocessable",
            "nothing",
        ),
        (json!({}), 400, "bad-request", "exactly one"),
        (
            json!({"assets": [known], "search": {}}),
            400,
            "bad-request",
            "exactly one",
        ),
        (
            json!({"search": {"nonsense": 1}}),
            400,
            "bad-request",
            "nonsense",
        ),
        (
            json!({"search": {"days": "2023-400"}}),
            400,
            "bad-request",
            "2023-400",
        ),
        (
            json!({"adql": "SELECT 1", "archive": "planck"}),
            422,
            "unprocessable",
            "ADQL",
        ),
        (
            json!({"adql": "SELECT 1", "archive": "nowhere"}),
            404,
            "not-found",
            "nowhere",
        ),
        (json!({"adql": "SELECT 1"}), 400, "bad-request", "archive"),
        (
            json!({"datalink": {"archive": "planck", "release": "DR3", "sources": ["1"], "types": ["XP_SAMPLED"]}}),
            422,
            "unprocessable",
            "by source",
        ),
        (
            json!({"selection": "sel_none"}),
            404,
            "not-found",
            "sel_none",
        ),
    ] {
        let answer = ada.post("/api/v1/selections", body.clone()).await;
        let problem = answer.problem(status, kind);
        assert!(
            text(&problem, "/detail").contains(named),
            "{body} → {problem}"
        );
    }
    for below in ["", "/citation"] {
        let answer = app
            .nobody()
            .get(&format!("/api/v1/selections/sel_none{below}"))
            .await;
        drop(answer.problem(404, "not-found"));
    }
}

#[tokio::test]
async fn a_plan_says_what_would_move_and_touches_nothing() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await.with_volume("scratch").await;
    let (a, b) = (product(A), product(B));
    let selection = ada.select(&[&a, &b]).await;
    let plan_of = |method: &str| {
        let body = json!({"volume": "scratch", "method": method});
        let (ada, at) = (ada.clone(), format!("/api/v1/selections/{selection}/plan"));
        async move { ada.post(&at, body).await.is(200).json() }
    };
    let methods = |plan: &Value| -> Vec<String> {
        list(plan, "/files")
            .iter()
            .map(|file| text(file, "/method").to_owned())
            .collect()
    };
    assert_eq!(methods(&plan_of("auto").await), ["download", "download"]);
    assert!(ada.listing("scratch").await.is_empty());
    ada.add_to_volume(&[&a], "scratch").await.completes().await;
    let mut mixed = methods(&plan_of("auto").await);
    mixed.sort();
    assert_eq!(mixed, ["download", "present"]);
    ada.add_to_volume(&[&b], "scratch").await.completes().await;
    assert_eq!(methods(&plan_of("auto").await), ["present", "present"]);
    let answer = ada
        .post(
            &format!("/api/v1/selections/{selection}/plan"),
            json!({"volume": "none"}),
        )
        .await;
    drop(answer.problem(404, "not-found"));
}
