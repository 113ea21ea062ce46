//! Staging: products into volumes, told as it goes, stopped and taken up again.

use std::path::{Path, PathBuf};

use gantry_standin::{Fault, Times};
use gantry_tests::{Client, Event, TestApp, product, sha256};
use serde_json::{Value, json};

use crate::{keys, list, text};

const MAP: &str = "HFI_SkyMap_100_NSIDE_R3.01_full";
/// A product that takes a while when the archive is slow.
const BIG: &str = "big.txt";

fn big() -> Vec<u8> {
    (0..400_000_u32).flat_map(|n| n.to_le_bytes()).collect()
}

/// A Gantry whose archive sends the big product slowly.
async fn with_a_slow_product() -> TestApp {
    let app = TestApp::builder().product(BIG, big()).start().await;
    let slow = Fault::Slow {
        bytes_per_second: 100_000,
    };
    app.faults().set_for(BIG, slow, Times::Always);
    app
}

/// Every file the service has on disk: in volumes, in the cache, anywhere.
fn on_disk(app: &TestApp) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![app.outside().join("data")]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found
}

fn is_part(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "part")
}

#[tokio::test]
async fn products_are_staged_whole_and_reported_file_by_file() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await.with_volume("scratch").await;
    let ids = [
        product(MAP),
        product("HFI_SkyMap_143_NSIDE_R3.01_full"),
        "planck:COM_PowerSpect_CMB-TT-full_R3.01.txt".to_owned(),
    ];
    let assets: Vec<&str> = ids.iter().map(String::as_str).collect();
    let body = json!({"assets": assets, "volume": "scratch"});
    let answer = ada.post("/api/v1/add-to-volume", body).await.is(202);
    let job = ada.job(&answer);
    assert_eq!(answer.header("location"), Some(job.at("").as_str()));
    let done = job.completes().await;
    assert_eq!(
        keys(&done),
        [
            "bytes",
            "bytes_per_second",
            "created",
            "ended",
            "files",
            "id",
            "message",
            "phase",
            "seconds_left",
            "selection",
            "started",
            "volume",
            "waiting_for"
        ]
    );
    let mut total = 0;
    for (id, file) in ids.iter().zip(job.files().await) {
        let id = ids.iter().find(|id| file["asset"] == **id).unwrap_or(id);
        let bytes = app.bytes_of(id).await;
        total += bytes.len();
        assert_eq!(
            keys(&file),
            [
                "asset",
                "bytes_done",
                "method",
                "name",
                "outcome",
                "path",
                "reason",
                "retry_may_help",
                "sha256",
                "size_bytes",
                "verified_by",
                "version",
                "warnings"
            ]
        );
        assert_eq!(
            (&file["outcome"], &file["version"]),
            (&json!("staged"), &json!(1)),
            "{file}"
        );
        assert_eq!(
            (text(&file, "/sha256"), &file["size_bytes"]),
            (sha256(&bytes).as_str(), &json!(bytes.len()))
        );
        let path = format!("planck/{}", text(&file, "/name"));
        assert_eq!(file["path"], path);
        assert_eq!(ada.sha256_in("scratch", &path).await, sha256(&bytes));
    }
    assert_eq!(
        done["bytes"],
        json!({"total": total, "done": total, "moved": total})
    );
    let counts =
        json!({"total": 3, "staged": 3, "present": 0, "skipped": 0, "failed": 0, "waiting": 0});
    for (name, n) in counts.as_object().unwrap() {
        assert_eq!(&done["files"][name], n, "{name} of {done}");
    }
    assert_eq!(done["waiting_for"], json!([]));
    let read = |name: String| {
        let ada = ada.clone();
        async move {
            ada.get(&format!("/api/v1/volumes/scratch/files/planck/{name}"))
                .await
                .is(200)
        }
    };
    let described = read("ro-crate-metadata.json".to_owned())
        .await
        .json()
        .to_string();
    assert!(
        assets
            .iter()
            .all(|id| described.contains(id.strip_prefix("planck:").unwrap())),
        "{described}"
    );
    assert!(read("CITATION.bib".to_owned()).await.text().contains('@'));
    let report = read(format!("report-{}.json", job.id)).await.json();
    assert!(
        report
            .to_string()
            .contains(&sha256(&app.bytes_of(&ids[0]).await)),
        "{report}"
    );
}

#[tokio::test]
async fn staging_the_same_asset_twice_moves_its_bytes_once() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await.with_volume("scratch").await;
    let map = product(MAP);
    let name = map.strip_prefix("planck:").unwrap();

    ada.add_to_volume(&[&map], "scratch")
        .await
        .completes()
        .await;
    let again = ada.add_to_volume(&[&map], "scratch").await;
    let done = again.completes().await;

    assert_eq!(ada.listing("scratch").await, [format!("planck/{name}")]);
    assert_eq!(app.archive.n_requests_for(name), 1);
    assert_eq!(
        (&done["files"]["present"], &done["bytes"]["moved"]),
        (&json!(1), &json!(0)),
        "{done}"
    );
}

#[tokio::test]
async fn a_file_is_staged_into_the_folder_that_was_asked_for_and_nowhere_above() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await.with_volume("scratch").await;
    let map = product(MAP);
    let name = map.strip_prefix("planck:").unwrap();
    let body = json!({"assets": [map], "volume": "scratch", "directory": "cmb/maps"});
    let answer = ada.post("/api/v1/add-to-volume", body).await.is(202);
    ada.job(&answer).completes().await;
    assert_eq!(ada.listing("scratch").await, [format!("cmb/maps/{name}")]);
    for bad in ["../x", "/etc", "a/../../b", "a\u{0}b", "a\\b", "."] {
        let body = json!({"assets": [map], "volume": "scratch", "directory": bad});
        let problem = ada
            .post("/api/v1/add-to-volume", body)
            .await
            .is(422)
            .any_problem();
        assert!(!text(&problem, "/detail").is_empty(), "{bad:?}");
    }
    for (body, status) in [
        (json!({"assets": [map]}), 422),
        (json!({"assets": [map], "volume": "none"}), 404),
        (
            json!({"assets": [map], "volume": "scratch", "unpack": "all"}),
            400,
        ),
        (
            json!({"assets": [map], "volume": "scratch", "method": "carry"}),
            400,
        ),
        (
            json!({"assets": [map], "volume": "scratch", "on_conflict": "shrug"}),
            400,
        ),
        (
            json!({"assets": ["planck:none.fits"], "volume": "scratch"}),
            422,
        ),
        (json!({"volume": "scratch"}), 400),
    ] {
        let problem = ada
            .post("/api/v1/add-to-volume", body.clone())
            .await
            .is(status)
            .any_problem();
        assert!(!text(&problem, "/detail").is_empty(), "{body}");
    }
}

#[tokio::test]
async fn a_name_that_is_taken_is_kept_replaced_or_made_another() {
    let app = TestApp::builder()
        .product("notes.txt", "of the archive")
        .start()
        .await;
    let ada = app.user("ada").await.with_volume("scratch").await;
    let id = "planck:notes.txt";
    let path = "/api/v1/volumes/scratch/files/planck/notes.txt";
    drop(
        ada.post(
            "/api/v1/volumes/scratch/files/planck",
            json!({"action": "folder"}),
        )
        .await
        .is(201),
    );
    drop(ada.put(path, "mine").await.is(201));
    let stage = |on_conflict: &str| {
        let body = json!({"assets": [id], "volume": "scratch", "on_conflict": on_conflict});
        let ada = ada.clone();
        async move {
            let answer = ada.post("/api/v1/add-to-volume", body).await.is(202);
            let job = ada.job(&answer);
            job.completes().await;
            job.files().await[0].clone()
        }
    };
    let kept = stage("keep").await;
    assert_eq!(
        (&kept["outcome"], ada.get(path).await.text()),
        (&json!("skipped"), "mine".to_owned()),
        "{kept}"
    );
    assert!(text(&kept, "/reason").starts_with("name-taken"), "{kept}");
    let renamed = stage("rename").await;
    assert_eq!(text(&renamed, "/path"), "planck/notes-2.txt");
    let replaced = stage("replace").await;
    assert_eq!(replaced["outcome"], "staged", "{replaced}");
    assert_eq!(
        sha256(&ada.get(path).await.body),
        sha256(&app.bytes_of(id).await)
    );
}

#[tokio::test]
async fn a_second_click_finds_the_live_job() {
    let app = TestApp::builder().at_rest().start().await;
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let map = product(MAP);
    let first = ada.add_to_volume(&[&map], "workspace").await;
    let second = ada.add_to_volume(&[&map], "workspace").await;
    assert_eq!(first.id, second.id);
    let of_bob = bob.add_to_volume(&[&map], "workspace").await;
    assert_ne!(first.id, of_bob.id);
    let elsewhere = ada
        .clone()
        .with_volume("other")
        .await
        .add_to_volume(&[&map], "other")
        .await;
    assert_ne!(first.id, elsewhere.id);
    let queued = first.now().await;
    assert_eq!(
        (&queued["phase"], &queued["started"]),
        (&json!("QUEUED"), &Value::Null)
    );
    assert_eq!(queued["waiting_for"][0]["cause"], "queue", "{queued}");
    drop(ada.delete(&first.at("")).await.is(202));
    let after_its_end = ada.add_to_volume(&[&map], "workspace").await;
    assert_ne!(first.id, after_its_end.id);
}

#[tokio::test]
async fn an_idempotency_key_gives_the_same_answer_and_holds_for_one_body() {
    let app = TestApp::builder().at_rest().start().await;
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let body = |directory: &str| json!({"assets": [product(MAP)], "volume": "workspace", "directory": directory});
    let ask = |who: &Client, body: &Value, key: &str| {
        who.ask("POST", "/api/v1/add-to-volume")
            .json(body)
            .header("Idempotency-Key", key)
    };
    let first = ask(&ada, &body("a"), "k1").send().await.is(202);
    drop(ada.delete(first.header("location").unwrap()).await.is(202));
    let again = ask(&ada, &body("a"), "k1").send().await.is(202);
    assert_eq!(
        (
            first.body,
            first.headers.iter().find(|(name, _)| name == "location")
        ),
        (
            again.body.clone(),
            again.headers.iter().find(|(name, _)| name == "location")
        )
    );
    drop(
        ask(&ada, &body("b"), "k1")
            .send()
            .await
            .problem(422, "idempotency-key-reused"),
    );
    let other_key = ask(&ada, &body("a"), "k2").send().await.is(202);
    assert_ne!(other_key.json()["id"], again.json()["id"]);
    let of_bob = ask(&bob, &body("b"), "k1").send().await.is(202);
    assert_ne!(of_bob.json()["id"], again.json()["id"]);
    for bad in ["", "é", &"x".repeat(201)] {
        drop(
            ask(&ada, &body("a"), bad)
                .send()
                .await
                .problem(400, "bad-request"),
        );
    }
    // What was refused may be tried again with the same key.
    let refused = json!({"assets": [product(MAP)], "volume": "later"});
    drop(ask(&ada, &refused, "k3").send().await.is(404));
    let ada = ada.with_volume("later").await;
    drop(ask(&ada, &refused, "k3").send().await.is(202));
}

#[tokio::test]
async fn a_held_job_stops_and_goes_on_where_it_was() {
    let app = with_a_slow_product().await;
    let ada = app.user("ada").await.with_volume("scratch").await;
    let job = ada
        .add_to_volume(&[&format!("planck:{BIG}")], "scratch")
        .await;
    gantry_tests::eventually("bytes have come", || async {
        (job.now().await["bytes"]["done"].as_u64() > Some(0)).then_some(())
    })
    .await;
    drop(job.ask("hold").await.is(202));
    let held = job.becomes("HELD").await;
    assert!(on_disk(&app).iter().any(|path| is_part(path)), "{held}");
    assert_eq!(
        ada.listing("scratch")
            .await
            .iter()
            .filter(|path| path.ends_with(BIG))
            .count(),
        0
    );
    drop(job.ask("retry").await.problem(409, "conflict"));
    let before = app.archive.requests().len();
    app.faults().clear();
    drop(job.ask("release").await.is(202));
    let done = job.completes().await;
    assert_eq!(
        ada.sha256_in("scratch", &format!("planck/{BIG}")).await,
        sha256(&big())
    );
    let later = &app.archive.requests()[before..];
    let resumed = later
        .iter()
        .filter(|request| request.name.as_deref() == Some(BIG))
        .any(|request| {
            request
                .range
                .as_deref()
                .is_some_and(|range| range != "bytes=0-")
        });
    assert!(resumed, "{later:?}");
    assert_eq!(done["files"]["staged"], 1);
    assert!(!on_disk(&app).iter().any(|path| is_part(path)));
    for action in ["hold", "retry"] {
        drop(job.ask(action).await.problem(409, "conflict"));
    }
}

#[tokio::test]
async fn an_aborted_job_leaves_nothing_half_done() {
    let app = with_a_slow_product().await;
    let ada = app.user("ada").await.with_volume("scratch").await;
    let map = product(MAP);
    ada.add_to_volume(&[&map], "scratch")
        .await
        .completes()
        .await;
    let job = ada
        .add_to_volume(&[&format!("planck:{BIG}")], "scratch")
        .await;
    gantry_tests::eventually("bytes have come", || async {
        (job.now().await["bytes"]["done"].as_u64() > Some(0)).then_some(())
    })
    .await;
    drop(ada.delete(&job.at("")).await.is(202));
    let ended = job.becomes("ABORTED").await;
    assert!(ended["ended"].is_string(), "{ended}");
    let left = on_disk(&app);
    assert!(
        !left.iter().any(|path| is_part(path) || path.ends_with(BIG)),
        "{left:?}"
    );
    assert_eq!(
        ada.listing("scratch").await,
        [format!("planck/{}", map.strip_prefix("planck:").unwrap())]
    );
    drop(ada.delete(&job.at("")).await.is(202));
    assert_eq!(job.now().await["phase"], "ABORTED");
}

#[tokio::test]
async fn what_failed_is_told_with_its_reason_and_staged_by_a_retry() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await.with_volume("scratch").await;
    let (good, bad) = (product(MAP), product("HFI_SkyMap_143_NSIDE_R3.01_full"));
    let name = bad.strip_prefix("planck:").unwrap();
    app.faults()
        .set_for(name, Fault::HtmlInstead, Times::Always);
    let job = ada.add_to_volume(&[&good, &bad], "scratch").await;
    let ended = job.becomes("COMPLETED").await;
    assert_eq!(
        (&ended["files"]["staged"], &ended["files"]["failed"]),
        (&json!(1), &json!(1)),
        "{ended}"
    );
    let failed = job
        .files()
        .await
        .into_iter()
        .find(|file| file["asset"] == bad)
        .unwrap();
    assert_eq!(failed["outcome"], "failed");
    assert!(
        !text(&failed, "/reason").is_empty() && failed["retry_may_help"].is_boolean(),
        "{failed}"
    );
    assert_eq!(ada.listing("scratch").await.len(), 1);
    app.faults().clear();
    drop(job.ask("retry").await.is(202));
    let done = job.completes().await;
    assert_eq!(
        (&done["files"]["staged"], &done["files"]["failed"]),
        (&json!(2), &json!(0)),
        "{done}"
    );
    assert_eq!(
        ada.sha256_in("scratch", &format!("planck/{name}")).await,
        sha256(&app.bytes_of(&bad).await)
    );
}

#[tokio::test]
async fn a_transfer_that_is_cut_is_taken_up_where_it_broke() {
    let app = TestApp::builder().product(BIG, big()).start().await;
    let ada = app.user("ada").await.with_volume("scratch").await;
    app.faults()
        .set_for(BIG, Fault::CutAt { byte: 700_000 }, Times::Next(1));
    ada.add_to_volume(&[&format!("planck:{BIG}")], "scratch")
        .await
        .completes()
        .await;
    assert_eq!(
        ada.sha256_in("scratch", &format!("planck/{BIG}")).await,
        sha256(&big())
    );
    let ranges: Vec<String> = app
        .archive
        .requests()
        .into_iter()
        .filter(|request| request.name.as_deref() == Some(BIG))
        .filter_map(|request| request.range)
        .collect();
    assert!(ranges.contains(&"bytes=700000-".to_owned()), "{ranges:?}");
}

fn phases(events: &[Event]) -> Vec<&str> {
    events
        .iter()
        .filter(|event| event.event == "job")
        .map(|event| text(&event.data, "/phase"))
        .collect()
}

#[tokio::test]
async fn a_late_viewer_is_told_the_present_state_first_and_every_change_to_the_end() {
    let app = with_a_slow_product().await;
    let ada = app.user("ada").await.with_volume("scratch").await;
    let job = ada
        .add_to_volume(&[&format!("planck:{BIG}")], "scratch")
        .await;
    job.becomes("EXECUTING").await;
    let mut late = ada.ask("GET", &job.at("/events")).events().await;
    assert_eq!(late.head.header("content-type"), Some("text/event-stream"));
    assert_eq!(late.head.header("x-accel-buffering"), Some("no"));
    let (mut first, mut is_told) = (Vec::new(), false);
    while !is_told {
        let event = late.next().await.expect("the stream goes on");
        is_told = event.event == "job";
        first.push(event);
    }
    assert_eq!(first[0].event, "file", "{first:?}");
    assert_eq!(phases(&first), ["EXECUTING"]);
    app.faults().clear();
    let rest = late.all().await;
    assert_eq!(phases(&rest).last(), Some(&"COMPLETED"), "{rest:?}");
    assert_eq!(rest.last().unwrap().event, "end");
    let numbers: Vec<u64> = first
        .iter()
        .chain(&rest)
        .map(|event| event.id.parse().unwrap())
        .collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");

    let after = ada
        .ask("GET", &job.at("/events"))
        .header("Last-Event-ID", "1")
        .events()
        .await
        .all()
        .await;
    assert_eq!(phases(&after), ["COMPLETED"]);
    let kinds: Vec<&str> = after.iter().map(|event| event.event.as_str()).collect();
    assert_eq!(kinds, ["file", "job", "end"]);
    assert_eq!(after[0].data["outcome"], "staged");
}

#[tokio::test]
async fn jobs_and_their_files_are_listed_in_pages() {
    let app = TestApp::builder().at_rest().start().await;
    let ada = app.user("ada").await;
    let selection = ada
        .post(
            "/api/v1/selections",
            json!({"search": {"facet": ["instrument/HFI"]}}),
        )
        .await
        .is(201)
        .json();
    let mut made = Vec::new();
    for n in 0..5 {
        let body = json!({"selection": selection["id"], "volume": "workspace", "directory": format!("d{n}")});
        let answer = ada.post("/api/v1/add-to-volume", body).await.is(202);
        made.push(ada.job(&answer));
    }
    let mut target = "/api/v1/staging-jobs?limit=2".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = ada.get(&target).await.is(200).json();
        seen.extend(
            list(&page, "/staging_jobs")
                .iter()
                .map(|job| text(job, "/id").to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut target),
            None => break,
        }
    }
    let newest_first: Vec<String> = made.iter().rev().map(|job| job.id.clone()).collect();
    assert_eq!(seen, newest_first);
    let mut target = made[0].at("/files?limit=3");
    let mut n_files = 0;
    loop {
        let page = ada.get(&target).await.is(200).json();
        n_files += list(&page, "/files").len();
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut target),
            None => break,
        }
    }
    assert_eq!(selection["n_files"], n_files);
    for bad in [
        "/api/v1/staging-jobs?limit=x",
        "/api/v1/staging-jobs?limit=1001",
        "/api/v1/staging-jobs?colour=blue",
    ] {
        drop(ada.get(bad).await.problem(400, "bad-request"));
    }
    drop(
        ada.get("/api/v1/staging-jobs/none")
            .await
            .problem(404, "not-found"),
    );
}

#[tokio::test]
async fn what_is_packed_is_unpacked_where_that_is_asked_for() {
    let text = "MJD flux\n59000 1.5\n".repeat(200);
    let name = "COM_Packed_R3.01.txt.gz";
    let app = TestApp::builder()
        .product(name, gzipped(text.as_bytes()))
        .start()
        .await;
    let ada = app.user("ada").await.with_volume("scratch").await;
    let asset = format!("planck:{name}");
    let asked = json!({"assets": [asset], "volume": "scratch", "unpack": true});
    let answer = ada.post("/api/v1/add-to-volume", asked).await.is(202);
    let job = ada.job(&answer);
    let done = job.completes().await;
    assert_eq!(done["files"]["staged"], 1, "{done}");
    let at = "/api/v1/volumes/scratch/files/planck/COM_Packed_R3.01.txt";
    assert_eq!(ada.get(at).await.is(200).text(), text);
    let file = &job.files().await[0];
    assert_eq!(
        (&file["name"], &file["path"], &file["verified_by"]),
        (
            &json!(name),
            &json!("planck/COM_Packed_R3.01.txt"),
            &json!("embedded-checksum")
        )
    );
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(bytes).expect("memory takes it");
    gz.finish().expect("memory takes it")
}
