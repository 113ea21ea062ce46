//! All three archives in one catalogue: series and days, tables and queries, from search to a volume.

use gantry_tests::{Client, TestApp, sha256};
use serde_json::{Value, json};

use crate::{list, text};

const SERIES: &str = "gssc:~BRUX00BEL-OBS-01D-30S";
/// A source whose number passes 2⁵³.
const SOURCE: &str = "4583627001381815936";

async fn everything() -> (TestApp, Client) {
    let app = TestApp::builder().all_archives().start().await;
    let ada = app.user("ada").await.with_volume("scratch").await;
    (app, ada)
}

/// The ids of the first hits.
async fn found(client: &Client, query: &str) -> Vec<String> {
    let answer = client
        .get(&format!("/api/v1/assets?{query}"))
        .await
        .is(200)
        .json();
    list(&answer, "/assets")
        .iter()
        .map(|asset| text(asset, "/id").to_owned())
        .collect()
}

#[tokio::test]
async fn a_series_stands_for_its_days_and_a_day_asked_for_is_found_itself() {
    let (_app, ada) = everything().await;
    let series = ada
        .get(&format!("/api/v1/assets/{SERIES}"))
        .await
        .is(200)
        .json();
    // 2023-017 is missing at the archive: 39 of 40 days.
    assert_eq!(
        series["members"],
        json!({"total": 39, "size_bytes": series["members"]["size_bytes"], "n_days": 39, "n_days_spanned": 40})
    );
    assert_eq!(
        series["days"],
        json!({"first": "2023-001", "last": "2023-040"})
    );
    assert_eq!(
        (&series["version"], &series["n_files"]),
        (&Value::Null, &json!(0))
    );
    assert!(
        found(&ada, "q=BRUX00BEL%20daily&limit=5")
            .await
            .contains(&SERIES.to_owned())
    );
    let day = found(&ada, "q=BRUX00BEL%202023%20003&limit=1").await;
    assert_eq!(
        day,
        ["gssc:gnss~data~daily~2023~003~BRUX00BEL_R_20230030000_01D_30S_MO.crx.gz"]
    );
    let members =
        format!("facet=series/{SERIES}&collapse=none&days=2023-003/2023-005&limit=10&sort=time");
    assert_eq!(found(&ada, &members).await.len(), 3);
}

#[tokio::test]
async fn a_range_of_a_series_is_selected_by_its_days() {
    let (_app, ada) = everything().await;
    let range =
        json!({"search": {"facet": [format!("series/{SERIES}")], "days": "2023-015/2023-020"}});
    let selection = ada.post("/api/v1/selections", range).await.is(201).json();
    // Six days, of which the archive lacks 017.
    assert_eq!(selection["n_assets"], 5);
    let gap = json!({"series": SERIES, "day": "2023-017", "station": "BRUX00BEL", "reason": "not-at-archive"});
    assert_eq!(
        (
            &selection["expected"],
            &selection["found"],
            &selection["gaps"]
        ),
        (&json!(6), &json!(5), &json!([gap]))
    );
    let plan = format!("/api/v1/selections/{}/plan", text(&selection, "/id"));
    let plan = ada.post(&plan, json!({})).await.is(200).json();
    assert_eq!(
        plan["warnings"],
        json!(["1 of 6 days is not there: 2023-017"])
    );
    assert_eq!(plan["gaps"], json!([gap]));
    let whole = json!({"assets": [SERIES]});
    let selection = ada.post("/api/v1/selections", whole).await.is(201).json();
    assert_eq!(selection["n_assets"], 39);
}

#[tokio::test]
async fn a_table_is_shown_with_its_columns_and_left_out_of_staging_until_it_is_asked() {
    let (_app, ada) = everything().await;
    let table = ada
        .get("/api/v1/assets/gaia:gaiadr3.gaia_source")
        .await
        .is(200)
        .json();
    assert_eq!(list(&table, "/columns").len(), 152);
    let job = ada
        .add_to_volume(&["gaia:gaiadr3.gaia_source"], "scratch")
        .await;
    job.completes().await;
    let files = job.files().await;
    assert_eq!(
        (&files[0]["outcome"], &files[0]["reason"]),
        (&json!("skipped"), &json!("needs-a-query"))
    );
}

#[tokio::test]
async fn a_query_is_staged_its_run_becomes_a_version_and_nobody_else_sees_it() {
    let (app, ada) = everything().await;
    let query = json!({
        "adql": format!("SELECT source_id, ra, dec FROM gaiadr3.gaia_source WHERE source_id = {SOURCE}"),
        "archive": "gaia", "release": "DR3", "format": "csv", "volume": "scratch",
    });
    let answer = ada.post("/api/v1/add-to-volume", query).await.is(202);
    let job = ada.job(&answer);
    let done = job.completes().await;
    assert_eq!(done["files"]["staged"], 1);
    let file = &job.files().await[0];
    assert_eq!(
        (&file["version"], &file["verified_by"]),
        (&Value::Null, &json!("unverified"))
    );
    let staged = ada
        .get(&format!(
            "/api/v1/volumes/scratch/files/{}",
            text(file, "/path")
        ))
        .await
        .is(200)
        .text();
    assert!(staged.contains(SOURCE), "{staged}");

    let id = text(file, "/asset");
    assert!(id.starts_with("gaia:~query-"), "{id}");
    let asset = ada
        .get(&format!("/api/v1/assets/{id}"))
        .await
        .is(200)
        .json();
    assert_eq!(
        (&asset["version"], &asset["n_files"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        asset["files"][0]["checksum"]["value"],
        sha256(staged.as_bytes())
    );
    let selection = text(&done, "/selection");
    let eve = app.user("eve").await;
    for target in [
        format!("/api/v1/assets/{id}"),
        format!("/api/v1/selections/{selection}"),
    ] {
        drop(eve.get(&target).await.is(404));
        drop(app.nobody().get(&target).await.is(404));
    }
    assert!(
        !found(&ada, "q=query&limit=50")
            .await
            .contains(&id.to_owned())
    );

    // Its id is enough to have it once more, beside what is everybody's; for nobody else.
    let table = found(&ada, "q=gaia+table&limit=1").await.remove(0);
    let again = json!({"assets": [id, table], "volume": "scratch", "directory": "again"});
    let answer = ada.post("/api/v1/add-to-volume", again).await.is(202);
    let job = ada.job(&answer);
    job.becomes("COMPLETED").await;
    let files = job.files().await;
    let file = files
        .iter()
        .find(|file| text(file, "/asset") == id)
        .unwrap();
    assert_eq!(file["outcome"], "staged", "{file}");
    // Where it was staged first it is there already.
    let there = json!({"assets": [id], "volume": "scratch"});
    let answer = ada.post("/api/v1/add-to-volume", there).await.is(202);
    let job = ada.job(&answer);
    job.becomes("COMPLETED").await;
    assert_eq!(job.files().await[0]["outcome"], "present");
    let again = json!({"assets": [id], "volume": "workspace"});
    let refused = eve.post("/api/v1/add-to-volume", again).await;
    assert!(
        refused.any_problem()["detail"]
            .as_str()
            .unwrap()
            .contains(id)
    );
}

#[tokio::test]
async fn sources_without_a_product_are_named_and_what_the_archive_refuses_is_quoted() {
    let (_app, ada) = everything().await;
    let spectra = json!({"datalink": {"archive": "gaia", "release": "DR3", "sources": [SOURCE, "1"], "types": ["XP_SAMPLED"]}});
    let wrong = json!({"adql": "SELECT nothing FROM nowhere", "archive": "gaia"});
    let asked = json!({"any_of": [spectra, wrong], "volume": "scratch"});
    let answer = ada.post("/api/v1/add-to-volume", asked).await.is(202);
    let job = ada.job(&answer);
    let done = job.becomes("COMPLETED").await;
    assert_eq!(
        (&done["files"]["staged"], &done["files"]["failed"]),
        (&json!(1), &json!(1))
    );
    for file in job.files().await {
        if file["outcome"] == "staged" {
            assert_eq!(
                file["warnings"],
                json!(["1 of 2 sources have no XP_SAMPLED: 1"])
            );
        } else {
            assert_eq!(file["retry_may_help"], false);
            let reason = text(&file, "/reason");
            assert!(
                reason.starts_with("query-refused: ") && reason.contains("nowhere"),
                "{reason}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_asked_wrongly_of_an_archive_is_refused_before_anything_is_kept() {
    let (_app, ada) = everything().await;
    for (body, named) in [
        (json!({"adql": " ", "archive": "gaia"}), "adql"),
        (
            json!({"adql": "SELECT 1", "archive": "gaia", "format": "xls"}),
            "xls",
        ),
        (
            json!({"adql": "SELECT 1", "archive": "gaia", "max_rows": 0}),
            "max_rows",
        ),
        (
            json!({"datalink": {"archive": "gaia", "release": "DR3", "sources": [], "types": ["RVS"]}}),
            "sources",
        ),
        (
            json!({"datalink": {"archive": "gaia", "release": "DR3", "sources": ["x"], "types": ["RVS"]}}),
            "`x`",
        ),
        (
            json!({"datalink": {"archive": "gaia", "release": "DR3", "sources": ["1"], "types": ["XRAY"]}}),
            "XP_SAMPLED",
        ),
        (
            json!({"datalink": {"archive": "gaia", "sources": ["1"], "types": ["RVS"]}}),
            "release",
        ),
        (json!({"assets": [SERIES], "nonsense": 1}), "`nonsense`"),
        (
            json!({"any_of": [{"assets": [SERIES], "with": {"nav": "BRDC"}}]}),
            "`with`",
        ),
    ] {
        let answer = ada.post("/api/v1/selections", body.clone()).await;
        let problem = answer.is(400).any_problem();
        assert!(
            text(&problem, "/detail").contains(named),
            "{body} → {problem}"
        );
    }
}
