//! Labs as named servers of a JupyterHub, which runs them where its spawner does, on Kubernetes for one.
//!
//! Each datalab is one named server, called after the datalab's id, of the Hub's user who has the name of Gantry's.
//! The Hub sees to it that there is never a second one, and what it keeps of the server (`user_options`) says whose
//! it is, so a lab is found again without any record here. What the spawner needs is worked in by the hook in
//! `hub/gantry_spawner.py`.

mod api;
mod options;
mod progress;
mod start;
mod stop;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use gantry_net::{Net, Url};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use self::api::{Hub, Pending, Server};
use self::progress::{Outcome, Progress};
use super::{Launcher, Running, StartRequest, State};
use crate::{Lab, LabError, LabKind};

/// How long a token lasts that opens a lab, in seconds; the cookie it becomes lasts no longer.
const KEY_LASTS_S: u64 = 12 * 3_600;

/// How long a lab may take until it serves; a Hub gives up before, by its own `start_timeout`.
const SERVES_WITHIN: Duration = Duration::from_secs(3_600);

/// How long one look at a lab that starts waits for news.
const NEWS_WITHIN: Duration = Duration::from_secs(1);

/// Of how many datalabs it is remembered what the Hub told.
const REMEMBERED: usize = 500;

/// What the launcher needs to know.
#[derive(Clone)]
pub struct HubLauncherConfig {
    /// The Hub's address as browsers reach it; its interface is at `hub/api` below.
    pub url: Url,
    /// The file with the token of Gantry's service at the Hub; read anew for each request.
    pub token_file: PathBuf,
    /// Whether the Hub's spawner mounts volumes, so that `subpath`, `mount_path` and `read_only` hold.
    pub mounts: bool,
    /// The ids of labs besides those of notebooks that the Hub's profiles start.
    pub labs: Vec<String>,
    /// The folders of archives that labs see at the same path, and never write to.
    pub archive_mounts: Vec<PathBuf>,
    /// Which Gantry this is, so that two on one Hub leave each other's labs alone: the id of its catalogue.
    pub gantry: String,
    /// How often a lab that serves is looked at.
    pub look_every: Duration,
    /// The way to the Hub.
    pub net: Net,
}

/// Labs as named servers of a JupyterHub; cheap to clone.
#[derive(Debug, Clone)]
pub struct HubLauncher {
    config: Arc<HubLauncherConfig>,
    hub: Hub,
    /// Whose each datalab is, as far as this Gantry has seen: id, name at the Hub.
    users: Arc<Mutex<BTreeMap<String, String>>>,
    /// What the Hub told of each start, by id; ids are in the order of time.
    progress: Arc<Mutex<BTreeMap<String, Progress>>>,
}

impl HubLauncher {
    /// A launcher on this Hub; does not ask it anything yet.
    #[must_use]
    pub fn new(config: HubLauncherConfig) -> Self {
        Self {
            hub: Hub::new(&config),
            config: Arc::new(config),
            users: Arc::default(),
            progress: Arc::default(),
        }
    }

    /// The lab of a datalab, if the Hub has it and it is not on its way out.
    async fn find_server(&self, datalab: &str, user: &str) -> Result<Option<Running>, LabError> {
        let server = self.server(datalab, user).await?;
        let lives = |server: &Server| server.lives() && server.pending != Some(Pending::Stop);
        Ok(server
            .filter(lives)
            .map(|server| self.running(datalab, user, &server)))
    }

    /// The named server of a datalab as the Hub has it, whatever its state.
    async fn server(&self, datalab: &str, user: &str) -> Result<Option<Server>, LabError> {
        let name = options::server_name(datalab);
        let Some(mut found) = self.hub.user(user).await? else {
            return Ok(None);
        };
        let server = found.servers.remove(&name);
        if server.is_some() {
            self.users().insert(datalab.to_owned(), user.to_owned());
        }
        Ok(server)
    }

    fn running(&self, datalab: &str, user: &str, server: &Server) -> Running {
        let handle = Handle {
            user: user.to_owned(),
            server: options::server_name(datalab),
        };
        Running {
            launcher: self.name().to_owned(),
            datalab: datalab.to_owned(),
            address: self.hub.address_of(server),
            health: "/api".to_owned(),
            handle: serde_json::to_value(handle).expect("it has only string keys"),
        }
    }

    async fn state_of(&self, running: &Running) -> State {
        let Some(handle) = Handle::of(running) else {
            return ended("it was not started on a Hub", false);
        };
        let told = self.progress_of(&running.datalab);
        if let Some(text) = match &told {
            Some(progress) => progress.news(NEWS_WITHIN).await,
            None => None,
        } {
            return State::Starting { text: Some(text) };
        }
        let server = match self.server(&running.datalab, &handle.user).await {
            Ok(server) => server,
            Err(error) => {
                sleep(NEWS_WITHIN).await;
                return State::Starting {
                    text: Some(error.told()),
                };
            }
        };
        match server {
            Some(server) if server.ready => State::Serving {
                last_activity: server.last_activity,
            },
            Some(server) if server.pending == Some(Pending::Stop) => State::Starting {
                text: Some("the Hub is stopping it".to_owned()),
            },
            Some(server) if server.lives() => {
                let followed = self.follow(&running.datalab, &handle);
                let text = followed.news(NEWS_WITHIN).await;
                State::Starting { text }
            }
            // It failed only if the Hub said so; who stops a server at the Hub need not tell why.
            _ => match told.and_then(|told| told.outcome()) {
                Some(Outcome::Failed(why)) => ended(&why, false),
                _ => ended("it was stopped at the Hub", true),
            },
        }
    }

    /// What the Hub tells of a start, followed from now on unless it is already.
    fn follow(&self, datalab: &str, handle: &Handle) -> Progress {
        let mut all = self.progress();
        if let Some(progress) = all.get(datalab).filter(|known| known.outcome().is_none()) {
            return progress.clone();
        }
        let before = all.get(datalab).map(Progress::lines).unwrap_or_default();
        let progress = Progress::follow(self.hub.clone(), handle, before);
        all.insert(datalab.to_owned(), progress.clone());
        while all.len() > REMEMBERED {
            all.pop_first();
        }
        progress
    }

    fn progress_of(&self, datalab: &str) -> Option<Progress> {
        self.progress().get(datalab).cloned()
    }

    /// The ids of the datalabs of this Gantry that the Hub runs.
    async fn alive_ids(&self) -> Result<Vec<String>, LabError> {
        let mut ids = Vec::new();
        for user in self.hub.active_users().await? {
            for server in user.servers.values().filter(|server| server.lives()) {
                let Some(mark) = options::Mark::of(server) else {
                    continue;
                };
                if mark.gantry == self.config.gantry {
                    self.users().insert(mark.datalab.clone(), user.name.clone());
                    ids.push(mark.datalab);
                }
            }
        }
        Ok(ids)
    }

    fn told(&self, datalab: &str, tail_bytes: u64) -> String {
        let mut text = self
            .progress_of(datalab)
            .map(|progress| progress.lines().join("\n") + "\n")
            .unwrap_or_default();
        text.push_str("(a Hub tells how a lab starts and gives no log of it)\n");
        let most = usize::try_from(tail_bytes).unwrap_or(usize::MAX);
        let from = text.len().saturating_sub(most);
        let whole = |at: &usize| text.is_char_boundary(*at);
        text.split_off((from..).find(whole).unwrap_or(from))
    }

    fn users(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn progress(&self) -> MutexGuard<'_, BTreeMap<String, Progress>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Launcher for HubLauncher {
    fn name(&self) -> &'static str {
        "jupyterhub"
    }

    fn is_here(&self) -> bool {
        false
    }

    fn serves_within(&self) -> Duration {
        SERVES_WITHIN
    }

    fn lacks(&self, lab: &Lab) -> Option<String> {
        let starts = lab.kind == LabKind::Notebook || self.config.labs.contains(&lab.id());
        (!starts).then(|| {
            format!(
                "the Hub starts labs of notebooks; whoever runs it makes a profile for `{0}`, and whoever runs this \
                 service names `{0}` under `labs` of the launcher",
                lab.id()
            )
        })
    }

    fn mountable(&self, volume_kind: &str) -> bool {
        volume_kind == "local"
    }

    fn mounts(&self) -> bool {
        self.config.mounts
    }

    fn start<'a>(&'a self, request: &'a StartRequest) -> BoxFuture<'a, Result<Running, LabError>> {
        self.start_server(request).boxed()
    }

    fn find<'a>(
        &'a self,
        datalab: &'a str,
        user: &'a str,
    ) -> BoxFuture<'a, Result<Option<Running>, LabError>> {
        self.find_server(datalab, user).boxed()
    }

    fn state<'a>(&'a self, running: &'a Running, _: &'a str) -> BoxFuture<'a, State> {
        self.state_of(running).boxed()
    }

    fn ended<'a>(&'a self, running: &'a Running) -> BoxFuture<'a, ()> {
        async move {
            let Some(handle) = Handle::of(running) else {
                return;
            };
            loop {
                let server = self.server(&running.datalab, &handle.user).await;
                // A Hub that does not answer says nothing about the lab.
                let ended = |server: Option<Server>| !server.is_some_and(|server| server.lives());
                if server.is_ok_and(ended) {
                    return;
                }
                sleep(self.config.look_every).await;
            }
        }
        .boxed()
    }

    fn stop<'a>(
        &'a self,
        datalab: &'a str,
        user: Option<&'a str>,
        grace: Duration,
    ) -> BoxFuture<'a, Result<(), LabError>> {
        self.stop_server(datalab, user, grace).boxed()
    }

    fn key<'a>(
        &'a self,
        running: &'a Running,
        _: &'a Lab,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<(String, String)>, LabError>> {
        async move {
            let handle =
                Handle::of(running).ok_or_else(|| LabError::NotServing(running.datalab.clone()))?;
            let token = self
                .hub
                .new_token(&handle.user, &handle.server, KEY_LASTS_S)
                .await?;
            Ok(Some(("token".to_owned(), token)))
        }
        .boxed()
    }

    fn logs<'a>(
        &'a self,
        datalab: &'a str,
        tail_bytes: u64,
    ) -> BoxFuture<'a, Result<String, LabError>> {
        async move { Ok(self.told(datalab, tail_bytes)) }.boxed()
    }

    fn alive(&self) -> BoxFuture<'_, Result<Vec<String>, LabError>> {
        self.alive_ids().boxed()
    }

    fn check(&self) -> BoxFuture<'_, Result<String, LabError>> {
        self.hub.check().boxed()
    }
}

/// Holds no secret.
impl fmt::Debug for HubLauncherConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubLauncherConfig")
            .field("url", &self.url.as_str())
            .field("mounts", &self.mounts)
            .finish_non_exhaustive()
    }
}

/// What this launcher needs to find a server again.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Handle {
    user: String,
    server: String,
}

impl Handle {
    fn of(running: &Running) -> Option<Self> {
        serde_json::from_value(running.handle.clone()).ok()
    }
}

fn ended(text: &str, in_order: bool) -> State {
    State::Ended {
        text: text.to_owned(),
        in_order,
    }
}
