//! The form of storage elsewhere: its fields are those of its kind, and what it sends.

use gantry_staging::volume::{KINDS, Kind, Settings};
use serde::Deserialize;

use crate::extract::once;
use crate::rest::volume_login::VolumeLogin;

/// One field as it is shown.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) help: &'static str,
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
    pub(super) title: &'static str,
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

/// The kinds to choose from.
pub(super) fn choices(chosen: &Kind) -> Vec<KindChoice> {
    let choice = |kind: &Kind| KindChoice {
        name: kind.name,
        title: kind.title,
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
    let field = |field: &gantry_staging::volume::Field| Field {
        name: field.name,
        title: field.title,
        help: field.help,
        required: field.required,
        secret: field.secret,
        long: field.name == "private_key",
        value: if field.secret {
            String::new()
        } else {
            value(field.name)
        },
    };
    kind.fields.iter().map(field).collect()
}
