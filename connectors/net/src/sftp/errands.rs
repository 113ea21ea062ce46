//! What changes something on a server of SFTP.

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use http::StatusCode;
use russh_sftp::client::RawSftpSession;
use russh_sftp::client::error::Error;
use russh_sftp::protocol::{FileAttributes, OpenFlags, Packet, StatusCode as Code};

use super::{AHEAD, PIECE};
use crate::errand::{Errand, Source};
use crate::layers::Answer;
use crate::listing;
use crate::sessions;

/// Does what is asked; a path without its last `/` is the same path.
pub(super) async fn carry_out(
    sftp: &RawSftpSession,
    path: &str,
    errand: Errand,
) -> Result<Answer, Error> {
    let path = match path.trim_end_matches('/') {
        "" => "/",
        path => path,
    };
    match errand {
        Errand::Look => return look(sftp, path).await,
        Errand::Write { from, source } => write(sftp, path, from, &source).await?,
        Errand::MakeFolder => drop(sftp.mkdir(path, FileAttributes::empty()).await?),
        Errand::Rename { to, replaces } => rename(sftp, path, &to, replaces).await?,
        Errand::Remove { is_folder: true } => drop(sftp.rmdir(path).await?),
        Errand::Remove { is_folder: false } => drop(sftp.remove(path).await?),
    }
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// A listing of the one thing that was asked for; the name in it is of no meaning. Of a link it
/// tells what is behind it.
async fn look(sftp: &RawSftpSession, path: &str) -> Result<Answer, Error> {
    let mut attrs = sftp.lstat(path).await?.attrs;
    let is_link = attrs.permissions.is_some() && attrs.file_type().is_symlink();
    if is_link {
        attrs = match sftp.stat(path).await {
            Ok(behind) => behind.attrs,
            Err(Error::Status(_)) => FileAttributes::empty(),
            Err(error) => return Err(error),
        };
    }
    let line = Bytes::from(listing::mlsd_line("it", &attrs, is_link));
    let body = futures::stream::once(futures::future::ready(Ok(line)));
    Ok(sessions::listing(listing::MLSD, body))
}

async fn write(sftp: &RawSftpSession, path: &str, from: u64, source: &Source) -> Result<(), Error> {
    let flags = match from {
        0 => OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::TRUNCATE,
        _ => OpenFlags::WRITE,
    };
    let none = FileAttributes::empty();
    let handle = sftp.open(path, flags, none).await?.handle;
    let written = pieces(sftp, &handle, from, source).await;
    let closed = sftp.close(handle).await;
    written?;
    closed.map(drop)
}

/// Writes without waiting for each piece to be acknowledged.
async fn pieces(
    sftp: &RawSftpSession,
    handle: &str,
    from: u64,
    source: &Source,
) -> Result<(), Error> {
    let mut at = from;
    let mut flying = FuturesUnordered::new();
    loop {
        let piece = source.next().await;
        let piece = piece.map_err(|cause| Error::IO(cause.to_string()))?;
        let Some(piece) = piece else { break };
        for part in piece.chunks(PIECE as usize) {
            if flying.len() >= AHEAD {
                flying.next().await.transpose()?;
            }
            flying.push(sftp.write(handle, at, part.to_vec()));
            at += part.len() as u64;
        }
    }
    while let Some(written) = flying.next().await {
        written?;
    }
    Ok(())
}

/// SFTP 3 does not rename onto what is there; OpenSSH can when asked in its own way, and elsewhere
/// it is removed first.
///
/// # Source
/// OpenSSH's `PROTOCOL`, section 4.3: `posix-rename@openssh.com` with both paths.
async fn rename(sftp: &RawSftpSession, from: &str, to: &str, replaces: bool) -> Result<(), Error> {
    if !replaces {
        return sftp.rename(from, to).await.map(drop);
    }
    let mut paths = Vec::new();
    for path in [from, to] {
        let length = u32::try_from(path.len()).map_err(|error| Error::IO(error.to_string()))?;
        paths.extend_from_slice(&length.to_be_bytes());
        paths.extend_from_slice(path.as_bytes());
    }
    match sftp.extended("posix-rename@openssh.com", paths).await? {
        Packet::Status(status) if status.status_code == Code::Ok => return Ok(()),
        Packet::Status(status) if status.status_code != Code::OpUnsupported => {
            return Err(Error::Status(status));
        }
        _ => {}
    }
    match sftp.remove(to).await {
        Err(Error::Status(status)) if status.status_code != Code::NoSuchFile => {
            return Err(Error::Status(status));
        }
        _ => {}
    }
    sftp.rename(from, to).await.map(drop)
}
