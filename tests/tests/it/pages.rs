//! Pages: what a browser is given, and what its forms do.

use gantry_asset::{ArchiveId, Asset, AssetId, Kind};
use gantry_tests::{Answer, Client, TestApp, eventually, product};
use serde_json::json;

use crate::{list, text};

const MAP: &str = "HFI_SkyMap_100_NSIDE_R3.01_full";

async fn page(client: &Client, at: &str) -> Answer {
    client.ask("GET", at).html().send().await
}

/// Whatever a strict policy would refuse to run.
fn runs_nothing_inline(page: &Answer) {
    let html = page.text();
    let at = &page.asked;
    for tag in html.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        let name = tag.split_whitespace().next().unwrap_or_default();
        assert!(name != "script" || tag.contains("src="), "{at}: <{tag}>");
        assert!(name != "style" && !tag.contains(" style="), "{at}: <{tag}>");
        assert!(
            !tag.contains(" onclick=") && !tag.contains(" onload=") && !tag.contains("javascript:"),
            "{at}: <{tag}>"
        );
        for foreign in ["src=\"http", "src=\"//", "href=\"//"] {
            assert!(!tag.contains(foreign), "{at}: <{tag}>");
        }
    }
}

#[tokio::test]
async fn every_page_has_a_title_a_language_and_a_strict_policy() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await.with_volume("cmb").await;
    let browser = app.in_browser(&ada).await;
    let map = product(MAP);
    let selection = ada.select(&[&map]).await;
    let job = ada.add_to_volume(&[&map], "cmb").await;
    job.completes().await;
    let harvest = app.nobody().get("/api/v1/harvests").await.json();
    let harvest = text(&harvest, "/harvests/0/id").to_owned();
    for at in [
        "/".to_owned(),
        "/?q=planck&facet=instrument/HFI&collapse=none".to_owned(),
        format!("/assets/{map}"),
        format!("/selections/{selection}"),
        format!("/selections/{selection}?volume=cmb"),
        format!("/open-in-notebook?asset={map}"),
        format!(
            "/add-to-volume?archive=planck&name={}",
            map.strip_prefix("planck:").unwrap()
        ),
        "/volumes".to_owned(),
        "/volumes/cmb".to_owned(),
        "/volumes/cmb?path=planck".to_owned(),
        "/labs".to_owned(),
        "/datalabs".to_owned(),
        "/staging-jobs".to_owned(),
        format!("/staging-jobs/{}", job.id),
        "/archives".to_owned(),
        format!("/harvests/{harvest}"),
        "/login".to_owned(),
        "/problems/volume-full".to_owned(),
        "/docs".to_owned(),
        "/status".to_owned(),
    ] {
        let shown = page(&browser, &at).await.is(200);
        assert_eq!(
            shown.header("content-type"),
            Some("text/html; charset=utf-8"),
            "{at}"
        );
        let policy = shown.header("content-security-policy").unwrap();
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(part), "{at}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{at}: {policy}");
        assert_eq!(
            shown.header("x-content-type-options"),
            Some("nosniff"),
            "{at}"
        );
        assert_eq!(shown.header("referrer-policy"), Some("same-origin"), "{at}");
        let html = shown.text();
        assert!(html.contains("<html lang=\"en\""), "{at}");
        assert!(
            html.contains("<title>") && !html.contains("<title></title>"),
            "{at}"
        );
        assert_eq!(html.matches("<h1").count(), 1, "{at}");
        runs_nothing_inline(&shown);
    }
}

#[tokio::test]
async fn what_was_typed_is_shown_as_text() {
    let app = TestApp::builder().product("<b>bold.txt", "x").start().await;
    let ada = app.user("ada").await.with_volume("scratch").await;
    let browser = app.in_browser(&ada).await;
    let evil = "%3Cscript%3Ealert(1)%3C/script%3E%22%27%3E";
    let file = "/api/v1/volumes/scratch/files/%3Cimg%20src=x%3E.txt";
    drop(ada.put(file, "x").await.is(201));
    for at in [
        format!("/?q={evil}"),
        format!("/?q=bold&facet=instrument/{evil}"),
        format!("/assets/{evil}"),
        format!("/login?next=/{evil}"),
        format!("/add-to-volume?asset={evil}"),
        format!("/add-to-volume?archive=planck&name={evil}"),
        format!("/volumes/scratch?path={evil}"),
        "/volumes/scratch".to_owned(),
        "/?q=bold".to_owned(),
        format!("/problems/{evil}"),
        format!("/{evil}"),
    ] {
        let html = page(&browser, &at).await.text();
        for raw in ["<script>alert", "<img src=x", "<b>bold"] {
            assert!(!html.contains(raw), "{at} shows {raw}");
        }
    }
    let failed = browser
        .submit("/volumes", &[("name", "<script>alert(1)</script>")])
        .await
        .is(422);
    assert!(
        !failed.text().contains("<script>alert"),
        "{}",
        failed.text()
    );
}

#[tokio::test]
async fn an_address_that_leads_nowhere_is_a_problem_for_programs_and_a_page_for_people() {
    let app = TestApp::start().await;
    for at in [
        "/nowhere",
        "/api/v1/nowhere",
        "/api/v2/assets",
        "/static/none.css",
        "/static/..%2fgantry.css",
        "/assets",
        "/problems/none",
        "/%00",
        "/api/v1/assets/",
        "/volumes/x/y/z",
    ] {
        let problem = app.nobody().get(at).await.is(404).any_problem();
        assert!(!text(&problem, "/detail").is_empty());
    }
    let shown = page(&app.nobody(), "/nowhere").await.is(404);
    assert_eq!(
        shown.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    runs_nothing_inline(&shown);
    // Programs are told in JSON whatever they say they accept.
    let api = app
        .nobody()
        .ask("GET", "/api/v1/nowhere")
        .html()
        .send()
        .await;
    drop(api.problem(404, "not-found"));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let app = TestApp::builder().at_rest().start().await;
    let ada = app.user("ada").await;
    let large = vec![b' '; (16 << 20) + 1];
    for at in [
        "/api/v1/selections",
        "/api/v1/add-to-volume",
        "/api/v1/assets/resolve",
    ] {
        let answer = ada.ask("POST", at).body(large.clone()).send().await;
        drop(answer.problem(413, "too-large"));
    }
    let form = ada.ask("POST", "/selections").body(large).send().await;
    drop(form.problem(413, "too-large"));
}

#[tokio::test]
async fn a_problem_names_a_page_that_explains_it() {
    let app = TestApp::builder().at_rest().start().await;
    let problem = app
        .nobody()
        .get("/api/v1/assets/planck:none")
        .await
        .any_problem();
    let explained = page(&app.nobody(), text(&problem, "/type"))
        .await
        .is(200)
        .text();
    assert!(explained.contains(text(&problem, "/title")), "{explained}");
    let mut kinds: Vec<&str> = explained
        .split("/problems/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert!(kinds.len() > 10, "{kinds:?}");
    for kind in kinds {
        drop(
            page(&app.nobody(), &format!("/problems/{kind}"))
                .await
                .is(200),
        );
    }
}

#[tokio::test]
async fn the_two_buttons_lead_to_the_job_and_to_the_datalab() {
    let app = TestApp::builder().at_rest().start().await;
    let ada = app.user("ada").await.with_volume("cmb").await;
    let browser = app.in_browser(&ada).await;
    let map = product(MAP);
    let added = browser
        .submit(
            "/selections",
            &[
                ("asset", &map),
                ("action", "add-to-volume"),
                ("volume", "cmb"),
            ],
        )
        .await
        .is(303);
    let to = added.header("location").unwrap().to_owned();
    assert!(to.starts_with("/staging-jobs/"), "{to}");
    assert!(
        page(&browser, &to)
            .await
            .is(200)
            .text()
            .contains(map.strip_prefix("planck:").unwrap())
    );
    let opened = browser
        .submit(
            "/selections",
            &[("asset", &map), ("action", "open-in-notebook")],
        )
        .await
        .is(303);
    let to = opened.header("location").unwrap().to_owned();
    assert!(to.starts_with("/datalabs/"), "{to}");
    drop(page(&browser, &to).await.is(200));
    let viewed = browser
        .submit(
            "/selections",
            &[
                ("search", "facet=instrument%2FHFI&sort=title"),
                ("all", "1"),
                ("action", "view"),
            ],
        )
        .await
        .is(303);
    let to = viewed.header("location").unwrap().to_owned();
    assert!(to.starts_with("/selections/sel_"), "{to}");
    drop(page(&browser, &to).await.is(200));
    let everything = ada.get("/api/v1/assets?collapse=none&limit=1000").await;
    let everything = list(&everything.is(200).json(), "/assets").len();
    assert!(everything > 1);
    // The search for everything has nothing in its address; how its page looks says nothing of what is taken.
    for search in ["", "view=cards"] {
        let all = [
            ("asset", map.as_str()),
            ("search", search),
            ("all", "1"),
            ("action", "view"),
        ];
        let viewed = browser.submit("/selections", &all).await.is(303);
        let id = viewed
            .header("location")
            .unwrap()
            .replace("/selections/", "");
        let taken = ada
            .get(&format!("/api/v1/selections/{id}?limit=1000"))
            .await;
        assert_eq!(
            list(&taken.is(200).json(), "/assets").len(),
            everything,
            "`{search}`"
        );
    }
    let nothing = browser
        .submit("/selections", &[("action", "add-to-volume")])
        .await;
    assert_eq!(nothing.status, 422);
    let no_action = browser.submit("/selections", &[("asset", &map)]).await;
    assert_eq!(no_action.status, 400);
}

#[tokio::test]
async fn a_click_of_somebody_not_logged_in_is_asked_again_after_the_login() {
    let app = TestApp::builder().at_rest().start().await;
    let map = product(MAP);
    let clicked = app
        .nobody()
        .submit(
            "/selections",
            &[("asset", &map), ("action", "add-to-volume")],
        )
        .await
        .is(303);
    let login = clicked.header("location").unwrap().to_owned();
    assert!(login.starts_with("/login?next=%2Fadd-to-volume"), "{login}");
    let ada = app.user("ada").await;
    let code = app.app.store.new_login(&ada.user, 60).await.unwrap();
    let entered = app
        .nobody()
        .get(&format!("{login}&code={code}"))
        .await
        .is(303);
    let back = entered.header("location").unwrap().to_owned();
    assert!(back.starts_with("/add-to-volume?asset="), "{back}");
    let asked = page(&app.in_browser(&ada).await, &back)
        .await
        .is(200)
        .text();
    assert!(asked.contains(&map), "{asked}");
    assert_eq!(
        ada.get("/api/v1/staging-jobs").await.json()["staging_jobs"],
        json!([])
    );
}

#[tokio::test]
async fn a_deep_link_names_what_it_knows_and_what_it_does_not() {
    let app = TestApp::builder().at_rest().start().await;
    let map = product(MAP);
    let name = map.strip_prefix("planck:").unwrap();
    for action in ["open-in-notebook", "add-to-volume"] {
        let html = page(
            &app.nobody(),
            &format!("/{action}?archive=planck&name={name}&name=none.fits"),
        )
        .await
        .is(200)
        .text();
        assert!(html.contains(&map) && html.contains("none.fits"), "{html}");
        for bad in ["", "?archive=planck", "?name=x", "?archive=%20&name=x"] {
            let answer = app.nobody().get(&format!("/{action}{bad}")).await;
            drop(answer.problem(400, "bad-request"));
        }
        let many: Vec<String> = (0..1001).map(|n| format!("name={n}")).collect();
        let answer = app
            .nobody()
            .get(&format!("/{action}?archive=planck&{}", many.join("&")))
            .await;
        drop(answer.problem(400, "bad-request"));
    }
}

#[tokio::test]
async fn a_form_for_a_volume_that_cannot_be_is_shown_again_with_what_is_wrong() {
    let app = TestApp::builder().at_rest().start().await;
    let browser = app.in_browser(&app.user("ada").await).await;
    let wrong = browser
        .submit("/volumes", &[("name", "No Name"), ("title", "Kept")])
        .await
        .is(422)
        .text();
    assert!(
        wrong.contains("No Name") && wrong.contains("Kept") && wrong.contains("lower-case"),
        "{wrong}"
    );
    let made = browser.submit("/volumes", &[("name", "cmb")]).await.is(303);
    assert_eq!(made.header("location"), Some("/volumes/cmb"));
    let gone = browser.submit("/volumes/cmb/delete", &[]).await.is(303);
    assert_eq!(gone.header("location"), Some("/volumes"));
}

#[tokio::test]
async fn style_scripts_and_pictures_come_with_their_media_types() {
    let app = TestApp::builder().at_rest().start().await;
    for (file, media_type) in [
        ("gantry.css", "text/css; charset=utf-8"),
        ("common.js", "text/javascript; charset=utf-8"),
        ("gantry.svg", "image/svg+xml; charset=utf-8"),
    ] {
        let answer = app.nobody().get(&format!("/static/{file}")).await.is(200);
        assert_eq!(answer.header("content-type"), Some(media_type));
        assert!(!answer.body.is_empty());
    }
}

#[tokio::test]
async fn the_state_of_the_service_is_open_to_all() {
    let app = TestApp::start().await;
    assert_eq!(app.nobody().get("/healthz").await.is(200).text(), "ok\n");
    let ready = || async {
        let answer = app.nobody().get("/readyz").await;
        (answer.status == 200).then(|| answer.text())
    };
    assert_eq!(eventually("it is ready", ready).await, "ready\n");
    let status = app.nobody().get("/status.json").await.is(200);
    assert_eq!(status.header("access-control-allow-origin"), Some("*"));
    assert_eq!(
        crate::keys(&status.json()),
        [
            "components",
            "incidents",
            "maintenance",
            "uptime_s",
            "version"
        ]
    );
    let figures = app.nobody().get("/metrics").await.is(200).text();
    let catalogue = figures
        .lines()
        .find_map(|line| line.strip_prefix("gantry_catalogue_change "));
    let index = figures
        .lines()
        .find_map(|line| line.strip_prefix("gantry_index_change "));
    assert!(catalogue.is_some() && catalogue == index, "{figures}");
}

/// How many segments are searched.
async fn n_segments(app: &TestApp) -> u32 {
    let figures = app.nobody().get("/metrics").await.is(200).text();
    let figure = figures
        .lines()
        .find_map(|line| line.strip_prefix("gantry_index_segments "));
    figure.expect("it is served").parse().expect("a number")
}

#[tokio::test]
async fn what_was_merged_is_searched_though_the_catalogue_does_not_change() {
    let app = TestApp::start().await;
    let (planck, store) = (ArchiveId::new("planck").unwrap(), &app.app.store);
    let begun = store.begin_harvest(&planck, "test", true).await.unwrap();
    let (lease, _) = begun.expect("nobody else harvests");
    let mut n = 0;
    // Each change that is followed by itself makes a segment; four are enough to be merged.
    while n_segments(&app).await < 4 {
        n += 1;
        let id = AssetId::parse(&format!("planck:{n}")).unwrap();
        let asset = Asset::new(id, Kind::InformationProduct);
        store.upsert_assets(&lease, &[asset]).await.unwrap();
        app.app.follow().await.unwrap();
        assert!(n < 100, "segments are merged at once");
    }
    eventually("what was merged is searched", || async {
        (n_segments(&app).await < 4).then_some(())
    })
    .await;
}

#[tokio::test]
async fn every_figure_that_the_dashboard_and_the_alerts_show_is_served() {
    let app = TestApp::start().await;
    let figures = app.nobody().get("/metrics").await.is(200).text();
    let served: Vec<&str> = figures
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let shown = [
        include_str!("../../../docs/operation/grafana-dashboard.json"),
        include_str!("../../../docs/operation/prometheus-alerts.yml"),
    ];
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    for text in shown {
        let names = text.split("gantry_").skip(1);
        let names: Vec<String> = names
            .map(|rest| rest.split(|c| !is_name(c)).next().unwrap_or_default())
            .map(|name| format!("gantry_{name}"))
            .collect();
        assert!(names.len() > 4, "{names:?}");
        for name in names {
            assert!(
                served.contains(&name.as_str()),
                "{name} is not among {served:?}"
            );
        }
    }
}
