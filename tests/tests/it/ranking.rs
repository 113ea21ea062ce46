//! What astronomers, cosmologists and geodesists type, and what must come first, over real names of three archives.
//!
//! `ranking/queries.json` holds the queries with their first hit and further hits that should be near it, by grade from 3
//! down to 1; `ranking/products.json` holds products of Planck beside those of the connector's own list.

use std::collections::BTreeMap;
use std::path::Path;

use gantry_tests::{Client, TestApp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{list, text};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    query: String,
    first: String,
    also: BTreeMap<String, u32>,
    /// The kind of query to an archive that is proposed.
    #[serde(default)]
    suggests: Option<String>,
}

const QUERIES: &str = include_str!("ranking/queries.json");
const FURTHER: &str = include_str!("ranking/products.json");
const SHIPPED: &str = include_str!("../../../connectors/planck/data/products.json");

/// What a good order must reach over all queries; how far it does is printed.
const NDCG: f64 = 0.9;

async fn everything() -> (TestApp, tempfile::TempDir) {
    let shipped: Value = serde_json::from_str(SHIPPED).expect("the connector reads it too");
    let further: Vec<Value> = serde_json::from_str(FURTHER).expect("a list of products");
    let products = [list(&shipped, "/products"), &further].concat();
    let dir = tempfile::tempdir().expect("a folder can be made");
    let path = dir.path().join("products.json");
    std::fs::write(&path, json!({"products": products}).to_string())
        .expect("a list can be written");
    (start(&path).await, dir)
}

async fn start(list: &Path) -> TestApp {
    TestApp::builder().whole_archives(list).start().await
}

async fn search(client: &Client, q: &str) -> Value {
    let q: String = url::form_urlencoded::byte_serialize(q.as_bytes()).collect();
    let target = format!("/api/v1/assets?limit=10&q={q}");
    client.get(&target).await.is(200).json()
}

fn ids(found: &Value) -> Vec<&str> {
    list(found, "/assets")
        .iter()
        .map(|asset| text(asset, "/id"))
        .collect()
}

/// Normalised discounted cumulative gain of the first ten (Järvelin and Kekäläinen, 2002), with gains 2^grade − 1.
fn ndcg(found: &[&str], asked: &Asked) -> f64 {
    let mut grades = asked.also.clone();
    grades.insert(asked.first.clone(), 3);
    let gain = |(place, grade): (usize, u32)| {
        (f64::from(2_u32.pow(grade)) - 1.0) / (place as f64 + 2.0).log2()
    };
    let graded = found.iter().map(|id| grades.get(*id).copied().unwrap_or(0));
    let reached: f64 = graded.enumerate().map(gain).sum();
    let mut best: Vec<u32> = grades.values().copied().collect();
    best.sort_unstable_by(|a, b| b.cmp(a));
    let best: f64 = best.into_iter().take(10).enumerate().map(gain).sum();
    reached / best
}

#[expect(
    clippy::print_stdout,
    reason = "the figure is told beside the test that bounds it"
)]
#[tokio::test]
async fn what_people_type_first_finds_what_they_mean_first() {
    let (app, _dir) = everything().await;
    let nobody = app.nobody();
    let queries: Vec<Asked> = serde_json::from_str(QUERIES).unwrap();
    let (mut wrong, mut sum) = (Vec::new(), 0.0);
    for asked in &queries {
        let found = search(&nobody, &asked.query).await;
        let ids = ids(&found);
        sum += ndcg(&ids, asked);
        if ids.first() != Some(&asked.first.as_str()) {
            let q = &asked.query;
            wrong.push(format!(
                "`{q}`: {} was meant, found {ids:#?} {}",
                asked.first, found["notes"]
            ));
        }
        let notes = list(&found, "/notes").iter().filter_map(Value::as_str);
        let proposed = notes.filter(|note| note.contains("SELECT *")).count();
        assert_eq!(
            proposed,
            usize::from(asked.suggests.is_some()),
            "{}",
            asked.query
        );
    }
    let mean = sum / queries.len() as f64;
    println!("nDCG@10 of {} queries: {mean:.3}", queries.len());
    assert!(
        wrong.is_empty(),
        "{} of {} are wrong: {}",
        wrong.len(),
        queries.len(),
        wrong.join("\n")
    );
    assert!(queries.len() >= 75 && mean > NDCG, "nDCG@10 is {mean:.3}");
}

#[tokio::test]
async fn what_no_asset_is_is_proposed_as_a_query_that_can_be_selected() {
    let (app, _dir) = everything().await;
    let ada = app.user("ada").await.with_volume("scratch").await;
    let source = "4583627001381815936";
    for (typed, condition) in [
        (
            format!("Gaia DR3 {source}"),
            format!("WHERE source_id = {source}"),
        ),
        (
            "Pleiades 2 deg".to_owned(),
            "WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE(56.6, 24.11, 2))".to_owned(),
        ),
    ] {
        let found = search(&ada, &typed).await;
        let notes = list(&found, "/notes").iter().filter_map(Value::as_str);
        assert!(
            notes.clone().any(|note| note.contains(&condition)),
            "{found}"
        );
        let q: String = url::form_urlencoded::byte_serialize(typed.as_bytes()).collect();
        let suggested = ada.get(&format!("/api/v1/assets/suggest?q={q}")).await;
        let proposal = suggested.is(200).json()["proposal"].clone();
        let adql = format!("SELECT *\nFROM gaiadr3.gaia_source\n{condition}");
        assert_eq!(
            proposal["take"],
            json!({"adql": adql, "archive": "gaia", "release": "DR3"})
        );
        let selected = ada
            .post("/api/v1/selections", proposal["take"].clone())
            .await;
        assert_eq!(selected.is(201).json()["n_assets"], 1);
        let page = ada.get(&format!("/?q={q}")).await.is(200).text();
        assert!(page.contains("data-testid=\"proposal\""), "{typed}");
    }
}

#[tokio::test]
async fn a_word_that_occurs_nowhere_comes_with_a_link_to_what_may_have_been_meant() {
    let (app, _dir) = everything().await;
    let nobody = app.nobody();
    let found = search(&nobody, "smcia map").await;
    assert_eq!(
        found["notes"].as_array().unwrap()[..2],
        [
            json!("nothing has `smcia`, so it was left out"),
            json!("did you mean `smica map`?"),
        ]
    );
    let page = nobody
        .get("/?q=smcia%20map&facet=archive/planck")
        .await
        .is(200)
        .text();
    let link = "<a href=\"/?q=smica+map&amp;facet=archive%2Fplanck\" data-testid=\"did-you-mean\">smica map</a>";
    assert!(
        page.contains(link) || page.contains(&link.replace("&amp;", "&#38;")),
        "{page}"
    );
}
