//! One file: from the archive into its part, hashed while it is written, gone on with after a break.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use futures::StreamExt;
use gantry_asset::File;
use gantry_connector::{ByteStream, OpenError, Resume};
use gantry_net::Validator;
use gantry_store::{FileOutcome, Lease, Store, StoreError};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::archives::ArchiveAccess;
use crate::live::Live;
use crate::verify::{Embedded, Hashes, embedded};
use crate::volume::{LocalVolume, Part, VolumeError, VolumePath};

/// What is kept of a part, so that another process can go on with it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct PartState {
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
    pub(crate) total_bytes: Option<u64>,
    pub(crate) location: Option<String>,
    /// Its hash, once it is whole and may already have its name.
    pub(crate) whole: Option<FileOutcome>,
    /// Where it goes, once that is decided.
    pub(crate) path: Option<String>,
}

/// A file that is whole and waits to be named.
pub(crate) struct Whole {
    pub(crate) part: Part,
    pub(crate) outcome: FileOutcome,
}

/// Why a file is not whole.
pub(crate) enum Broken {
    /// It ends like this.
    Outcome(FileOutcome),
    /// The job was told to stop.
    Stopped,
    /// The volume has no room; the job cannot go on.
    Full(VolumeError),
    /// The record failed, or the lease is lost.
    Store(StoreError),
}

impl From<StoreError> for Broken {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<VolumeError> for Broken {
    fn from(error: VolumeError) -> Self {
        if error.is_full() {
            Self::Full(error)
        } else {
            Self::Outcome(failed(&format!("volume: {error}"), true))
        }
    }
}

/// Everything one transfer needs.
pub(crate) struct Transfer<'a> {
    pub(crate) store: &'a Store,
    pub(crate) lease: &'a Lease,
    pub(crate) volume: &'a LocalVolume,
    pub(crate) live: &'a Live,
    pub(crate) stop: &'a CancellationToken,
    pub(crate) position: u64,
    pub(crate) path: &'a VolumePath,
    pub(crate) file: &'a File,
}

/// How often in a row a file may break off without a byte more than before.
const ATTEMPTS: u32 = 5;
const KEEP_EVERY: Duration = Duration::from_secs(1);

impl Transfer<'_> {
    /// Fetches a file from its archive.
    pub(crate) async fn download(
        &self,
        access: &ArchiveAccess,
        kept: Option<PartState>,
    ) -> Result<Whole, Broken> {
        let mut state = kept.unwrap_or_default();
        let mut part = self.volume.part(self.path)?;
        if state.location.is_none() && part.written > 0 {
            truncate(&mut part)?;
        }
        let mut idle_attempts = 0;
        let mut second_try = true;
        loop {
            let before = part.written;
            let problem = match self.attempt(access, &mut part, &mut state).await {
                Ok(hashes) => match self.judge(part, hashes, &state).await? {
                    Ok(whole) => return Ok(whole),
                    Err((damaged, reason)) if second_try => {
                        tracing::warn!(file = self.file.name, reason, "fetched again");
                        part = damaged;
                        truncate(&mut part)?;
                        (state, second_try) = (PartState::default(), false);
                        continue;
                    }
                    Err((_, reason)) => return Err(Broken::Outcome(failed(&reason, true))),
                },
                Err(Attempt::Broken(broken)) => return Err(broken),
                Err(Attempt::Open(error)) => error,
            };
            idle_attempts = if part.written > before {
                0
            } else {
                idle_attempts + 1
            };
            if !problem.is_transient() || idle_attempts >= ATTEMPTS {
                return Err(Broken::Outcome(open_failed(&problem)));
            }
            self.pause(idle_attempts, &problem).await?;
        }
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
        part: &mut Part,
        state: &mut PartState,
    ) -> Result<Hashes, Attempt> {
        let validator = Validator {
            etag: state.etag.clone(),
            last_modified: state.last_modified.clone(),
            size_bytes: state.total_bytes,
        };
        let resume = Resume {
            from: part.written,
            validator,
            location: state.location.clone(),
        };
        let mut stream = tokio::select! {
            opened = access.connector.open(self.file, &resume) => opened.map_err(Attempt::Open)?,
            () = self.stop.cancelled() => return Err(Attempt::Broken(Broken::Stopped)),
        };
        if stream.starts_at != part.written {
            truncate(part)?;
        }
        self.check_length(&stream)?;
        remember(state, &stream);
        state.path = Some(self.path.as_str().to_owned());
        self.keep(part.written, state).await?;
        let mut hashes = Hashes::for_checksum(self.file.checksum.as_ref());
        hashes
            .update_from(&mut part.file, part.written)
            .map_err(|error| self.io(error))?;
        self.write(&mut stream, part, &mut hashes, state).await?;
        Ok(hashes)
    }

    async fn write(
        &self,
        stream: &mut ByteStream,
        part: &mut Part,
        hashes: &mut Hashes,
        state: &PartState,
    ) -> Result<(), Attempt> {
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
            part.written += chunk.len() as u64;
            self.live.advance(
                &self.lease.id,
                self.position,
                part.written,
                chunk.len() as u64,
            );
            if kept.elapsed() > KEEP_EVERY {
                self.keep(part.written, state).await?;
                kept = Instant::now();
            }
        }
    }

    fn io(&self, error: std::io::Error) -> Attempt {
        Attempt::Broken(VolumeError::from_io("write", self.path, error).into())
    }

    /// A server that announces another length than the catalogue has serves another file.
    fn check_length(&self, stream: &ByteStream) -> Result<(), Attempt> {
        match (stream.total_bytes, self.file.size_bytes) {
            (Some(served), Some(listed)) if served != listed => {
                let text = format!(
                    "replaced-at-archive: the archive serves {served} bytes, the catalogue has {listed}; harvest it and select again"
                );
                Err(Attempt::Broken(Broken::Outcome(failed(&text, false))))
            }
            _ => Ok(()),
        }
    }

    async fn keep(&self, written: u64, state: &PartState) -> Result<(), Attempt> {
        let text = serde_json::to_string(state).expect("a part's state is plain data");
        self.store
            .keep_progress(self.lease, self.position, written, Some(&text))
            .await
            .map_err(|error| Attempt::Broken(error.into()))
    }

    /// Decides whether the bytes are right; damaged ones come back with the reason.
    async fn judge(
        &self,
        mut part: Part,
        hashes: Hashes,
        state: &PartState,
    ) -> Result<Result<Whole, (Part, String)>, Broken> {
        let size = part.written;
        if self.file.size_bytes.is_some_and(|listed| listed != size)
            || state.total_bytes.is_some_and(|total| total != size)
        {
            let expected = self
                .file
                .size_bytes
                .or(state.total_bytes)
                .unwrap_or_default();
            return Ok(Err((
                part,
                format!("wrong-length: {size} bytes came, {expected} were announced"),
            )));
        }
        let (sha256, archive_agrees) = hashes.finish(self.file.checksum.as_ref());
        if archive_agrees == Some(false) {
            return Ok(Err((
                part,
                "checksum-differs: the bytes are not those the archive's checksum is of".to_owned(),
            )));
        }
        let (back, inside) = tokio::task::spawn_blocking(move || {
            let inside = embedded(&mut part.file);
            (part, inside)
        })
        .await
        .map_err(|error| Broken::Outcome(failed(&format!("verification: {error}"), true)))?;
        let inside = inside.unwrap_or_else(|error| Embedded {
            warnings: vec![format!("could not be read back: {error}")],
            ..Embedded::default()
        });
        if let Some(damaged) = inside.damaged {
            return Ok(Err((back, format!("damaged: {damaged}"))));
        }
        let sized = self.file.size_bytes.is_some() || state.total_bytes.is_some();
        let verified_by = match (archive_agrees, inside.agrees, sized) {
            (Some(true), ..) => "archive-checksum",
            (_, true, _) => "embedded-checksum",
            (_, _, true) => "size",
            _ => "unverified",
        };
        let outcome = FileOutcome {
            outcome: "staged".to_owned(),
            method: Some("copy".to_owned()),
            path: Some(self.path.as_str().to_owned()),
            size_bytes: Some(size),
            sha256: Some(sha256),
            verified_by: Some(verified_by.to_owned()),
            warnings: inside.warnings,
            reason: None,
            retry_may_help: None,
        };
        Ok(Ok(Whole {
            part: back,
            outcome,
        }))
    }

    /// Copies a file from the mounted archive, sharing blocks where the file system can.
    pub(crate) async fn copy_mounted(&self, source: &Path) -> Result<Whole, Broken> {
        let mut part = self.volume.part(self.path)?;
        truncate(&mut part)?;
        let source = source.to_owned();
        let copied = tokio::task::spawn_blocking(move || -> std::io::Result<(Part, bool)> {
            let mut from = std::fs::File::open(source)?;
            let cloned = rustix::fs::ioctl_ficlone(&part.file, &from).is_ok();
            if !cloned {
                std::io::copy(&mut from, &mut part.file)?;
            }
            part.written = part.file.metadata()?.len();
            Ok((part, cloned))
        })
        .await
        .map_err(|error| Broken::Outcome(failed(&format!("copy: {error}"), true)))?;
        let (mut part, cloned) =
            copied.map_err(|error| Broken::from(VolumeError::from_io("copy", self.path, error)))?;
        let mut hashes = Hashes::for_checksum(self.file.checksum.as_ref());
        let n_bytes = part.written;
        hashes
            .update_from(&mut part.file, n_bytes)
            .map_err(|error| Broken::from(VolumeError::from_io("read back", self.path, error)))?;
        match self.judge(part, hashes, &PartState::default()).await? {
            Ok(mut whole) => {
                whole.outcome.method = Some(if cloned { "clone" } else { "copy" }.to_owned());
                Ok(whole)
            }
            Err((_, reason)) => Err(Broken::Outcome(failed(&reason, true))),
        }
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

fn truncate(part: &mut Part) -> Result<(), VolumeError> {
    part.file
        .set_len(0)
        .map_err(|error| VolumeError::from_io("empty", "the part", error))?;
    part.written = 0;
    Ok(())
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

fn open_failed(error: &OpenError) -> FileOutcome {
    let code = match error {
        OpenError::Gone { .. } => "replaced-at-archive",
        OpenError::Page { .. } => "web-page",
        OpenError::NoLocation { .. } => "no-location",
        OpenError::Net { source, .. } if source.is_denied() => "denied",
        _ => "archive-failed",
    };
    let mut text = format!("{code}: {error}");
    if let Some(source) = std::error::Error::source(error) {
        text.push_str(&format!(" ({source})"));
    }
    failed(&text, error.is_transient())
}
