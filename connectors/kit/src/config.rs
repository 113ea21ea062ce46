//! What the operator says of an archive: `[archive.<id>]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use gantry_asset::ArchiveId;
use gantry_net::{Access, Limits, Scope};
use serde::Deserialize;
use url::Url;

use crate::open::without_login;

/// One `[archive.<id>]` of the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveConfig {
    /// The kind of connector: `planck`, `gaia`, `gssc` or `obstap`.
    pub kind: String,
    /// Where the archive is.
    pub url: Url,
    /// Its name for people; the kind's own by default.
    #[serde(default)]
    pub title: Option<String>,
    /// The list of products to harvest, an address or a file; the kind's own by default.
    #[serde(default)]
    pub products: Option<String>,
    /// Other servers with the same files, in the order they are tried.
    #[serde(default)]
    pub mirrors: Vec<Url>,
    /// Folders of this machine under which the archive's tree is mounted.
    #[serde(default)]
    pub mounts: Vec<PathBuf>,
    /// Hosts that are trusted, `name` or `name:port`; by default those of `url` and `mirrors`.
    #[serde(default)]
    pub hosts: Option<Vec<String>>,
    /// How much is asked of it at once.
    #[serde(default)]
    pub limits: Limits,
    /// How its files are reached over FTP and SFTP: `[archive.<id>.access]`.
    #[serde(default)]
    pub access: Access,
    /// Which products are looked into while harvesting, for kinds that can: `off` (default), `unknown` or `all`.
    #[serde(default)]
    pub peek: Option<String>,
    /// The folders of its tree that are harvested, for kinds that walk one; the kind's own by default.
    #[serde(default)]
    pub folders: Vec<String>,
    /// The years that are harvested, `2019..2024` or `2023`, for kinds whose folders tell them; all by default.
    #[serde(default)]
    pub years: Option<String>,
    /// Which stations belong to a network, by its name: `EPN = ["BRUX", "POTS"]`.
    #[serde(default)]
    pub networks: BTreeMap<String, Vec<String>>,
    /// How long after the beginning of one harvest the next one is due, such as `24h`; never by itself when absent.
    #[serde(default)]
    pub schedule: Option<String>,
    /// The terms its products are used under.
    #[serde(default)]
    pub license: Option<String>,
}

impl ArchiveConfig {
    /// A configuration with nothing but its kind and address.
    #[must_use]
    pub fn new(kind: &str, url: Url) -> Self {
        Self {
            kind: kind.to_owned(),
            url,
            title: None,
            products: None,
            mirrors: Vec::new(),
            mounts: Vec::new(),
            hosts: None,
            limits: Limits::default(),
            access: Access::default(),
            peek: None,
            folders: Vec::new(),
            years: None,
            networks: BTreeMap::new(),
            schedule: None,
            license: None,
        }
    }

    /// The hosts that are trusted: those named, or those of `url` and `mirrors`.
    #[must_use]
    pub fn trusted_hosts(&self) -> Vec<String> {
        let own = || {
            std::iter::once(&self.url)
                .chain(&self.mirrors)
                .filter_map(host_of)
                .collect()
        };
        self.hosts.clone().unwrap_or_else(own)
    }

    /// What the network allows a connector to this archive.
    #[must_use]
    pub fn scope(&self, archive: &ArchiveId) -> Scope {
        Scope {
            name: archive.to_string(),
            hosts: self.trusted_hosts(),
            limits: self.limits.clone(),
            access: self.access.clone(),
            logins: self.logins(),
        }
    }

    /// The addresses of the configuration that have a user.
    fn logins(&self) -> Vec<Url> {
        let all = std::iter::once(&self.url).chain(&self.mirrors);
        all.filter(|url| !url.username().is_empty())
            .cloned()
            .collect()
    }

    /// How long after the beginning of one harvest the next one is due; `None` when it is never harvested by itself.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for what is no length of time, or one that is not between a minute and a year.
    pub fn every(&self, archive: &ArchiveId) -> Result<Option<Duration>, ConfigError> {
        let Some(text) = &self.schedule else {
            return Ok(None);
        };
        match humantime::parse_duration(text) {
            Ok(every) if (SHORTEST..=LONGEST).contains(&every) => Ok(Some(every)),
            _ => Err(ConfigError::Value {
                archive: archive.clone(),
                key: "schedule",
                value: text.clone(),
                why: "allowed: how long after one harvest the next one is due, such as `6h` or `1day`, at least a minute and at most a year".to_owned(),
            }),
        }
    }

    /// Refuses a key that is set and that a kind of archive has no use for.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for the first of them.
    pub fn has_no(&self, archive: &ArchiveId, unused: &[&'static str]) -> Result<(), ConfigError> {
        let list = |values: Vec<String>| (!values.is_empty()).then(|| values.join(", "));
        let set = |key: &str| match key {
            "products" => self.products.clone(),
            "mirrors" => list(self.mirrors.iter().map(without_login).collect()),
            "mounts" => list(
                self.mounts
                    .iter()
                    .map(|path| path.display().to_string())
                    .collect(),
            ),
            "peek" => self.peek.clone(),
            "folders" => list(self.folders.clone()),
            "years" => self.years.clone(),
            "networks" => list(self.networks.keys().cloned().collect()),
            _ => None,
        };
        let found = unused.iter().find_map(|key| Some((*key, set(key)?)));
        found.map_or(Ok(()), |(key, value)| {
            Err(ConfigError::Value {
                archive: archive.clone(),
                key,
                value,
                why: format!(
                    "an archive of the kind `{}` has no use for it; take it out",
                    self.kind
                ),
            })
        })
    }

    /// Refuses addresses that lead to no server that Gantry can ask.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for the first of them.
    pub(crate) fn leads_to_servers(&self, archive: &ArchiveId) -> Result<(), ConfigError> {
        let url = std::iter::once(("url", &self.url));
        let mirrors = self.mirrors.iter().map(|mirror| ("mirrors", mirror));
        for (key, url) in url.chain(mirrors) {
            if !SCHEMES.contains(&url.scheme()) || url.host_str().is_none() {
                return Err(ConfigError::Value {
                    archive: archive.clone(),
                    key,
                    value: without_login(url),
                    why: format!(
                        "use the address of a server, which begins with one of {}",
                        SCHEMES.join(", ")
                    ),
                });
            }
        }
        Ok(())
    }

    /// Into which products the harvest looks.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for anything but `off`, `unknown` and `all`.
    pub fn peek(&self, archive: &ArchiveId) -> Result<Peek, ConfigError> {
        match self.peek.as_deref() {
            None | Some("off") => Ok(Peek::Off),
            Some("unknown") => Ok(Peek::Unknown),
            Some("all") => Ok(Peek::All),
            Some(other) => Err(ConfigError::Value {
                archive: archive.clone(),
                key: "peek",
                value: other.to_owned(),
                why: "allowed: off, unknown, all".to_owned(),
            }),
        }
    }
}

/// The schemes of servers that files are fetched from.
const SCHEMES: [&str; 6] = ["https", "http", "ftp", "ftpes", "ftps", "sftp"];
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// Into which products a harvest looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peek {
    /// Into none.
    Off,
    /// Into those whose name says nothing.
    Unknown,
    /// Into all.
    All,
}

impl Peek {
    /// Whether to look into a product whose name says what it is, or does not.
    #[must_use]
    pub fn wants(self, is_named: bool) -> bool {
        match self {
            Self::Off => false,
            Self::Unknown => !is_named,
            Self::All => true,
        }
    }
}

/// An address that ends with a slash, so that what is joined lies below it.
#[must_use]
pub fn folder(mut url: Url) -> Url {
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    url
}

fn host_of(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(
        url.port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
    )
}

/// A configuration of an archive that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No connector of that kind.
    #[error("archive.{archive}.kind = `{kind}` is not known; allowed: {allowed}")]
    Kind {
        /// Which archive.
        archive: String,
        /// What was asked for.
        kind: String,
        /// What there is.
        allowed: String,
    },
    /// A value that this kind cannot use.
    #[error("archive.{archive}.{key} = `{value}`: {why}")]
    Value {
        /// Which archive.
        archive: ArchiveId,
        /// Which key.
        key: &'static str,
        /// What it says.
        value: String,
        /// What it should be.
        why: String,
    },
}
