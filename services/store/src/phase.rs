//! Phases of jobs, harvests and datalabs, those of IVOA UWS 1.1.

use serde::{Deserialize, Serialize};

/// Where a piece of work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "UPPERCASE")]
#[sqlx(type_name = "TEXT", rename_all = "UPPERCASE")]
pub enum Phase {
    /// Made, not yet asked to run.
    Pending,
    /// Waiting for somebody to take it.
    Queued,
    /// Running; a datalab that serves is executing.
    Executing,
    /// Stopped for now, on request or for an operator's word.
    Held,
    /// At its end; every part has an outcome.
    Completed,
    /// It could not go on.
    Error,
    /// Stopped by whoever owns it.
    Aborted,
}

impl Phase {
    /// Whether nothing more happens.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Error | Self::Aborted)
    }

    /// The name in UWS.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Queued => "QUEUED",
            Self::Executing => "EXECUTING",
            Self::Held => "HELD",
            Self::Completed => "COMPLETED",
            Self::Error => "ERROR",
            Self::Aborted => "ABORTED",
        }
    }
}
