//! A real JupyterHub on free ports, with the hook and the configuration that operators get.
//!
//! `tests/setup` installs it. Where it is missing the tests say so and do not run, unless `GANTRY_REQUIRE_SERVERS` is
//! set, as it is where everything must run.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gantry_labs::launcher::{HubLauncher, HubLauncherConfig, Launcher};
use gantry_net::{Net, NetConfig, Url};
use tokio::sync::OnceCell;

use crate::world::{World, until};

/// The token of Gantry's service at the Hub.
pub(crate) const TOKEN: &str = "a-token-of-the-tests";

/// A Hub that ends with the tests, whatever becomes of them: it reads a pipe they hold.
pub(crate) struct Hub {
    folder: tempfile::TempDir,
    ports: [u16; 3],
    settings: Vec<(&'static str, u32)>,
    process: Mutex<Option<Child>>,
}

impl Hub {
    /// The one of all tests that leave it as it is; `None` where there is no JupyterHub.
    pub(crate) async fn shared() -> Option<&'static Self> {
        static SHARED: OnceCell<Option<Hub>> = OnceCell::const_new();
        SHARED
            .get_or_init(|| Self::start(&[("makes_users", 1)]))
            .await
            .as_ref()
    }

    /// One with these settings of class `JupyterHub`.
    pub(crate) async fn start(settings: &[(&'static str, u32)]) -> Option<Self> {
        if !["jupyterhub", "configurable-http-proxy", "node"]
            .into_iter()
            .all(is_there)
        {
            return None;
        }
        let hub = Self {
            folder: tempfile::tempdir().unwrap(),
            ports: free_ports(),
            settings: settings.to_vec(),
            process: Mutex::new(None),
        };
        for file in [hub.token_file(), hub.folder.path().join("token-at-the-hub")] {
            std::fs::write(file, TOKEN).unwrap();
        }
        hub.start_again().await;
        Some(hub)
    }

    pub(crate) fn url(&self) -> Url {
        let text = format!("http://127.0.0.1:{}/jupyter/", self.ports[0]);
        text.parse().unwrap()
    }

    /// Gantry's copy of the token.
    pub(crate) fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    /// Starts it, also after it was killed, and waits until it answers.
    pub(crate) async fn start_again(&self) {
        let log = std::fs::File::options()
            .append(true)
            .create(true)
            .open(self.folder.path().join("log"))
            .unwrap();
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/labs/hub_config.py");
        let at_the_hub = self.folder.path().join("token-at-the-hub");
        let ports = self.ports.map(|port| port.to_string()).join(",");
        let mut command = Command::new("jupyterhub");
        command
            .arg("--config")
            .arg(config)
            .current_dir(self.folder.path())
            .env("GANTRY_HUB_PLACE", self.folder.path())
            .env("GANTRY_HUB_PORTS", ports)
            .env("GANTRY_HUB_TOKEN_FILE", &at_the_hub)
            .env("GANTRY_HUB_ROOTS", std::env::temp_dir())
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        for (name, value) in &self.settings {
            command.env(format!("GANTRY_HUB_SET_{name}"), value.to_string());
        }
        *self.process.lock().unwrap() = Some(command.spawn().unwrap());
        let launcher = self.launcher_with("the tests", |config| config.token_file = at_the_hub);
        until(|| async {
            let ended = self.process.lock().unwrap().as_mut().unwrap().try_wait();
            assert!(ended.unwrap().is_none(), "{}", self.log());
            launcher.check().await.ok()
        })
        .await;
    }

    /// Kills it where it is; its labs and its proxy stay.
    pub(crate) fn kill(&self) {
        let mut process = self.process.lock().unwrap().take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    pub(crate) fn launcher(&self, gantry: &str) -> HubLauncher {
        self.launcher_with(gantry, |_| {})
    }

    pub(crate) fn launcher_with(
        &self,
        gantry: &str,
        change: impl FnOnce(&mut HubLauncherConfig),
    ) -> HubLauncher {
        let mut config = HubLauncherConfig {
            url: self.url(),
            token_file: self.token_file(),
            mounts: false,
            labs: Vec::new(),
            archive_mounts: Vec::new(),
            gantry: gantry.to_owned(),
            look_every: Duration::from_millis(100),
            net: Net::new(NetConfig::default()).unwrap(),
        };
        change(&mut config);
        HubLauncher::new(config)
    }

    /// For the labs of one world.
    pub(crate) fn launcher_of(&self, world: &World) -> Arc<dyn Launcher> {
        Arc::new(self.launcher(&world.store.catalogue().to_string()))
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// Ends a Hub of one test in order, its proxy and its labs with it.
impl Drop for Hub {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.lock().unwrap().take() {
            drop(process.stdin.take());
            let _ = process.wait();
        }
    }
}

fn free_ports() -> [u16; 3] {
    let sockets = [(); 3].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    sockets.map(|socket| socket.local_addr().unwrap().port())
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|folder| folder.join(program).exists()) {
        return true;
    }
    assert!(
        std::env::var_os("GANTRY_REQUIRE_SERVERS").is_none(),
        "{program} is not installed; run tests/setup"
    );
    #[expect(clippy::print_stdout, reason = "the word is for who runs the tests")]
    {
        println!("NOT RUN: {program} is not installed; tests/setup installs it");
    }
    false
}
