//! `[webhook.NAME]`: who is told when jobs and datalabs end.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use url::Url;

use super::ConfigError;

/// A service that is told when a staging job or a datalab has ended.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Where it is told, by POST.
    pub url: Url,
    /// The file with the secret that signs what it is told: `whsec_` and base64, 24 bytes at least.
    pub secret_file: PathBuf,
    /// Of what it is told; of both by default.
    #[serde(default = "WebhookEvent::all")]
    pub events: Vec<WebhookEvent>,
}

/// Of what a webhook is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WebhookEvent {
    /// A staging job has ended.
    StagingJob,
    /// A datalab has ended.
    Datalab,
}

impl WebhookEvent {
    pub(crate) fn all() -> Vec<Self> {
        vec![Self::StagingJob, Self::Datalab]
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::StagingJob => "staging-job",
            Self::Datalab => "datalab",
        }
    }
}

/// The fewest bytes of a secret (Standard Webhooks, "Signature scheme").
const SECRET_BYTES: usize = 24;

impl WebhookConfig {
    /// That it can be told, and of something.
    ///
    /// # Errors
    /// [`ConfigError::Bad`] with what is wrong.
    pub(super) fn check(&self, name: &str) -> Result<(), ConfigError> {
        let why = match (self.url.scheme(), self.events.is_empty()) {
            ("https" | "http", false) => return Ok(()),
            ("https" | "http", true) => "events: name `staging-job`, `datalab` or both".to_owned(),
            (scheme, _) => format!("url: `{scheme}` is not one of https, http"),
        };
        Err(ConfigError::Bad(format!("webhook.{name}.{why}")))
    }

    /// The secret in bytes.
    ///
    /// # Errors
    /// [`ConfigError::Bad`] when the file cannot be read or holds no such secret.
    pub(crate) fn secret(&self, name: &str) -> Result<Vec<u8>, ConfigError> {
        use base64::Engine;
        let shown = self.secret_file.display();
        let bad = |why: String| ConfigError::Bad(format!("webhook.{name}.secret_file: {why}"));
        let text = std::fs::read_to_string(Path::new(&self.secret_file))
            .map_err(|error| bad(format!("`{shown}`: {error}")))?;
        let encoded = text.trim().strip_prefix("whsec_");
        let secret = encoded.and_then(|encoded| {
            base64::engine::general_purpose::STANDARD
                .decode(encoded)
                .ok()
        });
        secret
            .filter(|secret| secret.len() >= SECRET_BYTES)
            .ok_or_else(|| {
                bad(format!("`{shown}` holds no `whsec_` with at least {SECRET_BYTES} bytes in base64; make one with: echo whsec_$(openssl rand -base64 32)"))
            })
    }
}
