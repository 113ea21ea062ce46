#![doc = include_str!("../README.md")]

mod config;
mod files;
mod grammar;
mod harvest;
mod mirrors;
mod peek;
mod product;
mod related;
mod series;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use gantry_asset::{ArchiveId, File};
use gantry_connector::{
    Archive, ArchiveConfig, ByteStream, ConfigError, Connector, HarvestError, Harvested, OpenError,
    Peek, Resume, Since, folder,
};
use gantry_net::{Client, Health, Net};
use url::Url;

use config::Source;

/// Makes the connector for one archive of the kind `planck`.
///
/// # Errors
/// [`ConfigError::Value`] when the address or the product list cannot be used.
pub fn connect(
    id: ArchiveId,
    config: &ArchiveConfig,
    net: Net,
) -> Result<Box<dyn Connector>, ConfigError> {
    config.has_no(&id, &["folders", "years", "networks"])?;
    Ok(Box::new(Planck {
        client: net.client(config.scope(&id)),
        source: Source::read(&id, config)?,
        peek: config.peek(&id)?,
        url: config.url.clone(),
        mirrors: config.mirrors.iter().cloned().map(folder).collect(),
        mounted: !config.mounts.is_empty(),
        archive: config::archive(id, config),
    }))
}

/// The Planck Legacy Archive.
struct Planck {
    archive: Archive,
    client: Client,
    url: Url,
    /// Folders of other servers with files under the names of products.
    mirrors: Vec<Url>,
    source: Source,
    peek: Peek,
    mounted: bool,
}

impl Connector for Planck {
    fn archive(&self) -> &Archive {
        &self.archive
    }

    fn harvest(&self, since: Since) -> BoxStream<'_, Result<Harvested, HarvestError>> {
        harvest::harvest(self, since.cursor)
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
