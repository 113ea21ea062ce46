//! How much one caller may ask for, how long they may take, and what a request is called.

use std::time::Duration;

use gantry_server::config::{Config, MaintenanceConfig};
use gantry_tests::{Client, TestApp, eventually, product};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::text;

async fn bounded(change: impl FnOnce(&mut Config) + Send + 'static) -> TestApp {
    TestApp::builder().at_rest().configure(change).start().await
}

#[tokio::test]
async fn who_asks_too_fast_is_told_when_to_come_back_and_others_are_not() {
    let app = bounded(|config| {
        config.limits.per_second = Some(0.01);
        config.limits.burst = Some(3);
    })
    .await;
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    for _ in 0..3 {
        drop(ada.get("/api/v1/me").await.is(200));
    }
    let refused = ada.get("/api/v1/me").await;
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((90..=100).contains(&seconds), "{seconds}");
    let problem = refused.problem(429, "too-many-requests");
    assert!(
        text(&problem, "/detail").contains("come back in"),
        "{problem}"
    );
    // In a browser it is a page, with the same header; another token of hers does not help.
    let page = app
        .in_browser(&ada)
        .await
        .ask("GET", "/volumes")
        .html()
        .send()
        .await;
    assert!(page.header("retry-after").is_some());
    assert!(page.is(429).text().contains("Too many requests"));
    drop(bob.get("/api/v1/me").await.is(200));
    // What pages are made of does not count, nor whether it lives.
    for _ in 0..8 {
        drop(app.nobody().get("/static/gantry.css").await.is(200));
        drop(app.nobody().get("/healthz").await.is(200));
    }
    // Nobody is who asks from an address.
    for _ in 0..3 {
        drop(app.nobody().get("/api/v1/archives").await.is(200));
    }
    drop(
        app.nobody()
            .get("/api/v1/archives")
            .await
            .problem(429, "too-many-requests"),
    );
}

#[tokio::test]
async fn a_trusted_proxy_says_whose_address_it_is() {
    let app = bounded(|config| {
        config.limits.per_second = Some(0.01);
        config.limits.burst = Some(1);
        config.server.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    })
    .await;
    let from = |address: &str| {
        let ask = app.nobody().ask("GET", "/api/v1/archives");
        ask.header("X-Forwarded-For", address).send()
    };
    drop(from("203.0.113.7").await.is(200));
    drop(from("203.0.113.7").await.is(429));
    // What the caller wrote in front of it is not believed.
    drop(from("203.0.113.8, 203.0.113.7").await.is(429));
    drop(from("203.0.113.8").await.is(200));
}

#[tokio::test]
async fn streams_take_their_callers_places_until_they_end() {
    let app = bounded(|config| config.limits.in_flight = Some(2)).await;
    let ada = app.user("ada").await;
    let body =
        json!({"assets": [product("HFI_SkyMap_100_NSIDE_R3.01_full")], "volume": "workspace"});
    let job = ada.post("/api/v1/add-to-volume", body).await.is(202).json();
    let at = format!("/api/v1/staging-jobs/{}/events", text(&job, "/id"));
    let (first, second) = (listen(&app, &ada, &at).await, listen(&app, &ada, &at).await);
    let refused = ada.get("/api/v1/me").await;
    assert_eq!(refused.header("retry-after"), Some("1"));
    drop(refused.problem(429, "too-many-requests"));
    drop(first);
    eventually("a place is free again", || async {
        (ada.get("/api/v1/me").await.status == 200).then_some(())
    })
    .await;
    drop(second);
}

/// A stream of events that is being read, and ends with its connection.
async fn listen(app: &TestApp, client: &Client, at: &str) -> TcpStream {
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    let secret = client.secret().unwrap();
    let head =
        format!("GET {at} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {secret}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0; 15];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    stream
}

#[tokio::test]
async fn logins_and_clicks_are_tried_so_often_and_no_more() {
    let app = bounded(|config| config.limits.logins_per_minute = Some(2)).await;
    for _ in 0..2 {
        drop(app.nobody().get("/login?code=guessed").await.is(200));
    }
    drop(
        app.nobody()
            .get("/login?code=guessed")
            .await
            .problem(429, "too-many-requests"),
    );
    let form = app.nobody().submit("/login", &[("code", "guessed")]).await;
    drop(form.is(429));
    let click = app
        .nobody()
        .submit("/portal/selections", &[("action", "add-to-volume")])
        .await;
    drop(click.is(429));
    // The page itself can be looked at.
    drop(app.nobody().get("/login").await.is(200));
}

#[tokio::test]
async fn who_takes_too_long_to_say_what_they_want_is_let_go() {
    let app = bounded(|config| config.server.request_s = 1).await;
    let waited = Duration::from_secs(20);
    // Half a head.
    let mut half = TcpStream::connect(app.address).await.unwrap();
    half.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost")
        .await
        .unwrap();
    let mut said = Vec::new();
    let ended = tokio::time::timeout(waited, half.read_to_end(&mut said)).await;
    assert!(ended.is_ok(), "the connection is still open");
    assert!(!String::from_utf8_lossy(&said).contains("200 OK"));
    // Nothing at all.
    let mut silent = TcpStream::connect(app.address).await.unwrap();
    let ended = tokio::time::timeout(waited, silent.read_to_end(&mut said)).await;
    assert!(ended.is_ok(), "the connection is still open");
    // A head, and half a body.
    let mut slow = TcpStream::connect(app.address).await.unwrap();
    let head = "POST /api/v1/assets/resolve HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{";
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut said = String::new();
    let read = tokio::time::timeout(waited, slow.read_to_string(&mut said)).await;
    read.unwrap().unwrap();
    assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
    assert!(said.contains("/problems/too-slow"), "{said}");
    drop(app.nobody().get("/healthz").await.is(200));
}

#[tokio::test]
async fn a_request_is_called_what_its_sender_calls_it_where_that_is_a_name() {
    let app = bounded(|_| {}).await;
    let named = async |name: &str| {
        let ask = app
            .nobody()
            .ask("GET", "/healthz")
            .header("X-Request-Id", name);
        let answer = ask.send().await.is(200);
        answer.header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(named("proxy-7.f00_1").await, "proxy-7.f00_1");
    for other in ["two words", "<script>", "", &"x".repeat(65)] {
        let given = named(other).await;
        assert_eq!(given.len(), 36, "{other}: {given}");
    }
    let refused = app.nobody().get("/api/v1/me").await;
    assert!(refused.header("x-request-id").is_some());
}

#[tokio::test]
async fn what_is_planned_and_what_is_wrong_is_told_to_all() {
    let soon = chrono::Utc::now() + chrono::Duration::hours(1);
    let planned = |until, text: &str| MaintenanceConfig {
        from: soon - chrono::Duration::hours(2),
        until,
        text: text.to_owned(),
    };
    let maintenance = vec![
        planned(soon, "The labs are renewed."),
        planned(soon - chrono::Duration::hours(2), "This is over."),
    ];
    let app = bounded(move |config| config.maintenance = maintenance).await;
    app.has_no_labs_environment("no Python here");
    let status = app.nobody().get("/status.json").await.is(200).json();
    assert_eq!(status["maintenance"].as_array().unwrap().len(), 1);
    assert_eq!(status["maintenance"][0]["text"], "The labs are renewed.");
    assert_eq!(
        status["incidents"],
        json!([{"component": "Labs", "text": "no Python here"}])
    );
    let page = app
        .nobody()
        .ask("GET", "/status")
        .html()
        .send()
        .await
        .is(200)
        .text();
    assert!(
        page.contains("The labs are renewed.") && !page.contains("This is over."),
        "{page}"
    );
}

#[tokio::test]
async fn what_ended_is_forgotten_when_its_time_is_over_and_not_before() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let map = product("HFI_SkyMap_100_NSIDE_R3.01_full");
    let job = ada.add_to_volume(&[&map], "workspace").await;
    job.completes().await;
    let store = &app.app.store;
    let long_ago = 0;
    let forgotten = store.forget_old(long_ago, long_ago).await.unwrap();
    assert_eq!((forgotten.n_jobs, forgotten.n_audit), (0, 0));
    assert_eq!(job.now().await["phase"], "COMPLETED");
    let soon = chrono::Utc::now().timestamp_millis() + 1000;
    let forgotten = store.forget_old(soon, long_ago).await.unwrap();
    assert_eq!((forgotten.n_jobs, forgotten.n_audit), (1, 0));
    drop(ada.get(&job.at("")).await.problem(404, "not-found"));
    // What lies in the volume stays.
    assert_eq!(ada.listing("workspace").await.len(), 1);
    assert!(store.forget_old(soon, soon).await.unwrap().n_audit > 0);
}
