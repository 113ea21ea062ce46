//! Archives that send half of a file, files that are half of one, and a volume without room.

use std::io::Write;

use gantry_standin::{Fault, Times};
use serde_json::json;

use crate::gantry::{Gantry, config, files_below, parts, standin, standin_with, tree};
use crate::small::Small;

const SMALL: &str = "COM_PowerSpect_CMB-TT-full_R3.01.txt";
const MAP: &str = "HFI_SkyMap_143_0064_R3.01_full.fits";

#[test]
fn a_product_that_is_cut_each_time_fails_with_its_reason_and_one_that_can_be_resumed_comes() {
    let (archive, _cache) = standin(64);
    let other = "HFI_SkyMap_100_0064_R3.01_full.fits";
    for map in [MAP, other] {
        let cut = Fault::CutAt { byte: 1_000_000 };
        archive.faults().set_for(map, cut, Times::Always);
    }
    archive.faults().set_for(MAP, Fault::NoRange, Times::Always);
    let gantry = Gantry::on(&archive);
    gantry.json(&["harvest", "planck"]);
    let service = gantry.serve();
    let volume = service.new_volume("cmb");
    let job = service.add_to_volume(&[MAP, other, SMALL], "cmb");
    let ended = service.ended(&job);
    assert_eq!(
        (
            &ended["phase"],
            &ended["files"]["failed"],
            &ended["files"]["staged"]
        ),
        (&json!("COMPLETED"), &json!(1), &json!(2)),
        "{ended}"
    );
    let files = service.files(&job);
    let failed = files.iter().find(|file| file["name"] == MAP).unwrap();
    assert_eq!(
        (&failed["outcome"], &failed["retry_may_help"]),
        (&json!("failed"), &json!(true)),
        "{failed}"
    );
    let reason = failed["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("archive-failed: ") && !reason.contains('\n'),
        "{reason}"
    );
    assert!(gantry.parts().is_empty(), "{:?}", gantry.parts());
    assert_eq!(tree(&volume).len(), 2);

    // Once the archive is well again, a retry brings it.
    archive.faults().clear();
    let id = job.as_str().unwrap();
    service
        .api
        .post(202, &format!("/api/v1/staging-jobs/{id}/retry"), &json!({}));
    assert_eq!(service.ended(&job)["files"]["staged"], 3);
    assert_eq!(tree(&volume).len(), 3);
}

/// A FITS file that ends in the middle of its data.
fn half_a_fits() -> Vec<u8> {
    let cards = [
        "SIMPLE  =                    T",
        "BITPIX  =                    8",
        "NAXIS   =                    1",
        "NAXIS1  =               100000",
        "END",
    ];
    let mut bytes: Vec<u8> = cards
        .iter()
        .flat_map(|card| format!("{card:80}").into_bytes())
        .collect();
    bytes.resize(2880, b' ');
    bytes.resize(2880 + 50_000, 7);
    bytes
}

#[test]
fn a_truncated_file_that_the_archive_serves_whole_is_staged_with_a_warning() {
    let real = tempfile::tempdir().unwrap();
    let name = "HFI_SkyMap_217_2048_R3.01_full.fits";
    std::fs::create_dir(real.path().join("planck")).unwrap();
    std::fs::write(real.path().join("planck").join(name), half_a_fits()).unwrap();
    let (archive, _cache) = standin_with(64, |config| {
        config.real_data = Some(real.path().to_owned());
    });
    let gantry = Gantry::on(&archive);
    gantry.json(&["harvest", "planck"]);
    let id = format!("planck:{name}");
    let staged = gantry.json(&["add-to-volume", &id, "--volume", "workspace"]);
    let file = &staged["files"][0];
    assert_eq!(
        (&file["outcome"], &file["verified_by"], &file["size_bytes"]),
        (&json!("staged"), &json!("size"), &json!(52_880)),
        "{file}"
    );
    let warnings = file["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1, "{file}");
    assert!(
        warnings[0].as_str().unwrap().starts_with("as FITS: "),
        "{file}"
    );
}

#[test]
fn a_full_volume_ends_the_job_with_one_sentence_and_what_was_there_before_stays() {
    let (archive, _cache) = standin(128);
    let gantry = Gantry::bare();
    let Some(small) = Small::mount(gantry.path("small"), 20) else {
        // Written past the test harness, which keeps what a passing test prints to itself.
        let text =
            "NOT RUN  a full volume: a file system of 20 MB cannot be mounted here; run as root";
        writeln!(std::io::stderr(), "{text}").unwrap();
        return;
    };
    let staging = format!("[staging]\nvolume_root = '{}'\n", small.path().display());
    gantry.configure(&(config(&archive.url(), &gantry.path("data"), "") + &staging));
    gantry.json(&["harvest", "planck"]);
    let service = gantry.serve();
    let volume = service.new_volume("cmb");
    let first = service.add_to_volume(&[SMALL], "cmb");
    assert_eq!(service.ended(&first)["phase"], "COMPLETED");
    let before = tree(&volume);

    let maps = [
        "HFI_SkyMap_100_0128_R3.01_full.fits",
        "HFI_SkyMap_143_0128_R3.01_full.fits",
        "HFI_SkyMap_217_0128_R3.01_full.fits",
        "HFI_SkyMap_353_0128_R3.01_full.fits",
    ];
    let job = service.add_to_volume(&maps, "cmb");
    let ended = service.ended(&job);
    assert_eq!(ended["phase"], "ERROR", "{ended}");
    let message = ended["message"].as_str().unwrap();
    assert!(
        message.starts_with("no space is left in the volume for `planck/")
            && message.ends_with("; make room in `cmb` and retry")
            && !message.contains('\n'),
        "{message}"
    );
    let counts = &ended["files"];
    assert_eq!(counts["waiting"], 0, "{ended}");
    assert_eq!(
        counts["staged"].as_u64().unwrap() + counts["failed"].as_u64().unwrap(),
        4,
        "{ended}"
    );
    assert!(
        parts(small.path()).is_empty(),
        "{:?}",
        files_below(small.path())
    );
    assert!(gantry.parts().is_empty(), "{:?}", gantry.parts());
    let after = tree(&volume);
    for (path, sum) in &before {
        assert_eq!(after.get(path), Some(sum), "{path}");
    }

    // With room made, a retry brings the rest.
    small.grow(60);
    let id = job.as_str().unwrap();
    service
        .api
        .post(202, &format!("/api/v1/staging-jobs/{id}/retry"), &json!({}));
    let ended = service.ended(&job);
    assert_eq!(
        (&ended["phase"], &ended["files"]["failed"]),
        (&json!("COMPLETED"), &json!(0)),
        "{ended}"
    );
    assert_eq!(tree(&volume).len(), 5);
}
