//! One file: from the archive into a part on this machine, hashed while it is written, gone on with after a break.

use std::io::Write;
use std::time::Duration;

use futures::StreamExt;
use gantry_asset::File;
use gantry_connector::{ByteStream, OpenError, Remarks, Resume};
use gantry_net::Validator;
use gantry_store::{FileOutcome, Lease, Store, StoreError};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::archives::ArchiveAccess;
use crate::asker::Asker;
use crate::blocking::blocking;
use crate::cache::{Fetched, Identity};
use crate::live::Live;
use crate::quota::Quotas;
use crate::verify::Hashes;
use crate::volume::{LocalVolume, Part, VolumeError, VolumePath};

/// What is kept of a part, so that another process can go on with it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct PartState {
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
    pub(crate) total_bytes: Option<u64>,
    pub(crate) location: Option<String>,
    /// Its outcome, once it is whole and may already have its name.
    pub(crate) whole: Option<FileOutcome>,
    /// Where it goes, once that is decided.
    pub(crate) path: Option<String>,
    /// The run of the query whose answer it is.
    #[serde(default)]
    pub(crate) run: Option<String>,
}

/// A file that is whole and waits to be named.
pub(crate) struct Whole {
    pub(crate) part: Part,
    pub(crate) outcome: FileOutcome,
    /// What was fetched into the cache for it.
    pub(crate) fetched: Option<Fetched>,
}

/// Why a file is not whole.
pub(crate) enum Broken {
    /// It ends like this.
    Outcome(Box<FileOutcome>),
    /// Somebody else writes it right now.
    Busy,
    /// What is at its path was changed by somebody and stays; another name is to be found.
    Changed,
    /// The job was told to stop.
    Stopped,
    /// The volume has no room, or does not serve; the job cannot go on.
    Volume(VolumeError),
    /// The record failed, or the lease is lost.
    Store(StoreError),
}

impl Broken {
    /// The file fails, for this reason.
    pub(crate) fn failed(reason: &str, retry_may_help: bool) -> Self {
        Self::Outcome(Box::new(failed(reason, retry_may_help)))
    }
}

impl From<StoreError> for Broken {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<VolumeError> for Broken {
    fn from(error: VolumeError) -> Self {
        match error {
            VolumeError::Busy { .. } => Self::Busy,
            error if error.is_full() || error.is_of_the_volume() => Self::Volume(error),
            error => Self::failed(&format!("volume: {error}"), true),
        }
    }
}

/// Everything one transfer needs.
pub(crate) struct Transfer<'a> {
    pub(crate) store: &'a Store,
    pub(crate) lease: &'a Lease,
    /// The folder its part is in: the volume, the cache, or the spool.
    pub(crate) on: &'a LocalVolume,
    /// Where it is there.
    pub(crate) at: VolumePath,
    pub(crate) live: &'a Live,
    pub(crate) stop: &'a CancellationToken,
    pub(crate) position: u64,
    /// Where the file goes in its volume.
    pub(crate) path: &'a VolumePath,
    pub(crate) file: &'a File,
    /// Who asks, where the file is the answer to a question.
    pub(crate) asker: Asker<'a>,
    /// Whether the path was chosen, so that it must be kept before anything is written there.
    pub(crate) chosen: bool,
    /// What it is in the cache, when its part is there.
    pub(crate) cached: Option<&'a Identity>,
    /// What its user may have, where the volume counts towards that.
    pub(crate) quotas: Option<&'a Quotas>,
}

/// A part and the hashes of what is in it.
pub(crate) struct Writing {
    pub(crate) part: Part,
    pub(crate) hashes: Hashes,
}

/// How often in a row a file may break off without a byte more than before.
const ATTEMPTS: u32 = 5;
const KEEP_EVERY: Duration = Duration::from_secs(1);

impl Transfer<'_> {
    /// Fetches a file from its archive.
    pub(crate) async fn download(
        &self,
        access: &ArchiveAccess,
        part: Part,
        kept: Option<PartState>,
    ) -> Result<Whole, Broken> {
        let mut state = kept.unwrap_or_default();
        let mut writing = self.begin(part, &state).await?;
        let mut idle_attempts = 0;
        let mut second_try = true;
        loop {
            let before = writing.part.written;
            let problem = match self.attempt(access, &mut writing, &mut state).await {
                Ok(remarks) => match self.judge(writing, state.total_bytes).await? {
                    Ok(mut whole) => {
                        whole.outcome.warnings.extend(remarks.all());
                        whole.outcome.n_rows = remarks.rows();
                        return Ok(whole);
                    }
                    Err((damaged, reason)) if second_try => {
                        tracing::warn!(file = self.file.name, reason, "fetched again");
                        writing = damaged;
                        self.restart(&mut writing)?;
                        (state, second_try) = (PartState::default(), false);
                        continue;
                    }
                    Err((_, reason)) => return Err(Broken::failed(&reason, true)),
                },
                Err(Attempt::Broken(broken)) => return Err(broken),
                Err(Attempt::Open(error)) => error,
            };
            idle_attempts = if writing.part.written > before {
                0
            } else {
                idle_attempts + 1
            };
            if !problem.is_transient() || idle_attempts >= ATTEMPTS {
                return Err(Broken::Outcome(Box::new(open_failed(&problem))));
            }
            self.pause(idle_attempts, &problem).await?;
        }
    }

    /// What is in a part is gone on with only when it is known where it came from.
    async fn begin(&self, mut part: Part, state: &PartState) -> Result<Writing, Broken> {
        if part.written > 0 && state.location.is_none() {
            self.empty(&mut part)?;
        }
        self.hashed(part).await
    }

    fn empty(&self, part: &mut Part) -> Result<(), VolumeError> {
        part.empty()
            .map_err(|error| VolumeError::from_io("empty", self.path, error))
    }

    /// A part with the hashes of what is in it.
    pub(crate) async fn hashed(&self, mut part: Part) -> Result<Writing, Broken> {
        let mut hashes = Hashes::for_checksum(self.file.checksum.as_ref());
        if part.written == 0 {
            return Ok(Writing { part, hashes });
        }
        let (writing, read) = blocking(move || {
            let n_bytes = part.written;
            let read = hashes.update_from(&mut part.file, n_bytes);
            (Writing { part, hashes }, read)
        })
        .await;
        match read {
            Ok(()) => Ok(writing),
            Err(error) => Err(VolumeError::from_io("read back", self.path, error).into()),
        }
    }

    fn restart(&self, writing: &mut Writing) -> Result<(), VolumeError> {
        writing.hashes = Hashes::for_checksum(self.file.checksum.as_ref());
        self.empty(&mut writing.part)
    }

    async fn pause(&self, attempt: u32, problem: &OpenError) -> Result<(), Broken> {
        let retry_at = match problem {
            OpenError::Net { source, .. } => source.retry_at(),
            _ => None,
        };
        let by_archive = retry_at
            .and_then(|at| (at - chrono::Utc::now()).to_std().ok())
            .unwrap_or_default();
        let wait = by_archive.max(Duration::from_millis(250 << attempt.min(5)));
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            () = self.stop.cancelled() => Err(Broken::Stopped),
        }
    }

    /// Opens the file where the part ends and writes until it is whole or breaks off.
    async fn attempt(
        &self,
        access: &ArchiveAccess,
        writing: &mut Writing,
        state: &mut PartState,
    ) -> Result<Remarks, Attempt> {
        let from = writing.part.written;
        if from > 0 && state.total_bytes == Some(from) {
            // It was whole when a process was stopped; there is no byte left to ask for.
            return Ok(Remarks::default());
        }
        let mut stream = self.open(access, from, state).await?;
        if stream.starts_at != from {
            self.restart(writing)?;
        }
        self.check_length(&stream)?;
        let was_kept = state.location.is_some();
        remember(state, &stream);
        state.path = Some(self.path.as_str().to_owned());
        // What the record says of a part must never be of other bytes. Of a part it knows nothing of, nothing need be
        // kept yet: small files are whole before that would be on the disk.
        if was_kept || self.chosen {
            self.keep(writing.part.written, state).await?;
        }
        let written = self.write(&mut stream, writing, state).await;
        if let Err(Attempt::Open(_) | Attempt::Broken(Broken::Stopped)) = &written {
            self.keep(writing.part.written, state).await?;
        }
        written.map(|()| stream.remarks)
    }

    /// Opens the file; the run of a query is kept as soon as it has begun, so that a later process takes it up.
    async fn open(
        &self,
        access: &ArchiveAccess,
        from: u64,
        state: &mut PartState,
    ) -> Result<ByteStream, Attempt> {
        let (runs, mut begun) = mpsc::unbounded_channel();
        let resume = Resume {
            run: state.run.clone(),
            runs: Some(runs),
            ..resume_at(from, state)
        };
        let archive = &access.connector.archive().id;
        let completed = self.asker.complete(archive, self.file, resume).await;
        let resume = completed.map_err(Attempt::Broken)?;
        let mut opening = access.connector.open(self.file, &resume);
        loop {
            tokio::select! {
                biased;
                Some(run) = begun.recv() => {
                    state.run = Some(run);
                    state.path = Some(self.path.as_str().to_owned());
                    self.keep(from, state).await?;
                }
                opened = &mut opening => return opened.map_err(Attempt::Open),
                () = self.stop.cancelled() => return Err(Attempt::Broken(Broken::Stopped)),
            }
        }
    }

    async fn write(
        &self,
        stream: &mut ByteStream,
        writing: &mut Writing,
        state: &PartState,
    ) -> Result<(), Attempt> {
        let Writing { part, hashes } = writing;
        let mut kept = Instant::now();
        loop {
            let chunk = tokio::select! {
                chunk = stream.bytes.next() => chunk,
                () = self.stop.cancelled() => return Err(Attempt::Broken(Broken::Stopped)),
            };
            let Some(chunk) = chunk else { return Ok(()) };
            let chunk = chunk.map_err(Attempt::Open)?;
            // Page-cache writes of a chunk take microseconds; moving each to another thread would take longer.
            hashes.update(&chunk);
            part.file
                .write_all(&chunk)
                .map_err(|error| self.io(error))?;
            let n_bytes = chunk.len() as u64;
            part.written += n_bytes;
            self.check_room(part.written, n_bytes)?;
            self.live
                .advance(&self.lease.id, self.position, part.written, n_bytes);
            if kept.elapsed() > KEEP_EVERY {
                self.keep(part.written, state).await?;
                kept = Instant::now();
            }
        }
    }

    fn io(&self, error: std::io::Error) -> Attempt {
        Attempt::Broken(VolumeError::from_io("write", self.path, error).into())
    }

    /// What is longer than the catalogue says is another file; of what it says nothing, each piece needs room.
    fn check_room(&self, written: u64, n_bytes: u64) -> Result<(), Attempt> {
        match (self.file.size_bytes, self.quotas) {
            (Some(listed), _) if written > listed => {
                let text = format!(
                    "replaced-at-archive: the archive serves more than the {listed} bytes that the catalogue has; harvest it and select again"
                );
                Err(Attempt::Broken(Broken::failed(&text, false)))
            }
            (None, Some(quotas)) => quotas
                .take_more(self.asker.owner, n_bytes)
                .map_err(|error| Attempt::Broken(error.into())),
            _ => Ok(()),
        }
    }

    /// A server that announces another length than the catalogue has serves another file.
    fn check_length(&self, stream: &ByteStream) -> Result<(), Attempt> {
        match (stream.total_bytes, self.file.size_bytes) {
            (Some(served), Some(listed)) if served != listed => {
                let text = format!(
                    "replaced-at-archive: the archive serves {served} bytes, the catalogue has {listed}; harvest it and select again"
                );
                Err(Attempt::Broken(Broken::failed(&text, false)))
            }
            _ => Ok(()),
        }
    }

    async fn keep(&self, written: u64, state: &PartState) -> Result<(), Attempt> {
        let text = serde_json::to_string(state).expect("a part's state is plain data");
        let kept = async {
            if let Some(id) = self.cached {
                // Whichever job goes on with the part must know what is in it.
                self.store.keep_cached_part(&id.key(), &text).await?;
            }
            self.store
                .keep_progress(self.lease, self.position, written, Some(&text))
                .await
        };
        kept.await
            .map_err(|error: StoreError| Attempt::Broken(error.into()))
    }
}

enum Attempt {
    Open(OpenError),
    Broken(Broken),
}

impl From<VolumeError> for Attempt {
    fn from(error: VolumeError) -> Self {
        Self::Broken(error.into())
    }
}

fn resume_at(from: u64, state: &PartState) -> Resume {
    Resume {
        from,
        validator: Validator {
            etag: state.etag.clone(),
            last_modified: state.last_modified.clone(),
            size_bytes: state.total_bytes,
        },
        location: state.location.clone(),
        ..Resume::default()
    }
}

fn remember(state: &mut PartState, stream: &ByteStream) {
    state.etag.clone_from(&stream.validator.etag);
    state
        .last_modified
        .clone_from(&stream.validator.last_modified);
    state.total_bytes = stream.total_bytes;
    state.location = Some(stream.location.clone());
}

/// The outcome of a file that did not come.
pub(crate) fn failed(reason: &str, retry_may_help: bool) -> FileOutcome {
    FileOutcome {
        outcome: "failed".to_owned(),
        reason: Some(reason.to_owned()),
        retry_may_help: Some(retry_may_help),
        ..FileOutcome::default()
    }
}

/// The outcome of a file that was left out.
pub(crate) fn skipped(reason: &str) -> FileOutcome {
    FileOutcome {
        outcome: "skipped".to_owned(),
        reason: Some(reason.to_owned()),
        ..FileOutcome::default()
    }
}

pub(crate) fn open_failed(error: &OpenError) -> FileOutcome {
    let code = match error {
        OpenError::Gone { .. } => "replaced-at-archive",
        OpenError::Page { .. } => "web-page",
        OpenError::Refused { .. } => "query-refused",
        OpenError::NoLocation { .. } => "no-location",
        OpenError::NotKept { .. } => "not-kept",
        OpenError::Net { source, .. } if source.is_denied() => "denied",
        _ => "archive-failed",
    };
    let mut text = format!("{code}: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text.push_str(match error {
        OpenError::Gone { .. } => "; harvest it and select again",
        OpenError::Page { .. } => "; it may be down, retry later",
        OpenError::NotKept { .. } => "; whoever runs this service can make room there, then retry",
        _ => "",
    });
    failed(&text, error.is_transient())
}
