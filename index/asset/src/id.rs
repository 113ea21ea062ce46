//! Identifiers: which archive, which asset of it.
//!
//! An asset's id is `archive:local`. The local part holds only `[A-Za-z0-9._~-]`, case kept; anything
//! else is encoded, so that an id is safe in an address, a file name and a shell.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An identifier that does not have the form it must have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// An archive's id is lower-case letters, digits and `-`, starting with a letter, at most 32.
    #[error(
        "`{0}` is no archive id: use lower-case letters, digits and `-`, starting with a letter"
    )]
    Archive(String),
    /// An asset's id is `archive:local`.
    #[error(
        "`{0}` is no asset id: write it as `archive:local`, as in `planck:HFI_SkyMap_100_2048_R3.01_full.fits`"
    )]
    Asset(String),
}

/// The id of an archive, such as `planck`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchiveId(String);

impl ArchiveId {
    /// Reads an archive's id.
    ///
    /// # Errors
    /// [`IdError::Archive`] unless it is lower-case letters, digits and `-`, starting with a letter, at most 32 long.
    pub fn new(text: &str) -> Result<Self, IdError> {
        let good = text.len() <= 32
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError::Archive(text.to_owned()))
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id of an asset, `archive:local`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetId {
    text: String,
    archive_bytes: usize,
}

impl AssetId {
    /// Reads an id of the form `archive:local`.
    ///
    /// # Errors
    /// [`IdError::Asset`] when a part is missing, too long (512) or holds other characters than `[A-Za-z0-9._~-]`.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let fail = || IdError::Asset(text.to_owned());
        let (archive, local) = text.split_once(':').ok_or_else(fail)?;
        let good = !local.is_empty()
            && text.len() <= 512
            && local.bytes().all(|b| is_plain(b) || b == b'~');
        if !good || ArchiveId::new(archive).is_err() {
            return Err(fail());
        }
        Ok(Self {
            text: text.to_owned(),
            archive_bytes: archive.len(),
        })
    }

    /// The id of what lies at `path` below an archive's root, or has this name where there is no tree.
    ///
    /// `/` is written `~`; every byte outside `[A-Za-z0-9._-]`, `~` and `+` included, is written `~~XX`.
    ///
    /// # Errors
    /// [`IdError::Asset`] when the path is empty or its encoding is longer than 512 bytes.
    pub fn from_path(archive: &ArchiveId, path: &str) -> Result<Self, IdError> {
        let mut local = String::with_capacity(path.len());
        for byte in path.trim_matches('/').bytes() {
            match byte {
                b'/' => local.push('~'),
                b if is_plain(b) => local.push(char::from(b)),
                b => local.push_str(&format!("~~{b:02X}")),
            }
        }
        Self::parse(&format!("{archive}:{local}"))
    }

    /// The archive's part.
    #[must_use]
    pub fn archive(&self) -> ArchiveId {
        ArchiveId(self.text[..self.archive_bytes].to_owned())
    }

    /// The part after the colon.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.text[self.archive_bytes + 1..]
    }

    /// The whole id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Whether a byte stands for itself in a local id.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

macro_rules! text_id {
    ($type:ty, $read:expr) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl std::str::FromStr for $type {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                $read(text)
            }
        }
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                $read(&text).map_err(de::Error::custom)
            }
        }
    };
}

text_id!(ArchiveId, ArchiveId::new);
text_id!(AssetId, AssetId::parse);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_below_a_root_becomes_an_id_that_keeps_case_and_escapes_the_rest() {
        let archive = ArchiveId::new("gssc").unwrap();
        let id = AssetId::from_path(&archive, "gnss/data/daily/2023/001/BRUX a+b~c.gz").unwrap();
        assert_eq!(
            id.as_str(),
            "gssc:gnss~data~daily~2023~001~BRUX~~20a~~2Bb~~7Ec.gz"
        );
        assert_eq!(id.archive(), archive);
        assert_eq!(
            id.local(),
            "gnss~data~daily~2023~001~BRUX~~20a~~2Bb~~7Ec.gz"
        );
    }

    #[test]
    fn an_id_without_archive_or_with_a_slash_is_refused_with_its_text() {
        for bad in [
            "",
            "planck",
            "planck:",
            ":x",
            "Planck:x",
            "planck:a/b",
            "planck:a b",
        ] {
            assert_eq!(AssetId::parse(bad), Err(IdError::Asset(bad.to_owned())));
        }
    }

    proptest! {
        #[test]
        fn two_paths_never_share_an_id(a in "[a-z~+ /é.]{1,12}", b in "[a-z~+ /é.]{1,12}") {
            let archive = ArchiveId::new("x").unwrap();
            let (a, b) = (a.trim_matches('/'), b.trim_matches('/'));
            prop_assume!(a != b && !a.is_empty() && !b.is_empty() && !a.contains("//") && !b.contains("//"));
            prop_assert_ne!(AssetId::from_path(&archive, a).unwrap(), AssetId::from_path(&archive, b).unwrap());
        }
    }
}
