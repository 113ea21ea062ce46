//! Storage elsewhere that is read and written: SFTP, FTP and FTPS, WebDAV, S3.
//!
//! Everything goes through the guarded client, under the limits of a scope of its own. A file
//! appears under its name only when all of it is there: it is written beside it, as `<name>.part`,
//! and then renamed; to S3 it goes in parts that become an object at the end. Which paths a user
//! may touch is decided by who calls.

mod changes;
mod config;
mod object;
mod path;
mod reading;
mod try_out;
mod writer;

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Method};
use url::Url;

pub use config::{RemoteConfig, RemoteKind};
pub use reading::Reading;
pub use try_out::{Step, Tried};
pub use writer::Writer;

use crate::access::HostKey;
use crate::address::Protocol;
use crate::client::Client;
use crate::errand::Errand;
use crate::error::NetError;
use crate::listing::{self, Entry};
use crate::request::Request;
use crate::shown::ShownUrl;
use crate::transport::Transport;
use object::Objects;

/// Storage elsewhere. Cheap to clone; clones share its sessions and limits.
///
/// Paths are those below the root of the configuration, of names between `/`, such as
/// `planck/map.fits`; `""` is the root. A name is neither empty nor `.` or `..` and holds no
/// control character, else the path is [`NetError::BadPath`].
#[derive(Clone)]
pub struct Remote {
    inner: Arc<Inner>,
}

struct Inner {
    kind: RemoteKind,
    client: Client,
    /// With the user and password for sessions, for HTTP without them.
    root: Url,
    authorization: Option<HeaderValue>,
    /// What lists WebDAV, and does everything with S3.
    objects: Option<Objects>,
}

/// What is at a path of storage elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteEntry {
    /// The name, the last of the path; empty for the root.
    pub name: String,
    /// Whether it is a folder; of a link, where it is known, whether a folder is behind it.
    pub is_folder: bool,
    /// Whether it is a link, where the server says so.
    pub is_link: bool,
    /// Its size in bytes where it is told; never for folders.
    pub size_bytes: Option<u64>,
    /// When it was last changed, where that is told.
    pub modified: Option<chrono::DateTime<chrono::Utc>>,
    /// What tells two states of a file apart, where WebDAV or S3 has it.
    pub etag: Option<String>,
}

impl RemoteEntry {
    fn of(entry: Entry) -> Self {
        Self {
            name: entry.name,
            is_folder: entry.is_folder,
            is_link: entry.is_link,
            size_bytes: entry.size_bytes,
            modified: entry.modified,
            etag: None,
        }
    }
}

impl Remote {
    pub(crate) fn new(
        config: RemoteConfig,
        transport: Transport,
        tls: rustls::ClientConfig,
    ) -> Result<Self, NetError> {
        let made = config.checked()?;
        let client = Client::new(made.scope, transport, tls, made.login);
        let objects = match config.kind {
            RemoteKind::Sftp | RemoteKind::Ftp => None,
            RemoteKind::Webdav => Some(Objects::webdav(&config, client.clone())?),
            RemoteKind::S3 => Some(Objects::s3(&config, client.clone())?),
        };
        let inner = Inner {
            kind: config.kind,
            client,
            root: made.root,
            authorization: made.authorization,
            objects,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Which kind of storage it is.
    pub fn kind(&self) -> RemoteKind {
        self.inner.kind
    }

    /// How it has answered lately.
    pub fn health(&self) -> crate::Health {
        self.inner.client.health()
    }

    /// The key that the host of SFTP showed, once it was reached; to be kept and given as one of
    /// [`RemoteConfig::host_keys`] from then on.
    pub fn host_key(&self) -> Option<HostKey> {
        let request = Request::new(Method::GET, self.inner.root.clone());
        self.inner.client.first_host_key(&request.host())
    }

    /// What is at the path; none when there is nothing.
    ///
    /// # Errors
    /// [`NetError::BadPath`], and as [`Client::request`].
    pub async fn stat(&self, path: &str) -> Result<Option<RemoteEntry>, NetError> {
        path::check(path)?;
        let found = match &self.inner.objects {
            Some(_) if self.inner.kind == RemoteKind::Webdav && path.is_empty() => {
                self.look_at_root().await
            }
            Some(objects) => objects.stat(path).await,
            None => self.look(path).await,
        };
        match found {
            Ok(mut entry) => {
                entry.name = path::name(path).to_owned();
                Ok(Some(entry))
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The root of WebDAV, which `opendal` takes to be there without asking.
    async fn look_at_root(&self) -> Result<RemoteEntry, NetError> {
        let depth = HeaderName::from_static("depth");
        let request = self
            .request(method("PROPFIND"), "", true)
            .header(depth, HeaderValue::from_static("0"))
            .repeatable();
        self.inner.client.request(request).await?;
        Ok(RemoteEntry {
            name: String::new(),
            is_folder: true,
            is_link: false,
            size_bytes: None,
            modified: None,
            etag: None,
        })
    }

    async fn look(&self, path: &str) -> Result<RemoteEntry, NetError> {
        let url = self.url(path, false);
        let response = self.ask(Method::GET, path, false, Errand::Look).await?;
        let bytes = response.bytes(listing::MAX_BYTES).await?;
        let entries = listing::read(&url, listing::MLSD, &bytes);
        let mut entries = entries.map_err(|fault| fault.of(&url))?.into_iter();
        let nothing = || listing::Fault::Whole("names nothing".to_owned()).of(&url);
        let entry = entries.next().ok_or_else(nothing)?;
        Ok(RemoteEntry::of(entry))
    }

    /// The names in a folder, sorted; all of them or an error.
    ///
    /// # Errors
    /// [`NetError::is_not_found`] for a folder that is not there, [`NetError::BadPath`], and as
    /// [`Client::list`].
    pub async fn list(&self, path: &str) -> Result<Vec<RemoteEntry>, NetError> {
        path::check(path)?;
        if let Some(objects) = &self.inner.objects {
            return objects.list(path).await;
        }
        let entries = self.inner.client.list(&self.url(path, true)).await?;
        Ok(entries.into_iter().map(RemoteEntry::of).collect())
    }

    /// The bytes of a file from byte `from` on, at most `length` of them; none behind its end.
    ///
    /// # Errors
    /// [`NetError::is_not_found`] for a file that is not there, [`NetError::BadPath`], and as
    /// [`Client::request`]; the bytes themselves fail as [`crate::Body`] does.
    pub async fn read(
        &self,
        path: &str,
        from: u64,
        length: Option<u64>,
    ) -> Result<Reading, NetError> {
        path::check_file(path)?;
        match &self.inner.objects {
            Some(objects) if self.inner.kind == RemoteKind::S3 => {
                objects.read(path, from, length).await
            }
            _ => self.read_response(path, from, length).await,
        }
    }

    async fn read_response(
        &self,
        path: &str,
        from: u64,
        length: Option<u64>,
    ) -> Result<Reading, NetError> {
        if length == Some(0) {
            return Ok(Reading::empty());
        }
        let mut request = self.request(Method::GET, path, false);
        if from > 0 || length.is_some() {
            request = request.header(http::header::RANGE, reading::range(from, length));
        }
        match self.inner.client.request(request).await {
            Ok(response) => Ok(Reading::of(response, from, length)),
            Err(error) if error.status() == Some(http::StatusCode::RANGE_NOT_SATISFIABLE) => {
                Ok(Reading::empty())
            }
            Err(error) => Err(error),
        }
    }

    /// Begins to write a file; what is under its name stays until [`Writer::finish`] replaces it.
    ///
    /// The folder must be there. The size, when it is known, is told to a server of WebDAV that
    /// wants it, and chooses the size of the parts for S3.
    ///
    /// # Errors
    /// [`NetError::BadPath`]; what the other side says comes from the writer.
    pub async fn write(&self, path: &str, size_bytes: Option<u64>) -> Result<Writer, NetError> {
        path::check_file(path)?;
        Writer::begin(self, path, size_bytes, 0)
    }

    /// Begins to write a file whose first `from` bytes were written before without being finished.
    ///
    /// [`Writer::starts_at`] says where to go on: at `from` when `<name>.part` holds just so many
    /// bytes and the server can go on (SFTP, FTP), else at 0.
    ///
    /// # Errors
    /// As [`Remote::write`] and [`Remote::stat`].
    pub async fn write_on(
        &self,
        path: &str,
        size_bytes: Option<u64>,
        from: u64,
    ) -> Result<Writer, NetError> {
        path::check_file(path)?;
        let goes_on = matches!(self.inner.kind, RemoteKind::Sftp | RemoteKind::Ftp) && from > 0;
        let from = match goes_on && self.n_waiting(path).await? == from {
            true => from,
            false => 0,
        };
        Writer::begin(self, path, size_bytes, from)
    }

    /// How many bytes of a file were written without being finished, so that [`Remote::write_on`]
    /// can go on behind them; 0 when it cannot.
    ///
    /// # Errors
    /// As [`Remote::stat`].
    pub async fn n_waiting(&self, path: &str) -> Result<u64, NetError> {
        path::check_file(path)?;
        if !matches!(self.inner.kind, RemoteKind::Sftp | RemoteKind::Ftp) {
            return Ok(0);
        }
        let part = self.stat(&path::part(path)).await?;
        Ok(part.and_then(|part| part.size_bytes).unwrap_or(0))
    }

    /// Looks, writes, reads back and deletes a small file in the root, and tells of each step
    /// whether it worked; ends at the first that did not, and leaves nothing behind where it may
    /// delete.
    pub async fn try_out(&self) -> Vec<Tried> {
        try_out::try_out(self).await
    }

    async fn done(
        &self,
        method: Method,
        path: &str,
        is_folder: bool,
        errand: Errand,
    ) -> Result<(), NetError> {
        changes::whole(self.ask(method, path, is_folder, errand).await?)
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        is_folder: bool,
        errand: Errand,
    ) -> Result<crate::Response, NetError> {
        let mut request = self.request(method, path, is_folder);
        request.errand = Some(errand);
        self.inner.client.request(request).await
    }

    fn request(&self, method: Method, path: &str, is_folder: bool) -> Request {
        let request = Request::new(method, self.url(path, is_folder));
        match &self.inner.authorization {
            Some(value) => request.header(AUTHORIZATION, value.clone()),
            None => request,
        }
    }

    /// The address of a path; of a session's path, a folder's too, or of WebDAV's.
    fn url(&self, path: &str, is_folder: bool) -> Url {
        path::below(&self.inner.root, path, is_folder)
    }
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Remote({})", ShownUrl::from(&self.inner.root))
    }
}

fn method(name: &'static str) -> Method {
    Method::from_bytes(name.as_bytes()).expect("it is spelled with letters")
}

/// Whether the address is spoken to by sessions and not by HTTP.
fn has_sessions(url: &Url) -> bool {
    !matches!(Protocol::of(url), Some(Protocol::Http) | None)
}
