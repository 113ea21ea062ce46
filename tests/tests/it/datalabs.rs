//! Labs and datalabs, as far as they go without a lab's program.

use gantry_server::config::{LabsConfig, LauncherConfig, LauncherKind};
use gantry_tests::{TestApp, eventually, product};
use serde_json::{Value, json};

use crate::{keys, list, text};

const MAP: &str = "HFI_SkyMap_100_NSIDE_R3.01_full";

#[tokio::test]
async fn the_lab_catalogue_is_open_to_all() {
    let app = TestApp::builder().at_rest().start().await;
    let labs = app.nobody().get("/api/v1/labs").await.is(200).json();
    let all = list(&labs, "/labs");
    let lab = all
        .iter()
        .find(|lab| lab["id"] == "sepp/jupyterlab:v1")
        .unwrap();
    assert_eq!(
        keys(lab),
        [
            "available",
            "description",
            "domain",
            "icon",
            "id",
            "kind",
            "login_hint",
            "media_types",
            "name",
            "namespace",
            "options",
            "programs",
            "resources",
            "title",
            "version",
            "why_not"
        ]
    );
    let kinds: std::collections::BTreeSet<&str> =
        all.iter().map(|lab| text(lab, "/kind")).collect();
    assert!(
        kinds.is_superset(&["desktop", "notebook", "terminal"].into()),
        "{kinds:?}"
    );
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
async fn which_labs_open_a_selection_or_a_media_type_is_answered() {
    let app = TestApp::builder().at_rest().start().await;
    let ada = app.user("ada").await;
    let selection = ada.select(&[&product(MAP)]).await;
    let at = format!("/api/v1/labs?selection={selection}");
    let answer = app.nobody().get(&at).await.is(200).json();
    let labs = list(&answer, "/labs");
    assert!(
        labs.iter()
            .all(|lab| lab["opens"] == json!({"n_files": 1, "of": 1})),
        "{labs:?}"
    );
    let ids: Vec<&str> = labs.iter().map(|lab| text(lab, "/id")).collect();
    assert!(
        ids.contains(&"sepp/topcat:v1") && ids.contains(&"sepp/jupyterlab:v1"),
        "{ids:?}"
    );
    assert!(!ids.contains(&"sepp/octave:v1"), "{ids:?}");
    assert_eq!(
        ids.last(),
        Some(&"sepp/terminal:v1"),
        "what opens everything comes last"
    );

    let answer = app
        .nobody()
        .get("/api/v1/labs?media_type=text/csv&media_type=application/pdf")
        .await
        .is(200)
        .json();
    let octave = list(&answer, "/labs")
        .iter()
        .find(|lab| lab["id"] == "sepp/octave:v1");
    assert_eq!(octave.unwrap()["opens"], json!({"n_files": 1, "of": 2}));
    for (question, status) in [
        ("selection=sel_none", 404),
        ("media_type=fits", 400),
        (&format!("selection={selection}&media_type=text/csv"), 400),
        ("colour=blue", 400),
    ] {
        let answer = app.nobody().get(&format!("/api/v1/labs?{question}")).await;
        assert_eq!(answer.status, status, "{question}: {}", answer.text());
        drop(answer.any_problem());
    }
}

/// A lab of the operator's that needs what nobody has.
const NEEDS: &str = r#"
    namespace = "mine"
    name = "needs"
    version = "v1"
    title = "Needs"
    description = "It needs two programs."
    icon = "none"
    kind = "vm"
    environment = "system"
    command = ["no-such-program", "{port}"]
    health = "/"
    open = "/"
    media_types = ["text/x-needs"]
    programs = [{ name = "no-such-program", package = "such" }, { name = "/no/such/file", package = "such-data" }]
"#;

#[tokio::test]
async fn a_lab_whose_programs_are_missing_is_shown_with_what_to_install_and_is_not_launched() {
    let catalogue = tempfile::tempdir().unwrap();
    std::fs::write(catalogue.path().join("needs.toml"), NEEDS).unwrap();
    let labs = LabsConfig {
        catalogue: Some(catalogue.path().to_owned()),
        ..LabsConfig::default()
    };
    let app = TestApp::builder()
        .configure(move |config| config.labs = labs)
        .at_rest()
        .start()
        .await;
    let ada = app.user("ada").await;
    let lab = ada.get("/api/v1/labs/mine/needs").await.is(200).json();
    assert_eq!(lab["available"], false);
    let why = text(&lab, "/why_not");
    assert_eq!(
        why,
        "`no-such-program`, `/no/such/file` are not installed here; whoever runs this service installs them: \
         `apt install such such-data`"
    );
    for at in ["/labs", "/labs/mine/needs"] {
        let page = ada.get(at).await.is(200).text();
        assert!(page.contains("apt install such such-data"), "{page}");
    }
    assert!(
        !ada.get("/labs/mine/needs")
            .await
            .text()
            .contains("launch-form")
    );

    let asked = json!({"lab": "mine/needs:v1"});
    let with_products = json!({"assets": [product(MAP)], "lab": "mine/needs:v1"});
    for (at, body) in [
        ("/api/v1/datalabs", asked.clone()),
        (
            "/api/v1/datalabs",
            json!({"lab": "mine/needs:v1", "dry_run": true}),
        ),
        ("/api/v1/open-in-notebook", with_products),
    ] {
        let problem = ada.post(at, body).await.problem(503, "lab-unavailable");
        let detail = text(&problem, "/detail");
        assert_eq!(detail, format!("Needs is not available: {why}"));
    }
    for at in ["/api/v1/datalabs", "/api/v1/staging-jobs"] {
        let all = ada.get(at).await.is(200).text();
        assert!(!all.contains("\"id\""), "{at} {all}");
    }
}

#[tokio::test]
async fn a_lab_that_opens_no_notebook_is_opened_on_the_staged_products() {
    let app = TestApp::builder().at_rest().start().await;
    let ada = app.user("ada").await;
    // A terminal needs no program of the machine.
    let body = json!({"assets": [product(MAP)], "lab": "sepp/terminal"});
    let opened = ada
        .post("/api/v1/open-in-notebook", body)
        .await
        .is(202)
        .json();
    assert_eq!(opened["notebook"], Value::Null);
    let at = format!("/api/v1/datalabs/{}", text(&opened, "/datalab"));
    let shown = ada.get(&at).await.is(200).json();
    assert_eq!(
        (&shown["lab"], &shown["staging_job"], &shown["notebook"]),
        (
            &json!("sepp/terminal:v1"),
            &opened["staging_job"],
            &Value::Null
        )
    );
}

#[tokio::test]
async fn what_the_dialog_asks_for_is_what_the_datalab_is() {
    let app = TestApp::builder().at_rest().start().await;
    let ada = app
        .user("ada")
        .await
        .with_volume("cmb")
        .await
        .with_volume("gps")
        .await;
    let browser = app.in_browser(&ada).await;
    let page = browser
        .get("/labs/sepp/jupyterlab-cmb")
        .await
        .is(200)
        .text();
    for field in [
        "name=\"select_when_ready\"",
        "name=\"auto_remove\"",
        "attach-cmb",
        "option-OMP_NUM_THREADS",
    ] {
        assert!(page.contains(field), "no {field} in {page}");
    }
    let form = [
        ("lab", "sepp/jupyterlab-cmb:v1"),
        ("name", "Dust"),
        ("volume", "gps"),
        ("option", "OMP_NUM_THREADS=2"),
        ("time_limit_s", "3600"),
        ("env", "A=1\nB=2"),
    ];
    let answer = browser.submit("/datalabs", &form).await.is(303);
    let at = format!("/api/v1{}", answer.header("location").unwrap());
    let shown = ada.get(&at).await.is(200).json();
    let names: Vec<&str> = list(&shown, "/volumes")
        .iter()
        .map(|volume| text(volume, "/name"))
        .collect();
    assert_eq!(names, ["workspace", "gps"]);
    assert_eq!(
        (
            &shown["name"],
            &shown["select_when_ready"],
            &shown["auto_remove"]
        ),
        (&json!("Dust"), &json!(false), &json!(false))
    );
    assert_eq!(shown["stops"]["cause"], "time-limit");
    let bad = [("lab", "sepp/jupyterlab:v1"), ("env", "nothing")];
    let bad = browser.submit("/datalabs", &bad).await;
    assert_eq!(bad.status, 422, "{}", bad.text());

    let selection = ada.select(&[&product(MAP)]).await;
    let form = [
        ("lab", "sepp/terminal:v1"),
        ("selection", selection.as_str()),
        ("into", "cmb"),
        ("auto_remove", "1"),
        ("select_when_ready", "1"),
    ];
    let answer = browser.submit("/datalabs", &form).await.is(303);
    let at = format!("/api/v1{}", answer.header("location").unwrap());
    let shown = ada.get(&at).await.is(200).json();
    let job = ada
        .get(&format!(
            "/api/v1/staging-jobs/{}",
            text(&shown, "/staging_job")
        ))
        .await
        .is(200)
        .json();
    assert_eq!(
        (&job["volume"], &job["selection"], &shown["auto_remove"]),
        (&json!("cmb"), &json!(selection), &json!(true))
    );
}

#[tokio::test]
async fn where_volumes_are_mounted_the_dialog_asks_where_and_only_what_the_hub_starts_is_offered() {
    let place = tempfile::tempdir().unwrap();
    let token_file = place.path().join("token");
    std::fs::write(&token_file, "t").unwrap();
    let hub = LauncherConfig {
        kind: LauncherKind::Jupyterhub,
        url: Some("http://127.0.0.1:9/".parse().unwrap()),
        token_file: Some(token_file),
        mounts: Some(true),
        labs: Some(vec!["sepp/topcat:v1".to_owned()]),
    };
    let app = TestApp::builder()
        .configure(move |config| config.launcher = [("hub".to_owned(), hub)].into())
        .at_rest()
        .start()
        .await;
    let ada = app.user("ada").await.with_volume("cmb").await;
    let browser = app.in_browser(&ada).await;
    let page = browser.get("/labs/sepp/jupyterlab").await.is(200).text();
    for field in ["subpath-cmb", "mount-path-cmb", "read-only-cmb"] {
        assert!(page.contains(field), "no {field} in {page}");
    }
    let form = [
        ("lab", "sepp/jupyterlab:v1"),
        ("volume", "cmb"),
        ("row", "cmb"),
        ("subpath", "maps"),
        ("mount_path", "/media/data/planck1"),
        ("read_only", "cmb"),
    ];
    let answer = browser.submit("/datalabs", &form).await.is(303);
    let at = format!("/api/v1{}", answer.header("location").unwrap());
    let volume = ada.get(&at).await.is(200).json()["volumes"][1].clone();
    assert_eq!(
        (
            &volume["subpath"],
            &volume["mount_path"],
            &volume["read_only"],
            &volume["not_enforced"]
        ),
        (
            &json!("maps"),
            &json!("/media/data/planck1"),
            &json!(true),
            &json!([])
        )
    );
    let available = |id: &str| {
        let at = format!("/api/v1/labs/{id}");
        let ada = &ada;
        async move { ada.get(&at).await.is(200).json()["available"].clone() }
    };
    assert_eq!(available("sepp/jupyterlab").await, true);
    assert_eq!(available("sepp/topcat").await, true);
    assert_eq!(available("sepp/octave").await, false);
}

#[tokio::test]
async fn more_time_puts_off_the_end_and_a_user_has_as_many_datalabs_as_they_may() {
    let labs = LabsConfig {
        per_user: Some(1),
        ..LabsConfig::default()
    };
    let app = TestApp::builder()
        .configure(move |config| config.labs = labs)
        .at_rest()
        .start()
        .await;
    let ada = app.user("ada").await;
    let asked = json!({"lab": "sepp/jupyterlab:v1", "time_limit_s": 60});
    let made = ada.post("/api/v1/datalabs", asked).await.is(202).json();
    let at = format!("/api/v1/datalabs/{}", text(&made, "/id"));
    let later = ada
        .post(&format!("{at}/extend"), json!({"seconds": 3600}))
        .await
        .is(200)
        .json();
    assert!(
        text(&later, "/stops/at") > text(&made, "/stops/at"),
        "{later}"
    );
    assert_eq!(later["stops"]["soon"], false);
    let problem = ada
        .post("/api/v1/datalabs", json!({"lab": "sepp/terminal:v1"}))
        .await
        .problem(409, "conflict");
    assert_eq!(
        text(&problem, "/detail"),
        "there may be 1 datalabs of yours at once, and there are; end or delete one first"
    );
}

#[tokio::test]
async fn datalabs_are_listed_by_pages_the_newest_first() {
    let app = TestApp::builder().at_rest().start().await;
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let mut made = Vec::new();
    for name in ["one", "two", "three"] {
        let asked = json!({"lab": "sepp/jupyterlab:v1", "name": name});
        let view = ada.post("/api/v1/datalabs", asked).await.is(202).json();
        made.insert(0, text(&view, "/id").to_owned());
    }
    let (mut listed, mut next) = (Vec::new(), Some("/api/v1/datalabs?limit=2".to_owned()));
    while let Some(at) = next {
        let answer = ada.get(&at).await.is(200).json();
        let rows = list(&answer, "/datalabs");
        assert!(rows.len() <= 2, "{answer}");
        listed.extend(rows.iter().map(|row| text(row, "/id").to_owned()));
        next = answer["next"].as_str().map(ToOwned::to_owned);
    }
    assert_eq!(listed, made);
    // A later page of the list begins behind what is named, whoever asks, and has no datalab of another.
    let browser = app.in_browser(&ada).await;
    let page = browser.get(&format!("/datalabs?after={}", made[1])).await;
    let shown = page.is(200).text();
    assert!(
        shown.contains(&made[2]) && !shown.contains(&made[0]),
        "{shown}"
    );
    let of_eve = eve
        .get(&format!("/api/v1/datalabs?after={}", made[0]))
        .await;
    assert_eq!(of_eve.is(200).json()["datalabs"], json!([]));
    drop(
        ada.get("/api/v1/datalabs?after=x")
            .await
            .problem(400, "bad-request"),
    );
}

#[tokio::test]
async fn people_are_warned_before_a_datalab_is_stopped_and_put_it_off_by_a_click() {
    let app = TestApp::builder().at_rest().start().await;
    let ada = app.user("ada").await;
    let browser = app.in_browser(&ada).await;
    let asked = json!({"lab": "sepp/jupyterlab:v1", "time_limit_s": 1});
    let made = ada.post("/api/v1/datalabs", asked).await.is(202).json();
    let page = format!("/datalabs/{}", text(&made, "/id"));
    for at in ["/datalabs", &page] {
        eventually("the page warns", || async {
            let shown = browser.get(at).await.is(200).text();
            shown.contains("stops-soon").then_some(())
        })
        .await;
    }
    for (list, back) in [("1", "/datalabs"), ("", page.as_str())] {
        let fields = [("seconds", "3600"), ("list", list)];
        let answer = browser
            .submit(&format!("{page}/extend"), &fields)
            .await
            .is(303);
        assert_eq!(answer.header("location"), Some(back));
    }
    for at in ["/datalabs", &page] {
        let shown = browser.get(at).await.is(200).text();
        assert!(
            !shown.contains("stops-soon") && shown.contains("when its time is over"),
            "{at}"
        );
    }
    let too_long = [("seconds", "604801")];
    let refused = browser.submit(&format!("{page}/extend"), &too_long).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
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

#[tokio::test]
async fn two_launches_in_the_same_words_are_one_datalab_and_in_others_two() {
    let app = TestApp::builder().at_rest().start().await;
    let ada = app.user("ada").await;
    let launched = async |asked: Value| {
        let made = ada.post("/api/v1/datalabs", asked).await.is(202).json();
        text(&made, "/id").to_owned()
    };
    let lab = "sepp/jupyterlab:v1";
    let first = launched(json!({ "lab": lab })).await;
    assert_eq!(launched(json!({ "lab": lab })).await, first);
    let others = [
        json!({"lab": lab, "name": "Another"}),
        json!({"lab": lab, "time_limit_s": 3600}),
        json!({"lab": lab, "auto_remove": false}),
    ];
    let mut all = std::collections::BTreeSet::from([first]);
    for other in others {
        let made = launched(other.clone()).await;
        assert_eq!(launched(other).await, made);
        all.insert(made);
    }
    assert_eq!(all.len(), 4);
}
