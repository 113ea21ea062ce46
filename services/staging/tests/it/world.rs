//! A record, archives, a user with a volume, and a worker.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gantry_connector::{ArchiveConfig, Connector};
use gantry_net::{Limits, Net, NetConfig};
use gantry_staging::volume::LocalVolume;
use gantry_staging::{
    ArchiveAccess, Archives, Cache, CatalogueVolume, NewVolume, Quota, StageRequest, Staging,
    Volumes, VolumesConfig, Worker, WorkerConfig, select,
};
use gantry_standin::{PlanckStandin, Running, StandinConfig};
use gantry_store::{
    FileCounts, FileOutcome, Phase, Seal, Selection, StagingJob, Store, User, Volume,
};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::fake::{Fake, Held};

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) fake: Arc<Fake>,
    pub(crate) standin: Option<Running>,
    pub(crate) archives: Archives,
    pub(crate) staging: Staging,
    pub(crate) volumes: Volumes,
    /// What its worker works with.
    pub(crate) worker: WorkerConfig,
    pub(crate) ada: User,
    pub(crate) volume: Volume,
    pub(crate) setup: Setup,
    pub(crate) folder: tempfile::TempDir,
}

/// What a world is made with.
#[derive(Default, Clone)]
pub(crate) struct Setup {
    /// Where the archive in memory is mounted.
    pub(crate) mounts: Vec<PathBuf>,
    /// How many bytes the shared cache holds; none without.
    pub(crate) cache_bytes: Option<u64>,
    /// What a user may put into local volumes.
    pub(crate) quota: Quota,
    /// The way to storage elsewhere.
    pub(crate) net: NetConfig,
    /// What the operator lists.
    pub(crate) catalogue: BTreeMap<String, CatalogueVolume>,
}

/// A world whose archive is in memory and holds these files.
pub(crate) async fn fake(held: impl IntoIterator<Item = Held>) -> World {
    made(held, Setup::default()).await
}

/// The same, made with more.
pub(crate) async fn made(held: impl IntoIterator<Item = Held>, setup: Setup) -> World {
    let folder = tempfile::tempdir().unwrap();
    world(folder, Arc::new(Fake::new(held)), None, setup).await
}

/// The same, with its tree mounted at a folder.
pub(crate) async fn mounted(held: impl IntoIterator<Item = Held>, mount: &Path) -> World {
    let setup = Setup {
        mounts: vec![mount.to_owned()],
        ..Setup::default()
    };
    made(held, setup).await
}

/// A world whose archive is a stand-in over HTTP, with small maps.
pub(crate) async fn standin() -> World {
    standin_of(16).await
}

/// The same, with maps of this NSIDE.
pub(crate) async fn standin_of(nside: u32) -> World {
    let folder = tempfile::tempdir().unwrap();
    let mut config = StandinConfig::new(folder.path().join("cache"));
    config.maps.nside = nside;
    let standin = PlanckStandin::start(config).unwrap();
    let fake = Arc::new(Fake::new([]));
    world(folder, fake, Some(standin), Setup::default()).await
}

/// A world with both: the archive in memory, and the stand-in over HTTP.
pub(crate) async fn fake_and_standin(held: impl IntoIterator<Item = Held>) -> World {
    let folder = tempfile::tempdir().unwrap();
    let mut config = StandinConfig::new(folder.path().join("standin"));
    config.maps.nside = 16;
    let standin = PlanckStandin::start(config).unwrap();
    let fake = Arc::new(Fake::new(held));
    let mut world = world(folder, fake, Some(standin), Setup::default()).await;
    world.worker.jobs = 256;
    world
}

fn planck(standin: &Running) -> Arc<dyn Connector> {
    let mut config = ArchiveConfig::new("planck", format!("{}/", standin.url()).parse().unwrap());
    config.products = Some(format!("{}/products.json", standin.url()));
    config.limits = Limits {
        max_in_flight: 8,
        per_second: 10_000.0,
        backoff: Duration::from_millis(5),
        failures: 10_000,
        ..Limits::default()
    };
    let net = Net::new(NetConfig::default()).unwrap();
    Arc::from(gantry_connector_planck::connect("planck".parse().unwrap(), &config, net).unwrap())
}

/// Where the record of a world is.
fn record(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("gantry.db").display())
}

/// What a worker of a world works with; all of it goes through this one record.
fn worker_config(folder: &Path, store: Store, archives: Archives, setup: Setup) -> WorkerConfig {
    let volumes = Volumes::new(VolumesConfig {
        store: store.clone(),
        net: Net::new(setup.net).unwrap(),
        seal: Seal::open(&folder.join("seal.key")).unwrap(),
        root: folder.join("volumes"),
        local_roots: vec![folder.join("local")],
        mounts: setup.mounts,
        catalogue: setup.catalogue,
        spool: folder.join("spool"),
    });
    let cache = setup
        .cache_bytes
        .map(|limit_bytes| Cache::open(store.clone(), &folder.join("cache"), limit_bytes).unwrap());
    WorkerConfig {
        store,
        archives,
        volumes,
        owner: "one".to_owned(),
        jobs: 4,
        cache,
        spool: folder.join("spool"),
        quota: setup.quota,
    }
}

async fn world(
    folder: tempfile::TempDir,
    fake: Arc<Fake>,
    standin: Option<Running>,
    setup: Setup,
) -> World {
    let store = Store::open(&record(folder.path())).await.unwrap();
    let planck = standin.as_ref().map(planck);
    let connectors = [Some(fake.clone() as Arc<dyn Connector>), planck];
    let archives = Archives::new(
        connectors
            .into_iter()
            .flatten()
            .map(|connector| ArchiveAccess {
                connector,
                mounts: setup.mounts.clone(),
                max_in_flight: 8,
            }),
    );
    for (_, access) in archives.iter() {
        let cancelled = CancellationToken::new();
        gantry_harvest::harvest(
            &store,
            access.connector.as_ref(),
            "test",
            true,
            &cancelled,
            &|_| {},
        )
        .await
        .unwrap();
    }
    let worker = worker_config(
        folder.path(),
        store.clone(),
        archives.clone(),
        setup.clone(),
    );
    let volumes = worker.volumes.clone();
    let staging = Staging::new(store.clone(), archives.clone(), Worker::new(worker.clone()));
    let ada = store.ensure_user("ada", false).await.unwrap();
    let new = NewVolume {
        name: "cmb".to_owned(),
        ..NewVolume::default()
    };
    let volume = volumes.create(&ada, &new).await.unwrap();
    World {
        store,
        fake,
        standin,
        archives,
        staging,
        volumes,
        worker,
        ada,
        volume,
        setup,
        folder,
    }
}

/// A request of this method and so on, as JSON has it.
pub(crate) fn request(json: serde_json::Value) -> StageRequest {
    serde_json::from_value(json).unwrap()
}

pub(crate) fn plain() -> StageRequest {
    StageRequest::default()
}

/// The SHA-256 of bytes, in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Waits until something is so, at most half a minute.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), looking)
        .await
        .unwrap_or_else(|_| panic!("in vain: {what}"))
}

impl World {
    pub(crate) fn standin(&self) -> &Running {
        self.standin.as_ref().unwrap()
    }

    /// The bytes that the stand-in serves.
    pub(crate) async fn served(&self, target: &str) -> Vec<u8> {
        let url = format!("{}{target}", self.standin().url()).parse().unwrap();
        let net = Net::new(NetConfig::default()).unwrap();
        let client = net.client(gantry_net::Scope::new("reader", [&url]));
        client
            .get(&url)
            .await
            .unwrap()
            .bytes(1 << 30)
            .await
            .unwrap()
            .to_vec()
    }

    pub(crate) async fn select(&self, assets: &[&str]) -> Selection {
        let ids: Vec<_> = assets.iter().map(|id| id.parse().unwrap()).collect();
        select(&self.store, &ids, &[]).await.unwrap()
    }

    /// Makes the job; nobody carries it out yet.
    pub(crate) async fn job(&self, assets: &[&str], request: &StageRequest) -> StagingJob {
        let selection = self.select(assets).await;
        self.staging
            .stage(&self.ada, &selection, &self.volume, request)
            .await
            .unwrap()
    }

    /// The same for another user, into a volume of theirs.
    pub(crate) async fn stage_as(&self, user: &User, assets: &[&str]) -> (Volume, Ended) {
        let new = NewVolume {
            name: format!("of-{}", user.name),
            ..NewVolume::default()
        };
        let volume = self.volumes.create(user, &new).await.unwrap();
        let selection = self.select(assets).await;
        let job = self
            .staging
            .stage(user, &selection, &volume, &plain())
            .await
            .unwrap();
        (volume, self.carry_out(&job).await)
    }

    /// Makes the job and carries it out.
    pub(crate) async fn stage(&self, assets: &[&str], request: &StageRequest) -> Ended {
        let job = self.job(assets, request).await;
        self.carry_out(&job).await
    }

    pub(crate) async fn carry_out(&self, job: &StagingJob) -> Ended {
        let working = CancellationToken::new();
        let worker = self.staging.worker();
        let done = worker.run_until_idle(&working);
        tokio::time::timeout(Duration::from_secs(120), done)
            .await
            .expect("the job ends")
            .unwrap();
        self.ended(job).await
    }

    pub(crate) async fn ended(&self, job: &StagingJob) -> Ended {
        let job = self.store.staging_job_by_id(&job.id).await.unwrap();
        let counts = self.store.file_counts(&job.id).await.unwrap();
        let rows = self.store.staging_files(&job.id, 0, 20_000).await.unwrap();
        let files = rows
            .into_iter()
            .map(|row| (row.name, row.outcome.unwrap_or_default()))
            .collect();
        assert_eq!(
            counts.staged + counts.present + counts.skipped + counts.failed + counts.waiting,
            counts.total
        );
        Ended {
            phase: job.phase,
            message: job.message.clone(),
            counts,
            files,
            job,
        }
    }

    /// A worker of another process in the background; it ends with what is answered.
    pub(crate) fn worker(&self, owner: &str) -> Background {
        self.worker_with(owner, self.worker.jobs)
    }

    /// The same, that carries out so many jobs at once.
    pub(crate) fn worker_with(&self, owner: &str, jobs: usize) -> Background {
        let worker = Worker::new(WorkerConfig {
            jobs,
            owner: owner.to_owned(),
            ..self.worker.clone()
        });
        let cancelled = CancellationToken::new();
        let task = tokio::spawn({
            let cancelled = cancelled.clone();
            async move { worker.run(cancelled).await }
        });
        Background { task, cancelled }
    }

    pub(crate) async fn until_phase(&self, job: &StagingJob, phase: Phase) -> Ended {
        until(&format!("{phase:?}"), async || {
            let ended = self.ended(job).await;
            (ended.phase == phase).then_some(ended)
        })
        .await
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        Path::new(&self.volume.path).join(below)
    }

    pub(crate) fn read(&self, below: &str) -> Vec<u8> {
        std::fs::read(self.path(below)).unwrap()
    }

    pub(crate) fn open(&self) -> LocalVolume {
        let files = self.volumes.open(&self.volume).unwrap();
        files.as_local().unwrap().clone()
    }

    /// Everything in the volume but the manifests, with its bytes.
    pub(crate) fn tree(&self) -> BTreeMap<String, Vec<u8>> {
        let mut tree = BTreeMap::new();
        walk(
            Path::new(&self.volume.path),
            Path::new(&self.volume.path),
            &mut tree,
        );
        tree
    }

    pub(crate) fn listing(&self) -> Vec<String> {
        self.tree().into_keys().collect()
    }
}

fn walk(root: &Path, folder: &Path, tree: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let is_manifest = name.starts_with("report-")
            || name == "ro-crate-metadata.json"
            || name == "CITATION.bib";
        if path.is_dir() {
            walk(root, &path, tree);
        } else if !is_manifest {
            let below = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            tree.insert(below, std::fs::read(&path).unwrap_or_default());
        }
    }
}

/// A worker in the background.
pub(crate) struct Background {
    task: tokio::task::JoinHandle<()>,
    cancelled: CancellationToken,
}

impl Background {
    pub(crate) async fn stop(self) {
        self.cancelled.cancel();
        tokio::time::timeout(Duration::from_secs(30), self.task)
            .await
            .expect("the worker ends")
            .unwrap();
    }
}

/// A worker with threads and connections of its own, which can be ended as a killed process is.
pub(crate) struct Killable {
    /// There until it is ended.
    runtime: Option<tokio::runtime::Runtime>,
    owner: String,
}

impl Killable {
    pub(crate) fn start(world: &World, owner: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (archives, setup) = (world.archives.clone(), world.setup.clone());
        let (folder, name) = (world.folder.path().to_owned(), owner.to_owned());
        runtime.spawn(async move {
            let store = Store::open(&record(&folder)).await.unwrap();
            let config = worker_config(&folder, store, archives, setup);
            let worker = Worker::new(WorkerConfig {
                owner: name,
                ..config
            });
            worker.run(CancellationToken::new()).await;
        });
        Self {
            runtime: Some(runtime),
            owner: owner.to_owned(),
        }
    }

    /// Ends its threads wherever they are; its leases are given back, as time would.
    pub(crate) async fn kill(mut self, world: &World) {
        let runtime = self.runtime.take().unwrap();
        tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(10)))
            .await
            .unwrap();
        world.store.expire_staging_jobs(&self.owner).await.unwrap();
    }
}

impl Drop for Killable {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A job that has ended, or how far it is.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) phase: Phase,
    pub(crate) message: Option<String>,
    pub(crate) counts: FileCounts,
    pub(crate) files: Vec<(String, FileOutcome)>,
    pub(crate) job: StagingJob,
}

impl Ended {
    /// The one file it has.
    pub(crate) fn one(&self) -> &FileOutcome {
        assert_eq!(self.files.len(), 1);
        &self.files[0].1
    }

    /// Staged, present, skipped, failed.
    pub(crate) fn counted(&self) -> [u64; 4] {
        let FileCounts {
            staged,
            present,
            skipped,
            failed,
            ..
        } = self.counts;
        [staged, present, skipped, failed]
    }
}
