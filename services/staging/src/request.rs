//! What is asked of a staging job.

use serde::{Deserialize, Serialize};

use crate::cut_out::CutOut;
use crate::error::StagingError;
use crate::unpack::unpacked_name;
use crate::volume::VolumePath;

/// How the files of a job are to get into the volume.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StageRequest {
    /// The folder in the volume; the archive's id by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// How, where there is a choice.
    #[serde(default)]
    pub method: Method,
    /// Whether what is packed is unpacked on the way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unpack: bool,
    /// The cone that is cut out of sky maps; what is no such map is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_out: Option<CutOut>,
    /// What to do when something else has a file's name.
    #[serde(default)]
    pub on_conflict: OnConflict,
}

/// How a file gets into a volume.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Whatever moves least.
    #[default]
    Auto,
    /// A link into the mounted archive; a file that is not mounted fails.
    Link,
    /// Shared blocks where the file system can, else a copy.
    Clone,
    /// Bytes of its own.
    Copy,
}

/// What to do when something else has a file's name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnConflict {
    /// Leave it and skip the file.
    #[default]
    Keep,
    /// Take its place.
    Replace,
    /// Use another name, `name-2.ext`.
    Rename,
}

impl StageRequest {
    /// Whether a file of this name is to be unpacked.
    #[must_use]
    pub(crate) fn unpacks(&self, name: &str) -> bool {
        self.unpack && unpacked_name(name).is_some()
    }

    /// Whether it can be carried out.
    ///
    /// # Errors
    /// [`StagingError::CutOut`] for a cone that is none, [`StagingError::CutAndUnpack`].
    pub fn check(&self) -> Result<(), StagingError> {
        match &self.cut_out {
            Some(_) if self.unpack => Err(StagingError::CutAndUnpack),
            Some(cut_out) => cut_out.check(),
            None => Ok(()),
        }
    }

    /// How many bytes a file of this length is about to take.
    #[must_use]
    pub(crate) fn size_of(&self, size_bytes: Option<u64>) -> Option<u64> {
        match &self.cut_out {
            Some(cut_out) => size_bytes.map(|size| cut_out.estimate(size)),
            None => size_bytes,
        }
    }

    /// The folder that an archive's files go into.
    ///
    /// # Errors
    /// [`StagingError::Volume`] when it is no path inside a volume.
    pub fn folder(&self, archive: &str) -> Result<VolumePath, StagingError> {
        Ok(VolumePath::parse(
            self.directory.as_deref().unwrap_or(archive),
        )?)
    }
}
