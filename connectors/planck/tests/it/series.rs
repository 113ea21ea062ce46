use gantry_connector::conformance::harvest;
use serde_json::json;

use crate::archive::archive;

#[tokio::test]
async fn realisations_of_one_simulation_are_a_series_and_one_alone_is_none() {
    let names = [
        "ffp10_noise_217_full_map_mc_00000.fits",
        "ffp10_noise_217_full_map_mc_00002.fits",
        "ffp10_noise_217_full_map_mc_00003.fits",
        "dx12_v3_smica_cmb_mc_00970_raw.fits",
        "HFI_SkyMap_217_2048_R3.01_full.fits",
    ];
    let products: Vec<_> = names
        .iter()
        .map(|name| json!({"name": name, "class": "SIMULATED_MAP"}))
        .collect();
    let mut archive = archive();
    let list = json!({"read": "2026-11-22", "products": products}).to_string();
    let harvest = harvest(archive.with_list(&list).as_ref(), None)
        .await
        .unwrap();
    let series_of = |name: &str| {
        let asset = &harvest.assets[&format!("planck:{name}").parse().unwrap()];
        asset.series.as_ref().map(|id| id.as_str().to_owned())
    };
    let noise = "planck:~ffp10_noise_217_full_map_mc";
    assert_eq!(
        names.map(series_of),
        [Some(noise), Some(noise), Some(noise), None, None].map(|id| id.map(str::to_owned))
    );
    let series = &harvest.assets[&noise.parse().unwrap()];
    assert!(series.is_series());
    assert_eq!(
        series.title,
        "Simulation, ffp10 noise 217 full map, realisations"
    );
    assert_eq!(
        series.description,
        "3 realisations, 0 to 3; 1 missing between them: 1"
    );
    assert_eq!(series.facets.get("provenance"), ["simulated"]);
    assert_eq!(series.facets.get("band"), ["217 GHz"]);
    assert_eq!(harvest.assets.len(), names.len() + 1);
}
