#![doc = include_str!("../README.md")]

mod bulk;
mod config;
mod datalink;
mod harvest;
mod login;
mod peek;
mod query;
mod spool;
mod tables;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use gantry_asset::{ArchiveId, File, Location, Query};
use gantry_connector::tap::Tap;
use gantry_connector::{
    Archive, ArchiveConfig, ByteStream, ConfigError, Connector, HarvestError, Harvested, OpenError,
    Peek, Resume, Since,
};
use gantry_net::{Client, Health, Net};

use config::Addresses;

/// Makes the connector for one archive of the kind `gaia`.
///
/// # Errors
/// [`ConfigError::Value`] when an address cannot be used.
pub fn connect(
    id: ArchiveId,
    config: &ArchiveConfig,
    net: Net,
) -> Result<Box<dyn Connector>, ConfigError> {
    config.has_no(&id, &["mirrors", "folders", "years", "networks"])?;
    let addresses = Addresses::read(&id, config)?;
    let client = net.client(config::scope(&id, config, &addresses));
    Ok(Box::new(Gaia {
        tap: Tap::new(id.clone(), client.clone(), addresses.tap.clone()),
        client,
        peek: config.peek(&id)?,
        mounted: !config.mounts.is_empty(),
        archive: config::archive(id, config),
        addresses,
    }))
}

/// The Gaia archive.
struct Gaia {
    archive: Archive,
    client: Client,
    tap: Tap,
    addresses: Addresses,
    peek: Peek,
    mounted: bool,
}

impl Connector for Gaia {
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
        let query = file.locations.iter().find_map(|location| match location {
            Location::Query(query) => Some(query.as_ref()),
            Location::Mounted(_) | Location::Address(_) => None,
        });
        Box::pin(async move {
            match query {
                Some(Query::Adql(query)) => self.run(file, query, resume).await,
                Some(Query::Datalink(query)) => {
                    self.products(file, query, resume.login.as_ref()).await
                }
                None => {
                    gantry_connector::open_address(&self.client, &self.archive.id, file, resume)
                        .await
                }
            }
        })
    }

    fn health(&self) -> Health {
        self.client.health()
    }

    fn notice(&self) -> BoxFuture<'_, Option<String>> {
        Box::pin(self.tap.notice())
    }

    fn query_of<'a>(&'a self, job: &'a str) -> BoxFuture<'a, Result<Option<String>, OpenError>> {
        Box::pin(self.tap.query_of(job))
    }
}
