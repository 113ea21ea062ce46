//! Harvests that are killed, and taken up again.

use std::collections::BTreeMap;

use gantry_standin::{Fault, Scope, Times};
use serde_json::{Value, json};

use crate::gantry::{Gantry, Guarded, config, standin};
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

#[test]
fn a_harvest_killed_between_two_of_its_batches_ends_like_any_other() {
    let (archive, folder) = standin(64);
    let products: Vec<Value> = (0..8_000)
        .map(|n| {
            let name = format!("ffp10_noise_217_full_map_mc_{n:05}.fits");
            json!({"name": name, "class": "SIMULATED_MAP", "oid": 500_000 + n, "size_bytes": 1_000_000 + n,
                   "modified": "2018-07-17T12:00:00Z", "media_type": "application/fits"})
        })
        .collect();
    let list = folder.path().join("many.json");
    std::fs::write(&list, json!({"products": products}).to_string()).unwrap();
    let gantry = Gantry::bare();
    let text = |data: &std::path::Path| {
        let text = config(&archive.url(), data, "");
        let address = format!("{}/products.json", archive.url());
        text.replace(&address, list.to_str().unwrap())
    };
    gantry.configure(&text(&gantry.path("data")));

    let harvest = begin(&gantry);
    until("some are catalogued", PATIENCE, || {
        (!gantry.export().is_empty()).then_some(())
    });
    harvest.kill();
    let n_before = gantry.export().len();
    let report = harvest_when_free(&gantry);
    assert_eq!(report["phase"], "COMPLETED", "{report}");

    let quiet = Gantry::bare();
    quiet.configure(&text(&quiet.path("data")));
    quiet.json(&["harvest", "planck"]);
    let assets = quiet.export();
    assert!(
        n_before < assets.len(),
        "it was killed too late to see anything"
    );
    assert!(assets.len() >= 8_000);
    assert_eq!(quiet.n_found(), 8_000);
    assert_eq!(gantry.export(), assets);
    assert_eq!(gantry.n_found(), quiet.n_found());
}
