//! A stand-in of the archive, and connectors to it by each of its ways.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use futures::StreamExt;
use gantry_asset::Asset;
use gantry_connector::conformance::Harvest;
use gantry_connector::tree::{Event, Walk};
use gantry_connector::{ArchiveConfig, Connector};
use gantry_net::{Limits, Net, NetConfig, Scope, Url};
use gantry_standin::gssc::Way;
use gantry_standin::{GsscConfig, GsscRunning, GsscStandin};

pub(crate) struct Archive {
    pub(crate) standin: GsscRunning,
    _folder: tempfile::TempDir,
}

pub(crate) fn archive() -> Archive {
    archive_with(None)
}

pub(crate) fn archive_with(real_data: Option<PathBuf>) -> Archive {
    let folder = tempfile::tempdir().unwrap();
    let mut config = GsscConfig::new(folder.path().join("cache"));
    config.real_data = real_data;
    Archive {
        standin: GsscStandin::start(config).unwrap(),
        _folder: folder,
    }
}

impl Archive {
    pub(crate) fn url(&self, way: Way) -> Url {
        let url = match way {
            Way::Ftp => self.standin.ftp_url(),
            Way::Sftp => self.standin.sftp_url(),
            Way::Http => self.standin.http_url(),
        };
        format!("{url}/").parse().unwrap()
    }

    pub(crate) fn config(&self, way: Way) -> ArchiveConfig {
        let mut config = ArchiveConfig::new("gssc", self.url(way));
        config.limits = Limits {
            max_in_flight: 4,
            per_second: 10_000.0,
            attempts: 6,
            backoff: Duration::from_millis(5),
            failures: 10_000,
            ..Limits::default()
        };
        config
    }

    pub(crate) fn connector(&self, way: Way) -> Box<dyn Connector> {
        connector(&self.config(way))
    }

    /// The paths of all files below some folders, as a walk that knows nothing of names finds them.
    pub(crate) async fn paths(&self, folders: &[&str]) -> BTreeSet<String> {
        let url = self.url(Way::Ftp);
        let net = Net::new(NetConfig::default()).unwrap();
        let mut scope = Scope::new("walk", [&url]);
        scope.limits = self.config(Way::Ftp).limits;
        let mut events = Walk::new(net.client(scope), url).events(|_, _| true);
        let mut paths = BTreeSet::new();
        while let Some(event) = events.next().await {
            match event.unwrap() {
                Event::Found { path, entry }
                    if !entry.is_folder
                        && folders.iter().any(|folder| path.starts_with(folder)) =>
                {
                    paths.insert(path);
                }
                _ => {}
            }
        }
        paths
    }
}

pub(crate) fn connector(config: &ArchiveConfig) -> Box<dyn Connector> {
    let net = Net::new(NetConfig::default()).unwrap();
    gantry_connector_gssc::connect("gssc".parse().unwrap(), config, net).unwrap()
}

/// The asset of the file of this name.
pub(crate) fn named<'h>(harvest: &'h Harvest, name: &str) -> &'h Asset {
    let is_named = |asset: &&Asset| asset.files.first().is_some_and(|file| file.name == name);
    let mut assets = harvest.assets.values().filter(is_named);
    let found = assets.next().unwrap_or_else(|| panic!("no asset `{name}`"));
    assert!(assets.next().is_none(), "`{name}` is two assets");
    found
}

/// The assets without the addresses of their files, which name the way they came by.
pub(crate) fn without_addresses(harvest: &Harvest) -> Vec<Asset> {
    let mut assets: Vec<Asset> = harvest.assets.values().cloned().collect();
    for file in assets.iter_mut().flat_map(|asset| &mut asset.files) {
        file.locations.clear();
    }
    assets
}
