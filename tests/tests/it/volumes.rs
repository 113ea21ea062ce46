//! Volumes: made, shown, tried, renamed, deleted.

use gantry_tests::TestApp;
use serde_json::json;

use crate::{keys, list, text};

#[tokio::test]
async fn a_volume_is_made_shown_renamed_and_deleted_with_its_folder() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let body = json!({"name": "cmb", "title": "Background"});
    let made = ada.post("/api/v1/volumes", body.clone()).await.is(201);
    assert_eq!(made.header("location"), Some("/api/v1/volumes/cmb"));
    let volume = made.json();
    assert_eq!(
        keys(&volume),
        [
            "address",
            "catalogue",
            "created",
            "free_bytes",
            "kind",
            "mountable",
            "name",
            "path",
            "permanent",
            "read_only",
            "settings",
            "title",
            "total_bytes",
            "trouble"
        ]
    );
    assert_eq!(
        (
            &volume["name"],
            &volume["title"],
            &volume["kind"],
            &volume["permanent"]
        ),
        (
            &json!("cmb"),
            &json!("Background"),
            &json!("local"),
            &json!(false)
        )
    );
    let path = std::path::PathBuf::from(text(&volume, "/path"));
    assert!(
        path.is_dir() && path.ends_with(format!("{}/cmb", ada.user.id)),
        "{volume}"
    );
    drop(
        ada.post("/api/v1/volumes", body)
            .await
            .problem(409, "conflict"),
    );
    let renamed = ada
        .ask("PATCH", "/api/v1/volumes/cmb")
        .json(&json!({"title": " Maps "}))
        .send()
        .await;
    assert_eq!(renamed.is(200).json()["title"], "Maps");
    for bad in [
        json!({"title": "  "}),
        json!({"titel": "x"}),
        json!({"address": "sftp://h.example/"}),
    ] {
        let answer = ada
            .ask("PATCH", "/api/v1/volumes/cmb")
            .json(&bad)
            .send()
            .await;
        assert!(
            matches!(answer.status, 400 | 422),
            "{bad} → {}",
            answer.status
        );
        drop(answer.any_problem());
    }
    let all = ada.get("/api/v1/volumes").await.is(200).json();
    let names: Vec<&str> = list(&all, "/volumes")
        .iter()
        .map(|volume| text(volume, "/name"))
        .collect();
    assert_eq!(
        (keys(&all), names),
        (vec!["next", "volumes"], vec!["cmb", "workspace"])
    );
    drop(ada.delete("/api/v1/volumes/cmb").await.is(204));
    assert!(!path.exists());
    drop(
        ada.get("/api/v1/volumes/cmb")
            .await
            .problem(404, "not-found"),
    );
}

#[tokio::test]
async fn a_name_is_unique_to_its_user_and_one_cannot_see_anothers() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await.with_volume("mine").await;
    let bob = app.user("bob").await.with_volume("mine").await;
    drop(
        ada.put("/api/v1/volumes/mine/files/of-ada.txt", "a")
            .await
            .is(201),
    );
    assert_eq!(ada.listing("mine").await, ["of-ada.txt"]);
    assert!(bob.listing("mine").await.is_empty());
}

#[tokio::test]
async fn a_volume_has_a_proper_name_a_known_kind_and_an_allowed_folder() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    for name in [
        "",
        ".",
        "..",
        "a/b",
        "A",
        "ä",
        "-a",
        "_a",
        "a b",
        "a\u{0}",
        "x".repeat(41).as_str(),
        "../up",
    ] {
        let answer = ada.post("/api/v1/volumes", json!({"name": name})).await;
        drop(answer.problem(422, "unprocessable"));
    }
    for kind in ["sftp", "s3", "Local", ""] {
        let answer = ada
            .post("/api/v1/volumes", json!({"name": "x", "kind": kind}))
            .await;
        drop(answer.problem(422, "unprocessable"));
    }
    let outside = app.outside().join("elsewhere");
    std::fs::create_dir_all(&outside).unwrap();
    let shared = app.shared();
    std::os::unix::fs::symlink(&outside, shared.join("way-out")).unwrap();
    let upwards = shared.join("..").join("elsewhere");
    for path in [
        outside,
        upwards,
        shared.join("way-out"),
        shared.join("not-there"),
        "relative".into(),
    ] {
        let answer = ada
            .post("/api/v1/volumes", json!({"name": "x", "path": path}))
            .await;
        assert!(
            matches!(answer.status, 404 | 422),
            "{path:?} → {} {}",
            answer.status,
            answer.text()
        );
        drop(answer.any_problem());
    }
    assert_eq!(
        list(&ada.get("/api/v1/volumes").await.json(), "/volumes").len(),
        1
    );
}

#[tokio::test]
async fn a_folder_below_an_allowed_root_is_a_volume_and_outlives_it() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let folder = app.shared().join("survey");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("old.txt"), "old").unwrap();
    let made = ada
        .post("/api/v1/volumes", json!({"name": "survey", "path": folder}))
        .await
        .is(201);
    assert_eq!(
        made.json()["path"],
        folder.canonicalize().unwrap().display().to_string()
    );
    assert_eq!(ada.listing("survey").await, ["old.txt"]);
    drop(ada.delete("/api/v1/volumes/survey").await.is(204));
    assert_eq!(
        std::fs::read_to_string(folder.join("old.txt")).unwrap(),
        "old"
    );
}

#[tokio::test]
async fn the_workspace_stays() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let workspace = ada.get("/api/v1/volumes/workspace").await.is(200).json();
    assert_eq!(workspace["permanent"], true);
    let problem = ada
        .delete("/api/v1/volumes/workspace")
        .await
        .problem(422, "unprocessable");
    assert!(text(&problem, "/detail").contains("permanent"), "{problem}");
    assert!(std::path::Path::new(text(&workspace, "/path")).is_dir());
}

#[tokio::test]
async fn trying_a_volume_names_every_step_and_the_one_that_fails() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await.with_volume("scratch").await;
    let tried = ada
        .post("/api/v1/volumes/scratch/test", json!({}))
        .await
        .is(200)
        .json();
    let steps = ["open", "list", "write", "read back", "delete"]
        .map(|name| json!({"step": name, "ok": true, "why": null}));
    assert_eq!(
        tried,
        json!({"ok": true, "steps": steps, "failed": null, "why": null})
    );
    assert!(ada.listing("scratch").await.is_empty());
    let shown = ada.get("/api/v1/volumes/scratch").await.json();
    std::fs::remove_dir_all(text(&shown, "/path")).unwrap();
    let tried = ada
        .post("/api/v1/volumes/scratch/test", json!({}))
        .await
        .is(200)
        .json();
    assert_eq!(
        (&tried["ok"], &tried["failed"]),
        (&json!(false), &json!("open")),
        "{tried}"
    );
    assert!(!text(&tried, "/why").is_empty());
}

#[tokio::test]
async fn the_kinds_of_volumes_come_with_what_their_forms_ask() {
    let app = TestApp::start().await;
    let kinds = app
        .nobody()
        .get("/api/v1/volume-kinds")
        .await
        .is(200)
        .json();
    let local = &list(&kinds, "/volume_kinds")[0];
    assert_eq!(
        keys(local),
        ["kind", "mountable", "schema", "schemes", "title"]
    );
    assert_eq!(local["schema"]["required"], json!(["name"]));
}
