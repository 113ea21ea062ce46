//! The volumes of users: where they lie, making them, taking them away.

use std::path::{Path, PathBuf};

use gantry_store::{Store, User, Volume};

use crate::error::StagingError;
use crate::volume::{LocalVolume, VolumeError};

/// Where volumes may lie.
#[derive(Debug, Clone)]
pub struct Volumes {
    store: Store,
    root: PathBuf,
    local_roots: Vec<PathBuf>,
    mounts: Vec<PathBuf>,
}

/// What a new volume is to be.
#[derive(Debug, Clone, Default)]
pub struct NewVolume {
    /// Its name, unique per user.
    pub name: String,
    /// Its name for people; the name by default.
    pub title: Option<String>,
    /// A folder of its own below one of the `local_roots`; below the volume root by default.
    pub path: Option<PathBuf>,
}

/// The volume every user has, where notebooks live.
pub const WORKSPACE: &str = "workspace";

impl Volumes {
    /// Volumes below `root`, or below one of `local_roots`, with links into `mounts` followed.
    #[must_use]
    pub fn new(
        store: Store,
        root: PathBuf,
        local_roots: Vec<PathBuf>,
        mounts: Vec<PathBuf>,
    ) -> Self {
        Self {
            store,
            root,
            local_roots,
            mounts,
        }
    }

    /// Gives a user the workspace, if they have none yet.
    ///
    /// # Errors
    /// [`StagingError::Volume`] when its folder cannot be made.
    pub async fn ensure_workspace(&self, user: &User) -> Result<Volume, StagingError> {
        let known = self
            .store
            .volumes(&user.id)
            .await?
            .into_iter()
            .find(|volume| volume.name == WORKSPACE);
        match known {
            Some(volume) => {
                LocalVolume::create(Path::new(&volume.path))?;
                Ok(volume)
            }
            None => {
                let new = NewVolume {
                    name: WORKSPACE.to_owned(),
                    title: Some("My workspace".to_owned()),
                    path: None,
                };
                self.make(user, &new, true).await
            }
        }
    }

    /// Makes a volume.
    ///
    /// # Errors
    /// [`StagingError::VolumeName`], [`StagingError::VolumeFolder`], or an `Exists` of the record.
    pub async fn create(&self, user: &User, new: &NewVolume) -> Result<Volume, StagingError> {
        self.make(user, new, false).await
    }

    async fn make(
        &self,
        user: &User,
        new: &NewVolume,
        permanent: bool,
    ) -> Result<Volume, StagingError> {
        if !is_name(&new.name) {
            return Err(StagingError::VolumeName(new.name.clone()));
        }
        let path = match &new.path {
            Some(path) => self.allowed(path)?,
            None => self.root.join(&user.id).join(&new.name),
        };
        LocalVolume::create(&path)?;
        let title = new
            .title
            .as_deref()
            .map(str::trim)
            .filter(|title| !title.is_empty())
            .unwrap_or(&new.name);
        let row = Volume {
            id: String::new(),
            owner: user.id.clone(),
            name: new.name.clone(),
            title: title.chars().take(120).collect(),
            kind: "local".to_owned(),
            path: path.to_string_lossy().into_owned(),
            permanent,
            created: chrono::Utc::now(),
        };
        Ok(self.store.new_volume(&row).await?)
    }

    /// A folder that is there and, its links resolved, lies below one of the allowed roots.
    fn allowed(&self, path: &Path) -> Result<PathBuf, StagingError> {
        let refuse = || StagingError::VolumeFolder {
            path: path.display().to_string(),
        };
        let real = path.canonicalize().map_err(|_| refuse())?;
        let below = self
            .local_roots
            .iter()
            .filter_map(|root| root.canonicalize().ok())
            .any(|root| real.starts_with(&root) && real != root);
        if below && real.is_dir() {
            Ok(real)
        } else {
            Err(refuse())
        }
    }

    /// Takes a volume away; what lies below the volume root goes with it, folders of `local_roots` stay as they are.
    ///
    /// # Errors
    /// [`StagingError::Permanent`] for the workspace.
    pub async fn delete(&self, volume: &Volume) -> Result<(), StagingError> {
        if volume.permanent {
            return Err(StagingError::Permanent(volume.name.clone()));
        }
        self.store.forget_volume(volume).await?;
        let path = Path::new(&volume.path);
        if path.starts_with(&self.root) {
            let removed = tokio::fs::remove_dir_all(path).await;
            if let Err(error) = removed
                && error.kind() != std::io::ErrorKind::NotFound
            {
                return Err(VolumeError::from_io("remove", path.display(), error).into());
            }
        }
        Ok(())
    }

    /// Opens a volume's files.
    ///
    /// # Errors
    /// [`StagingError::Volume`] when its folder is gone.
    pub fn open(&self, volume: &Volume) -> Result<LocalVolume, StagingError> {
        Ok(LocalVolume::open(Path::new(&volume.path))?.with_mounts(self.mounts.clone()))
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    !name.is_empty()
        && name.len() <= 40
        && name.bytes().all(allowed)
        && name.as_bytes()[0].is_ascii_alphanumeric()
}
