//! Logins that somebody else vouches for, with two real providers: one of Node, whose answers are spoiled, and one of
//! Python, at which sessions are taken back.

mod world;

use gantry_store::ProviderSession;
use gantry_tests::{Answer, TestApp};
use serde_json::json;
use url::Url;

use crate::text;
use world::{
    Begun, Provider, begin, claims, come_back, cookie, location, log_in_at_node, log_in_at_python,
    me, session, target, vouched_for,
};

#[tokio::test]
async fn people_come_in_by_either_provider_and_each_is_somebody_else() {
    let (Some(node), Some(python)) = (Provider::node(), Provider::python()) else {
        return;
    };
    let app = vouched_for(vec![node.config("node"), python.config("python")])
        .start()
        .await;
    let page = app
        .nobody()
        .ask("GET", "/login?next=/volumes")
        .html()
        .send()
        .await
        .is(200)
        .text();
    for shown in [
        "Log in with Institute node",
        "Log in with Institute python",
        "/login/python?next=%2Fvolumes",
    ] {
        assert!(page.contains(shown), "no {shown} in {page}");
    }
    assert!(!page.contains("login-code"), "{page}");
    node.spoils(&json!({"claims": {"preferred_username": "ada"}}));
    claims(&python, "a%40b", json!({"preferred_username": "ada"})).await;
    let first = session(&app, &log_in_at_node(&app, &node).await).await;
    let second = session(&app, &log_in_at_python(&app, &python, "a%40b").await).await;
    let (first, second) = (
        me(&app, &first).await.is(200).json(),
        me(&app, &second).await.is(200).json(),
    );
    assert_eq!(
        (text(&first, "/name"), text(&second, "/name")),
        ("ada", "ada-2")
    );
    assert_eq!(first["n_volumes"], 1);
    // The same again is the same user, and another session.
    let again = session(&app, &log_in_at_python(&app, &python, "a%40b").await).await;
    assert_eq!(me(&app, &again).await.is(200).json()["id"], second["id"]);
}

#[tokio::test]
async fn a_login_carries_a_state_a_nonce_and_the_hash_of_a_verifier() {
    let Some(node) = Provider::node() else { return };
    let app = vouched_for(vec![node.config("node")]).start().await;
    let (one, other) = (begin(&app, "node").await, begin(&app, "node").await);
    let asked = |begun: &Begun| {
        let url = Url::parse(&begun.at_provider).unwrap();
        url.query_pairs()
            .into_owned()
            .collect::<std::collections::BTreeMap<String, String>>()
    };
    let (one, other) = (asked(&one), asked(&other));
    for name in ["state", "nonce", "code_challenge"] {
        assert!(
            one[name].len() >= 20 && one[name] != other[name],
            "{name}: {one:?}"
        );
    }
    assert_eq!(one["code_challenge_method"], "S256");
    assert_eq!(one["response_type"], "code");
    assert_eq!(one["scope"], "openid profile email");
    let back = format!(
        "http://localhost:{}/login/node/callback",
        app.address.port()
    );
    assert_eq!(one["redirect_uri"], back);
}

#[tokio::test]
async fn what_comes_back_counts_once_and_only_in_the_browser_that_began() {
    let Some(node) = Provider::node() else { return };
    let app = vouched_for(vec![node.config("node")]).start().await;
    let begun = begin(&app, "node").await;
    let sent = node
        .ask("GET", &target(&begun.at_provider), None)
        .await
        .is(302);
    let back = target(&location(&sent));
    let other = begin(&app, "node").await;
    let port = app.address.port();
    for (at, cookie) in [
        (back.clone(), String::new()),
        (back.clone(), format!("gantry_{port}_login=0000")),
        (back.clone(), other.cookie.clone()),
        (back.replace("state=", "state=x"), begun.cookie.clone()),
        (
            "/login/node/callback?code=x".to_owned(),
            begun.cookie.clone(),
        ),
        ("/login/node/callback".to_owned(), begun.cookie.clone()),
    ] {
        let refused = come_back(&app, &at, &cookie).await.is(403);
        assert!(refused.text().contains("You are not logged in"), "{at}");
        assert_eq!(refused.header("set-cookie"), None, "{at}");
    }
    drop(session(&app, &come_back(&app, &back, &begun.cookie).await).await);
    let again = come_back(&app, &back, &begun.cookie).await.is(403);
    assert_eq!(again.header("set-cookie"), None);
    // A code that was used, in a login of its own.
    let code = Url::parse(&location(&sent)).unwrap();
    let code = code
        .query_pairs()
        .find(|(name, _)| name == "code")
        .unwrap()
        .1
        .into_owned();
    let state = Url::parse(&other.at_provider).unwrap();
    let state = state
        .query_pairs()
        .find(|(name, _)| name == "state")
        .unwrap()
        .1
        .into_owned();
    let at = format!("/login/node/callback?code={code}&state={state}");
    let reused = come_back(&app, &at, &other.cookie).await;
    assert!(matches!(reused.status, 403 | 502), "{}", reused.text());
    assert_eq!(reused.header("set-cookie"), None);
    drop(
        app.nobody()
            .get("/login/none")
            .await
            .problem(404, "not-found"),
    );
}

#[tokio::test]
async fn an_id_token_that_does_not_hold_lets_nobody_in() {
    let Some(node) = Provider::node() else { return };
    let app = vouched_for(vec![node.config("node")]).start().await;
    for (wishes, why) in [
        (json!({"claims": {"nonce": "another"}}), "nonce"),
        (json!({"claims": {"iss": "https://evil.example"}}), "issuer"),
        (json!({"claims": {"aud": "somebody-else"}}), "audience"),
        (json!({"ended": true}), "expired"),
        (json!({"forged": true}), "ignature"),
        (
            json!({"claims": {"sub": ""}, "userinfo": {"sub": ""}}),
            "who it is",
        ),
        (
            json!({"answer": {"statusCode": 400, "body": {"error": "invalid_grant"}}}),
            "invalid_grant",
        ),
        (
            json!({"answer": {"body": {"access_token": "x", "token_type": "Bearer"}}}),
            "ID token",
        ),
        (
            json!({"userinfo": {"sub": "somebody-else"}}),
            "somebody else",
        ),
    ] {
        node.spoils(&wishes);
        let refused = log_in_at_node(&app, &node).await.is(403);
        let page = refused.text();
        assert!(
            page.contains("You are not logged in") && page.contains(why),
            "{why}: {page}"
        );
        assert_eq!(refused.header("set-cookie"), None, "{why}");
    }
    // What a provider is asked about may also be another provider's answer (RFC 9207).
    node.spoils(&json!({}));
    let begun = begin(&app, "node").await;
    let sent = node
        .ask("GET", &target(&begun.at_provider), None)
        .await
        .is(302);
    let at = format!(
        "{}&iss=https%3A%2F%2Fevil.example",
        target(&location(&sent))
    );
    let refused = come_back(&app, &at, &begun.cookie).await.is(403);
    assert!(
        refused.text().contains("another provider"),
        "{}",
        refused.text()
    );
    drop(session(&app, &log_in_at_node(&app, &node).await).await);
}

#[tokio::test]
async fn a_provider_that_says_no_or_nothing_is_told_in_words() {
    let Some(python) = Provider::python() else {
        return;
    };
    let mut away = python.config("away");
    away.issuer = Url::parse("http://127.0.0.1:9/").unwrap();
    let app = vouched_for(vec![python.config("python"), away])
        .start()
        .await;
    let gone = app
        .nobody()
        .ask("GET", "/login/away")
        .html()
        .send()
        .await
        .is(502);
    assert!(
        gone.text().contains("does not describe itself"),
        "{}",
        gone.text()
    );
    let begun = begin(&app, "python").await;
    let state = Url::parse(&begun.at_provider).unwrap();
    let state = state
        .query_pairs()
        .find(|(name, _)| name == "state")
        .unwrap()
        .1
        .into_owned();
    let evil = "%3Cimg%20src=x%20onerror=alert(1)%3E";
    let at = format!(
        "/login/python/callback?error=access_denied&error_description={evil}&state={state}"
    );
    let page = come_back(&app, &at, &begun.cookie).await.is(403).text();
    assert!(
        page.contains("Institute python says") && !page.contains("<img"),
        "{page}"
    );
}

#[tokio::test]
async fn groups_say_who_operates_and_who_may_come_in() {
    let Some(python) = Provider::python() else {
        return;
    };
    let mut config = python.config("python");
    config.allowed_groups = vec!["science".to_owned(), "operators".to_owned()];
    let app = vouched_for(vec![config]).start().await;
    claims(&python, "olga", json!({"groups": ["operators"]})).await;
    claims(&python, "ada", json!({"groups": ["science", "other"]})).await;
    claims(&python, "eve", json!({"groups": ["other"]})).await;
    let olga = session(&app, &log_in_at_python(&app, &python, "olga").await).await;
    let ada = session(&app, &log_in_at_python(&app, &python, "ada").await).await;
    assert_eq!(me(&app, &olga).await.is(200).json()["operator"], true);
    assert_eq!(me(&app, &ada).await.is(200).json()["operator"], false);
    let refused = log_in_at_python(&app, &python, "eve").await.is(403);
    assert!(
        refused.text().contains("none of the groups"),
        "{}",
        refused.text()
    );
    // What is taken away is gone at the next login.
    claims(&python, "olga", json!({"groups": ["science"]})).await;
    let again = session(&app, &log_in_at_python(&app, &python, "olga").await).await;
    assert_eq!(me(&app, &again).await.is(200).json()["operator"], false);
    assert_eq!(me(&app, &olga).await.is(200).json()["operator"], false);
}

#[tokio::test]
async fn who_may_not_come_in_any_more_may_not_send_programs_either() {
    let Some(python) = Provider::python() else {
        return;
    };
    let mut config = python.config("python");
    config.allowed_groups = vec!["science".to_owned()];
    let app = vouched_for(vec![config]).start().await;
    claims(
        &python,
        "ada",
        json!({"preferred_username": "ada", "groups": ["science"]}),
    )
    .await;
    let here = session(&app, &log_in_at_python(&app, &python, "ada").await).await;
    let there = session(&app, &log_in_at_python(&app, &python, "ada").await).await;
    let program = app.user("ada").await;
    drop(program.get("/api/v1/me").await.is(200));
    claims(&python, "ada", json!({"groups": ["other"]})).await;
    is_due(&app, &here).await;
    assert_eq!(me(&app, &here).await.status, 401);
    assert_eq!(me(&app, &there).await.status, 401);
    drop(
        program
            .get("/api/v1/me")
            .await
            .problem(401, "not-logged-in"),
    );
    // The same when a login shows it.
    let again = app.user("ada").await;
    drop(log_in_at_python(&app, &python, "ada").await.is(403));
    drop(again.get("/api/v1/me").await.problem(401, "not-logged-in"));
}

/// Makes the provider of a session due to be asked again.
async fn is_due(app: &TestApp, session: &str) {
    let secret = session.split_once('=').unwrap().1;
    let kept = app.app.store.session(secret).await.unwrap().unwrap();
    let due = ProviderSession {
        check_at: Some(chrono::Utc::now() - chrono::Duration::seconds(1)),
        ..kept.provider.unwrap()
    };
    app.app
        .store
        .keep_session_check(&kept.id, &due)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_session_is_asked_about_again_and_ends_when_it_is_taken_back() {
    let Some(python) = Provider::python() else {
        return;
    };
    let app = vouched_for(vec![python.config("python")]).start().await;
    claims(&python, "ada", json!({"groups": []})).await;
    let ada = session(&app, &log_in_at_python(&app, &python, "ada").await).await;
    is_due(&app, &ada).await;
    // Of many requests at once one asks; all go on.
    let asks = (0..8).map(|_| me(&app, &ada));
    let statuses: Vec<u16> = futures_of(asks).await;
    assert_eq!(statuses, [200; 8]);
    // Roles follow the provider without a new login.
    claims(&python, "ada", json!({"groups": ["operators"]})).await;
    is_due(&app, &ada).await;
    assert_eq!(me(&app, &ada).await.is(200).json()["operator"], true);
    let revoked = python.ask("POST", "/users/ada/revoke-tokens", None).await;
    drop(revoked.is(204));
    assert_eq!(me(&app, &ada).await.status, 200);
    is_due(&app, &ada).await;
    assert_eq!(me(&app, &ada).await.status, 401);
    assert_eq!(me(&app, &ada).await.status, 401);
}

async fn futures_of(asks: impl Iterator<Item = impl Future<Output = Answer>>) -> Vec<u16> {
    let mut statuses = Vec::new();
    for ask in asks {
        statuses.push(ask.await.status);
    }
    statuses
}

#[tokio::test]
async fn a_provider_that_does_not_answer_logs_nobody_out() {
    let Some(python) = Provider::python() else {
        return;
    };
    let app = vouched_for(vec![python.config("python")]).start().await;
    let ada = session(&app, &log_in_at_python(&app, &python, "ada").await).await;
    drop(python);
    is_due(&app, &ada).await;
    assert_eq!(me(&app, &ada).await.status, 200);
}

#[tokio::test]
async fn logging_out_ends_the_session_here_and_leads_to_where_it_ends_there() {
    let Some(python) = Provider::python() else {
        return;
    };
    let app = vouched_for(vec![python.config("python")]).start().await;
    let ada = session(&app, &log_in_at_python(&app, &python, "ada").await).await;
    let page = app
        .nobody()
        .ask("GET", "/volumes")
        .html()
        .header("Cookie", &ada)
        .send()
        .await
        .is(200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains(&format!(
            "form-action 'self' http://127.0.0.1:* {}",
            python.issuer()
        )),
        "{policy}"
    );
    let csrf = page.text();
    let csrf = csrf.split("name=\"csrf-token\" content=\"").nth(1).unwrap();
    let csrf = csrf.split('"').next().unwrap();
    let ask = app.nobody().ask("POST", "/logout").header("Cookie", &ada);
    let without = ask.clone().form(&[]).send().await;
    drop(without.problem(403, "not-allowed"));
    let out = ask.form(&[("csrf", csrf)]).send().await.is(303);
    let to = location(&out);
    let there = format!("{}/oauth2/end_session?id_token_hint=", python.issuer());
    assert!(to.starts_with(&there), "{to}");
    assert!(
        to.contains("post_logout_redirect_uri=http%3A%2F%2Flocalhost"),
        "{to}"
    );
    assert_eq!(out.header("referrer-policy"), Some("no-referrer"));
    drop(python.ask("GET", &target(&to), None).await.is(200));
    assert_eq!(me(&app, &ada).await.status, 401);
}

#[tokio::test]
async fn a_session_that_somebody_else_put_into_a_browser_is_not_taken_over() {
    let Some(node) = Provider::node() else { return };
    let app = vouched_for(vec![node.config("node")]).start().await;
    let eve = app.in_browser(&app.user("eve").await).await;
    let planted = eve.cookie().unwrap();
    let begun = begin(&app, "node").await;
    let sent = node
        .ask("GET", &target(&begun.at_provider), None)
        .await
        .is(302);
    let both = format!("{planted}; {}", begun.cookie);
    let back = come_back(&app, &target(&location(&sent)), &both).await;
    let entered = session(&app, &back).await;
    assert_ne!(entered, planted);
    // The planted session ended, so it cannot be watched either.
    assert_eq!(me(&app, planted).await.status, 401);
    assert_eq!(me(&app, &entered).await.is(200).json()["name"], "johndoe");
    let invented = format!("gantry_{}=invented; {}", app.address.port(), begun.cookie);
    assert_eq!(me(&app, &invented).await.status, 401);
}

#[tokio::test]
async fn a_new_login_page_asks_for_no_code_where_others_vouch() {
    let Some(node) = Provider::node() else { return };
    let app = vouched_for(vec![node.config("node")]).start().await;
    for next in ["https://evil.example", "//evil.example", "/\\evil"] {
        let begun = app
            .nobody()
            .get(&format!("/login/node?next={next}"))
            .await
            .is(303);
        let name = format!("gantry_{}_login", app.address.port());
        let kept = cookie(&begun, &name).unwrap();
        let sent = node
            .ask("GET", &target(&location(&begun)), None)
            .await
            .is(302);
        let back = come_back(&app, &target(&location(&sent)), &kept)
            .await
            .is(303);
        assert_eq!(location(&back), "/", "{next}");
    }
}
