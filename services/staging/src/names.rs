//! The names taken by the files of one job.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::volume::VolumePath;

/// The paths that files of one job go to; no two go to the same.
#[derive(Debug, Default)]
pub(crate) struct Names(Mutex<HashSet<VolumePath>>);

impl Names {
    /// Takes a path; `false` when another file of the job has it.
    pub(crate) fn take(&self, path: &VolumePath) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(path.clone())
    }
}
