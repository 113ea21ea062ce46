//! A service that is killed in the middle of a launch: never a second lab, never one that nobody ends.

use gantry_standin::Running;
use serde_json::{Value, json};

use crate::gantry::{Gantry, Service, config, ids, labs_environment, standin};
use crate::processes::{PATIENCE, labs_of, of_datalab, rounds, until};

const PRODUCT: &str = "COM_PowerSpect_CMB-TT-full_R3.01.txt";

/// A Gantry with labs, harvested.
fn with_labs(archive: &Running) -> Gantry {
    let gantry = Gantry::bare();
    let labs = format!("[labs]\nenvironment = '{}'\n", labs_environment().display());
    gantry.configure(&(config(&archive.url(), &gantry.path("data"), "") + &labs));
    gantry.json(&["harvest", "planck"]);
    gantry
}

/// Opens a product in a notebook; the id of the datalab.
pub(crate) fn open(service: &Service) -> String {
    let asked = json!({"assets": ids(&[PRODUCT])});
    let opened = service.api.post(202, "/api/v1/open-in-notebook", &asked);
    opened["datalab"].as_str().unwrap().to_owned()
}

/// A datalab as it is.
pub(crate) fn show(service: &Service, datalab: &str) -> Value {
    service.api.get(&format!("/api/v1/datalabs/{datalab}"))
}

/// Waits until a datalab can be opened.
pub(crate) fn until_ready(service: &Service, datalab: &str) {
    until("the lab is ready", 3 * PATIENCE, || {
        let now = show(service, datalab);
        let ended = ["ERROR", "ABORTED", "COMPLETED"].contains(&now["phase"].as_str().unwrap());
        assert!(!ended, "{now}; {}", service.log());
        (now["ready"] == true).then_some(())
    });
}

/// Asks for the end of a datalab.
pub(crate) fn delete(service: &Service, datalab: &str) {
    let at = format!("/api/v1/datalabs/{datalab}");
    let (status, answer) = service.api.ask("DELETE", &at, None);
    assert_eq!(status, 202, "{answer}");
}

/// Destroys a datalab, after which nothing of it runs.
fn destroy(service: &Service, datalab: &str) {
    delete(service, datalab);
    until("it has ended", PATIENCE, || {
        (show(service, datalab)["phase"] == "ABORTED").then_some(())
    });
    assert_eq!(of_datalab(datalab), [0_i32; 0]);
}

/// Kills the service at a moment of a launch; afterwards there is one lab, which works and ends.
fn kill_at(moment: impl FnOnce(&Service, &str)) -> (Vec<i32>, Vec<i32>) {
    let (archive, _cache) = standin(64);
    let gantry = with_labs(&archive);
    let service = gantry.serve();
    let datalab = open(&service);
    moment(&service, &datalab);
    let before = labs_of(&datalab);
    service.kill();

    let service = gantry.serve();
    until_ready(&service, &datalab);
    let after = labs_of(&datalab);
    assert_eq!(after.len(), 1, "{after:?}");
    // The same click again finds it.
    assert_eq!(open(&service), datalab);
    assert_eq!(labs_of(&datalab), after);
    destroy(&service, &datalab);
    (before, after)
}

#[test]
fn a_service_killed_right_after_it_took_a_launch_starts_one_lab_when_it_is_back() {
    kill_at(|_, _| {});
}

#[test]
fn a_service_killed_as_soon_as_its_lab_had_a_process_has_one_lab_when_it_is_back() {
    kill_at(|_, datalab| {
        until("something of it runs", PATIENCE, || {
            (!of_datalab(datalab).is_empty()).then_some(())
        });
    });
}

#[test]
fn a_lab_that_serves_outlives_the_service_and_is_adopted_by_the_next() {
    let (before, after) = kill_at(until_ready);
    assert_eq!(before, after);
}

#[test]
fn a_lab_that_was_to_stop_when_the_service_was_killed_is_ended_by_the_next() {
    let (archive, _cache) = standin(64);
    let gantry = with_labs(&archive);
    let service = gantry.serve();
    let datalab = open(&service);
    until_ready(&service, &datalab);
    delete(&service, &datalab);
    service.kill();

    let service = gantry.serve();
    until("nothing of it runs", PATIENCE, || {
        of_datalab(&datalab).is_empty().then_some(())
    });
    until("its row has ended", PATIENCE, || {
        (show(&service, &datalab)["phase"] == "ABORTED").then_some(())
    });
}

/// The processes of a datalab in whose command line this stands.
fn running(datalab: &str, name: &str) -> usize {
    let has = |pid: &i32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(name)
    };
    of_datalab(datalab).iter().filter(|pid| has(pid)).count()
}

#[test]
fn wherever_the_service_is_killed_a_desktop_is_there_once_and_gone_when_it_was_to_go() {
    let (archive, _cache) = standin(64);
    let gantry = with_labs(&archive);
    let mut service = gantry.serve();
    let lab = service.api.get("/api/v1/labs/sepp/files");
    if lab["available"] != true {
        assert!(
            std::env::var_os("GANTRY_REQUIRE_SERVERS").is_none(),
            "NOT RUN: {lab}"
        );
        #[expect(clippy::print_stdout, reason = "the word is for who runs the tests")]
        {
            println!("NOT RUN: {}", lab["why_not"]);
        }
        return;
    }
    for round in 0..rounds() {
        let asked = json!({"lab": "sepp/files:v1", "name": format!("round {round}")});
        let made = service.api.post(202, "/api/v1/datalabs", &asked);
        let datalab = made["id"].as_str().unwrap();
        let wait_ms = [0, 30, 120, 350, 800, 1_500][round as usize % 6] + 11 * (round / 6);
        std::thread::sleep(std::time::Duration::from_millis(wait_ms));
        service.kill();

        service = gantry.serve();
        until_ready(&service, datalab);
        for program in ["labs-desktop.py", "Xvnc\0"] {
            let n = running(datalab, program);
            assert_eq!(n, 1, "{program}, killed after {wait_ms} ms");
        }
        delete(&service, datalab);
        if round % 2 == 1 {
            std::thread::sleep(std::time::Duration::from_millis(wait_ms / 4));
            service.kill();
            service = gantry.serve();
        }
        until("it has ended", PATIENCE, || {
            (show(&service, datalab)["phase"] == "ABORTED").then_some(())
        });
        assert_eq!(of_datalab(datalab), [0_i32; 0]);
    }
}

#[test]
fn a_notebook_opened_by_the_command_line_stays_open_and_a_service_takes_care_of_it() {
    let (archive, _cache) = standin(64);
    let gantry = with_labs(&archive);
    let asset = ids(&[PRODUCT]).remove(0);
    let opened = gantry.json(&["open-in-notebook", &asset, "--name", "from a shell"]);
    let datalab = opened["datalab"].as_str().unwrap();
    assert_eq!(opened["staging_job"]["phase"], "COMPLETED", "{opened}");
    assert_eq!(opened["files"][0]["outcome"], "staged", "{opened}");
    let notebook = opened["notebook"].as_str().unwrap();
    assert!(notebook.starts_with("from-a-shell-"), "{notebook}");
    assert!(
        opened["url"]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:"),
        "{opened}"
    );
    let lab = labs_of(datalab);
    assert_eq!(lab.len(), 1);

    let service = gantry.serve();
    until_ready(&service, datalab);
    assert_eq!(labs_of(datalab), lab);
    destroy(&service, datalab);
}
