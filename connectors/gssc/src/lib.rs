#![doc = include_str!("../README.md")]

mod asset;
mod calendar;
mod config;
mod files;
mod harvest;
pub mod names;
mod peek;
pub mod products;
mod recheck;
mod route;
mod series;
mod stations;
mod title;
mod twins;
mod vocabulary;

use std::hash::{DefaultHasher, Hash, Hasher};

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use gantry_asset::{ArchiveId, File};
use gantry_connector::{
    Archive, ArchiveConfig, ByteStream, ConfigError, Connector, HarvestError, Harvested, OpenError,
    Peek, Resume, Since, folder,
};
use gantry_net::{Client, Health, Net};
use url::Url;

pub use calendar::leap_seconds_expire;
use config::Facts;
use route::Route;
use vocabulary::Alias;

/// Makes the connector for one archive of the kind `gssc`.
///
/// # Errors
/// [`ConfigError::Value`] when the years or what to look into cannot be used.
pub fn connect(
    id: ArchiveId,
    config: &ArchiveConfig,
    net: Net,
) -> Result<Box<dyn Connector>, ConfigError> {
    config.has_no(&id, &["products"])?;
    let shipped = vocabulary::folders();
    let folders = match config.folders.as_slice() {
        [] => &shipped.folders,
        folders => folders,
    };
    let route = Route {
        folders: folders
            .iter()
            .map(|folder| folder.trim_matches('/').to_owned())
            .collect(),
        years: config::years(&id, config)?,
        first: shipped.stations.clone(),
        done: None,
    };
    Ok(Box::new(Gssc {
        client: net.client(config.scope(&id)),
        facts: Facts::read(&id, config),
        mirrors: config.mirrors.iter().cloned().map(folder).collect(),
        aliases: shipped.aliases.clone(),
        peek: config.peek(&id)?,
        told_by: told_by(config),
        asks_for_folders: !config.folders.is_empty(),
        archive: config::archive(id, config),
        route,
    }))
}

/// The GNSS Science Support Centre, or an archive with a tree like its.
struct Gssc {
    archive: Archive,
    facts: Facts,
    client: Client,
    /// Roots of other servers with the same tree.
    mirrors: Vec<Url>,
    aliases: Vec<Alias>,
    route: Route,
    peek: Peek,
    /// What tells assets made by another configuration or program from those made by this one.
    told_by: String,
    /// Whether the operator names the folders.
    asks_for_folders: bool,
}

/// Everything of a configuration that shows in assets, with the version of the program.
fn told_by(config: &ArchiveConfig) -> String {
    let mut hasher = DefaultHasher::new();
    let shows = (
        &config.mirrors,
        &config.peek,
        &config.networks,
        &config.license,
    );
    (env!("CARGO_PKG_VERSION"), &config.url, shows).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

impl Connector for Gssc {
    fn archive(&self) -> &Archive {
        &self.archive
    }

    fn harvest(&self, since: Since) -> BoxStream<'_, Result<Harvested, HarvestError>> {
        harvest::harvest(self, since)
    }

    fn open<'a>(
        &'a self,
        file: &'a File,
        resume: &'a Resume,
    ) -> BoxFuture<'a, Result<ByteStream, OpenError>> {
        Box::pin(gantry_connector::open_address(
            &self.client,
            &self.archive.id,
            file,
            resume,
        ))
    }

    fn health(&self) -> Health {
        self.client.health()
    }
}
