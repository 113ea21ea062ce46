//! How a scope's files are reached over FTP and SFTP.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How the files of a scope are reached over FTP and SFTP; of no meaning for HTTP.
///
/// In the configuration: `ftp_mode = "passive"` or `"active"`, `ftp_tls = "off"` or `"explicit"`,
/// `host_keys = ["SHA256:…"]`, `key_file = "/…/id_ed25519"`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Access {
    /// Who makes the connection that data come through. Passive.
    pub ftp_mode: FtpMode,
    /// Whether addresses with `ftp:` are asked for TLS. Off; those with `ftps:` and `ftpes:`
    /// always have it.
    pub ftp_tls: FtpTls,
    /// The keys one of which the scope's SFTP hosts must show, as `SHA256:…` or as a line
    /// `ssh-ed25519 AAAA…`. Without any, the first key a host shows is the one it must show from
    /// then on, for as long as the process runs.
    pub host_keys: Vec<HostKey>,
    /// The private key to log in with at the scope's SFTP hosts, in a file without a passphrase.
    pub key_file: Option<PathBuf>,
}

/// Who makes the connection that data come through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum FtpMode {
    /// We connect to the server, at the address we reached it under.
    #[default]
    Passive,
    /// The server connects to us.
    Active,
}

/// Whether addresses with `ftp:` are asked for TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum FtpTls {
    /// They are asked in the clear.
    #[default]
    Off,
    /// Nothing, not even the name, is said before `AUTH TLS` succeeded.
    Explicit,
}

/// A host key, kept as its fingerprint `SHA256:…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostKey(String);

/// A value of [`Access`] that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("`{value}` is not {allowed}")]
pub struct BadAccess {
    value: String,
    allowed: &'static str,
}

fn bad(value: String, allowed: &'static str) -> BadAccess {
    BadAccess { value, allowed }
}

impl TryFrom<String> for FtpMode {
    type Error = BadAccess;

    fn try_from(text: String) -> Result<Self, BadAccess> {
        match text.as_str() {
            "passive" => Ok(Self::Passive),
            "active" => Ok(Self::Active),
            _ => Err(bad(
                text,
                "a mode of FTP; allowed are `passive` and `active`",
            )),
        }
    }
}

impl TryFrom<String> for FtpTls {
    type Error = BadAccess;

    fn try_from(text: String) -> Result<Self, BadAccess> {
        match text.as_str() {
            "off" => Ok(Self::Off),
            "explicit" => Ok(Self::Explicit),
            _ => Err(bad(
                text,
                "a way to secure FTP; allowed are `off` and `explicit`, and addresses with `ftps:` are always secured",
            )),
        }
    }
}

impl TryFrom<String> for HostKey {
    type Error = BadAccess;

    fn try_from(text: String) -> Result<Self, BadAccess> {
        let allowed = "a host key such as `SHA256:…` or `ssh-ed25519 AAAA…`";
        if let Some(hash) = text.strip_prefix("SHA256:") {
            let hash = hash.trim_end_matches('=');
            let is_hash = hash.len() == 43
                && hash
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte));
            return match is_hash {
                true => Ok(Self(format!("SHA256:{hash}"))),
                false => Err(bad(text, allowed)),
            };
        }
        match russh::keys::PublicKey::from_openssh(text.trim()) {
            Ok(key) => Ok(Self::of(&key)),
            Err(_) => Err(bad(text, allowed)),
        }
    }
}

impl HostKey {
    pub(crate) fn of(key: &russh::keys::PublicKey) -> Self {
        Self(key.fingerprint(russh::keys::HashAlg::Sha256).to_string())
    }
}

impl From<HostKey> for String {
    fn from(key: HostKey) -> Self {
        key.0
    }
}

impl std::fmt::Display for HostKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_of_access_are_read_and_bad_values_are_told() {
        let access: Access =
            toml::from_str("ftp_mode = \"active\"\nftp_tls = \"explicit\"").unwrap();
        assert_eq!(
            (access.ftp_mode, access.ftp_tls),
            (FtpMode::Active, FtpTls::Explicit)
        );
        for (wrong, told) in [
            ("ftp_mode = \"pasive\"", "`pasive` is not a mode of FTP"),
            ("ftp_tls = \"implicit\"", "allowed are `off` and `explicit`"),
            (
                "host_keys = [\"SHA256:short\"]",
                "`SHA256:short` is not a host key",
            ),
            ("ftp_passive = true", "unknown field"),
        ] {
            let error = toml::from_str::<Access>(wrong).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_key_and_its_fingerprint_are_the_same_host_key() {
        // Made with `ssh-keygen -t ed25519`, the fingerprint with `ssh-keygen -lf`.
        let line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFBKV1vemXgjJfpPBWchtGGn6DCC59Ebl9k+YnQjeffR gantry";
        let key = HostKey::try_from(line.to_owned()).unwrap();
        assert_eq!(
            key.to_string(),
            "SHA256:PydbmmES/4e54CrooSJXk6fhrsUuoGma15bIIKMBXjg"
        );
        assert_eq!(
            HostKey::try_from("SHA256:PydbmmES/4e54CrooSJXk6fhrsUuoGma15bIIKMBXjg".to_owned())
                .unwrap(),
            key
        );
    }
}
