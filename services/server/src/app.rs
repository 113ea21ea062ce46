//! The wiring: everything a running Gantry is made of.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use gantry_asset::ArchiveId;
use gantry_connector::Connector;
use gantry_harvest::{Scheduled, keep_harvesting};
use gantry_labs::{EnvironmentState, LabCatalogue, Labs, LabsConfig};
use gantry_net::{Circuit, Net};
use gantry_search::{Index, Mode, SearchError};
use gantry_staging::{
    ArchiveAccess, Archives, Cache, Quota, Staging, Volumes, VolumesConfig, Worker, WorkerConfig,
};
use gantry_store::{Seal, Store, User};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::auth::Providers;
use crate::base;
use crate::changes::Catalogue;
use crate::citing::SelectionCitation;
use crate::config::{AuthMode, Config};
use crate::connectors::registry;
use crate::format;
use crate::launchers;
use crate::limits::Limiter;
use crate::metrics::Answers;
use crate::names::Names;
use crate::notices::Notices;
use crate::portal::Portals;
use crate::retention;
use crate::webhooks::{self, Webhook};
use crate::words::t;

/// A running Gantry; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What an [`App`] is made of.
pub struct Parts {
    /// What was configured.
    pub config: Config,
    /// The record.
    pub store: Store,
    /// The index.
    pub index: Index,
    /// Whether this process writes the index.
    pub writes_index: bool,
    /// How the index follows the catalogue.
    pub(crate) following: watch::Sender<Following>,
    /// The archives.
    pub archives: Archives,
    /// Staging.
    pub staging: Staging,
    /// Volumes.
    pub volumes: Volumes,
    /// Labs.
    pub labs: Arc<Labs>,
    /// What seals secrets.
    pub seal: Seal,
    /// Tells how far the labs' environment is.
    pub environment: watch::Sender<EnvironmentState>,
    /// The way to the outside.
    pub net: Net,
    /// This process, in leases.
    pub owner: String,
    /// What archives say of outages.
    pub(crate) notices: Notices,
    /// The portals of the configuration.
    pub(crate) portals: Portals,
    /// How much callers ask for.
    pub(crate) limiter: Limiter,
    pub(crate) names: Names,
    pub(crate) webhooks: Vec<Webhook>,
    /// What pages may load.
    pub(crate) content_policy: axum::http::HeaderValue,
    /// Who vouches for people.
    pub(crate) providers: Providers,
    /// When it started.
    pub started: Instant,
    /// Answers given so far.
    pub(crate) answers: Answers,
    /// Places for tables of all matches, which take a thread each.
    pub(crate) tables: Arc<Semaphore>,
    /// Cancelled when it is to stop.
    pub stop: CancellationToken,
    /// What runs beside requests.
    pub tasks: TaskTracker,
    public_url: Url,
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// How often the index looks for changes.
const FOLLOW_EVERY: Duration = Duration::from_millis(250);

/// The longest pause after it could not.
const FOLLOW_AGAIN: Duration = Duration::from_secs(10);

/// How the index follows the catalogue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Following {
    /// It has not been up to it since the start.
    #[default]
    Begins,
    /// It is up to it, or was a moment ago.
    Up,
    /// It cannot; why.
    Fails(String),
}

impl App {
    /// Opens everything the configuration names; starts nothing.
    ///
    /// `stop_labs` lets labs end with this process.
    ///
    /// # Errors
    /// What could not be opened, and why.
    pub async fn open(config: Config, stop_labs: bool) -> anyhow::Result<Self> {
        config.check()?;
        std::fs::create_dir_all(&config.data_dir)
            .with_context(|| format!("cannot make the folder `{}`", config.data_dir.display()))?;
        let alone = alone_in(&config.data_dir).await?;
        let store = Store::open(&config.store_url()).await?;
        let seal = config.seal()?;
        drop(alone);
        let net = Net::new(config.net.clone())?;
        let archives = connect(&config, &net)?;
        let (index, writes_index) = open_index(&config.index_dir()).await?;
        let owner = format!("{}:{}", std::process::id(), uuid::Uuid::new_v4().simple());
        let volumes = Volumes::new(VolumesConfig {
            store: store.clone(),
            net: net.clone(),
            seal: seal.clone(),
            root: config.volume_root(),
            local_roots: config.staging.local_roots.clone(),
            mounts: archives.mounts(),
            catalogue: config.volume_catalogue()?,
            spool: config.data_dir.join("spool"),
        });
        let worker = make_worker(&config, (&store, &archives, &volumes), &owner)?;
        let public_url = public_url(&config)?;
        let portals = Portals::of(&config.portal)?;
        let providers = Providers::of(&config, &net, &public_url)?;
        let webhooks = config.webhook.iter();
        let webhooks = webhooks.map(|(name, webhook)| Webhook::of(name, webhook));
        let webhooks = webhooks.collect::<Result<_, _>>()?;
        let (environment, made) = watch::channel(EnvironmentState::Making(
            "the labs' environment is not made yet".to_owned(),
        ));
        let labs = make_labs(
            &config,
            (&store, seal.clone(), &net, &archives),
            made,
            (&public_url, stop_labs),
        )?;
        let limiter = Limiter::new(config.limits.bounds(config.auth.mode));
        Ok(Self(Arc::new(Parts {
            limiter,
            names: Names::new(config.names.url.as_ref(), &net),
            webhooks,
            staging: Staging::new(store.clone(), archives.clone(), worker),
            config,
            store,
            index,
            writes_index,
            following: watch::Sender::default(),
            archives,
            volumes,
            labs,
            seal,
            environment,
            net,
            owner,
            notices: Notices::default(),
            portals,
            content_policy: crate::serve::content_policy(&providers),
            providers,
            started: Instant::now(),
            answers: Answers::default(),
            tables: Arc::new(Semaphore::new(crate::rest::table::TABLES)),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            public_url,
        })))
    }

    /// Gantry's own address as people reach it.
    #[must_use]
    pub fn public_url(&self) -> &Url {
        &self.0.public_url
    }

    /// The path that Gantry lies below, without a slash at its end.
    pub(crate) fn base(&self) -> &str {
        base::of(self.public_url())
    }

    /// The path of an address of the interface that an answer names.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base())
    }

    /// The user of `auth.mode = "local"`, made on first use with their workspace.
    ///
    /// # Errors
    /// When the record or the workspace's folder cannot be written.
    pub async fn local_user(&self) -> anyhow::Result<User> {
        let name = std::env::var("USER")
            .ok()
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| "me".to_owned());
        let user = self.store.ensure_user(&name, true).await?;
        self.volumes.ensure_workspace(&user).await?;
        Ok(user)
    }

    /// The address at which a login code is used up.
    pub(crate) fn login_address(&self, code: &str) -> String {
        format!("{}login?code={code}", self.public_url())
    }

    /// The user of this name; without one, the user of `auth.mode = "local"`.
    ///
    /// # Errors
    /// When there is none of that name, or one is needed.
    pub async fn user_named(&self, name: Option<&str>) -> anyhow::Result<User> {
        match name {
            Some(name) => Ok(self.store.user_by_name(name).await?),
            None if self.config.auth.mode == AuthMode::Local => self.local_user().await,
            None => anyhow::bail!(
                "say whose: `gantry token --user NAME`; the other commands that need a user work with auth.mode = `local` only, so take the pages, or REST with a token"
            ),
        }
    }

    /// The connector of an archive.
    #[must_use]
    pub fn connector(&self, id: &ArchiveId) -> Option<Arc<dyn Connector>> {
        self.archives
            .get(id)
            .map(|access| Arc::clone(&access.connector))
    }

    /// Brings the index up to the catalogue, if this process writes it.
    ///
    /// # Errors
    /// [`SearchError`].
    pub async fn follow(&self) -> Result<(), SearchError> {
        self.index
            .follow(&Catalogue(self.store.clone()))
            .await
            .map(drop)
    }

    /// Starts what runs beside requests: the index following, the worker, the labs.
    pub fn start(&self, roles: Roles) {
        let app = self.clone();
        self.tasks.spawn(async move { app.keep_following().await });
        if roles.worker {
            let app = self.clone();
            self.tasks
                .spawn(async move { app.staging.worker().run(app.stop.clone()).await });
        }
        if roles.worker {
            self.tasks.spawn(retention::keep_forgetting(self.clone()));
        }
        if roles.api {
            self.tasks.spawn(webhooks::keep_telling(self.clone()));
            let app = self.clone();
            self.tasks
                .spawn(async move { app.notices.keep_asking(&app.archives, &app.stop).await });
        }
        if roles.harvester {
            let app = self.clone();
            self.tasks.spawn(async move {
                let (archives, owner) = (app.scheduled(), format!("{}:schedule", app.owner));
                keep_harvesting(&app.store, archives, &owner, &app.stop).await;
            });
        }
        if roles.launcher {
            let app = self.clone();
            self.tasks.spawn(async move {
                if let Err(error) = Arc::clone(&app.labs).run(app.stop.clone()).await {
                    tracing::error!(%error, "labs are not cared for");
                }
            });
        }
    }

    /// The archives that are harvested by themselves.
    fn scheduled(&self) -> Vec<Scheduled> {
        let each = self.archives.iter();
        each.filter_map(|(id, access)| {
            Some(Scheduled {
                connector: Arc::clone(&access.connector),
                every: self.harvested_every(id)?,
            })
        })
        .collect()
    }

    /// How often an archive is harvested by itself.
    #[must_use]
    pub fn harvested_every(&self, id: &ArchiveId) -> Option<Duration> {
        let config = self.config.archive.get(id.as_str())?;
        config.every(id).ok().flatten()
    }

    async fn keep_following(&self) {
        let mut pause = FOLLOW_EVERY;
        while !self.stop.is_cancelled() {
            // Also when nothing has changed: what was merged meanwhile is searched from now on.
            let state = match self.follow().await {
                Ok(()) => Following::Up,
                Err(error) => Following::Fails(format::sentence(&error)),
            };
            pause = match &state {
                Following::Fails(error) => {
                    tracing::error!(error, "the index does not follow the catalogue");
                    (2 * pause).min(FOLLOW_AGAIN)
                }
                _ => FOLLOW_EVERY,
            };
            self.following.send_replace(state);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    /// Stops what runs beside requests and closes the record.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.store.close().await;
    }

    /// How an archive is, in a word and a sentence.
    #[must_use]
    pub fn archive_state(&self, connector: &dyn Connector) -> (&'static str, String) {
        let health = connector.health();
        match (health.circuit, health.last_success, health.last_error) {
            (Circuit::OpenUntil(until), ..) => (
                "down",
                t("does not answer; asked again at {time} UTC")
                    .with("time", until.format("%H:%M:%S"))
                    .into(),
            ),
            (_, Some(at), _) => {
                let said = t("answered at {time} UTC").with("time", at.format("%H:%M:%S"));
                ("ok", said.into())
            }
            (_, None, Some(error)) => ("slow", error),
            (_, None, None) => ("unknown", t("not asked since this service started").into()),
        }
    }
}

/// Which parts of the service run in this process.
#[derive(Debug, Clone, Copy)]
pub struct Roles {
    /// Answers requests.
    pub api: bool,
    /// Carries staging jobs out.
    pub worker: bool,
    /// Harvests on schedule.
    pub harvester: bool,
    /// Starts labs.
    pub launcher: bool,
}

impl Roles {
    /// All of them.
    pub const ALL: Self = Self {
        api: true,
        worker: true,
        harvester: true,
        launcher: true,
    };
}

fn make_worker(
    config: &Config,
    (store, archives, volumes): (&Store, &Archives, &Volumes),
    owner: &str,
) -> anyhow::Result<Worker> {
    let folder = config.data_dir.join("cache");
    let limit_bytes = config.staging.cache_bytes;
    let cache = match limit_bytes {
        0 => None,
        _ => Some(Cache::open(store.clone(), &folder, limit_bytes)?),
    };
    Ok(Worker::new(WorkerConfig {
        store: store.clone(),
        archives: archives.clone(),
        volumes: volumes.clone(),
        owner: owner.to_owned(),
        jobs: config.staging.workers,
        cache,
        spool: config.data_dir.join("spool"),
        quota: Quota {
            bytes: config.staging.quota_bytes,
            files: config.staging.quota_files,
        },
    }))
}

fn connect(config: &Config, net: &Net) -> anyhow::Result<Archives> {
    let registry = registry();
    let mut archives = BTreeMap::new();
    for (id, archive) in &config.archive {
        let id = ArchiveId::new(id).with_context(|| format!("archive.{id}"))?;
        let connector: Arc<dyn Connector> =
            Arc::from(registry.connect(id.clone(), archive, net.clone())?);
        archive.every(&id)?;
        let access = ArchiveAccess {
            connector,
            mounts: archive.mounts.clone(),
            max_in_flight: archive.limits.max_in_flight,
        };
        archives.insert(id, access);
    }
    Ok(Archives::new(archives.into_values()))
}

/// Holds the folder until the answer is dropped: of two processes that find nothing in it, one makes record and key.
async fn alone_in(data_dir: &std::path::Path) -> anyhow::Result<std::fs::File> {
    let path = data_dir.join("open.lock");
    let locked = tokio::task::spawn_blocking({
        let path = path.clone();
        move || std::fs::File::create(path).and_then(|file| file.lock().map(|()| file))
    });
    locked
        .await?
        .with_context(|| format!("cannot lock `{}`", path.display()))
}

/// How long a process that writes the index may take until there is one to read.
const FIRST_INDEX: Duration = Duration::from_secs(5);

/// Opens the index to write, or to read when another process writes it.
async fn open_index(dir: &std::path::Path) -> Result<(Index, bool), SearchError> {
    let deadline = Instant::now() + FIRST_INDEX;
    loop {
        match Index::open(dir, Mode::Writer) {
            Err(SearchError::Locked { .. }) => {}
            Err(SearchError::Files { source, .. }) if is_read_only(&source) => {}
            opened => return opened.map(|index| (index, true)),
        }
        match Index::open(dir, Mode::Reader) {
            // Who writes it has only just begun, or ends before there is one.
            Err(SearchError::NoIndex { .. }) if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            opened => return opened.map(|index| (index, false)),
        }
    }
}

fn is_read_only(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem)
}

fn public_url(config: &Config) -> anyhow::Result<Url> {
    match &config.server.public_url {
        Some(url) => {
            let mut url = url.clone();
            url.set_path(&format!("{}/", base::of(&url).to_owned()));
            Ok(url)
        }
        None => Ok(Url::parse(&format!(
            "http://localhost:{}/",
            config.server.listen.port()
        ))?),
    }
}

fn make_labs(
    config: &Config,
    (store, seal, net, archives): (&Store, Seal, &Net, &Archives),
    environment: watch::Receiver<EnvironmentState>,
    (public_url, stop_all_at_end): (&Url, bool),
) -> anyhow::Result<Arc<Labs>> {
    let launcher = launchers::make(config, store, net, archives)?;
    let labs = LabsConfig {
        store: store.clone(),
        seal,
        data_dir: config.data_dir.clone(),
        public_url: public_url.to_string(),
        environment,
        cache_dir: crate::config::cache_dir(),
        catalogue: LabCatalogue::load(config.labs.catalogue.as_deref())?,
        cite: Arc::new(SelectionCitation {
            store: store.clone(),
            archives: archives.clone(),
        }),
        stop_all_at_end,
        idle_s: config.labs.idle_s,
        per_user: config.labs.per_user,
    };
    Ok(Arc::new(Labs::new(labs, launcher)))
}
