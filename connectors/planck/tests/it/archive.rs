//! A stand-in of the archive, and the connector to it.

use std::time::Duration;

use gantry_asset::File;
use gantry_connector::conformance::{Harvest, harvest};
use gantry_connector::{ArchiveConfig, Connector, OpenError, Resume};
use gantry_net::{Limits, Net, NetConfig};
use gantry_standin::{PlanckStandin, Running, StandinConfig};

use futures::StreamExt;

pub(crate) const MAP: &str = "HFI_SkyMap_100_0016_R3.01_full.fits";

pub(crate) struct Archive {
    pub(crate) standin: Running,
    pub(crate) config: ArchiveConfig,
    pub(crate) folder: tempfile::TempDir,
}

/// An archive of small maps whose list is at its address.
pub(crate) fn archive() -> Archive {
    archive_with(None)
}

pub(crate) fn archive_with(real_data: Option<std::path::PathBuf>) -> Archive {
    let folder = tempfile::tempdir().unwrap();
    let mut config = StandinConfig::new(folder.path().join("cache"));
    config.maps.nside = 16;
    config.real_data = real_data;
    let standin = PlanckStandin::start(config).unwrap();
    let url = format!("{}/", standin.url()).parse().unwrap();
    let mut config = ArchiveConfig::new("planck", url);
    config.products = Some(format!("{}/products.json", standin.url()));
    config.limits = Limits {
        max_in_flight: 8,
        per_second: 10_000.0,
        attempts: 4,
        backoff: Duration::from_millis(5),
        failures: 10_000,
        ..Limits::default()
    };
    Archive {
        standin,
        config,
        folder,
    }
}

impl Archive {
    pub(crate) fn connector(&self) -> Box<dyn Connector> {
        let net = Net::new(NetConfig::default()).unwrap();
        let id = "planck".parse().unwrap();
        gantry_connector_planck::connect(id, &self.config, net).unwrap()
    }

    /// The connector to a list that is a file of this machine.
    pub(crate) fn with_list(&mut self, text: &str) -> Box<dyn Connector> {
        let path = self.folder.path().join("list.json");
        std::fs::write(&path, text).unwrap();
        self.config.products = Some(path.to_str().unwrap().to_owned());
        self.connector()
    }

    pub(crate) async fn harvest(&self) -> Harvest {
        harvest(self.connector().as_ref(), None).await.unwrap()
    }

    /// The file of the product of this name, as it is harvested.
    pub(crate) async fn file(&self, name: &str) -> File {
        let harvest = self.harvest().await;
        harvest.assets[&format!("planck:{name}").parse().unwrap()].files[0].clone()
    }
}

/// Where the bytes begin, the bytes that came, and why no more did.
pub(crate) async fn read(
    connector: &dyn Connector,
    file: &File,
    resume: &Resume,
) -> (u64, Vec<u8>, Resume, Option<OpenError>) {
    let mut stream = connector.open(file, resume).await.unwrap();
    let mut bytes = Vec::new();
    let mut broken = None;
    while let Some(chunk) = stream.bytes.next().await {
        match chunk {
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(error) => {
                broken = Some(error);
                break;
            }
        }
    }
    let next = Resume {
        from: stream.starts_at + bytes.len() as u64,
        validator: stream.validator,
        location: Some(stream.location),
        ..Resume::default()
    };
    (stream.starts_at, bytes, next, broken)
}
