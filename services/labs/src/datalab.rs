//! Datalabs: asking for one, caring for it until it ends, showing and opening it.
//!
//! [`Labs::launch`] only keeps a row; everything slow is done by [`Labs::run`], which claims rows by lease. Whatever
//! happens to Gantry, a row that lives has at most one lab, and a lab whose row has ended is ended.

mod care;
mod orphans;
mod plan;
mod start;
mod starter;
mod stopping;
mod view;
mod waiting;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gantry_net::Url;
use gantry_store::{Datalab, Lease, NewDatalab, Phase, Seal, Store, StoreError, User};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use plan::{
    LaunchPlan, LaunchRequest, PlannedVolume, RefusedVolume, VolumeRequest, resealed_request,
};
pub use stopping::Stops;
pub use view::DatalabView;

use crate::launcher::{Launcher, Running};
use crate::{Cite, EnvironmentState, Lab, LabCatalogue, LabEnvironment, LabError};
use plan::Asked;

/// How long a lab that is to stop may take to do so by itself.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// The longest time limit, ten years, so that no sum of times runs over.
const LONGEST_S: u64 = 10 * 365 * 24 * 3_600;

/// How long a name may be, in characters.
const NAME_CHARS: usize = 200;

/// What [`Labs`] needs.
pub struct LabsConfig {
    /// The record.
    pub store: Store,
    /// What seals the secrets of datalabs.
    pub seal: Seal,
    /// The folder of Gantry's data; only one process on it runs labs at a time.
    pub data_dir: PathBuf,
    /// Gantry's own address, as labs reach it.
    pub public_url: String,
    /// Whether the Python environment is there.
    pub environment: watch::Receiver<EnvironmentState>,
    /// Where sets of Python packages are kept that some labs need besides.
    pub cache_dir: PathBuf,
    /// What can be launched.
    pub catalogue: LabCatalogue,
    /// How selections are cited.
    pub cite: Arc<dyn Cite>,
    /// Whether labs end with this process; those a predecessor left behind end at the start.
    pub stop_all_at_end: bool,
    /// How long a lab may go unused, in seconds; for ever where it is not given.
    pub idle_s: Option<u64>,
    /// How many datalabs of one user may live at once.
    pub per_user: Option<u32>,
}

/// The datalabs of this Gantry.
pub struct Labs {
    config: LabsConfig,
    launcher: Arc<dyn Launcher>,
    /// Wakes the loop when a row was made.
    asked: Notify,
    /// Wakes whoever cares for a datalab when its row was changed.
    changed: Notify,
    /// The datalabs this process started.
    ours: Mutex<HashSet<String>>,
}

/// What a datalab opens on.
#[derive(Debug, Clone)]
pub struct OpensOn {
    /// The selection.
    pub selection: String,
    /// The job that stages it.
    pub staging_job: String,
    /// The notebook, a path in the workspace; see [`crate::notebook_name`]. None where the lab opens none.
    pub notebook: Option<String>,
}

impl Labs {
    /// The datalabs of the record, on this launcher.
    #[must_use]
    pub fn new(config: LabsConfig, launcher: Arc<dyn Launcher>) -> Self {
        Self {
            config,
            launcher,
            asked: Notify::new(),
            changed: Notify::new(),
            ours: Mutex::default(),
        }
    }

    /// What can be launched.
    #[must_use]
    pub fn catalogue(&self) -> &LabCatalogue {
        &self.config.catalogue
    }

    /// Whether volumes of this kind can be in datalabs here.
    #[must_use]
    pub fn mountable(&self, volume_kind: &str) -> bool {
        self.launcher.mountable(volume_kind)
    }

    /// Whether volumes are mounted, so that where in the datalab they are can be chosen.
    #[must_use]
    pub fn mounts(&self) -> bool {
        self.launcher.mounts()
    }

    /// Whether labs run on this machine, with the Python environment that Gantry makes.
    #[must_use]
    pub fn are_here(&self) -> bool {
        self.launcher.is_here()
    }

    /// What a lab needs that is not here, in a sentence with what to do.
    #[must_use]
    pub fn lacks(&self, lab: &Lab) -> Option<String> {
        self.launcher.lacks(lab)
    }

    /// Why a lab cannot be started here, in a sentence with what to do; `None` when nothing is known to be in the way.
    #[must_use]
    pub fn why_not(&self, lab: &Lab) -> Option<String> {
        self.lacks(lab).or_else(|| {
            let needs_python = lab.environment == LabEnvironment::Python && self.are_here();
            match &*self.config.environment.borrow() {
                EnvironmentState::Failed(why) if needs_python => Some(why.clone()),
                _ => None,
            }
        })
    }

    /// Whether labs can be started, in a sentence; touches nothing.
    ///
    /// # Errors
    /// [`LabError::Away`], saying what to do.
    pub async fn check_launcher(&self) -> Result<String, LabError> {
        self.launcher.check().await
    }

    /// Keeps the wish for a datalab; a second one in the same words finds the first.
    ///
    /// # Errors
    /// [`LabError::NoSuchLab`], [`LabError::Unavailable`] for a lab whose programs are not here,
    /// [`LabError::Refused`] for a volume that cannot be in it, [`LabError::Variable`], and [`LabError::Store`].
    pub async fn launch(
        &self,
        user: &User,
        mut request: LaunchRequest,
        opens_on: Option<OpensOn>,
    ) -> Result<Datalab, LabError> {
        if let Some(opens_on) = &opens_on {
            let job = self
                .config
                .store
                .staging_job(&opens_on.staging_job, &user.id)
                .await?;
            let volume = self.config.store.volume_by_id(&job.volume).await?;
            request.needs(&volume.name);
        }
        let plan = self.plan(user, &request).await?;
        if !plan.refused.is_empty() {
            return Err(LabError::Refused(plan.refused));
        }
        let lab = self.config.catalogue.lab(&request.lab)?;
        let asked = Asked::new(plan.volumes, &request, |env| {
            self.config.seal.seal(&Asked::sealed_for(&user.id), env)
        });
        let opens = opens_on.as_ref();
        let datalab = self
            .config
            .store
            .new_datalab(&NewDatalab {
                owner: &user.id,
                lab: &lab.id(),
                name: name(&request, lab).as_str(),
                request: &asked.to_text(),
                opens_on: opens.map(|on| {
                    (
                        on.selection.as_str(),
                        on.staging_job.as_str(),
                        on.notebook.as_deref(),
                    )
                }),
                auto_remove: request.auto_remove.unwrap_or(true),
                time_limit_s: request.time_limit_s.map(|limit| limit.min(LONGEST_S)),
                at_most: self.config.per_user,
            })
            .await?;
        self.asked.notify_one();
        Ok(datalab)
    }

    /// Asks a datalab to stop; it has when its phase is final.
    ///
    /// # Errors
    /// [`LabError::Store`].
    pub async fn stop(&self, datalab: &Datalab) -> Result<(), LabError> {
        self.config.store.stop_datalab(datalab).await?;
        self.changed.notify_waiters();
        self.asked.notify_one();
        Ok(())
    }

    /// The end of a datalab's log, at most this long, with every secret left out.
    ///
    /// # Errors
    /// [`LabError::Io`] when it cannot be read.
    pub async fn logs(&self, datalab: &Datalab, tail_bytes: u64) -> Result<String, LabError> {
        let text = self.launcher.logs(&datalab.id, tail_bytes).await?;
        Ok(self.masked(datalab, &text))
    }

    /// Where a datalab is opened; the answer holds its secret and is for its owner's browser only.
    ///
    /// # Errors
    /// [`LabError::NotServing`] unless it serves, [`LabError::Seal`] when its secret was sealed with another key,
    /// [`LabError::Away`] when the launcher cannot be asked for what opens it.
    pub async fn open_url(&self, datalab: &Datalab) -> Result<String, LabError> {
        let not_serving = || LabError::NotServing(datalab.id.clone());
        if datalab.phase != Phase::Executing {
            return Err(not_serving());
        }
        let running: Running = datalab
            .running
            .as_deref()
            .and_then(|text| serde_json::from_str(text).ok())
            .ok_or_else(not_serving)?;
        let lab = self.config.catalogue.lab(&datalab.lab)?;
        let below = |path: &str| running.below(path).ok_or_else(not_serving);
        let mut url = below(&lab.open)?;
        if let (Some(folder), Some(notebook)) = (&lab.open_file, &datalab.notebook) {
            url = below(folder)?;
            let mut steps = url.path_segments_mut().map_err(|()| not_serving())?;
            steps.pop_if_empty().extend(notebook.split('/'));
        }
        let secret = match &datalab.secret {
            Some(sealed) => self.config.seal.open_sealed(&datalab.id, sealed)?,
            None => String::new(),
        };
        if let Some((name, value)) = self.launcher.key(&running, lab, &secret).await? {
            url.query_pairs_mut().append_pair(&name, &value);
        }
        Ok(Url::into(url))
    }

    /// Cares for the datalabs of this launcher until `cancel`; labs go on unless they are to end with this process.
    ///
    /// # Errors
    /// [`LabError::Io`] when the folder of the data cannot be used. A record that does not answer is asked again.
    pub async fn run(self: Arc<Self>, cancel: CancellationToken) -> Result<(), LabError> {
        let Some(_sole) = self.sole(&cancel).await? else {
            return Ok(());
        };
        // Nobody else holds the lock, so a predecessor of this name is gone, and its leases are free.
        self.give_back().await;
        let mut tasks = JoinSet::new();
        let mut sweep = tokio::time::interval(Duration::from_secs(60));
        let mut look = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                () = cancel.cancelled() => break,
                _ = sweep.tick() => {
                    let labs = self.clone();
                    tasks.spawn(async move { labs.end_orphans().await });
                }
                _ = look.tick() => {}
                () = self.asked.notified() => {}
                Some(done) = tasks.join_next(), if !tasks.is_empty() => {
                    if let Err(error) = done {
                        tracing::error!(error = %error, "caring for a datalab broke off");
                    }
                    continue;
                }
            }
            while let Some(lease) = self.claim().await {
                let (labs, cancel) = (self.clone(), cancel.clone());
                tasks.spawn(async move { labs.attend(lease, cancel).await });
            }
        }
        while tasks.join_next().await.is_some() {}
        self.give_back().await;
        Ok(())
    }

    async fn claim(&self) -> Option<Lease> {
        match self.config.store.claim_datalab(&self.name()).await {
            Ok(lease) => lease,
            Err(error) => {
                tracing::warn!(error = %error, "cannot look for datalabs");
                None
            }
        }
    }

    async fn give_back(&self) {
        if let Err(error) = self.config.store.expire_datalabs(&self.name()).await {
            tracing::warn!(error = %error, "cannot give back the leases on datalabs");
        }
    }

    /// Who claims datalabs: this launcher on this folder.
    fn name(&self) -> String {
        format!(
            "{} labs in {}",
            self.launcher.name(),
            self.config.data_dir.display()
        )
    }

    /// Waits until no other process cares for the labs of this folder; `None` when cancelled before.
    async fn sole(&self, cancel: &CancellationToken) -> Result<Option<std::fs::File>, LabError> {
        let path = self.config.data_dir.join("labs.lock");
        std::fs::create_dir_all(&self.config.data_dir)
            .map_err(LabError::io("make the folder", &self.config.data_dir))?;
        let file = std::fs::File::create(&path).map_err(LabError::io("make the lock", &path))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(std::fs::TryLockError::WouldBlock) => {}
                Err(std::fs::TryLockError::Error(error)) => {
                    return Err(LabError::io("lock", &path)(error));
                }
            }
            tokio::select! {
                () = cancel.cancelled() => return Ok(None),
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
            }
        }
    }

    /// A text without the secrets of a datalab.
    fn masked(&self, datalab: &Datalab, text: &str) -> String {
        let secret = datalab
            .secret
            .as_deref()
            .and_then(|sealed| self.config.seal.open_sealed(&datalab.id, sealed).ok());
        let text = secret.map_or_else(|| text.to_owned(), |secret| text.replace(&secret, "…"));
        let mut parts = text.split("gnt_");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |masked, part| {
            masked + "gnt_…" + part.trim_start_matches(|c: char| c.is_ascii_hexdigit())
        })
    }

    fn ours(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.ours.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leaves out the record and everything secret.
impl fmt::Debug for Labs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Labs")
            .field("launcher", &self.launcher)
            .field("data_dir", &self.config.data_dir)
            .finish_non_exhaustive()
    }
}

/// The path of each volume as a lab sees it, by name: what `GANTRY_VOLUMES` tells it.
fn paths(volumes: &[PlannedVolume]) -> BTreeMap<&str, PathBuf> {
    let path = |volume: &PlannedVolume| match (&volume.mount_path, &volume.subpath) {
        (Some(mount_path), _) => mount_path.into(),
        (None, Some(subpath)) => Path::new(&volume.path).join(subpath),
        (None, None) => volume.path.clone().into(),
    };
    volumes
        .iter()
        .map(|volume| (volume.name.as_str(), path(volume)))
        .collect()
}

/// What people call it: the name that was asked for, or the lab's title.
fn name(request: &LaunchRequest, lab: &Lab) -> String {
    let asked = request
        .name
        .as_deref()
        .map(str::trim)
        .filter(|name| !name.is_empty());
    asked
        .unwrap_or(&lab.title)
        .chars()
        .take(NAME_CHARS)
        .collect()
}

/// Whether the record said that somebody else has the work now.
fn is_lost(error: &LabError) -> bool {
    matches!(error, LabError::Store(StoreError::LeaseLost { .. }))
}
