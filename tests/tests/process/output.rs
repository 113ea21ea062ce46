//! With `--json` standard output is one JSON document; commands work by themselves and beside a service.

use serde_json::{Value, json};

use crate::gantry::{Gantry, config, ids, labs_environment, standin, tree};
use crate::processes::{PATIENCE, until};

const PRODUCT: &str = "COM_PowerSpect_CMB-TT-full_R3.01.txt";

#[test]
fn with_json_a_command_prints_one_document() {
    let (archive, _cache) = standin(64);
    let gantry = Gantry::bare();
    let labs = format!("[labs]\nenvironment = '{}'\n", labs_environment().display());
    gantry.configure(&(config(&archive.url(), &gantry.path("data"), "") + &labs));

    let harvested = &gantry.json(&["harvest", "--all"])["harvests"];
    let n = gantry.export().len();
    assert_eq!(
        (
            &harvested[0]["archive"],
            &harvested[0]["phase"],
            &harvested[0]["new"]
        ),
        (&json!("planck"), &json!("COMPLETED"), &json!(n)),
        "{harvested}"
    );
    let found = gantry.json(&["search", "power spectrum", "--facet", "mission/Planck"]);
    let shown: Vec<_> = found["assets"].as_array().unwrap().iter().collect();
    assert!(
        shown.iter().any(|asset| asset["id"] == ids(&[PRODUCT])[0]),
        "{found}"
    );
    assert_eq!(found["total"], shown.len());
    let nothing = gantry.json(&["search", "zzzzzz"]);
    assert_eq!(
        (&nothing["total"], &nothing["assets"]),
        (&json!(0), &json!([]))
    );

    let staged = gantry.json(&[
        "add-to-volume",
        &ids(&[PRODUCT])[0],
        "--volume",
        "workspace",
    ]);
    assert_eq!(staged["staging_job"]["phase"], "COMPLETED", "{staged}");
    assert_eq!(staged["files"][0]["outcome"], "staged", "{staged}");
    let again = gantry.json(&[
        "add-to-volume",
        &ids(&[PRODUCT])[0],
        "--volume",
        "workspace",
    ]);
    assert_eq!(again["files"][0]["outcome"], "present", "{again}");

    let checked = gantry.json(&["check"]);
    let checks = checked["checks"].as_array().unwrap();
    assert!(checks.iter().all(|check| check["ok"] == true), "{checked}");
    assert!(
        checks.iter().any(|check| check["what"] == "archive planck"),
        "{checked}"
    );
    let environment = gantry.json(&["labs-environment"]);
    assert_eq!(
        environment["bin"],
        json!(labs_environment().join("bin")),
        "the one that is configured"
    );
}

#[test]
fn check_says_what_is_wrong_with_each_part_and_fails() {
    let (archive, cache) = standin(64);
    let url = archive.url();
    archive.shutdown();
    let gantry = Gantry::bare();
    let labs = format!("[labs]\nenvironment = '{}'\n", cache.path().display());
    let secret = gantry.path("secret");
    std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    // Port 9 discards, where anything listens there.
    let webhook = format!(
        "[webhook.portal]\nurl = 'http://127.0.0.1:9/told'\nsecret_file = '{}'\n",
        secret.display()
    );
    gantry.configure(&(config(&url, &gantry.path("data"), "") + &labs + &webhook));
    let ran = gantry.run(&["check", "--json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let answer = ran.answer();
    let wrong: Vec<&Value> = answer["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["ok"] == false)
        .collect();
    let named: Vec<_> = wrong.iter().map(|check| &check["what"]).collect();
    assert_eq!(
        named,
        ["archive planck", "webhook portal", "launcher local"],
        "{answer}"
    );
    for check in wrong {
        assert!(!check["text"].as_str().unwrap().contains('\n'), "{check}");
    }
}

#[test]
fn beside_a_service_commands_work_on_the_same_stores() {
    let (archive, _cache) = standin(64);
    let gantry = Gantry::on(&archive);
    let service = gantry.serve();
    let harvested = gantry.json(&["harvest", "planck"]);
    assert_eq!(harvested["harvests"][0]["phase"], "COMPLETED");
    let products = gantry.export().into_values();
    let n = products.filter(|asset| asset["n_files"] != 0).count();
    // The service writes the index; a command reads what is in it.
    until(&format!("{n} products are found"), PATIENCE, || {
        (gantry.n_found() == n as u64).then_some(())
    });
    let volume = service.new_volume("cmb");
    let staged = gantry.json(&["add-to-volume", &ids(&[PRODUCT])[0], "--volume", "cmb"]);
    assert_eq!(staged["staging_job"]["phase"], "COMPLETED", "{staged}");
    let job = service.ended(&staged["staging_job"]["id"]);
    assert_eq!(job["files"]["staged"], 1, "{job}");
    assert_eq!(
        staged["files"][0]["sha256"],
        tree(&volume)[&format!("planck/{PRODUCT}")]
    );
    assert_eq!(
        gantry.fails(&["rebuild-index"]),
        "a running service writes the index; stop it first"
    );
}
