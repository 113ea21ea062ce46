//! Harvests that are killed, and taken up again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gantry_standin::{Fault, Scope, Times};
use serde_json::{Value, json};

use crate::gantry::{Gantry, Guarded, config, standin, standin_with};
use crate::processes::{PATIENCE, until};

/// Begins a harvest that nobody waits for.
fn begin(gantry: &Gantry) -> Guarded {
    let mut command = gantry.command(&["harvest", "planck", "--json"]);
    Guarded(command.spawn().unwrap())
}

/// Harvests as soon as the lease of the one that was killed has run out; until then one sentence says what it is.
fn harvest_when_free(gantry: &Gantry) -> Value {
    until("the lease runs out", PATIENCE, || {
        let ran = gantry.run(&["harvest", "planck", "--json"]);
        if ran.code == Some(0) {
            let answer = ran.document();
            assert_eq!(answer["harvests"].as_array().unwrap().len(), 1);
            return Some(answer["harvests"][0].clone());
        }
        let said: Value = serde_json::from_str(&ran.stderr).unwrap();
        assert_eq!(
            said["error"],
            "planck was not harvested: planck is being harvested right now; wait for that harvest to end"
        );
        None
    })
}

/// What an undisturbed harvest of the same list makes.
fn undisturbed(archive: &str, more: &str) -> (BTreeMap<String, Value>, u64) {
    let gantry = Gantry::bare();
    gantry.configure(&config(archive, &gantry.path("data"), more));
    gantry.json(&["harvest", "planck"]);
    (gantry.export(), gantry.n_found())
}

#[test]
fn a_harvest_killed_while_its_list_came_and_while_it_looked_into_products_ends_like_any_other() {
    let (archive, _cache) = standin(64);
    let gantry = Gantry::with(&archive, "peek = 'all'");

    let slow = Fault::Slow {
        bytes_per_second: 2000,
    };
    archive
        .faults()
        .set_for("products.json", slow, Times::Always);
    let harvest = begin(&gantry);
    until("the list is asked for", PATIENCE, || {
        (archive.n_requests_for("products.json") > 0).then_some(())
    });
    harvest.kill();
    assert!(gantry.export().is_empty());

    archive.faults().clear();
    let slow = Fault::Slow {
        bytes_per_second: 40_000,
    };
    let peeked = || {
        let requests = archive.requests().into_iter();
        requests
            .filter(|request| request.name.as_deref() != Some("products.json"))
            .count()
    };
    archive.faults().set(Scope::All, slow, Times::Always);
    let before = peeked();
    let harvest = until("a second harvest may begin", PATIENCE, || {
        let mut harvest = begin(&gantry);
        until("it looks into products, or is refused", PATIENCE, || {
            let refused = harvest.0.try_wait().unwrap().is_some();
            let begun = peeked() >= before + 8 && !gantry.export().is_empty();
            (refused || begun).then_some(begun)
        })
        .then_some(harvest)
    });
    harvest.kill();
    archive.faults().clear();
    let n_before = gantry.export().len();

    let report = harvest_when_free(&gantry);
    assert_eq!(
        (&report["phase"], &report["withdrawn"], &report["rejected"]),
        (&json!("COMPLETED"), &json!(0), &json!(0)),
        "{report}"
    );
    let (assets, found) = undisturbed(&archive.url(), "peek = 'all'");
    assert!(
        n_before < assets.len(),
        "it was killed too late to see anything"
    );
    assert_eq!(gantry.export(), assets);
    assert_eq!(gantry.n_found(), found);
}

/// A product in the middle of a long list, whose name says nothing, so that the harvest looks into it.
const ODD: &str = "middle-of-the-list.fits";

/// Many products, half of them before the odd one and half behind it.
fn long_list(folder: &Path) -> PathBuf {
    let simulated = |n: u64| match n {
        0..1_500 => format!("ffp10_noise_217_full_map_mc_{n:05}.fits"),
        _ => format!("npipe6v20_noise_100_A_mc_{n:05}.fits"),
    };
    let products: Vec<Value> = (0..3_000)
        .map(|n| (simulated(n), "SIMULATED_MAP", 500_000 + n))
        .chain([(ODD.to_owned(), "MAP", 499_999)])
        .map(|(name, class, oid)| {
            json!({"name": name, "class": class, "oid": oid, "size_bytes": 1_000_000 + oid,
                   "modified": "2018-07-17T12:00:00Z", "media_type": "application/fits"})
        })
        .collect();
    let list = folder.join("many.json");
    std::fs::write(&list, json!({"products": products}).to_string()).unwrap();
    list
}

#[test]
fn a_harvest_killed_between_two_of_its_batches_ends_like_any_other() {
    let real = tempfile::tempdir().unwrap();
    std::fs::create_dir(real.path().join("planck")).unwrap();
    std::fs::write(real.path().join("planck").join(ODD), [b' '; 5760]).unwrap();
    let (archive, folder) = standin_with(64, |config| {
        config.real_data = Some(real.path().to_owned());
    });
    let list = long_list(folder.path());
    let configured = |gantry: &Gantry| {
        let text = config(&archive.url(), &gantry.path("data"), "peek = 'unknown'");
        let address = format!("{}/products.json", archive.url());
        gantry.configure(&text.replace(&address, list.to_str().unwrap()));
    };
    let gantry = Gantry::bare();
    configured(&gantry);

    // The harvest cannot get past the middle of the list before it is killed.
    let stuck = Fault::Slow {
        bytes_per_second: 1,
    };
    archive.faults().set_for(ODD, stuck, Times::Always);
    let harvest = begin(&gantry);
    until("the first half is catalogued", PATIENCE, || {
        // With the series they are members of.
        (gantry.export().len() == 1_501 && archive.n_requests_for(ODD) > 0).then_some(())
    });
    harvest.kill();
    archive.faults().clear();
    let report = harvest_when_free(&gantry);
    assert_eq!(report["phase"], "COMPLETED", "{report}");

    let quiet = Gantry::bare();
    configured(&quiet);
    quiet.json(&["harvest", "planck"]);
    let assets = quiet.export();
    assert_eq!((assets.len(), quiet.n_found()), (3_003, 3_001));
    assert_eq!(gantry.export(), assets);
    assert_eq!(gantry.n_found(), 3_001);
}

#[test]
fn an_archive_with_a_schedule_is_harvested_by_the_service_and_its_failures_are_told() {
    let (archive, _cache) = standin(64);
    archive
        .faults()
        .set_for("products.json", Fault::CutAt { byte: 500 }, Times::Always);
    let gantry = Gantry::with(&archive, "schedule = '6h'");
    let service = gantry.serve();
    let show = || service.api.get("/api/v1/archives/planck");
    until("the first harvest fails", PATIENCE, || {
        (show()["last_harvest"]["phase"] == "ERROR").then_some(())
    });
    let shown = show();
    assert_eq!(
        (&shown["schedule_s"], &shown["last_good_harvest"]),
        (&json!(6 * 3600), &Value::Null)
    );
    assert_eq!(
        shown["error_budget"],
        json!({"days": 30, "harvests": 1, "failed": 1, "allowed": 1})
    );
    let minutes_until = |shown: &Value| {
        let next = shown["next_harvest"].as_str().unwrap();
        let next = chrono::DateTime::parse_from_rfc3339(next).unwrap();
        (next.to_utc() - chrono::Utc::now()).num_minutes()
    };
    assert!((3..5).contains(&minutes_until(&shown)), "{shown}");

    archive.faults().clear();
    gantry.json(&["harvest", "planck"]);
    let shown = service.api.get("/api/v1/archives/planck");
    assert_eq!(shown["last_good_harvest"], shown["last_harvest"]);
    assert!((358..360).contains(&minutes_until(&shown)), "{shown}");
    assert_eq!(
        service.api.get("/api/v1/harvests?archive=planck")["harvests"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}
