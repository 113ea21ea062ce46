//! The two things asked of staging: what would a click do, and do it.

use std::collections::BTreeMap;

use gantry_asset::Completeness;
use gantry_store::{AssetRecord, NewStagingFile, Selection, StagingJob, Store, User, Volume};

use crate::archives::Archives;
use crate::error::StagingError;
use crate::mixture::Mixture;
use crate::names::Names;
use crate::place::{Listed, OpenVolume, Wanted, first_path};
use crate::plan::{Plan, PlannedFile, PlannedMethod, Step, decide};
use crate::request::StageRequest;
use crate::selection::members;
use crate::transfer::skipped;
use crate::volume::{Files, VolumeError};
use crate::worker::Worker;

/// Staging as the rest of Gantry sees it.
#[derive(Clone)]
pub struct Staging {
    store: Store,
    archives: Archives,
    worker: Worker,
}

const PAGE: u32 = 500;
const SHOWN_FILES: usize = 200;

impl Staging {
    /// Staging over a record and its archives; jobs are carried out by `worker`, wherever it runs.
    #[must_use]
    pub fn new(store: Store, archives: Archives, worker: Worker) -> Self {
        Self {
            store,
            archives,
            worker,
        }
    }

    /// The archives files come from.
    #[must_use]
    pub fn archives(&self) -> &Archives {
        &self.archives
    }

    /// The worker of this process.
    #[must_use]
    pub fn worker(&self) -> &Worker {
        &self.worker
    }

    /// Makes the job that stages a selection into a volume, or finds the live one asked for in the same words.
    ///
    /// # Errors
    /// [`StagingError::Volume`] for a folder that is no path, [`StagingError::Store`] when the record fails, and as
    /// [`StageRequest::check`].
    pub async fn stage(
        &self,
        user: &User,
        selection: &Selection,
        volume: &Volume,
        request: &StageRequest,
    ) -> Result<StagingJob, StagingError> {
        request.folder("x")?;
        request.check()?;
        if volume.catalogue.is_some() {
            let path = volume.title.clone();
            return Err(VolumeError::ReadOnly { path }.into());
        }
        let mut files = Vec::new();
        let mut from = 0;
        loop {
            let page = members(&self.store, &selection.id, from, PAGE).await?;
            if page.is_empty() {
                break;
            }
            from += page.len() as u64;
            for (member, record) in page {
                files.extend(new_files(&record, member.version));
            }
        }
        let text = serde_json::to_string(request).expect("a request is plain data");
        let job = self
            .store
            .new_staging_job(&user.id, (&selection.id, &volume.id), &text, &files)
            .await?;
        self.worker.wake();
        Ok(job)
    }

    /// What staging a selection would do, file by file, without doing any of it.
    ///
    /// # Errors
    /// [`StagingError::Volume`] when the volume cannot be looked at, and as [`StageRequest::check`].
    pub async fn plan(
        &self,
        selection: &Selection,
        volume: Option<&Volume>,
        request: &StageRequest,
    ) -> Result<Plan, StagingError> {
        request.check()?;
        let files = volume
            .map(|volume| self.worker.volumes().open(volume))
            .transpose()?;
        let (mut planned, seen) = (Planned::default(), Seen::default());
        let mut from = 0;
        loop {
            let page = members(&self.store, &selection.id, from, PAGE).await?;
            if page.is_empty() {
                break;
            }
            from += page.len() as u64;
            for (member, record) in &page {
                planned.warnings.look_at(&record.asset);
                for file in &record.asset.files {
                    let wanted = Wanted {
                        asset: &record.asset.id,
                        version: member.version,
                        file,
                    };
                    let (path, step) = self
                        .step(&wanted, volume.zip(files.as_ref()), request, &seen)
                        .await?;
                    let size = request.size_of(file.size_bytes);
                    planned.add(&wanted, path, &step, size);
                }
            }
        }
        let room = self.room(volume, files.as_ref()).await?;
        let mut plan = self.sum_up(planned, room);
        plan.warnings.extend(selection.days.sentence());
        plan.warnings.extend(selection.days.notes.iter().cloned());
        plan.days = selection.days.clone();
        Ok(plan)
    }

    /// What can still be written to a volume.
    async fn room(
        &self,
        volume: Option<&Volume>,
        files: Option<&Files>,
    ) -> Result<Room, StagingError> {
        let free_bytes = files.and_then(Files::space).map(|space| space.free_bytes);
        let quota = *self.worker.quota();
        let here = volume.filter(|volume| volume.kind == "local" && quota.is_bounded());
        let used = match here {
            Some(volume) => self.worker.volumes().usage(&volume.owner).await?,
            None => (0, 0),
        };
        let left = |limit: Option<u64>, used: u64| {
            limit
                .filter(|_| here.is_some())
                .map(|limit| limit.saturating_sub(used))
        };
        Ok(Room {
            free_bytes,
            quota_bytes_left: left(quota.bytes, used.0),
            quota_files_left: left(quota.files, used.1),
        })
    }

    async fn step(
        &self,
        wanted: &Wanted<'_>,
        volume: Option<(&Volume, &Files)>,
        request: &StageRequest,
        seen: &Seen,
    ) -> Result<(String, Step), StagingError> {
        let access = self.archives.get(&wanted.asset.archive());
        let Some((row, files)) = volume else {
            let mounted = access.and_then(|access| access.mounted(wanted.file));
            let mounted_step = match request.cut_out {
                Some(_) => Step::CopyMounted,
                None => Step::Link,
            };
            return Ok((String::new(), mounted.map_or(Step::Download, mounted_step)));
        };
        let open = OpenVolume {
            store: &self.store,
            row,
            files,
            cache: self.worker.cache(),
            listed: Some(&seen.folders),
        };
        let placed = open.place(request, access, wanted, &seen.names).await?;
        Ok(match placed {
            Some((path, facts)) => (path.as_str().to_owned(), decide(request, &facts)),
            None => (
                first_path(request, wanted.asset, wanted.file)?
                    .as_str()
                    .to_owned(),
                Step::Skip("name-taken: another file of this job has the same name"),
            ),
        })
    }

    fn sum_up(&self, planned: Planned, room: Room) -> Plan {
        let mut methods: Vec<PlannedMethod> = planned
            .methods
            .into_iter()
            .map(|((method, archive), (n_files, size_bytes))| {
                let access = archive.parse().ok().and_then(|id| self.archives.get(&id));
                let speed = access
                    .and_then(|access| access.connector.health().bytes_per_second)
                    .filter(|speed| *speed > 0.0);
                let seconds = size_bytes
                    .zip(speed)
                    .filter(|_| method == "download")
                    .map(|(size, speed)| (size as f64 / speed).ceil() as u64);
                let archive_title = access.map_or_else(
                    || archive.clone(),
                    |access| access.connector.archive().title.clone(),
                );
                PlannedMethod {
                    method,
                    n_files,
                    size_bytes,
                    seconds,
                    archive,
                    archive_title,
                }
            })
            .collect();
        methods.sort_by_key(|planned| {
            ["present", "link", "clone", "copy", "download", "skip"]
                .iter()
                .position(|method| *method == planned.method)
        });
        let mut warnings = planned.warnings.sentences();
        let writes = |planned: &&PlannedMethod| matches!(planned.method, "download" | "copy");
        let needed: Option<u64> = methods
            .iter()
            .filter(writes)
            .map(|planned| planned.size_bytes)
            .sum();
        let n_files = methods.iter().filter(writes).map(|planned| planned.n_files);
        warnings.extend(room.warnings(needed, n_files.sum()));
        let seconds = methods.iter().filter_map(|planned| planned.seconds).max();
        Plan {
            seconds,
            warnings,
            methods,
            files: planned.files,
            n_files: planned.n_files,
            free_bytes: room.free_bytes,
            quota_bytes_left: room.quota_bytes_left,
            quota_files_left: room.quota_files_left,
            days: Completeness::default(),
        }
    }
}

/// What can still be written to a volume, where that is known.
#[derive(Debug, Clone, Copy)]
struct Room {
    free_bytes: Option<u64>,
    quota_bytes_left: Option<u64>,
    quota_files_left: Option<u64>,
}

impl Room {
    fn warnings(&self, needed: Option<u64>, n_files: u64) -> Vec<String> {
        let needed = needed.unwrap_or(0);
        let mut warnings = Vec::new();
        if let Some(free) = self.free_bytes.filter(|free| needed > *free) {
            warnings.push(format!(
                "The volume has {free} bytes free and {needed} are needed."
            ));
        }
        if let Some(left) = self.quota_bytes_left.filter(|left| needed > *left) {
            warnings.push(format!(
                "Your quota leaves {left} bytes and {needed} are needed."
            ));
        }
        if let Some(left) = self.quota_files_left.filter(|left| n_files > *left) {
            warnings.push(format!(
                "Your quota leaves {left} files and {n_files} are needed."
            ));
        }
        warnings
    }
}

/// What a plan has looked at so far.
#[derive(Default)]
struct Seen {
    names: Names,
    folders: Listed,
}

/// A plan while it is made.
#[derive(Default)]
struct Planned {
    methods: BTreeMap<(&'static str, String), (u64, Option<u64>)>,
    files: Vec<PlannedFile>,
    n_files: u64,
    warnings: Mixture,
}

impl Planned {
    fn add(&mut self, wanted: &Wanted<'_>, path: String, step: &Step, size_bytes: Option<u64>) {
        self.n_files += 1;
        let sum = self
            .methods
            .entry((step.method(), wanted.asset.archive().to_string()))
            .or_insert((0, Some(0)));
        *sum = (
            sum.0 + 1,
            sum.1.zip(size_bytes).map(|(sum, size)| sum + size),
        );
        if self.files.len() < SHOWN_FILES {
            self.files.push(PlannedFile {
                asset: wanted.asset.to_string(),
                name: wanted.file.name.clone(),
                path,
                method: step.method(),
                reason: step.reason(),
                size_bytes,
            });
        }
    }
}

/// The files of one selected asset; one without files ends `skipped` from the start.
fn new_files(record: &AssetRecord, version: u32) -> Vec<NewStagingFile> {
    let id = &record.asset.id;
    let files = record.asset.files.iter();
    files
        .map(|file| NewStagingFile {
            asset: id.clone(),
            version,
            name: file.name.clone(),
            size_bytes: file.size_bytes,
            settled: file.locations.is_empty().then(|| skipped("needs-a-query")),
        })
        .collect()
}
