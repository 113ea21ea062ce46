//! What has ended is forgotten when its time is over.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use gantry_store::StoreError;

use crate::app::App;

/// How often what is old is looked for.
const EVERY: Duration = Duration::from_secs(3600);

/// Forgets what is old, again and again, until the service is to stop.
pub(crate) async fn keep_forgetting(app: App) {
    while !app.stop.is_cancelled() {
        if let Err(error) = forget(&app).await {
            tracing::warn!(%error, "what is old is not forgotten");
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = app.stop.cancelled() => {}
        }
    }
}

/// Forgets the clicks, jobs, datalabs with their logs, and audit lines whose time is over.
pub(crate) async fn forget(app: &App) -> Result<(), StoreError> {
    let n_intents = app.store.forget_old_intents().await?;
    let keep = &app.config.retention;
    let before = |days: u32| (Utc::now() - TimeDelta::days(days.into())).timestamp_millis();
    let gone = app
        .store
        .forget_old(before(keep.jobs_days), before(keep.audit_days))
        .await?;
    let folder = app.config.data_dir.join("datalabs");
    for id in &gone.datalabs {
        // It may have run elsewhere, and have left nothing here.
        drop(tokio::fs::remove_dir_all(folder.join(id)).await);
    }
    tracing::info!(
        intents = n_intents,
        datalabs = gone.datalabs.len(),
        jobs = gone.n_jobs,
        audit = gone.n_audit,
        "forgot what is old"
    );
    Ok(())
}
