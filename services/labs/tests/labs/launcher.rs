//! The local launcher by itself.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use gantry_labs::Environment;
use gantry_labs::launcher::{Launcher, Running, StartRequest, State};

use crate::world::{World, lives, pid, processes, until};

fn request(world: &World, lab: &str) -> StartRequest {
    StartRequest {
        // Processes are known by it, so each test has its own.
        datalab: world.ada.id.clone(),
        owner: world.ada.id.clone(),
        user: world.ada.name.clone(),
        lab: world.catalogue().lab(lab).unwrap().clone(),
        environment: None,
        workspace: world.path("workspace"),
        volumes: Vec::new(),
        variables: BTreeMap::new(),
        arguments: Vec::new(),
        secret: "s3cret".to_owned(),
    }
}

async fn serves(launcher: &dyn Launcher, running: &Running) {
    until(|| async {
        matches!(
            launcher.state(running, "s3cret").await,
            State::Serving { .. }
        )
        .then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_lab_starts_serves_and_leaves_no_process_when_it_is_stopped() {
    let world = World::new().await;
    let launcher = world.launcher();
    let running = launcher
        .start(&request(&world, "test/serves"))
        .await
        .unwrap();
    serves(&launcher, &running).await;
    assert!(matches!(
        launcher.state(&running, "wrong").await,
        State::Starting { .. }
    ));
    assert_eq!(
        launcher.alive().await.unwrap(),
        std::slice::from_ref(&world.ada.id)
    );
    assert_eq!(
        launcher.find(&world.ada.id, "ada").await.unwrap(),
        Some(running.clone())
    );

    let leader = pid(&running);
    let command = std::fs::read_to_string(format!("/proc/{leader}/cmdline")).unwrap();
    assert!(
        command.contains("lab.py") && !command.contains("s3cret"),
        "{command}"
    );
    let limits = std::fs::read_to_string(format!("/proc/{leader}/limits")).unwrap();
    let open_files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))
        .unwrap();
    assert_eq!(open_files.split_whitespace().nth(3), Some("200"));

    let all = processes(&launcher, &world.ada.id).await;
    assert_eq!((all[0], all.len()), (leader, 3));
    launcher
        .stop(&world.ada.id, None, Duration::from_secs(5))
        .await
        .unwrap();
    assert_eq!(all.iter().filter(|pid| lives(**pid)).count(), 0);
    launcher.ended(&running).await;
    assert!(matches!(
        launcher.state(&running, "s3cret").await,
        State::Ended {
            in_order: false,
            ..
        }
    ));
    assert!(
        launcher.alive().await.unwrap().is_empty()
            && launcher.find(&world.ada.id, "ada").await.unwrap().is_none()
    );
}

#[tokio::test]
async fn of_two_starts_at_once_one_becomes_a_lab() {
    let world = World::new().await;
    let (one, other) = (world.launcher(), world.launcher());
    let request = request(&world, "test/serves");
    let (first, second) = tokio::join!(one.start(&request), other.start(&request));
    // Whoever came too late says so; nobody else's process is taken for its own.
    let started: Vec<Running> = [first, second].into_iter().flatten().collect();
    assert!(!started.is_empty());
    let found = one.find(&world.ada.id, "ada").await.unwrap().unwrap();
    assert!(started.iter().any(|running| pid(running) == pid(&found)));
    serves(&one, &found).await;
    let log = one.logs(&world.ada.id, 10_000).await.unwrap();
    assert_eq!(log.matches("a lab begins").count(), 1, "{log}");
    one.stop(&world.ada.id, None, Duration::from_secs(5))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_start_that_is_no_longer_wanted_never_becomes_a_lab() {
    let world = World::new().await;
    let launcher = world.launcher();
    let running = launcher
        .start(&request(&world, "test/serves"))
        .await
        .unwrap();
    serves(&launcher, &running).await;
    launcher
        .stop(&world.ada.id, None, Duration::from_secs(5))
        .await
        .unwrap();
    let late = Command::new(env!("CARGO_BIN_EXE_gantry-lab-run"))
        .arg(world.path("data/datalabs").join(&world.ada.id))
        .arg(running.handle["attempt"].as_str().unwrap())
        .output()
        .unwrap();
    assert!(!late.status.success());
    assert_eq!(
        String::from_utf8_lossy(&late.stderr),
        "another start has taken the place of this one\n"
    );
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named_in_the_log() {
    let world = World::new().await;
    let launcher = world.launcher();
    let mut request = request(&world, "test/serves");
    request.lab.command = vec!["/nowhere/lab".to_owned()];
    let running = launcher.start(&request).await.unwrap();
    launcher.ended(&running).await;
    let log = launcher.logs(&world.ada.id, 1_000).await.unwrap();
    assert_eq!(
        log,
        "/nowhere/lab cannot be started: No such file or directory (os error 2)\n"
    );
}

/// `GANTRY_LABS_ENVIRONMENT` is the folder of an environment with JupyterLab.
#[tokio::test]
async fn jupyterlab_serves_asks_for_its_token_and_ends_with_its_kernels() {
    let Some(path) = std::env::var_os("GANTRY_LABS_ENVIRONMENT") else {
        eprintln!("left out: GANTRY_LABS_ENVIRONMENT is not set");
        return;
    };
    let world = World::new().await;
    let launcher = world.launcher();
    let environment = Environment::at(path.as_ref()).unwrap();
    let request = StartRequest {
        environment: Some(environment),
        ..request(&world, "sepp/jupyterlab")
    };
    let running = launcher.start(&request).await.unwrap();
    until(|| async {
        match launcher.state(&running, "s3cret").await {
            State::Serving { last_activity } => Some(last_activity.unwrap()),
            State::Starting { .. } => None,
            State::Ended { .. } => {
                panic!("{}", launcher.logs(&world.ada.id, 10_000).await.unwrap())
            }
        }
    })
    .await;
    assert!(matches!(
        launcher.state(&running, "wrong").await,
        State::Starting { .. }
    ));

    let kernel = format!(
        "http://127.0.0.1:{}/api/kernels",
        running.address.port().unwrap()
    );
    let script = format!(
        "import urllib.request as u\nr = u.Request('{kernel}', b'{{}}', {{'Authorization': 'token s3cret'}})\nprint(u.urlopen(r, timeout=30).status)"
    );
    let made = Command::new("python3")
        .args(["-c", &script])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&made.stdout),
        "201\n",
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let log = launcher.logs(&world.ada.id, 100_000).await.unwrap();
    assert!(!log.contains("s3cret"), "{log}");
    launcher
        .stop(&world.ada.id, None, Duration::from_secs(10))
        .await
        .unwrap();
    assert!(launcher.alive().await.unwrap().is_empty());
}
