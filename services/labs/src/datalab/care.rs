//! Caring for one datalab: from the row to a lab that serves, and to its end.
//!
//! Every step may be the last of this process: the secret is recorded before a lab starts, the launcher finds what it
//! started by the id alone, and a row ends only after nothing of it runs any more.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use gantry_store::{Datalab, DatalabUpdate, Lease, Phase, StoreError};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::plan::{Asked, PlannedVolume};
use super::stopping::used_until;
use super::waiting::{LAB_STARTING, LAUNCHER, Waiting};
use super::{GRACE, Labs, is_lost};
use crate::launcher::{Running, State};
use crate::{Lab, LabError};

/// How often a lab that starts is asked whether it serves.
const ASK_EVERY: Duration = Duration::from_millis(25);

/// How long it is waited when the launcher cannot be asked.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// How often a lab that serves is asked when it was last used.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// How often a start is tried when somebody else took the port meanwhile.
const STARTS: u32 = 3;

/// How much of the log goes into the message of a lab that died.
const LAST_LINES: usize = 10;

/// How a datalab ended.
#[derive(Debug)]
struct Ended {
    phase: Phase,
    message: String,
}

/// One datalab while this process has its lease.
pub(super) struct Care<'a> {
    pub(super) labs: &'a Labs,
    pub(super) datalab: Datalab,
    /// The name of the user it belongs to.
    pub(super) user: String,
    pub(super) volumes: Vec<PlannedVolume>,
    pub(super) waiting: Waiting,
    pub(super) lab: Lab,
    pub(super) lease: Lease,
    pub(super) asked: Asked,
}

impl Labs {
    /// Cares for a datalab until it ends, its lease is lost or Gantry is.
    pub(super) async fn attend(self: Arc<Self>, lease: Lease, cancel: CancellationToken) {
        let renewed = async {
            loop {
                sleep(Lease::RENEW_EVERY).await;
                let renewed = self
                    .config
                    .store
                    .renew_datalab(&lease)
                    .await
                    .map_err(LabError::from);
                if renewed.is_err_and(|error| is_lost(&error)) {
                    return;
                }
            }
        };
        let cared = async {
            while let Err(error) = self.care(&lease, &cancel).await {
                if is_lost(&error) {
                    return;
                }
                tracing::warn!(datalab.id = lease.id, error = %error.told(), "trying again to care for a datalab");
                sleep(Duration::from_secs(1)).await;
                if cancel.is_cancelled() {
                    return;
                }
            }
        };
        tokio::select! {
            () = renewed => tracing::warn!(datalab.id = lease.id, "somebody else cares for this datalab now"),
            () = cared => {}
        }
    }

    async fn care(&self, lease: &Lease, cancel: &CancellationToken) -> Result<(), LabError> {
        let datalab = self.config.store.datalab_by_id(&lease.id).await?;
        let user = self.user_of(&datalab).await?;
        let ended = match Care::new(self, datalab, user.clone(), lease) {
            Ok(care) => care.to_its_end(cancel).await,
            Err(error) => Ok(Some(Ended {
                phase: Phase::Error,
                message: error.told(),
            })),
        };
        let ended = match ended {
            Ok(Some(ended)) => ended,
            Ok(None) => return Ok(()),
            Err(error @ (LabError::Store(_) | LabError::Unstoppable(_) | LabError::Away(_))) => {
                return Err(error);
            }
            Err(error) => Ended {
                phase: Phase::Error,
                message: error.told(),
            },
        };
        self.launcher.stop(&lease.id, Some(&user), GRACE).await?;
        self.config.store.revoke_datalab_tokens(&lease.id).await?;
        let message = self.masked(
            &self.config.store.datalab_by_id(&lease.id).await?,
            &ended.message,
        );
        let update = DatalabUpdate {
            phase: Some(ended.phase),
            message: Some(&message),
            waiting_for: Some("[]"),
            ..DatalabUpdate::default()
        };
        self.config.store.update_datalab(lease, &update).await?;
        tracing::info!(
            datalab.id = lease.id,
            phase = ended.phase.as_str(),
            "a datalab has ended"
        );
        Ok(())
    }

    /// The name of the user of a datalab; the id of one who is no more.
    async fn user_of(&self, datalab: &Datalab) -> Result<String, LabError> {
        match self.config.store.user(&datalab.owner).await {
            Ok(user) => Ok(user.name),
            Err(StoreError::NotFound { .. }) => Ok(datalab.owner.clone()),
            Err(error) => Err(error.into()),
        }
    }
}

impl<'a> Care<'a> {
    fn new(
        labs: &'a Labs,
        datalab: Datalab,
        user: String,
        lease: &Lease,
    ) -> Result<Self, LabError> {
        let lab = labs.config.catalogue.lab(&datalab.lab)?.clone();
        let asked = Asked::of(&datalab)?;
        let waiting = Waiting::new(
            labs.config.store.clone(),
            lease.clone(),
            &datalab.waiting_for,
        );
        Ok(Self {
            labs,
            volumes: asked.volumes.clone(),
            waiting,
            lab,
            lease: lease.clone(),
            asked,
            datalab,
            user,
        })
    }

    /// Does everything at once; `None` when Gantry goes and the lab stays.
    async fn to_its_end(&self, cancel: &CancellationToken) -> Result<Option<Ended>, LabError> {
        // A lab that ended while Gantry was away, as its owner wished, did not die.
        if let Some(ended) = self.unwanted().await? {
            return Ok(Some(ended));
        }
        self.wait_for_products().await?;
        tokio::select! {
            biased;
            ended = self.until_unwanted() => ended.map(Some),
            () = cancel.cancelled() => {
                let ended = || Ended { phase: Phase::Completed, message: "it ended with Gantry".to_owned() };
                Ok(self.labs.config.stop_all_at_end.then(ended))
            }
            ended = self.serve() => ended.map(Some),
            never = self.open() => match never? {},
        }
    }

    /// Comes back when the datalab is to end.
    async fn until_unwanted(&self) -> Result<Ended, LabError> {
        loop {
            let changed = self.labs.changed.notified();
            if let Some(ended) = self.unwanted().await? {
                return Ok(ended);
            }
            tokio::select! {
                () = changed => {}
                () = sleep(Duration::from_secs(1)) => {}
            }
        }
    }

    /// Whether the datalab is to end: its owner wants it, or its time is over.
    async fn unwanted(&self) -> Result<Option<Ended>, LabError> {
        let store = &self.labs.config.store;
        let datalab = store.datalab_by_id(&self.datalab.id).await?;
        let (phase, message) = if datalab.stop_wanted {
            (Phase::Aborted, "it was stopped")
        } else if datalab.expires.is_some_and(|expires| expires <= Utc::now()) {
            (Phase::Completed, "its time limit was reached")
        } else {
            return Ok(None);
        };
        Ok(Some(Ended {
            phase,
            message: message.to_owned(),
        }))
    }

    /// Has the lab serve, and comes back when it has ended.
    async fn serve(&self) -> Result<Ended, LabError> {
        let error = |message: String| Ended {
            phase: Phase::Error,
            message,
        };
        let found = self.patiently(|| self.find()).await?;
        let (phase, left_behind) = (
            self.datalab.phase,
            !self.labs.ours().contains(&self.datalab.id),
        );
        if self.labs.config.stop_all_at_end
            && left_behind
            && (found.is_some() || phase == Phase::Executing)
        {
            return Ok(Ended {
                phase: Phase::Completed,
                message: "it ended with the Gantry that started it".to_owned(),
            });
        }
        self.labs.ours().insert(self.datalab.id.clone());
        if found.is_none() && phase == Phase::Executing {
            let died = format!("{} ended while Gantry was away", self.lab.title);
            return Ok(error(self.with_last_lines(died).await));
        }
        if found.is_some() {
            tracing::info!(datalab.id = self.datalab.id, "adopted a lab");
        }
        let mut found = found;
        for attempt in 1.. {
            let running = match found.take() {
                Some(running) => running,
                None => self.patiently(|| self.find_or_start()).await?,
            };
            match self.serves(&running).await? {
                Ok(()) => return self.watch(&running).await,
                Err(ended) if attempt < STARTS && self.port_was_taken().await => {
                    tracing::info!(
                        datalab.id = self.datalab.id,
                        phase = ended.phase.as_str(),
                        "the port was taken, starting again"
                    );
                    self.labs
                        .launcher
                        .stop(&self.datalab.id, Some(&self.user), GRACE)
                        .await?;
                }
                Err(ended) => return Ok(ended),
            }
        }
        unreachable!("the last attempt returns")
    }

    async fn find(&self) -> Result<Option<Running>, LabError> {
        let launcher = &self.labs.launcher;
        launcher.find(&self.datalab.id, &self.user).await
    }

    /// A start whose answer was lost may have come to something.
    async fn find_or_start(&self) -> Result<Running, LabError> {
        match self.find().await? {
            Some(running) => Ok(running),
            None => self.start().await,
        }
    }

    /// Asks the launcher until it can be asked, and says meanwhile why it cannot.
    async fn patiently<T, F>(&self, ask: impl Fn() -> F) -> Result<T, LabError>
    where
        F: Future<Output = Result<T, LabError>>,
    {
        loop {
            match ask().await {
                Err(LabError::Away(text)) => self.waiting.on(LAUNCHER, &text).await?,
                answer => {
                    self.waiting.over(LAUNCHER).await?;
                    return answer;
                }
            }
            sleep(ASK_AGAIN).await;
        }
    }

    /// Waits until the lab serves, and records that it does; or says how it ended.
    async fn serves(&self, running: &Running) -> Result<Result<(), Ended>, LabError> {
        let secret = self.secret().await?;
        let within = self.labs.launcher.serves_within();
        let deadline = Instant::now() + within;
        loop {
            match self.labs.launcher.state(running, &secret).await {
                State::Serving { .. } => break,
                State::Ended { text, .. } => {
                    let message = self
                        .with_last_lines(format!("{} did not start: {text}", self.lab.title))
                        .await;
                    return Ok(Err(Ended {
                        phase: Phase::Error,
                        message,
                    }));
                }
                State::Starting { .. } if Instant::now() > deadline => {
                    let late = format!(
                        "{} did not answer within {} s",
                        self.lab.title,
                        within.as_secs()
                    );
                    return Ok(Err(Ended {
                        phase: Phase::Error,
                        message: self.with_last_lines(late).await,
                    }));
                }
                State::Starting { text } => {
                    if let Some(text) = text {
                        let text = format!("{} is starting: {text}", self.lab.title);
                        self.waiting.on(LAB_STARTING, &text).await?;
                    }
                    sleep(ASK_EVERY).await;
                }
            }
        }
        self.waiting.serves(&to_text(running)).await?;
        tracing::info!(datalab.id = self.datalab.id, "a lab serves");
        Ok(Ok(()))
    }

    /// Watches a lab that serves until it has ended, or has gone unused for too long.
    async fn watch(&self, running: &Running) -> Result<Ended, LabError> {
        let secret = self.secret().await?;
        let idle = self.labs.idle();
        let mut known: Option<DateTime<Utc>> = None;
        loop {
            let pause = Instant::now()
                + idle.map_or(LOOK_EVERY, |idle| {
                    idle.to_std().unwrap_or(LOOK_EVERY).min(LOOK_EVERY)
                });
            let over = timeout_at(pause, self.labs.launcher.ended(running))
                .await
                .is_ok();
            match self.labs.launcher.state(running, &secret).await {
                State::Ended {
                    text,
                    in_order: true,
                } => {
                    return Ok(Ended {
                        phase: Phase::Completed,
                        message: text,
                    });
                }
                State::Ended { text, .. } => {
                    let message = self
                        .with_last_lines(format!("{} died: {text}", self.lab.title))
                        .await;
                    return Ok(Ended {
                        phase: Phase::Error,
                        message,
                    });
                }
                State::Serving {
                    last_activity: Some(last),
                } => {
                    if self.is_unused(idle, last).await? {
                        return Ok(Ended {
                            phase: Phase::Completed,
                            message: "nobody used it for too long".to_owned(),
                        });
                    }
                    if known.replace(last).is_some_and(|known| last > known) {
                        self.labs
                            .config
                            .store
                            .touch_datalab(&self.datalab.id)
                            .await?;
                    }
                }
                // One that is too busy to answer is busy.
                State::Serving { .. } | State::Starting { .. } if over => sleep(ASK_EVERY).await,
                State::Serving { .. } | State::Starting { .. } => {}
            }
        }
    }

    /// Whether nobody has used it for too long, nor asked for more time.
    async fn is_unused(
        &self,
        idle: Option<TimeDelta>,
        last: DateTime<Utc>,
    ) -> Result<bool, LabError> {
        let Some(idle) = idle else {
            return Ok(false);
        };
        let datalab = self
            .labs
            .config
            .store
            .datalab_by_id(&self.datalab.id)
            .await?;
        let until = used_until(&datalab, Some(last), idle);
        Ok(until.is_some_and(|until| until < Utc::now()))
    }

    async fn port_was_taken(&self) -> bool {
        let tail = self
            .labs
            .launcher
            .logs(&self.datalab.id, 4_000)
            .await
            .unwrap_or_default()
            .to_lowercase();
        tail.contains("already in use")
    }

    /// A message with the last lines of the log below it.
    async fn with_last_lines(&self, message: String) -> String {
        let tail = self
            .labs
            .launcher
            .logs(&self.datalab.id, 4_000)
            .await
            .unwrap_or_default();
        let lines: Vec<&str> = tail
            .lines()
            .map(str::trim_end)
            .filter(|line| !line.is_empty())
            .collect();
        let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
        if last.is_empty() {
            message
        } else {
            format!("{message}\n{}", last.join("\n"))
        }
    }

    /// Never comes back, once the notebook is there.
    async fn open(&self) -> Result<Infallible, LabError> {
        self.write_starter().await?;
        std::future::pending().await
    }
}

pub(super) fn to_text(running: &Running) -> String {
    serde_json::to_string(running).expect("it has only string keys")
}
