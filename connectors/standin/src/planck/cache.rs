//! The cache: generated products, each written once, under its name only when whole.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::maps::Map;
use super::sky::Sky;
use crate::error::StandinError;

/// Counted up when the same seed gives other bytes, so that no older file is taken for a new one.
const GENERATION: u32 = 1;

#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    nside: u32,
    seed: u64,
    sky: OnceLock<Sky>,
    n_parts: AtomicU64,
}

impl Cache {
    pub(crate) fn new(root: &Path, nside: u32, seed: u64) -> Self {
        Self {
            folder: root.join(format!("planck-{GENERATION}-{nside}-{seed:x}")),
            nside,
            seed,
            sky: OnceLock::new(),
            n_parts: AtomicU64::new(0),
        }
    }

    /// The file of a map, written if it is not there. Blocks while it is.
    pub(crate) fn file(&self, map: &Map) -> Result<PathBuf, StandinError> {
        let path = self.folder.join(&map.name);
        if fs::metadata(&path).is_ok_and(|held| held.len() == map.n_bytes()) {
            return Ok(path);
        }
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| StandinError::File { path, source }
        };
        fs::create_dir_all(&self.folder).map_err(failed(&self.folder))?;
        let n = self.n_parts.fetch_add(1, Ordering::Relaxed);
        let part = self
            .folder
            .join(format!("{}.{}-{n}.part", map.name, std::process::id()));
        let file = File::create(&part).map_err(failed(&part))?;
        let sky = self.sky.get_or_init(|| Sky::new(self.nside, self.seed));
        let written = map.write(sky, BufWriter::with_capacity(1 << 20, file));
        if let Err(source) = written {
            // What is half written is of no use; that it could not be removed changes nothing.
            let _ = fs::remove_file(&part);
            return Err(StandinError::Generate {
                name: map.name.clone(),
                source,
            });
        }
        fs::rename(&part, &path).map_err(failed(&path))?;
        Ok(path)
    }
}
