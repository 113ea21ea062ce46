//! A store, a user with volumes, and a launcher, in a folder that goes away with every process it started.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use gantry_labs::launcher::{Launcher, LocalLauncher, LocalLauncherConfig, Running};
use gantry_labs::{
    Citation, Cite, EnvironmentState, LabCatalogue, Labs, LabsConfig, LaunchRequest,
};
use gantry_net::{Net, NetConfig};
use gantry_store::{Datalab, Phase, Seal, Store, User, Volume};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longer than anything takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) ada: User,
    pub(crate) environment: watch::Sender<EnvironmentState>,
    folder: tempfile::TempDir,
}

/// Labs that run until they are let go.
pub(crate) struct RunningLabs {
    pub(crate) labs: Arc<Labs>,
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&format!(
            "sqlite:{}",
            folder.path().join("gantry.db").display()
        ))
        .await
        .unwrap();
        let ada = store.ensure_user("ada", false).await.unwrap();
        let world = Self {
            store,
            ada,
            environment: watch::channel(EnvironmentState::Making("fetching numpy".to_owned())).0,
            folder,
        };
        world.write_labs();
        world.volume("workspace", "local").await;
        world.volume("cmb", "local").await;
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) async fn volume(&self, name: &str, kind: &str) -> Volume {
        let path = self.path(name);
        std::fs::create_dir_all(&path).unwrap();
        let volume = Volume {
            kind: kind.to_owned(),
            permanent: name == "workspace",
            ..Volume::local(&self.ada.id, name, path.to_str().unwrap())
        };
        self.store.new_volume(&volume).await.unwrap()
    }

    /// `test/serves`, `test/dies`, `test/idle`, `test/python`, which needs the environment, and those whose name says
    /// how a Hub starts them.
    fn write_labs(&self) {
        std::fs::create_dir(self.path("catalogue")).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/labs/lab.py");
        for (name, environment, what) in [
            ("serves", "system", "serve"),
            ("dies", "system", "die"),
            ("idle", "system", "idle"),
            ("python", "python", "serve"),
            ("slow", "system", "serve"),
            ("raises", "system", "serve"),
            ("jupyter", "python", "serve"),
        ] {
            let text = format!(
                "namespace = 'test'\nname = '{name}'\nversion = 'v1'\ntitle = 'Test lab'\ndescription = 'A lab.'\nkind = 'notebook'\n\
                 environment = '{environment}'\ncommand = ['python3', '{}', '{{port}}', '{what}']\nsecret_variable = 'LAB_SECRET'\n\
                 health = '/healthy'\nopen = '{}'\nopen_file = '/lab/tree'\nsecret_query = 'token'\n[resources]\nopen_files = 200\n",
                script.display(),
                if name == "jupyter" {
                    "/api/status"
                } else {
                    "/lab"
                },
            );
            std::fs::write(self.path("catalogue").join(format!("{name}.toml")), text).unwrap();
        }
    }

    pub(crate) fn catalogue(&self) -> LabCatalogue {
        LabCatalogue::load(Some(&self.path("catalogue"))).unwrap()
    }

    pub(crate) fn launcher(&self) -> LocalLauncher {
        LocalLauncher::new(LocalLauncherConfig {
            data_dir: self.path("data"),
            lab_run: (env!("CARGO_BIN_EXE_gantry-lab-run").into(), Vec::new()),
            net: Net::new(NetConfig::default()).unwrap(),
        })
        .unwrap()
    }

    pub(crate) fn labs_with(&self, change: impl FnOnce(&mut LabsConfig)) -> Labs {
        self.labs_on(Arc::new(self.launcher()), change)
    }

    pub(crate) fn labs_on(
        &self,
        launcher: Arc<dyn Launcher>,
        change: impl FnOnce(&mut LabsConfig),
    ) -> Labs {
        let mut config = LabsConfig {
            store: self.store.clone(),
            seal: Seal::open(&self.path("key")).unwrap(),
            data_dir: self.path("data"),
            public_url: "http://localhost:8080".to_owned(),
            environment: self.environment.subscribe(),
            catalogue: self.catalogue(),
            cite: Arc::new(Everybody),
            stop_all_at_end: false,
            idle_s: None,
            per_user: None,
            cache_dir: self.path("cache"),
        };
        change(&mut config);
        Labs::new(config, launcher)
    }

    pub(crate) fn run(&self) -> RunningLabs {
        RunningLabs::of(self.labs_with(|_| {}))
    }

    pub(crate) async fn launch(&self, labs: &Labs, lab: &str) -> Datalab {
        labs.launch(&self.ada, asks(lab), None).await.unwrap()
    }

    pub(crate) async fn row(&self, datalab: &Datalab) -> Datalab {
        self.store.datalab_by_id(&datalab.id).await.unwrap()
    }

    /// The beginnings of a datalab's lab: process and variables.
    pub(crate) fn begun(&self, datalab: &str) -> Vec<(u64, Value)> {
        let file = self.path("workspace").join(format!("begun-{datalab}"));
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let lines = text.lines().map(|line| line.split_once(' ').unwrap());
        lines
            .map(|(pid, variables)| {
                (
                    pid.parse().unwrap(),
                    serde_json::from_str(variables).unwrap(),
                )
            })
            .collect()
    }

    /// The row, once it is in this phase.
    pub(crate) async fn reaches(&self, datalab: &Datalab, phase: Phase) -> Datalab {
        until(|| async {
            let row = self.row(datalab).await;
            assert!(
                row.phase == phase || !row.phase.is_final(),
                "{:?}: {:?}",
                row.phase,
                row.message
            );
            (row.phase == phase).then_some(row)
        })
        .await
    }
}

impl RunningLabs {
    pub(crate) fn of(labs: Labs) -> Self {
        let (labs, cancel) = (Arc::new(labs), CancellationToken::new());
        let run = labs.clone().run(cancel.clone());
        let task = tokio::spawn(async move { run.await.unwrap() });
        Self { labs, cancel, task }
    }

    /// Lets them go in order, as when Gantry ends.
    pub(crate) async fn end(self) {
        self.cancel.cancel();
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .unwrap()
            .unwrap();
    }

    /// Breaks them off where they are, as when Gantry is killed.
    pub(crate) async fn break_off(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

/// Ends whatever a failed test left behind.
impl Drop for World {
    fn drop(&mut self) {
        let place = self.folder.path().to_str().unwrap().to_owned();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            if String::from_utf8_lossy(&environment)
                .contains(&format!("JUPYTER_RUNTIME_DIR={place}/"))
            {
                let _ = std::process::Command::new("kill")
                    .arg("-9")
                    .arg(entry.file_name())
                    .status();
            }
        }
    }
}

struct Everybody;

impl Cite for Everybody {
    fn cite<'a>(
        &'a self,
        selection: &'a str,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Citation, String>> {
        let text = format!("Everybody, {selection}.");
        async {
            Ok(Citation {
                text,
                ..Citation::default()
            })
        }
        .boxed()
    }
}

pub(crate) fn asks(lab: &str) -> LaunchRequest {
    LaunchRequest {
        lab: lab.to_owned(),
        ..LaunchRequest::default()
    }
}

/// The answer, once there is one.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(ask: impl Fn() -> F) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "it did not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn running(row: &Datalab) -> Running {
    serde_json::from_str(row.running.as_deref().unwrap()).unwrap()
}

pub(crate) fn pid(running: &Running) -> u64 {
    running.handle["process"]["pid"].as_u64().unwrap()
}

/// The processes a test lab says it has: itself, its kernel, a child.
pub(crate) async fn processes(launcher: &dyn Launcher, datalab: &str) -> Vec<u64> {
    until(|| async {
        let log = launcher.logs(datalab, 10_000).await.unwrap();
        let line = log
            .lines()
            .find_map(|line| line.strip_prefix("processes "))?
            .to_owned();
        Some(line.split(' ').map(|pid| pid.parse().unwrap()).collect())
    })
    .await
}

/// Whether a process runs; one that only waits for its parent does not.
pub(crate) fn lives(pid: u64) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')')
        .is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}
