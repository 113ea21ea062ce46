use std::path::PathBuf;

use futures::StreamExt;
use gantry_asset::{Asset, AssetId};
use gantry_connector::conformance::Harvest;
use gantry_connector::{Resume, Since};
use gantry_standin::{Fault, Times};

use crate::archive::{Archive, archive, archive_with};

fn asset<'a>(harvest: &'a Harvest, local: &str) -> &'a Asset {
    let id: AssetId = format!("gaia:{local}").parse().unwrap();
    harvest.assets.get(&id).unwrap_or_else(|| panic!("no {id}"))
}

#[tokio::test]
async fn a_table_is_an_asset_under_its_tap_name_with_its_columns_and_epoch() {
    let harvest = archive().harvest().await;
    let table = asset(&harvest, "gaiadr3.gaia_source");
    assert_eq!(table.title, "Gaia DR3 gaia_source, table");
    // 152 columns and 1 811 709 771 rows, as the archive's own documentation and answers have it.
    assert_eq!(table.columns.len(), 152);
    assert!(
        table.description.contains("1,811,709,771 rows"),
        "{}",
        table.description
    );
    assert!(
        table.description.contains("J2016.0 TCB"),
        "{}",
        table.description
    );
    let parallax = table
        .columns
        .iter()
        .find(|column| column.name == "parallax")
        .unwrap();
    assert_eq!(
        (parallax.unit.as_str(), parallax.ucd.as_str()),
        ("mas", "pos.parallax.trig")
    );
    assert_eq!(table.files.len(), 1);
    assert_eq!(table.files[0].locations, []);
    let older = asset(&harvest, "gaiadr2.gaia_source");
    assert!(
        older.description.contains("J2015.5 TCB"),
        "{}",
        older.description
    );
    assert_eq!(older.facets.get("release"), ["DR2"]);
}

#[tokio::test]
async fn bulk_files_have_size_sum_and_sky_and_are_members_of_their_folders_series() {
    let harvest = archive().harvest().await;
    let members: Vec<&Asset> = harvest
        .assets
        .values()
        .filter(|asset| {
            asset
                .series
                .as_ref()
                .is_some_and(|series| series.local() == "~gdr3-gaia_source")
        })
        .collect();
    let mut cells: Vec<(u32, u32)> = members
        .iter()
        .flat_map(|member| member.sky.clone().unwrap().healpix8)
        .collect();
    cells.sort_unstable();
    // The ranges of the real files are without gaps over the whole sky.
    assert_eq!((cells[0].0, cells.last().unwrap().1), (0, 786_431));
    assert!(
        cells.windows(2).all(|pair| pair[1].0 == pair[0].1 + 1),
        "{cells:?}"
    );
    for member in members {
        assert!(member.files[0].size_bytes.unwrap() > 0);
        assert_eq!(member.files[0].checksum.as_ref().unwrap().value.len(), 32);
    }
    let series = asset(&harvest, "~gdr3-gaia_source");
    assert_eq!(series.title, "Gaia DR3 gaia_source, bulk files");
    assert_eq!(asset(&harvest, "dr3-XP_SAMPLED").files[0].locations, []);
}

#[tokio::test]
async fn the_list_of_sums_is_never_checked_against_what_it_says_of_itself() {
    let harvest = archive().harvest().await;
    let list = asset(&harvest, "gdr3~gaia_source~_MD5SUM.txt");
    assert_eq!(list.files[0].checksum, None);
}

#[tokio::test]
async fn a_maintenance_page_instead_of_a_listing_ends_the_harvest_and_completes_nothing() {
    let archive = archive();
    archive
        .standin
        .faults()
        .set_for("listing", Fault::HtmlInstead, Times::Always);
    let connector = archive.connector();
    let mut events = connector.harvest(Since::default());
    let mut last = None;
    while let Some(event) = events.next().await {
        last = Some(event);
    }
    let error = last.unwrap().unwrap_err().to_string();
    assert!(
        error.contains("listing of bulk files") && error.contains("`html`"),
        "{error}"
    );
}

/// Every file of these folders, wherever the environment says they are.
async fn real(folders: &[&str]) -> Option<(Archive, Harvest, Vec<(String, PathBuf)>)> {
    let Some(root) = std::env::var_os("GANTRY_REAL_DATA").filter(|root| !root.is_empty()) else {
        eprintln!("NOT RUN: GANTRY_REAL_DATA is not set, so no real file was listed");
        return None;
    };
    let root = PathBuf::from(root);
    let mut files = Vec::new();
    for folder in folders {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            files.push((format!("{folder}/{name}"), path.clone()));
        }
    }
    let archive = archive_with(Some(root));
    let harvest = archive.harvest().await;
    Some((archive, harvest, files))
}

#[tokio::test]
async fn every_real_file_is_an_asset_and_comes_as_it_is_whatever_its_name_hides() {
    let Some((archive, harvest, files)) = real(&["gaia", "votable", "fits"]).await else {
        return;
    };
    for (key, path) in files {
        let id = AssetId::from_path(&"gaia".parse().unwrap(), &key).unwrap();
        let listed = harvest
            .assets
            .get(&id)
            .unwrap_or_else(|| panic!("{key} is no asset"));
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(
            listed.files[0].size_bytes,
            Some(bytes.len() as u64),
            "{key}"
        );
        // `job_2.vot.gz` holds a tar: it is staged as it is.
        let answer = archive
            .open(&listed.files[0], &Resume::default())
            .await
            .unwrap();
        assert!(answer.bytes == bytes, "{key} came otherwise");
    }
}

#[tokio::test]
async fn real_files_that_are_broken_are_assets_with_a_warning_that_names_the_fault() {
    let Some((_archive, harvest, _)) = real(&["votable", "fits"]).await else {
        return;
    };
    for (local, fault) in [
        ("votable~no_resource.xml", "a VOTable without a RESOURCE"),
        (
            "votable~irsa-nph-error.xml",
            "Either wrong or missing coordinate/object name",
        ),
        (
            "votable~too_many_columns.xml.gz",
            "row 0 has 45 cells where there are 41 fields",
        ),
        ("votable~parquet_binary.xml", "PARQUET"),
    ] {
        let warnings = &asset(&harvest, local).warnings;
        assert!(
            warnings.iter().any(|warning| warning.contains(fault)),
            "{local}: {warnings:?}"
        );
    }
    let fine = asset(&harvest, "votable~regression.xml");
    assert_eq!(fine.warnings, [""; 0]);
}
