//! What changes something on a server of FTP.

use bytes::Bytes;
use http::StatusCode;
use suppaftp::FtpError;
use tokio::io::AsyncWriteExt;

use super::{Session, acknowledge, refusable};
use crate::errand::{Errand, Source};
use crate::layers::Answer;
use crate::listing;
use crate::sessions::{self, Stat};

/// Does what is asked; a path without its last `/` is the same path.
pub(super) async fn carry_out(
    session: &mut Session,
    path: &str,
    errand: Errand,
) -> Result<Answer, FtpError> {
    let path = match path.trim_end_matches('/') {
        "" => "/",
        path => path,
    };
    match errand {
        Errand::Look => return look(session, path).await,
        Errand::Write { from, source } => write(session, path, from, &source).await?,
        Errand::MakeFolder => session.ftp.mkdir(path).await?,
        Errand::Rename { to, replaces } => rename(session, path, &to, replaces).await?,
        Errand::Remove { is_folder: true } => session.ftp.rmdir(path).await?,
        Errand::Remove { is_folder: false } => session.ftp.rm(path).await?,
    }
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// By `MLST`, else by what `SIZE`, `MDTM` and `CWD` say: a folder is what can be gone to.
async fn look(session: &mut Session, path: &str) -> Result<Answer, FtpError> {
    if session.has_mlst && path != "/" {
        let line = session.ftp.mlst(Some(path)).await?;
        let line = line.trim_start();
        let facts = line.split_once(' ').map_or(line, |(facts, _)| facts);
        return Ok(one(facts.to_owned()));
    }
    let stat = match path {
        "/" => Stat::default(),
        path => session.look(path).await?,
    };
    let is_folder = stat.size_bytes.is_none();
    if is_folder {
        session.ftp.cwd(path).await?;
    }
    Ok(one(facts(&stat, is_folder)))
}

fn facts(stat: &Stat, is_folder: bool) -> String {
    let mut facts = format!("type={};", if is_folder { "dir" } else { "file" });
    if let Some(size) = stat.size_bytes {
        facts.push_str(&format!("size={size};"));
    }
    if let Some(modified) = stat.modified {
        facts.push_str(&modified.format("modify=%Y%m%d%H%M%S;").to_string());
    }
    facts
}

/// A listing of the one thing that was asked for; the name in it is of no meaning.
fn one(facts: String) -> Answer {
    let line = Bytes::from(format!("{facts} it\r\n"));
    let body = futures::stream::once(futures::future::ready(Ok(line)));
    sessions::listing(listing::MLSD, body)
}

/// `STOR`, or `APPE` to go on at the end of what is there.
async fn write(
    session: &mut Session,
    path: &str,
    from: u64,
    source: &Source,
) -> Result<(), FtpError> {
    let mut transfer = match from {
        0 => session.ftp.put_with_stream(path).await?,
        _ => session.ftp.append_with_stream(path).await?,
    };
    loop {
        let piece = source.next().await;
        let piece = piece.map_err(|cause| FtpError::ConnectionError(std::io::Error::other(cause)));
        match piece? {
            Some(piece) => transfer
                .write_all(&piece)
                .await
                .map_err(FtpError::ConnectionError)?,
            None => break,
        }
    }
    transfer.flush().await.map_err(FtpError::ConnectionError)?;
    acknowledge(&session.ftp).await;
    transfer.finish().await
}

/// Servers exist that do not rename onto what is there; it is then removed first.
async fn rename(
    session: &mut Session,
    from: &str,
    to: &str,
    replaces: bool,
) -> Result<(), FtpError> {
    let renamed = session.ftp.rename(from, to).await;
    match renamed {
        Err(FtpError::UnexpectedResponse(_)) if replaces => {
            refusable(session.ftp.rm(to).await)?;
            session.ftp.rename(from, to).await
        }
        renamed => renamed,
    }
}
