//! Judging a file whose bytes are all there, and copies from a mounted archive, which are judged alike.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use gantry_store::FileOutcome;

use crate::blocking::blocking;
use crate::transfer::{Broken, Transfer, Whole, Writing};
use crate::verify::{Embedded, Hashes, embedded};
use crate::volume::{Part, VolumeError};

impl Transfer<'_> {
    /// Decides whether the bytes are right; damaged ones come back with the reason.
    pub(crate) async fn judge(
        &self,
        writing: Writing,
        announced: Option<u64>,
    ) -> Result<Result<Whole, (Writing, String)>, Broken> {
        let Writing { part, hashes } = writing;
        let damaged = |part, reason| {
            let hashes = Hashes::default();
            Ok(Err((Writing { part, hashes }, reason)))
        };
        let size = part.written;
        if let Some(expected) = self.file.size_bytes.or(announced).filter(|n| *n != size) {
            let reason = format!("wrong-length: {size} bytes came, {expected} were announced");
            return damaged(part, reason);
        }
        let (sha256, archive_agrees) = hashes.finish(self.file.checksum.as_ref());
        if archive_agrees == Some(false) {
            let reason = "checksum-differs: the bytes are not those the archive's checksum is of";
            return damaged(part, reason.to_owned());
        }
        let (part, inside) = look_inside(part).await;
        if let Some(why) = inside.damaged {
            return damaged(part, format!("damaged: {why}"));
        }
        let sized = self.file.size_bytes.is_some() || announced.is_some();
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
            ..FileOutcome::default()
        };
        Ok(Ok(Whole {
            part,
            outcome,
            fetched: None,
        }))
    }

    /// Takes a file of the mounted archive as one of its own, and judges it like one that was fetched.
    pub(crate) async fn copy_mounted(&self, source: &Path) -> Result<Whole, Broken> {
        let from = std::fs::File::open(source)
            .map_err(|error| VolumeError::from_io("read", source.display(), error))?;
        let (part, method) = self.copy(from).await?;
        let writing = self.hashed(part).await?;
        match self.judge(writing, None).await? {
            Ok(mut whole) => {
                whole.outcome.method = Some(method.to_owned());
                Ok(whole)
            }
            Err((_, reason)) => Err(Broken::failed(&reason, true)),
        }
    }

    /// Copies a file of this machine into the part, sharing blocks where the file system can; says which it did.
    pub(crate) async fn copy(&self, from: File) -> Result<(Part, &'static str), Broken> {
        let mut part = self.on.part(&self.at)?;
        let cloned = part
            .empty()
            .map(|()| rustix::fs::ioctl_ficlone(&part.file, &from).is_ok())
            .map_err(|error| VolumeError::from_io("write", self.path, error))?;
        if !cloned {
            part = self.copy_bytes(part, from).await?;
        }
        part.written = part
            .file
            .metadata()
            .map_err(|error| VolumeError::from_io("write", self.path, error))?
            .len();
        Ok((part, if cloned { "clone" } else { "copy" }))
    }

    async fn copy_bytes(&self, mut part: Part, from: File) -> Result<Part, Broken> {
        let mut from = from;
        from.rewind()
            .map_err(|error| VolumeError::from_io("read", self.path, error))?;
        loop {
            if self.stop.is_cancelled() {
                return Err(Broken::Stopped);
            }
            let copied = blocking(move || {
                let copied = std::io::copy(&mut (&from).take(PIECE), &mut part.file);
                copied.map(|n_bytes| (part, from, n_bytes))
            });
            let (back, rest, n_bytes) = copied
                .await
                .map_err(|error| VolumeError::from_io("copy to", self.path, error))?;
            (part, from) = (back, rest);
            part.written += n_bytes;
            if n_bytes < PIECE {
                return Ok(part);
            }
            self.live
                .advance(&self.lease.id, self.position, part.written, 0);
        }
    }
}

/// Bytes copied between two looks at whether the job is to stop.
const PIECE: u64 = 64 << 20;

/// What a file says of itself; it is read once more, which may take long.
async fn look_inside(mut part: Part) -> (Part, Embedded) {
    let (part, inside) = blocking(move || {
        let inside = embedded(&mut part.file);
        (part, inside)
    })
    .await;
    let inside = inside.unwrap_or_else(|error| Embedded {
        warnings: vec![format!("it could not be read back: {error}")],
        ..Embedded::default()
    });
    (part, inside)
}
