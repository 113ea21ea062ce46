//! What belongs with an asset: of a map, of an observation, of a product.

use gantry_tests::{Client, TestApp, product};
use serde_json::{Value, json};

use crate::{list, text};

const FOLDERS: [&str; 5] = [
    "gnss/data/daily/2023/015",
    "gnss/data/daily/2023/016",
    "gnss/products/2244",
    "gnss/products/2245",
    "igs/station/general",
];

async fn groups(client: &Client, id: &str) -> Vec<Value> {
    let target = format!("/api/v1/assets/{id}/related");
    let found = client.get(&target).await.is(200).json();
    list(&found, "/groups").to_vec()
}

/// The names of a group's assets, in their order.
fn names(groups: &[Value], group: &str) -> Vec<String> {
    let found = groups.iter().find(|one| one["group"] == group);
    let assets = found.map_or(&[][..], |group| list(group, "/assets"));
    let names = assets.iter().map(|asset| text(asset, "/id"));
    names
        .map(|id| id.rsplit(['~', ':']).next().unwrap_or(id).to_owned())
        .collect()
}

fn labels(groups: &[Value]) -> Vec<&str> {
    groups.iter().map(|group| text(group, "/label")).collect()
}

#[tokio::test]
async fn a_map_has_its_splits_its_bands_and_its_other_releases() {
    let app = TestApp::start().await;
    let nobody = app.nobody();
    let id = product("HFI_SkyMap_100_NSIDE_R3.01_full");
    let groups = groups(&nobody, &id).await;
    let of = |group: &str, field: &str| -> Vec<String> {
        let found = groups.iter().find(|one| one["group"] == group);
        let assets = list(
            found.unwrap_or_else(|| panic!("no {group}: {groups:?}")),
            "/assets",
        );
        let values = assets
            .iter()
            .map(|asset| text(asset, &format!("/facets/{field}/0")));
        let mut values: Vec<String> = values.map(str::to_owned).collect();
        values.sort();
        values.dedup();
        values
    };
    let bands = [
        "143 GHz", "217 GHz", "30 GHz", "353 GHz", "44 GHz", "545 GHz", "70 GHz", "857 GHz",
    ];
    assert_eq!(of("bands", "band"), bands);
    assert!(!of("splits", "split").contains(&"full mission".to_owned()));
    assert!(of("splits", "split").len() > 1, "{groups:?}");
    for asset in list(&groups[0], "/assets") {
        assert_ne!(asset["id"], id.as_str());
    }
    let releases = of("other-release", "release");
    assert!(releases.contains(&"PR4".to_owned()), "{releases:?}");
    let shown = nobody.ask("GET", &format!("/assets/{id}")).html().send();
    let shown = shown.await.is(200).text();
    for label in labels(&groups) {
        assert!(shown.contains(&format!("<h3>{label}</h3>")), "{label}");
    }
}

#[tokio::test]
async fn a_day_of_a_station_has_what_is_needed_to_work_with_it() {
    let app = TestApp::builder().gssc_folders(&FOLDERS).start().await;
    let nobody = app.nobody();
    let name = "BRUX00BEL_R_20230160000_01D_30S_MO.crx.gz";
    let id = format!("gssc:gnss~data~daily~2023~016~{name}");
    let groups = groups(&nobody, &id).await;
    let navigation = names(&groups, "navigation");
    assert!(navigation.contains(&"BRDC00IGS_R_20230160000_01D_MN.rnx.gz".to_owned()));
    let orbits = names(&groups, "orbits");
    assert!(orbits.contains(&"COD0OPSFIN_20230160000_01D_05M_ORB.SP3.gz".to_owned()));
    assert!(
        names(&groups, "clocks").contains(&"COD0OPSFIN_20230160000_01D_05M_CLK.CLK.gz".to_owned())
    );
    for group in ["orbits", "clocks"] {
        let of_day = names(&groups, group);
        let right = |name: &String| name.contains("20230160000") && name.contains("FIN_");
        assert!(of_day.iter().all(right), "{of_day:?}");
    }
    // IGS20 is in use from week 2238 on; none of its releases here was there in week 2245, so the first that came after.
    assert_eq!(names(&groups, "antenna-model"), ["igs20_2247.atx"]);
    let of_station = names(&groups, "station");
    assert!(
        of_station
            .iter()
            .all(|name| name.to_lowercase().starts_with("brux"))
    );
    assert!(!of_station.is_empty() && !of_station.contains(&name.to_owned()));
    for group in &groups {
        let (shown, total) = (
            list(group, "/assets").len(),
            group["total"].as_u64().unwrap(),
        );
        assert!(shown <= 20 && shown as u64 <= total, "{group}");
        // All of a group are found where it says.
        if let Some(search) = group["search"].as_str() {
            let all = nobody
                .get(&format!("{search}&limit=0"))
                .await
                .is(200)
                .json();
            let with_own = total + u64::from(group["group"] == "station");
            assert_eq!(all["total"], with_own, "{search}");
        }
    }
    let labels = labels(&groups);
    for label in ["Orbits of 2023-016, final", "Antenna model of 2023-016"] {
        assert!(labels.contains(&label), "{labels:?}");
    }
    let product = "gssc:gnss~products~2245~COD0OPSFIN_20230160000_01D_05M_ORB.SP3.gz";
    let solution = groups_named(&nobody, product, "solution").await;
    assert!(solution.contains(&"COD0OPSFIN_20230160000_01D_05M_CLK.CLK.gz".to_owned()));
    assert!(!solution.contains(&"COD0OPSFIN_20230160000_01D_05M_ORB.SP3.gz".to_owned()));
}

async fn groups_named(client: &Client, id: &str, group: &str) -> Vec<String> {
    names(&groups(client, id).await, group)
}

#[tokio::test]
async fn what_has_nothing_beside_it_has_no_groups() {
    let app = TestApp::builder().all_archives().start().await;
    let nobody = app.nobody();
    for id in ["gaia:gaiadr3.gaia_source"] {
        let target = format!("/api/v1/assets/{id}/related");
        let found = nobody.get(&target).await.is(200).json();
        assert_eq!(found["groups"], json!([]), "{id}");
    }
}

#[tokio::test]
async fn a_series_of_orbits_has_the_rest_of_its_solution_and_the_antenna_model() {
    let app = TestApp::builder().gssc_folders(&FOLDERS).start().await;
    let nobody = app.nobody();
    let orbits = groups(&nobody, "gssc:~IGS0OPSFIN-ORB-01D-15M").await;
    let solution = names(&orbits, "solution");
    for content in ["CLK", "ERP"] {
        let series = format!("IGS0OPSFIN-{content}-");
        let has = solution.iter().any(|name| name.starts_with(&series));
        assert!(has, "{content}: {orbits:?}");
    }
    assert!(!solution.contains(&"IGS0OPSFIN-ORB-01D-15M".to_owned()));
    let models = names(&orbits, "antenna-model");
    assert!(
        matches!(models.as_slice(), [one] if one.starts_with("igs20")),
        "{models:?}"
    );
    let station = groups(&nobody, "gssc:~BRUX00BEL-OBS-01D-30S").await;
    assert!(!names(&station, "station").is_empty(), "{station:?}");
}
