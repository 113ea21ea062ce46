//! Where storage elsewhere is and what lets us in, read from an address or from the fields of a form.

use std::net::IpAddr;

use gantry_net::{HostKey, RemoteConfig, Url, decoded};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::VolumeError;
use super::kind::Kind;

/// Storage elsewhere: where it is, and how it is reached, without what lets us in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// Its kind.
    pub kind: &'static str,
    /// Its root, without user and password; of S3 the endpoint.
    pub address: Url,
    /// What else is to be known.
    pub settings: Settings,
}

/// What is to be known of storage elsewhere besides its address, and is no secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Who we are there; of S3 the id of the access key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The bucket of S3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// Where in the bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The region of S3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The key the host of SFTP must show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_key: Option<HostKey>,
    /// Whether a password may cross the network in the clear.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_plain: bool,
}

/// What lets us in. It is kept sealed, and shown nowhere.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// The password; of S3 the secret access key.
    pub password: Option<SecretString>,
    /// The text of a private key for SFTP.
    pub private_key: Option<SecretString>,
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Sealed<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<std::borrow::Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_key: Option<std::borrow::Cow<'a, str>>,
}

impl Credentials {
    /// Whether there is nothing to keep.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.password.is_none() && self.private_key.is_none()
    }

    pub(crate) fn to_text(&self) -> String {
        let shown = |secret: &'_ Option<SecretString>| {
            secret
                .as_ref()
                .map(|secret| secret.expose_secret().to_owned().into())
        };
        let sealed = Sealed {
            password: shown(&self.password),
            private_key: shown(&self.private_key),
        };
        serde_json::to_string(&sealed).expect("texts are plain data")
    }

    pub(crate) fn of_text(text: &str) -> Option<Self> {
        let read: Sealed<'_> = serde_json::from_str(text).ok()?;
        let secret = |text: Option<std::borrow::Cow<'_, str>>| {
            text.map(|text| SecretString::from(text.into_owned()))
        };
        Some(Self {
            password: secret(read.password),
            private_key: secret(read.private_key),
        })
    }
}

impl Elsewhere {
    /// Reads an address as people write it, `ftp://guest:secret@planck.example/user_sel/3`; the user and password in it
    /// count unless others are given beside it.
    ///
    /// # Errors
    /// [`VolumeError::Address`] for an address of none of the kinds or of another than `kind`, and for a password that
    /// would cross the network in the clear without `allow_plain`.
    pub fn read(
        kind: Option<&str>,
        address: &str,
        mut settings: Settings,
        mut credentials: Credentials,
    ) -> Result<(Self, Credentials), VolumeError> {
        let bad = |why: &str| VolumeError::Address {
            address: masked_text(address),
            why: why.to_owned(),
        };
        let mut url = Url::parse(address.trim()).map_err(|_| {
            bad("write it as sftp://host/folder, ftpes://…, ftps://…, ftp://…, https://… or s3://bucket")
        })?;
        let kind = kind_of(kind, &url).map_err(|why| bad(&why))?;
        if !url.username().is_empty() {
            let user = decoded(url.username()).ok_or_else(|| bad("its user is no text"))?;
            settings.user.get_or_insert(user.into_owned());
        }
        if let Some(password) = url.password() {
            let password = decoded(password).ok_or_else(|| bad("its password is no text"))?;
            credentials
                .password
                .get_or_insert(password.into_owned().into());
        }
        let cleared = url.set_username("").and_then(|()| url.set_password(None));
        if cleared.is_err() || url.host_str().is_none_or(str::is_empty) {
            return Err(bad("it names no host"));
        }
        if kind.name == "s3" {
            url = endpoint(&url, &mut settings).map_err(bad)?;
        }
        url = plain_scheme(url);
        let is_plain = matches!(url.scheme(), "ftp" | "http");
        if is_plain && credentials.password.is_some() && !settings.allow_plain {
            return Err(bad(
                "its password would cross the network in the clear; use ftpes: or https:, or say that this is meant (`allow_plain`)",
            ));
        }
        let elsewhere = Self {
            kind: kind.name,
            address: url,
            settings,
        };
        Ok((elsewhere, credentials))
    }

    /// The address as people may see it: with the user, and `*****` where there is a password.
    #[must_use]
    pub fn masked(&self, has_password: bool) -> String {
        let mut text = self.address.to_string();
        if let Some(user) = &self.settings.user
            && self.kind != "s3"
        {
            let mut url = self.address.clone();
            let _ = url.set_username(user);
            let secret = if has_password { ":*****" } else { "" };
            text = url.to_string().replacen('@', &format!("{secret}@"), 1);
        }
        for part in [&self.settings.bucket, &self.settings.prefix]
            .into_iter()
            .flatten()
        {
            text = format!("{}/{part}", text.trim_end_matches('/'));
        }
        text
    }

    /// Whether a login for this storage is for another one as well: it is the same host, reached in the same way.
    #[must_use]
    pub fn shares_login_with(&self, other: &Self) -> bool {
        let host = |elsewhere: &Self| {
            let url = &elsewhere.address;
            let name = url.host_str().map(ToOwned::to_owned);
            (url.scheme().to_owned(), name, url.port())
        };
        self.kind == other.kind && host(self) == host(other)
    }

    /// What the way to the outside needs to know.
    pub(crate) fn config(&self, credentials: &Credentials) -> Option<RemoteConfig> {
        let kind = Kind::named(self.kind)?.remote?;
        let settings = self.settings.clone();
        Some(RemoteConfig {
            user: settings.user,
            secret: credentials.password.clone(),
            private_key: credentials.private_key.clone(),
            host_keys: settings.host_key.into_iter().collect(),
            bucket: settings.bucket,
            region: settings.region,
            prefix: settings.prefix,
            ..RemoteConfig::new(kind, self.address.clone())
        })
    }
}

fn kind_of(asked: Option<&str>, url: &Url) -> Result<&'static Kind, String> {
    let found = match asked {
        Some(name) => Kind::named(name).ok_or_else(|| {
            let all: Vec<&str> = super::KINDS.iter().map(|kind| kind.name).collect();
            format!("`{name}` is no kind of volume; allowed: {}", all.join(", "))
        })?,
        None => Kind::of_scheme(url.scheme())
            .ok_or_else(|| format!("nothing here speaks `{}:`", url.scheme()))?,
    };
    match found.schemes.contains(&url.scheme()) {
        true => Ok(found),
        false if found.schemes.is_empty() => Err("a local folder has no address".to_owned()),
        false => Err(format!(
            "an address of {} begins with {}:",
            found.title,
            found.schemes.join(": or ")
        )),
    }
}

/// The endpoint of S3; `s3://bucket/prefix` is Amazon's own.
fn endpoint(url: &Url, settings: &mut Settings) -> Result<Url, &'static str> {
    let mut endpoint = url.clone();
    if url.scheme() == "s3" {
        let is_server = |host: &str| host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        if url.port().is_some() || url.host_str().is_some_and(is_server) {
            return Err(
                "s3: names a bucket of Amazon's and no server; write https://server/bucket for another",
            );
        }
        let region = settings.region.as_deref().unwrap_or("us-east-1");
        settings.bucket = url.host_str().map(ToOwned::to_owned);
        let prefix = url.path().trim_matches('/');
        if !prefix.is_empty() {
            settings.prefix.get_or_insert_with(|| prefix.to_owned());
        }
        endpoint = Url::parse(&format!("https://s3.{region}.amazonaws.com/"))
            .map_err(|_| "its region is no name")?;
    } else if settings.bucket.is_none() {
        // `https://endpoint/bucket/prefix` says all of it.
        let path = url.path().trim_matches('/').to_owned();
        let (bucket, prefix) = path.split_once('/').unwrap_or((&path, ""));
        settings.bucket = Some(bucket.to_owned()).filter(|bucket| !bucket.is_empty());
        if !prefix.is_empty() {
            settings.prefix.get_or_insert_with(|| prefix.to_owned());
        }
        endpoint.set_path("/");
    }
    if settings.bucket.is_none() {
        return Err("it names no bucket; give it as `bucket` or as https://endpoint/bucket");
    }
    Ok(endpoint)
}

/// `dav:` and `davs:` are how file managers write WebDAV.
fn plain_scheme(url: Url) -> Url {
    let scheme = match url.scheme() {
        "dav" => "http",
        "davs" => "https",
        _ => return url,
    };
    let rest = url.as_str().split_once(':').map_or("", |(_, rest)| rest);
    Url::parse(&format!("{scheme}:{rest}")).unwrap_or(url)
}

/// An address that could not be read, without what may be a password in it.
fn masked_text(address: &str) -> String {
    let shown: String = address.chars().take(200).collect();
    match (shown.find("://"), shown.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => {
            format!("{}*****{}", &shown[..scheme + 3], &shown[at..])
        }
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: Option<&str>, address: &str) -> Result<(Elsewhere, Credentials), VolumeError> {
        let settings = Settings {
            allow_plain: true,
            ..Settings::default()
        };
        Elsewhere::read(kind, address, settings, Credentials::default())
    }

    #[test]
    fn an_address_with_user_and_password_is_taken_apart_and_shown_masked() {
        let (found, credentials) =
            read(None, "ftp://guest:p%40ss@planck.example/user_sel/3").unwrap();
        assert_eq!(found.kind, "ftp");
        assert_eq!(found.address.as_str(), "ftp://planck.example/user_sel/3");
        assert_eq!(
            credentials.password.as_ref().unwrap().expose_secret(),
            "p@ss"
        );
        assert_eq!(
            found.masked(true),
            "ftp://guest:*****@planck.example/user_sel/3"
        );
        assert!(!format!("{found:?}{credentials:?}").contains("p@ss"));
    }

    #[test]
    fn what_file_managers_and_stores_write_is_understood() {
        let (dav, _) = read(None, "davs://cloud.example/dav/").unwrap();
        assert_eq!(
            (dav.kind, dav.address.as_str()),
            ("webdav", "https://cloud.example/dav/")
        );
        let (amazon, _) = read(None, "s3://maps/planck/pr4").unwrap();
        assert_eq!(
            amazon.address.as_str(),
            "https://s3.us-east-1.amazonaws.com/"
        );
        assert_eq!(amazon.settings.bucket.as_deref(), Some("maps"));
        assert_eq!(amazon.settings.prefix.as_deref(), Some("planck/pr4"));
        let (other, _) = read(Some("s3"), "https://s3.example/maps/pr4").unwrap();
        assert_eq!(other.masked(true), "https://s3.example/maps/pr4");
    }

    #[test]
    fn an_address_that_cannot_be_used_is_refused_without_its_password() {
        for (kind, address, why) in [
            (
                None,
                "gopher://u:secret@h/",
                "nothing here speaks `gopher:`",
            ),
            (None, "u:secret@h/x y", "nothing here speaks `u:`"),
            (Some("sftp"), "https://h/", "begins with sftp:"),
            (Some("disk"), "https://h/", "`disk` is no kind of volume"),
            (Some("s3"), "https://h/", "it names no bucket"),
            (
                None,
                "s3://k:secret@h:9000/maps",
                "names a bucket of Amazon's",
            ),
            (None, "s3://k:secret@10.0.0.1/maps", "and no server"),
            (Some("local"), "https://h/", "a local folder has no address"),
        ] {
            let error = read(kind, address).unwrap_err().to_string();
            assert!(error.contains(why), "{address}: {error}");
            assert!(
                !error.contains("secret") || !address.contains("://"),
                "{error}"
            );
        }
        let plain = Elsewhere::read(
            None,
            "ftp://guest:secret@h/",
            Settings::default(),
            Credentials::default(),
        );
        let error = plain.unwrap_err().to_string();
        assert!(
            error.contains("in the clear") && !error.contains("secret"),
            "{error}"
        );
    }
}
