//! The volumes of users: where they lie, making them, taking them away.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use gantry_net::{Net, Tried};
use gantry_store::{Seal, Store, User, Volume};

use crate::error::StagingError;
use crate::volume::{
    Credentials, Elsewhere, Files, Gate, LocalVolume, RemoteVolume, Settings, VolumeError,
    VolumePath,
};

/// The volumes of users; cheap to clone.
#[derive(Clone)]
pub struct Volumes(Arc<Inner>);

struct Inner {
    config: VolumesConfig,
    /// Storage elsewhere that is in use, by volume, with what it was opened from.
    opened: Mutex<HashMap<String, (OpenedFrom, RemoteVolume)>>,
}

/// What storage elsewhere is opened from: address, settings, sealed secret, entry of the catalogue.
type OpenedFrom = (Option<String>, String, Option<String>, Option<String>);

/// Where volumes may lie, and how they are reached.
#[derive(Clone)]
pub struct VolumesConfig {
    /// The record.
    pub store: Store,
    /// The way to the outside.
    pub net: Net,
    /// What seals secrets.
    pub seal: Seal,
    /// Local volumes lie in `<root>/<user id>/<name>`.
    pub root: PathBuf,
    /// Folders below which users may make volumes of their own.
    pub local_roots: Vec<PathBuf>,
    /// Folders that links may lead into.
    pub mounts: Vec<PathBuf>,
    /// What the operator lists, by name.
    pub catalogue: BTreeMap<String, CatalogueVolume>,
    /// A folder where files for storage elsewhere gather.
    pub spool: PathBuf,
}

/// A volume the operator lists: shared, and read-only.
#[derive(Debug, Clone)]
pub struct CatalogueVolume {
    /// Its name for people.
    pub title: String,
    /// Where it is.
    pub place: CataloguePlace,
}

/// Where a volume of the catalogue is.
#[derive(Debug, Clone)]
pub enum CataloguePlace {
    /// A folder of this machine.
    Local(PathBuf),
    /// Elsewhere.
    Elsewhere(Box<Elsewhere>, Credentials),
}

impl CatalogueVolume {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.place {
            CataloguePlace::Local(_) => "local",
            CataloguePlace::Elsewhere(elsewhere, _) => elsewhere.kind,
        }
    }
}

/// What a new volume is to be.
#[derive(Debug, Clone, Default)]
pub struct NewVolume {
    /// Its name, unique per user.
    pub name: String,
    /// Its name for people; the name by default.
    pub title: Option<String>,
    /// What it is.
    pub source: Source,
}

/// What a new volume is.
#[derive(Debug, Clone, Default)]
pub enum Source {
    /// A new folder below the volume root.
    #[default]
    New,
    /// A folder that is there, below one of the `local_roots`.
    Folder(PathBuf),
    /// An entry of the operator's catalogue.
    Catalogue(String),
    /// Storage elsewhere.
    Elsewhere(Box<Elsewhere>, Credentials),
}

/// The volume every user has, where notebooks live.
pub const WORKSPACE: &str = "workspace";

impl Volumes {
    /// The record.
    pub(crate) fn store(&self) -> &Store {
        &self.0.config.store
    }

    /// What seals secrets.
    pub(crate) fn seal(&self) -> &Seal {
        &self.0.config.seal
    }

    /// The volumes of this configuration.
    #[must_use]
    pub fn new(config: VolumesConfig) -> Self {
        Self(Arc::new(Inner {
            config,
            opened: Mutex::default(),
        }))
    }

    /// What the operator lists, by name.
    #[must_use]
    pub fn catalogue(&self) -> &BTreeMap<String, CatalogueVolume> {
        &self.0.config.catalogue
    }

    /// Gives a user the workspace, if they have none yet.
    ///
    /// # Errors
    /// [`StagingError::Volume`] when its folder cannot be made.
    pub async fn ensure_workspace(&self, user: &User) -> Result<Volume, StagingError> {
        let known = self
            .store()
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
                    source: Source::New,
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
        let title = new
            .title
            .as_deref()
            .map(str::trim)
            .filter(|title| !title.is_empty())
            .unwrap_or(&new.name);
        let mut row = Volume {
            title: title.chars().take(120).collect(),
            permanent,
            ..Volume::local(&user.id, &new.name, "")
        };
        match &new.source {
            Source::New => {
                let path = self.0.config.root.join(&user.id).join(&new.name);
                LocalVolume::create(&path)?;
                row.path = path.to_string_lossy().into_owned();
            }
            Source::Folder(path) => {
                row.path = self.allowed(path)?.to_string_lossy().into_owned();
            }
            Source::Catalogue(name) => {
                let entry = self.entry(name)?;
                row.kind = entry.kind().to_owned();
                row.catalogue = Some(name.clone());
                if new.title.is_none() {
                    row.title.clone_from(&entry.title);
                }
                if let CataloguePlace::Local(path) = &entry.place {
                    row.path = path.to_string_lossy().into_owned();
                }
            }
            Source::Elsewhere(elsewhere, credentials) => {
                self.write_elsewhere(&mut row, elsewhere, credentials);
                // What cannot be reached at all, such as a bucket without a name, is said now.
                self.remote(&row)?;
            }
        }
        Ok(self.store().new_volume(&row).await?)
    }

    fn entry(&self, name: &str) -> Result<&CatalogueVolume, StagingError> {
        self.catalogue()
            .get(name)
            .ok_or_else(|| StagingError::NotInCatalogue {
                name: name.to_owned(),
                offered: self.catalogue().keys().cloned().collect(),
            })
    }

    fn write_elsewhere(&self, row: &mut Volume, elsewhere: &Elsewhere, credentials: &Credentials) {
        row.kind = elsewhere.kind.to_owned();
        row.address = Some(elsewhere.address.to_string());
        row.settings = settings_text(&elsewhere.settings);
        row.secret = (!credentials.is_empty())
            .then(|| self.0.config.seal.seal(&row.id, &credentials.to_text()));
    }

    /// Gives storage elsewhere another address or login.
    ///
    /// # Errors
    /// [`StagingError::Volume`] when it cannot be used.
    pub async fn change_elsewhere(
        &self,
        mut row: Volume,
        elsewhere: &Elsewhere,
        credentials: &Credentials,
    ) -> Result<Volume, StagingError> {
        self.write_elsewhere(&mut row, elsewhere, credentials);
        row.trouble = None;
        self.remote(&row)?;
        Ok(self.store().change_volume(&row).await?)
    }

    /// Where a volume is, where it is elsewhere, with what lets us in.
    ///
    /// # Errors
    /// [`StagingError::NotInCatalogue`] for an entry that the operator lists no more, [`StagingError::Seal`] for a
    /// secret that no key opens.
    pub fn elsewhere(
        &self,
        row: &Volume,
    ) -> Result<Option<(Elsewhere, Credentials)>, StagingError> {
        if let Some(name) = &row.catalogue {
            return Ok(match &self.entry(name)?.place {
                CataloguePlace::Local(_) => None,
                CataloguePlace::Elsewhere(elsewhere, credentials) => {
                    Some((elsewhere.as_ref().clone(), credentials.clone()))
                }
            });
        }
        let Some(address) = &row.address else {
            return Ok(None);
        };
        let credentials = match &row.secret {
            None => Credentials::default(),
            Some(sealed) => {
                let text = self.0.config.seal.open_sealed(&row.id, sealed)?;
                Credentials::of_text(&text).unwrap_or_default()
            }
        };
        let settings: Settings = serde_json::from_str(&row.settings).unwrap_or_default();
        let settings = Settings {
            allow_plain: true,
            ..settings
        };
        Ok(Some(Elsewhere::read(
            Some(&row.kind),
            address,
            settings,
            credentials,
        )?))
    }

    /// A folder that is there and, its links resolved, lies below one of the allowed roots.
    fn allowed(&self, path: &Path) -> Result<PathBuf, StagingError> {
        let refuse = || StagingError::VolumeFolder {
            path: path.display().to_string(),
        };
        let real = path.canonicalize().map_err(|_| refuse())?;
        let below = self
            .0
            .config
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
        self.store().forget_volume(volume).await?;
        self.opened().remove(&volume.id);
        // What was on its way there is of no use any more; mostly there is nothing.
        drop(tokio::fs::remove_dir_all(self.0.config.spool.join(&volume.id)).await);
        let path = Path::new(&volume.path);
        let is_ours = volume.catalogue.is_none() && volume.kind == "local";
        if is_ours && path.starts_with(&self.0.config.root) {
            let removed = tokio::fs::remove_dir_all(path).await;
            if let Err(error) = removed
                && error.kind() != std::io::ErrorKind::NotFound
            {
                return Err(VolumeError::from_io("remove", path.display(), error).into());
            }
        }
        Ok(())
    }

    fn opened(&self) -> std::sync::MutexGuard<'_, HashMap<String, (OpenedFrom, RemoteVolume)>> {
        self.0.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a volume's files; storage elsewhere is asked nothing yet.
    ///
    /// # Errors
    /// [`StagingError::Volume`] when its folder is gone, and as [`Volumes::elsewhere`].
    pub fn open(&self, row: &Volume) -> Result<Files, StagingError> {
        let files = match self.remote(row)? {
            Some(remote) => {
                let spool = self.0.config.spool.join(&row.id);
                Files::elsewhere(remote, LocalVolume::create(&spool)?)
            }
            None => {
                let local = LocalVolume::open(&self.folder(row)?)?;
                Files::local(local.with_mounts(self.0.config.mounts.clone()))
            }
        };
        Ok(files.read_only(row.catalogue.is_some()))
    }

    /// The folder of a volume of this machine; that of the catalogue is where the operator says now.
    fn folder(&self, row: &Volume) -> Result<PathBuf, StagingError> {
        let entry = row.catalogue.as_ref().map(|name| self.entry(name));
        match entry.transpose()?.map(|entry| &entry.place) {
            Some(CataloguePlace::Local(path)) => Ok(path.clone()),
            _ => Ok(PathBuf::from(&row.path)),
        }
    }

    fn remote(&self, row: &Volume) -> Result<Option<RemoteVolume>, StagingError> {
        let from = (
            row.address.clone(),
            row.settings.clone(),
            row.secret.clone(),
            row.catalogue.clone(),
        );
        if let Some((known, remote)) = self.opened().get(&row.id)
            && *known == from
        {
            return Ok(Some(remote.clone()));
        }
        let Some((elsewhere, credentials)) = self.elsewhere(row)? else {
            return Ok(None);
        };
        let config = elsewhere
            .config(&credentials)
            .expect("what is elsewhere has a kind that speaks to it");
        let remote = self.0.config.net.remote(config);
        let remote =
            remote.map_err(|error| VolumeError::from_net("use", elsewhere.masked(true), error))?;
        let gate = Gate::new(self.store().clone(), &row.id, row.trouble.as_deref());
        let remote = RemoteVolume::new(remote, gate);
        self.opened().insert(row.id.clone(), (from, remote.clone()));
        Ok(Some(remote))
    }

    /// Tries storage elsewhere out step by step; none for a folder of this machine.
    ///
    /// # Errors
    /// As [`Volumes::open`].
    pub async fn try_out(&self, row: &Volume) -> Result<Option<Vec<Tried>>, StagingError> {
        let Some(remote) = self.remote(row)? else {
            return Ok(None);
        };
        let tried = remote.try_out().await;
        self.keep_host_key(row, &remote).await?;
        Ok(Some(tried))
    }

    /// Keeps the key that the host of SFTP showed first, so that it must show it from then on.
    pub(crate) async fn keep_host_key(
        &self,
        row: &Volume,
        remote: &RemoteVolume,
    ) -> Result<(), StagingError> {
        let mut settings: Settings = serde_json::from_str(&row.settings).unwrap_or_default();
        if row.kind != "sftp" || row.catalogue.is_some() || settings.host_key.is_some() {
            return Ok(());
        }
        settings.host_key = remote.host_key();
        if settings.host_key.is_some() {
            let text = settings_text(&settings);
            self.store().keep_volume_settings(&row.id, &text).await?;
        }
        Ok(())
    }

    /// What a user's folders below the volume root hold: bytes and files, links not counted.
    ///
    /// # Errors
    /// [`StagingError::Volume`] when they cannot be looked through.
    pub async fn usage(&self, user: &str) -> Result<(u64, u64), StagingError> {
        let folder = self.0.config.root.join(user);
        crate::blocking::blocking(move || match LocalVolume::open(&folder) {
            Ok(volume) => Ok(volume.usage(&VolumePath::root())?),
            Err(VolumeError::Missing { .. }) => Ok((0, 0)),
            Err(error) => Err(error.into()),
        })
        .await
    }
}

fn settings_text(settings: &Settings) -> String {
    serde_json::to_string(settings).expect("settings are plain data")
}

fn is_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    !name.is_empty()
        && name.len() <= 40
        && name.bytes().all(allowed)
        && name.as_bytes()[0].is_ascii_alphanumeric()
}
