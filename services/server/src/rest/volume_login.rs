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
    /// Whether nothing is said.
    pub(crate) fn is_empty(&self) -> bool {
        let texts = [
            &self.address,
            &self.user,
            &self.password,
            &self.private_key,
            &self.host_key,
            &self.bucket,
            &self.prefix,
            &self.region,
        ];
        self.allow_plain.is_none() && texts.into_iter().all(|text| filled(text).is_none())
    }

    /// What is said here, and where nothing is said what was known before; none when no address is known.
    ///
    /// The login known before is for the host known before: it is never taken to another one.
    pub(crate) fn read(
        &self,
        kind: Option<&str>,
        before: Option<(Elsewhere, Credentials)>,
    ) -> Result<Option<(Elsewhere, Credentials)>, Problem> {
        let said = filled(&self.address);
        let Some(address) = said.or_else(|| Some(before.as_ref()?.0.address.to_string())) else {
            return Ok(None);
        };
        let before = match before {
            Some(before) if self.stays_with(kind, &address, &before.0)? => Some(before),
            _ => None,
        };
        let (known, secrets) = before.unzip();
        let known = known.map(|known| known.settings).unwrap_or_default();
        let secrets = secrets.unwrap_or_default();
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
        let credentials = Credentials {
            password: filled(&self.password).map(Into::into).or(secrets.password),
            private_key: filled(&self.private_key)
                .map(Into::into)
                .or(secrets.private_key),
        };
        let read = Elsewhere::read(kind, &address, settings, credentials);
        Ok(Some(read?))
    }

    /// Whether an address is on the host known before, so that the login known before is for it as well.
    fn stays_with(
        &self,
        kind: Option<&str>,
        address: &str,
        known: &Elsewhere,
    ) -> Result<bool, Problem> {
        let settings = Settings {
            bucket: filled(&self.bucket).or(known.settings.bucket.clone()),
            allow_plain: true,
            ..Settings::default()
        };
        let (now, _) = Elsewhere::read(kind, address, settings, Credentials::default())?;
        Ok(now.shares_login_with(known))
    }
}

fn filled(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.trim().is_empty())
}
