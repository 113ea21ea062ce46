//! `[staging.volume_catalogue]`: the volumes that everybody may add.

use std::path::PathBuf;

use gantry_staging::volume::{Credentials, Elsewhere, Settings};
use gantry_staging::{CataloguePlace, CatalogueVolume};
use serde::Deserialize;

/// `[staging.volume_catalogue.<name>]`: a folder, or storage elsewhere.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CatalogueVolumeConfig {
    /// Its name for people.
    pub title: String,
    /// The folder, where it is one of this machine.
    pub path: Option<PathBuf>,
    /// The kind of storage elsewhere, where the address does not say it.
    pub kind: Option<String>,
    /// Where it is elsewhere.
    pub address: Option<String>,
    /// Who we are there.
    pub user: Option<String>,
    /// A file with the password; of S3 with the secret access key.
    pub password_file: Option<PathBuf>,
    /// A file with a private key for SFTP.
    pub private_key_file: Option<PathBuf>,
    /// The key the host of SFTP must show, `SHA256:…`.
    pub host_key: Option<gantry_net::HostKey>,
    /// The bucket of S3.
    pub bucket: Option<String>,
    /// Where in the bucket.
    pub prefix: Option<String>,
    /// The region of S3.
    pub region: Option<String>,
    /// Whether a password may cross the network in the clear.
    pub allow_plain: bool,
}

impl CatalogueVolumeConfig {
    /// The volume it describes, with the secrets that its files hold.
    pub(super) fn volume(&self) -> Result<CatalogueVolume, String> {
        let place = match (&self.path, &self.address) {
            (Some(path), None) => CataloguePlace::Local(path.clone()),
            (None, Some(address)) => self.elsewhere(address)?,
            _ => return Err("say either `path` or `address`".to_owned()),
        };
        let title = match self.title.trim() {
            "" => return Err("give it a `title`".to_owned()),
            title => title.to_owned(),
        };
        Ok(CatalogueVolume { title, place })
    }

    fn elsewhere(&self, address: &str) -> Result<CataloguePlace, String> {
        let read = |file: &Option<PathBuf>| {
            let read = |path: &PathBuf| {
                let text = std::fs::read_to_string(path);
                text.map_err(|error| format!("cannot read `{}`: {error}", path.display()))
            };
            file.as_ref().map(read).transpose()
        };
        let password = read(&self.password_file)?.map(|text| text.trim_end().to_owned());
        let credentials = Credentials {
            password: password.map(Into::into),
            private_key: read(&self.private_key_file)?.map(Into::into),
        };
        let settings = Settings {
            user: self.user.clone(),
            bucket: self.bucket.clone(),
            prefix: self.prefix.clone(),
            region: self.region.clone(),
            host_key: self.host_key.clone(),
            allow_plain: self.allow_plain,
        };
        let read = Elsewhere::read(self.kind.as_deref(), address, settings, credentials);
        let (elsewhere, credentials) = read.map_err(|error| error.to_string())?;
        Ok(CataloguePlace::Elsewhere(Box::new(elsewhere), credentials))
    }
}
