//! What the configuration of a Planck archive means.

use gantry_asset::ArchiveId;
use gantry_connector::{Archive, ArchiveConfig, Asks, ConfigError};
use url::Url;

/// Where the product list is.
pub(crate) enum Source {
    /// The list shipped with the connector.
    Shipped,
    /// A file of this machine.
    File(String),
    /// An address.
    Address(Url),
}

impl Source {
    pub(crate) fn read(archive: &ArchiveId, config: &ArchiveConfig) -> Result<Self, ConfigError> {
        let Some(text) = &config.products else {
            return Ok(Self::Shipped);
        };
        if !text.starts_with("http://") && !text.starts_with("https://") {
            return Ok(Self::File(text.clone()));
        }
        Url::parse(text)
            .map(Self::Address)
            .map_err(|error| ConfigError::Value {
                archive: archive.clone(),
                key: "products",
                value: text.clone(),
                why: format!("use a path or an http(s) address ({error})"),
            })
    }
}

pub(crate) fn archive(id: ArchiveId, config: &ArchiveConfig) -> Archive {
    Archive {
        id,
        kind: "planck",
        title: config.title.clone().unwrap_or_else(|| "Planck Legacy Archive".to_owned()),
        home: "https://pla.esac.esa.int/".to_owned(),
        acknowledgement: "Based on observations obtained with Planck (http://www.esa.int/Planck), an ESA science mission with \
                          instruments and contributions directly funded by ESA Member States, NASA, and Canada."
            .to_owned(),
        license: config.license.clone(),
        publisher: "European Space Agency".to_owned(),
        asks: Asks::default(),
    }
}
