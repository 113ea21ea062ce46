//! Judging a file whose bytes are all there, and copies from a mounted archive, which are judged alike.

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
        Ok(Ok(Whole { part, outcome }))
    }

    /// Copies a file from the mounted archive, sharing blocks where the file system can.
    pub(crate) async fn copy_mounted(&self, source: &Path) -> Result<Whole, Broken> {
        let mut part = self.volume.part(self.path)?;
        let source = source.to_owned();
        let copied = blocking(move || -> std::io::Result<(Part, bool)> {
            part.empty()?;
            let mut from = std::fs::File::open(source)?;
            let cloned = rustix::fs::ioctl_ficlone(&part.file, &from).is_ok();
            if !cloned {
                std::io::copy(&mut from, &mut part.file)?;
            }
            part.written = part.file.metadata()?.len();
            Ok((part, cloned))
        })
        .await;
        let (part, cloned) =
            copied.map_err(|error| VolumeError::from_io("copy to", self.path, error))?;
        let writing = self.hashed(part).await?;
        match self.judge(writing, None).await? {
            Ok(mut whole) => {
                whole.outcome.method = Some(if cloned { "clone" } else { "copy" }.to_owned());
                Ok(whole)
            }
            Err((_, reason)) => Err(Broken::failed(&reason, true)),
        }
    }
}

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
