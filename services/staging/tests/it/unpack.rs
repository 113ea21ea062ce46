//! Unpacking on the way, of real files, compared with what an independent program made of them.

use std::io::Write;
use std::path::PathBuf;

use gantry_store::Phase;
use serde_json::{Value, json};

use crate::fake::Held;
use crate::world::{Setup, World, made, request, sha256};

/// The SHA-256 of `sample.rnx`, to which CRX2RNX decodes `sample.crx`.
const SAMPLE_RNX: &str = "ce3f8522e3d3d3e8857f0936e48fd136453509c55627edefb1db1a6bdb18b973";

fn real_data() -> Option<PathBuf> {
    let folder = std::env::var_os("GANTRY_REAL_DATA").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("NOT RUN: unpacking real files: set GANTRY_REAL_DATA");
    }
    folder
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

async fn world(held: impl IntoIterator<Item = Held>) -> World {
    let setup = Setup {
        cache_bytes: Some(1 << 30),
        ..Setup::default()
    };
    made(held, setup).await
}

#[tokio::test]
async fn hatanaka_in_every_packing_becomes_the_rinex_that_crx2rnx_gives() {
    let Some(folder) = real_data() else { return };
    let mut paths = Vec::new();
    for found in walk(&folder) {
        let name = found.file_name().unwrap().to_str().unwrap().to_owned();
        if ["sample.crx", "sample.crx.gz", "sample.crx.Z"].contains(&name.as_str()) {
            paths.push((name, found));
        }
    }
    assert_eq!(paths.len(), 3, "{paths:?}");
    for (name, path) in paths {
        let bytes = std::fs::read(path).unwrap();
        let world = world([Held::new(&name, bytes.clone())]).await;
        let id = format!("fake:{name}");
        let unpack = request(json!({"unpack": true}));
        let ended = world.stage(&[&id], &unpack).await;
        assert_eq!(ended.counted(), [1, 0, 0, 0], "{ended:?}");
        let outcome = ended.one();
        assert_eq!(outcome.path.as_deref(), Some("fake/sample.rnx"));
        assert_eq!(outcome.sha256.as_deref(), Some(SAMPLE_RNX), "{name}");
        assert_eq!(sha256(&world.read("fake/sample.rnx")), SAMPLE_RNX);
        assert_eq!(world.listing(), ["fake/sample.rnx"]);
        // Both names and both hashes are on record.
        let said = outcome.warnings.join(" ");
        assert!(
            said.contains(&name) && said.contains(&sha256(&bytes)),
            "{said}"
        );
        let ro_crate: Value =
            serde_json::from_slice(&world.read("fake/ro-crate-metadata.json")).unwrap();
        let file = ro_crate["@graph"]
            .as_array()
            .unwrap()
            .iter()
            .find(|node| node["@type"] == "File")
            .unwrap();
        assert_eq!(
            (&file["@id"], &file["alternateName"]),
            (&json!("sample.rnx"), &json!(name))
        );
        // It is there, so nothing is fetched or unpacked again; as it is packed it is another file.
        let opened = world.fake.opened().len();
        assert_eq!(world.stage(&[&id], &unpack).await.counted(), [0, 1, 0, 0]);
        assert_eq!(
            world.stage(&[&id], &request(json!({}))).await.counted(),
            [1, 0, 0, 0]
        );
        assert_eq!(world.fake.opened().len(), opened);
        assert_eq!(world.read(&format!("fake/{name}")), bytes);
    }
}

fn walk(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(walk(&path)),
            false => found.push(path),
        }
    }
    found
}

#[tokio::test]
async fn a_plan_names_files_as_they_will_be_called_and_what_is_not_packed_stays_as_it_is() {
    let world = world([
        Held::new("a.txt.gz", gzipped(b"text")),
        Held::new("b.txt", "plain"),
        Held::new("wrong.txt.gz", "not packed at all"),
    ])
    .await;
    let unpack = request(json!({"unpack": true}));
    let ids = ["fake:a.txt.gz", "fake:b.txt", "fake:wrong.txt.gz"];
    let selection = world.select(&ids).await;
    let plan = world
        .staging
        .plan(&selection, Some(&world.volume), &unpack)
        .await
        .unwrap();
    let planned: Vec<&str> = plan.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(planned, ["fake/a.txt", "fake/b.txt", "fake/wrong.txt"]);
    let ended = world.stage(&ids, &unpack).await;
    assert_eq!(
        (ended.phase, ended.counted()),
        (Phase::Completed, [3, 0, 0, 0])
    );
    assert_eq!(world.read("fake/a.txt"), b"text");
    assert_eq!(world.read("fake/wrong.txt"), b"not packed at all");
    let (_, wrong) = &ended.files[2];
    assert!(wrong.warnings[0].contains("was not packed"), "{wrong:?}");
}

#[tokio::test]
async fn a_bomb_and_a_file_that_cannot_be_unpacked_fail_with_a_reason_and_leave_nothing() {
    let bomb = gzipped(&gzipped(&vec![0; 1_200_000_000]));
    assert!(bomb.len() < 400_000, "{}", bomb.len());
    let newer = "3.1                 COMPACT RINEX FORMAT                    CRINEX VERS   / TYPE\n\
                 RNX2CRX ver.4.2.0                       24-Nov-26 00:00     CRINEX PROG / DATE\n\
                      4.02           OBSERVATION DATA    M                   RINEX VERSION / TYPE\n";
    let world = world([
        Held::new("bomb.txt.gz", bomb),
        Held::new("newer.crx.gz", gzipped(newer.as_bytes())),
    ])
    .await;
    let unpack = request(json!({"unpack": true}));
    let ended = world
        .stage(&["fake:bomb.txt.gz", "fake:newer.crx.gz"], &unpack)
        .await;
    assert_eq!(ended.counted(), [0, 0, 0, 2], "{ended:?}");
    let reasons: Vec<&str> = ended
        .files
        .iter()
        .map(|(_, outcome)| outcome.reason.as_deref().unwrap())
        .collect();
    assert!(
        reasons[0].starts_with("not-unpacked: ") && reasons[0].contains("more than"),
        "{reasons:?}"
    );
    assert!(
        reasons[1].starts_with("not-unpacked: ")
            && reasons[1].contains("CRINEX 3.1 is not read here"),
        "{reasons:?}"
    );
    assert_eq!(world.listing(), Vec::<String>::new());
}
