//! One session with a server of SFTP, the file service of SSH.

mod errands;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use chrono::DateTime;
use futures::{Stream, StreamExt};
use russh::client::{AuthResult, Config, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg};
use russh_sftp::client::RawSftpSession;
use russh_sftp::client::error::Error;
use russh_sftp::protocol::{FileAttributes, OpenFlags, StatusCode};

use crate::access::HostKey;
use crate::address;
use crate::dial::{self, unreachable};
use crate::error::{Cause, NetError, Refusal};
use crate::layers::Answer;
use crate::listing;
use crate::request::Request;
use crate::sessions::{self, Ask, Key, Lease, Sessions, Stat};
use crate::shown::ShownUrl;

/// Bytes asked for at once; every server must be able to send that much.
const PIECE: u64 = 32 * 1024;
/// Pieces asked for ahead of the reader.
const AHEAD: usize = 32;
/// Links of a folder that are looked behind.
const LINKS: usize = 10_000;

/// A session after its login, ready for a request.
pub(crate) struct Session {
    sftp: Arc<RawSftpSession>,
    /// The connection lives as long as this.
    _ssh: Handle<Host>,
}

/// What is checked of the other side while the connection is made.
struct Host {
    shown: Arc<Mutex<Option<HostKey>>>,
}

impl russh::client::Handler for Host {
    type Error = russh::Error;

    /// Takes the key down and goes on: no credential is sent before it has been judged.
    async fn check_server_key(
        &mut self,
        key: &russh::keys::PublicKeyOrCertificate,
    ) -> Result<bool, russh::Error> {
        let russh::keys::PublicKeyOrCertificate::PublicKey { key, .. } = key else {
            return Ok(false);
        };
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        // Keys may be exchanged again; the host must then show the same.
        let key = HostKey::of(key);
        let is_same = shown.as_ref().is_none_or(|before| *before == key);
        *shown = Some(key);
        Ok(is_same)
    }
}

impl Session {
    /// Connects, judges the host's key, logs in, and opens the file service.
    pub(crate) async fn connect(
        request: &Request,
        key: &Key,
        sessions: &Sessions,
    ) -> Result<Self, NetError> {
        let addresses: Vec<SocketAddr> = dial::resolve(request, &sessions.guard).await?;
        let stream = dial::connect(request, &addresses, sessions.limits.connect).await?;
        let fail = |error: russh::Error| unreachable(request, error);
        let shown = Arc::new(Mutex::new(None));
        let host = Host {
            shown: Arc::clone(&shown),
        };
        let config = Config {
            keepalive_interval: Some(sessions.limits.idle),
            ..Config::default()
        };
        let mut ssh = russh::client::connect_stream(Arc::new(config), stream, host)
            .await
            .map_err(fail)?;
        judge(request, sessions, &shown)?;
        log_in(&mut ssh, request, key, sessions).await?;
        let channel = ssh.channel_open_session().await.map_err(fail)?;
        channel
            .request_subsystem(true, "sftp")
            .await
            .map_err(fail)?;
        let settings = russh_sftp::client::Config {
            request_timeout_secs: longest(sessions).as_secs() + 1,
            ..russh_sftp::client::Config::default()
        };
        let sftp = RawSftpSession::new_with_config(channel.into_stream(), settings);
        sftp.init().await.map_err(|error| failure(request, error))?;
        Ok(Self {
            sftp: Arc::new(sftp),
            _ssh: ssh,
        })
    }

    /// Asks, and hands the session on to the body of the answer, or back when it is refused.
    pub(crate) async fn answer(self, request: &Request, lease: Lease) -> Result<Answer, NetError> {
        let path = address::path(&request.url).unwrap_or_else(|| "/".to_owned());
        let result = match Ask::of(request) {
            Ask::List => self.sftp.opendir(&path).await.map(|handle| Asked::Folder {
                handle: handle.handle,
            }),
            Ask::Stat => self
                .sftp
                .stat(&path)
                .await
                .map(|attrs| Asked::Nothing(stat(&attrs.attrs).answer(0, None))),
            Ask::Read {
                from,
                if_date,
                upto,
            } => self.open(&path, from, if_date.as_deref(), upto).await,
            Ask::Errand(errand) => errands::carry_out(&self.sftp, &path, errand)
                .await
                .map(Asked::Nothing),
        };
        match result {
            Ok(Asked::Nothing(answer)) => {
                lease.give_back(sessions::Session::Sftp(self));
                Ok(answer)
            }
            Ok(Asked::Folder { handle }) => {
                let names = names(Arc::clone(&self.sftp), handle.clone(), path);
                let body = whole(names, handle, self, lease);
                Ok(sessions::listing(listing::MLSD, body))
            }
            Ok(Asked::File {
                handle,
                mut answer,
                from,
                size,
            }) => {
                let pieces = pieces(Arc::clone(&self.sftp), handle.clone(), from, size);
                answer.body = whole(pieces, handle, self, lease).boxed();
                Ok(answer)
            }
            Err(error) => {
                let error = failure(request, error);
                if matches!(error, NetError::Refused { .. }) {
                    lease.give_back(sessions::Session::Sftp(self));
                }
                Err(error)
            }
        }
    }

    async fn open(
        &self,
        path: &str,
        from: u64,
        if_date: Option<&str>,
        upto: Option<u64>,
    ) -> Result<Asked, Error> {
        let none = FileAttributes::empty();
        let handle = self.sftp.open(path, OpenFlags::READ, none).await?.handle;
        let attrs = self.sftp.fstat(&handle).await?.attrs;
        if attrs.permissions.is_some() && attrs.file_type().is_dir() {
            self.sftp.close(handle).await?;
            return Err(Error::Limited("it is a folder".to_owned()));
        }
        let stat = stat(&attrs);
        let from = stat.begins(from, if_date);
        Ok(Asked::File {
            handle,
            answer: stat.answer(from, upto),
            from,
            size: stat.end(from, upto),
        })
    }
}

/// What was found, with what is still to come.
enum Asked {
    Nothing(Answer),
    Folder {
        handle: String,
    },
    File {
        handle: String,
        answer: Answer,
        from: u64,
        size: Option<u64>,
    },
}

/// Ends the connection when the host shows a key that it may not.
fn judge(
    request: &Request,
    sessions: &Sessions,
    shown: &Mutex<Option<HostKey>>,
) -> Result<(), NetError> {
    let shown = shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let Some(shown) = shown else {
        return Err(unreachable(request, "it showed no host key"));
    };
    sessions
        .check_key(request, &shown)
        .map_err(|expected| NetError::HostKey {
            url: ShownUrl::from(&request.url),
            shown: shown.to_string(),
            expected,
        })
}

/// With the key file where there is one, else, or when that is refused, with the password, which
/// may be empty.
async fn log_in(
    ssh: &mut Handle<Host>,
    request: &Request,
    key: &Key,
    sessions: &Sessions,
) -> Result<(), NetError> {
    let fail = |error: russh::Error| unreachable(request, error);
    let own = sessions.private_key(request);
    let is_only = own.is_some() && key.password.is_empty();
    let file = sessions.access.key_file.as_ref();
    let private = match file.filter(|_| !request.guarded) {
        Some(path) => Some(Arc::new(read_key(path).await?)),
        None => own,
    };
    if let Some(private) = private {
        let hash = ssh.best_supported_rsa_hash().await.map_err(fail)?.flatten();
        let private = PrivateKeyWithHashAlg::new(private, hash);
        let answer = ssh
            .authenticate_publickey(&key.user, private)
            .await
            .map_err(fail)?;
        if answer.success() {
            return Ok(());
        }
        if is_only {
            return Err(not_let_in(request, key));
        }
    }
    let answer = ssh
        .authenticate_password(&key.user, &key.password)
        .await
        .map_err(fail)?;
    match answer {
        AuthResult::Success => Ok(()),
        AuthResult::Failure {
            remaining_methods, ..
        } => {
            let asks = remaining_methods.contains(&russh::MethodKind::KeyboardInteractive);
            if asks && answer_questions(ssh, key).await.map_err(fail)? {
                return Ok(());
            }
            Err(not_let_in(request, key))
        }
    }
}

fn not_let_in(request: &Request, key: &Key) -> NetError {
    NetError::Refused {
        url: ShownUrl::from(&request.url),
        why: Refusal::NotLetIn,
        said: format!("it does not let `{}` in", key.user),
    }
}

async fn read_key(path: &std::path::Path) -> Result<PrivateKey, NetError> {
    let bad = |source: Cause| NetError::KeyFile {
        path: path.to_owned(),
        source,
    };
    let text = tokio::fs::read_to_string(path)
        .await
        .map_err(|error| bad(error.into()))?;
    russh::keys::decode_secret_key(&text, None).map_err(|error| bad(error.into()))
}

/// Answers the one question that servers ask who do not take a password unasked.
async fn answer_questions(ssh: &mut Handle<Host>, key: &Key) -> Result<bool, russh::Error> {
    let mut answer = ssh
        .authenticate_keyboard_interactive_start(&key.user, None::<String>)
        .await?;
    for _ in 0..3 {
        let prompts = match answer {
            KeyboardInteractiveAuthResponse::Success => return Ok(true),
            KeyboardInteractiveAuthResponse::Failure { .. } => return Ok(false),
            KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => prompts,
        };
        if prompts.len() > 1 {
            return Ok(false);
        }
        let said = prompts.iter().map(|_| key.password.clone()).collect();
        answer = ssh.authenticate_keyboard_interactive_respond(said).await?;
    }
    Ok(false)
}

/// The time that any request may take; the finer ones are kept outside.
fn longest(sessions: &Sessions) -> Duration {
    sessions.limits.idle.max(sessions.limits.headers)
}

fn stat(attrs: &FileAttributes) -> Stat {
    let modified = attrs.mtime.map(i64::from);
    Stat {
        size_bytes: attrs.size,
        modified: modified.and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
    }
}

/// Closes the handle at the end of a body and gives the session back.
fn whole(
    body: impl Stream<Item = Result<Bytes, Cause>> + Send + 'static,
    handle: String,
    session: Session,
    lease: Lease,
) -> impl Stream<Item = Result<Bytes, Cause>> + Send + 'static {
    let state = Some((Box::pin(body), handle, session, lease));
    futures::stream::try_unfold(state, |state| async move {
        let Some((mut body, handle, session, lease)) = state else {
            return Ok(None);
        };
        if let Some(piece) = body.next().await {
            return Ok(Some((piece?, Some((body, handle, session, lease)))));
        }
        session.sftp.close(handle).await?;
        lease.give_back(sessions::Session::Sftp(session));
        Ok(None)
    })
}

/// The bytes of an open file, asked for ahead of the reader and given in their order.
fn pieces(
    sftp: Arc<RawSftpSession>,
    handle: String,
    from: u64,
    size: Option<u64>,
) -> impl Stream<Item = Result<Bytes, Cause>> + Send + 'static {
    let end = size.unwrap_or(u64::MAX);
    let starts = std::iter::successors(Some(from), |at| at.checked_add(PIECE));
    let starts = starts.take_while(move |at| *at < end);
    let ahead = if size.is_some() { AHEAD } else { 1 };
    futures::stream::iter(starts)
        .map(move |at| {
            let wanted = PIECE.min(end - at);
            piece(Arc::clone(&sftp), handle.clone(), at, wanted)
        })
        .buffered(ahead)
        // A short piece is the end of the file; what was asked for behind it is empty.
        .scan(false, |ended, piece: Result<(Bytes, bool), Cause>| {
            let next = match piece {
                _ if *ended => None,
                Ok((bytes, is_last)) => {
                    *ended = is_last;
                    Some(Ok(bytes))
                }
                Err(error) => Some(Err(error)),
            };
            futures::future::ready(next)
        })
        .filter(|piece| {
            let is_empty = matches!(piece, Ok(bytes) if bytes.is_empty());
            futures::future::ready(!is_empty)
        })
}

/// `wanted` bytes, fewer only at the end of the file, and whether that was reached.
async fn piece(
    sftp: Arc<RawSftpSession>,
    handle: String,
    at: u64,
    wanted: u64,
) -> Result<(Bytes, bool), Cause> {
    let mut whole = BytesMut::new();
    while (whole.len() as u64) < wanted {
        let got = whole.len() as u64;
        let length = u32::try_from(wanted - got)?;
        match sftp.read(&handle, at + got, length).await {
            Ok(data) if data.data.is_empty() => return Ok((whole.freeze(), true)),
            // Mostly a piece comes whole and need not be moved.
            Ok(data) if got == 0 && data.data.len() as u64 == wanted => {
                return Ok((Bytes::from(data.data), false));
            }
            Ok(data) if data.data.len() as u64 <= wanted - got => whole.put_slice(&data.data),
            Ok(_) => return Err("it sent more than was asked for".into()),
            Err(Error::Status(status)) if status.status_code == StatusCode::Eof => {
                return Ok((whole.freeze(), true));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok((whole.freeze(), false))
}

/// The names in an open folder, written like a listing of FTP.
fn names(
    sftp: Arc<RawSftpSession>,
    handle: String,
    folder: String,
) -> impl Stream<Item = Result<Bytes, Cause>> + Send + 'static {
    futures::stream::try_unfold(0_usize, move |mut n_links| {
        let (sftp, handle, folder) = (Arc::clone(&sftp), handle.clone(), folder.clone());
        async move {
            let files = match sftp.readdir(handle).await {
                Ok(names) => names.files,
                Err(Error::Status(status)) if status.status_code == StatusCode::Eof => {
                    return Ok(None);
                }
                Err(error) => return Err(Cause::from(error)),
            };
            let mut text = String::new();
            for file in files {
                let is_link =
                    file.attrs.permissions.is_some() && file.attrs.file_type().is_symlink();
                let mut attrs = file.attrs;
                if is_link && n_links < LINKS && !file.filename.contains('/') {
                    n_links += 1;
                    let path = format!("{}/{}", folder.trim_end_matches('/'), file.filename);
                    match sftp.stat(path).await {
                        Ok(behind) => attrs = behind.attrs,
                        // A link that leads nowhere, or where we may not look.
                        Err(Error::Status(_)) => attrs = FileAttributes::empty(),
                        Err(error) => return Err(error.into()),
                    }
                }
                text.push_str(&listing::mlsd_line(&file.filename, &attrs, is_link));
            }
            Ok(Some((Bytes::from(text), n_links)))
        }
    })
}

fn failure(request: &Request, error: Error) -> NetError {
    let url = ShownUrl::from(&request.url);
    let refused = |why, said| NetError::Refused { url, why, said };
    match error {
        Error::Status(status) => {
            let why = match status.status_code {
                StatusCode::NoSuchFile => Refusal::NotFound,
                StatusCode::PermissionDenied => Refusal::Denied,
                StatusCode::NoConnection | StatusCode::ConnectionLost => {
                    return unreachable(request, Error::Status(status));
                }
                _ if is_full(&status.error_message) => Refusal::Full,
                _ => Refusal::Other,
            };
            let said = format!("{}: {}", status.status_code, status.error_message);
            refused(why, said.chars().take(500).collect())
        }
        Error::Limited(said) => refused(Refusal::Other, said),
        other => unreachable(request, other),
    }
}

/// SFTP (version 3) has no number for it; some servers have words.
fn is_full(message: &str) -> bool {
    let words = message.to_ascii_lowercase();
    ["no space", "disk full", "quota"]
        .iter()
        .any(|word| words.contains(word))
}
