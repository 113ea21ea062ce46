//! What the configuration of a GNSS archive means.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use gantry_asset::ArchiveId;
use gantry_connector::{Archive, ArchiveConfig, Asks, ConfigError, folder};
use url::Url;

/// Who distributes the files.
const PUBLISHER: &str = "GNSS Science Support Centre";

/// What is the same for every asset of the archive.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) archive: ArchiveId,
    pub(crate) publisher: String,
    pub(crate) license: Option<String>,
    /// The root of the tree; it ends with a slash.
    pub(crate) root: Url,
    pub(crate) is_mounted: bool,
    /// Networks by the station's four characters or nine, in capitals.
    networks: BTreeMap<String, Vec<String>>,
}

impl Facts {
    pub(crate) fn read(archive: &ArchiveId, config: &ArchiveConfig) -> Self {
        let mut networks: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (network, stations) in &config.networks {
            for station in stations {
                let of = networks.entry(station.to_ascii_uppercase()).or_default();
                of.push(network.clone());
            }
        }
        Self {
            archive: archive.clone(),
            publisher: PUBLISHER.to_owned(),
            license: config.license.clone(),
            root: folder(config.url.clone()),
            is_mounted: !config.mounts.is_empty(),
            networks,
        }
    }

    /// The networks that a station belongs to, by its whole code or its first four characters.
    pub(crate) fn networks_of(&self, station: Option<&str>) -> impl Iterator<Item = &str> {
        let station = station.unwrap_or_default();
        let codes = [
            Some(station),
            station.get(..4).filter(|_| station.len() > 4),
        ];
        codes
            .into_iter()
            .flatten()
            .filter_map(|code| self.networks.get(code))
            .flatten()
            .map(String::as_str)
    }
}

/// The years that are harvested.
pub(crate) fn years(
    archive: &ArchiveId,
    config: &ArchiveConfig,
) -> Result<Option<RangeInclusive<i32>>, ConfigError> {
    let Some(text) = &config.years else {
        return Ok(None);
    };
    let (first, last) = text
        .split_once("..")
        .unwrap_or((text.as_str(), text.as_str()));
    match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) if first <= last => Ok(Some(first..=last)),
        _ => Err(ConfigError::Value {
            archive: archive.clone(),
            key: "years",
            value: text.clone(),
            why: "use one year, `2023`, or two, `2019..2024`".to_owned(),
        }),
    }
}

pub(crate) fn archive(id: ArchiveId, config: &ArchiveConfig) -> Archive {
    Archive {
        id,
        kind: "gssc",
        title: config
            .title
            .clone()
            .unwrap_or_else(|| PUBLISHER.to_owned()),
        home: "https://gssc.esa.int/".to_owned(),
        acknowledgement: "This work used data and products of the International GNSS Service (IGS), provided by the GNSS Science \
                          Support Centre (GSSC) of the European Space Agency."
            .to_owned(),
        license: config.license.clone(),
        publisher: PUBLISHER.to_owned(),
        asks: Asks::default(),
    }
}
