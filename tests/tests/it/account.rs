//! One's own account: tokens on a page, one's data, and what an operator sees of everybody.

use gantry_tests::{TestApp, product};
use serde_json::json;

use crate::{keys, list, text};

/// Asks with this token.
async fn me(app: &TestApp, bearer: &str) -> u16 {
    let ask = app.nobody().ask("GET", "/api/v1/me");
    ask.header("Authorization", bearer).send().await.status
}

#[tokio::test]
async fn a_token_can_be_made_on_a_page_shown_once_and_revoked() {
    let app = TestApp::builder().at_rest().start().await;
    let ada = app.user("ada").await;
    let browser = app.in_browser(&ada).await;
    let evil = "<img src=x onerror=alert(1)>";
    let fields = [
        ("name", evil),
        ("scope", "search"),
        ("scope", "staging"),
        ("days", "2"),
    ];
    let made = browser.submit("/tokens", &fields).await.is(200);
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let html = made.text();
    let secret = html.split("data-testid=\"secret\">").nth(1).unwrap();
    let secret = secret.split('<').next().unwrap().to_owned();
    assert!(secret.starts_with("gnt_"), "{secret}");
    assert!(
        !html.contains("<img") && html.contains("&#60;img"),
        "{html}"
    );
    let bearer = format!("Bearer {secret}");
    assert_eq!(me(&app, &bearer).await, 200);
    let again = browser.ask("GET", "/tokens").html().send().await.is(200);
    assert!(!again.text().contains(&secret));
    let known = ada.get("/api/v1/tokens").await.json();
    let row = list(&known, "/tokens")
        .iter()
        .find(|row| row["name"] == evil)
        .unwrap();
    assert_eq!(row["scopes"], json!(["search", "staging"]));
    for wrong in [
        vec![("name", ""), ("scope", "search"), ("days", "2")],
        vec![("name", "kept name"), ("days", "2")],
        vec![("name", "kept name"), ("scope", "search"), ("days", "400")],
    ] {
        let shown = browser.submit("/tokens", &wrong).await.is(422).text();
        assert!(
            shown.contains("form-error") && !shown.contains("data-testid=\"secret\""),
            "{shown}"
        );
        assert!(
            wrong[0].1.is_empty() || shown.contains("kept name"),
            "{shown}"
        );
    }
    let revoke = format!("/tokens/{}/revoke", text(row, "/id"));
    let bob = app.in_browser(&app.user("bob").await).await;
    drop(bob.submit(&revoke, &[]).await.is(404));
    assert_eq!(me(&app, &bearer).await, 200);
    drop(browser.submit(&revoke, &[]).await.is(303));
    assert_eq!(me(&app, &bearer).await, 401);
}

#[tokio::test]
async fn one_can_take_ones_data_along_and_be_erased() {
    let app = TestApp::builder().start().await;
    let (ada, bob) = (
        app.user("ada").await.with_volume("cmb").await,
        app.user("bob").await,
    );
    let browser = app.in_browser(&ada).await;
    let map = product("HFI_SkyMap_100_NSIDE_R3.01_full");
    ada.add_to_volume(&[&map], "cmb").await.completes().await;
    let stays = bob.add_to_volume(&[&map], "workspace").await;
    stays.completes().await;
    let held = ada.add_to_volume(&[&map], "workspace").await;
    let exported = browser.get("/api/v1/me/export").await.is(200);
    for secret in [
        ada.secret().unwrap(),
        browser.secret().unwrap(),
        browser.csrf().unwrap(),
    ] {
        assert!(!exported.text().contains(secret), "a secret is exported");
    }
    let kept = exported.json();
    assert_eq!(
        keys(&kept["kept"]),
        [
            "archive_logins",
            "audit",
            "datalabs",
            "identities",
            "intents",
            "portal_subjects",
            "queries",
            "saved_searches",
            "selections",
            "sessions",
            "staging_jobs",
            "tokens",
            "user",
            "volumes"
        ]
    );
    assert_eq!(list(&kept, "/kept/staging_jobs").len(), 2);
    assert_eq!(kept["kept"]["volumes"][1]["name"], "cmb");
    let volume = ada.get("/api/v1/volumes/cmb").await.is(200).json();
    let folder = std::path::PathBuf::from(text(&volume, "/path"));
    assert!(folder.is_dir());
    drop(ada.delete("/api/v1/me").await.problem(422, "unprocessable"));
    drop(
        ada.delete("/api/v1/me?confirm=bob")
            .await
            .problem(422, "unprocessable"),
    );
    drop(ada.delete("/api/v1/me?confirm=ada").await.is(204));
    for gone in [&ada, &browser] {
        drop(gone.get("/api/v1/me").await.problem(401, "not-logged-in"));
    }
    assert!(!folder.exists());
    let job = app.app.store.staging_job_by_id(&held.id).await;
    assert!(job.is_err(), "{job:?}");
    assert_eq!(stays.now().await["phase"], "COMPLETED");
    let operator = app.operator("olga").await;
    let users = operator.get("/api/v1/users").await.json().to_string();
    assert!(!users.contains("\"ada\""), "{users}");
    let audit = operator.get("/api/v1/audit").await.json().to_string();
    assert!(
        audit.contains("user.erase") && !audit.contains("\"ada\""),
        "{audit}"
    );
}

#[tokio::test]
async fn an_operator_sees_everybodys_work_and_no_names_of_files() {
    let app = TestApp::builder().at_rest().start().await;
    let (ada, olga) = (app.user("ada").await, app.operator("olga").await);
    let map = product("HFI_SkyMap_100_NSIDE_R3.01_full");
    let _job = ada.add_to_volume(&[&map], "workspace").await;
    let fields = [("action", "add-to-volume"), ("asset", map.as_str())];
    drop(
        app.nobody()
            .submit("/portal/selections", &fields)
            .await
            .is(303),
    );
    let browser = app.in_browser(&olga).await;
    let page = browser
        .ask("GET", "/operator")
        .html()
        .send()
        .await
        .is(200)
        .text();
    for shown in [
        "Planck",
        "Harvest now",
        "ada",
        "staging jobs QUEUED",
        "staging.start",
        "add-to-volume",
    ] {
        assert!(page.contains(shown), "no {shown} in {page}");
    }
    assert!(!page.contains(&map), "{page}");
    let csv = browser.get("/operator/clicks.csv").await.is(200).text();
    assert!(
        csv.starts_with("day,portal,action,clicks\r\n")
            && csv.contains(",other,add-to-volume,1\r\n"),
        "{csv}"
    );
}

#[tokio::test]
async fn the_audit_is_paged_from_the_newest_line_on() {
    let app = TestApp::builder().at_rest().start().await;
    let olga = app.operator("olga").await;
    for n in 0..5 {
        let name = json!({"name": format!("v{n}")});
        drop(olga.post("/api/v1/volumes", name).await.is(201));
    }
    let (mut at, mut seen) = ("/api/v1/audit?limit=2".to_owned(), Vec::new());
    loop {
        let page = olga.get(&at).await.is(200).json();
        assert_eq!(keys(&page), ["audit", "next"]);
        seen.extend(list(&page, "/audit").to_vec());
        match page["next"].as_str() {
            Some(next) => at = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(keys(&seen[0]), ["action", "actor", "at", "id", "object"]);
    let made: Vec<&str> = seen
        .iter()
        .filter(|line| line["action"] == "volume.create")
        .map(|line| text(line, "/object"))
        .collect();
    assert_eq!(made, ["v4", "v3", "v2", "v1", "v0"]);
}
