//! The restore drill: everything lost but a backup, and what comes back.

use serde_json::{Value, json};

use crate::gantry::{Gantry, standin};

const PRODUCT: &str = "COM_PowerSpect_CMB-TT-full_R3.01.txt";

#[test]
fn what_was_backed_up_beside_a_running_service_comes_back_whole_on_an_empty_machine() {
    let (archive, _cache) = standin(16);
    let gantry = Gantry::on(&archive);
    gantry.json(&["harvest", "planck"]);
    let (assets, n_found) = (gantry.export(), gantry.n_found());
    let token = gantry.token_of("ada");
    let service = gantry.serve_with(&token);
    let far = json!({"name": "far", "address": "sftp://ada:s3cret@storage.example/home"});
    service.api.post(201, "/api/v1/volumes", &far);
    let job = service.add_to_volume(&[PRODUCT], "workspace");
    assert_eq!(service.ended(&job)["phase"], "COMPLETED");
    let backup = gantry.path("backup");
    let at = backup.to_str().unwrap().to_owned();
    let made = gantry.json(&["backup", &at]);
    assert_eq!(made["has_key"], true);
    // What comes after the backup is lost with the machine.
    let late = json!({"name": "late"});
    service.api.post(201, "/api/v1/volumes", &late);
    service.stop();
    let twice = gantry.fails(&["backup", &at]);
    assert!(twice.contains("is not empty"), "{twice}");
    let beside = gantry.fails(&["restore", &at]);
    assert!(beside.contains("there is a record"), "{beside}");
    // Of a record that was moved away what SQLite left beside it would be played back into another.
    std::fs::remove_file(gantry.path("data/gantry.db")).unwrap();
    std::fs::write(gantry.path("data/gantry.db-wal"), "").unwrap();
    let stale = gantry.fails(&["restore", &at]);
    assert!(
        stale.contains("gantry.db-wal` of another record"),
        "{stale}"
    );
    std::fs::remove_dir_all(gantry.path("data")).unwrap();
    let restored = gantry.json(&["restore", &at]);
    assert_eq!(restored["catalogue"], catalogue(&backup));
    assert_eq!(gantry.export(), assets);
    assert_eq!(gantry.n_found(), n_found, "the index is made again");
    // The token still opens the door, the job is remembered, the sealed login of the volume can be read.
    let service = gantry.serve_with(&token);
    let path = format!("/api/v1/staging-jobs/{}", job.as_str().unwrap());
    assert_eq!(service.api.get(&path)["phase"], "COMPLETED");
    assert_eq!(
        service.api.get("/api/v1/volumes/far")["trouble"],
        Value::Null
    );
    let volumes = service.api.get("/api/v1/volumes")["volumes"].clone();
    let names = volumes.as_array().unwrap().iter();
    let names: Vec<&Value> = names.map(|volume| &volume["name"]).collect();
    assert!(!names.contains(&&json!("late")), "{names:?}");
    // Its files were not in the backup; they are brought again.
    let again = service.add_to_volume(&[PRODUCT], "workspace");
    let again = service.ended(&again);
    assert_eq!(
        (&again["phase"], &again["files"]["failed"]),
        (&json!("COMPLETED"), &json!(0))
    );
    service.stop();
}

fn catalogue(backup: &std::path::Path) -> Value {
    let text = std::fs::read_to_string(backup.join("backup.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["catalogue"].clone()
}

#[test]
fn a_backup_that_is_not_whole_is_refused_and_nothing_is_written() {
    let (archive, _cache) = standin(16);
    let gantry = Gantry::on(&archive);
    gantry.json(&["harvest", "planck"]);
    let at = gantry.path("backup");
    gantry.json(&["backup", at.to_str().unwrap()]);
    std::fs::remove_dir_all(gantry.path("data")).unwrap();
    let record = at.join("gantry.db");
    let mut bytes = std::fs::read(&record).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&record, bytes).unwrap();
    let flipped = gantry.fails(&["restore", at.to_str().unwrap()]);
    assert!(flipped.contains("its hash is another"), "{flipped}");
    std::fs::remove_file(at.join("backup.json")).unwrap();
    let none = gantry.fails(&["restore", at.to_str().unwrap()]);
    assert!(none.contains("is no backup"), "{none}");
    assert!(!gantry.path("data/gantry.db").exists());
}

#[test]
fn a_user_is_exported_and_erased_and_another_stays() {
    let (archive, _cache) = standin(16);
    let gantry = Gantry::on(&archive);
    gantry.json(&["harvest", "planck"]);
    let bob = gantry.token_of("bob");
    let token = gantry.token_of("ada");
    let service = gantry.serve_with(&token);
    let workspace = service.api.get("/api/v1/volumes/workspace")["path"].clone();
    let workspace = std::path::PathBuf::from(workspace.as_str().unwrap());
    let job = service.add_to_volume(&[PRODUCT], "workspace");
    assert_eq!(service.ended(&job)["phase"], "COMPLETED");
    let kept = gantry.run(&["user", "export", "ada"]);
    assert_eq!(kept.code, Some(0), "{kept:?}");
    assert!(!kept.stdout.contains(&token), "a secret is exported");
    let kept: Value = serde_json::from_str(&kept.stdout).unwrap();
    let kept = &kept["kept"];
    assert_eq!(kept["user"][0]["name"], "ada");
    assert_eq!(kept["staging_jobs"][0]["id"], job);
    assert_eq!(kept["tokens"][0].get("hash"), None);
    assert!(
        kept["audit"]
            .as_array()
            .unwrap()
            .iter()
            .any(|line| line["action"] == "staging.start")
    );
    let meant = gantry.fails(&["user", "erase", "ada"]);
    assert!(meant.contains("--yes"), "{meant}");
    assert!(workspace.is_dir());
    gantry.json(&["user", "erase", "ada", "--yes"]);
    assert!(!workspace.exists());
    assert_eq!(service.api.ask("GET", "/api/v1/me", None).0, 401);
    let names = gantry.json(&["user", "list"])["users"].clone();
    let names: Vec<&Value> = names
        .as_array()
        .unwrap()
        .iter()
        .map(|user| &user["name"])
        .collect();
    assert_eq!(names, [&json!("bob")]);
    service.stop();
    let service = gantry.serve_with(&bob);
    service.api.get("/api/v1/me");
    service.stop();
}
