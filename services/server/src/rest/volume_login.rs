//! How storage elsewhere is reached, as requests say it. What lets us in goes in and never comes out.

use gantry_net::HostKey;
use gantry_staging::volume::{Credentials, Elsewhere, Settings};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::problem::{Problem, UNPROCESSABLE};

/// Where storage elsewhere is, and what lets us in.
#[derive(Clone, Default, Deserialize, ToSchema)]
pub(crate) struct VolumeLogin {
    /// Where it is, such as `sftp://ada@data.example/maps`; a user and password in it count.
    pub(crate) address: Option<String>,
    /// Who we are there; of S3 the id of the access key.
    pub(crate) user: Option<String>,
    /// The password; of S3 the secret access key. It never comes out again.
    #[schema(write_only)]
    pub(crate) password: Option<String>,
    /// The text of a private key for SFTP. It never comes out again.
    #[schema(write_only)]
    pub(crate) private_key: Option<String>,
    /// The key the host of SFTP must show, `SHA256:…`.
    pub(crate) host_key: Option<String>,
    /// The bucket of S3.
    pub(crate) bucket: Option<String>,
    /// Where in the bucket.
    pub(crate) prefix: Option<String>,
    /// The region of S3.
    pub(crate) region: Option<String>,
    /// Whether a password may cross the network in the clear.
    pub(crate) allow_plain: Option<bool>,
}

impl std::fmt::Debug for VolumeLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VolumeLogin(…)")
    }
}

impl VolumeLogin {
    /// What is said here, and where nothing is said what was known before; none when no address is known.
    ///
    /// The login known before is for the host known before: it is never taken to another one.
    pub(crate) fn read(
        &self,
        kind: Option<&str>,
        before: Option<(Elsewhere, Credentials)>,
    ) -> Result<Option<(Elsewhere, Credentials)>, Problem> {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let (known, secrets) = before.unzip();
        let said = filled(&self.address);
        let moves = said.is_some();
        let Some(address) = said.or_else(|| Some(known.as_ref()?.address.to_string())) else {
            return Ok(None);
        };
        let known = known.filter(|_| !moves).map(|known| known.settings);
        let known = known.unwrap_or_default();
        let host_key = filled(&self.host_key).map(HostKey::try_from).transpose();
        let host_key = host_key.map_err(|error| Problem::new(&UNPROCESSABLE, error.to_string()))?;
        let settings = Settings {
            user: filled(&self.user).or(known.user),
            bucket: filled(&self.bucket).or(known.bucket),
            prefix: filled(&self.prefix).or(known.prefix),
            region: filled(&self.region).or(known.region),
            host_key: host_key.or(known.host_key),
            allow_plain: self.allow_plain.unwrap_or(known.allow_plain),
        };
        let secrets = secrets.filter(|_| !moves).unwrap_or_default();
        let credentials = Credentials {
            password: filled(&self.password).map(Into::into).or(secrets.password),
            private_key: filled(&self.private_key)
                .map(Into::into)
                .or(secrets.private_key),
        };
        let read = Elsewhere::read(kind, &address, settings, credentials);
        Ok(Some(read?))
    }
}
