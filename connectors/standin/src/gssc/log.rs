//! The log: what was asked of the archive, by which way, in order.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Way;

/// What somebody wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GsscAction {
    /// A user's name was given.
    Login,
    /// The names in a folder.
    List,
    /// The bytes of a file.
    Retrieve,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GsscRequest {
    /// How it came.
    pub way: Way,
    /// What was wanted.
    pub action: GsscAction,
    /// The path from the root of the tree, without a slash at its end; of a login the user's name.
    pub path: String,
    /// The byte from which on it was wanted.
    pub from: u64,
    /// Whether it was granted.
    pub granted: bool,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<GsscRequest>>>);

impl Log {
    pub(crate) fn note(&self, way: Way, action: GsscAction, path: &str, from: u64, granted: bool) {
        self.requests().push(GsscRequest {
            way,
            action,
            path: path.to_owned(),
            from,
            granted,
        });
    }

    pub(crate) fn all(&self) -> Vec<GsscRequest> {
        self.requests().clone()
    }

    fn requests(&self) -> MutexGuard<'_, Vec<GsscRequest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
