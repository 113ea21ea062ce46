//! Launchers: where the processes of datalabs run, and how they are found again.
//!
//! A launcher knows a datalab by its id, so what it started and nobody had time to record is found and ended as well.
//! What a datalab is for, whose it is and when it ends is the matter of [`crate::Labs`].

pub(crate) mod folder;
mod health;
mod hub;
mod local;
pub(crate) mod process;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use gantry_net::Url;
use serde::{Deserialize, Serialize};

pub use hub::{HubLauncher, HubLauncherConfig};
pub use local::{LocalLauncher, LocalLauncherConfig};

use crate::{Environment, Lab, LabError, PlannedVolume};

/// Starts, watches and ends labs somewhere.
pub trait Launcher: Send + Sync + fmt::Debug {
    /// Its kind, such as `local`.
    fn name(&self) -> &'static str;

    /// Whether its labs run on this machine, with the Python environment that Gantry makes.
    fn is_here(&self) -> bool;

    /// How long a lab may take until it serves.
    fn serves_within(&self) -> Duration;

    /// Why it cannot start this lab, in a sentence with what to do; `None` when nothing is known to be in the way.
    fn lacks(&self, lab: &Lab) -> Option<String>;

    /// Whether volumes of this kind can be in its datalabs.
    fn mountable(&self, volume_kind: &str) -> bool;

    /// Whether volumes are mounted, so that `subpath`, `mount_path` and `read_only` hold.
    fn mounts(&self) -> bool;

    /// Starts a lab, or finds the one it started for this datalab before; does not wait until it serves.
    fn start<'a>(&'a self, request: &'a StartRequest) -> BoxFuture<'a, Result<Running, LabError>>;

    /// The lab of this datalab of the user of this name, if it runs.
    fn find<'a>(
        &'a self,
        datalab: &'a str,
        user: &'a str,
    ) -> BoxFuture<'a, Result<Option<Running>, LabError>>;

    /// How it is; `secret` is what opens it.
    fn state<'a>(&'a self, running: &'a Running, secret: &'a str) -> BoxFuture<'a, State>;

    /// Comes back when it has ended.
    fn ended<'a>(&'a self, running: &'a Running) -> BoxFuture<'a, ()>;

    /// Ends everything of a datalab: asks, waits for `grace`, then insists. Nothing of it runs afterwards.
    ///
    /// `user` is the name of whose it is, where the record still knows.
    fn stop<'a>(
        &'a self,
        datalab: &'a str,
        user: Option<&'a str>,
        grace: Duration,
    ) -> BoxFuture<'a, Result<(), LabError>>;

    /// The query parameter that opens it to its owner's browser, where it needs one.
    fn key<'a>(
        &'a self,
        running: &'a Running,
        lab: &'a Lab,
        secret: &'a str,
    ) -> BoxFuture<'a, Result<Option<(String, String)>, LabError>>;

    /// The end of its log, at most this long.
    fn logs<'a>(
        &'a self,
        datalab: &'a str,
        tail_bytes: u64,
    ) -> BoxFuture<'a, Result<String, LabError>>;

    /// The ids of all datalabs of which something runs.
    fn alive(&self) -> BoxFuture<'_, Result<Vec<String>, LabError>>;

    /// Whether labs can be started here, in a sentence; touches nothing.
    fn check(&self) -> BoxFuture<'_, Result<String, LabError>>;
}

/// What a launcher needs to start a lab.
pub struct StartRequest {
    /// The id of the datalab.
    pub datalab: String,
    /// The id of the user it belongs to; what can be made again is cached under it.
    pub owner: String,
    /// The name of that user.
    pub user: String,
    /// Which lab.
    pub lab: Lab,
    /// The Python environment, for labs that need it.
    pub environment: Option<Environment>,
    /// The folder of the workspace.
    pub workspace: PathBuf,
    /// The volumes in it, the workspace first.
    pub volumes: Vec<PlannedVolume>,
    /// Variables it gets, `GANTRY_TOKEN` among them.
    pub variables: BTreeMap<String, String>,
    /// Arguments more of its command: the files it begins with.
    pub arguments: Vec<String>,
    /// What opens it.
    pub secret: String,
}

/// Leaves out every value that may be a secret.
impl fmt::Debug for StartRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.variables.keys().collect();
        f.debug_struct("StartRequest")
            .field("datalab", &self.datalab)
            .field("lab", &self.lab.id())
            .field("variables", &names)
            .finish_non_exhaustive()
    }
}

/// A lab that was started, as it is recorded; holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Which launcher started it.
    pub launcher: String,
    /// The id of its datalab.
    pub datalab: String,
    /// Where it answers.
    pub address: Url,
    /// The path that answers once it serves.
    pub health: String,
    /// What the launcher needs to find it again.
    pub handle: serde_json::Value,
}

impl Running {
    /// The address of a path of the lab, which begins with `/`; a lab may itself be below a path.
    pub(crate) fn below(&self, path: &str) -> Option<Url> {
        let mut folder = self.address.clone();
        if !folder.path().ends_with('/') {
            folder.set_path(&format!("{}/", folder.path()));
        }
        folder.join(path.trim_start_matches('/')).ok()
    }
}

/// How a lab is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It does not serve yet.
    Starting {
        /// What it waits for, where the launcher knows more than that.
        text: Option<String>,
    },
    /// It answers.
    Serving {
        /// When somebody last used it, where it says so.
        last_activity: Option<DateTime<Utc>>,
    },
    /// It is no more.
    Ended {
        /// How it ended.
        text: String,
        /// Whether it ended of its own will, as when somebody shuts it down from within.
        in_order: bool,
    },
}
