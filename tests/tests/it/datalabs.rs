//! Labs and datalabs, as far as they go without a lab's program.

use gantry_tests::{TestApp, eventually, product};
use serde_json::{Value, json};

use crate::{keys, list, text};

const MAP: &str = "HFI_SkyMap_100_NSIDE_R3.01_full";

#[tokio::test]
async fn the_lab_catalogue_is_open_to_all() {
    let app = TestApp::builder().at_rest().start().await;
    let labs = app.nobody().get("/api/v1/labs").await.is(200).json();
    let lab = &list(&labs, "/labs")[0];
    assert_eq!(
        keys(lab),
        [
            "description",
            "domain",
            "id",
            "kind",
            "media_types",
            "name",
            "namespace",
            "resources",
            "title",
            "version"
        ]
    );
    assert_eq!(lab["id"], "sepp/jupyterlab:v1");
    for at in ["sepp/jupyterlab", "sepp/jupyterlab:v1"] {
        let one = app
            .nobody()
            .get(&format!("/api/v1/labs/{at}"))
            .await
            .is(200)
            .json();
        assert_eq!(&one, lab);
    }
    for at in ["sepp/none", "sepp/jupyterlab:v2", "none/jupyterlab"] {
        drop(
            app.nobody()
                .get(&format!("/api/v1/labs/{at}"))
                .await
                .problem(404, "not-found"),
        );
    }
}

#[tokio::test]
async fn open_in_notebook_answers_with_datalab_job_and_notebook_and_a_second_click_finds_them() {
    let app = TestApp::builder().at_rest().start().await;
    let ada = app.user("ada").await;
    let body = json!({"assets": [product(MAP)], "name": "HFI 100 GHz comparison"});
    let answer = ada
        .post("/api/v1/open-in-notebook", body.clone())
        .await
        .is(202);
    let opened = answer.json();
    assert_eq!(keys(&opened), ["datalab", "notebook", "staging_job", "url"]);
    let datalab = text(&opened, "/datalab");
    assert_eq!(
        answer.header("location"),
        Some(format!("/api/v1/datalabs/{datalab}").as_str())
    );
    assert_eq!(text(&opened, "/url"), format!("/datalabs/{datalab}/open"));
    let selection = ada.select(&[&product(MAP)]).await;
    let six = &selection.strip_prefix("sel_").unwrap()[..6];
    assert_eq!(
        text(&opened, "/notebook"),
        format!("hfi-100-ghz-comparison-{six}.ipynb")
    );
    let again = ada
        .post("/api/v1/open-in-notebook", body)
        .await
        .is(202)
        .json();
    assert_eq!(again, opened);
    let shown = ada
        .get(&format!("/api/v1/datalabs/{datalab}"))
        .await
        .is(200)
        .json();
    for key in [
        "id",
        "lab",
        "name",
        "phase",
        "url",
        "volumes",
        "staging_job",
        "notebook",
        "waiting_for",
        "created",
        "last_activity",
        "expires",
        "auto_remove",
    ] {
        assert!(shown.get(key).is_some(), "no `{key}` in {shown}");
    }
    assert_eq!(
        (&shown["staging_job"], &shown["lab"]),
        (&opened["staging_job"], &json!("sepp/jupyterlab:v1"))
    );
    assert_eq!(shown["volumes"][0]["name"], "workspace");
    let job = ada
        .get(&format!(
            "/api/v1/staging-jobs/{}",
            text(&opened, "/staging_job")
        ))
        .await
        .is(200)
        .json();
    assert_eq!(
        (&job["volume"], &job["selection"]),
        (&json!("workspace"), &json!(selection))
    );
    let other = json!({"assets": [product("HFI_SkyMap_143_NSIDE_R3.01_full")]});
    let other = ada
        .post("/api/v1/open-in-notebook", other)
        .await
        .is(202)
        .json();
    assert_ne!(other["datalab"], opened["datalab"]);
}

#[tokio::test]
async fn destroying_a_datalab_aborts_what_was_staged_for_it() {
    let app = TestApp::builder().at_rest().start().await;
    let ada = app.user("ada").await;
    let body = json!({"assets": [product(MAP)]});
    let opened = ada
        .post("/api/v1/open-in-notebook", body)
        .await
        .is(202)
        .json();
    drop(
        ada.delete(&format!("/api/v1/datalabs/{}", text(&opened, "/datalab")))
            .await
            .is(202),
    );
    let job = ada
        .get(&format!(
            "/api/v1/staging-jobs/{}",
            text(&opened, "/staging_job")
        ))
        .await
        .is(200)
        .json();
    assert_eq!(job["phase"], "ABORTED");
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_and_starts_nothing() {
    let app = TestApp::builder().at_rest().start().await;
    let ada = app.user("ada").await.with_volume("cmb").await;
    let body = json!({"lab": "sepp/jupyterlab:v1", "volumes": [{"name": "cmb", "read_only": true}], "dry_run": true});
    let plan = ada.post("/api/v1/datalabs", body).await.is(200).json();
    let names: Vec<&str> = list(&plan, "/volumes")
        .iter()
        .map(|volume| text(volume, "/name"))
        .collect();
    assert_eq!(names, ["workspace", "cmb"]);
    assert_eq!(
        (&plan["volumes"][1]["read_only"], &plan["refused"]),
        (&json!(false), &json!([]))
    );
    let not_enforced = list(&plan, "/volumes/1/not_enforced");
    assert_eq!(not_enforced, ["read_only"], "{plan}");
    let none = ada.get("/api/v1/datalabs").await.is(200).json();
    assert_eq!(none["datalabs"], json!([]));
}

#[tokio::test]
async fn a_datalab_that_cannot_be_is_refused() {
    let app = TestApp::builder().at_rest().start().await;
    let ada = app.user("ada").await;
    for (body, status) in [
        (json!({}), 400),
        (json!({"lab": "none/none:v1"}), 404),
        (
            json!({"lab": "sepp/jupyterlab:v1", "volumes": [{"name": "none"}]}),
            422,
        ),
        (json!({"lab": "sepp/jupyterlab:v1", "colour": "blue"}), 400),
        (
            json!({"lab": "sepp/jupyterlab:v1", "env": {"NOT A NAME": "x"}}),
            422,
        ),
    ] {
        let answer = ada.post("/api/v1/datalabs", body.clone()).await;
        assert_eq!(answer.status, status, "{body} → {}", answer.text());
        drop(answer.any_problem());
    }
    let made = ada
        .post("/api/v1/datalabs", json!({"lab": "sepp/jupyterlab:v1"}))
        .await
        .is(202)
        .json();
    let at = format!("/api/v1/datalabs/{}", text(&made, "/id"));
    for seconds in [0, 604_801] {
        drop(
            ada.post(&format!("{at}/extend"), json!({"seconds": seconds}))
                .await
                .problem(422, "unprocessable"),
        );
    }
    drop(
        ada.get(&format!("/datalabs/{}/open", text(&made, "/id")))
            .await
            .problem(503, "lab-unavailable"),
    );
}

#[tokio::test]
async fn what_a_datalab_is_given_in_its_environment_is_not_shown() {
    let app = TestApp::builder().at_rest().start().await;
    let ada = app.user("ada").await;
    let body = json!({"lab": "sepp/jupyterlab:v1", "env": {"API_KEY": "hunter2-hunter2"}});
    let made = ada.post("/api/v1/datalabs", body).await.is(202);
    let id = text(&made.json(), "/id").to_owned();
    let mut shown = made.text();
    for at in [
        "/api/v1/datalabs".to_owned(),
        format!("/api/v1/datalabs/{id}"),
        format!("/api/v1/datalabs/{id}/logs"),
        format!("/datalabs/{id}"),
    ] {
        shown.push_str(&ada.get(&at).await.is(200).text());
    }
    assert!(!shown.contains("hunter2"), "{shown}");
    let mut folders = vec![app.outside().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap_or_default();
                let found = bytes.windows(7).any(|window| window == b"hunter2");
                assert!(!found, "{}", path.display());
            }
        }
    }
}

#[tokio::test]
async fn a_datalab_without_an_environment_ends_with_the_reason() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    app.has_no_labs_environment("python3 is not installed");
    let made = ada
        .post("/api/v1/datalabs", json!({"lab": "sepp/jupyterlab:v1"}))
        .await
        .is(202)
        .json();
    let at = format!("/api/v1/datalabs/{}", text(&made, "/id"));
    let ended: Value = eventually("the datalab ends", || async {
        let datalab = ada.get(&at).await.is(200).json();
        (datalab["phase"] == "ERROR").then_some(datalab)
    })
    .await;
    assert!(
        ended.to_string().contains("python3 is not installed"),
        "{ended}"
    );
    let events = ada
        .ask("GET", &format!("{at}/events"))
        .events()
        .await
        .all()
        .await;
    assert_eq!(events.last().unwrap().event, "end");
    assert!(
        events
            .iter()
            .any(|event| event.event == "datalab" && event.data["phase"] == "ERROR"),
        "{events:?}"
    );
}
