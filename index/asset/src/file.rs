//! Files of an asset and the locations of their bytes.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Query;

/// One retrievable file of an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// The name it is staged under, without any folder.
    pub name: String,
    /// Where it lies below the root of the archive's tree; `None` where there is no tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Its media type, `application/fits` for instance.
    pub media_type: String,
    /// Its size in bytes, where the archive says it.
    #[serde(default)]
    pub size_bytes: Option<u64>,
    /// The archive's own checksum of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
    /// The archive's date of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<DateTime<Utc>>,
    /// Where its bytes are, best first.
    pub locations: Vec<Location>,
}

/// A checksum an archive published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    /// How it was computed.
    pub algorithm: Algorithm,
    /// Its value in lower-case hexadecimal.
    pub value: String,
}

/// How a checksum is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// MD5, RFC 1321.
    Md5,
    /// SHA-256, FIPS 180-4.
    Sha256,
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithm = match self.algorithm {
            Algorithm::Md5 => "md5",
            Algorithm::Sha256 => "sha256",
        };
        write!(f, "{algorithm}:{}", self.value)
    }
}

/// Where a file's bytes are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Location {
    /// A path that counts only below one of the archive's `mounts`.
    Mounted(String),
    /// An HTTP(S), FTP(S) or SFTP address.
    Address(String),
    /// A query to run; its answer is the file.
    Query(Box<Query>),
}

/// The identity of a version: a hash over the name, size and checksum of its files.
///
/// Where a file has no checksum, the archive's date of it takes its place. The order of the files does not matter.
#[must_use]
pub fn version_hash(files: &[File]) -> String {
    let mut lines: Vec<String> = files.iter().map(identity).collect();
    lines.sort_unstable();
    let mut hasher = Sha256::new();
    for line in lines {
        hasher.update(line.as_bytes());
        hasher.update(b"\n");
    }
    crate::asset::hex(&hasher.finalize()[..16])
}

fn identity(file: &File) -> String {
    let size = file
        .size_bytes
        .map_or_else(|| "?".to_owned(), |n| n.to_string());
    let content = match (&file.checksum, file.modified) {
        (Some(checksum), _) => checksum.to_string(),
        (None, Some(modified)) => modified.to_rfc3339_opts(SecondsFormat::Secs, true),
        (None, None) => "?".to_owned(),
    };
    format!(
        "{}\t{}\t{size}\t{content}",
        file.path.as_deref().unwrap_or_default(),
        file.name
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> File {
        File {
            name: name.to_owned(),
            path: None,
            media_type: "application/fits".to_owned(),
            size_bytes: Some(2880),
            checksum: None,
            modified: None,
            locations: vec![],
        }
    }

    #[test]
    fn a_new_date_makes_a_version_only_where_there_is_no_checksum() {
        let dated = |file: File| File {
            modified: Some("2020-01-01T00:00:00Z".parse().unwrap()),
            ..file
        };
        assert_ne!(
            version_hash(&[file("a")]),
            version_hash(&[dated(file("a"))])
        );
        let summed = File {
            checksum: Some(Checksum {
                algorithm: Algorithm::Md5,
                value: "00".into(),
            }),
            ..file("a")
        };
        assert_eq!(
            version_hash(std::slice::from_ref(&summed)),
            version_hash(&[dated(summed)])
        );
    }

    #[test]
    fn the_order_of_files_does_not_make_a_version() {
        assert_eq!(
            version_hash(&[file("a"), file("b")]),
            version_hash(&[file("b"), file("a")])
        );
    }
}
