//! Who asks: tokens, sessions, one-time logins, and hosts that are not ours.

use gantry_tests::{Client, TestApp};
use serde_json::{Value, json};

use crate::{keys, list, text};

/// Asks with this header only.
async fn me(app: &TestApp, name: &str, value: &str) -> u16 {
    let ask = app.nobody().ask("GET", "/api/v1/me").header(name, value);
    ask.send().await.status
}

#[tokio::test]
async fn a_token_shows_its_secret_once_and_works_until_it_is_revoked() {
    let app = TestApp::builder().at_rest().start().await;
    let ada = app.user("ada").await;
    let body = json!({"name": "from a notebook", "scopes": ["search", "staging"], "lasts_s": 3600});
    let made = ada.post("/api/v1/tokens", body).await.is(201).json();
    assert_eq!(keys(&made), ["expires", "id", "name", "scopes", "token"]);
    let secret = text(&made, "/token").to_owned();
    assert!(secret.starts_with("gnt_") && secret.len() >= 40, "{secret}");
    let bearer = format!("Bearer {secret}");
    assert_eq!(me(&app, "Authorization", &bearer).await, 200);
    let known = ada.get("/api/v1/tokens").await.is(200);
    assert!(!known.text().contains(&secret));
    let rows = known.json();
    let row = list(&rows, "/tokens")
        .iter()
        .find(|row| row["id"] == made["id"])
        .unwrap();
    assert_eq!(keys(row), ["expires", "id", "name", "scopes"]);
    let bob = app.user("bob").await;
    let revoke = format!("/api/v1/tokens/{}", text(&made, "/id"));
    drop(bob.delete(&revoke).await.problem(404, "not-found"));
    assert_eq!(me(&app, "Authorization", &bearer).await, 200);
    drop(ada.delete(&revoke).await.is(204));
    assert_eq!(me(&app, "Authorization", &bearer).await, 401);
    drop(ada.delete(&revoke).await.problem(404, "not-found"));
}

#[tokio::test]
async fn a_token_has_a_name_known_scopes_and_an_end() {
    let app = TestApp::builder().at_rest().start().await;
    let ada = app.user("ada").await;
    for body in [
        json!({}),
        json!({"name": "x", "scopes": []}),
        json!({"name": "x", "scopes": ["everything"]}),
        json!({"name": "x", "scopes": ["search", ""]}),
        json!({"name": " ", "scopes": ["search"]}),
        json!({"name": "x".repeat(101), "scopes": ["search"]}),
        json!({"name": "x", "scopes": ["search"], "lasts_s": 59}),
        json!({"name": "x", "scopes": ["search"], "lasts_s": 366 * 86_400 + 1}),
    ] {
        let answer = ada.post("/api/v1/tokens", body).await;
        drop(answer.problem(422, "unprocessable"));
    }
    let answer = ada
        .post(
            "/api/v1/tokens",
            json!({"name": "x", "scopes": ["search"], "lasts": 1}),
        )
        .await;
    drop(answer.problem(400, "bad-request"));
}

#[tokio::test]
async fn a_token_cannot_make_one_that_may_more_than_itself() {
    let app = TestApp::builder().at_rest().start().await;
    let ada = app.user("ada").await;
    let narrow = app
        .with_only(&ada, &["search", "staging", "datalabs"])
        .await;
    let answer = narrow
        .post("/api/v1/tokens", json!({"name": "x", "scopes": ["admin"]}))
        .await;
    drop(answer.problem(403, "not-allowed"));
}

#[tokio::test]
async fn what_is_no_token_is_nobodys() {
    let app = TestApp::builder().at_rest().start().await;
    let ada = app.user("ada").await;
    let secret = ada.secret().unwrap();
    for wrong in [
        "Bearer gnt_0000".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer {secret}0"),
        format!("Bearer {}", secret.to_uppercase()),
        "Bearer ' OR 1=1 --".to_owned(),
        format!("Basic {secret}"),
        secret.to_owned(),
    ] {
        assert_eq!(me(&app, "Authorization", &wrong).await, 401, "{wrong}");
    }
    let answer = app.nobody().get("/api/v1/me").await;
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    drop(answer.problem(401, "not-logged-in"));
    let port = app.address.port();
    for cookie in [
        format!("gantry_{port}="),
        format!("gantry_{port}=0000"),
        format!("gantry_{port}={secret}"),
        "gantry=x".to_owned(),
    ] {
        assert_eq!(me(&app, "Cookie", &cookie).await, 401, "{cookie}");
    }
}

#[tokio::test]
async fn one_is_told_who_one_is() {
    let app = TestApp::builder().at_rest().start().await;
    let (ada, olga) = (
        app.user("ada").await.with_volume("cmb").await,
        app.operator("olga").await,
    );
    let me = ada.get("/api/v1/me").await.is(200).json();
    assert_eq!(
        me,
        json!({"id": ada.user.id, "name": "ada", "operator": false, "n_volumes": 2, "limits": {"selection_assets": 100_000},
               "quota": {"bytes": null, "files": null, "bytes_used": null, "files_used": null}})
    );
    let users = olga.get("/api/v1/users").await.is(200).json();
    let names: Vec<&str> = list(&users, "/users")
        .iter()
        .map(|user| text(user, "/name"))
        .collect();
    assert_eq!(names, ["ada", "olga"]);
    assert_eq!(users["next"], Value::Null);
    let first = olga.get("/api/v1/users?limit=1").await.is(200).json();
    assert_eq!(first["next"], "/api/v1/users?limit=1&after=ada");
    let second = olga.get(text(&first, "/next")).await.is(200).json();
    assert_eq!(text(&second, "/users/0/name"), "olga");
    for list in ["audit", "staging-jobs"] {
        let odd = olga.get(&format!("/api/v1/{list}?after=rubbish")).await;
        drop(odd.problem(400, "bad-request"));
    }
    let audit = olga.get("/api/v1/audit").await.is(200).json();
    let line = audit.to_string();
    assert!(
        line.contains("volume.create") && line.contains(&ada.user.id) && !line.contains("\"ada\""),
        "{line}"
    );
}

/// Logs in with a code and gives the answer.
async fn log_in(app: &TestApp, code: &str) -> gantry_tests::Answer {
    app.nobody()
        .ask("GET", &format!("/login?code={code}&next=/volumes"))
        .html()
        .send()
        .await
}

async fn code(app: &TestApp, client: &Client) -> String {
    let made = app.app.store.new_login(&client.user, 60).await;
    made.expect("a login can be made")
}

#[tokio::test]
async fn a_one_time_login_works_once() {
    let app = TestApp::builder().at_rest().start().await;
    let ada = app.user("ada").await;
    let code = code(&app, &ada).await;
    let entered = log_in(&app, &code).await.is(303);
    assert_eq!(entered.header("location"), Some("/volumes"));
    assert_eq!(entered.header("cache-control"), Some("no-store"));
    assert_eq!(entered.header("referrer-policy"), Some("no-referrer"));
    let set = entered.header("set-cookie").unwrap();
    let (cookie, flags) = set.split_once("; ").unwrap();
    assert!(
        cookie.starts_with(&format!("gantry_{}=", app.address.port())),
        "{set}"
    );
    for flag in ["Path=/", "HttpOnly", "SameSite=Lax", "Max-Age=1209600"] {
        assert!(
            flags.split("; ").any(|known| known == flag),
            "no {flag} in {set}"
        );
    }
    assert!(
        !flags.contains("Secure") && !flags.contains("Domain"),
        "{set}"
    );
    assert_eq!(me(&app, "Cookie", cookie).await, 200);
    let again = log_in(&app, &code).await.is(200);
    assert_eq!(again.header("set-cookie"), None);
    assert!(again.text().contains("used before"), "{}", again.text());
    let form = app
        .nobody()
        .submit("/login", &[("code", &code)])
        .await
        .is(200);
    assert_eq!(form.header("set-cookie"), None);
}

#[tokio::test]
async fn many_tries_at_once_log_in_once() {
    let app = TestApp::builder().at_rest().start().await;
    let ada = app.user("ada").await;
    let code = code(&app, &ada).await;
    let tries: Vec<_> = (0..12)
        .map(|_| {
            let ask = app.nobody().ask("GET", &format!("/login?code={code}"));
            tokio::spawn(ask.send())
        })
        .collect();
    let mut entered = 0;
    for answer in tries {
        entered += usize::from(answer.await.unwrap().header("set-cookie").is_some());
    }
    assert_eq!(entered, 1);
}

#[tokio::test]
async fn a_login_leads_to_this_service_only() {
    let app = TestApp::builder().at_rest().start().await;
    let ada = app.user("ada").await;
    for next in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "%5C%5Cevil",
        "/a%0d%0aSet-Cookie:x=y",
        "javascript:1",
    ] {
        let code = code(&app, &ada).await;
        let answer = app
            .nobody()
            .get(&format!("/login?code={code}&next={next}"))
            .await
            .is(303);
        assert_eq!(answer.header("location"), Some("/"), "{next}");
    }
}

#[tokio::test]
async fn under_https_the_cookie_is_bound_to_the_host() {
    let app = TestApp::builder()
        .at_rest()
        .public_url("https://gantry.example/")
        .start()
        .await;
    let ada = app.user("ada").await;
    let code = code(&app, &ada).await;
    let ask = app
        .nobody()
        .ask("GET", &format!("/login?code={code}"))
        .header("Host", "gantry.example");
    let entered = ask.send().await.is(303);
    let set = entered.header("set-cookie").unwrap();
    assert!(set.starts_with("__Host-gantry_443="), "{set}");
    for flag in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(set.contains(flag), "no {flag} in {set}");
    }
    assert!(!set.contains("Domain"), "{set}");
}

#[tokio::test]
async fn logging_out_ends_the_session_everywhere() {
    let app = TestApp::builder().at_rest().start().await;
    let browser = app.in_browser(&app.user("ada").await).await;
    drop(browser.get("/api/v1/me").await.is(200));
    drop(browser.submit("/logout", &[]).await.is(303));
    drop(
        browser
            .get("/api/v1/me")
            .await
            .problem(401, "not-logged-in"),
    );
}

#[tokio::test]
async fn a_session_changes_things_only_with_its_own_token_in_the_header() {
    let app = TestApp::builder().at_rest().start().await;
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let (browser, of_bob) = (app.in_browser(&ada).await, app.in_browser(&bob).await);
    let body = json!({"name": "made"});
    let ask = || browser.ask("POST", "/api/v1/volumes").json(&body);
    drop(ask().send().await.problem(403, "not-allowed"));
    drop(
        ask()
            .header("X-CSRF-Token", of_bob.csrf().unwrap())
            .send()
            .await
            .problem(403, "not-allowed"),
    );
    let second = app.in_browser(&ada).await;
    drop(
        ask()
            .header("X-CSRF-Token", second.csrf().unwrap())
            .send()
            .await
            .problem(403, "not-allowed"),
    );
    drop(ask().csrf().send().await.is(201));
}

#[tokio::test]
async fn another_host_is_refused() {
    let app = TestApp::builder().at_rest().start().await;
    let ada = app.user("ada").await;
    let port = app.address.port();
    for host in [
        "evil.example",
        "evil.example:80",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost:1:2",
        "",
        "[::2]",
        "0.0.0.0",
    ] {
        for at in ["/", "/api/v1/me", "/healthz", "/login?code=x"] {
            let answer = ada.ask("GET", at).header("Host", host).send().await;
            drop(answer.problem(421, "foreign-host"));
        }
    }
    for host in [
        "localhost".to_owned(),
        format!("localhost:{port}"),
        format!("127.0.0.1:{port}"),
        format!("[::1]:{port}"),
    ] {
        drop(
            ada.ask("GET", "/api/v1/me")
                .header("Host", &host)
                .send()
                .await
                .is(200),
        );
    }
}

#[tokio::test]
async fn other_sites_may_read_what_is_public_and_no_more() {
    let app = TestApp::builder().at_rest().start().await;
    let browser = app.in_browser(&app.user("ada").await).await;
    let foreign = |client: &Client, method: &str, at: &str| {
        client
            .ask(method, at)
            .header("Origin", "https://evil.example")
    };
    let read = foreign(&browser, "GET", "/api/v1/assets?limit=1")
        .send()
        .await
        .is(200);
    assert_eq!(read.header("access-control-allow-origin"), Some("*"));
    assert_eq!(read.header("access-control-allow-credentials"), None);
    let before = foreign(&app.nobody(), "OPTIONS", "/api/v1/assets/resolve")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "content-type");
    let before = before.send().await.is(200);
    assert_eq!(before.header("access-control-allow-origin"), Some("*"));
    let asked = foreign(&app.nobody(), "OPTIONS", "/api/v1/volumes")
        .header("Access-Control-Request-Method", "DELETE")
        .header(
            "Access-Control-Request-Headers",
            "authorization, x-csrf-token",
        );
    let asked = asked.send().await;
    let allowed = asked
        .header("access-control-allow-headers")
        .unwrap_or_default()
        .to_ascii_lowercase();
    assert!(
        !allowed.contains("authorization")
            && !allowed.contains("x-csrf-token")
            && !allowed.contains('*'),
        "{allowed}"
    );
    let methods = asked
        .header("access-control-allow-methods")
        .unwrap_or_default();
    assert!(
        !methods.contains("DELETE") && !methods.contains("PUT"),
        "{methods}"
    );
    let page = foreign(&browser, "GET", "/volumes")
        .html()
        .send()
        .await
        .is(200);
    assert_eq!(page.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn no_secret_lies_in_the_record() {
    let app = TestApp::builder().at_rest().start().await;
    let ada = app.user("ada").await;
    let browser = app.in_browser(&ada).await;
    let code = code(&app, &ada).await;
    let made = ada
        .post("/api/v1/tokens", json!({"name": "x", "scopes": ["search"]}))
        .await
        .is(201)
        .json();
    let secrets: [&str; 4] = [
        ada.secret().unwrap(),
        browser.secret().unwrap(),
        &code,
        text(&made, "/token"),
    ];
    let folder = app.outside().join("data");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        for secret in secrets {
            let is_there = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!is_there, "{} holds a secret", path.display());
        }
    }
    let _rest: Value = made;
}
