//! Harvests that begin by themselves: each archive as often as its operator says, by one process of however many.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::join_all;
use gantry_connector::Connector;
use gantry_store::{Harvest, Phase, Store, StoreError};
use tokio_util::sync::CancellationToken;

use crate::HarvestRunError;
use crate::run::{Begun, carry_out};

/// An archive that is harvested by itself.
#[derive(Clone)]
pub struct Scheduled {
    /// Its connector.
    pub connector: Arc<dyn Connector>,
    /// How long after the beginning of one harvest the next one is due.
    pub every: Duration,
}

/// So long is waited at most before the record is asked again: others harvest too.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// After a failed harvest so long is waited, twice as long after each further one, but never longer than the schedule.
const RETRY_AFTER: Duration = Duration::from_secs(300);
/// So many harvests are looked at to count those that failed in a row.
const LOOKED_AT: u32 = 16;

/// When the next harvest of an archive is due, from its newest ones (newest first); `None` is at once.
#[must_use]
pub fn next_harvest(newest: &[Harvest], every: Duration) -> Option<DateTime<Utc>> {
    let last = newest.first()?;
    match last.phase {
        Phase::Error | Phase::Aborted => {
            let failed =
                |harvest: &&Harvest| matches!(harvest.phase, Phase::Error | Phase::Aborted);
            let n_failed = newest.iter().take_while(failed).count();
            let doublings = u32::try_from(n_failed - 1).unwrap_or(u32::MAX).min(10);
            Some(last.ended? + RETRY_AFTER.saturating_mul(1 << doublings).min(every))
        }
        // One under way is taken up as soon as nobody holds it any more.
        Phase::Executing => None,
        _ => Some(last.started + every),
    }
}

/// Harvests archives whenever they are due, until it is cancelled; `owner` names this process in leases.
pub async fn keep_harvesting(
    store: &Store,
    archives: Vec<Scheduled>,
    owner: &str,
    cancelled: &CancellationToken,
) {
    let each = archives
        .iter()
        .map(|archive| keep_one(store, archive, owner, cancelled));
    join_all(each).await;
}

async fn keep_one(store: &Store, archive: &Scheduled, owner: &str, cancelled: &CancellationToken) {
    let id = archive.connector.archive().id.clone();
    while !cancelled.is_cancelled() {
        let wait = match harvest_if_due(store, archive, owner, cancelled).await {
            Ok(wait) => wait,
            Err(error) => {
                tracing::warn!(archive.id = %id, %error, "could not harvest on schedule");
                LOOK_EVERY
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = cancelled.cancelled() => {}
        }
    }
}

/// Harvests an archive if it is due, and says for how long nothing is to be done.
async fn harvest_if_due(
    store: &Store,
    archive: &Scheduled,
    owner: &str,
    cancelled: &CancellationToken,
) -> Result<Duration, StoreError> {
    let id = &archive.connector.archive().id;
    let newest = store.harvests(Some(id), LOOKED_AT).await?;
    let due = next_harvest(&newest, archive.every);
    let left = due.and_then(|due| (due - Utc::now()).to_std().ok());
    if let Some(left) = left.filter(|left| !left.is_zero()) {
        return Ok(left.min(LOOK_EVERY));
    }
    let begun = store.begin_due_harvest(id, owner, newest.first()).await;
    let harvested = match Begun::of(id, begun, false) {
        Ok(begun) => carry_out(store, &*archive.connector, begun, cancelled, &|_| {}).await,
        Err(error) => Err(error),
    };
    match harvested {
        Ok(_) => Ok(Duration::ZERO),
        Err(HarvestRunError::Busy(_)) => Ok(archive.every.min(LOOK_EVERY)),
        Err(HarvestRunError::Store { source, .. }) => Err(source),
    }
}
