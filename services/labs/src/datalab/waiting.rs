//! What a datalab waits for, with a named cause and since when.

use chrono::{DateTime, SecondsFormat, Utc};
use gantry_store::{DatalabUpdate, Lease, Phase, Store};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::LabError;

/// The lab itself.
pub(super) const LAB_STARTING: &str = "lab-starting";
/// Whoever starts the lab.
pub(super) const LAUNCHER: &str = "launcher";
/// The products it opens on.
pub(super) const STAGING: &str = "staging";
/// The Python environment.
pub(super) const ENVIRONMENT: &str = "environment";

/// One thing a datalab waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wait {
    pub(super) cause: String,
    pub(super) text: String,
    pub(super) since: String,
}

impl Wait {
    pub(super) fn new(cause: &str, text: &str, since: DateTime<Utc>) -> Self {
        let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
        Self {
            cause: cause.to_owned(),
            text: text.to_owned(),
            since,
        }
    }

    pub(super) fn list(text: &str) -> Vec<Self> {
        serde_json::from_str(text).unwrap_or_default()
    }
}

/// Everything one datalab waits for; changes go to the record at once.
#[derive(Debug)]
pub(super) struct Waiting {
    store: Store,
    lease: Lease,
    waits: Mutex<Vec<Wait>>,
}

impl Waiting {
    /// Goes on from what the record says.
    pub(super) fn new(store: Store, lease: Lease, recorded: &str) -> Self {
        Self {
            store,
            lease,
            waits: Mutex::new(Wait::list(recorded)),
        }
    }

    /// Waits for this, too; since now, unless it did before.
    pub(super) async fn on(&self, cause: &str, text: &str) -> Result<(), LabError> {
        let mut waits = self.waits.lock().await;
        match waits.iter_mut().find(|wait| wait.cause == cause) {
            Some(wait) if wait.text == text => return Ok(()),
            Some(wait) => text.clone_into(&mut wait.text),
            None => waits.push(Wait::new(cause, text, Utc::now())),
        }
        self.keep(&waits, DatalabUpdate::default()).await
    }

    /// Waits for this no longer.
    pub(super) async fn over(&self, cause: &str) -> Result<(), LabError> {
        let mut waits = self.waits.lock().await;
        let n_before = waits.len();
        waits.retain(|wait| wait.cause != cause);
        if waits.len() == n_before {
            Ok(())
        } else {
            self.keep(&waits, DatalabUpdate::default()).await
        }
    }

    /// Waits for this no longer, although it did not come; the message says why.
    pub(super) async fn gave_up(&self, cause: &str, message: &str) -> Result<(), LabError> {
        let mut waits = self.waits.lock().await;
        waits.retain(|wait| wait.cause != cause);
        let update = DatalabUpdate {
            message: Some(message),
            ..DatalabUpdate::default()
        };
        self.keep(&waits, update).await
    }

    /// Says that the lab serves.
    pub(super) async fn serves(&self, running: &str) -> Result<(), LabError> {
        let mut waits = self.waits.lock().await;
        waits.retain(|wait| wait.cause == STAGING);
        let update = DatalabUpdate {
            phase: Some(Phase::Executing),
            running: Some(running),
            ..DatalabUpdate::default()
        };
        self.keep(&waits, update).await
    }

    async fn keep(&self, waits: &[Wait], update: DatalabUpdate<'_>) -> Result<(), LabError> {
        let text = serde_json::to_string(waits).expect("it has only string keys");
        let update = DatalabUpdate {
            waiting_for: Some(&text),
            ..update
        };
        Ok(self.store.update_datalab(&self.lease, &update).await?)
    }
}
