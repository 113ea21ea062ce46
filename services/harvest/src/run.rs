//! One harvest: from a connector's events to rows of the record.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use futures::channel::mpsc;
use futures::future::{Either, select};
use futures::{Stream, StreamExt};
use gantry_asset::{ArchiveId, Asset};
use gantry_connector::{Connector, Cursor, HarvestError, Harvested, Since};
use gantry_store::{BatchCounts, Harvest, Lease, Note, Store, StoreError};
use tokio::time::{Instant, interval_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::HarvestRunError;

/// How far a harvest is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// What was written so far.
    pub counts: BatchCounts,
    /// What could not be catalogued so far.
    pub n_rejected: u64,
}

const BATCH: usize = 500;
/// So many events are read before they are written.
const AHEAD: usize = 500;
const FLUSH_EVERY: Duration = Duration::from_millis(500);

/// Why a harvest stopped before its end.
enum Stop {
    Connector(HarvestError),
    Store(StoreError),
    Cancelled,
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Harvests an archive once and returns the report, also when the archive failed on the way.
///
/// `owner` names this process in the lease; `full` begins anew where a cut harvest could be taken up.
/// `shown` is told how far it is after every batch. A cancelled harvest keeps its lease's row and can be taken up.
///
/// # Errors
/// [`HarvestRunError::Busy`] when the archive is being harvested, [`HarvestRunError::Store`] when the record failed.
pub async fn harvest(
    store: &Store,
    connector: &dyn Connector,
    owner: &str,
    full: bool,
    cancelled: &CancellationToken,
    shown: &(dyn Fn(Progress) + Sync),
) -> Result<Harvest, HarvestRunError> {
    let archive = &connector.archive().id;
    let begun = store.begin_harvest(archive, owner, full).await;
    let begun = Begun::of(archive, begun, full)?;
    carry_out(store, connector, begun, cancelled, shown).await
}

/// A harvest that has begun.
pub(crate) struct Begun {
    lease: Lease,
    cursor: Option<String>,
    /// Whether it goes without what earlier ones noted.
    full: bool,
}

impl Begun {
    /// What the record says of a harvest that was to begin; one that has not is somebody else's.
    pub(crate) fn of(
        archive: &ArchiveId,
        begun: Result<Option<(Lease, Option<String>)>, StoreError>,
        full: bool,
    ) -> Result<Self, HarvestRunError> {
        let begun = begun.map_err(|source| HarvestRunError::Store {
            archive: archive.clone(),
            source,
        })?;
        let (lease, cursor) = begun.ok_or_else(|| HarvestRunError::Busy(archive.clone()))?;
        Ok(Self {
            lease,
            cursor,
            full,
        })
    }
}

/// Carries out a harvest that has begun.
pub(crate) async fn carry_out(
    store: &Store,
    connector: &dyn Connector,
    begun: Begun,
    cancelled: &CancellationToken,
    shown: &(dyn Fn(Progress) + Sync),
) -> Result<Harvest, HarvestRunError> {
    let Begun {
        lease,
        cursor,
        full,
    } = begun;
    let archive = connector.archive().id.clone();
    let fail = |source| HarvestRunError::Store {
        archive: archive.clone(),
        source,
    };
    let started = Instant::now();
    let since = Since {
        cursor: cursor.map(Cursor),
        notes: match full {
            true => BTreeMap::new(),
            false => store.archive_notes(&archive).await.map_err(fail)?,
        },
    };
    let mut run = Run {
        store,
        lease: &lease,
        batch: Vec::new(),
        notes: Vec::new(),
        progress: Progress::default(),
        shown,
    };
    // The archive is read on while the record is written.
    let (ahead, events) = mpsc::channel(AHEAD);
    let reading = connector.harvest(since).map(Ok).forward(ahead);
    let ended = match select(pin!(run.follow(events, cancelled)), reading).await {
        Either::Left((ended, _)) => ended,
        Either::Right((_, writing)) => writing.await,
    };
    let report = match ended {
        Ok(()) => store.finish_harvest(&lease).await.map_err(fail)?,
        Err(Stop::Connector(error)) => store
            .fail_harvest(&lease, &in_words(&error))
            .await
            .map_err(fail)?,
        Err(Stop::Store(error)) => return Err(fail(error)),
        Err(Stop::Cancelled) => {
            store.give_back_harvest(&lease).await.map_err(fail)?;
            store.harvest(&lease.id).await.map_err(fail)?
        }
    };
    // A harvest that was cut has changed series as well.
    store.sum_up_series().await.map_err(fail)?;
    log(&archive, &report, started.elapsed());
    Ok(report)
}

fn log(archive: &ArchiveId, report: &Harvest, took: Duration) {
    tracing::info!(
        archive.id = %archive,
        harvest.id = report.id,
        harvest.phase = report.phase.as_str(),
        new = report.counts.new,
        changed = report.counts.changed,
        unchanged = report.counts.unchanged,
        withdrawn = report.n_withdrawn,
        rejected = report.n_rejected,
        duration_ms = took.as_millis() as u64,
        "harvested"
    );
}

/// An error with everything behind it, in one sentence.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// A harvest under way.
struct Run<'a> {
    store: &'a Store,
    lease: &'a Lease,
    batch: Vec<Asset>,
    notes: Vec<Note>,
    progress: Progress,
    shown: &'a (dyn Fn(Progress) + Sync),
}

impl Run<'_> {
    async fn follow(
        &mut self,
        mut events: impl Stream<Item = Result<Harvested, HarvestError>> + Unpin,
        cancelled: &CancellationToken,
    ) -> Result<(), Stop> {
        let mut renew = interval_at(Instant::now() + Lease::RENEW_EVERY, Lease::RENEW_EVERY);
        let mut flush = interval_at(Instant::now() + FLUSH_EVERY, FLUSH_EVERY);
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(event) => self.take(event.map_err(Stop::Connector)?).await?,
                    None => {
                        self.flush().await?;
                        return self.keep_notes().await;
                    }
                },
                _ = renew.tick() => self.store.renew_harvest(self.lease).await?,
                _ = flush.tick() => self.flush().await?,
                () = cancelled.cancelled() => return Err(Stop::Cancelled),
            }
        }
    }

    async fn take(&mut self, event: Harvested) -> Result<(), Stop> {
        match event {
            Harvested::Asset(asset) => {
                self.batch.push(*asset);
                if self.batch.len() >= BATCH {
                    self.flush().await?;
                }
            }
            Harvested::Rejected { what, why } => {
                self.store.reject(self.lease, &what, &why).await?;
                self.progress.n_rejected += 1;
            }
            Harvested::Withdrawn(id) => {
                self.flush().await?;
                self.store.withdraw_asset(self.lease, &id).await?;
            }
            Harvested::ScopeComplete(scope) => {
                self.flush().await?;
                self.store.complete_scope(self.lease, &scope).await?;
            }
            Harvested::Cursor(cursor) => {
                self.flush().await?;
                self.keep_notes().await?;
                self.store.keep_cursor(self.lease, &cursor.0).await?;
            }
            Harvested::Note { about, note } => self.notes.push((about, note)),
        }
        Ok(())
    }

    /// Keeps what was noted, behind everything it may be about.
    async fn keep_notes(&mut self) -> Result<(), Stop> {
        if !self.notes.is_empty() {
            self.store.keep_notes(self.lease, &self.notes).await?;
            self.notes.clear();
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Stop> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let counts = self.write_batch().await?;
        self.progress.counts.new += counts.new;
        self.progress.counts.changed += counts.changed;
        self.progress.counts.unchanged += counts.unchanged;
        (self.shown)(self.progress);
        Ok(())
    }

    /// Writes the batch on another thread, while this one reads what comes next.
    async fn write_batch(&mut self) -> Result<BatchCounts, Stop> {
        let (store, lease) = (self.store.clone(), self.lease.clone());
        let batch = std::mem::take(&mut self.batch);
        let written = tokio::spawn(async move { store.upsert_assets(&lease, &batch).await });
        match AbortOnDropHandle::new(written).await {
            Ok(counts) => Ok(counts?),
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(Stop::Cancelled),
            },
        }
    }
}
