//! Searching by sky and by place: what is found, what is taken, how it stands in addresses and pages.

use std::collections::BTreeSet;

use gantry_standin::SesameStandin;
use gantry_tests::{Client, TestApp};
use serde_json::{Value, json};

use crate::{list, text};

async fn found(client: &Client, query: &str) -> Value {
    let target = format!("/api/v1/assets?collapse=none&limit=1000&{query}");
    client.get(&target).await.is(200).json()
}

fn ids(found: &Value) -> BTreeSet<String> {
    let hits = list(found, "/assets").iter();
    hits.map(|hit| text(hit, "/id").to_owned()).collect()
}

#[tokio::test]
async fn a_region_finds_what_covers_it_and_a_selection_takes_the_same() {
    let app = TestApp::builder().all_archives().start().await;
    let ada = app.user("ada").await;
    let everything = found(&ada, "").await;
    let with_sky: BTreeSet<String> = list(&everything, "/assets")
        .iter()
        .filter(|hit| !hit["sky"].is_null())
        .map(|hit| text(hit, "/id").to_owned())
        .collect();
    let whole = found(&ada, "pos=RANGE%200%20360%20-90%2090").await;
    assert_eq!(ids(&whole), with_sky);
    let cone = found(&ada, "pos=CIRCLE%2045%200.2%200.1").await;
    let all_sky: BTreeSet<String> = list(&everything, "/assets")
        .iter()
        .filter(|hit| hit["sky"]["all_sky"] == true)
        .map(|hit| text(hit, "/id").to_owned())
        .collect();
    let met = ids(&cone);
    assert!(met.is_superset(&all_sky) && met.is_subset(&with_sky));
    // The files by part of the sky that the cone is not in.
    assert!(
        all_sky.len() < met.len() && met.len() < with_sky.len(),
        "{}",
        met.len()
    );
    assert_eq!(cone["assets"][0]["sky"]["all_sky"], false, "{cone}");

    // What carries its place in the middle of the galaxy is found by both frames.
    let icrs = found(&ada, "pos=CIRCLE%20266.405%20-28.936%200.5").await;
    let galactic = found(&ada, "pos=CIRCLE%200%200%200.5&frame=galactic").await;
    assert_eq!(ids(&icrs), ids(&galactic));

    let body = json!({"search": {"pos": "CIRCLE 45 0.2 0.1"}});
    let selection = ada.post("/api/v1/selections", body).await.is(201).json();
    let id = text(&selection, "/id");
    let taken = ada
        .get(&format!("/api/v1/selections/{id}?limit=1000"))
        .await;
    let taken = taken.is(200).json();
    let taken: BTreeSet<String> = list(&taken, "/assets")
        .iter()
        .map(|asset| text(asset, "/id").to_owned())
        .collect();
    assert_eq!(taken, met);
}

#[tokio::test]
async fn the_next_page_of_a_region_asks_for_the_same_region() {
    let app = TestApp::start().await;
    let nobody = app.nobody();
    let first = "/api/v1/assets?pos=CIRCLE%200%200%2010&frame=galactic&limit=2&collapse=none";
    let first = nobody.get(first).await.is(200).json();
    let next = text(&first, "/next");
    assert!(next.contains("pos=CIRCLE+0+0+10&frame=galactic&"), "{next}");
    let second = nobody.get(next).await.is(200).json();
    assert_eq!(second["total"], first["total"]);
    assert!(ids(&second).is_disjoint(&ids(&first)));
    for none in ["near=50.8,4.36,100", "bbox=170,-20,-170,20"] {
        assert_eq!(found(&nobody, none).await["total"], 0, "maps have no place");
    }
}

#[tokio::test]
async fn what_is_no_region_or_place_is_refused_with_what_is_allowed() {
    let app = TestApp::start().await;
    for (query, said) in [
        (
            "pos=CIRCLE%2010%2095%201",
            "pos=`CIRCLE 10 95 1`: dec `95`: allowed is -90 to 90",
        ),
        (
            "pos=CIRCLE%2010%2010%201&frame=fk4",
            "frame=`fk4`: allowed is one of icrs, galactic",
        ),
        (
            "pos=POLYGON%201%202%203%204",
            "pos=`POLYGON 1 2 3 4`: a POLYGON of 2 corners; allowed are 3 to 100",
        ),
        ("view=table", "view=`table`: allowed is one of list, cards"),
        (
            "near=1,2",
            "near=`1,2`: it has 2 numbers; write lat,lon,km, as in 50.8,4.36,100",
        ),
        (
            "bbox=0,50,10,40",
            "bbox=`0,50,10,40`: south `50` is larger than north `40`; give the smaller first",
        ),
    ] {
        let answer = app.nobody().get(&format!("/api/v1/assets?{query}")).await;
        assert_eq!(text(&answer.is(422).any_problem(), "/detail"), said);
    }
    let ada = app.user("ada").await;
    let body = json!({"search": {"near": "here"}});
    let problem = ada
        .post("/api/v1/selections", body)
        .await
        .is(422)
        .any_problem();
    assert_eq!(
        text(&problem, "/detail"),
        "near=`here`: `here` is no number"
    );
}

#[tokio::test]
async fn the_search_page_keeps_a_region_and_lets_it_be_taken_back() {
    let app = TestApp::start().await;
    let target = "/?q=map&pos=CIRCLE%200%200%2010&frame=galactic&near=50.8%2C4.36%2C100";
    let page = app.nobody().ask("GET", target).html().send().await.is(200);
    let page = page.text();
    for part in [
        r#"name="pos" value="CIRCLE 0 0 10""#,
        r#"<option value="galactic" selected>"#,
        r#"name="near" value="50.8,4.36,100""#,
        "Sky › CIRCLE 0 0 10 (galactic)",
        r#"href="/?q=map&#38;near=50.8%2C4.36%2C100""#,
        "Near › 50.8,4.36,100 km",
        r#"href="/?q=map&#38;pos=CIRCLE+0+0+10&#38;frame=galactic""#,
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
}

#[tokio::test]
async fn the_search_page_shows_where_the_matches_are() {
    let app = TestApp::builder()
        .gssc_folders(&["gnss/data/daily/2023/003", "igs/station/log"])
        .start()
        .await;
    let shown = async |target: &str| {
        let answer = app.nobody().ask("GET", target).html().send().await;
        answer.is(200).text()
    };
    // All of Planck's maps are of the whole sky.
    let maps = shown("/?q=HFI+sky+map&facet=archive%2Fplanck&collapse=none").await;
    assert!(maps.contains("Galactic, Mollweide. "), "{maps}");
    assert!(maps.contains(" cover the whole sky.") && !maps.contains("data-map=\"earth\""));
    let parts = shown("/?facet=archive%2Fgaia&collapse=none").await;
    assert!(parts.contains("data-map=\"sky\"") && parts.contains("class=\"foot f3\""));
    // The site log of BRUX says 50 47 52.7 N, 4 21 33.8 E.
    let stations = shown("/?facet=archive%2Fgssc&facet=station%2FBRUX00BEL").await;
    assert!(!stations.contains("data-map=\"sky\""), "{stations}");
    for part in ["of 1 place.", "BRUX00BEL, 50.80° N, 4.36° E"] {
        assert!(stations.contains(part), "{part} in {stations}");
    }
    let (x, y) = (180.0 + 4.36, 90.0 - 50.8);
    let dot = format!("cx=\"{x:.1}\" cy=\"{y:.1}\"");
    assert!(stations.contains(&dot), "{dot} in {stations}");
}

#[tokio::test]
async fn an_object_stands_for_the_region_around_it_where_a_name_service_is_asked() {
    let service = SesameStandin::start().unwrap();
    let url = format!("{}/sesame", service.url()).parse().unwrap();
    let app = TestApp::builder()
        .configure(move |config| config.names.url = Some(url))
        .start()
        .await;
    let ada = app.user("ada").await;
    let by_name = found(&ada, "pos=Crab%20Nebula%2C%200.5&frame=galactic").await;
    let by_place = found(&ada, "pos=CIRCLE%2083.633%2022.0145%200.5").await;
    assert_eq!(ids(&by_name), ids(&by_place));
    let notes = by_name["notes"].to_string();
    assert!(
        notes.contains("Crab Nebula is at 83.6330 +22.0145 (ICRS; Simbad M   1)"),
        "{notes}"
    );
    // A page of it goes on in the same place, and the name is not asked for twice.
    let first = ada.get("/api/v1/assets?pos=crab%20nebula&limit=1").await;
    let next = text(&first.is(200).json(), "/next").to_owned();
    assert!(next.contains("pos=CIRCLE+83.633+22.0145+1&"), "{next}");
    assert_eq!(service.n_requests_for("Crab Nebula"), 1);
    assert_eq!(service.n_requests_for("crab nebula"), 0);

    for (pos, said) in [
        (
            "Nowhere%20at%20all",
            "no object of the sky is called `Nowhere at all`, says the name service",
        ),
        (
            "M31%2C%20wide",
            "pos=`M31, wide`: behind the comma belongs a radius in degrees, as in `M31, 0.5`",
        ),
    ] {
        let refused = ada.get(&format!("/api/v1/assets?pos={pos}")).await;
        assert_eq!(text(&refused.is(422).json(), "/detail"), said);
    }
    // The page answers all the same, and says what it left out.
    let page = ada.get("/?q=map&pos=Nowhere%20at%20all").await;
    let page = page.is(200).text();
    assert!(
        page.contains("<code>pos</code> is left out: no object of the sky")
            || page.contains("`pos` is left out: no object of the sky"),
        "{page}"
    );

    drop(service);
    let refused = ada.get("/api/v1/assets?pos=M31").await.is(502).json();
    let detail = text(&refused, "/detail");
    assert!(
        detail.starts_with("the name service does not say where `M31` is: "),
        "{detail}"
    );
    assert_eq!(
        ids(&found(&ada, "pos=Crab%20Nebula").await),
        ids(&found(&ada, "pos=CIRCLE%2083.633%2022.0145%201").await)
    );
}

#[tokio::test]
async fn without_a_name_service_a_name_is_no_region() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let refused = ada.get("/api/v1/assets?pos=M31").await;
    assert_eq!(
        text(&refused.is(422).json(), "/detail"),
        "pos=`M31` is no CIRCLE, RANGE or POLYGON, and this service looks up no names of objects"
    );
}
