//! A record, a stand-in of an archive, and a connector whose harvest follows a script.

use std::sync::Mutex;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use gantry_asset::{Asset, File};
use gantry_connector::{
    Archive, ArchiveConfig, ByteStream, Connector, HarvestError, Harvested, OpenError, Resume,
    Since,
};
use gantry_net::{Circuit, Health, Limits, Net, NetConfig};
use gantry_standin::{PlanckStandin, Running, StandinConfig};
use gantry_store::Store;

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) standin: Running,
    pub(crate) planck: Box<dyn Connector>,
    pub(crate) folder: tempfile::TempDir,
}

pub(crate) async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("gantry.db").display());
    let mut config = StandinConfig::new(folder.path().join("cache"));
    config.maps.nside = 16;
    let standin = PlanckStandin::start(config).unwrap();
    let planck = planck(&standin, format!("{}/products.json", standin.url()));
    let store = Store::open(&url).await.unwrap();
    World {
        store,
        standin,
        planck,
        folder,
    }
}

fn planck(standin: &Running, products: String) -> Box<dyn Connector> {
    let url = format!("{}/", standin.url()).parse().unwrap();
    let mut config = ArchiveConfig::new("planck", url);
    config.products = Some(products);
    config.limits = Limits {
        backoff: Duration::from_millis(5),
        attempts: 2,
        failures: 1000,
        ..Limits::default()
    };
    let net = Net::new(NetConfig::default()).unwrap();
    gantry_connector_planck::connect("planck".parse().unwrap(), &config, net).unwrap()
}

impl World {
    /// The connector to a list of this text.
    pub(crate) fn with_list(&self, text: &str) -> Box<dyn Connector> {
        let path = self.folder.path().join("list.json");
        std::fs::write(&path, text).unwrap();
        planck(&self.standin, path.to_str().unwrap().to_owned())
    }
}

/// What a scripted harvest does next.
pub(crate) enum Step {
    Yield(Harvested),
    Fail,
    /// It never goes on.
    Hang,
}

/// A connector whose harvests follow scripts, and that remembers from where it was asked to go on.
pub(crate) struct Scripted {
    archive: Archive,
    scripts: Mutex<Vec<Vec<Step>>>,
    pub(crate) cursors: Mutex<Vec<Option<String>>>,
}

pub(crate) fn scripted(scripts: Vec<Vec<Step>>) -> Scripted {
    let archive = Archive {
        id: "planck".parse().unwrap(),
        kind: "scripted",
        title: String::new(),
        home: String::new(),
        acknowledgement: String::new(),
        license: None,
        publisher: String::new(),
        asks: gantry_connector::Asks::default(),
    };
    Scripted {
        archive,
        scripts: Mutex::new(scripts),
        cursors: Mutex::default(),
    }
}

pub(crate) fn asset(n: usize) -> Step {
    let json = serde_json::json!({
        "id": format!("planck:m{n:04}"), "kind": "Information Product", "title": "A map",
        "files": [{"name": format!("m{n:04}"), "media_type": "text/plain", "locations": []}],
    });
    let asset: Asset = serde_json::from_value(json).unwrap();
    Step::Yield(Harvested::Asset(Box::new(asset)))
}

impl Connector for Scripted {
    fn archive(&self) -> &Archive {
        &self.archive
    }

    fn harvest(&self, since: Since) -> BoxStream<'_, Result<Harvested, HarvestError>> {
        self.cursors
            .lock()
            .unwrap()
            .push(since.cursor.map(|cursor| cursor.0));
        let script = self.scripts.lock().unwrap().remove(0);
        stream::iter(script)
            .then(|step| async {
                match step {
                    Step::Yield(event) => Ok(event),
                    Step::Fail => Err(HarvestError::Cut {
                        archive: "planck".parse().unwrap(),
                        what: "list",
                        why: "it ended early".to_owned(),
                    }),
                    Step::Hang => std::future::pending().await,
                }
            })
            .boxed()
    }

    fn open<'a>(
        &'a self,
        _: &'a File,
        _: &'a Resume,
    ) -> BoxFuture<'a, Result<ByteStream, OpenError>> {
        unreachable!("a harvest opens nothing")
    }

    fn health(&self) -> Health {
        Health {
            in_flight: 0,
            waiting: 0,
            circuit: Circuit::Closed,
            last_success: None,
            last_error: None,
            bytes_per_second: None,
        }
    }
}
