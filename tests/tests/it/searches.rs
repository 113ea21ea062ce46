//! Saved searches: kept by their owner, with what is new since they last looked.

use gantry_standin::{Fault, Times};
use gantry_tests::{Client, TestApp, eventually, product};
use serde_json::{Value, json};

use crate::{keys, list, text};

const MAP: &str = "HFI_SkyMap_100_NSIDE_R3.01_full";
const SEARCH: &str = "q=100+GHz+map&facet=instrument%2FHFI";

async fn kept(client: &Client) -> Vec<Value> {
    let answer = client.get("/api/v1/searches").await.is(200).json();
    list(&answer, "/searches").to_vec()
}

#[tokio::test]
async fn a_saved_search_says_what_is_new_since_its_owner_last_looked() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let body = json!({"search": format!("?{SEARCH}&view=cards"), "name": "Maps at 100 GHz"});
    let saved = ada.post("/api/v1/searches", body.clone()).await;
    let saved = saved.is(201).json();
    assert_eq!(
        keys(&saved),
        [
            "created", "id", "name", "new", "search", "seen", "since", "total"
        ]
    );
    let all = ada.get(&format!("/api/v1/assets?{SEARCH}")).await;
    let all = all.is(200).json();
    assert_eq!(
        (&saved["new"], &saved["total"], &saved["search"]),
        (&json!(0), &all["total"], &json!(SEARCH))
    );
    // The same search once more is the same search, by its newer name.
    let mut again = body;
    again["name"] = json!("Again");
    let again = ada.post("/api/v1/searches", again).await.is(201).json();
    assert_eq!(
        (&again["id"], &again["name"]),
        (&saved["id"], &json!("Again"))
    );
    assert_eq!(kept(&ada).await.len(), 1);

    // One product of it changes, and one that it does not find.
    for stem in [MAP, "COM_CompMap_dust-commander_NSIDE_R2.00"] {
        let id = product(stem);
        let name = id.strip_prefix("planck:").unwrap();
        app.faults()
            .set_for(name, Fault::ChangedContent, Times::Always);
    }
    assert_eq!(app.harvest().await.counts.changed, 2);
    let one = eventually("the change is found", || async {
        let one = kept(&ada).await.remove(0);
        (one["new"] == 1).then_some(one)
    })
    .await;
    let (id, since) = (text(&one, "/id"), one["since"].as_u64().unwrap());
    let new = ada
        .get(&format!("/api/v1/assets?{SEARCH}&since={since}"))
        .await;
    let new = new.is(200).json();
    assert_eq!(
        (text(&new, "/assets/0/id"), &new["total"]),
        (product(MAP).as_str(), &json!(1))
    );
    // Counts are of what is new too.
    assert_eq!(new["facets"]["instrument"][0]["count"], 1, "{new}");

    let page = ada
        .ask("GET", "/searches")
        .html()
        .send()
        .await
        .is(200)
        .text();
    let link = format!(
        "href=\"/?{}&#38;since={since}\"",
        SEARCH.replace('&', "&#38;")
    );
    assert!(page.contains(&link) && page.contains("1 new"), "{page}");
    let page = ada.ask("GET", &format!("/?{SEARCH}&since={since}")).html();
    let page = page.send().await.is(200).text();
    assert!(page.contains("new since last time"), "{page}");

    for answer in [
        eve.post(&format!("/api/v1/searches/{id}/seen"), json!({}))
            .await,
        eve.delete(&format!("/api/v1/searches/{id}")).await,
    ] {
        drop(answer.problem(404, "not-found"));
    }
    // What came after the list that was read stays new.
    let seen = format!("/api/v1/searches/{id}/seen");
    for (up_to, n_new) in [(since, 1), (u64::MAX, 0), (0, 0)] {
        let seen = ada.post(&seen, json!({ "up_to": up_to }));
        drop(seen.await.is(204));
        assert_eq!(kept(&ada).await[0]["new"], n_new);
    }
    assert_eq!(kept(&eve).await, Vec::<Value>::new());
    drop(ada.delete(&format!("/api/v1/searches/{id}")).await.is(204));
    assert_eq!(kept(&ada).await, Vec::<Value>::new());
}

#[tokio::test]
async fn what_is_no_search_is_not_saved_and_says_why() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    for (search, status, why) in [
        ("", 422, "the search of everything cannot be saved"),
        ("colour=blue", 400, "unknown field `colour`"),
        ("facet=colour/blue", 400, "there is no field `colour`"),
        ("time=yesterday", 400, "write it as start/end in UTC"),
    ] {
        let answer = ada
            .post("/api/v1/searches", json!({"search": search}))
            .await;
        assert_eq!(answer.status, status, "{search}: {}", answer.text());
        let detail = answer.any_problem()["detail"].to_string();
        assert!(detail.contains(why), "{search}: {detail}");
    }
    for n in 0..100 {
        let search = format!("q=map+{n}");
        let body = json!({ "search": search });
        drop(ada.post("/api/v1/searches", body).await.is(201));
    }
    let more = ada
        .post("/api/v1/searches", json!({"search": "q=more"}))
        .await;
    drop(more.problem(409, "conflict"));
}
