//! Datalabs as real processes of this machine, with a small lab in Python.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod conformance;
mod desktop;
mod hub;
mod hub_world;
mod launcher;
mod notebooks;
mod world;

use std::fs;

use gantry_labs::launcher::Launcher;
use gantry_labs::{EnvironmentState, LabError, LaunchRequest, VolumeRequest};
use gantry_store::{DatalabUpdate, Phase};
use serde_json::json;

use world::{RunningLabs, World, asks, lives, pid, processes, running, until};

#[tokio::test]
async fn a_datalab_serves_is_opened_with_its_secret_and_is_gone_when_stopped() {
    let world = World::new().await;
    let ran = world.run();
    let request = LaunchRequest {
        volumes: vec![VolumeRequest {
            name: "cmb".to_owned(),
            read_only: true,
            ..VolumeRequest::default()
        }],
        env: [("MINE".to_owned(), "s3cret".to_owned())].into(),
        ..asks("test/serves")
    };
    let datalab = ran.labs.launch(&world.ada, request, None).await.unwrap();
    assert!(!datalab.request.contains("s3cret"));
    let row = world.reaches(&datalab, Phase::Executing).await;

    let view = serde_json::to_value(ran.labs.view(&row).unwrap()).unwrap();
    let path = |name| world.path(name).to_str().unwrap().to_owned();
    assert_eq!(
        view["volumes"],
        json!([
            {"name": "workspace", "path": path("workspace"), "mount_path": null, "read_only": false, "not_enforced": []},
            {"name": "cmb", "path": path("cmb"), "mount_path": null, "read_only": false, "not_enforced": ["read_only"]},
        ])
    );
    assert_eq!(
        (&view["lab"], &view["name"], &view["phase"]),
        (
            &json!("test/serves:v1"),
            &json!("Test lab"),
            &json!("EXECUTING")
        )
    );
    assert_eq!(
        (&view["ready"], &view["waiting_for"], &view["url"]),
        (
            &json!(true),
            &json!([]),
            &json!(format!("/datalabs/{}/open", row.id))
        )
    );

    let environment = fs::read_to_string(format!("/proc/{}/environ", pid(&running(&row)))).unwrap();
    let variable = |name: &str| {
        environment
            .split('\0')
            .find_map(|entry| entry.strip_prefix(&format!("{name}=")))
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(
        variable("GANTRY_VOLUMES"),
        json!({"cmb": path("cmb"), "workspace": path("workspace")}).to_string()
    );
    assert_eq!(
        (variable("MINE").as_str(), variable("GANTRY_URL").as_str()),
        ("s3cret", "http://localhost:8080")
    );
    assert_eq!(
        (variable("HOME"), variable("CARGO_MANIFEST_DIR")),
        (path("workspace"), String::new())
    );
    let (user, scopes) = world
        .store
        .token_user(&variable("GANTRY_TOKEN"), 60)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (user.name.as_str(), scopes),
        (
            "ada",
            vec![
                "search".to_owned(),
                "volumes:read".to_owned(),
                "staging".to_owned()
            ]
        )
    );

    let address = running(&row).address;
    let secret = variable("LAB_SECRET");
    assert_eq!(
        ran.labs.open_url(&row).await.unwrap(),
        format!("{address}lab?token={secret}")
    );
    assert!(!format!("{row:?}").contains(&secret));
    assert_eq!(
        fs::read_link(world.path("workspace/data/cmb")).unwrap(),
        world.path("cmb")
    );

    let all = processes(&world.launcher(), &row.id).await;
    assert!(all.iter().all(|pid| lives(*pid)));
    ran.labs.stop(&row).await.unwrap();
    let row = world.reaches(&datalab, Phase::Aborted).await;
    assert_eq!(all.iter().filter(|pid| lives(**pid)).count(), 0);
    assert_eq!(row.message.as_deref(), Some("it was stopped"));
    assert!(matches!(
        ran.labs.open_url(&row).await,
        Err(LabError::NotServing(_))
    ));
    assert!(
        world
            .store
            .token_user(&variable("GANTRY_TOKEN"), 60)
            .await
            .unwrap()
            .is_none()
    );
    ran.end().await;
}

#[tokio::test]
async fn a_lab_outlives_gantry_and_is_adopted_by_the_next() {
    let world = World::new().await;
    let first = world.run();
    let datalab = world.launch(&first.labs, "test/serves").await;
    let before = world.reaches(&datalab, Phase::Executing).await;
    first.end().await;

    let second = world.run();
    assert_eq!(
        world.launch(&second.labs, "test/serves").await.id,
        datalab.id
    );
    assert!(lives(pid(&running(&before))));
    // A lab that was adopted is watched: its death is noticed.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let now = world.row(&datalab).await;
    assert_eq!(
        (now.phase, running(&now)),
        (Phase::Executing, running(&before))
    );
    assert_eq!(
        processes(&world.launcher(), &datalab.id).await[0],
        pid(&running(&before))
    );
    std::process::Command::new("kill")
        .arg("-9")
        .arg(pid(&running(&now)).to_string())
        .status()
        .unwrap();
    let dead = world.reaches(&datalab, Phase::Error).await;
    assert!(
        dead.message
            .unwrap()
            .starts_with("Test lab died: it has ended")
    );
    assert!(
        processes(&world.launcher(), &datalab.id)
            .await
            .iter()
            .all(|pid| !lives(*pid))
    );
    second.end().await;
}

#[tokio::test]
async fn wherever_gantry_is_killed_the_next_has_one_lab_and_no_other_process() {
    for wait_ms in [0, 5, 15, 40, 90, 150, 250, 400] {
        let world = World::new().await;
        let first = world.run();
        let datalab = world.launch(&first.labs, "test/serves").await;
        tokio::time::sleep(std::time::Duration::from_millis(wait_ms)).await;
        first.break_off().await;

        let second = world.run();
        let row = world.reaches(&datalab, Phase::Executing).await;
        let log = world.launcher().logs(&row.id, 10_000).await.unwrap();
        assert_eq!(
            log.matches("a lab begins").count(),
            1,
            "killed after {wait_ms} ms: {log}"
        );
        let all = processes(&world.launcher(), &row.id).await;
        assert_eq!(all[0], pid(&running(&row)));
        second.labs.stop(&row).await.unwrap();
        world.reaches(&datalab, Phase::Aborted).await;
        assert_eq!(all.iter().filter(|pid| lives(**pid)).count(), 0);
        second.end().await;
    }
}

#[tokio::test]
async fn a_lab_whose_row_has_ended_is_ended_at_the_start() {
    let world = World::new().await;
    let first = world.run();
    let datalab = world.launch(&first.labs, "test/serves").await;
    world.reaches(&datalab, Phase::Executing).await;
    first.end().await;
    let all = processes(&world.launcher(), &datalab.id).await;
    let lease = world
        .store
        .claim_datalab("the test")
        .await
        .unwrap()
        .unwrap();
    world
        .store
        .update_datalab(
            &lease,
            &DatalabUpdate {
                phase: Some(Phase::Aborted),
                ..DatalabUpdate::default()
            },
        )
        .await
        .unwrap();

    let second = world.run();
    until(|| async { all.iter().all(|pid| !lives(*pid)).then_some(()) }).await;
    second.end().await;
}

#[tokio::test]
async fn a_lab_that_dies_at_its_start_ends_in_error_with_its_last_lines_and_without_its_secret() {
    let world = World::new().await;
    let ran = world.run();
    let datalab = world.launch(&ran.labs, "test/dies").await;
    let row = world.reaches(&datalab, Phase::Error).await;
    assert_eq!(
        row.message.as_deref(),
        Some(
            "Test lab did not start: it has ended, exit status: 3\na lab begins\nthe secrets are … and gnt_…\nno disk is left"
        )
    );
    assert!(
        ran.labs
            .logs(&row, 1_000)
            .await
            .unwrap()
            .contains("the secrets are … and gnt_…\n")
    );
    ran.end().await;
}

#[tokio::test]
async fn a_lab_waits_for_the_python_environment_and_says_so_and_fails_with_its_sentence() {
    let world = World::new().await;
    let ran = world.run();
    let datalab = world.launch(&ran.labs, "test/python").await;
    let waits = until(|| async {
        let view = ran.labs.view(&world.row(&datalab).await).unwrap();
        view.waiting_for
            .as_array()
            .unwrap()
            .iter()
            .find(|wait| wait["cause"] == "environment")
            .cloned()
    })
    .await;
    assert_eq!(waits["text"], "fetching numpy");
    let sentence = "`python3` has no module venv; install it with `apt install python3-venv`";
    world
        .environment
        .send(EnvironmentState::Failed(sentence.to_owned()))
        .unwrap();
    let row = world.reaches(&datalab, Phase::Error).await;
    assert_eq!(
        row.message.unwrap(),
        format!("Test lab cannot be started: {sentence}")
    );
    ran.end().await;
}

#[tokio::test]
async fn a_lab_ends_at_its_time_limit_and_when_it_is_shut_down_from_within() {
    let world = World::new().await;
    let ran = world.run();
    let request = LaunchRequest {
        time_limit_s: Some(2),
        ..asks("test/serves")
    };
    let limited = ran.labs.launch(&world.ada, request, None).await.unwrap();
    let row = world.reaches(&limited, Phase::Completed).await;
    assert_eq!(row.message.as_deref(), Some("its time limit was reached"));

    let datalab = world.launch(&ran.labs, "test/serves").await;
    let row = world.reaches(&datalab, Phase::Executing).await;
    let address = running(&row).address;
    let mut connection =
        std::net::TcpStream::connect((address.host_str().unwrap(), address.port().unwrap()))
            .unwrap();
    std::io::Write::write_all(&mut connection, b"GET /quit HTTP/1.0\r\n\r\n").unwrap();
    let row = world.reaches(&datalab, Phase::Completed).await;
    assert_eq!(row.message.as_deref(), Some("it was shut down from within"));
    ran.end().await;
}

#[tokio::test]
async fn a_lab_that_nobody_uses_is_ended() {
    let world = World::new().await;
    let ran = RunningLabs::of(world.labs_with(|config| config.idle_s = Some(1)));
    let datalab = world.launch(&ran.labs, "test/idle").await;
    let row = world.reaches(&datalab, Phase::Completed).await;
    assert_eq!(row.message.as_deref(), Some("nobody used it for too long"));
    ran.end().await;
}

#[tokio::test]
async fn labs_that_are_to_end_with_gantry_do_and_those_left_behind_end_at_the_start() {
    let world = World::new().await;
    let first = RunningLabs::of(world.labs_with(|config| config.stop_all_at_end = true));
    let datalab = world.launch(&first.labs, "test/serves").await;
    world.reaches(&datalab, Phase::Executing).await;
    let all = processes(&world.launcher(), &datalab.id).await;
    first.end().await;
    assert_eq!(
        world.row(&datalab).await.message.as_deref(),
        Some("it ended with Gantry")
    );
    assert!(all.iter().all(|pid| !lives(*pid)));

    let second = RunningLabs::of(world.labs_with(|config| config.stop_all_at_end = true));
    let datalab = world.launch(&second.labs, "test/serves").await;
    world.reaches(&datalab, Phase::Executing).await;
    let all = processes(&world.launcher(), &datalab.id).await;
    second.break_off().await;
    let third = RunningLabs::of(world.labs_with(|config| config.stop_all_at_end = true));
    let row = world.reaches(&datalab, Phase::Completed).await;
    assert_eq!(
        row.message.as_deref(),
        Some("it ended with the Gantry that started it")
    );
    assert!(all.iter().all(|pid| !lives(*pid)));
    third.end().await;
}

#[tokio::test]
async fn a_volume_that_is_not_there_or_cannot_be_in_a_datalab_is_refused_with_its_reason() {
    let world = World::new().await;
    world.volume("far", "sftp").await;
    let labs = world.labs_with(|_| {});
    let volumes = ["far", "gone", "cmb"].map(|name| VolumeRequest {
        name: name.to_owned(),
        ..VolumeRequest::default()
    });
    let request = LaunchRequest {
        volumes: volumes.into(),
        ..asks("test/serves")
    };
    let plan = labs.plan(&world.ada, &request).await.unwrap();
    assert_eq!(
        plan.volumes
            .iter()
            .map(|volume| volume.name.as_str())
            .collect::<Vec<_>>(),
        ["workspace", "cmb"]
    );
    let error = labs.launch(&world.ada, request, None).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "volume `far`: a volume of kind `sftp` cannot be in a datalab here; volume `gone`: there is no such volume"
    );
    assert!(matches!(
        labs.launch(&world.ada, asks("test/none"), None).await,
        Err(LabError::NoSuchLab(_))
    ));
}
