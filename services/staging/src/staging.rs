//! The two things asked of staging: what would a click do, and do it.

use std::collections::BTreeMap;
use std::path::Path;

use gantry_asset::Completeness;
use gantry_store::{AssetRecord, NewStagingFile, Selection, StagingJob, Store, User, Volume};

use crate::archives::Archives;
use crate::error::StagingError;
use crate::names::Names;
use crate::place::{OpenVolume, Wanted, first_path};
use crate::plan::{Plan, PlannedFile, PlannedMethod, Step, decide};
use crate::request::StageRequest;
use crate::selection::members;
use crate::transfer::skipped;
use crate::volume::LocalVolume;
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
    /// [`StagingError::Volume`] for a folder that is no path, [`StagingError::Store`] when the record fails.
    pub async fn stage(
        &self,
        user: &User,
        selection: &Selection,
        volume: &Volume,
        request: &StageRequest,
    ) -> Result<StagingJob, StagingError> {
        request.folder("x")?;
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
    /// [`StagingError::Volume`] when the volume cannot be looked at.
    pub async fn plan(
        &self,
        selection: &Selection,
        volume: Option<&Volume>,
        request: &StageRequest,
    ) -> Result<Plan, StagingError> {
        let files = volume
            .map(|volume| LocalVolume::open(Path::new(&volume.path)))
            .transpose()?
            .map(|files| files.with_mounts(self.archives.mounts()));
        let (mut planned, names) = (Planned::default(), Names::default());
        let mut from = 0;
        loop {
            let page = members(&self.store, &selection.id, from, PAGE).await?;
            if page.is_empty() {
                break;
            }
            from += page.len() as u64;
            for (member, record) in &page {
                planned
                    .releases
                    .extend(record.asset.facets.first("release").map(ToOwned::to_owned));
                for file in &record.asset.files {
                    let wanted = Wanted {
                        asset: &record.asset.id,
                        version: member.version,
                        file,
                    };
                    let (path, step) = self
                        .step(&wanted, volume.zip(files.as_ref()), request, &names)
                        .await?;
                    planned.add(&wanted, path, &step);
                }
            }
        }
        let free_bytes = files
            .and_then(|files| files.space().ok())
            .map(|space| space.free_bytes);
        let mut plan = self.sum_up(planned, free_bytes);
        plan.warnings.extend(selection.days.sentence());
        plan.warnings.extend(selection.days.notes.iter().cloned());
        plan.days = selection.days.clone();
        Ok(plan)
    }

    async fn step(
        &self,
        wanted: &Wanted<'_>,
        volume: Option<(&Volume, &LocalVolume)>,
        request: &StageRequest,
        names: &Names,
    ) -> Result<(String, Step), StagingError> {
        let access = self.archives.get(&wanted.asset.archive());
        let Some((row, files)) = volume else {
            let mounted = access.and_then(|access| access.mounted(wanted.file));
            return Ok((String::new(), mounted.map_or(Step::Download, Step::Link)));
        };
        let open = OpenVolume {
            store: &self.store,
            row,
            files,
        };
        let placed = open.place(request, access, wanted, names).await?;
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

    fn sum_up(&self, planned: Planned, free_bytes: Option<u64>) -> Plan {
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
        let mut warnings = release_warnings(&planned.releases);
        let to_write: Option<u64> = methods
            .iter()
            .filter(|planned| matches!(planned.method, "download" | "copy"))
            .map(|planned| planned.size_bytes)
            .sum();
        if let (Some(needed), Some(free)) = (to_write, free_bytes)
            && needed > free
        {
            warnings.push(format!(
                "The volume has {free} bytes free and {needed} are needed."
            ));
        }
        Plan {
            methods,
            warnings,
            files: planned.files,
            n_files: planned.n_files,
            free_bytes,
            days: Completeness::default(),
        }
    }
}

/// A plan while it is made.
#[derive(Default)]
struct Planned {
    methods: BTreeMap<(&'static str, String), (u64, Option<u64>)>,
    files: Vec<PlannedFile>,
    n_files: u64,
    releases: std::collections::BTreeSet<String>,
}

impl Planned {
    fn add(&mut self, wanted: &Wanted<'_>, path: String, step: &Step) {
        self.n_files += 1;
        let sum = self
            .methods
            .entry((step.method(), wanted.asset.archive().to_string()))
            .or_insert((0, Some(0)));
        *sum = (
            sum.0 + 1,
            sum.1
                .zip(wanted.file.size_bytes)
                .map(|(sum, size)| sum + size),
        );
        if self.files.len() < SHOWN_FILES {
            self.files.push(PlannedFile {
                asset: wanted.asset.to_string(),
                name: wanted.file.name.clone(),
                path,
                method: step.method(),
                reason: step.reason(),
                size_bytes: wanted.file.size_bytes,
            });
        }
    }
}

/// What a scientist should know who mixes releases.
fn release_warnings(releases: &std::collections::BTreeSet<String>) -> Vec<String> {
    let mut warnings = Vec::new();
    if releases.len() > 1 {
        let names: Vec<&str> = releases.iter().map(String::as_str).collect();
        let mut text = format!("The selection mixes the releases {}.", names.join(", "));
        if releases.contains("PR4")
            && releases
                .iter()
                .any(|release| release.starts_with("PR") && release != "PR4")
        {
            text.push_str(" PR4 keeps the Solar dipole (3366.6 µK towards l 263.986°, b 48.247°), has A/B splits rather than half-missions and is in K_CMB throughout.");
        }
        warnings.push(text);
    }
    warnings
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
