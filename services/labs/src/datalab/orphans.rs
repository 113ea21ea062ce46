//! Orphans: labs that run although their row has ended, or is not there.

use gantry_store::StoreError;

use super::{GRACE, Labs};

impl Labs {
    /// Ends every lab of this launcher whose row has ended; done at the start and every minute.
    pub(super) async fn end_orphans(&self) {
        let alive = match self.launcher.alive().await {
            Ok(alive) => alive,
            Err(error) => {
                tracing::warn!(error = %error.told(), "cannot look for orphans");
                return;
            }
        };
        for id in alive {
            let ended = match self.config.store.datalab_by_id(&id).await {
                Ok(datalab) => datalab.phase.is_final(),
                Err(StoreError::NotFound { .. }) => true,
                Err(error) => {
                    tracing::warn!(datalab.id = id, error = %error, "cannot tell whether a lab is an orphan");
                    false
                }
            };
            if !ended {
                continue;
            }
            tracing::warn!(datalab.id = id, "ending a lab whose datalab has ended");
            if let Err(error) = self.launcher.stop(&id, None, GRACE).await {
                tracing::error!(datalab.id = id, error = %error, "an orphan does not end");
            }
            if let Err(error) = self.config.store.revoke_datalab_tokens(&id).await {
                tracing::warn!(datalab.id = id, error = %error, "cannot revoke the tokens of an orphan");
            }
        }
    }
}
