//! Real files, served by the stand-in where their names belong. What is broken or odd about them, and what they are, was
//! found with georinex, hatanaka and astropy.

use std::collections::BTreeMap;
use std::path::PathBuf;

use gantry_connector::conformance::{Harvest, harvest};
use gantry_standin::gssc::Way;

use crate::archive::{archive_with, connector, named};

/// Files that are broken, and a word of the sentence that must say so.
const BROKEN: [(&str, &str); 8] = [
    ("badtime.10o", "it is broken: line 5: a bad epoch line"),
    ("blank.10o", "the file ends after its header"),
    ("blank.sp3", "it is empty"),
    (
        "grg21553_nodata.sp3",
        "it is named as SP3 but does not begin as such",
    ),
    (
        "junk_time_obs3.10o",
        "it is broken: line 10: a bad epoch line",
    ),
    ("truncated.sp3", "the file ends without EOF"),
    ("wrong_obs2_count.10o", "it is broken: line 2: "),
    ("igs19362.sp3c", "2 epochs are announced and 96 found"),
];

/// Files that can be read and do not agree with themselves, and a word of the sentence that must say so.
const ODD: [(&str, &str); 11] = [
    ("ALAC00ESP_R_20220090000_01D_30S_MO.rnx", "TIME OF LAST OBS"),
    ("KMS300DNK_R_20221591000_01H_30S_MO.crx", "TIME OF LAST OBS"),
    ("KOSG0010.95O", "TIME OF LAST OBS"),
    ("cs2rx18164.gz", "TIME OF FIRST OBS"),
    ("gps_10MSps.23O.gz", "TIME OF FIRST OBS"),
    ("igs14_small.atx.gz", "no END OF ANTENNA"),
    ("sample.crx", "TIME OF FIRST OBS"),
    ("sample.crx.Z", "TIME OF FIRST OBS"),
    ("sample.crx.gz", "TIME OF FIRST OBS"),
    ("sample.rnx", "TIME OF FIRST OBS"),
    ("sample.rnx.Z", "TIME OF FIRST OBS"),
];

/// Names, and the facets that are read off their first bytes.
const FACTS: [(&str, &str, &[&str]); 18] = [
    ("example2.txt", "content", &["CLK"]),
    ("sample.crx.Z", "content", &["OBS"]),
    ("sample.rnx.Z", "rinex_version", &["3"]),
    ("gps_10MSps.23O.gz", "content", &["OBS"]),
    ("igs19362.sp3c", "format", &["SP3"]),
    (
        "KMS300DNK_R_20221591000_01H_30S_MO.crx",
        "rinex_version",
        &["4"],
    ),
    (
        "KMS300DNK_R_20221591000_01H_MN.rnx.gz",
        "rinex_version",
        &["4"],
    ),
    (
        "AJAC00FRA_R_20242090000_01D_30S_MO.crx.gz",
        "rinex_version",
        &["3"],
    ),
    ("ac660270.18o.Z", "sampling", &["15 s"]),
    (
        "ABMF00GLP_R_20181330000_01D_30S_MO.zip",
        "format",
        &["RINEX 3"],
    ),
    (
        "P43300USA_R_20190012056_17M_15S_MO.crx.bz2",
        "format",
        &["RINEX 3"],
    ),
    (
        "ESA0OPSRAP_20232390000_01D_15M_ORB.SP3.gz",
        "antenna_model",
        &["igs20_2274"],
    ),
    (
        "ESA0OPSRAP_20232390000_01D_15M_ORB.SP3.gz",
        "frame",
        &["IGS20"],
    ),
    (
        "COD0MGXFIN_20230500000_01D_05M_ORB.SP3.gz",
        "frame",
        &["IGS20"],
    ),
    ("emr08874.sp3", "frame", &[]),
    ("jplg0010.17i.gz", "sampling", &["2 h"]),
    ("cs2rx18164.gz", "product_type", &["other"]),
    ("GZGTR560.258", "product_type", &["other"]),
];

#[tokio::test]
#[expect(
    clippy::print_stderr,
    reason = "who runs it must see that nothing was tested"
)]
async fn every_real_file_becomes_an_asset_and_a_broken_one_says_what_is_broken() {
    let Some(folder) = std::env::var_os("GANTRY_REAL_DATA").map(PathBuf::from) else {
        eprintln!("NOT RUN: GANTRY_REAL_DATA is not set");
        return;
    };
    let archive = archive_with(Some(folder.clone()));
    let mut config = archive.config(Way::Ftp);
    config.folders = vec!["gnss".to_owned(), "igs".to_owned(), "misc".to_owned()];
    config.peek = Some("all".to_owned());
    let harvest = harvest(connector(&config).as_ref(), None).await.unwrap();
    assert_eq!(harvest.rejected, []);
    let mut warnings = BTreeMap::new();
    for entry in std::fs::read_dir(folder.join("gssc")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let asset = named(&harvest, &name);
        let size = entry.metadata().unwrap().len();
        assert_eq!(asset.files[0].size_bytes, Some(size), "{name}");
        if !asset.warnings.is_empty() {
            warnings.insert(name, asset.warnings.clone());
        }
    }
    check_faults(warnings);
    check_facts(&harvest);
}

fn check_faults(mut warnings: BTreeMap<String, Vec<String>>) {
    for (name, fault) in BROKEN.into_iter().chain(ODD) {
        let said = warnings.remove(name).unwrap_or_default();
        assert!(
            said.iter().any(|warning| warning.contains(fault)),
            "{name}: {said:?}"
        );
    }
    assert_eq!(warnings, BTreeMap::new());
}

fn check_facts(harvest: &Harvest) {
    for (name, field, values) in FACTS {
        assert_eq!(
            named(harvest, name).facets.get(field),
            values,
            "{name} {field}"
        );
    }
    let generated: Vec<_> = harvest
        .assets
        .values()
        .filter(|asset| asset.id.local().contains("2023~001~") && !asset.warnings.is_empty())
        .collect();
    assert_eq!(
        generated,
        Vec::<&gantry_asset::Asset>::new(),
        "what the stand-in makes is whole"
    );
}
