//! A fourth archive, of which the configuration says nothing but its kind and its address.

use gantry_standin::{ObstapConfig, ObstapStandin};
use serde_json::json;

use crate::gantry::Gantry;

#[test]
fn a_further_archive_joins_by_its_kind_and_its_address_alone() {
    let archive = ObstapStandin::start(ObstapConfig::default()).unwrap();
    let gantry = Gantry::bare();
    gantry.configure(&format!(
        "data_dir = '{}'\n[server]\nlisten = '127.0.0.1:0'\n[archive.example]\nkind = 'obstap'\nurl = '{}/tap-server/tap'\n",
        gantry.path("data").display(),
        archive.url()
    ));
    let report = gantry.json(&["harvest", "example"])["harvests"][0].clone();
    assert_eq!(
        (&report["phase"], &report["new"], &report["rejected"]),
        (&json!("COMPLETED"), &json!(303), &json!(2)),
        "{report}"
    );
    let again = gantry.json(&["harvest", "example"])["harvests"][0].clone();
    assert_eq!(
        (&again["unchanged"], &again["changed"]),
        (&json!(303), &json!(0))
    );

    let service = gantry.serve();
    let found = service.api.get("/api/v1/assets?q=NGC%20142&limit=1");
    assert_eq!(
        found["assets"][0]["title"], "Field 42 in red light",
        "{found}"
    );
    let shown = service
        .api
        .get("/api/v1/assets/example:obs.example~archive~~3Fobs~00042");
    assert!(shown["sky"]["healpix8"].is_array(), "{shown}");
    let id = |n: usize| format!("example:obs.example~archive~~3Fobs~{n:05}");
    let root = service.new_volume("sky");
    let asked = json!({"assets": [id(4), id(6), id(27)], "volume": "sky"});
    let job = service.api.post(202, "/api/v1/add-to-volume", &asked);
    let ended = service.ended(&job["id"]);
    assert_eq!(ended["files"]["staged"], 2, "{ended}");
    let files = service.files(&job["id"]);
    assert_eq!(files.len(), 3, "{files:?}");
    let lost = files
        .iter()
        .find(|file| file["asset"] == id(27).as_str())
        .unwrap();
    assert_eq!(lost["outcome"], "failed");
    assert!(
        lost["reason"]
            .as_str()
            .unwrap()
            .contains("NotFoundFault: 27 is not kept any more"),
        "{lost}"
    );
    for (name, target) in [("image_00004.fits", "NGC 104"), ("00006", "NGC 106")] {
        let bytes = std::fs::read(root.join("example").join(name)).unwrap();
        assert_eq!(bytes.len(), 5760);
        assert!(String::from_utf8_lossy(&bytes[..2880]).contains(target));
    }
}
