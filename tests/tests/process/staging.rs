//! A service that is killed or stopped in the middle of a staging job.

use std::path::Path;
use std::time::Duration;

use gantry_standin::{Fault, Request, Running, Times};
use serde_json::{Value, json};

use crate::gantry::{Gantry, Service, ids, parts, standin, tree};
use crate::processes::{PATIENCE, until};

const SMALL: &str = "COM_PowerSpect_CMB-TT-full_R3.01.txt";
const MAPS: [&str; 2] = [
    "HFI_SkyMap_100_0128_R3.01_full.fits",
    "HFI_SkyMap_143_0128_R3.01_full.fits",
];

/// A service in the middle of a job: one file is there, two come slowly and half of each is there.
struct Midway {
    archive: Running,
    gantry: Gantry,
    service: Service,
    job: Value,
    volume: std::path::PathBuf,
    _cache: tempfile::TempDir,
}

fn midway() -> Midway {
    let (archive, cache) = standin(128);
    let gantry = Gantry::on(&archive);
    gantry.json(&["harvest", "planck"]);
    let service = gantry.serve();
    let volume = service.new_volume("cmb");
    for map in MAPS {
        let slow = Fault::Slow {
            bytes_per_second: 1_500_000,
        };
        archive.faults().set_for(map, slow, Times::Always);
    }
    let job = service.add_to_volume(&[SMALL, MAPS[0], MAPS[1]], "cmb");
    // What is there is recorded every second, and a second is 1.5 MB.
    until("half of the maps is there", PATIENCE, || {
        let parts = gantry.parts();
        (parts.len() == 2 && parts.iter().all(|(_, length)| *length > 3_000_000)).then_some(())
    });
    Midway {
        archive,
        gantry,
        service,
        job,
        volume,
        _cache: cache,
    }
}

/// What the archive was asked for that begins within a product.
fn resumed(requests: &[Request]) -> Vec<&str> {
    let within = |request: &&Request| {
        let range = request.range.as_deref().unwrap_or_default();
        let first = range
            .strip_prefix("bytes=")
            .and_then(|range| range.split_once('-'));
        first.is_some_and(|(first, _)| first.parse::<u64>().is_ok_and(|first| first >= 1_000_000))
    };
    let mut names: Vec<_> = requests
        .iter()
        .filter(within)
        .filter(|request| request.status == Some(206))
        .filter_map(|request| request.name.as_deref())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The job goes on where it was, and the volume is as if nothing had happened.
fn goes_on(service: &Service, archive: &Running, job: &Value, volume: &Path) {
    let ended = service.ended(job);
    assert_eq!(
        (&ended["phase"], &ended["files"]["staged"]),
        (&json!("COMPLETED"), &json!(3)),
        "{ended}"
    );
    assert_eq!(resumed(&archive.requests()), MAPS);
    let bytes = &ended["bytes"];
    assert!(
        bytes["moved"].as_u64() <= bytes["total"].as_u64(),
        "bytes that were there came again: {bytes}"
    );
    let data = volume.ancestors().nth(3).unwrap();
    assert!(parts(data).is_empty(), "{:?}", parts(data));

    let quiet = Gantry::on(archive);
    quiet.json(&["harvest", "planck"]);
    let asked = ids(&[SMALL, MAPS[0], MAPS[1]]);
    let mut args = vec!["add-to-volume", "--volume", "workspace"];
    args.extend(asked.iter().map(String::as_str));
    quiet.json(&args);
    let volumes = quiet.path("data/volumes");
    let workspace = std::fs::read_dir(volumes)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path()
        .join("workspace");
    assert_eq!(tree(&workspace).len(), 3);
    assert_eq!(tree(volume), tree(&workspace));
    for file in service.files(job) {
        let path = file["path"].as_str().unwrap();
        assert_eq!(file["sha256"], tree(volume)[path], "{file}");
    }
}

#[test]
fn a_staging_job_goes_on_where_it_was_when_the_service_was_killed() {
    let Midway {
        archive,
        gantry,
        service,
        job,
        volume,
        _cache,
    } = midway();
    service.kill();
    assert_eq!(
        gantry.parts().len(),
        2,
        "what was half written stays to be gone on with"
    );
    archive.faults().clear();
    let service = gantry.serve();
    goes_on(&service, &archive, &job, &volume);
}

#[test]
fn a_service_that_is_asked_to_stop_does_so_at_once_and_its_job_goes_on_afterwards() {
    let Midway {
        archive,
        gantry,
        service,
        job,
        volume,
        _cache,
    } = midway();
    let (status, took) = service.stop();
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(10), "{took:?}");
    archive.faults().clear();
    let service = gantry.serve();
    goes_on(&service, &archive, &job, &volume);
}

#[test]
fn verify_names_what_was_changed_or_taken_away_since_it_was_staged() {
    let (archive, _cache) = standin(128);
    let gantry = Gantry::on(&archive);
    gantry.json(&["harvest", "planck"]);
    let service = gantry.serve();
    let volume = service.new_volume("cmb");
    let [small, one, two] = [SMALL, MAPS[0], MAPS[1]];
    let nothing = gantry.json(&["verify", "cmb"]);
    assert_eq!(nothing["files"], json!([]));
    let job = service.add_to_volume(&[small, one, two], "cmb");
    assert_eq!(service.ended(&job)["files"]["staged"], 3);
    let good = gantry.json(&["verify", "cmb"]);
    let counts = json!({"intact": 3, "changed": 0, "missing": 0, "unreadable": 0});
    assert_eq!(good["counts"], counts);

    // One bit, size and time as they were.
    let map = volume.join("planck").join(one);
    let modified = std::fs::metadata(&map).unwrap().modified().unwrap();
    let mut bytes = std::fs::read(&map).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&map, bytes).unwrap();
    let touched = std::fs::File::options().write(true).open(&map).unwrap();
    touched.set_modified(modified).unwrap();
    std::fs::remove_file(volume.join("planck").join(small)).unwrap();
    let ran = gantry.run(&["--json", "verify", "cmb", "planck"]);
    assert_eq!(ran.code, Some(1));
    let found = ran.answer();
    let states: Vec<_> = found["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            (
                file["path"].as_str().unwrap(),
                file["state"].as_str().unwrap(),
            )
        })
        .collect();
    let path = |name| format!("planck/{name}");
    assert_eq!(
        states,
        [
            (path(small).as_str(), "missing"),
            (path(one).as_str(), "changed"),
            (path(two).as_str(), "intact"),
        ]
    );
    assert!(gantry.fails(&["verify", "nowhere"]).contains("nowhere"));
}

#[test]
fn what_a_report_lists_is_staged_again_in_the_same_way() {
    let (archive, _cache) = standin(16);
    let gantry = Gantry::on(&archive);
    gantry.json(&["harvest", "planck"]);
    let map = "planck:HFI_SkyMap_100_0016_R3.01_full.fits";
    let spectrum = format!("planck:{SMALL}");
    let first = gantry.json(&[
        "add-to-volume",
        map,
        &spectrum,
        "--volume",
        "workspace",
        "--directory",
        "paper/figure-1",
    ]);
    let volumes = gantry.path("data/volumes");
    let user = std::fs::read_dir(volumes).unwrap().next().unwrap().unwrap();
    let workspace = user.path().join("workspace");
    let before = tree(&workspace);
    assert_eq!(before.len(), 2, "{before:?}");
    let id = first["id"]
        .as_str()
        .or(first["staging_job"]["id"].as_str())
        .unwrap();
    let report = gantry.path("report.json");
    std::fs::copy(
        workspace.join(format!("paper/figure-1/report-{id}.json")),
        &report,
    )
    .unwrap();
    std::fs::remove_dir_all(workspace.join("paper")).unwrap();
    gantry.json(&["restage", report.to_str().unwrap(), "--volume", "workspace"]);
    assert_eq!(tree(&workspace), before);
    let verified = gantry.json(&["verify", "workspace"]);
    assert_eq!(verified["counts"]["intact"], 2, "{verified}");
}
