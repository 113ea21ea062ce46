//! The FTP server: anonymous, passive and active, resuming, read only.

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use libunftp::ServerBuilder;
use libunftp::options::ActivePassiveMode;
use tokio::io::AsyncRead;
use tokio::net::TcpStream;
use tokio_util::io::StreamReader;
use unftp_core::auth::{AuthenticationError, Authenticator, Credentials, DefaultUser, Principal};
use unftp_core::storage::{
    Error, ErrorKind, FEATURE_RESTART, Fileinfo, Metadata, Permissions, Result as Stored,
    StorageBackend,
};

use super::Way;
use super::archive::{Archive, Item};
use super::log::GsscAction;
use super::tree::normal;
use crate::answer::byte_stream;
use crate::error::StandinError;

const GREETING: &str = "GNSS Science Support Centre (stand-in), anonymous login, any password";

/// Serves one control connection until it ends.
pub(crate) async fn serve(
    archive: Arc<Archive>,
    stream: TcpStream,
    tls: Option<(PathBuf, PathBuf)>,
) {
    let storage = Arc::clone(&archive);
    let users = Arc::new(Anonymous(archive));
    let mut builder =
        ServerBuilder::with_authenticator(Box::new(move || Storage(Arc::clone(&storage))), users)
            .greeting(GREETING)
            .active_passive_mode(ActivePassiveMode::ActiveAndPassive);
    if let Some((chain, key)) = tls {
        builder = builder.ftps(chain, key);
    }
    let served = match builder.build() {
        Ok(server) => server
            .service(stream)
            .await
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = served {
        tracing::warn!(error, "an FTP connection ended");
    }
}

/// Lets in who calls himself `anonymous` or `ftp`, whatever the password.
#[derive(Debug)]
struct Anonymous(Arc<Archive>);

#[async_trait]
impl Authenticator for Anonymous {
    async fn authenticate(
        &self,
        user: &str,
        _credentials: &Credentials,
    ) -> Result<Principal, AuthenticationError> {
        let is_known = matches!(user.to_ascii_lowercase().as_str(), "anonymous" | "ftp");
        let granted = is_known && !self.0.switches.refuses_login();
        self.0
            .log
            .note(Way::Ftp, GsscAction::Login, user, 0, granted);
        match granted {
            true => Ok(Principal {
                username: user.to_owned(),
            }),
            false if is_known => Err(AuthenticationError::BadPassword),
            false => Err(AuthenticationError::BadUser),
        }
    }
}

/// The archive as the FTP library wants to see it.
#[derive(Debug)]
struct Storage(Arc<Archive>);

impl Metadata for Item {
    fn len(&self) -> u64 {
        self.size_bytes
    }

    fn is_dir(&self) -> bool {
        self.is_folder
    }

    fn is_file(&self) -> bool {
        !self.is_folder
    }

    fn is_symlink(&self) -> bool {
        false
    }

    fn modified(&self) -> Stored<SystemTime> {
        Ok(self.modified.into())
    }

    fn gid(&self) -> u32 {
        0
    }

    fn uid(&self) -> u32 {
        0
    }

    fn permissions(&self) -> Permissions {
        Permissions(if self.is_folder { 0o555 } else { 0o444 })
    }
}

impl Storage {
    async fn item(&self, path: &Path) -> Stored<Item> {
        let found = self.0.stat(&text(path)?).await.map_err(failed)?;
        found.ok_or_else(|| ErrorKind::PermanentFileNotAvailable.into())
    }
}

#[async_trait]
impl StorageBackend<DefaultUser> for Storage {
    type Metadata = Item;

    fn supported_features(&self) -> u32 {
        FEATURE_RESTART
    }

    async fn metadata<P: AsRef<Path> + Send + Debug>(
        &self,
        _user: &DefaultUser,
        path: P,
    ) -> Stored<Item> {
        self.item(path.as_ref()).await
    }

    async fn list<P: AsRef<Path> + Send + Debug>(
        &self,
        _user: &DefaultUser,
        path: P,
    ) -> Stored<Vec<Fileinfo<PathBuf, Item>>> {
        let path = text(path.as_ref())?;
        let items = match self.0.list(Way::Ftp, &path).await.map_err(failed)? {
            Some(items) => items,
            None => vec![self.item(Path::new(&path)).await?],
        };
        let infos = items.into_iter().map(|item| Fileinfo {
            path: PathBuf::from(&item.name),
            metadata: item,
        });
        Ok(infos.collect())
    }

    async fn get<P: AsRef<Path> + Send + Debug>(
        &self,
        _user: &DefaultUser,
        path: P,
        start_pos: u64,
    ) -> Stored<Box<dyn AsyncRead + Send + Sync + Unpin>> {
        let path = text(path.as_ref())?;
        let opened = self.0.open(Way::Ftp, &path, start_pos, false).await;
        let opened = opened
            .map_err(failed)?
            .ok_or(ErrorKind::PermanentFileNotAvailable)?;
        if opened.struck.unavailable.is_some() {
            return Err(ErrorKind::TransientFileNotAvailable.into());
        }
        let size = opened.item.size_bytes;
        let bytes = start_pos.min(size)..size;
        let stream = byte_stream(opened.source, bytes, size, &opened.struck);
        Ok(Box::new(StreamReader::new(Box::pin(stream))))
    }

    async fn put<P: AsRef<Path> + Send + Debug, R: AsyncRead + Send + Sync + Unpin + 'static>(
        &self,
        _user: &DefaultUser,
        _input: R,
        _path: P,
        _start_pos: u64,
    ) -> Stored<u64> {
        Err(ErrorKind::PermissionDenied.into())
    }

    async fn del<P: AsRef<Path> + Send + Debug>(
        &self,
        _user: &DefaultUser,
        _path: P,
    ) -> Stored<()> {
        Err(ErrorKind::PermissionDenied.into())
    }

    async fn mkd<P: AsRef<Path> + Send + Debug>(
        &self,
        _user: &DefaultUser,
        _path: P,
    ) -> Stored<()> {
        Err(ErrorKind::PermissionDenied.into())
    }

    async fn rename<P: AsRef<Path> + Send + Debug>(
        &self,
        _user: &DefaultUser,
        _from: P,
        _to: P,
    ) -> Stored<()> {
        Err(ErrorKind::PermissionDenied.into())
    }

    async fn rmd<P: AsRef<Path> + Send + Debug>(
        &self,
        _user: &DefaultUser,
        _path: P,
    ) -> Stored<()> {
        Err(ErrorKind::PermissionDenied.into())
    }

    async fn cwd<P: AsRef<Path> + Send + Debug>(&self, _user: &DefaultUser, path: P) -> Stored<()> {
        match self.item(path.as_ref()).await? {
            item if item.is_folder => Ok(()),
            _ => Err(ErrorKind::PermanentDirectoryNotAvailable.into()),
        }
    }
}

fn text(path: &Path) -> Stored<String> {
    let text = path.to_str().map(normal);
    text.ok_or_else(|| ErrorKind::PermanentFileNotAvailable.into())
}

fn failed(error: StandinError) -> Error {
    tracing::error!(
        error = &error as &dyn std::error::Error,
        "a file cannot be served"
    );
    Error::new(ErrorKind::LocalError, io::Error::other(error))
}
