//! Labs as processes of this machine, under the system user of Gantry.
//!
//! Each is started through `lab-run`, listens on 127.0.0.1 and outlives Gantry. Its folder says what was wanted and
//! what came of it, so it is found again without any record.

mod spec;
mod stop;

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use gantry_net::{Net, Url};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use self::spec::{claim, wanted};
use super::folder::{Folder, Spec};
use super::process::{MARK, Process, marked};
use super::{Launcher, Running, StartRequest, State, health};
use crate::{Lab, LabError, environment, to_install};

/// The program that shows a desktop to a browser, which labs of that kind start with.
const DESKTOP: &str = include_str!("../../desktop/gantry_desktop.py");

/// How long a process may take until it has written down who it is.
const RECORDED_WITHIN: Duration = Duration::from_secs(20);

/// How long a lab may take until it serves.
const SERVES_WITHIN: Duration = Duration::from_secs(120);

/// How often a process is looked at; an adopted one is no child, so nobody tells of its end.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What the local launcher needs to know.
#[derive(Debug, Clone)]
pub struct LocalLauncherConfig {
    /// The folder of Gantry's data; datalabs are in `datalabs` below it.
    pub data_dir: PathBuf,
    /// The program that becomes a lab, and its first arguments: Gantry itself and `lab-run`.
    pub lab_run: (PathBuf, Vec<OsString>),
    /// The way to the labs.
    pub net: Net,
}

/// Labs as processes of this machine; cheap to clone.
#[derive(Debug, Clone)]
pub struct LocalLauncher {
    config: Arc<LocalLauncherConfig>,
    /// How processes that this Gantry started have ended, by attempt.
    exits: Arc<Mutex<HashMap<String, ExitStatus>>>,
}

impl LocalLauncher {
    /// A launcher of labs below `data_dir`.
    ///
    /// # Errors
    /// [`LabError::Io`] when its folder cannot be made.
    pub fn new(config: LocalLauncherConfig) -> Result<Self, LabError> {
        let launcher = Self {
            config: Arc::new(config),
            exits: Arc::default(),
        };
        launcher.folder("").create()?;
        let client = launcher.client();
        environment::write_client(&client).map_err(|error| {
            LabError::io("write the Python client to", &client)(std::io::Error::other(error))
        })?;
        let desktop = launcher.desktop();
        std::fs::write(&desktop, DESKTOP).map_err(LabError::io("write", &desktop))?;
        Ok(launcher)
    }

    fn folder(&self, datalab: &str) -> Folder {
        Folder::at(&self.config.data_dir.join("datalabs").join(datalab))
    }

    /// Where the Python client is for environments that lack it.
    fn client(&self) -> PathBuf {
        self.config.data_dir.join("labs-python")
    }

    /// The program that shows a desktop to a browser.
    fn desktop(&self) -> PathBuf {
        self.config.data_dir.join("labs-desktop.py")
    }

    /// What a user's labs can make again, such as the list of fonts.
    fn cache(&self, request: &StartRequest) -> PathBuf {
        let caches = self.config.data_dir.join("labs-cache");
        caches.join(&request.owner)
    }

    async fn start_process(&self, request: &StartRequest) -> Result<Running, LabError> {
        let folder = self.folder(&request.datalab);
        let spec = wanted(request, &self.desktop()).await?;
        let (claimed, wanted) = (folder.clone(), spec.clone());
        if let Some((spec, process)) = blocking(move || claim(&claimed, &wanted)).await? {
            return Ok(running(&request.datalab, &spec, &process));
        }
        let cache = self.cache(request);
        std::fs::create_dir_all(&cache).map_err(LabError::io("make the folder", &cache))?;
        folder.write_files(&request.lab.runtime_files)?;
        let child = self.spawn(&folder, &spec.attempt, request)?;
        let pid = child.id();
        self.reap(child, spec.attempt.clone());
        let process = self.recorded(&folder, &spec.attempt, request).await?;
        tracing::info!(
            datalab.id = request.datalab,
            lab.id = request.lab.id(),
            process.pid = pid,
            "started a lab"
        );
        Ok(running(&request.datalab, &spec, &process))
    }

    fn spawn(
        &self,
        folder: &Folder,
        attempt: &str,
        request: &StartRequest,
    ) -> Result<Child, LabError> {
        let log = folder.open_log()?;
        let errors = log
            .try_clone()
            .map_err(LabError::io("open the log of", folder.path()))?;
        let (program, first) = &self.config.lab_run;
        Command::new(program)
            .args(first)
            .arg(folder.path())
            .arg(attempt)
            .env_clear()
            .envs(self.variables(folder, request))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(LabError::io("run", program))
    }

    fn variables(&self, folder: &Folder, request: &StartRequest) -> Vec<(OsString, OsString)> {
        let mut path = request
            .environment
            .as_ref()
            .map(|environment| environment.bin.clone().into_os_string())
            .unwrap_or_default();
        if !path.is_empty() {
            path.push(":");
        }
        path.push(programs());
        let cache = self.cache(request);
        let mut variables: Vec<(OsString, OsString)> = vec![
            ("PATH".into(), path),
            ("HOME".into(), request.workspace.clone().into()),
            ("LANG".into(), "C.UTF-8".into()),
            ("SHELL".into(), "/bin/bash".into()),
            ("JUPYTER_RUNTIME_DIR".into(), folder.runtime().into()),
            ("XDG_RUNTIME_DIR".into(), folder.runtime().into()),
            // Else a lab opens with what was open in another of the same user.
            (
                "JUPYTERLAB_WORKSPACES_DIR".into(),
                folder.runtime().join("workspaces").into(),
            ),
            ("XDG_CACHE_HOME".into(), cache.clone().into()),
            ("MPLCONFIGDIR".into(), cache.join("matplotlib").into()),
        ];
        if let Some(python_path) = self.python_path(request) {
            variables.push(("PYTHONPATH".into(), python_path));
        }
        variables.extend(
            request
                .variables
                .iter()
                .map(|(name, value)| (name.into(), value.into())),
        );
        variables.push((MARK.into(), request.datalab.clone().into()));
        if let Some(name) = &request.lab.secret_variable {
            variables.push((name.into(), request.secret.clone().into()));
        }
        variables
    }

    /// Where Python finds what its environment lacks: the client, and the lab's packages.
    fn python_path(&self, request: &StartRequest) -> Option<OsString> {
        let environment = request.environment.as_ref()?;
        let client = (!environment.has_client).then(|| self.client());
        let folders: Vec<PathBuf> = environment.packages.iter().cloned().chain(client).collect();
        let joined = std::env::join_paths(&folders).ok()?;
        (!folders.is_empty()).then_some(joined)
    }

    /// Waits for the end of a child, so that it does not linger as a zombie.
    fn reap(&self, mut child: Child, attempt: String) {
        let exits = self.exits.clone();
        tokio::spawn(async move {
            if let Ok(status) = child.wait().await {
                exits
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(attempt, status);
            }
        });
    }

    fn exit(&self, attempt: &str) -> Option<ExitStatus> {
        self.exits
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(attempt)
            .copied()
    }

    /// Waits until a process has written down who it is.
    async fn recorded(
        &self,
        folder: &Folder,
        attempt: &str,
        request: &StartRequest,
    ) -> Result<Process, LabError> {
        let deadline = Instant::now() + RECORDED_WITHIN;
        loop {
            let over = self.exit(attempt).is_some() || Instant::now() > deadline;
            if let Some(started) = folder
                .started()?
                .filter(|started| started.attempt == attempt)
            {
                return Ok(started.process);
            }
            if over {
                let tail = folder.tail(2_000)?;
                let said = tail.lines().last().unwrap_or("its process did not say why");
                return Err(LabError::Start {
                    lab: request.lab.title.clone(),
                    why: said.to_owned(),
                });
            }
            sleep(Duration::from_millis(2)).await;
        }
    }

    async fn state_of(&self, running: &Running, secret: &str) -> State {
        let Some(handle) = Handle::of(running) else {
            return State::Ended {
                text: "it was not started here".to_owned(),
                in_order: false,
            };
        };
        if handle.process.is_alive() {
            return health::ask(&self.config.net, running, secret).await;
        }
        // The parent learns how a process ended a moment after it has; of an adopted one it never does.
        for _ in 0..50 {
            if self.exit(&handle.attempt).is_some() {
                break;
            }
            sleep(Duration::from_millis(2)).await;
        }
        let exit = self.exit(&handle.attempt);
        State::Ended {
            text: match exit {
                None => "it has ended".to_owned(),
                Some(exit) if exit.success() => "it was shut down from within".to_owned(),
                Some(exit) => format!("it has ended, {exit}"),
            },
            in_order: exit.is_some_and(|exit| exit.success()),
        }
    }
}

impl Launcher for LocalLauncher {
    fn name(&self) -> &'static str {
        "local"
    }

    fn is_here(&self) -> bool {
        true
    }

    fn serves_within(&self) -> Duration {
        SERVES_WITHIN
    }

    fn lacks(&self, lab: &Lab) -> Option<String> {
        to_install(&lab.missing(&programs()))
    }

    fn mountable(&self, volume_kind: &str) -> bool {
        volume_kind == "local"
    }

    fn mounts(&self) -> bool {
        false
    }

    fn start<'a>(&'a self, request: &'a StartRequest) -> BoxFuture<'a, Result<Running, LabError>> {
        self.start_process(request).boxed()
    }

    fn find<'a>(
        &'a self,
        datalab: &'a str,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<Running>, LabError>> {
        async move {
            let living = self.folder(datalab).living();
            Ok(living.map(|(spec, process)| running(datalab, &spec, &process)))
        }
        .boxed()
    }

    fn state<'a>(&'a self, running: &'a Running, secret: &'a str) -> BoxFuture<'a, State> {
        self.state_of(running, secret).boxed()
    }

    fn ended<'a>(&'a self, running: &'a Running) -> BoxFuture<'a, ()> {
        async move {
            let Some(process) = Handle::of(running).map(|handle| handle.process) else {
                return;
            };
            while process.is_alive() {
                sleep(LOOK_EVERY).await;
            }
        }
        .boxed()
    }

    fn stop<'a>(
        &'a self,
        datalab: &'a str,
        _: Option<&'a str>,
        grace: Duration,
    ) -> BoxFuture<'a, Result<(), LabError>> {
        self.stop_all_of(datalab, grace).boxed()
    }

    fn key<'a>(
        &'a self,
        _: &'a Running,
        lab: &'a Lab,
        secret: &'a str,
    ) -> BoxFuture<'a, Result<Option<(String, String)>, LabError>> {
        let name = lab.secret_query.clone();
        async move { Ok(name.map(|name| (name, secret.to_owned()))) }.boxed()
    }

    fn logs<'a>(
        &'a self,
        datalab: &'a str,
        tail_bytes: u64,
    ) -> BoxFuture<'a, Result<String, LabError>> {
        let folder = self.folder(datalab);
        async move { blocking(move || folder.tail(tail_bytes)).await }.boxed()
    }

    fn alive(&self) -> BoxFuture<'_, Result<Vec<String>, LabError>> {
        let root = self.folder("");
        async move {
            let find = move || {
                let entries = std::fs::read_dir(root.path())
                    .into_iter()
                    .flatten()
                    .flatten();
                let ids: Vec<String> = entries
                    .filter_map(|entry| entry.file_name().into_string().ok())
                    .collect();
                let marked = marked();
                let lives = |id: &String| {
                    marked.contains(id) || Folder::at(&root.path().join(id)).living().is_some()
                };
                Ok(ids.into_iter().filter(lives).collect())
            };
            blocking(find).await
        }
        .boxed()
    }

    fn check(&self) -> BoxFuture<'_, Result<String, LabError>> {
        async { Ok("labs are processes of this machine".to_owned()) }.boxed()
    }
}

/// Where labs of this machine look for programs.
fn programs() -> OsString {
    std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into())
}

/// What this launcher needs to find a process again.
#[derive(serde::Serialize, serde::Deserialize)]
struct Handle {
    attempt: String,
    process: Process,
}

impl Handle {
    fn of(running: &Running) -> Option<Self> {
        serde_json::from_value(running.handle.clone()).ok()
    }
}

fn running(datalab: &str, spec: &Spec, process: &Process) -> Running {
    let handle = Handle {
        attempt: spec.attempt.clone(),
        process: process.clone(),
    };
    Running {
        launcher: "local".to_owned(),
        datalab: datalab.to_owned(),
        address: Url::parse(&format!("http://127.0.0.1:{}", spec.port))
            .expect("it has only a port of its own"),
        health: spec.health.clone(),
        handle: serde_json::to_value(handle).expect("it has only string keys"),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LabError> + Send + 'static,
) -> Result<T, LabError> {
    match tokio::task::spawn_blocking(work)
        .await
        .map_err(tokio::task::JoinError::try_into_panic)
    {
        Ok(done) => done,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // The runtime is going away, and with it whoever waits here.
        Err(Err(_)) => std::future::pending().await,
    }
}
