//! `[retention]`: how long what has ended is kept.

use serde::Deserialize;

/// `[retention]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionConfig {
    /// Who did what, in days; a year by default.
    pub audit_days: u32,
    /// Staging jobs and datalabs that have ended, their logs among them, in days; half a year by default.
    pub jobs_days: u32,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self {
            audit_days: 365,
            jobs_days: 180,
        }
    }
}
