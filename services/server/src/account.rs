//! A user's own data: to take with them, and to erase.

use std::time::Duration;

use gantry_store::{Datalab, User};
use serde_json::{Value, json};

use crate::app::App;
use crate::problem::{CONFLICT, Problem};
use crate::rest::datalabs::destroy;
use crate::rest::staging_jobs::abort;

/// How often, and how many times, what is to end is looked at before a user is erased.
const LOOK_EVERY: Duration = Duration::from_millis(200);
const LOOKS: u32 = 150;
/// The most jobs and datalabs that are ended one by one.
const AT_ONCE: u32 = 1000;

/// Everything that is kept of a user, and where their files are.
pub(crate) async fn export(app: &App, user: &User) -> Result<Value, Problem> {
    let kept = app.store.export_user(&user.id).await?;
    let files = app.config.volume_root().join(&user.id);
    Ok(json!({
        "gantry": app.public_url(),
        "exported": chrono::Utc::now(),
        "times": "milliseconds since 1970-01-01, UTC",
        "files": {"below": files, "note": "take them by /api/v1/volumes/{name}/files"},
        "kept": kept,
    }))
}

/// Ends the datalabs of a user; the answer is all there were.
///
/// # Errors
/// When the record does not answer.
pub(crate) async fn end_datalabs(app: &App, user: &str) -> Result<Vec<Datalab>, Problem> {
    let datalabs = app.store.datalabs(user, None, AT_ONCE).await?;
    for datalab in datalabs.iter().filter(|datalab| !datalab.phase.is_final()) {
        destroy(app, datalab).await?;
    }
    Ok(datalabs)
}

/// Ends what a user has under way, and erases them with their files on this machine.
///
/// # Errors
/// `conflict` when something does not end in time; nothing but their logins is gone then.
pub(crate) async fn erase(app: &App, user: &User) -> Result<(), Problem> {
    app.store.end_sessions(&user.id).await?;
    for token in app.store.tokens(&user.id).await? {
        app.store.revoke_token(&user.id, &token.id).await?;
    }
    let datalabs = end_datalabs(app, &user.id).await?;
    for job in app.store.staging_jobs(&user.id, None, AT_ONCE).await? {
        if !job.phase.is_final() {
            abort(app, &job).await?;
        }
    }
    all_ended(app, user).await?;
    remove_files(app, user, datalabs).await?;
    app.store.erase_user(&user.id).await?;
    app.store.audit(None, "user.erase", &user.id).await?;
    Ok(())
}

async fn all_ended(app: &App, user: &User) -> Result<(), Problem> {
    for _ in 0..LOOKS {
        if !app.store.is_at_work(&user.id).await? {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Err(Problem::new(
        &CONFLICT,
        "jobs or datalabs are still ending; the service must run for them to end; then try again",
    ))
}

async fn remove_files(app: &App, user: &User, datalabs: Vec<Datalab>) -> Result<(), Problem> {
    let mut folders = vec![app.config.volume_root().join(&user.id)];
    let labs = app.config.data_dir.join("datalabs");
    folders.extend(datalabs.iter().map(|datalab| labs.join(&datalab.id)));
    let removed = tokio::task::spawn_blocking(move || {
        for folder in folders {
            match std::fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    });
    let removed = removed.await.map_err(|error| Problem::internal(&error))?;
    removed.map_err(|error| Problem::internal(&error))
}
