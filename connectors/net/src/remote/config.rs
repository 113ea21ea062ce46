//! Where storage elsewhere is, and who we are there.

use std::sync::Arc;

use base64::Engine;
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::has_sessions;
use crate::access::{Access, HostKey};
use crate::error::NetError;
use crate::scope::{Limits, Scope};
use crate::sessions::Login;
use crate::shown::ShownUrl;

/// The kinds of storage elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteKind {
    /// SFTP; addresses with `sftp:`.
    Sftp,
    /// FTP in the clear and over TLS; addresses with `ftp:`, `ftpes:` and `ftps:`.
    Ftp,
    /// WebDAV; addresses with `https:` and `http:`.
    Webdav,
    /// What speaks S3, asked by path (`endpoint/bucket/key`); addresses with `https:` and `http:`.
    S3,
}

/// Where storage elsewhere is, and who we are there.
#[derive(Clone, Debug)]
pub struct RemoteConfig {
    /// What it speaks.
    pub kind: RemoteKind,
    /// Its root, without user and password; of S3 the endpoint.
    pub address: Url,
    /// Who we are; of S3 the access key's id. Without: anonymous.
    pub user: Option<String>,
    /// The password; of S3 the secret access key.
    pub secret: Option<SecretString>,
    /// The text of a private key to log in with over SFTP, without a passphrase; the password is
    /// tried after it only where there is one.
    pub private_key: Option<SecretString>,
    /// The keys one of which a host of SFTP must show; without any, the first it shows.
    pub host_keys: Vec<HostKey>,
    /// The bucket of S3.
    pub bucket: Option<String>,
    /// The region of S3; without: `us-east-1`.
    pub region: Option<String>,
    /// Where in the bucket of S3 the root is, without: at its top.
    pub prefix: Option<String>,
    /// How much is asked of it.
    pub limits: Limits,
}

/// What a configuration comes to.
pub(super) struct Made {
    pub(super) root: Url,
    pub(super) scope: Scope,
    pub(super) login: Login,
    pub(super) authorization: Option<HeaderValue>,
}

impl RemoteConfig {
    /// Storage of a kind at an address, for anonymous, with limits for many small files: 8 requests
    /// in flight, 100 begun in a second.
    pub fn new(kind: RemoteKind, address: Url) -> Self {
        Self {
            kind,
            address,
            user: None,
            secret: None,
            private_key: None,
            host_keys: Vec::new(),
            bucket: None,
            region: None,
            prefix: None,
            limits: Limits {
                max_in_flight: 8,
                per_second: 100.0,
                ..Limits::default()
            },
        }
    }

    pub(super) fn bad(&self, reason: &'static str) -> NetError {
        NetError::BadAddress {
            url: ShownUrl::from(&self.address),
            reason,
        }
    }

    pub(super) fn password(&self) -> &str {
        let secret = self.secret.as_ref();
        secret.map_or("", |secret| secret.expose_secret())
    }

    pub(super) fn checked(&self) -> Result<Made, NetError> {
        let (allowed, why) = match self.kind {
            RemoteKind::Sftp => (&["sftp"][..], "SFTP begins with sftp:"),
            RemoteKind::Ftp => (
                &["ftp", "ftpes", "ftps"][..],
                "FTP begins with ftp:, ftpes: or ftps:",
            ),
            RemoteKind::Webdav => (&["https", "http"][..], "WebDAV begins with https: or http:"),
            RemoteKind::S3 => (&["https", "http"][..], "S3 begins with https: or http:"),
        };
        let address = &self.address;
        if !allowed.contains(&address.scheme()) {
            return Err(self.bad(why));
        }
        if !address.username().is_empty() || address.password().is_some() {
            return Err(self.bad("user and password do not belong into the address"));
        }
        if address.query().is_some() || address.fragment().is_some() {
            return Err(self.bad("what follows `?` or `#` is no part of a root"));
        }
        let user = self.user.as_deref().unwrap_or_default();
        let has_control = |text: &str| text.chars().any(char::is_control);
        if has_control(user) || has_control(self.password()) {
            return Err(self.bad("its user or password holds a control character"));
        }
        let (root, authorization) = self.signed(user)?;
        Ok(Made {
            root,
            scope: Scope {
                name: format!("remote {}", ShownUrl::from(address)),
                hosts: Vec::new(),
                limits: self.limits.clone(),
                access: Access {
                    host_keys: self.host_keys.clone(),
                    ..Access::default()
                },
                logins: Vec::new(),
            },
            login: self.login()?,
            authorization,
        })
    }

    /// The root with user and password for sessions, or what says them over HTTP.
    fn signed(&self, user: &str) -> Result<(Url, Option<HeaderValue>), NetError> {
        let mut root = self.address.clone();
        if has_sessions(&root) {
            let set = root.set_username(user).is_ok()
                && (self.secret.is_none() || root.set_password(Some(self.password())).is_ok());
            return match set {
                true => Ok((root, None)),
                false => Err(self.bad("it has no host")),
            };
        }
        if self.kind == RemoteKind::S3 || self.user.is_none() {
            return Ok((root, None));
        }
        if user.contains(':') {
            return Err(self.bad("its user holds a colon, which HTTP cannot say"));
        }
        let pair = format!("{user}:{}", self.password());
        let text = base64::engine::general_purpose::STANDARD.encode(pair);
        let mut value =
            HeaderValue::try_from(format!("Basic {text}")).expect("base64 is a header value");
        value.set_sensitive(true);
        Ok((root, Some(value)))
    }

    fn login(&self) -> Result<Login, NetError> {
        let key = match &self.private_key {
            None => None,
            Some(text) => {
                let key = russh::keys::decode_secret_key(text.expose_secret(), None);
                Some(Arc::new(key.map_err(|_| {
                    self.bad("its private key cannot be read, or has a passphrase")
                })?))
            }
        };
        Ok(Login {
            key,
            knows_hosts: true,
        })
    }
}
