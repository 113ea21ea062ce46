//! Clicks on portals: from a page of another site to a job of whoever logs in.

mod world;

use gantry_tests::{Client, Request, TestApp, product};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use world::{
    Keys, MAP, OTHER_MAP, PLA, claims, click, in_seconds, jobs, kept, knowing, location, see,
};

#[tokio::test]
async fn a_click_is_kept_through_login_asked_about_and_carried_out_once() {
    let keys = Keys::new(Algorithm::EdDSA);
    let app = knowing(&keys, |_| {}).at_rest().start().await;
    let ada = app.user("ada").await.with_volume("cmb").await;
    let (map, other) = (product(MAP), product(OTHER_MAP));
    let other = other.strip_prefix("planck:").unwrap();
    let at = kept(
        &app,
        PLA,
        &[
            ("action", "add-to-volume"),
            ("asset", &map),
            ("archive", "planck"),
            ("name", other),
            ("name", "none.fits"),
            ("portal", "Results"),
            ("return", "https://pla.example/results?page=2"),
        ],
    )
    .await;
    assert!(
        at.starts_with("/portal/intents/") && at.len() == 16 + 32,
        "{at}"
    );
    // Nobody is sent to log in, and comes back to the same address.
    let login = see(&app.nobody(), &at).await.is(303);
    let next = at.replace('/', "%2F");
    assert_eq!(location(&login), format!("/login?next={next}"));
    let code = app.app.store.new_login(&ada.user, 60).await.unwrap();
    let entered = app.nobody();
    let entered = entered
        .get(&format!("/login?code={code}&next={next}"))
        .await;
    assert_eq!(location(&entered.is(303)), at);
    // What, how much, where, from which portal.
    let browser = app.in_browser(&ada).await;
    let page = see(&browser, &at).await.is(200).text();
    for shown in [
        "Add 2 products to a data volume?",
        "Planck Legacy Archive · Results",
        "(https://pla.example)",
        &map,
        other,
        "none.fits",
        "cmb",
        "href=\"https://pla.example/results?page=2\"",
    ] {
        assert!(page.contains(shown), "no {shown} in {page}");
    }
    assert_eq!(jobs(&ada).await, 0);
    // Two presses at once, and one later, in another browser and with another volume: one job.
    let again = app.in_browser(&ada).await;
    let fields = [("volume", "cmb")];
    let (first, second) = tokio::join!(browser.submit(&at, &fields), again.submit(&at, &fields));
    let job = location(&first.is(303));
    assert!(job.starts_with("/staging-jobs/"), "{job}");
    assert_eq!(location(&second.is(303)), job);
    let third = again.submit(&at, &[("volume", "workspace")]).await.is(303);
    assert_eq!(location(&third), job);
    assert_eq!(jobs(&ada).await, 1);
    // Back leads to it too, and to nobody else.
    assert_eq!(location(&see(&again, &at).await.is(303)), job);
    let eve = app.in_browser(&app.user("eve").await).await;
    let gone = see(&eve, &at).await.is(410).text();
    assert!(gone.contains("press the button again"), "{gone}");
    drop(eve.submit(&at, &[]).await.is(410));
    let job = ada.get(&format!("/api/v1{job}")).await.is(200).json();
    assert_eq!(
        (&job["volume"], &job["files"]["total"]),
        (&json!("cmb"), &json!(2))
    );
}

#[tokio::test]
async fn a_click_that_is_to_be_opened_in_a_notebook_leads_to_its_datalab() {
    let app = TestApp::builder().at_rest().start().await;
    let browser = app.in_browser(&app.user("ada").await).await;
    let map = product(MAP);
    let fields = [("action", "open-in-notebook"), ("asset", map.as_str())];
    let at = kept(&app, "https://unknown.example", &fields).await;
    let page = see(&browser, &at).await.is(200).text();
    for shown in [
        "Open 1 product in a notebook?",
        "https://unknown.example",
        "does not know",
    ] {
        assert!(page.contains(shown), "no {shown} in {page}");
    }
    let datalab = location(&browser.submit(&at, &[]).await.is(303));
    assert!(datalab.starts_with("/datalabs/"), "{datalab}");
    assert_eq!(location(&see(&browser, &at).await.is(303)), datalab);
}

#[tokio::test]
async fn a_query_can_be_handed_over_too() {
    let app = TestApp::builder().all_archives().at_rest().start().await;
    let ada = app.user("ada").await;
    let browser = app.in_browser(&ada).await;
    let adql = "SELECT TOP 5 source_id FROM gaiadr3.gaia_source WHERE ra < 10";
    let fields = [
        ("action", "add-to-volume"),
        ("archive", "gaia"),
        ("adql", adql),
    ];
    let at = kept(&app, "https://gea.example", &fields).await;
    let page = see(&browser, &at).await.is(200).text();
    assert!(
        page.contains("WHERE ra &#60; 10") && page.contains("the result of a query"),
        "{page}"
    );
    let job = location(&browser.submit(&at, &[]).await.is(303));
    let files = ada.get(&format!("/api/v1{job}/files")).await.is(200).json();
    assert!(
        files["files"][0]["asset"]
            .as_str()
            .unwrap()
            .starts_with("gaia:~query-"),
        "{files}"
    );
}

#[tokio::test]
async fn a_job_at_the_archive_is_taken_over_by_its_query() {
    let app = TestApp::builder().all_archives().at_rest().start().await;
    let ada = app.user("ada").await;
    let browser = app.in_browser(&ada).await;
    let gaia = app.others.as_ref().unwrap().gaia.address();
    let adql = "SELECT TOP 7 source_id FROM gaiadr3.gaia_source";
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs([("REQUEST", "doQuery"), ("LANG", "ADQL"), ("QUERY", adql)]);
    let request = Request {
        method: "POST".to_owned(),
        target: "/tap-server/tap/async".to_owned(),
        headers: vec![
            ("Host".to_owned(), gaia.to_string()),
            (
                "Content-Type".to_owned(),
                "application/x-www-form-urlencoded".to_owned(),
            ),
        ],
        body: Some(form.finish().into_bytes()),
    };
    let started = gantry_tests::send(gaia, request).await.is(303);
    let job = location(&started);
    let job = job.rsplit('/').next().unwrap();
    let fields = [
        ("action", "add-to-volume"),
        ("archive", "gaia"),
        ("job", job),
    ];
    let at = kept(&app, "https://gea.example", &fields).await;
    let page = see(&browser, &at).await.is(200).text();
    assert!(page.contains(adql), "{page}");
    let staged = location(&browser.submit(&at, &[]).await.is(303));
    let files = ada
        .get(&format!("/api/v1{staged}/files"))
        .await
        .is(200)
        .json();
    assert!(
        files["files"][0]["asset"]
            .as_str()
            .unwrap()
            .starts_with("gaia:~query-"),
        "{files}"
    );
    for none in ["no-such-job", "../tables", "a/b", "", "planck"] {
        let archive = if none == "planck" { "planck" } else { "gaia" };
        let fields = [
            ("action", "add-to-volume"),
            ("archive", archive),
            ("job", none),
        ];
        let kept = click(&app, "https://gea.example", &fields).await;
        if none.is_empty() {
            drop(kept.is(422));
            continue;
        }
        let page = see(&browser, &location(&kept.is(303))).await.is(422).text();
        assert!(page.contains("knows no such job"), "{none}: {page}");
    }
}

#[tokio::test]
async fn a_click_says_what_is_wrong_with_it() {
    let app = TestApp::builder().at_rest().start().await;
    let map = product(MAP);
    let many: Vec<(&str, &str)> = (0..10_001).map(|_| ("asset", "planck:x")).collect();
    let with = |more: &[(&'static str, &'static str)]| {
        let mut fields = vec![("action", "add-to-volume")];
        fields.extend(more);
        fields
    };
    type Case<'a> = (Vec<(&'a str, &'a str)>, u16, &'a str);
    let cases: Vec<Case<'_>> = vec![
        (vec![], 400, "action"),
        (vec![("asset", &map)], 400, "action"),
        (vec![("action", "erase"), ("asset", &map)], 400, "action"),
        (with(&[]), 422, "asset="),
        (with(&[("name", "x")]), 422, "archive"),
        (with(&[("archive", "planck")]), 422, "asset="),
        (
            with(&[("archive", "no such"), ("name", "x")]),
            400,
            "archive",
        ),
        (with(&[("adql", "SELECT 1")]), 422, "archive"),
        (
            with(&[
                ("archive", "gaia"),
                ("adql", "SELECT 1"),
                ("asset", "gaia:x"),
            ]),
            422,
            "asset=",
        ),
        ([with(&[]), many].concat(), 413, "10000"),
    ];
    for (fields, status, word) in cases {
        let ask = app.nobody().ask("POST", "/portal/selections").form(&fields);
        let problem = ask.send().await.is(status).any_problem();
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(word), "{detail}");
    }
    let long = format!("action=add-to-volume&asset={}", "x".repeat(5 << 20));
    let ask = app.nobody().ask("POST", "/portal/selections").body(long);
    drop(ask.send().await.problem(413, "too-large"));
    let nothing = see(
        &app.nobody(),
        "/portal/intents/00000000000000000000000000000000",
    )
    .await;
    assert!(
        nothing
            .is(410)
            .text()
            .contains("This click is no longer kept")
    );
}

#[tokio::test]
async fn no_more_clicks_are_kept_than_may_be_and_none_for_longer() {
    let app = TestApp::builder()
        .at_rest()
        .configure(|config| {
            config.intents.max = 2;
            config.intents.lasts_s = 1;
        })
        .start()
        .await;
    let browser = app.in_browser(&app.user("ada").await).await;
    let map = product(MAP);
    let fields = [("action", "add-to-volume"), ("asset", map.as_str())];
    let at = kept(&app, PLA, &fields).await;
    drop(kept(&app, PLA, &fields).await);
    let full = click(&app, PLA, &fields).await;
    assert_eq!(full.header("retry-after"), Some("5"));
    assert!(full.is(503).text().contains("press the button again"));
    gantry_tests::eventually("the click is no longer kept", || async {
        (see(&browser, &at).await.status == 410).then_some(())
    })
    .await;
    drop(browser.submit(&at, &[]).await.is(410));
    drop(kept(&app, PLA, &fields).await);
}

#[tokio::test]
async fn what_a_trusted_portal_signed_is_carried_out_without_asking() {
    for algorithm in [
        Algorithm::EdDSA,
        Algorithm::ES256,
        Algorithm::RS256,
        Algorithm::PS256,
    ] {
        let keys = Keys::new(algorithm);
        let app = knowing(&keys, |_| {}).at_rest().start().await;
        let ada = app.user("ada").await;
        let browser = app.in_browser(&ada).await;
        // The first of a pseudonym is asked about: from then on it stands for who confirmed it.
        let mut first = claims(&app, "0");
        first["assets"] = json!([product(OTHER_MAP)]);
        let at = kept(&app, PLA, &[("handover", &keys.sign(&first))]).await;
        drop(see(&browser, &at).await.is(200));
        drop(browser.submit(&at, &[]).await.is(303));
        let signed = keys.sign(&claims(&app, "1"));
        let at = kept(&app, PLA, &[("handover", &signed)]).await;
        // Whoever only looks at the address starts nothing.
        drop(browser.ask("HEAD", &at).html().send().await.is(200));
        let prefetch = browser
            .ask("GET", &at)
            .html()
            .header("Sec-Purpose", "prefetch");
        drop(prefetch.send().await.is(200));
        assert_eq!(jobs(&ada).await, 1);
        let job = location(&see(&browser, &at).await.is(303));
        assert!(job.starts_with("/staging-jobs/"), "{job}");
        // The same hand-over again is the same click.
        assert_eq!(kept(&app, PLA, &[("handover", &signed)]).await, at);
        assert_eq!(location(&see(&browser, &at).await.is(303)), job);
        assert_eq!(jobs(&ada).await, 2);
        // Another hand-over of that name is none.
        let mut other = claims(&app, "1");
        other["assets"] = json!([product(OTHER_MAP)]);
        let refused = click(&app, PLA, &[("handover", &keys.sign(&other))]).await;
        assert!(refused.is(422).text().contains("jti"));
    }
}

#[tokio::test]
async fn what_is_not_trusted_too_large_missing_or_somebody_elses_is_asked_about() {
    let keys = Keys::new(Algorithm::EdDSA);
    let asked = async |app: &TestApp, client: &Client, claims: &Value| {
        let at = kept(app, PLA, &[("handover", &keys.sign(claims))]).await;
        let browser = app.in_browser(client).await;
        see(&browser, &at).await.status
    };
    let app = knowing(&keys, |portal| portal.trusted = false)
        .at_rest()
        .start()
        .await;
    let ada = app.user("ada").await;
    assert_eq!(asked(&app, &ada, &claims(&app, "1")).await, 200);

    let app = knowing(&keys, |portal| portal.max_bytes = 1)
        .at_rest()
        .start()
        .await;
    let ada = app.user("ada").await;
    assert_eq!(asked(&app, &ada, &claims(&app, "1")).await, 200);

    let app = knowing(&keys, |_| {}).at_rest().start().await;
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let mut with_missing = claims(&app, "1");
    with_missing["assets"] = json!([product(MAP), "planck:none.fits"]);
    assert_eq!(asked(&app, &ada, &with_missing).await, 200);
    // The pseudonym is Ada's once she has confirmed: in Eve's browser it is asked about, and so is another in Ada's.
    let at = kept(&app, PLA, &[("handover", &keys.sign(&claims(&app, "2")))]).await;
    let browser = app.in_browser(&ada).await;
    drop(see(&browser, &at).await.is(200));
    drop(browser.submit(&at, &[]).await.is(303));
    assert_eq!(asked(&app, &eve, &claims(&app, "3")).await, 200);
    let mut another = claims(&app, "4");
    another["sub"] = json!("c3d4");
    assert_eq!(asked(&app, &ada, &another).await, 200);
    assert_eq!(asked(&app, &ada, &claims(&app, "5")).await, 303);
    assert_eq!(jobs(&eve).await, 0);
}

#[tokio::test]
async fn a_hand_over_that_is_not_good_is_refused_or_asked_about_with_the_reason() {
    let (keys, others) = (Keys::new(Algorithm::EdDSA), Keys::new(Algorithm::EdDSA));
    let app = knowing(&keys, |_| {}).at_rest().start().await;
    let browser = app.in_browser(&app.user("ada").await).await;
    let with = |key: &str, value: Value| {
        let mut changed = claims(&app, "1");
        changed[key] = value;
        keys.sign(&changed)
    };
    let none = {
        let parts = keys.sign(&claims(&app, "1"));
        let payload = parts.split('.').nth(1).unwrap().to_owned();
        // {"alg":"none"}
        format!("eyJhbGciOiJub25lIn0.{payload}.")
    };
    let symmetric = {
        let key = EncodingKey::from_secret(keys.public().as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims(&app, "1"), &key).unwrap()
    };
    let cases = [
        (
            others.sign(&claims(&app, "1")),
            "its signature does not fit",
        ),
        (none, "cannot be read"),
        (symmetric, "its signature does not fit"),
        ("rubbish".to_owned(), "no JWS"),
        (
            with("iss", json!("https://evil.example")),
            "no key of its portal",
        ),
        (
            with("aud", json!("https://other-gantry.example")),
            "it is not for",
        ),
        (with("exp", json!(in_seconds(-120))), "its time is over"),
        (
            with("exp", json!(in_seconds(86_400))),
            "longer than 15 minutes",
        ),
        (with("nbf", json!(in_seconds(120))), "its time has not come"),
        (with("sub", Value::Null), "cannot be read"),
        (with("jti", json!("")), "`sub` and `jti`"),
        (with("action", json!("erase")), "`action`"),
        (with("assets", json!([])), "say what to take"),
    ];
    let map = product(MAP);
    for (token, why) in cases {
        let refused = click(&app, PLA, &[("handover", &token)]).await;
        let refused = refused.is(422).text();
        assert!(
            refused.contains(why) || refused.contains(&why.replace('`', "&#96;")),
            "{why}: {refused}"
        );
        // Where the form says the same without a signature, it is a click like any other.
        let fields = [
            ("handover", token.as_str()),
            ("action", "add-to-volume"),
            ("asset", &map),
        ];
        let at = kept(&app, PLA, &fields).await;
        let page = see(&browser, &at).await.is(200).text();
        assert!(page.contains("signature does not count"), "{why}: {page}");
    }
    // A good one counts only from the portal's own pages, and only for what it says.
    let good = keys.sign(&claims(&app, "9"));
    let stolen = click(&app, "https://evil.example", &[("handover", &good)]).await;
    assert!(stolen.is(422).text().contains("another portal"));
    let fields = [("handover", good.as_str()), ("action", "open-in-notebook")];
    assert!(
        click(&app, PLA, &fields)
            .await
            .is(422)
            .text()
            .contains("different things")
    );
    let fields = [("handover", good.as_str()), ("asset", "planck:other")];
    assert!(
        click(&app, PLA, &fields)
            .await
            .is(422)
            .text()
            .contains("different things")
    );
}

#[tokio::test]
async fn only_pages_of_known_portals_are_gone_back_to_and_nothing_foreign_is_run() {
    let keys = Keys::new(Algorithm::EdDSA);
    let evil = "<img src=x onerror=alert(1)>";
    let app = knowing(&keys, |portal| {
        portal.title = Some("<img src=x onerror=alert(1)>".to_owned());
    })
    .at_rest()
    .start()
    .await;
    let browser = app.in_browser(&app.user("ada").await).await;
    let map = product(MAP);
    for back in [
        "https://evil.example/",
        "https://pla.example.evil.example/",
        "https://pla.example@evil.example/",
        "https://user@pla.example/",
        "http://pla.example/",
        "//evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
    ] {
        let fields = [
            ("action", "add-to-volume"),
            ("asset", map.as_str()),
            ("name", evil),
            ("archive", "planck"),
            ("portal", evil),
            ("return", back),
        ];
        let at = kept(&app, PLA, &fields).await;
        let page = see(&browser, &at).await.is(200);
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        let html = page.text();
        assert!(
            html.contains("<a href=\"/\" data-testid=\"cancel\">"),
            "{back}: {html}"
        );
        assert!(
            !html.contains("<img src=x") && html.contains("&#60;img src=x"),
            "{html}"
        );
    }
    // A plain link has the same way back.
    let link = format!("/add-to-volume?asset={map}&return=https%3A%2F%2Fpla.example%2Fr");
    let ask = browser
        .ask("GET", &link)
        .html()
        .header("Referer", "https://pla.example/");
    let page = ask.send().await.is(200).text();
    assert!(page.contains("href=\"https://pla.example/r\""), "{page}");
    assert!(page.contains("(https://pla.example)"), "{page}");
}

#[tokio::test]
async fn a_link_that_nobody_in_particular_follows_is_answered_and_leaves_nothing_behind() {
    let link = format!("/open-in-notebook?asset={}", product(MAP));
    let (looked_at, other) = (
        TestApp::builder().at_rest().start().await,
        TestApp::builder().at_rest().start().await,
    );
    let page = looked_at.nobody().get(&link).await.is(200).text();
    assert!(page.contains(&product(MAP)), "{page}");
    // What it would select has the same name everywhere.
    let selection = other.user("ada").await.select(&[&product(MAP)]).await;
    let at = format!("/api/v1/selections/{selection}");
    drop(other.nobody().get(&at).await.is(200));
    drop(looked_at.nobody().get(&at).await.is(404));
}

#[tokio::test]
async fn a_token_that_may_only_stage_starts_no_notebook_by_the_form() {
    let app = TestApp::builder().at_rest().start().await;
    let ada = app.user("ada").await;
    let program = app
        .with_only(&ada, &["search", "volumes:read", "staging"])
        .await;
    let map = product(MAP);
    let fields = [("action", "open-in-notebook"), ("asset", map.as_str())];
    let refused = program.submit("/selections", &fields).await.is(403);
    assert!(refused.text().contains("datalabs"), "{}", refused.text());
    let datalabs = ada.get("/api/v1/datalabs").await.json();
    assert_eq!(datalabs["datalabs"], json!([]));
}
