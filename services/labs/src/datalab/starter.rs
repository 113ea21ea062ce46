//! What a datalab finds in its workspace: a link to every volume, and the notebook it opens on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gantry_staging::volume::{LocalVolume, VolumeError, VolumePath};
use gantry_store::{Phase, StagingJob};
use tokio::time::sleep;

use super::care::Care;
use super::waiting::STAGING;
use crate::LabError;
use crate::notebook;

/// How often a staging job is asked whether it has ended.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// So many files are opened at the start of a lab that opens files.
const OPENED_AT_ONCE: usize = 20;

/// They are looked for among so many.
const LOOKED_AT: u32 = 1_000;

/// How often the notebook is tried.
const TRIES: u32 = 3;

impl Care<'_> {
    /// Makes `data/<volume>` lead to each volume. A lab without such a link is better than none, so it is only told.
    pub(super) async fn link_volumes(&self) {
        let links: Vec<(String, PathBuf)> = self
            .volumes
            .iter()
            .skip(1)
            .map(|volume| (volume.name.clone(), PathBuf::from(&volume.path)))
            .collect();
        let Some(workspace) = self.workspace() else {
            return;
        };
        let (id, owner) = (self.datalab.id.clone(), self.datalab.owner.clone());
        let known = self
            .labs
            .config
            .store
            .volumes(&owner)
            .await
            .unwrap_or_default();
        let roots: Vec<PathBuf> = known
            .into_iter()
            .map(|volume| PathBuf::from(volume.path))
            .collect();
        let link_all = move || {
            for (name, target) in links {
                if let Err(error) = link(&workspace, &name, &target, &roots) {
                    tracing::warn!(datalab.id = id, volume.name = name, error = %error, "cannot link a volume into the workspace");
                }
            }
        };
        // It only logs, so there is nothing to learn from how it ended.
        let _ = tokio::task::spawn_blocking(link_all).await;
    }

    /// Says that the datalab waits for its notebook, so that it is not ready without.
    pub(super) async fn wait_for_products(&self) -> Result<(), LabError> {
        match self.opens_on() {
            Some(_) => {
                self.waiting
                    .on(STAGING, "the products are being staged")
                    .await
            }
            None => Ok(()),
        }
    }

    /// Writes the notebook when the staging job has ended.
    pub(super) async fn write_starter(&self) -> Result<(), LabError> {
        let Some((selection, job, name)) = self.opens_on() else {
            return Ok(());
        };
        let job = self.job_at_its_end(job).await?;
        let Some(name) = name else {
            return self.waiting.over(STAGING).await;
        };
        let mut tries = 0;
        while let Err(error) = self.write_notebook(selection, &job, name).await {
            tries += 1;
            let told = error.told();
            tracing::warn!(
                datalab.id = self.datalab.id,
                error = told,
                "cannot write the notebook"
            );
            if tries == TRIES {
                let message = format!("the notebook could not be written: {told}");
                return self.waiting.gave_up(STAGING, &message).await;
            }
            self.waiting
                .on(
                    STAGING,
                    &format!("the notebook cannot be written yet: {told}"),
                )
                .await?;
            sleep(Duration::from_secs(1)).await;
        }
        self.waiting.over(STAGING).await
    }

    /// The selection, the job and the notebook, unless the notebook was written already.
    fn opens_on(&self) -> Option<(&str, &str, Option<&str>)> {
        let was_ready = self.datalab.phase == Phase::Executing && self.datalab.waiting_for == "[]";
        let datalab = Some(&self.datalab).filter(|_| !was_ready)?;
        Some((
            datalab.selection.as_deref()?,
            datalab.staging_job.as_deref()?,
            datalab.notebook.as_deref(),
        ))
    }

    /// Of the files that were staged for it, those the lab begins with, each after its arguments; waits until all are
    /// there. Empty where the lab opens none at its start.
    pub(super) async fn files_to_open(&self) -> Result<Vec<String>, LabError> {
        let opens = &self.lab.opens_files;
        let Some((_, job, _)) = self.opens_on().filter(|_| !opens.is_empty()) else {
            return Ok(Vec::new());
        };
        let job = self.job_at_its_end(job).await?;
        let store = &self.labs.config.store;
        let root = PathBuf::from(store.volume_by_id(&job.volume).await?.path);
        let mut arguments = Vec::new();
        let mut n_files = 0;
        for file in store.staging_files(&job.id, 0, LOOKED_AT).await? {
            let path = file.outcome.and_then(|outcome| outcome.path);
            let Some(path) = path.filter(|_| n_files < OPENED_AT_ONCE) else {
                continue;
            };
            let Some(before) = before(opens, &path) else {
                continue;
            };
            n_files += 1;
            arguments.extend(before.iter().cloned());
            arguments.extend(root.join(path).to_str().map(ToOwned::to_owned));
        }
        Ok(arguments)
    }

    async fn job_at_its_end(&self, id: &str) -> Result<StagingJob, LabError> {
        loop {
            let job = self.labs.config.store.staging_job_by_id(id).await?;
            if job.phase.is_final() {
                return Ok(job);
            }
            sleep(ASK_EVERY).await;
        }
    }

    async fn write_notebook(
        &self,
        selection: &str,
        job: &StagingJob,
        name: &str,
    ) -> Result<(), LabError> {
        let Some(workspace) = self.workspace() else {
            return Ok(());
        };
        if workspace.join(name).symlink_metadata().is_ok() {
            return Ok(());
        }
        let config = &self.labs.config;
        let starter = notebook::gather(&config.store, selection, job, &self.datalab.name).await?;
        let citation = config
            .cite
            .cite(selection, &self.datalab.owner)
            .await
            .unwrap_or_else(|error| {
                tracing::warn!(
                    datalab.id = self.datalab.id,
                    error,
                    "a selection has no citation"
                );
                crate::Citation::missing()
            });
        let bytes = starter.render(&citation)?;
        let (id, name) = (self.datalab.id.clone(), name.to_owned());
        let write = move || -> Result<(), VolumeError> {
            if !LocalVolume::open(&workspace)?.write_new(&VolumePath::parse(&name)?, &bytes)? {
                tracing::info!(datalab.id = id, "the notebook is there already");
            }
            Ok(())
        };
        match tokio::task::spawn_blocking(write).await {
            Ok(written) => Ok(written?),
            Err(error) => Err(LabError::io(
                "write the notebook in",
                Path::new("the workspace"),
            )(std::io::Error::other(error))),
        }
    }

    fn workspace(&self) -> Option<PathBuf> {
        self.volumes
            .first()
            .map(|volume| PathBuf::from(&volume.path))
    }
}

/// The arguments before a file of this path, by the longest ending that fits; `None` where the lab does not open it.
fn before<'a>(opens: &'a BTreeMap<String, Vec<String>>, path: &str) -> Option<&'a Vec<String>> {
    let path = path.to_ascii_lowercase();
    let fitting = opens
        .iter()
        .filter(|(ending, _)| path.ends_with(ending.as_str()));
    fitting
        .max_by_key(|(ending, _)| ending.len())
        .map(|(_, before)| before)
}

/// Makes `data/<name>` lead to `target`. A link that a user made to somewhere else stays: one that leads nowhere, or
/// to a root of the user's volumes, is taken for Gantry's.
fn link(workspace: &Path, name: &str, target: &Path, roots: &[PathBuf]) -> Result<(), VolumeError> {
    let path = VolumePath::parse("data")?.join(name)?;
    let there = workspace.join(path.as_str());
    if let Ok(known) = std::fs::read_link(&there) {
        let leads_somewhere = there.exists();
        if known == target || (leads_somewhere && !roots.contains(&known)) {
            return Ok(());
        }
    }
    LocalVolume::open(workspace)?.link(&path, target)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_is_opened_with_the_arguments_of_its_longest_ending() {
        let opens = BTreeMap::from(
            [(".gz", "gzip"), (".vot.gz", "votable")]
                .map(|(ending, format)| (ending.to_owned(), vec![format.to_owned()])),
        );
        assert_eq!(before(&opens, "gaia/Stars.VOT.gz").unwrap(), &["votable"]);
        assert_eq!(before(&opens, "gaia/stars.csv.gz").unwrap(), &["gzip"]);
        assert!(before(&opens, "gaia/stars.pdf").is_none());
    }

    #[test]
    fn a_link_is_made_and_renewed_but_what_a_user_made_stays() {
        let place = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            let path = place.path().join(name);
            fs::create_dir_all(&path).unwrap();
            path
        };
        let (workspace, old, new, own) = (
            folder("workspace"),
            folder("old"),
            folder("new"),
            folder("own"),
        );
        let leads = |name: &str| fs::read_link(workspace.join("data").join(name)).ok();
        let roots = [old.clone(), new.clone()];

        link(&workspace, "cmb", &old, &roots).unwrap();
        assert_eq!(leads("cmb"), Some(old.clone()));
        link(&workspace, "cmb", &new, &roots).unwrap();
        assert_eq!(leads("cmb"), Some(new.clone()));

        symlink(place.path().join("gone"), workspace.join("data/dangling")).unwrap();
        link(&workspace, "dangling", &new, &roots).unwrap();
        assert_eq!(leads("dangling"), Some(new.clone()));

        symlink(&own, workspace.join("data/mine")).unwrap();
        link(&workspace, "mine", &new, &roots).unwrap();
        assert_eq!(leads("mine"), Some(own));

        fs::write(workspace.join("data/file"), "notes").unwrap();
        assert!(link(&workspace, "file", &new, &roots).is_err());
        assert_eq!(
            fs::read_to_string(workspace.join("data/file")).unwrap(),
            "notes"
        );
    }
}
