//! What a user may put into local volumes: so many bytes and files in all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::StagingError;
use crate::volume::VolumeError;
use crate::volumes::Volumes;

/// How much the volumes of one user may hold below the volume root; none is no bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quota {
    /// In bytes.
    pub bytes: Option<u64>,
    /// In files.
    pub files: Option<u64>,
}

/// What is left of the quotas; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Quotas {
    quota: Quota,
    used: Arc<Mutex<HashMap<String, Used>>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Used {
    bytes: u64,
    files: u64,
}

impl Quota {
    /// Fails when this much more would be too much.
    ///
    /// # Errors
    /// [`VolumeError::Quota`].
    pub fn check(&self, (bytes, files): (u64, u64)) -> Result<(), VolumeError> {
        let refuse = |used: u64, limit: u64, unit: &str| {
            Err(VolumeError::Quota {
                used: format!("{used} {unit} would be there"),
                limit: format!("{limit} {unit}"),
            })
        };
        match (self.bytes, self.files) {
            (Some(limit), _) if bytes > limit => refuse(bytes, limit, "bytes"),
            (_, Some(limit)) if files > limit => refuse(files, limit, "files"),
            _ => Ok(()),
        }
    }

    /// Whether there is any bound.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        self.bytes.is_some() || self.files.is_some()
    }
}

impl Quotas {
    pub(crate) fn new(quota: Quota) -> Self {
        Self {
            quota,
            used: Arc::default(),
        }
    }

    pub(crate) fn quota(&self) -> &Quota {
        &self.quota
    }

    /// Measures what a user has, at the beginning of each job.
    pub(crate) async fn measure(&self, volumes: &Volumes, user: &str) -> Result<(), StagingError> {
        if !self.quota.is_bounded() {
            return Ok(());
        }
        let (bytes, files) = volumes.usage(user).await?;
        self.used().insert(user.to_owned(), Used { bytes, files });
        Ok(())
    }

    /// Takes room for one more file of a user.
    pub(crate) fn take(&self, user: &str, bytes: u64) -> Result<(), VolumeError> {
        if !self.quota.is_bounded() {
            return Ok(());
        }
        let mut all = self.used();
        let used = all.entry(user.to_owned()).or_default();
        let more = (used.bytes.saturating_add(bytes), used.files + 1);
        self.quota.check(more)?;
        (used.bytes, used.files) = more;
        Ok(())
    }

    /// Takes room for more bytes of a file that has its place already.
    pub(crate) fn take_more(&self, user: &str, bytes: u64) -> Result<(), VolumeError> {
        if !self.quota.is_bounded() {
            return Ok(());
        }
        let mut all = self.used();
        let used = all.entry(user.to_owned()).or_default();
        let more = (used.bytes.saturating_add(bytes), used.files);
        self.quota.check(more)?;
        used.bytes = more.0;
        Ok(())
    }

    fn used(&self) -> std::sync::MutexGuard<'_, HashMap<String, Used>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
