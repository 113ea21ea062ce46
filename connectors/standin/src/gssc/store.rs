//! The store: the bytes of generated files, each written once, under its name only when whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::content::{Recipe, Terms};
use crate::error::StandinError;

/// Counted up when the same seed gives other bytes, so that no older file is taken for a new one.
const GENERATION: u32 = 1;

#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    seed: u64,
    epochs_per_day: u32,
    n_parts: AtomicU64,
}

impl Store {
    pub(crate) fn new(root: &Path, seed: u64, epochs_per_day: u32) -> Self {
        Self {
            folder: root.join(format!("gssc-{GENERATION}-{seed:x}-{epochs_per_day}")),
            seed,
            epochs_per_day,
            n_parts: AtomicU64::new(0),
        }
    }

    /// The file of what stands at `path` in its `version`, from 0, written if it is not there.
    /// Blocks while it is.
    pub(crate) fn generated(
        &self,
        path: &str,
        recipe: &Recipe,
        version: u32,
    ) -> Result<PathBuf, StandinError> {
        self.held(path, version, || {
            let terms = Terms {
                seed: self.seed,
                version,
                epochs_per_day: self.epochs_per_day,
            };
            recipe.bytes(&terms)
        })
    }

    /// A real file in a later version: what it was, and a line for each replacement.
    pub(crate) fn replaced(
        &self,
        path: &str,
        real: &Path,
        version: u32,
    ) -> Result<PathBuf, StandinError> {
        self.held(path, version, || {
            let mut bytes = fs::read(real)?;
            bytes.extend(std::iter::repeat_n(b'\n', version as usize));
            Ok(bytes)
        })
    }

    fn held(
        &self,
        path: &str,
        version: u32,
        bytes: impl FnOnce() -> io::Result<Vec<u8>>,
    ) -> Result<PathBuf, StandinError> {
        let folder = self.folder.join(version.to_string());
        let target = folder.join(path.trim_start_matches('/'));
        if target.is_file() {
            return Ok(target);
        }
        let failed = |source| StandinError::File {
            path: target.clone(),
            source,
        };
        if let Some(above) = target.parent() {
            fs::create_dir_all(above).map_err(failed)?;
        }
        let n = self.n_parts.fetch_add(1, Ordering::Relaxed);
        let part = self.folder.join(format!("{}-{n}.part", std::process::id()));
        let written = bytes()
            .and_then(|bytes| fs::write(&part, bytes))
            .and_then(|()| fs::rename(&part, &target));
        if let Err(source) = written {
            // What is half written is of no use; that it could not be removed changes nothing.
            let _ = fs::remove_file(&part);
            return Err(failed(source));
        }
        Ok(target)
    }
}
