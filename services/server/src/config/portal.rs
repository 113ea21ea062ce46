//! `[portal."https://…"]` and `[intents]`: whose buttons lead here, and how many clicks are kept.

use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;

use super::ConfigError;

/// A portal that Gantry knows, by the origin of its pages.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PortalConfig {
    /// What people call it; its origin by default.
    pub title: Option<String>,
    /// The public keys its hand-overs may be signed with, Ed25519, P-256 or RSA: PEM, or the path of a file with it.
    pub keys: Vec<String>,
    /// Whether a signed hand-over is carried out without asking the user once more.
    pub trusted: bool,
    /// How many bytes such a hand-over may be about, 1 GiB by default; more is asked about.
    pub max_bytes: u64,
}

impl Default for PortalConfig {
    fn default() -> Self {
        Self {
            title: None,
            keys: Vec::new(),
            trusted: false,
            max_bytes: 1 << 30,
        }
    }
}

/// `[intents]`: clicks that nobody confirmed yet.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IntentsConfig {
    /// How many are kept at most, 20 000 by default.
    pub max: u64,
    /// How many bytes they may have together, 64 MiB by default.
    pub max_bytes: u64,
    /// For how long one is kept, in seconds; an hour by default.
    pub lasts_s: u32,
}

impl Default for IntentsConfig {
    fn default() -> Self {
        Self {
            max: 20_000,
            max_bytes: 64 << 20,
            lasts_s: 3600,
        }
    }
}

/// Refuses portals that are no origins, and trust without a key.
pub(super) fn check(portals: &BTreeMap<String, PortalConfig>) -> Result<(), ConfigError> {
    for (name, portal) in portals {
        let bad = |why: &str| Err(ConfigError::Bad(format!("portal.\"{name}\": {why}")));
        let is_origin = Url::parse(name).is_ok_and(|url| {
            url.origin().is_tuple() && url.origin().ascii_serialization() == *name
        });
        if !is_origin {
            return bad(
                "the name must be the origin of its pages, such as https://pla.example, without a path",
            );
        }
        if portal.trusted && portal.keys.is_empty() {
            return bad("`trusted = true` needs `keys`, since only signed hand-overs are trusted");
        }
    }
    Ok(())
}
