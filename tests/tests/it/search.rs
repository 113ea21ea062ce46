//! Searching: shapes, facets, paging, tables, and what is refused.

use std::collections::{BTreeMap, BTreeSet};

use gantry_tests::{Client, TestApp, product};
use serde_json::{Value, json};

use crate::{keys, list, text};

#[tokio::test]
async fn a_search_has_the_shape_of_the_contract() {
    let app = TestApp::start().await;
    let target = "/api/v1/assets?q=100%20GHz&facet=instrument/HFI&limit=1";
    let answer = app.nobody().get(target).await.is(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let found = answer.json();
    let outer = [
        "assets", "counted", "facets", "next", "notes", "took_ms", "total",
    ];
    assert_eq!(keys(&found), outer);
    assert_eq!(found["counted"], "series");
    assert_eq!(found["notes"], json!([]));
    assert!(found["total"].as_u64().unwrap() > 1, "{found}");
    assert!(found["took_ms"].is_u64(), "{found}");
    let asset = &found["assets"][0];
    assert_eq!(list(&found, "/assets").len(), 1);
    let mut expected = vec![
        "archive",
        "facets",
        "id",
        "kind",
        "n_files",
        "name",
        "series",
        "size_bytes",
        "title",
        "version",
    ];
    expected.extend(
        ["also", "sky", "time"]
            .into_iter()
            .filter(|key| !asset[key].is_null()),
    );
    expected.sort_unstable();
    assert_eq!(keys(asset), expected);
    assert_eq!(asset["kind"], "Information Product");
    assert_eq!(asset["version"], 1);
    assert_eq!(asset["sky"], json!({"all_sky": true}));
    assert_eq!(asset["facets"]["band"], json!(["100 GHz"]));
    assert_eq!(asset["facets"]["mission"], json!(["Planck"]));
    let instrument = &found["facets"]["instrument"][0];
    assert_eq!(instrument["path"], "HFI");
    assert_eq!(instrument["selected"], true);
    for value in found["facets"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|field| list(field, ""))
    {
        let of_contract = [
            ["count", "label", "path", "selected"].as_slice(),
            &["count", "path", "selected"],
        ];
        assert!(of_contract.contains(&keys(value).as_slice()), "{value}");
    }
    let next = text(&found, "/next");
    assert!(next.starts_with("/api/v1/assets?q=100"), "{next}");
    assert!(next.contains("&after="), "{next}");
}

#[tokio::test]
async fn without_words_the_default_facets_come_and_with_a_list_those_asked_for() {
    let app = TestApp::start().await;
    let nobody = app.nobody();
    let found = nobody.get("/api/v1/assets").await.is(200).json();
    for field in [
        "archive",
        "mission",
        "instrument",
        "product_type",
        "band",
        "release",
    ] {
        assert!(
            !list(&found, &format!("/facets/{field}")).is_empty(),
            "{field}"
        );
    }
    let asked = nobody.get("/api/v1/assets?facets=band,nside&limit=0").await;
    let asked = asked.is(200).json();
    assert_eq!(keys(&asked["facets"]), ["band", "nside"]);
    assert_eq!(asked["assets"], json!([]));
    assert_eq!(asked["total"], found["total"]);
    let each = nobody.get("/api/v1/assets?collapse=none&limit=0").await;
    assert_eq!(each.is(200).json()["counted"], "assets");
}

/// Every hit of a search, by following `next` to the end.
pub(crate) async fn all(client: &Client, target: &str) -> Vec<Value> {
    let (mut target, mut hits) = (target.to_owned(), Vec::new());
    for _page in 0..200 {
        let found = client.get(&target).await.is(200).json();
        hits.extend(list(&found, "/assets").iter().cloned());
        match found["next"].as_str() {
            Some(next) => next.clone_into(&mut target),
            None => return hits,
        }
    }
    panic!("no end of pages after {target}");
}

fn ids(hits: &[Value]) -> BTreeSet<String> {
    hits.iter().map(|hit| text(hit, "/id").to_owned()).collect()
}

#[tokio::test]
async fn paging_to_the_end_gives_every_match_once() {
    let app = TestApp::start().await;
    let nobody = app.nobody();
    for search in [
        "collapse=none",
        "collapse=none&sort=title",
        "collapse=none&sort=newest",
        "collapse=none&sort=time",
        "collapse=none&sort=size",
        "q=planck&facet=provenance/observed",
        "facet=provenance/simulated&facet=provenance/observed&collapse=none",
        "collapse=series&facet=provenance/simulated",
    ] {
        let whole = nobody
            .get(&format!("/api/v1/assets?{search}&limit=1000"))
            .await;
        let whole = whole.is(200).json();
        let total = usize::try_from(whole["total"].as_u64().unwrap()).unwrap();
        let paged = all(&nobody, &format!("/api/v1/assets?{search}&limit=3")).await;
        assert!(total > 0, "{search}");
        assert_eq!((paged.len(), ids(&paged).len()), (total, total), "{search}");
        assert_eq!(ids(&paged), ids(list(&whole, "/assets")), "{search}");
        let order = |hits: &[Value]| -> Vec<String> {
            hits.iter().map(|hit| text(hit, "/id").to_owned()).collect()
        };
        assert_eq!(order(&paged), order(list(&whole, "/assets")), "{search}");
    }
}

/// The values of a field that an asset counts at: its own and all above them.
fn paths(hit: &Value, field: &str) -> BTreeSet<String> {
    let own: Vec<&str> = match &hit["facets"][field] {
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        _ if field == "archive" || field == "kind" => hit[field].as_str().into_iter().collect(),
        _ => Vec::new(),
    };
    let mut paths = BTreeSet::new();
    for value in own {
        let steps: Vec<&str> = value.split('/').collect();
        paths.extend((1..=steps.len()).map(|n| steps[..n].join("/")));
    }
    paths
}

#[tokio::test]
async fn facet_counts_of_every_field_agree_with_counting_by_hand() {
    let app = TestApp::start().await;
    let nobody = app.nobody();
    let shown = nobody
        .get("/api/v1/assets?collapse=none&limit=1000")
        .await
        .is(200)
        .json();
    let hidden = "/api/v1/assets?collapse=none&limit=1000&facet=provenance/simulated";
    let hidden = nobody.get(hidden).await.is(200).json();
    let mut every: BTreeMap<String, Value> = BTreeMap::new();
    for hit in list(&shown, "/assets")
        .iter()
        .chain(list(&hidden, "/assets"))
    {
        every.insert(text(hit, "/id").to_owned(), hit.clone());
    }
    let fields = [
        "archive",
        "mission",
        "instrument",
        "product_type",
        "band",
        "release",
        "split",
        "provenance",
        "content",
        "method",
        "nside",
        "stokes",
        "format",
        "domain",
    ];
    let searches: [&[(&str, &str)]; 6] = [
        &[],
        &[("instrument", "HFI")],
        &[("instrument", "HFI"), ("instrument", "LFI")],
        &[
            ("instrument", "HFI"),
            ("band", "100 GHz"),
            ("band", "143 GHz"),
        ],
        &[
            ("release", "PR3"),
            ("split", "full mission"),
            ("band", "217 GHz"),
        ],
        &[
            ("provenance", "observed"),
            ("provenance", "simulated"),
            ("band", "217 GHz"),
        ],
    ];
    for selected in searches {
        let chosen = |field: &str| -> Vec<&str> {
            selected
                .iter()
                .filter(|(known, _)| *known == field)
                .map(|(_, path)| *path)
                .collect()
        };
        let matches = |hit: &Value, but: &str| {
            fields.iter().filter(|field| **field != but).all(|field| {
                let (paths, chosen) = (paths(hit, field), chosen(field));
                if chosen.is_empty() {
                    *field != "provenance" || !paths.contains("simulated")
                } else {
                    chosen.iter().any(|path| paths.contains(*path))
                }
            })
        };
        let query: Vec<String> = selected
            .iter()
            .map(|(field, path)| format!("&facet={field}/{}", path.replace(' ', "%20")))
            .collect();
        let target = format!(
            "/api/v1/assets?collapse=none&limit=1000&facets={}{}",
            fields.join(","),
            query.concat()
        );
        let found = nobody.get(&target).await.is(200).json();
        let expected: BTreeSet<String> = every
            .iter()
            .filter(|(_, hit)| matches(hit, ""))
            .map(|(id, _)| id.clone())
            .collect();
        assert_eq!(ids(list(&found, "/assets")), expected, "{selected:?}");
        assert_eq!(found["total"], expected.len(), "{selected:?}");
        for field in fields {
            let mut by_hand: BTreeMap<String, u64> = BTreeMap::new();
            for hit in every.values().filter(|hit| matches(hit, field)) {
                for path in paths(hit, field) {
                    *by_hand.entry(path).or_default() += 1;
                }
            }
            let counted: BTreeMap<String, u64> = list(&found, &format!("/facets/{field}"))
                .iter()
                .filter(|value| value["count"] != 0)
                .map(|value| {
                    (
                        text(value, "/path").replace("%2F", "/"),
                        value["count"].as_u64().unwrap(),
                    )
                })
                .collect();
            assert_eq!(counted, by_hand, "{field} of {selected:?}");
            for value in list(&found, &format!("/facets/{field}")) {
                let is_chosen = chosen(field).contains(&text(value, "/path"));
                assert_eq!(value["selected"], is_chosen, "{value} of {selected:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_bad_parameter_is_a_problem_that_names_it() {
    let app = TestApp::start().await;
    for (query, status, named) in [
        ("limit=1001", 400, "limit"),
        ("limit=-1", 400, "-1"),
        ("limit=many", 400, "many"),
        ("sort=loudest", 400, "sort"),
        ("collapse=all", 400, "collapse"),
        ("time=2010", 400, "time"),
        ("time=2011-01-01/2010-01-01", 400, "time"),
        ("time=a/b", 400, "time"),
        ("facet=instrument", 400, "facet"),
        ("facet=nosuchfield/x", 400, "nosuchfield"),
        ("after=nonsense", 400, "after"),
        ("format=xlsx", 400, "xlsx"),
        ("format=csv&after=nonsense", 400, "after"),
        ("colour=blue", 400, "colour"),
        ("pos=CIRCLE%2010%2010", 422, "pos"),
        ("days=2023-366", 400, "2023-366"),
        ("days=2023-130/2023-100", 400, "days"),
        ("days=yesterday", 400, "yesterday"),
        ("near=1,2,-3", 422, "near"),
        ("bbox=1,2,3", 422, "bbox"),
        ("pos=CIRCLE%2010%2010%201&frame=b1950", 422, "frame"),
    ] {
        let answer = app.nobody().get(&format!("/api/v1/assets?{query}")).await;
        let problem = answer.is(status).any_problem();
        let detail = text(&problem, "/detail");
        assert!(detail.contains(named), "{query} → {detail}");
    }
}

#[tokio::test]
async fn nothing_that_a_person_types_is_an_error() {
    let app = TestApp::start().await;
    for words in [
        "",
        "\"",
        "\"\"",
        "-",
        "--",
        ":",
        "a:",
        ":a",
        "(",
        ")",
        "((((",
        "*",
        "a*",
        "**",
        "AND",
        "OR NOT",
        "band:",
        "band:\"",
        "-\"",
        "title:-",
        "id:",
        "\u{0}",
        "é ü ß 日本",
        "a\tb\nc",
        "%",
        "\\",
        "nosuch:thing",
        "+",
        "100 GHz -",
        "-band:100",
        &"long ".repeat(500),
        &"x".repeat(5000),
    ] {
        let typed: String = words.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for route in ["/api/v1/assets?q=", "/api/v1/assets/suggest?q=", "/?q="] {
            let answer = app.nobody().get(&format!("{route}{typed}")).await;
            assert_eq!(
                answer.status,
                200,
                "{words:?} at {route}: {}",
                answer.text()
            );
        }
    }
}

#[tokio::test]
async fn a_product_is_found_after_its_harvest_and_by_its_whole_name_first() {
    let app = TestApp::start().await;
    let id = product("COM_CMB_IQU-smica_NSIDE_R3.00_full");
    let name = id.strip_prefix("planck:").unwrap();
    let found = app
        .nobody()
        .get(&format!("/api/v1/assets?q={name}"))
        .await
        .is(200)
        .json();
    assert_eq!(text(&found, "/assets/0/id"), id);
}

#[tokio::test]
async fn what_cannot_be_read_below_where_and_when_is_left_out_and_stays_in_its_field() {
    let app = TestApp::start().await;
    let all = app.nobody().get("/api/v1/assets?q=dust&limit=0").await;
    let total = all.is(200).json()["total"].clone();
    for (name, value) in [
        ("days", "2023 001"),
        ("time", "2023"),
        ("near", "Brussels"),
        ("bbox", "1,2"),
        ("pos", "CIRCLE 1 99 1"),
    ] {
        let sent = value.replace(' ', "%20");
        let page = app.nobody().get(&format!("/?q=dust&{name}={sent}")).await;
        let page = page.is(200).text();
        assert!(page.contains(&format!("`{name}` is left out: ")), "{page}");
        assert!(
            page.contains(&format!("name=\"{name}\" value=\"{value}\"")),
            "{page}"
        );
        assert!(
            page.contains(&format!("<b>{total} product")),
            "{name}: {page}"
        );
        // A program is told.
        let refused = app
            .nobody()
            .get(&format!("/api/v1/assets?{name}={sent}"))
            .await;
        assert!((400..500).contains(&refused.status), "{name}");
    }
}

#[tokio::test]
async fn every_field_that_results_have_values_of_can_be_chosen_from_on_the_page() {
    let app = TestApp::start().await;
    let all = app
        .nobody()
        .get("/api/v1/assets?limit=0&facets=nside,unit,station")
        .await;
    let counted = all.is(200).json();
    assert!(!list(&counted, "/facets/nside").is_empty());
    let page = app.nobody().get("/").await.is(200).text();
    assert!(
        page.contains("<details data-testid=\"facets-nside\">"),
        "{page}"
    );
    assert!(!page.contains("facets-station\""), "{page}");
    // What is chosen from stands open with the others.
    let page = app.nobody().get("/?facet=nside/2048").await.is(200).text();
    assert!(
        page.contains("<section data-testid=\"facets-nside\">"),
        "{page}"
    );
}
