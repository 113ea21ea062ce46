//! `[[maintenance]]`: when the service, or a part of it, is meant not to answer.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// `[[maintenance]]`: told by `/status.json` and the page of the service's state until it is over.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceConfig {
    /// From when on, RFC 3339.
    pub from: DateTime<Utc>,
    /// Until when.
    pub until: DateTime<Utc>,
    /// What is done, and what does not work meanwhile.
    pub text: String,
}
