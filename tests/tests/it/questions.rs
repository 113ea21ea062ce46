//! Questions to an archive as somebody: with a login of one's own, with a table from a volume.

use gantry_tests::{Client, TestApp};
use serde_json::{Value, json};

use crate::{list, text};

const TARGETS: &str = r#"<VOTABLE version="1.4"><RESOURCE><TABLE><FIELD name="source_id" datatype="long"/>
<DATA><TABLEDATA><TR><TD>4583627001381815936</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"#;
const ADQL: &str = "SELECT g.source_id, g.ra FROM gaiadr3.gaia_source AS g JOIN tap_upload.mine AS t ON g.source_id = t.source_id";

async fn gaia() -> (TestApp, Client) {
    let app = TestApp::builder().all_archives().start().await;
    let ada = app.user("ada").await.with_volume("scratch").await;
    (app, ada)
}

async fn put(ada: &Client, path: &str, text: &str) {
    let target = format!("/api/v1/volumes/scratch/files/{path}");
    let put = ada.put(&target, text).await;
    assert!(put.status == 201 || put.status == 204, "{}", put.text());
}

fn question(upload: Value) -> Value {
    json!({"adql": ADQL, "archive": "gaia", "release": "DR3", "format": "csv", "upload": upload})
}

#[tokio::test]
async fn a_table_of_a_volume_goes_with_a_query_and_one_that_has_changed_does_not() {
    let (_app, ada) = gaia().await;
    put(&ada, "targets.vot", TARGETS).await;
    let upload = json!({"name": "mine", "volume": "scratch", "path": "targets.vot"});
    let selection = ada
        .post("/api/v1/selections", question(upload))
        .await
        .is(201)
        .json();
    let stage = json!({"selection": selection["id"], "volume": "scratch", "directory": "one"});
    let job = ada.job(&ada.post("/api/v1/add-to-volume", stage).await.is(202));
    job.completes().await;
    let path = text(&job.files().await[0], "/path").to_owned();
    let staged = ada
        .get(&format!("/api/v1/volumes/scratch/files/{path}"))
        .await
        .is(200)
        .text();
    assert_eq!(staged.lines().count(), 2, "{staged}");
    assert!(staged.contains("4583627001381815936"), "{staged}");

    put(&ada, "targets.vot", &TARGETS.replace("936<", "937<")).await;
    let stage = json!({"selection": selection["id"], "volume": "scratch", "directory": "two"});
    let job = ada.job(&ada.post("/api/v1/add-to-volume", stage).await.is(202));
    job.becomes("COMPLETED").await;
    let file = &job.files().await[0];
    assert_eq!(
        (text(file, "/outcome"), &file["retry_may_help"]),
        ("failed", &json!(false))
    );
    assert_eq!(
        text(file, "/reason"),
        "upload: `targets.vot` in `scratch` has changed since the question was asked; ask again"
    );
}

#[tokio::test]
async fn what_is_no_table_does_not_go_with_a_query() {
    let (_app, ada) = gaia().await;
    put(&ada, "targets.vot", TARGETS).await;
    put(&ada, "text.txt", "no table").await;
    put(&ada, "empty.vot", r#"<VOTABLE><RESOURCE><TABLE><FIELD name="a" datatype="int"/></TABLE></RESOURCE></VOTABLE>"#).await;
    let of =
        |name: &str, path: &str| question(json!({"name": name, "volume": "scratch", "path": path}));
    for (body, status, named) in [
        (of("mine", "text.txt"), 422, "`text.txt` is no VOTable"),
        (of("mine", "empty.vot"), 422, "it has no row"),
        (of("mine", "gone.vot"), 404, "gone.vot"),
        (of("mine", "../gone.vot"), 422, ".."),
        (of("theirs", "targets.vot"), 422, "`tap_upload.theirs`"),
        (of("1; DROP", "targets.vot"), 400, "upload.name"),
        (
            question(json!({"name": "mine", "volume": "nowhere", "path": "targets.vot"})),
            404,
            "nowhere",
        ),
        (
            question(json!({"name": "mine", "volume": "scratch", "path": "targets.vot", "x": 1})),
            400,
            "x",
        ),
    ] {
        let problem = ada
            .post("/api/v1/selections", body.clone())
            .await
            .is(status)
            .any_problem();
        assert!(
            text(&problem, "/detail").contains(named),
            "{body}: {problem}"
        );
    }
}

#[tokio::test]
async fn a_login_at_an_archive_goes_in_is_used_and_never_comes_out() {
    let (app, ada) = gaia().await;
    let eve = app.user("eve").await;
    let credentials = "/api/v1/archives/gaia/credentials";
    let ask = async || {
        let body = json!({"adql": "SELECT TOP 1 source_id FROM gaiadr3.gaia_source", "archive": "gaia", "format": "csv", "volume": "scratch"});
        let job = ada.job(&ada.post("/api/v1/add-to-volume", body).await.is(202));
        job.becomes("COMPLETED").await;
        job.files().await[0].clone()
    };
    let keep = async |password: &str| {
        let login = json!({"username": "ada", "password": password});
        drop(
            ada.ask("PUT", credentials)
                .json(&login)
                .send()
                .await
                .is(204),
        );
    };
    keep("s3cret-and-wrong").await;
    let refused = ask().await;
    assert_eq!(text(&refused, "/outcome"), "failed");
    assert!(
        text(&refused, "/reason").contains("the archive refused the login of `ada`"),
        "{refused}"
    );
    keep("right").await;
    assert_eq!(text(&ask().await, "/outcome"), "staged");

    let shown = ada.get("/api/v1/archives/gaia").await.is(200);
    assert_eq!(shown.json()["login"]["username"], "ada");
    assert!(!shown.text().contains("right"), "{}", shown.text());
    assert_eq!(
        eve.get("/api/v1/archives/gaia").await.is(200).json()["login"],
        Value::Null
    );
    assert_eq!(
        app.nobody()
            .get("/api/v1/archives/gaia")
            .await
            .is(200)
            .json()["login"],
        Value::Null
    );
    let page = ada.get("/archives").await.is(200).text();
    assert!(page.contains("data-testid=\"login-kept\">ada<"), "{page}");

    drop(ada.delete(credentials).await.is(204));
    assert_eq!(
        ada.get("/api/v1/archives/gaia").await.is(200).json()["login"],
        Value::Null
    );
    assert_eq!(text(&ask().await, "/outcome"), "staged");
    let archives = ada.get("/api/v1/archives").await.is(200).json();
    let asks: Vec<(&str, bool)> = list(&archives, "/archives")
        .iter()
        .map(|archive| {
            (
                text(archive, "/id"),
                archive["asks"]["login"] == json!(true),
            )
        })
        .collect();
    assert_eq!(asks, [("gaia", true), ("gssc", false), ("planck", false)]);
    let planck = ada.ask("PUT", "/api/v1/archives/planck/credentials");
    let problem = planck
        .json(&json!({"username": "a", "password": "b"}))
        .send()
        .await
        .is(422)
        .any_problem();
    assert!(text(&problem, "/detail").contains("no logins"), "{problem}");
}
