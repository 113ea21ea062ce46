//! `gantry demo`: one line, a service that works, and labs that end with it.

use serde_json::{Value, json};

use crate::gantry::{Gantry, Service, command, labs_environment, run};
use crate::labs::{open, show, until_ready};
use crate::processes::{PATIENCE, labs_of, of_datalab, until};

fn demo(gantry: &Gantry, more: &[&str]) -> std::process::Command {
    let dir = gantry.path("demo");
    let mut args = vec!["demo", "--json", "--port", "0", "--dir"];
    args.push(dir.to_str().unwrap());
    args.extend(more);
    command(&args)
}

#[test]
fn a_demo_that_is_to_leave_when_ready_prints_one_line_and_leaves() {
    labs_environment();
    let gantry = Gantry::bare();
    let ran = run(demo(&gantry, &["--exit-when-ready"]), 3 * PATIENCE);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    assert_eq!(ran.stdout.matches('\n').count(), 1, "{ran:?}");
    let said = ran.document();
    let keys: Vec<_> = said.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "url",
            "login_url",
            "portal_url",
            "token",
            "archives",
            "took_s"
        ]
    );
    let url = said["url"].as_str().unwrap();
    assert!(
        url.starts_with("http://localhost:") && !url.ends_with(":0/"),
        "{url}"
    );
    let login = said["login_url"].as_str().unwrap();
    assert!(login.starts_with(&format!("{url}login?code=")), "{login}");
    assert!(said["token"].as_str().unwrap().starts_with("gnt_"));
    assert_eq!(said["archives"], json!(["gaia", "gssc", "planck"]));
    assert!(said["took_s"].as_f64().unwrap() > 0.0);
}

#[test]
fn the_labs_of_a_demo_end_with_it_and_those_of_one_that_was_killed_with_the_next() {
    labs_environment();
    let gantry = Gantry::bare();
    let service = Service::start(&gantry, demo(&gantry, &[]));
    let killed_with = open(&service);
    until_ready(&service, &killed_with);
    service.kill();
    assert_eq!(labs_of(&killed_with).len(), 1);

    let service = Service::start(&gantry, demo(&gantry, &[]));
    until("the lab left behind ends", PATIENCE, || {
        of_datalab(&killed_with).is_empty().then_some(())
    });
    until("its row ends", PATIENCE, || {
        (show(&service, &killed_with)["phase"] == "COMPLETED").then_some(())
    });
    let stopped_with = open(&service);
    assert_ne!(stopped_with, killed_with);
    until_ready(&service, &stopped_with);
    assert_eq!(labs_of(&stopped_with).len(), 1);
    let (status, took) = service.stop();
    assert_eq!(status.code(), Some(0), "after {took:?}");
    assert_eq!(of_datalab(&stopped_with), [0_i32; 0]);
}

#[test]
fn without_python_a_demo_does_everything_but_labs_and_says_why_of_these() {
    let gantry = Gantry::bare();
    let mut without = demo(&gantry, &[]);
    let empty = gantry.path("nothing");
    std::fs::create_dir(&empty).unwrap();
    without.env("PATH", &empty);
    let service = Service::start(&gantry, without);
    let found = service.api.get("/api/v1/assets?collapse=none&limit=1");
    assert!(found["total"].as_u64() > Some(20), "{found}");
    let datalab = open(&service);
    let ended = until("the datalab ends", PATIENCE, || {
        let now = show(&service, &datalab);
        (now["phase"] == "ERROR").then_some(now)
    });
    assert_eq!(
        ended["message"],
        "JupyterLab cannot be started: `python3` is not installed; labs need Python 3.11 or newer (`apt install python3 python3-venv`)"
    );
    let job = service.ended(&ended["staging_job"]);
    assert_eq!(
        (&job["phase"], &job["files"]["staged"]),
        (&Value::from("COMPLETED"), &json!(1))
    );
    let (status, _) = service.stop();
    assert_eq!(status.code(), Some(0));
}
