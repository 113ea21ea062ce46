//! Configuration: one `gantry.toml`, each key also as `GANTRY_SECTION__KEY`.
//!
//! Unknown keys and bad values are refused at start, naming key, value and what is allowed.

mod auth;
mod launcher;
mod limits;
mod portal;
mod retention;
mod status;
mod volume_catalogue;
mod webhook;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Toml};
use gantry_connector::ArchiveConfig;
use gantry_net::{NetConfig, Network};
use gantry_staging::CatalogueVolume;
use gantry_store::{Seal, SealError};
use serde::Deserialize;
use url::Url;

pub(crate) use auth::HubAuth;
pub use auth::{AuthConfig, AuthMode, HubAuthConfig, ProviderConfig};
pub use launcher::{LauncherConfig, LauncherKind};
pub(crate) use limits::Bounds;
pub use limits::LimitsConfig;
pub use portal::{IntentsConfig, PortalConfig};
pub use retention::RetentionConfig;
pub use status::MaintenanceConfig;
pub use volume_catalogue::CatalogueVolumeConfig;
pub use webhook::{WebhookConfig, WebhookEvent};

use crate::base;

/// The whole configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where everything lies that is not said otherwise; the user's data directory by default.
    #[serde(default = "default_data_dir")]
    pub data_dir: PathBuf,
    /// The service.
    #[serde(default)]
    pub server: ServerConfig,
    /// Who may come in.
    #[serde(default)]
    pub auth: AuthConfig,
    /// The record.
    #[serde(default)]
    pub store: StoreConfig,
    /// The index.
    #[serde(default)]
    pub search: SearchConfig,
    /// Who knows objects of the sky by name.
    #[serde(default)]
    pub names: NamesConfig,
    /// The way to the outside.
    #[serde(default)]
    pub net: NetConfig,
    /// The archives, by id.
    #[serde(default = "default_archives")]
    pub archive: BTreeMap<String, ArchiveConfig>,
    /// Staging.
    #[serde(default)]
    pub staging: StagingConfig,
    /// The labs.
    #[serde(default)]
    pub labs: LabsConfig,
    /// The launchers, by name.
    #[serde(default = "launcher::default")]
    pub launcher: BTreeMap<String, LauncherConfig>,
    /// The portals that Gantry knows, by origin.
    #[serde(default)]
    pub portal: BTreeMap<String, PortalConfig>,
    /// Who is told when jobs and datalabs end, by name.
    #[serde(default)]
    pub webhook: BTreeMap<String, WebhookConfig>,
    /// Clicks that nobody confirmed yet.
    #[serde(default)]
    pub intents: IntentsConfig,
    /// When the service, or a part of it, is meant not to answer.
    #[serde(default)]
    pub maintenance: Vec<MaintenanceConfig>,
    /// How much one caller may ask for.
    #[serde(default)]
    pub limits: LimitsConfig,
    /// How long what has ended is kept.
    #[serde(default)]
    pub retention: RetentionConfig,
}

/// `[server]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// The address it listens on; loopback by default.
    pub listen: SocketAddr,
    /// The address people reach it at; `http://localhost:<port>` by default.
    pub public_url: Option<Url>,
    /// The proxies before it, whose `X-Forwarded-For` says where a request came from; none by default.
    pub trusted_proxies: Vec<Network>,
    /// How long the head of a request, and a body that is not a file, may take to arrive, in seconds; 60 by default.
    pub request_s: u32,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            trusted_proxies: Vec::new(),
            request_s: 60,
        }
    }
}

/// `[store]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// Where the record is, such as `sqlite:/var/lib/gantry/gantry.db`.
    pub url: Option<String>,
    /// The file with the key that seals secrets; `seal.key` in the data directory by default.
    pub seal_key_file: Option<PathBuf>,
    /// That key itself, 64 hexadecimal digits, to be given by the environment; older keys behind it after a comma.
    pub seal_key: Option<SecretText>,
}

/// `[names]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NamesConfig {
    /// A Sesame, such as `https://cds.unistra.fr/cgi-bin/nph-sesame`; without one no names are looked up.
    pub url: Option<Url>,
}

/// A text that is not printed.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct SecretText(pub String);

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// `[search]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SearchConfig {
    /// The folder of the index.
    pub dir: Option<PathBuf>,
    /// How long a table of all matches may take, in seconds; what is not sent by then is told with where to go on.
    pub table_s: u64,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            dir: None,
            table_s: 600,
        }
    }
}

/// `[staging]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StagingConfig {
    /// Where volumes lie, `<volume_root>/<user id>/<name>`.
    pub volume_root: Option<PathBuf>,
    /// Folders below which users may make volumes of their own.
    pub local_roots: Vec<PathBuf>,
    /// Volumes that everybody may add, read-only, by name.
    pub volume_catalogue: BTreeMap<String, CatalogueVolumeConfig>,
    /// How many bytes the shared cache holds; 0 for none.
    pub cache_bytes: u64,
    /// How many bytes the volumes of one user below `volume_root` may hold; no bound by default.
    pub quota_bytes: Option<u64>,
    /// How many files they may hold; no bound by default.
    pub quota_files: Option<u64>,
    /// How many jobs are carried out at once; they share the archives' places fairly.
    pub workers: usize,
}

impl Default for StagingConfig {
    fn default() -> Self {
        Self {
            volume_root: None,
            local_roots: Vec::new(),
            volume_catalogue: BTreeMap::new(),
            cache_bytes: 20 << 30,
            quota_bytes: None,
            quota_files: None,
            workers: 256,
        }
    }
}

/// `[labs]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LabsConfig {
    /// A Python environment to use instead of the one Gantry makes.
    pub environment: Option<PathBuf>,
    /// A folder with further entries of the lab catalogue.
    pub catalogue: Option<PathBuf>,
    /// How long a lab may go unused before it is stopped, in seconds.
    pub idle_s: Option<u64>,
    /// How many datalabs of one user may live at once; no bound by default.
    pub per_user: Option<u32>,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file is not there.
    #[error("there is no configuration file `{0}`")]
    Missing(PathBuf),
    /// A key or a value that is not allowed.
    #[error("{0}")]
    Bad(String),
}

impl Config {
    /// Reads the configuration: the file, if one is named, then the environment.
    ///
    /// # Errors
    /// [`ConfigError`], naming key, value and what is allowed.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::new();
        if let Some(file) = file {
            if !file.is_file() {
                return Err(ConfigError::Missing(file.to_owned()));
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        let environment = Env::prefixed("GANTRY_")
            .filter(|name| name.as_str().contains("__"))
            .split("__");
        figment
            .merge(environment)
            .extract()
            .map_err(|error| ConfigError::Bad(sentence(&error, file)))
    }

    /// The address of the record.
    #[must_use]
    pub fn store_url(&self) -> String {
        self.store
            .url
            .clone()
            .unwrap_or_else(|| format!("sqlite:{}", self.data_dir.join("gantry.db").display()))
    }

    /// The folder of the index.
    #[must_use]
    pub fn index_dir(&self) -> PathBuf {
        self.search
            .dir
            .clone()
            .unwrap_or_else(|| self.data_dir.join("index"))
    }

    /// Where volumes lie.
    #[must_use]
    pub fn volume_root(&self) -> PathBuf {
        self.staging
            .volume_root
            .clone()
            .unwrap_or_else(|| self.data_dir.join("volumes"))
    }

    /// What seals secrets.
    ///
    /// # Errors
    /// [`SealError`] for a key that cannot be read, or is none.
    pub fn seal(&self) -> Result<Seal, SealError> {
        if let Some(SecretText(key)) = &self.store.seal_key {
            return Seal::given(key);
        }
        let file = self.store.seal_key_file.clone();
        Seal::open(&file.unwrap_or_else(|| self.data_dir.join("seal.key")))
    }

    /// The volumes that everybody may add, by name.
    ///
    /// # Errors
    /// [`ConfigError::Bad`] for an entry that says neither or both of folder and address, or one that cannot be used.
    pub fn volume_catalogue(&self) -> Result<BTreeMap<String, CatalogueVolume>, ConfigError> {
        let entries = self.staging.volume_catalogue.iter();
        entries
            .map(|(name, entry)| {
                let volume = entry.volume().map_err(|why| {
                    ConfigError::Bad(format!("staging.volume_catalogue.{name}: {why}"))
                })?;
                Ok((name.clone(), volume))
            })
            .collect()
    }

    /// Refuses what no single key shows to be wrong.
    ///
    /// # Errors
    /// [`ConfigError::Bad`].
    pub fn check(&self) -> Result<(), ConfigError> {
        let store = self.store_url();
        if !store.starts_with("sqlite:") {
            return Err(ConfigError::Bad(format!(
                "store.url = `{store}`: allowed is `sqlite:` and a path"
            )));
        }
        if let Some(url) = &self.server.public_url
            && let Some(rule) = base::wrong(url)
        {
            return Err(ConfigError::Bad(format!(
                "server.public_url = `{url}`: allowed is an address such as `https://archive.example/` or `https://archive.example/gantry/`; {rule}"
            )));
        }
        auth::check(self)?;
        launcher::check(&self.launcher)?;
        portal::check(&self.portal)?;
        for (name, webhook) in &self.webhook {
            webhook.check(name)?;
        }
        if self.staging.workers == 0 {
            return Err(ConfigError::Bad(
                "staging.workers = `0`: allowed is 1 or more".to_owned(),
            ));
        }
        Ok(())
    }
}

fn sentence(error: &figment::Error, file: Option<&Path>) -> String {
    let problems: Vec<String> = error
        .clone()
        .into_iter()
        .map(|error| {
            let key = error.path.join(".");
            let place = match &error.metadata {
                Some(metadata) if metadata.name.contains("environment") => {
                    "the environment".to_owned()
                }
                _ => file.map_or_else(
                    || "the configuration".to_owned(),
                    |file| format!("`{}`", file.display()),
                ),
            };
            match &error.kind {
                figment::error::Kind::UnknownField(field, allowed) => {
                    // The path ends with the field itself, or with the table it stands in.
                    let whole = match error.path.last() {
                        None => field.clone(),
                        Some(last) if last == field => key,
                        Some(_) => format!("{key}.{field}"),
                    };
                    format!(
                        "unknown key `{whole}` in {place}; allowed: {}",
                        allowed.join(", ")
                    )
                }
                kind if key.is_empty() => format!("{place}: {}", one_line(&kind.to_string())),
                kind => format!("`{key}` in {place}: {kind}"),
            }
        })
        .collect();
    problems.join("; ")
}

/// The parser's message without its picture of the line.
fn one_line(text: &str) -> String {
    let lines = text.lines().filter(|line| {
        let is_picture = line
            .trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit())
            .starts_with('|');
        !is_picture && !line.trim().is_empty()
    });
    let lines: Vec<&str> = lines.collect();
    match lines.split_first() {
        Some((where_, why)) if !why.is_empty() => format!("{where_}: {}", why.join(", ")),
        _ => lines.concat(),
    }
}

/// The user's data directory, by the XDG base directory specification.
fn default_data_dir() -> PathBuf {
    base_dir("XDG_DATA_HOME", ".local/share").join("gantry")
}

/// The user's cache directory, by the XDG base directory specification.
#[must_use]
pub fn cache_dir() -> PathBuf {
    base_dir("XDG_CACHE_HOME", ".cache").join("gantry")
}

fn base_dir(variable: &str, below_home: &str) -> PathBuf {
    let home = || {
        std::env::var_os("HOME")
            .map_or_else(std::env::temp_dir, PathBuf::from)
            .join(below_home)
    };
    std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .unwrap_or_else(home)
}

fn default_archives() -> BTreeMap<String, ArchiveConfig> {
    let archive = |kind: &str, url: &str| {
        let url = Url::parse(url).expect("the address is a constant");
        (kind.to_owned(), ArchiveConfig::new(kind, url))
    };
    BTreeMap::from([
        archive("planck", "https://pla.esac.esa.int/"),
        archive("gaia", "https://gea.esac.esa.int/"),
        archive("gssc", "sftp://anonymous@gssc.esa.int:2200/"),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, ConfigError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Config::load(Some(file.path()))
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_name_and_what_is_allowed() {
        let error = load("[server]\nlissten = \"127.0.0.1:1\"\n")
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("unknown key `server.lissten` in `")
                && error.ends_with("allowed: listen, public_url, trusted_proxies, request_s"),
            "{error}"
        );
    }

    #[test]
    fn a_bad_value_is_refused_with_its_key() {
        let error = load("[archive.planck]\nkind = \"planck\"\nurl = 3\n")
            .unwrap_err()
            .to_string();
        assert!(error.contains("archive.planck.url"), "{error}");
    }

    #[test]
    fn without_a_file_the_service_is_on_loopback_with_the_real_archive() {
        let config = load("").unwrap();
        assert!(config.server.listen.ip().is_loopback());
        assert_eq!(
            config.archive["planck"].url.as_str(),
            "https://pla.esac.esa.int/"
        );
        config.check().unwrap();
    }

    #[test]
    fn local_login_is_refused_on_an_address_others_reach() {
        let error = load("[server]\nlisten = \"0.0.0.0:8080\"\n")
            .unwrap()
            .check()
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("only a loopback address is allowed"),
            "{error}"
        );
    }
}
