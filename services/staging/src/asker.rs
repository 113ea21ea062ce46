//! What only the asker of a question has: a login at the archive, and a table of theirs that goes with the question.

use bytes::Bytes;
use chrono::Utc;
use gantry_asset::{ArchiveId, File, Location, Query, QueryUpload};
use gantry_connector::tap::BOUNDARY;
use gantry_connector::{Login, Resume};
use gantry_formats::votable::{Limits, Reader, VotableError};
use gantry_store::ArchiveLogin;

use crate::blocking::blocking;
use crate::error::StagingError;
use crate::transfer::Broken;
use crate::verify::hex;
use crate::volume::{VolumeError, VolumePath};
use crate::volumes::Volumes;
use sha2::{Digest, Sha256};

/// The largest table that goes with a question; the Gaia archive takes no larger ones from whoever has no login.
pub const MAX_UPLOAD_BYTES: usize = 16 << 20;

/// Why a file of a volume does not go with a question.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UploadError {
    /// The volume or the file is not there, or cannot be read.
    #[error(transparent)]
    Staging(#[from] StagingError),
    /// It is too large.
    #[error(
        "`{path}` has more than {MAX_UPLOAD_BYTES} bytes, and a table that goes with a query has no more"
    )]
    TooLarge {
        /// Where it is.
        path: String,
    },
    /// It is no VOTable.
    #[error("`{path}` is no VOTable: {why}")]
    NoTable {
        /// Where it is.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}

impl From<VolumeError> for UploadError {
    fn from(error: VolumeError) -> Self {
        Self::Staging(error.into())
    }
}

impl Volumes {
    /// The bytes of a VOTable in a volume of a user, and their SHA-256, hexadecimal.
    ///
    /// # Errors
    /// [`UploadError`] for what is not there, is too large or is no VOTable with a row.
    pub async fn upload(
        &self,
        owner: &str,
        volume: &str,
        path: &str,
    ) -> Result<(Bytes, String), UploadError> {
        let row = self
            .store()
            .volume(owner, volume)
            .await
            .map_err(StagingError::from)?;
        let files = self.open(&row)?;
        let at = VolumePath::parse(path)?;
        let reading = files
            .read(&at, 0, Some(MAX_UPLOAD_BYTES as u64 + 1))
            .await?;
        let bytes = reading.bytes(MAX_UPLOAD_BYTES + 1).await?;
        let path = path.to_owned();
        if bytes.len() > MAX_UPLOAD_BYTES {
            return Err(UploadError::TooLarge { path });
        }
        let checked = blocking(move || {
            let why = check(&bytes).err();
            let sha256 = hex(&Sha256::digest(&bytes));
            (why, (Bytes::from(bytes), sha256))
        });
        match checked.await {
            (None, found) => Ok(found),
            (Some(why), _) => Err(UploadError::NoTable { path, why }),
        }
    }

    /// The login of a user at an archive, if there is one that can be opened.
    ///
    /// # Errors
    /// [`StagingError::Store`] and [`StagingError::Seal`].
    pub async fn archive_login(
        &self,
        owner: &str,
        archive: &ArchiveId,
    ) -> Result<Option<Login>, StagingError> {
        let Some(row) = self.store().archive_login(owner, archive).await? else {
            return Ok(None);
        };
        let password = self.seal().open_sealed(&row.id, &row.secret)?;
        Ok(Some(Login {
            username: row.username,
            password,
        }))
    }

    /// Keeps the login of a user at an archive, the password sealed.
    ///
    /// # Errors
    /// [`StagingError::Store`] when the record does not answer.
    pub async fn keep_archive_login(
        &self,
        owner: &str,
        archive: &ArchiveId,
        login: &Login,
    ) -> Result<(), StagingError> {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let row = ArchiveLogin {
            secret: self.seal().seal(&id, &login.password),
            id,
            owner: owner.to_owned(),
            archive: archive.to_string(),
            username: login.username.clone(),
            changed: Utc::now(),
        };
        Ok(self.store().keep_archive_login(&row).await?)
    }
}

/// What is wrong with the bytes of a VOTable, if anything is.
fn check(bytes: &[u8]) -> Result<(), String> {
    let read = || -> Result<u64, VotableError> {
        let mut reader = Reader::new(bytes, Limits::default())?;
        let (mut n_rows, mut row) = (0, Vec::new());
        if reader.next_table()?.is_some() {
            while reader.next_row(&mut row)? {
                n_rows += 1;
            }
        }
        Ok(n_rows)
    };
    match read() {
        Ok(0) => Err("it has no row".to_owned()),
        Ok(_) if find(bytes, BOUNDARY.as_bytes()) => {
            Err("it holds what stands between the parts of a request".to_owned())
        }
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

fn find(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

/// Who asks.
#[derive(Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub(crate) volumes: &'a Volumes,
    /// The id of the user.
    pub(crate) owner: &'a str,
}

impl Asker<'_> {
    /// Adds to what a file is opened with what only the asker has, where it is the answer to a question.
    pub(crate) async fn complete(
        &self,
        archive: &ArchiveId,
        file: &File,
        resume: Resume,
    ) -> Result<Resume, Broken> {
        let query = file.locations.iter().find_map(|location| match location {
            Location::Query(query) => Some(query.as_ref()),
            Location::Mounted(_) | Location::Address(_) => None,
        });
        let Some(query) = query else {
            return Ok(resume);
        };
        let upload = match query {
            Query::Adql(query) => query.upload.as_ref(),
            Query::Datalink(_) => None,
        };
        let upload = match upload {
            Some(upload) => Some(self.upload(upload).await?),
            None => None,
        };
        let login = self.volumes.archive_login(self.owner, archive).await;
        let login = login.map_err(|error| Broken::failed(&format!("login: {error}"), false))?;
        Ok(Resume {
            login,
            upload,
            ..resume
        })
    }

    async fn upload(&self, upload: &QueryUpload) -> Result<Bytes, Broken> {
        let read = self
            .volumes
            .upload(self.owner, &upload.volume, &upload.path)
            .await;
        let (bytes, sha256) =
            read.map_err(|error| Broken::failed(&format!("upload: {error}"), false))?;
        if sha256 != upload.sha256 {
            let why = format!(
                "upload: `{}` in `{}` has changed since the question was asked; ask again",
                upload.path, upload.volume
            );
            return Err(Broken::failed(&why, false));
        }
        Ok(bytes)
    }
}
