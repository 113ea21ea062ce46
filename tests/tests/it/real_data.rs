//! Real archive files: harvested, found by what their list says they are, staged, read back.
//!
//! They come through `GANTRY_REAL_DATA`, a folder whose `README.md` lists each file with its size and SHA-256.

use std::collections::BTreeSet;
use std::path::Path;

use gantry_tests::TestApp;
use serde_json::json;

use crate::{list, text};

/// Each file, and what somebody would type who looks for it.
const FILES: &[(&str, &str)] = &[
    (
        "cl_wmap_band_iqumap_r9_7yr_W_v4_udgraded32_IQU_lmax64_rmmono_3iter.fits",
        "measured power spectrum",
    ),
    (
        "COM_PowerSpect_CMB-TT-full_R3.01.txt",
        "Planck 2018 TT spectrum",
    ),
    ("gaussbeam_10arcmin_lmax512_pol.fits", "gaussbeam image"),
    (
        "HFI_PCCS_SZ-union_R2.08.fits",
        "Planck 2015 SZ union catalogue",
    ),
    ("justq_gal2ecl.fits.gz", "justq gal2ecl map"),
    ("map.fits", "simulated IQU map NSIDE 128"),
    ("map_ext.fits", "small map peaks"),
    ("map_ngfs.fits", "temperature map NSIDE 128"),
    ("mask.fits", "mask"),
    ("pixel_window_n0512.fits", "HEALPix pixel window"),
    (
        "planck2013ext_lcdm_cl_v1.fits",
        "Planck 2013 best-fit LCDM spectra",
    ),
    (
        "planck2018_lcdm_cl_v3.fits",
        "Planck 2018 best-fit LCDM spectra",
    ),
    (
        "wmap_band_iqumap_r9_7yr_V_v4_udgraded32.fits",
        "WMAP 7-year V band",
    ),
    (
        "wmap_band_iqumap_r9_7yr_V_v4_udgraded32_masked.fits",
        "masked map",
    ),
    (
        "wmap_band_iqumap_r9_7yr_W_v4_udgraded32_smoothed10deg_fortran.fits",
        "smoothed map fortran",
    ),
    (
        "wmap_temperature_analysis_mask_r9_7yr_v4_udgraded32.fits",
        "temperature analysis mask",
    ),
];

/// One row of the list.
struct Listed {
    name: String,
    size_bytes: u64,
    sha256: String,
}

/// The rows of the table under `## planck/`.
fn listed(folder: &Path) -> Vec<Listed> {
    let readme = std::fs::read_to_string(folder.join("README.md")).expect("the list of the files");
    let section = readme
        .split("\n## ")
        .find(|section| section.starts_with("planck/"));
    let bare = |cell: &str| cell.trim().trim_matches('`').to_owned();
    section
        .expect("a section on planck/")
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
            Listed {
                name: bare(cells[0]),
                size_bytes: bare(cells[1]).parse().expect("a size in bytes"),
                sha256: bare(cells.last().expect("a row has cells")),
            }
        })
        .collect()
}

#[tokio::test]
async fn every_real_file_is_found_by_what_it_is_and_staged_as_it_is() {
    let Some(folder) = std::env::var_os("GANTRY_REAL_DATA") else {
        eprintln!("GANTRY_REAL_DATA is not set: no real file was harvested, found or staged");
        return;
    };
    let folder = Path::new(&folder);
    let listed = listed(folder);
    let on_disk: BTreeSet<String> = std::fs::read_dir(folder.join("planck"))
        .expect("the folder has planck/")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let named: BTreeSet<String> = listed.iter().map(|file| file.name.clone()).collect();
    let in_table: BTreeSet<String> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(on_disk, named, "the folder, its list");
    assert_eq!(on_disk, in_table, "the folder, the table of this test");

    let app = TestApp::builder().real_data(folder).start().await;
    let ada = app.user("ada").await.with_volume("real").await;
    let mut lost = Vec::new();
    for (name, words) in FILES {
        let id = format!("planck:{name}");
        let asset = ada
            .get(&format!("/api/v1/assets/{id}"))
            .await
            .is(200)
            .json();
        let words: String = url::form_urlencoded::byte_serialize(words.as_bytes()).collect();
        let found = ada
            .get(&format!("/api/v1/assets?q={words}&limit=5"))
            .await
            .is(200)
            .json();
        let hits: Vec<&str> = list(&found, "/assets")
            .iter()
            .map(|hit| text(hit, "/id"))
            .collect();
        if !hits.contains(&id.as_str()) {
            lost.push(format!(
                "{name}, `{}`, is not in the first five for {words}: {hits:?}, {}",
                text(&asset, "/title"),
                found["notes"]
            ));
        }
    }
    assert!(lost.is_empty(), "{}", lost.join("\n"));

    let ids: Vec<String> = listed
        .iter()
        .map(|file| format!("planck:{}", file.name))
        .collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let job = ada.add_to_volume(&ids, "real").await;
    let done = job.completes().await;
    assert_eq!(done["files"]["staged"], json!(listed.len()), "{done}");
    let files = job.files().await;
    for file in &listed {
        let row = files
            .iter()
            .find(|row| row["name"] == file.name)
            .unwrap_or_else(|| panic!("{} is not in the job", file.name));
        assert_eq!(
            (text(row, "/sha256"), &row["size_bytes"]),
            (file.sha256.as_str(), &json!(file.size_bytes)),
            "{row}"
        );
        assert_eq!(
            ada.sha256_in("real", text(row, "/path")).await,
            file.sha256,
            "{}",
            file.name
        );
    }
    // The source list's own checksums do not match, which is said and keeps nobody from it.
    let union = files
        .iter()
        .find(|row| row["name"] == "HFI_PCCS_SZ-union_R2.08.fits")
        .expect("the union catalogue");
    assert_ne!(union["warnings"], json!([]), "{union}");
    assert_eq!(ada.listing("real").await.len(), listed.len());
}
