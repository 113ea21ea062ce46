//! What every launcher does, on each of them: processes of this machine, and a JupyterHub.

use std::sync::Arc;
use std::time::Duration;

use gantry_labs::launcher::{Launcher, StartRequest, State};
use gantry_labs::{LaunchRequest, PlannedVolume, VolumeRequest};
use gantry_store::{DatalabUpdate, Phase};
use serde_json::json;

use crate::hub_world::Hub;
use crate::world::{RunningLabs, World, asks, lives, until};

/// A world and the launcher its labs run on.
struct Place {
    world: World,
    launcher: Arc<dyn Launcher>,
}

impl Place {
    async fn local() -> Option<Self> {
        let world = World::new().await;
        let launcher = Arc::new(world.launcher());
        Some(Self { world, launcher })
    }

    async fn hub() -> Option<Self> {
        let hub = Hub::shared().await?;
        let world = World::new().await;
        let launcher = hub.launcher_of(&world);
        Some(Self { world, launcher })
    }

    fn run(&self) -> RunningLabs {
        RunningLabs::of(self.world.labs_on(self.launcher.clone(), |_| {}))
    }

    fn begun(&self, datalab: &str) -> Vec<u64> {
        let begun = self.world.begun(datalab).into_iter();
        begun.map(|(pid, _)| pid).collect()
    }

    fn n_alive(&self, datalab: &str) -> usize {
        let begun = self.begun(datalab).into_iter();
        begun.filter(|pid| lives(*pid)).count()
    }

    fn request(&self, datalab: &str) -> StartRequest {
        request(&self.world, datalab)
    }
}

/// A start of the lab that serves, in ada's workspace.
pub(crate) fn request(world: &World, datalab: &str) -> StartRequest {
    let path = world.path("workspace");
    StartRequest {
        datalab: datalab.to_owned(),
        owner: world.ada.id.clone(),
        user: world.ada.name.clone(),
        lab: world.catalogue().lab("test/serves").unwrap().clone(),
        environment: None,
        volumes: vec![PlannedVolume {
            name: "workspace".to_owned(),
            path: path.to_str().unwrap().to_owned(),
            subpath: None,
            mount_path: None,
            read_only: false,
            not_enforced: Vec::new(),
        }],
        workspace: path,
        variables: [("GANTRY_TOKEN".to_owned(), "gnt_1".to_owned())].into(),
        arguments: Vec::new(),
        secret: "s3cret".to_owned(),
    }
}

/// Each of these on every launcher, as a test of its own.
macro_rules! on_every_launcher {
    ($($name:ident)*) => {
        mod local {
            $(#[tokio::test]
            async fn $name() {
                let place = super::Place::local().await.unwrap();
                super::$name(place).await;
            })*
        }
        mod jupyterhub {
            $(#[tokio::test]
            async fn $name() {
                if let Some(place) = super::Place::hub().await {
                    super::$name(place).await;
                }
            })*
        }
    };
}

on_every_launcher! {
    a_lab_starts_is_found_serves_and_is_gone_when_it_is_stopped
    of_two_starts_at_once_there_is_one_lab
    a_datalab_serves_with_its_volumes_and_its_variables_until_it_is_stopped
    a_lab_outlives_gantry_and_is_adopted_by_the_next
    wherever_gantry_is_killed_the_next_has_one_lab
    a_lab_whose_row_has_ended_is_ended_at_the_start
    a_lab_that_dies_at_its_start_ends_in_error
    a_lab_ends_at_its_time_limit
    labs_that_are_to_end_with_gantry_do
}

async fn a_lab_starts_is_found_serves_and_is_gone_when_it_is_stopped(place: Place) {
    let (launcher, id) = (&place.launcher, place.world.ada.id.clone());
    assert!(launcher.find(&id, "ada").await.unwrap().is_none());
    launcher
        .stop(&id, Some("ada"), Duration::from_secs(1))
        .await
        .unwrap();
    let running = launcher.start(&place.request(&id)).await.unwrap();
    until(|| async {
        let state = launcher.state(&running, "s3cret").await;
        matches!(state, State::Serving { .. }).then_some(())
    })
    .await;
    assert_eq!(
        launcher.find(&id, "ada").await.unwrap(),
        Some(running.clone())
    );
    assert_eq!(
        launcher.alive().await.unwrap(),
        std::slice::from_ref(&place.world.ada.id)
    );
    // Whoever starts it again finds it.
    assert_eq!(place.begun(&id).len(), 1);

    launcher
        .stop(&id, None, Duration::from_secs(5))
        .await
        .unwrap();
    launcher.ended(&running).await;
    let state = launcher.state(&running, "s3cret").await;
    assert!(matches!(state, State::Ended { .. }), "{state:?}");
    assert_eq!(place.n_alive(&id), 0);
    assert!(launcher.alive().await.unwrap().is_empty());
    assert!(launcher.find(&id, "ada").await.unwrap().is_none());
}

async fn of_two_starts_at_once_there_is_one_lab(place: Place) {
    let id = place.world.ada.id.clone();
    let (one, other) = (place.request(&id), place.request(&id));
    let (first, second) = tokio::join!(place.launcher.start(&one), place.launcher.start(&other));
    // Whoever came too late may say so, or have ended the other; `Labs` looks and asks again.
    drop((first, second));
    until(|| async {
        let running = match place.launcher.find(&id, "ada").await.ok()? {
            Some(running) => running,
            None => place.launcher.start(&one).await.ok()?,
        };
        let state = place.launcher.state(&running, "s3cret").await;
        matches!(state, State::Serving { .. }).then_some(())
    })
    .await;
    assert_eq!(place.n_alive(&id), 1);
    place
        .launcher
        .stop(&id, Some("ada"), Duration::from_secs(5))
        .await
        .unwrap();
    assert_eq!(place.n_alive(&id), 0);
}

async fn a_datalab_serves_with_its_volumes_and_its_variables_until_it_is_stopped(place: Place) {
    let ran = place.run();
    let world = &place.world;
    let request = LaunchRequest {
        volumes: vec![VolumeRequest {
            name: "cmb".to_owned(),
            read_only: true,
            ..VolumeRequest::default()
        }],
        env: [("MINE".to_owned(), "{braces}".to_owned())].into(),
        ..asks("test/serves")
    };
    let datalab = ran.labs.launch(&world.ada, request, None).await.unwrap();
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
        (&view["ready"], &view["waiting_for"]),
        (&json!(true), &json!([]))
    );

    let (pid, variables) = world.begun(&row.id).pop().unwrap();
    assert_eq!(
        (
            &variables["MINE"],
            &variables["HOME"],
            &variables["GANTRY_URL"]
        ),
        (
            &json!("{braces}"),
            &json!(path("workspace")),
            &json!("http://localhost:8080")
        )
    );
    assert_eq!(
        variables["GANTRY_VOLUMES"],
        json!({"cmb": path("cmb"), "workspace": path("workspace")}).to_string()
    );
    assert_eq!(
        std::fs::read_link(world.path("workspace/data/cmb")).unwrap(),
        world.path("cmb")
    );
    let token = variables["GANTRY_TOKEN"].as_str().unwrap();
    assert!(world.store.token_user(token, 60).await.unwrap().is_some());

    ran.labs.stop(&row).await.unwrap();
    let row = world.reaches(&datalab, Phase::Aborted).await;
    assert_eq!(row.message.as_deref(), Some("it was stopped"));
    assert!(!lives(pid));
    assert!(world.store.token_user(token, 60).await.unwrap().is_none());
    ran.end().await;
}

async fn a_lab_outlives_gantry_and_is_adopted_by_the_next(place: Place) {
    let world = &place.world;
    let first = place.run();
    let datalab = world.launch(&first.labs, "test/serves").await;
    let before = world.reaches(&datalab, Phase::Executing).await;
    first.end().await;

    let second = place.run();
    assert_eq!(
        world.launch(&second.labs, "test/serves").await.id,
        datalab.id
    );
    // Adopted, it is watched: that somebody else stops it is noticed.
    let now = world.row(&datalab).await;
    assert_eq!(now.running, before.running);
    assert_eq!(place.n_alive(&datalab.id), 1);
    place
        .launcher
        .stop(&datalab.id, Some("ada"), Duration::from_secs(5))
        .await
        .unwrap();
    until(|| async {
        let row = world.row(&datalab).await;
        row.phase.is_final().then_some(())
    })
    .await;
    assert_eq!(place.begun(&datalab.id).len(), 1);
    second.end().await;
}

async fn wherever_gantry_is_killed_the_next_has_one_lab(place: Place) {
    let world = &place.world;
    let rounds = std::env::var("GANTRY_TEST_ROUNDS").ok();
    let rounds = rounds.map_or(5, |rounds| rounds.parse().expect("a number of rounds"));
    for round in 0..rounds {
        // Every phase of a start, and later times in further rounds.
        let wait_ms = [0, 15, 60, 150, 400, 1_100][round % 6] + 7 * (round as u64 / 6);
        let first = place.run();
        let datalab = world.launch(&first.labs, "test/serves").await;
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        first.break_off().await;

        let second = place.run();
        let row = world.reaches(&datalab, Phase::Executing).await;
        assert_eq!(place.n_alive(&row.id), 1, "killed after {wait_ms} ms");
        second.labs.stop(&row).await.unwrap();
        world.reaches(&datalab, Phase::Aborted).await;
        assert_eq!(place.n_alive(&row.id), 0);
        second.end().await;
    }
}

async fn a_lab_whose_row_has_ended_is_ended_at_the_start(place: Place) {
    let world = &place.world;
    let first = place.run();
    let datalab = world.launch(&first.labs, "test/serves").await;
    world.reaches(&datalab, Phase::Executing).await;
    first.end().await;
    let lease = world.store.claim_datalab("the test").await.unwrap();
    let aborted = DatalabUpdate {
        phase: Some(Phase::Aborted),
        ..DatalabUpdate::default()
    };
    world
        .store
        .update_datalab(&lease.unwrap(), &aborted)
        .await
        .unwrap();

    let second = place.run();
    until(|| async { (place.n_alive(&datalab.id) == 0).then_some(()) }).await;
    second.end().await;
}

async fn a_lab_that_dies_at_its_start_ends_in_error(place: Place) {
    let ran = place.run();
    let datalab = place.world.launch(&ran.labs, "test/dies").await;
    let row = place.world.reaches(&datalab, Phase::Error).await;
    let message = row.message.unwrap();
    assert!(message.starts_with("Test lab "), "{message}");
    let begun = place.world.begun(&datalab.id);
    let token = begun[0].1["GANTRY_TOKEN"].as_str().unwrap();
    assert!(!message.contains(token), "{message}");
    ran.end().await;
}

async fn a_lab_ends_at_its_time_limit(place: Place) {
    let ran = place.run();
    let request = LaunchRequest {
        time_limit_s: Some(3),
        ..asks("test/serves")
    };
    let world = &place.world;
    let datalab = ran.labs.launch(&world.ada, request, None).await.unwrap();
    let row = world.reaches(&datalab, Phase::Completed).await;
    assert_eq!(row.message.as_deref(), Some("its time limit was reached"));
    assert_eq!(place.n_alive(&datalab.id), 0);
    ran.end().await;
}

async fn labs_that_are_to_end_with_gantry_do(place: Place) {
    let world = &place.world;
    let end = |config: &mut gantry_labs::LabsConfig| config.stop_all_at_end = true;
    let ran = RunningLabs::of(world.labs_on(place.launcher.clone(), end));
    let datalab = world.launch(&ran.labs, "test/serves").await;
    world.reaches(&datalab, Phase::Executing).await;
    ran.end().await;
    assert_eq!(
        world.row(&datalab).await.message.as_deref(),
        Some("it ended with Gantry")
    );
    assert_eq!(place.n_alive(&datalab.id), 0);
}
