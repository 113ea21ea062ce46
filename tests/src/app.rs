//! A whole Gantry for one test: its own record, index and volumes, a stand-in archive, and a service on loopback.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use gantry_connector::ArchiveConfig;
use gantry_labs::EnvironmentState;
use gantry_server::app::{App, Roles};
use gantry_server::config::{
    AuthConfig, CatalogueVolumeConfig, Config, LabsConfig, LauncherConfig, SearchConfig,
    ServerConfig, StagingConfig, StoreConfig,
};
use gantry_standin::{
    Faults, GaiaConfig, GaiaStandin, GsscConfig, GsscRunning, GsscStandin, PlanckStandin, Running,
    StandinConfig,
};
use gantry_store::{Harvest, NewToken, User};
use tempfile::TempDir;
use tokio::net::TcpListener;
use url::Url;

use crate::client::{Client, SCOPES};
use crate::http::{Request, send};

/// The resolution of the stand-in's maps, small so that they are made at once.
pub const NSIDE: u32 = 16;

/// The id of a generated product by the name that stands for every resolution: `HFI_SkyMap_100_NSIDE_R3.01_full`.
#[must_use]
pub fn product(stem: &str) -> String {
    format!(
        "planck:{}.fits",
        stem.replace("NSIDE", &format!("{NSIDE:04}"))
    )
}

/// A Gantry that serves.
pub struct TestApp {
    /// Its parts.
    pub app: App,
    /// Where it listens.
    pub address: SocketAddr,
    /// The stand-in archive `planck`.
    pub archive: Running,
    /// The others, where they were asked for.
    pub others: Option<Others>,
    dir: TempDir,
}

/// What a [`TestApp`] shall be.
pub struct Builder {
    products: Vec<(String, Vec<u8>)>,
    real_data: Option<PathBuf>,
    roles: Roles,
    n_workers: usize,
    public_url: Option<Url>,
    all_archives: bool,
    volumes_elsewhere: bool,
    gssc_folders: Vec<String>,
    table_s: Option<u64>,
    gssc_peek: bool,
    list: Option<PathBuf>,
    configure: Vec<Configure>,
}

/// What a test changes in the configuration.
type Configure = Box<dyn FnOnce(&mut Config) + Send>;

/// The stand-ins for the other archives.
pub struct Others {
    /// `gaia`.
    pub gaia: Running,
    /// `gssc`.
    pub gssc: GsscRunning,
}

impl Others {
    fn start(dir: &Path) -> Self {
        let gaia = GaiaConfig {
            n_sources: 300,
            ..GaiaConfig::default()
        };
        Self {
            gaia: GaiaStandin::start(gaia).expect("the stand-in for Gaia starts"),
            gssc: GsscStandin::start(GsscConfig::new(dir.join("standin-gssc")))
                .expect("the stand-in for GNSS starts"),
        }
    }

    fn configure(&self, config: &mut Config, folders: &[String], peek: bool) {
        let archive = |kind: &str, url: &str| {
            let mut archive = ArchiveConfig::new(kind, Url::parse(url).expect("an address"));
            archive.limits.per_second = 1000.0;
            archive
        };
        let mut gaia = archive("gaia", &self.gaia.url());
        gaia.products = Some(format!("{}/bulk/", self.gaia.url()));
        config.archive.insert("gaia".to_owned(), gaia);
        let mut gssc = archive("gssc", &self.gssc.ftp_url());
        gssc.folders = match folders {
            [] => vec!["gnss/data/daily".to_owned()],
            folders => folders.to_vec(),
        };
        gssc.peek = peek.then(|| "all".to_owned());
        config.archive.insert("gssc".to_owned(), gssc);
    }
}

impl Builder {
    /// Gaia and the GNSS Science Support Centre as well.
    #[must_use]
    pub fn all_archives(mut self) -> Self {
        self.all_archives = true;
        self
    }

    /// Gaia and GNSS as well; of GNSS these folders only, each file looked into.
    #[must_use]
    pub fn gssc_folders(mut self, folders: &[&str]) -> Self {
        self.gssc_folders = folders.iter().map(|folder| (*folder).to_owned()).collect();
        self.gssc_peek = true;
        self.all_archives()
    }

    /// Gaia and GNSS as well, whole; of Planck the products of a list, which need not be there.
    #[must_use]
    pub fn whole_archives(mut self, list: &Path) -> Self {
        let folders = ["gnss/data", "gnss/products", "igs/station"];
        self.gssc_folders = folders.map(str::to_owned).to_vec();
        self.list = Some(list.to_owned());
        self.all_archives()
    }

    /// One more product of the archive, besides the generated ones.
    #[must_use]
    pub fn product(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.products.push((name.to_owned(), bytes.into()));
        self
    }

    /// The files of a folder's `planck/` as products.
    #[must_use]
    pub fn real_data(mut self, folder: &Path) -> Self {
        self.real_data = Some(folder.to_owned());
        self
    }

    /// Volumes may be on this machine, at addresses; the operator lists `shared`, a folder with a file in it.
    #[must_use]
    pub fn volumes_elsewhere(mut self) -> Self {
        self.volumes_elsewhere = true;
        self
    }

    /// Nothing runs beside requests: jobs stay queued, datalabs stay pending.
    #[must_use]
    pub fn at_rest(mut self) -> Self {
        self.roles.worker = false;
        self.roles.launcher = false;
        self
    }

    /// A table of all matches may take so many seconds.
    #[must_use]
    pub fn table_s(mut self, seconds: u64) -> Self {
        self.table_s = Some(seconds);
        self
    }

    /// So many jobs are carried out at once.
    #[must_use]
    pub fn workers(mut self, n: usize) -> Self {
        self.n_workers = n;
        self
    }

    /// Where people reach it, by another way than loopback.
    ///
    /// # Panics
    /// When this is no address.
    #[must_use]
    pub fn public_url(mut self, url: &str) -> Self {
        self.public_url = Some(Url::parse(url).expect("an address"));
        self
    }

    /// Something else in the configuration.
    #[must_use]
    pub fn configure(mut self, change: impl FnOnce(&mut Config) + Send + 'static) -> Self {
        self.configure.push(Box::new(change));
        self
    }

    /// Starts it, harvested and searchable.
    ///
    /// # Panics
    /// When something does not start.
    pub async fn start(self) -> TestApp {
        let dir = tempfile::tempdir().expect("a folder for the test can be made");
        let mut standin = StandinConfig::new(dir.path().join("standin"));
        standin.maps.nside = NSIDE;
        standin.real_data = self.real_data.or_else(|| {
            let folder = dir.path().join("holding");
            std::fs::create_dir_all(folder.join("planck")).expect("a folder can be made");
            for (name, bytes) in &self.products {
                let path = folder.join("planck").join(name);
                std::fs::write(path, bytes).expect("a product can be written");
            }
            Some(folder)
        });
        let archive = PlanckStandin::start(standin).expect("the stand-in starts");
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("loopback can be listened on");
        let address = listener.local_addr().expect("a listener has an address");
        let mut config = config(dir.path(), address, &archive.url(), self.n_workers);
        config.server.public_url = self.public_url;
        config.search.table_s = self.table_s.unwrap_or(config.search.table_s);
        if self.volumes_elsewhere {
            allow_volumes_elsewhere(&mut config, &dir.path().join("survey"));
        }
        let others = self.all_archives.then(|| Others::start(dir.path()));
        others
            .iter()
            .for_each(|others| others.configure(&mut config, &self.gssc_folders, self.gssc_peek));
        if let (Some(list), Some(planck)) = (&self.list, config.archive.get_mut("planck")) {
            planck.products = Some(list.display().to_string());
            planck.peek = None;
        }
        for change in self.configure {
            change(&mut config);
        }
        let app = App::open(config, true).await.expect("Gantry opens");
        app.start(self.roles);
        tokio::spawn(gantry_server::serve(app.clone(), listener));
        let started = TestApp {
            app,
            address,
            archive,
            others,
            dir,
        };
        started.harvest().await;
        started
    }
}

fn allow_volumes_elsewhere(config: &mut Config, survey: &Path) {
    config.net.allow_private = vec!["127.0.0.0/8".parse().expect("a network")];
    std::fs::create_dir_all(survey).expect("a folder can be made");
    std::fs::write(survey.join("README"), "shared").expect("a file can be written");
    let shared = CatalogueVolumeConfig {
        title: "Gaia data release v7".to_owned(),
        path: Some(survey.to_owned()),
        ..CatalogueVolumeConfig::default()
    };
    config
        .staging
        .volume_catalogue
        .insert("gaia-v7".to_owned(), shared);
}

fn config(dir: &Path, address: SocketAddr, archive: &str, workers: usize) -> Config {
    let mut planck = ArchiveConfig::new("planck", Url::parse(archive).expect("an address"));
    planck.products = Some(format!("{archive}/products.json"));
    planck.peek = Some("unknown".to_owned());
    planck.limits.per_second = 1000.0;
    Config {
        data_dir: dir.join("data"),
        server: ServerConfig {
            listen: address,
            ..ServerConfig::default()
        },
        auth: AuthConfig::default(),
        store: StoreConfig::default(),
        search: SearchConfig::default(),
        names: Default::default(),
        net: Default::default(),
        archive: [("planck".to_owned(), planck)].into(),
        staging: StagingConfig {
            local_roots: vec![dir.join("shared")],
            workers,
            ..StagingConfig::default()
        },
        labs: LabsConfig::default(),
        launcher: [("local".to_owned(), LauncherConfig::local())].into(),
        portal: Default::default(),
        webhook: Default::default(),
        intents: Default::default(),
        retention: Default::default(),
        limits: Default::default(),
        maintenance: Default::default(),
    }
}

impl TestApp {
    /// A Gantry with the generated products only.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// A Gantry to be described further.
    #[must_use]
    pub fn builder() -> Builder {
        Builder {
            products: Vec::new(),
            real_data: None,
            roles: Roles::ALL,
            n_workers: 2,
            public_url: None,
            all_archives: false,
            volumes_elsewhere: false,
            gssc_folders: Vec::new(),
            table_s: None,
            gssc_peek: false,
            list: None,
            configure: Vec::new(),
        }
    }

    /// The archive's faults.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        self.archive.faults()
    }

    /// A folder below which users may have volumes.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn shared(&self) -> PathBuf {
        let folder = self.dir.path().join("shared");
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        folder
    }

    /// A folder of the test that no volume may touch.
    #[must_use]
    pub fn outside(&self) -> &Path {
        self.dir.path()
    }

    /// Harvests the archive and brings the index up to the catalogue.
    ///
    /// # Panics
    /// When the harvest does not run.
    pub async fn harvest(&self) -> Harvest {
        let owner = format!("test:{}", self.app.owner);
        let (store, stop) = (&self.app.store, &self.app.stop);
        let mut of_planck = None;
        for (id, access) in self.app.archives.iter() {
            let connector = &*access.connector;
            let harvest = gantry_harvest::harvest(store, connector, &owner, true, stop, &|_| {})
                .await
                .expect("the harvest runs");
            if id.as_str() == "planck" {
                of_planck = Some(harvest);
            }
        }
        self.app.follow().await.expect("the index follows");
        of_planck.expect("there is planck")
    }

    /// The bytes of a product, from the archive itself.
    pub async fn bytes_of(&self, id: &str) -> Vec<u8> {
        let name = id.strip_prefix("planck:").unwrap_or(id);
        let list = self.archive_says("/products.json").await;
        let list: serde_json::Value = serde_json::from_slice(&list).unwrap_or_default();
        let entry = list["products"].as_array().into_iter().flatten();
        let class = entry
            .into_iter()
            .find(|product| product["name"] == name)
            .and_then(|product| product["class"].as_str())
            .unwrap_or("MAP");
        let key = match class {
            "MAP" => "MAP_ID",
            "DOCUMENT" => "DOCUMENT_ID",
            _ => "FILE_ID",
        };
        self.archive_says(&format!("/pla/aio/product-action?{class}.{key}={name}"))
            .await
    }

    async fn archive_says(&self, target: &str) -> Vec<u8> {
        let request = Request {
            method: "GET".to_owned(),
            target: target.to_owned(),
            headers: vec![("Host".to_owned(), self.archive.address().to_string())],
            body: None,
        };
        send(self.archive.address(), request).await.is(200).body
    }

    /// Somebody who is not known.
    #[must_use]
    pub fn nobody(&self) -> Client {
        Client::nobody(self.address)
    }

    /// A user with a workspace, who asks with a personal token for everything.
    ///
    /// # Panics
    /// When the user cannot be made.
    pub async fn user(&self, name: &str) -> Client {
        self.known(name, false).await
    }

    /// As [`TestApp::user`], and operates this Gantry.
    pub async fn operator(&self, name: &str) -> Client {
        self.known(name, true).await
    }

    async fn known(&self, name: &str, operator: bool) -> Client {
        let store = &self.app.store;
        let user = store.ensure_user(name, operator).await.expect("a user");
        let workspace = self.app.volumes.ensure_workspace(&user).await;
        workspace.expect("a workspace can be made");
        let secret = self.token(&user, &SCOPES).await;
        Client::with_token(self.address, user, secret)
    }

    async fn token(&self, user: &User, scopes: &[&str]) -> String {
        let token = NewToken {
            name: "test",
            scopes,
            lasts_s: 3600,
            datalab: None,
        };
        let made = self.app.store.new_token(&user.id, &token).await;
        made.expect("a token can be made").0
    }

    /// The same user with a token for these scopes only.
    pub async fn with_only(&self, client: &Client, scopes: &[&str]) -> Client {
        let secret = self.token(&client.user, scopes).await;
        Client::with_token(self.address, client.user.clone(), secret)
    }

    /// The same user in a browser that is logged in.
    ///
    /// # Panics
    /// When there is no session.
    pub async fn in_browser(&self, client: &Client) -> Client {
        let store = &self.app.store;
        let secret = store.new_session(&client.user, 3600).await;
        let secret = secret.expect("a session can be made");
        let session = store.session(&secret).await.expect("sessions are kept");
        let csrf = session.expect("the session is there").csrf;
        let cookie = format!("gantry_{}={secret}", self.address.port());
        Client::with_session(self.address, client.user.clone(), cookie, csrf)
    }

    /// Says that labs cannot be started here.
    pub fn has_no_labs_environment(&self, why: &str) {
        let failed = EnvironmentState::Failed(why.to_owned());
        self.app.environment.send_replace(failed);
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.app.stop.cancel();
    }
}
