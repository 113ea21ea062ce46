//! The form of storage elsewhere: its fields are those of its kind, and what it sends.

use gantry_staging::volume::{KINDS, Kind, Settings};
use serde::Deserialize;

use crate::extract::once;
use crate::rest::volume_login::VolumeLogin;
use crate::words::{Said, t};

/// One field as it is shown.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) title: String,
    pub(super) help: String,
    pub(super) required: bool,
    pub(super) secret: bool,
    /// Whether its text has lines.
    pub(super) long: bool,
    /// What is in it; never a secret.
    pub(super) value: String,
}

/// One kind to choose.
pub(super) struct KindChoice {
    pub(super) name: &'static str,
    pub(super) title: String,
    pub(super) chosen: bool,
}

/// The form that makes a volume, or changes one.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct VolumeForm {
    #[serde(deserialize_with = "once")]
    pub(super) csrf: Option<String>,
    #[serde(deserialize_with = "once")]
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "once")]
    pub(super) title: Option<String>,
    #[serde(deserialize_with = "once")]
    pub(super) kind: Option<String>,
    #[serde(deserialize_with = "once")]
    pub(super) path: Option<String>,
    #[serde(deserialize_with = "once")]
    pub(super) catalogue: Option<String>,
    #[serde(deserialize_with = "once")]
    address: Option<String>,
    #[serde(deserialize_with = "once")]
    user: Option<String>,
    #[serde(deserialize_with = "once")]
    password: Option<String>,
    #[serde(deserialize_with = "once")]
    private_key: Option<String>,
    #[serde(deserialize_with = "once")]
    host_key: Option<String>,
    #[serde(deserialize_with = "once")]
    bucket: Option<String>,
    #[serde(deserialize_with = "once")]
    prefix: Option<String>,
    #[serde(deserialize_with = "once")]
    region: Option<String>,
    #[serde(deserialize_with = "once")]
    allow_plain: Option<String>,
}

impl VolumeForm {
    pub(super) fn login(&self) -> VolumeLogin {
        VolumeLogin {
            address: self.address.clone(),
            user: self.user.clone(),
            password: self.password.clone(),
            private_key: self.private_key.clone(),
            host_key: self.host_key.clone(),
            bucket: self.bucket.clone(),
            prefix: self.prefix.clone(),
            region: self.region.clone(),
            allow_plain: self.allow_plain.as_ref().map(|_| true),
        }
    }

    /// What was typed into a field, but for secrets.
    fn typed(&self, name: &str) -> String {
        let value = match name {
            "path" => &self.path,
            "address" => &self.address,
            "user" => &self.user,
            "host_key" => &self.host_key,
            "bucket" => &self.bucket,
            "prefix" => &self.prefix,
            "region" => &self.region,
            _ => &None,
        };
        value.clone().unwrap_or_default()
    }

    /// The kind that is chosen; a local folder by default.
    pub(super) fn kind(&self) -> &'static Kind {
        let named = self.kind.as_deref().and_then(Kind::named);
        named.unwrap_or(&KINDS[0])
    }
}

/// What a kind is called, in the reader's language.
pub(super) fn kind_title(kind: &Kind) -> String {
    match kind.name {
        "local" => t("Folder of this service").into(),
        "ftp" => t("FTP and FTPS").into(),
        "s3" => t("S3-compatible object store").into(),
        // Names of protocols are the same everywhere.
        _ => kind.title.to_owned(),
    }
}

/// What a field of a kind is called, and what to put there.
fn field_words(kind: &str, field: &str) -> Option<[Said; 2]> {
    let sealed = || t("It is encrypted before it is kept, and never shown again.");
    Some(match (kind, field) {
        ("local", "path") => [
            t("Folder"),
            t("A folder below one that the operator allows; empty for a new one."),
        ],
        ("sftp", "address") => [
            t("Address"),
            t("Such as sftp://ada@data.example/home/ada/maps."),
        ],
        ("ftp", "address") => [
            t("Address"),
            t("ftpes: is FTP that turns to TLS, ftps: TLS from the start, ftp: in the clear."),
        ],
        ("webdav", "address") => [
            t("Address"),
            t("Such as https://cloud.example/remote.php/dav/files/ada/."),
        ],
        ("s3", "address") => [
            t("Endpoint"),
            t("Such as https://s3.example, or s3://bucket/prefix for the store of Amazon."),
        ],
        ("s3", "bucket") => [t("Bucket"), t("Which bucket.")],
        ("s3", "prefix") => [t("Folder in the bucket"), t("Empty for all of it.")],
        ("s3", "region") => [t("Region"), t("Empty for us-east-1.")],
        ("s3", "user") => [t("Access key id"), t("Empty for anonymous.")],
        ("s3", "password") => [t("Secret access key"), sealed()],
        (_, "user") => [t("User"), t("Who you are there; empty for anonymous.")],
        (_, "password") => [t("Password"), sealed()],
        (_, "private_key") => [
            t("Private key"),
            t("The text of an OpenSSH key without a passphrase, instead of a password."),
        ],
        (_, "host_key") => [
            t("Host key"),
            t("The fingerprint SHA256:… the host must show; empty to keep the first it shows."),
        ],
        _ => return None,
    })
}

/// The kinds to choose from.
pub(super) fn choices(chosen: &Kind) -> Vec<KindChoice> {
    let choice = |kind: &Kind| KindChoice {
        name: kind.name,
        title: kind_title(kind),
        chosen: kind.name == chosen.name,
    };
    KINDS.iter().map(choice).collect()
}

/// The fields of a kind with what was typed into them.
pub(super) fn fields(kind: &Kind, form: &VolumeForm) -> Vec<Field> {
    shown(kind, |name| form.typed(name))
}

/// The fields of a kind with what is known of a volume.
pub(super) fn known_fields(kind: &Kind, address: &str, settings: &Settings) -> Vec<Field> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    shown(kind, |name| match name {
        "address" => address.to_owned(),
        "user" => text(&settings.user),
        "bucket" => text(&settings.bucket),
        "prefix" => text(&settings.prefix),
        "region" => text(&settings.region),
        "host_key" => {
            let key = settings.host_key.clone();
            key.map(String::from).unwrap_or_default()
        }
        _ => String::new(),
    })
}

fn shown(kind: &Kind, value: impl Fn(&str) -> String) -> Vec<Field> {
    let field = |field: &gantry_staging::volume::Field| {
        let words = field_words(kind.name, field.name).map(|words| words.map(String::from));
        let [title, help] = words.unwrap_or_else(|| [field.title, field.help].map(String::from));
        Field {
            name: field.name,
            title,
            help,
            required: field.required,
            secret: field.secret,
            long: field.name == "private_key",
            value: if field.secret {
                String::new()
            } else {
                value(field.name)
            },
        }
    };
    kind.fields.iter().map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_say_of_every_kind_and_field_what_the_interface_says() {
        for kind in KINDS {
            assert_eq!(kind_title(kind), kind.title);
            for field in kind.fields {
                let words = field_words(kind.name, field.name).map(|words| words.map(String::from));
                let said = [field.title, field.help].map(String::from);
                assert_eq!(words, Some(said), "{} of {}", field.name, kind.name);
            }
        }
    }
}
