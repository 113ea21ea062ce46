//! A datalab as others see it.

use chrono::{DateTime, Utc};
use gantry_store::{Datalab, Phase};
use serde::Serialize;

use super::Labs;
use super::plan::{Asked, PlannedVolume};
use super::stopping::Stops;
use super::waiting::{LAB_STARTING, Wait};
use crate::LabError;

/// One datalab; the answer of `GET /datalabs/{id}`.
#[derive(Debug, Clone, Serialize)]
pub struct DatalabView {
    /// Its id.
    pub id: String,
    /// Which lab, `sepp/jupyterlab:v1`.
    pub lab: String,
    /// Its name for people.
    pub name: String,
    /// Where it is; `EXECUTING` serves.
    pub phase: Phase,
    /// The address that opens it, relative to Gantry's; null once it has ended.
    pub url: Option<String>,
    /// The volumes in it, the workspace first.
    pub volumes: Vec<PlannedVolume>,
    /// The job that stages what it opens on.
    pub staging_job: Option<String>,
    /// The notebook it opens on, a path in the workspace.
    pub notebook: Option<String>,
    /// What it waits for: a list of cause, text, since.
    pub waiting_for: serde_json::Value,
    /// When it was asked for.
    pub created: DateTime<Utc>,
    /// When somebody last used it.
    pub last_activity: Option<DateTime<Utc>>,
    /// When it is stopped at the latest.
    pub expires: Option<DateTime<Utc>>,
    /// When it is stopped as things stand, and why; extending it puts that off.
    pub stops: Option<Stops>,
    /// Whether the page opens it as soon as it is ready.
    pub select_when_ready: bool,
    /// Whether it leaves the list once it has ended.
    pub auto_remove: bool,
    /// Whether it can be opened: it serves, and its notebook is there.
    pub ready: bool,
    /// Why it ended as it did, or what is missing in it.
    pub message: Option<String>,
}

impl Labs {
    /// A datalab as others see it.
    ///
    /// # Errors
    /// [`LabError::Store`] when its row is unreadable.
    pub fn view(&self, datalab: &Datalab) -> Result<DatalabView, LabError> {
        let mut waits = Wait::list(&datalab.waiting_for);
        let ended = datalab.phase.is_final();
        if ended {
            waits.clear();
        } else if datalab.phase == Phase::Queued && waits.is_empty() {
            waits.push(Wait::new(
                LAB_STARTING,
                "the lab is about to start",
                datalab.created,
            ));
        }
        let asked = Asked::of(datalab)?;
        Ok(DatalabView {
            id: datalab.id.clone(),
            lab: datalab.lab.clone(),
            name: datalab.name.clone(),
            phase: datalab.phase,
            url: (!ended).then(|| format!("/datalabs/{}/open", datalab.id)),
            volumes: asked.volumes,
            select_when_ready: asked.select_when_ready,
            stops: self.stops(datalab),
            staging_job: datalab.staging_job.clone(),
            notebook: datalab.notebook.clone(),
            ready: datalab.phase == Phase::Executing && waits.is_empty(),
            waiting_for: serde_json::to_value(waits).expect("it has only string keys"),
            created: datalab.created,
            last_activity: datalab.last_activity,
            expires: datalab.expires,
            auto_remove: datalab.auto_remove,
            message: datalab.message.clone(),
        })
    }
}
