//! One asset: what is known of it, its versions, what belongs with it, how it is cited, and its end.

use gantry_standin::{Fault, Times};
use gantry_tests::{TestApp, product, sha256};
use serde_json::{Value, json};

use crate::{keys, list, text};

const MAP: &str = "HFI_SkyMap_100_NSIDE_R3.01_full";

#[tokio::test]
async fn an_asset_is_shown_whole() {
    let app = TestApp::start().await;
    let id = product(MAP);
    let asset = app
        .nobody()
        .get(&format!("/api/v1/assets/{id}"))
        .await
        .is(200)
        .json();
    assert_eq!(
        keys(&asset),
        [
            "archive",
            "columns",
            "days",
            "description",
            "facets",
            "files",
            "id",
            "kind",
            "members",
            "n_files",
            "place",
            "rank",
            "related",
            "series",
            "size_bytes",
            "sky",
            "station",
            "synonyms",
            "time",
            "time_scale",
            "title",
            "version",
            "warnings",
            "withdrawn"
        ]
    );
    assert_eq!(
        (&asset["id"], &asset["archive"]),
        (&json!(id), &json!("planck"))
    );
    assert_eq!(
        (&asset["version"], &asset["n_files"], &asset["withdrawn"]),
        (&json!(1), &json!(1), &Value::Null)
    );
    let bytes = app.bytes_of(&id).await;
    assert_eq!(asset["size_bytes"], bytes.len());
    assert_eq!(
        text(&asset, "/files/0/name"),
        id.strip_prefix("planck:").unwrap()
    );
    let files = app
        .nobody()
        .get(&format!("/api/v1/assets/{id}/files"))
        .await
        .is(200)
        .json();
    assert_eq!(files, json!({"files": asset["files"]}));
}

#[tokio::test]
async fn a_product_that_changed_has_a_further_version_and_keeps_the_first() {
    let app = TestApp::start().await;
    let id = product(MAP);
    let name = id.strip_prefix("planck:").unwrap();
    app.faults()
        .set_for(name, Fault::ChangedContent, Times::Always);
    let harvest = app.harvest().await;
    assert_eq!(
        (harvest.counts.new, harvest.counts.changed),
        (0, 1),
        "{harvest:?}"
    );
    let versions = app
        .nobody()
        .get(&format!("/api/v1/assets/{id}/versions"))
        .await
        .is(200)
        .json();
    let numbers: Vec<u64> = list(&versions, "/versions")
        .iter()
        .filter_map(|version| version["version"].as_u64())
        .collect();
    assert_eq!(numbers, [2, 1], "{versions}");
    for version in list(&versions, "/versions") {
        assert_eq!(keys(version), ["created", "files", "hash", "version"]);
        assert_eq!(list(version, "/files").len(), 1);
    }
    assert_ne!(
        versions["versions"][0]["hash"],
        versions["versions"][1]["hash"]
    );
    let again = app.harvest().await;
    assert_eq!(
        (again.counts.new, again.counts.changed),
        (0, 0),
        "{again:?}"
    );
}

#[tokio::test]
async fn other_releases_of_a_product_are_related_and_a_reissue_supersedes() {
    let app = TestApp::start().await;
    let related = |id: String| {
        let nobody = app.nobody();
        async move {
            nobody
                .get(&format!("/api/v1/assets/{id}/related"))
                .await
                .is(200)
                .json()
        }
    };
    let of_pr3 = related(product(MAP)).await.to_string();
    let pr4 = product("HFI_SkyMap_100_NSIDE_R4.00_full");
    assert!(of_pr3.contains(&pr4), "{of_pr3}");
    let of_first = related(product("HFI_SkyMap_143_NSIDE_R3.00_full"))
        .await
        .to_string();
    assert!(
        of_first.contains(&product("HFI_SkyMap_143_NSIDE_R3.01_full")),
        "{of_first}"
    );
}

#[tokio::test]
async fn an_asset_is_cited_with_its_archives_acknowledgement() {
    let app = TestApp::start().await;
    let id = product(MAP);
    let cited = app
        .nobody()
        .get(&format!("/api/v1/assets/{id}/citation"))
        .await
        .is(200)
        .json();
    assert_eq!(keys(&cited), ["acknowledgement", "bibtex", "text"]);
    assert!(text(&cited, "/text").contains("Planck"), "{cited}");
    assert!(
        text(&cited, "/bibtex").trim_start().starts_with('@'),
        "{cited}"
    );
    assert!(!text(&cited, "/acknowledgement").is_empty(), "{cited}");
}

#[tokio::test]
async fn a_withdrawn_asset_answers_410_with_what_is_known_and_is_found_no_more() {
    let app = TestApp::start().await;
    let id = product("COM_CompMap_dust-commander_NSIDE_R2.00");
    let name = id.strip_prefix("planck:").unwrap();
    app.faults().set_for(name, Fault::Removed, Times::Always);
    let harvest = app.harvest().await;
    assert_eq!(
        (harvest.phase.as_str(), harvest.n_withdrawn),
        ("COMPLETED", 1),
        "{harvest:?}"
    );
    let gone = app.nobody().get(&format!("/api/v1/assets/{id}")).await;
    let problem = gone.problem(410, "asset-withdrawn");
    assert_eq!(text(&problem, "/known/id"), id);
    assert!(problem["known"]["withdrawn"].is_string(), "{problem}");
    assert_eq!(list(&problem, "/known/files").len(), 1);
    let found = app
        .nobody()
        .get(&format!("/api/v1/assets?q={name}&limit=1000"))
        .await
        .is(200)
        .json();
    assert!(
        list(&found, "/assets").iter().all(|hit| hit["id"] != id),
        "{found}"
    );
    let resolve = json!({"archive": "planck", "names": [name]});
    let resolved = app
        .nobody()
        .post("/api/v1/assets/resolve", resolve)
        .await
        .is(200)
        .json();
    assert_eq!(resolved["assets"][0]["state"], "withdrawn");
    let page = app
        .nobody()
        .ask("GET", &format!("/assets/{id}"))
        .html()
        .send()
        .await;
    assert!(matches!(page.status, 200 | 410), "{}", page.status);
    app.faults().clear();
    app.harvest().await;
    let back = app
        .nobody()
        .get(&format!("/api/v1/assets/{id}"))
        .await
        .is(200)
        .json();
    assert_eq!(back["withdrawn"], Value::Null);
}

#[tokio::test]
async fn an_unknown_asset_is_a_problem_that_says_where_to_look() {
    let app = TestApp::start().await;
    for id in [
        "planck:none.fits",
        "none",
        "planck:",
        ":x",
        "planck:a%20b",
        "planck:%00",
        "gaia:gaiadr3.gaia_source",
    ] {
        for below in ["", "/files", "/versions", "/related", "/citation"] {
            let answer = app
                .nobody()
                .get(&format!("/api/v1/assets/{id}{below}"))
                .await;
            drop(answer.problem(404, "asset-not-found"));
        }
    }
    let answer = app.nobody().get("/api/v1/assets/planck:none.fits").await;
    let detail = answer.problem(404, "asset-not-found")["detail"].clone();
    assert!(
        detail.as_str().unwrap().contains("facet=archive/planck"),
        "{detail}"
    );
}

#[tokio::test]
async fn names_are_resolved_for_other_sites_too() {
    let app = TestApp::start().await;
    let id = product(MAP);
    let name = id.strip_prefix("planck:").unwrap();
    let body = json!({"archive": "planck", "names": [name, "none.fits", "", "~", "a/../b"]});
    let ask = app
        .nobody()
        .ask("POST", "/api/v1/assets/resolve")
        .json(&body);
    let answer = ask
        .header("Origin", "https://archive.example")
        .send()
        .await
        .is(200);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    let resolved = answer.json();
    let shown = app.nobody().get(&format!("/api/v1/assets/{id}")).await;
    let shown = shown.is(200).json();
    let size = app.bytes_of(&id).await.len();
    assert_eq!(
        resolved["assets"][0],
        json!({"name": name, "id": id, "title": shown["title"], "size_bytes": size, "state": "available"})
    );
    assert_eq!(keys(&resolved["archive"]), ["id", "state", "text", "title"]);
    assert_eq!(resolved["archive"]["id"], "planck");
    assert_eq!(resolved["archive"]["state"], "ok");
    for unknown in &list(&resolved, "/assets")[1..] {
        assert_eq!(
            (&unknown["state"], &unknown["id"]),
            (&json!("unknown"), &Value::Null)
        );
    }
    assert_eq!(list(&resolved, "/assets").len(), 5);
    let many: Vec<String> = (0..10_001).map(|n| format!("{n}")).collect();
    let answer = app
        .nobody()
        .post(
            "/api/v1/assets/resolve",
            json!({"archive": "planck", "names": many}),
        )
        .await;
    let problem = answer.problem(400, "bad-request");
    assert!(text(&problem, "/detail").contains("10 000"), "{problem}");
    let answer = app
        .nobody()
        .post(
            "/api/v1/assets/resolve",
            json!({"archive": "No Archive", "names": []}),
        )
        .await;
    drop(answer.problem(400, "bad-request"));
}

#[tokio::test]
async fn typing_is_completed_and_more_values_of_a_facet_come() {
    let app = TestApp::start().await;
    let nobody = app.nobody();
    let completed = nobody
        .get("/api/v1/assets/suggest?q=smi")
        .await
        .is(200)
        .json();
    assert!(
        completed.to_string().to_lowercase().contains("smica"),
        "{completed}"
    );
    let nothing = nobody.get("/api/v1/assets/suggest?q=").await.is(200).json();
    assert!(nothing["suggestions"].is_array(), "{nothing}");
    let bands = nobody.get("/api/v1/facets/band").await.is(200).json();
    assert_eq!(
        keys(&bands),
        ["field", "histogram", "label", "next", "total", "values"]
    );
    let paths: Vec<&str> = list(&bands, "/values")
        .iter()
        .map(|value| text(value, "/path"))
        .collect();
    let sorted = [
        "30 GHz", "44 GHz", "70 GHz", "100 GHz", "143 GHz", "217 GHz", "353 GHz", "545 GHz",
        "857 GHz",
    ];
    assert_eq!(paths, sorted);
    let some = nobody.get("/api/v1/facets/band?q=43").await.is(200).json();
    assert_eq!(list(&some, "/values").len(), 1, "{some}");
    let one = nobody
        .get("/api/v1/facets/band?limit=1")
        .await
        .is(200)
        .json();
    assert_eq!(list(&one, "/values").len(), 1, "{one}");
    drop(
        nobody
            .get("/api/v1/facets/nosuchfield")
            .await
            .problem(404, "not-found"),
    );
}

#[tokio::test]
async fn names_that_need_care_are_harvested_found_and_served() {
    let odd = "odd name+with~signs (1).txt";
    let app = TestApp::builder().product(odd, "some text").start().await;
    let body = json!({"archive": "planck", "names": [odd]});
    let resolved = app
        .nobody()
        .post("/api/v1/assets/resolve", body)
        .await
        .is(200)
        .json();
    let id = text(&resolved, "/assets/0/id").to_owned();
    let local = id.strip_prefix("planck:").unwrap();
    assert!(
        local
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte)),
        "{id}"
    );
    let asset = app
        .nobody()
        .get(&format!("/api/v1/assets/{id}"))
        .await
        .is(200)
        .json();
    assert_eq!(asset["files"][0]["name"], odd);
    let ada = app.user("ada").await.with_volume("scratch").await;
    ada.add_to_volume(&[&id], "scratch").await.completes().await;
    let listing = ada.listing("scratch").await;
    assert_eq!(listing.len(), 1, "{listing:?}");
    let encoded: String = listing[0]
        .bytes()
        .map(|byte| format!("%{byte:02X}"))
        .collect();
    assert_eq!(
        ada.sha256_in("scratch", &encoded).await,
        sha256(b"some text")
    );
}
