//! Volumes that are storage elsewhere, and those the operator lists.

use gantry_tests::{Client, TestApp, product, sha256};
use serde_json::{Value, json};

use crate::servers::missing;
use crate::storage::{self, PASSWORD, Storage};
use crate::{list, text};

const MAP: &str = "HFI_SkyMap_100_NSIDE_R3.01_full";

async fn app() -> TestApp {
    TestApp::builder().volumes_elsewhere().start().await
}

/// The address of a storage as people write it, with user and password.
fn address(storage: &Storage, password: &str) -> String {
    let mut url = storage.config.address.clone();
    url.set_username("ada").expect("it has a host");
    url.set_password(Some(password)).expect("it has a host");
    url.to_string()
}

async fn make(ada: &Client, body: Value) -> Value {
    ada.post("/api/v1/volumes", body).await.is(201).json()
}

#[tokio::test]
async fn a_product_is_staged_into_storage_elsewhere_and_read_back_through_the_service() {
    let Some(storage) = storage::pyftpdlib().or_else(|| missing("pyftpdlib")) else {
        return;
    };
    let app = app().await;
    let ada = app.user("ada").await;
    let made = make(
        &ada,
        json!({"name": "far", "title": "Far away", "address": address(&storage, PASSWORD), "allow_plain": true}),
    )
    .await;
    let host = storage.config.address.port().unwrap();
    assert_eq!(
        (
            &made["kind"],
            &made["path"],
            &made["read_only"],
            &made["mountable"]
        ),
        (&json!("ftp"), &json!(null), &json!(false), &json!(false))
    );
    assert_eq!(
        made["address"],
        format!("ftp://ada:*****@127.0.0.1:{host}/")
    );
    let tried = ada
        .post("/api/v1/volumes/far/test", json!({}))
        .await
        .is(200)
        .json();
    let steps: Vec<&str> = list(&tried, "/steps")
        .iter()
        .map(|step| text(step, "/step"))
        .collect();
    assert_eq!(steps, ["connect", "list", "write", "read back", "delete"]);
    assert_eq!(tried["ok"], true, "{tried}");
    let map = product(MAP);
    let job = ada.add_to_volume(&[&map], "far").await;
    assert_eq!(job.completes().await["files"]["staged"], 1);
    let path = format!("planck/{}", map.strip_prefix("planck:").unwrap());
    let bytes = app.bytes_of(&map).await;
    assert_eq!(std::fs::read(storage.root.join(&path)).unwrap(), bytes);
    assert_eq!(ada.sha256_in("far", &path).await, sha256(&bytes));
    let part = ada
        .ask("GET", &format!("/api/v1/volumes/far/files/{path}"))
        .header("range", "bytes=100-199")
        .send()
        .await
        .is(206);
    assert_eq!(part.body, &bytes[100..200]);
    // A lab of this machine has no way to mount it, and says so.
    let plan = ada
        .post(
            "/api/v1/datalabs",
            json!({"lab": "sepp/jupyterlab:v1", "volumes": [{"name": "far"}], "dry_run": true}),
        )
        .await;
    assert!(
        plan.text().contains("cannot be in a datalab here"),
        "{}",
        plan.text()
    );
}

#[tokio::test]
async fn a_password_goes_in_and_never_comes_out() {
    let Some(storage) = storage::pyftpdlib().or_else(|| missing("pyftpdlib")) else {
        return;
    };
    let app = app().await;
    let ada = app.user("ada").await;
    let secret = "hunter2-%40-secret";
    let body = json!({"name": "far", "address": address(&storage, secret)});
    // Over FTP it would cross the network in the clear, which has to be said to be meant.
    let refused = ada.post("/api/v1/volumes", body.clone()).await;
    let problem = refused.problem(422, "unprocessable");
    assert!(
        text(&problem, "/detail").contains("allow_plain"),
        "{problem}"
    );
    let mut body = body;
    body["allow_plain"] = true.into();
    make(&ada, body).await;
    let answers = [
        problem.to_string(),
        ada.get("/api/v1/volumes").await.text(),
        ada.get("/api/v1/volumes/far").await.text(),
        ada.post("/api/v1/volumes/far/test", json!({})).await.text(),
        ada.get("/api/v1/volumes/far/files").await.text(),
        ada.ask("GET", "/volumes").html().send().await.text(),
    ];
    for answer in answers {
        assert!(!answer.contains("hunter2"), "{answer}");
    }
    // Neither is it in the record, nor beside it.
    let data = app.outside().join("data");
    for file in ["gantry.db", "gantry.db-wal"] {
        let bytes = std::fs::read(data.join(file)).unwrap_or_default();
        let found = bytes.windows(7).any(|piece| piece == b"hunter2");
        assert!(!found, "{file}");
    }
}

#[tokio::test]
async fn a_wrong_login_is_told_at_the_first_step_and_mended_by_a_change() {
    let Some(storage) = storage::asyncssh().or_else(|| missing("asyncssh")) else {
        return;
    };
    let app = app().await;
    let ada = app.user("ada").await;
    make(
        &ada,
        json!({"name": "far", "address": address(&storage, "wrong")}),
    )
    .await;
    let tried = ada
        .post("/api/v1/volumes/far/test", json!({}))
        .await
        .is(200)
        .json();
    assert_eq!(
        (&tried["ok"], &tried["failed"]),
        (&json!(false), &json!("connect")),
        "{tried}"
    );
    drop(
        ada.get("/api/v1/volumes/far/files")
            .await
            .problem(502, "volume-unavailable"),
    );
    let marked = ada.get("/api/v1/volumes/far").await.json();
    assert_eq!(marked["trouble"]["until"], json!(null), "{marked}");
    assert!(marked["trouble"]["why"].is_string(), "{marked}");
    let before = storage.n_refused();
    drop(
        ada.get("/api/v1/volumes/far/files")
            .await
            .problem(502, "volume-unavailable"),
    );
    assert_eq!(
        storage.n_refused(),
        before,
        "it is not asked again by itself"
    );
    // A new title changes nothing else.
    let patch = |body: Value| ada.ask("PATCH", "/api/v1/volumes/far").json(&body).send();
    let titled = patch(json!({"title": "Far"})).await.is(200).json();
    assert!(titled["trouble"]["why"].is_string(), "{titled}");
    let changed = ada
        .ask("PATCH", "/api/v1/volumes/far")
        .json(&json!({"password": PASSWORD}))
        .send()
        .await
        .is(200)
        .json();
    assert_eq!(changed["trouble"], json!(null), "{changed}");
    let tried = ada.post("/api/v1/volumes/far/test", json!({})).await.json();
    assert_eq!(tried["ok"], true, "{tried}");
    // The key the host showed is kept: from now on it must show it.
    let kept = ada.get("/api/v1/volumes/far").await.json();
    assert!(
        text(&kept, "/settings/host_key").starts_with("SHA256:"),
        "{kept}"
    );
    // The form of the page sends the address it shows; the login stays, as it does for another folder of the host.
    let shown = storage.config.address.to_string();
    let form = [("title", "Still far"), ("address", shown.as_str())];
    drop(ada.submit("/volumes/far/change", &form).await.is(303));
    assert_eq!(works(&ada).await, json!(true));
    std::fs::create_dir(storage.root.join("below")).expect("a folder can be made");
    let below = storage.config.address.join("below/").expect("an address");
    drop(patch(json!({"address": below})).await.is(200));
    assert_eq!(works(&ada).await, json!(true));
    // It is never taken along to another host, so back here it has to be given again.
    let other = json!({"address": "sftp://ada@other.example/"});
    let moved = patch(other).await.is(200).json();
    assert_eq!(moved["address"], "sftp://ada@other.example/");
    drop(
        patch(json!({"address": shown, "user": "ada"}))
            .await
            .is(200),
    );
    assert_eq!(works(&ada).await, json!(false));
}

async fn works(ada: &Client) -> Value {
    let tried = ada.post("/api/v1/volumes/far/test", json!({})).await;
    tried.is(200).json()["ok"].clone()
}

#[tokio::test]
async fn addresses_that_lead_inside_are_refused_by_the_service() {
    // Nothing allows private addresses here.
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    for (n, address) in [
        "sftp://127.0.0.1:22/",
        "https://[::1]/dav/",
        "ftps://169.254.169.254/",
        "https://2130706433/dav",
        "https://localhost/dav",
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("v{n}");
        make(&ada, json!({"name": name, "address": address})).await;
        let tried = ada
            .post(&format!("/api/v1/volumes/{name}/test"), json!({}))
            .await
            .json();
        assert_eq!(tried["ok"], false, "{address}: {tried}");
        assert!(
            text(&tried, "/why").contains("may not be opened"),
            "{address}: {tried}"
        );
    }
}

#[tokio::test]
async fn a_volume_of_the_catalogue_is_everybodys_to_read_and_nobodys_to_write() {
    let app = app().await;
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let offered = ada.get("/api/v1/volume-kinds").await.is(200).json();
    assert_eq!(
        offered["catalogue"],
        json!([{"name": "gaia-v7", "title": "Gaia data release v7", "kind": "local", "mountable": true, "read_only": true}])
    );
    let made = make(&ada, json!({"name": "gaia", "catalogue": "gaia-v7"})).await;
    assert_eq!(
        (&made["title"], &made["read_only"]),
        (&json!("Gaia data release v7"), &json!(true))
    );
    assert_eq!(ada.listing("gaia").await, ["README"]);
    drop(
        bob.get("/api/v1/volumes/gaia")
            .await
            .problem(404, "not-found"),
    );
    let at = "/api/v1/volumes/gaia/files/README";
    drop(ada.put(at, "mine").await.problem(403, "read-only"));
    drop(ada.delete(at).await.problem(403, "read-only"));
    let folder = ada.post(
        "/api/v1/volumes/gaia/files/new",
        json!({"action": "folder"}),
    );
    drop(folder.await.problem(403, "read-only"));
    let stage = json!({"assets": [product(MAP)], "volume": "gaia"});
    drop(
        ada.post("/api/v1/add-to-volume", stage)
            .await
            .problem(403, "read-only"),
    );
    let shared = app.outside().join("survey/README");
    assert_eq!(std::fs::read_to_string(&shared).unwrap(), "shared");
    drop(ada.delete("/api/v1/volumes/gaia").await.is(204));
    assert!(shared.exists(), "what the operator shares stays");
    let problem = ada
        .post(
            "/api/v1/volumes",
            json!({"name": "x", "catalogue": "not-there"}),
        )
        .await
        .problem(422, "unprocessable");
    assert!(text(&problem, "/detail").contains("gaia-v7"), "{problem}");
}
