//! The SFTP server: user `anonymous`, an empty password or any key, read only.

use std::collections::HashMap;
use std::io::SeekFrom;
use std::sync::Arc;
use std::time::Duration;

use russh::keys::PrivateKey;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::server::{Auth, ChannelOpenHandle, Config, Msg, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, Disconnect};
use russh_sftp::protocol::{
    Attrs, Data, File, FileAttributes, Handle, Name, OpenFlags, Status, StatusCode, Version,
};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::net::TcpStream;

use super::Way;
use super::archive::{Archive, Item, Opened};
use super::log::GsscAction;
use super::tree::normal;
use crate::answer::Source;
use crate::error::StandinError;

const MAX_READ_BYTES: u32 = 128 * 1024;
const NAMES_PER_ANSWER: usize = 100;
const MAX_HANDLES: usize = 64;

/// What all connections share: a host key that follows from the seed, so that it can be pinned.
///
/// # Errors
/// When the key cannot be made.
pub(crate) fn config(seed: u64) -> Result<Arc<Config>, StandinError> {
    let mut bytes = *b"gantry stand-in of an archive...";
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(&bytes));
    let key = PrivateKey::new(pair, "gantry-standin")
        .map_err(|error| StandinError::Threads(std::io::Error::other(error)))?;
    Ok(Arc::new(Config {
        keys: vec![key],
        auth_rejection_time: Duration::from_millis(50),
        auth_rejection_time_initial: Some(Duration::ZERO),
        inactivity_timeout: Some(Duration::from_secs(600)),
        nodelay: true,
        ..Config::default()
    }))
}

/// Serves one connection until it ends.
pub(crate) async fn serve(archive: Arc<Archive>, stream: TcpStream, config: Arc<Config>) {
    let connection = Connection {
        archive,
        channels: HashMap::new(),
    };
    let served = match russh::server::run_stream(config, stream, connection).await {
        Ok(running) => running.await,
        Err(error) => Err(error),
    };
    if let Err(error) = served {
        tracing::debug!(%error, "an SFTP connection ended");
    }
}

struct Connection {
    archive: Arc<Archive>,
    channels: HashMap<ChannelId, Channel<Msg>>,
}

impl Connection {
    fn admits(&self, user: &str, is_allowed: bool) -> Auth {
        let granted = is_allowed && user == "anonymous" && !self.archive.switches.refuses_login();
        let log = &self.archive.log;
        log.note(Way::Sftp, GsscAction::Login, user, 0, granted);
        if granted {
            Auth::Accept
        } else {
            Auth::reject()
        }
    }
}

impl russh::server::Handler for Connection {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        Ok(self.admits(user, password.is_empty()))
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        _key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(self.admits(user, true))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channels.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn channel_eof(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.close(channel)
    }

    async fn subsystem_request(
        &mut self,
        channel_id: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let channel = self.channels.remove(&channel_id);
        let Some(channel) = channel.filter(|_| name == "sftp") else {
            return session.channel_failure(channel_id);
        };
        session.channel_success(channel_id)?;
        let files = Files {
            archive: Arc::clone(&self.archive),
            session: session.handle(),
            n_handles: 0,
            handles: HashMap::new(),
        };
        russh_sftp::server::run(channel.into_stream(), files).await;
        Ok(())
    }
}

/// What one client has open.
struct Files {
    archive: Arc<Archive>,
    session: russh::server::Handle,
    n_handles: u64,
    handles: HashMap<String, Open>,
}

enum Open {
    Folder(std::vec::IntoIter<Item>),
    File(Box<Reading>),
}

struct Reading {
    opened: Opened,
    file: Option<(tokio::fs::File, u64)>,
    /// Where the client began; a transfer resumed where it was cut goes on.
    first: Option<u64>,
}

impl Files {
    fn keep(&mut self, id: u32, open: Open) -> Result<Handle, StatusCode> {
        if self.handles.len() >= MAX_HANDLES {
            return Err(StatusCode::Failure);
        }
        self.n_handles += 1;
        let handle = self.n_handles.to_string();
        self.handles.insert(handle.clone(), open);
        Ok(Handle { id, handle })
    }

    async fn attributes(&self, path: &str) -> Result<FileAttributes, StatusCode> {
        let found = self.archive.stat(path).await.map_err(failed)?;
        found.as_ref().map(attributes).ok_or(StatusCode::NoSuchFile)
    }

    async fn hang_up(&self) {
        let text = String::from("cut by a fault");
        let asked = self
            .session
            .disconnect(Disconnect::ByApplication, text, String::from("en"));
        // The connection may have ended by itself.
        let _ = asked.await;
    }
}

impl russh_sftp::server::Handler for Files {
    type Error = StatusCode;

    fn unimplemented(&self) -> Self::Error {
        StatusCode::OpUnsupported
    }

    async fn init(
        &mut self,
        _version: u32,
        _extensions: HashMap<String, String>,
    ) -> Result<Version, Self::Error> {
        Ok(Version::new())
    }

    async fn realpath(&mut self, id: u32, path: String) -> Result<Name, Self::Error> {
        let files = vec![File::dummy(normal(&path))];
        Ok(Name { id, files })
    }

    async fn stat(&mut self, id: u32, path: String) -> Result<Attrs, Self::Error> {
        let attrs = self.attributes(&path).await?;
        Ok(Attrs { id, attrs })
    }

    async fn lstat(&mut self, id: u32, path: String) -> Result<Attrs, Self::Error> {
        self.stat(id, path).await
    }

    async fn fstat(&mut self, id: u32, handle: String) -> Result<Attrs, Self::Error> {
        match self.handles.get(&handle) {
            Some(Open::File(reading)) => {
                let attrs = attributes(&reading.opened.item);
                Ok(Attrs { id, attrs })
            }
            _ => Err(StatusCode::Failure),
        }
    }

    async fn opendir(&mut self, id: u32, path: String) -> Result<Handle, Self::Error> {
        let items = self.archive.list(Way::Sftp, &path).await.map_err(failed)?;
        let items = items.ok_or(StatusCode::NoSuchFile)?;
        self.keep(id, Open::Folder(items.into_iter()))
    }

    async fn readdir(&mut self, id: u32, handle: String) -> Result<Name, Self::Error> {
        let Some(Open::Folder(items)) = self.handles.get_mut(&handle) else {
            return Err(StatusCode::Failure);
        };
        let next = items.by_ref().take(NAMES_PER_ANSWER);
        let files: Vec<_> = next
            .map(|item| File::new(item.name.clone(), attributes(&item)))
            .collect();
        match files.is_empty() {
            true => Err(StatusCode::Eof),
            false => Ok(Name { id, files }),
        }
    }

    async fn open(
        &mut self,
        id: u32,
        filename: String,
        pflags: OpenFlags,
        _attrs: FileAttributes,
    ) -> Result<Handle, Self::Error> {
        if pflags.intersects(OpenFlags::WRITE | OpenFlags::APPEND | OpenFlags::CREATE) {
            return Err(StatusCode::PermissionDenied);
        }
        let opened = self.archive.open(Way::Sftp, &filename, 0, false).await;
        let opened = opened.map_err(failed)?.ok_or(StatusCode::NoSuchFile)?;
        if opened.struck.unavailable.is_some() {
            return Err(StatusCode::Failure);
        }
        let reading = Reading {
            opened,
            file: None,
            first: None,
        };
        self.keep(id, Open::File(Box::new(reading)))
    }

    async fn read(
        &mut self,
        id: u32,
        handle: String,
        offset: u64,
        len: u32,
    ) -> Result<Data, Self::Error> {
        let Some(Open::File(reading)) = self.handles.get_mut(&handle) else {
            return Err(StatusCode::Failure);
        };
        match reading.bytes(offset, len).await? {
            Some(data) => Ok(Data { id, data }),
            None => {
                self.hang_up().await;
                Err(StatusCode::ConnectionLost)
            }
        }
    }

    async fn close(&mut self, id: u32, handle: String) -> Result<Status, Self::Error> {
        self.handles.remove(&handle);
        Ok(Status {
            id,
            status_code: StatusCode::Ok,
            error_message: "Ok".to_owned(),
            language_tag: "en".to_owned(),
        })
    }
}

impl Reading {
    /// Up to `len` bytes from `offset` on; nothing where the connection is to be cut.
    async fn bytes(&mut self, offset: u64, len: u32) -> Result<Option<Vec<u8>>, StatusCode> {
        let first = *self.first.get_or_insert(offset);
        let size = self.opened.item.size_bytes;
        let mut end = offset
            .saturating_add(len.min(MAX_READ_BYTES).into())
            .min(size);
        if offset >= end {
            return Err(StatusCode::Eof);
        }
        let struck = &self.opened.struck;
        if let Some(cut) = struck.cut_at.filter(|cut| *cut > first || *cut == 0) {
            if offset >= cut {
                return Ok(None);
            }
            end = end.min(cut);
        }
        if let Some(rate) = struck.bytes_per_second {
            end = end.min(offset + (rate / 20).max(1));
            let seconds = (end - offset) as f64 / rate as f64;
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        }
        let flipped = struck.changed.then_some(size / 2);
        let mut bytes = self.source_bytes(offset, end).await.map_err(|error| {
            tracing::error!(%error, "a file cannot be served");
            StatusCode::Failure
        })?;
        if let Some(byte) = flipped.filter(|byte| (offset..end).contains(byte)) {
            bytes[(byte - offset) as usize] ^= 0x01;
        }
        Ok(Some(bytes))
    }

    async fn source_bytes(&mut self, start: u64, end: u64) -> std::io::Result<Vec<u8>> {
        let path = match &self.opened.source {
            Source::Memory(bytes) => return Ok(bytes[start as usize..end as usize].to_vec()),
            Source::File(path) => path,
        };
        let (mut file, at) = match self.file.take() {
            Some(open) => open,
            None => (tokio::fs::File::open(path).await?, 0),
        };
        if at != start {
            file.seek(SeekFrom::Start(start)).await?;
        }
        let mut bytes = vec![0; (end - start) as usize];
        file.read_exact(&mut bytes).await?;
        self.file = Some((file, end));
        Ok(bytes)
    }
}

fn attributes(item: &Item) -> FileAttributes {
    let mut attributes = FileAttributes {
        size: Some(item.size_bytes),
        permissions: Some(if item.is_folder { 0o555 } else { 0o444 }),
        mtime: u32::try_from(item.modified.timestamp()).ok(),
        atime: u32::try_from(item.modified.timestamp()).ok(),
        uid: Some(0),
        gid: Some(0),
        user: None,
        group: None,
    };
    attributes.set_dir(item.is_folder);
    attributes.set_regular(!item.is_folder);
    attributes
}

fn failed(error: StandinError) -> StatusCode {
    tracing::error!(
        error = &error as &dyn std::error::Error,
        "a file cannot be served"
    );
    StatusCode::Failure
}
