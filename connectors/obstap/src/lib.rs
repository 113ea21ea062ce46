#![doc = include_str!("../README.md")]

mod asset;
mod harvest;
mod links;
mod page;
mod row;
mod sky;
mod tables;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use gantry_asset::{ArchiveId, File};
use gantry_connector::tap::Tap;
use gantry_connector::{
    Archive, ArchiveConfig, Asks, ByteStream, ConfigError, Connector, HarvestError, Harvested,
    OpenError, Resume, Since, folder,
};
use gantry_net::{Client, Health, Net};

/// Makes the connector for one archive of the kind `obstap`; `url` is that of its TAP service.
///
/// # Errors
/// [`ConfigError::Value`] when the address is not one of HTTP, and for a key that this kind has no use for.
pub fn connect(
    id: ArchiveId,
    config: &ArchiveConfig,
    net: Net,
) -> Result<Box<dyn Connector>, ConfigError> {
    if !matches!(config.url.scheme(), "http" | "https") {
        return Err(ConfigError::Value {
            archive: id,
            key: "url",
            value: gantry_connector::without_login(&config.url),
            why: "use the http(s) address of a TAP service, such as `https://archive.example/tap`"
                .to_owned(),
        });
    }
    config.has_no(
        &id,
        &[
            "products", "mirrors", "mounts", "peek", "folders", "years", "networks",
        ],
    )?;
    let client = net.client(config.scope(&id));
    Ok(Box::new(ObsTap {
        tap: Tap::new(id.clone(), client.clone(), folder(config.url.clone())),
        archive: archive(id, config),
        client,
    }))
}

/// An archive that describes its observations in `ivoa.ObsCore`.
struct ObsTap {
    archive: Archive,
    client: Client,
    tap: Tap,
}

fn archive(id: ArchiveId, config: &ArchiveConfig) -> Archive {
    let host = config.url.host_str().unwrap_or_default().to_owned();
    let title = config.title.clone().unwrap_or_else(|| id.to_string());
    Archive {
        kind: "obstap",
        home: format!("{}://{host}/", config.url.scheme()),
        acknowledgement: format!("This work has made use of data served by {title} ({host})."),
        license: config.license.clone(),
        publisher: title.clone(),
        asks: Asks::default(),
        title,
        id,
    }
}

impl Connector for ObsTap {
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
        Box::pin(async move {
            let (client, id) = (&self.client, &self.archive.id);
            if !links::is_datalink(&file.media_type) {
                return gantry_connector::open_address(client, id, file, resume).await;
            }
            let linked = self.linked(file).await?;
            gantry_connector::open_address(client, id, &linked, resume).await
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
