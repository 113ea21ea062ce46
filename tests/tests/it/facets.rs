//! All values of a facet: paged, looked for, counted within a search, as a histogram, and as a page.

use gantry_tests::{Client, TestApp};
use serde_json::{Value, json};

use crate::{keys, list, text};

async fn values(client: &Client, target: &str) -> Vec<(String, u64)> {
    let found = client.get(target).await.is(200).json();
    let value = |value: &Value| {
        let count = value["count"].as_u64().expect("a count is a number");
        (text(value, "/path").to_owned(), count)
    };
    list(&found, "/values").iter().map(value).collect()
}

#[tokio::test]
async fn the_values_of_a_field_are_paged_to_their_end() {
    let app = TestApp::start().await;
    let nobody = app.nobody();
    let whole = values(&nobody, "/api/v1/facets/product_type?limit=1000").await;
    assert!(whole.len() > 4, "{whole:?}");
    let (mut target, mut paged) = ("/api/v1/facets/product_type?limit=3".to_owned(), Vec::new());
    loop {
        let page = nobody.get(&target).await.is(200).json();
        assert_eq!(page["total"], whole.len());
        paged.extend(values(&nobody, &target).await);
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut target),
            None => break,
        }
    }
    assert_eq!(paged, whole);
    for (query, named) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("after=x", "after"),
        ("search=colour%3Dblue", "colour"),
        ("search=facet%3Dnosuchfield%2Fx", "nosuchfield"),
        ("colour=blue", "colour"),
    ] {
        let answer = nobody.get(&format!("/api/v1/facets/band?{query}")).await;
        let problem = answer.is(400).any_problem();
        assert!(text(&problem, "/detail").contains(named), "{problem}");
    }
}

#[tokio::test]
async fn values_are_counted_among_the_results_of_a_search() {
    let app = TestApp::start().await;
    let nobody = app.nobody();
    let search = "facet=instrument/LFI&collapse=none";
    let encoded = search
        .replace('&', "%26")
        .replace('=', "%3D")
        .replace('/', "%2F");
    let asked = values(&nobody, &format!("/api/v1/facets/band?search={encoded}")).await;
    let target = format!("/api/v1/assets?{search}&limit=0&facets=band");
    let beside = nobody.get(&target).await.is(200).json();
    let beside: Vec<(String, u64)> = list(&beside, "/facets/band")
        .iter()
        .map(|value| {
            (
                text(value, "/path").to_owned(),
                value["count"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(asked, beside);
    let bands: Vec<&str> = asked.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(bands, ["30 GHz", "44 GHz", "70 GHz"]);
    let some = format!("/api/v1/facets/band?q=4&search={encoded}");
    let some = values(&nobody, &some).await;
    assert_eq!(some, asked[1..2]);
}

#[tokio::test]
async fn numbers_and_dates_have_a_histogram_and_a_bar_selects_what_it_counts() {
    let app = TestApp::builder().all_archives().start().await;
    let nobody = app.nobody();
    let years = nobody.get("/api/v1/facets/year").await.is(200).json();
    let bars = list(&years, "/histogram");
    assert_eq!(keys(&bars[0]), ["count", "facet", "label"]);
    assert!(bars.contains(
        &json!({"label": "2023", "facet": "year/2023", "count": bars.last().unwrap()["count"]})
    ));
    let bands = nobody.get("/api/v1/facets/band").await.is(200).json();
    for bar in list(&bands, "/histogram") {
        let facet = text(bar, "/facet").replace(' ', "%20");
        let found = nobody
            .get(&format!("/api/v1/assets?facet={facet}&limit=0"))
            .await;
        assert_eq!(found.is(200).json()["total"], bar["count"], "{bar}");
    }
    let releases = nobody.get("/api/v1/facets/release").await.is(200).json();
    let labels: Vec<&str> = list(&releases, "/histogram")
        .iter()
        .map(|bar| text(bar, "/facet"))
        .filter(|facet| facet.starts_with("release/PR"))
        .collect();
    let in_order = ["release/PR1", "release/PR2", "release/PR3", "release/PR4"];
    assert!(
        in_order
            .iter()
            .filter(|one| labels.contains(one))
            .eq(labels.iter()),
        "{labels:?}"
    );
    let types = nobody
        .get("/api/v1/facets/product_type")
        .await
        .is(200)
        .json();
    assert_eq!(types["histogram"], Value::Null);
}

/// The address of the first link with this mark.
fn link(html: &str, testid: &str) -> String {
    let mark = format!("data-testid=\"{testid}\"");
    let before = html
        .split_once(&mark)
        .unwrap_or_else(|| panic!("no {testid} in {html}"))
        .0;
    let href = before
        .rsplit_once("href=\"")
        .expect("a link has an address")
        .1;
    href.split('"')
        .next()
        .expect("its end")
        .replace("&#38;", "&")
}

#[tokio::test]
async fn more_values_are_a_page_without_scripts_that_leads_back_to_the_search() {
    let app = TestApp::start().await;
    let nobody = app.nobody();
    let page = async |at: &str| nobody.ask("GET", at).html().send().await.is(200).text();
    let search = page("/?q=planck&collapse=none").await;
    let more = link(&search, "more-band");
    let bands = page(&more).await;
    assert_eq!(link(&bands, "back-to-search"), "/?q=planck&collapse=none");
    let chosen = link(&bands, "value-857 GHz");
    assert_eq!(chosen, "/?q=planck&collapse=none&facet=band%2F857+GHz");
    let result = page(&chosen).await;
    assert!(result.contains("data-testid=\"chip\""), "{result}");
    // The same value, chosen, is let go by the page of all values.
    let again = page(&format!("{more}%26facet%3Dband%2F857%20GHz")).await;
    assert_eq!(link(&again, "value-857 GHz"), "/?q=planck&collapse=none");
    assert_eq!(link(&bands, "bar-857 GHz"), chosen);
    let some = page(&more.replace('?', "?q=85&")).await;
    assert!(some.contains("1 value"), "{some}");
    let none = page(&more.replace('?', "?q=zzz&")).await;
    assert!(none.contains("data-testid=\"empty\""), "{none}");
    let _missing = nobody
        .ask("GET", "/facets/nosuchfield")
        .html()
        .send()
        .await
        .is(404);
}
