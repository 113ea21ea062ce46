//! What the configuration of a Gaia archive means.

use gantry_asset::ArchiveId;
use gantry_connector::{Archive, ArchiveConfig, Asks, ConfigError, folder};
use gantry_net::Scope;
use url::Url;

use crate::datalink::KINDS;

/// Where the archive's bulk files are listed and where they are, when nothing else is configured.
const LISTING: &str = "https://gaia.eu-1.cdn77-storage.com/";
const FILES: &str = "https://cdn.gea.esac.esa.int/";

/// The addresses of an archive.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    /// The TAP service.
    pub(crate) tap: Url,
    /// Where to log in to it, and to what gives products: each has its own sessions.
    pub(crate) tap_login: Url,
    /// See `tap_login`.
    pub(crate) data_login: Url,
    /// Products by source.
    pub(crate) data: Url,
    /// The listing of the bulk files.
    pub(crate) listing: Url,
    /// What the keys of the listing are below.
    pub(crate) files: Url,
}

impl Addresses {
    pub(crate) fn read(archive: &ArchiveId, config: &ArchiveConfig) -> Result<Self, ConfigError> {
        let base = folder(config.url.clone());
        let below = |path: &str| {
            base.join(path).map_err(|error| ConfigError::Value {
                archive: archive.clone(),
                key: "url",
                value: gantry_connector::without_login(&config.url),
                why: format!("use an http(s) address ({error})"),
            })
        };
        let address = |text: &str| {
            Url::parse(text)
                .map(folder)
                .map_err(|error| ConfigError::Value {
                    archive: archive.clone(),
                    key: "products",
                    value: text.to_owned(),
                    why: format!("use the address of the listing of bulk files ({error})"),
                })
        };
        // Where the listing is somewhere else, so are the files.
        let (listing, files) = match &config.products {
            Some(text) => (address(text)?, address(text)?),
            None => (address(LISTING)?, address(FILES)?),
        };
        Ok(Self {
            tap: below("tap-server/tap/")?,
            tap_login: below("tap-server/login")?,
            data_login: below("data-server/login")?,
            data: below("data-server/data")?,
            listing,
            files,
        })
    }
}

pub(crate) fn scope(id: &ArchiveId, config: &ArchiveConfig, addresses: &Addresses) -> Scope {
    let mut scope = config.scope(id);
    if config.hosts.is_none() {
        let bulk = Scope::new("bulk", [&addresses.listing, &addresses.files]);
        scope.hosts.extend(bulk.hosts);
    }
    scope
}

pub(crate) fn archive(id: ArchiveId, config: &ArchiveConfig) -> Archive {
    Archive {
        id,
        kind: "gaia",
        title: config.title.clone().unwrap_or_else(|| "Gaia archive".to_owned()),
        home: "https://gea.esac.esa.int/archive/".to_owned(),
        acknowledgement: "This work has made use of data from the European Space Agency (ESA) mission Gaia \
                          (https://www.cosmos.esa.int/gaia), processed by the Gaia Data Processing and Analysis Consortium \
                          (DPAC, https://www.cosmos.esa.int/web/gaia/dpac/consortium). Funding for the DPAC has been provided \
                          by national institutions, in particular the institutions participating in the Gaia Multilateral \
                          Agreement."
            .to_owned(),
        license: config.license.clone(),
        publisher: "European Space Agency".to_owned(),
        asks: Asks {
            adql: true,
            datalink: KINDS.iter().map(|kind| kind.name.to_owned()).collect(),
            login: true,
            upload: true,
        },
    }
}
