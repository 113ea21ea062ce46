//! One session with a server of FTP, in the clear or over TLS.
//!
//! The address that a server names for passive mode is not looked at: data are fetched from the
//! host that the session is with, at the port named.

mod errands;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use rustls::client::Resumption;
use suppaftp::tokio::{
    AsyncRustlsConnector, AsyncRustlsFtpStream, AsyncRustlsStream, TransferStream,
};
use suppaftp::tokio_rustls::TlsConnector;
use suppaftp::types::{FileType, Response};
use suppaftp::{FtpError, Mode, Status};
use tokio::io::AsyncReadExt;

use crate::access::{FtpMode, FtpTls};
use crate::address::{self, Protocol};
use crate::dial::{self, unreachable};
use crate::error::{Cause, NetError, Refusal};
use crate::layers::Answer;
use crate::listing;
use crate::request::Request;
use crate::sessions::{self, Ask, Key, Lease, Sessions, Stat};
use crate::shown::ShownUrl;

/// Bytes read at once.
const PIECE: usize = 64 * 1024;

/// A session after its login, ready for a request.
pub(crate) struct Session {
    ftp: AsyncRustlsFtpStream,
    /// Whether it knows the listings made for programs.
    has_mlsd: bool,
    has_mlst: bool,
}

type Transfer = TransferStream<AsyncRustlsStream>;

impl Session {
    /// Connects and logs in.
    pub(crate) async fn connect(
        request: &Request,
        key: &Key,
        sessions: &Sessions,
    ) -> Result<Self, NetError> {
        let addresses = dial::resolve(request, &sessions.guard).await?;
        let fail = |error| failure(request, error);
        let ftp = match key.protocol() {
            Protocol::Ftps => implicit(request, &addresses, sessions).await?,
            protocol => {
                let stream = dial::connect(request, &addresses, sessions.limits.connect).await?;
                let ftp = AsyncRustlsFtpStream::connect_with_stream(stream)
                    .await
                    .map_err(fail)?;
                let secured =
                    protocol == Protocol::Ftpes || sessions.access.ftp_tls == FtpTls::Explicit;
                if secured {
                    let tls = connector(&sessions.tls);
                    ftp.into_secure(tls, &domain(request)).await.map_err(fail)?
                } else {
                    ftp
                }
            }
        };
        let mut ftp = with_mode(ftp, sessions).await.map_err(fail)?;
        ftp.login(&key.user, &key.password).await.map_err(fail)?;
        ftp.transfer_type(FileType::Binary).await.map_err(fail)?;
        // A server that does not know the question knows none of what is asked about either.
        let features = match ftp.feat().await {
            Err(FtpError::UnexpectedResponse(_)) => suppaftp::types::Features::new(),
            answer => answer.map_err(fail)?,
        };
        if features.contains_key("UTF8") {
            // Some answer that it is always on with a number of their own.
            let on = ftp.opts("UTF8", Some("ON")).await;
            refusable(on).map_err(fail)?;
        }
        let has_mlsd = features.contains_key("MLST") || features.contains_key("MLSD");
        let has_mlst = features.contains_key("MLST");
        Ok(Self {
            ftp,
            has_mlsd,
            has_mlst,
        })
    }

    /// Asks, and hands the session on to the body of the answer, or back when it is refused.
    pub(crate) async fn answer(
        mut self,
        request: &Request,
        lease: Lease,
    ) -> Result<Answer, NetError> {
        let path = address::path(&request.url).unwrap_or_else(|| "/".to_owned());
        let result = match Ask::of(request) {
            Ask::List => self.list(&path).await.map(|(transfer, media_type)| {
                (
                    sessions::listing(media_type, futures::stream::empty()),
                    Some(transfer),
                )
            }),
            Ask::Stat => self
                .stat(&path)
                .await
                .map(|stat| (stat.answer(0, None), None)),
            Ask::Read { from, if_date, .. } => self.read(&path, from, if_date.as_deref()).await,
            Ask::Errand(errand) => {
                let answer = errands::carry_out(&mut self, &path, errand).await;
                answer.map(|answer| (answer, None))
            }
        };
        match result {
            Ok((mut answer, Some(transfer))) => {
                let promised = crate::response::length(&answer.headers);
                answer.body = body(transfer, promised, self, lease).boxed();
                Ok(answer)
            }
            Ok((answer, None)) => {
                lease.give_back(sessions::Session::Ftp(Box::new(self)));
                Ok(answer)
            }
            Err(error) => {
                let error = failure(request, error);
                if matches!(&error, NetError::Refused { why, .. } if *why != Refusal::Busy) {
                    lease.give_back(sessions::Session::Ftp(Box::new(self)));
                }
                Err(error)
            }
        }
    }

    /// The folder is gone to first, since servers exist that answer a listing of a folder that is
    /// not there with an empty one, and take a name that begins with `-` for an option.
    async fn list(&mut self, path: &str) -> Result<(Transfer, &'static str), FtpError> {
        const STARTS: &[Status] = &[Status::AboutToSend, Status::AlreadyOpen];
        self.ftp.cwd(path).await?;
        if self.has_mlsd {
            match self.ftp.custom_data_command("MLSD", STARTS).await {
                Err(error) if is_unknown(&error) => self.has_mlsd = false,
                answer => return Ok((answer?.1, listing::MLSD)),
            }
        }
        let (_, transfer) = self.ftp.custom_data_command("LIST", STARTS).await?;
        Ok((transfer, listing::LIST))
    }

    async fn read(
        &mut self,
        path: &str,
        from: u64,
        if_date: Option<&str>,
    ) -> Result<(Answer, Option<Transfer>), FtpError> {
        let stat = self.look(path).await?;
        let mut from = stat.begins(from, if_date);
        if from > 0 {
            let offset = usize::try_from(from).map_err(|_| FtpError::BadResponse)?;
            self.ftp.resume_transfer(offset).await?;
        }
        let transfer = match self.ftp.retr_as_stream(path).await {
            Err(error) if from > 0 && is_unknown(&error) => {
                from = 0;
                self.ftp.retr_as_stream(path).await?
            }
            answer => answer?,
        };
        Ok((stat.answer(from, None), Some(transfer)))
    }

    /// Size and date as far as the server tells them; that it does not is no sign of a missing
    /// file, since some know neither question.
    async fn look(&mut self, path: &str) -> Result<Stat, FtpError> {
        let size = refusable(self.ftp.size(path).await)?;
        let modified = refusable(self.ftp.mdtm(path).await)?;
        Ok(Stat {
            size_bytes: size.map(|size| size as u64),
            modified: modified.map(|modified| modified.and_utc()),
        })
    }

    async fn stat(&mut self, path: &str) -> Result<Stat, FtpError> {
        let stat = self.look(path).await?;
        if stat.size_bytes.is_none() && stat.modified.is_none() {
            // Its refusal says why.
            self.ftp.size(path).await?;
        }
        Ok(stat)
    }
}

/// Sets who connects to whom for data. IPv6 has no other passive mode than the extended one.
async fn with_mode(
    ftp: AsyncRustlsFtpStream,
    sessions: &Sessions,
) -> Result<AsyncRustlsFtpStream, FtpError> {
    let within = sessions.limits.connect;
    // The library connects by itself for implicit TLS.
    let control = ftp.get_ref().await;
    control
        .set_nodelay(true)
        .map_err(FtpError::ConnectionError)?;
    let peer = control.peer_addr().map_err(FtpError::ConnectionError)?;
    drop(control);
    if sessions.access.ftp_mode == FtpMode::Active {
        return Ok(ftp.active_mode(within));
    }
    let mut ftp = ftp.passive_stream_builder(move |named| {
        let there = SocketAddr::new(peer.ip(), named.port());
        Box::pin(async move {
            dial::one(there, within)
                .await
                .map_err(FtpError::ConnectionError)
        })
    });
    ftp.set_mode(match peer {
        SocketAddr::V4(_) => Mode::Passive,
        SocketAddr::V6(_) => Mode::ExtendedPassive,
    });
    Ok(ftp)
}

/// TLS from the first byte on.
async fn implicit(
    request: &Request,
    addresses: &[SocketAddr],
    sessions: &Sessions,
) -> Result<AsyncRustlsFtpStream, NetError> {
    let fail = |error| failure(request, error);
    let mut last = unreachable(request, "its name leads to no address");
    let domain = domain(request);
    for address in addresses {
        let connecting = AsyncRustlsFtpStream::connect_secure_implicit(
            *address,
            connector(&sessions.tls),
            &domain,
        );
        // Greeting included, so that an address where nothing listens does not use up all the time.
        let within = sessions.limits.connect + Duration::from_secs(5);
        match tokio::time::timeout(within, connecting).await {
            Ok(Ok(mut ftp)) => {
                for command in ["PBSZ 0", "PROT P"] {
                    ftp.custom_command(command, &[Status::CommandOk])
                        .await
                        .map_err(fail)?;
                }
                return Ok(ftp);
            }
            Ok(Err(error)) => last = fail(error),
            Err(late) => last = unreachable(request, late),
        }
    }
    Err(last)
}

/// TLS for one session. Its memory is its own, since a server that wants data connections to
/// resume the control connection's TLS session means that of the same control connection.
fn connector(tls: &rustls::ClientConfig) -> AsyncRustlsConnector {
    let mut tls = tls.clone();
    tls.alpn_protocols.clear();
    tls.resumption = Resumption::in_memory_sessions(4);
    TlsConnector::from(Arc::new(tls)).into()
}

/// The name that the certificate must bear.
fn domain(request: &Request) -> String {
    let host = address::host(&request.url).map(|host| host.to_string());
    host.unwrap_or_default().trim_matches(['[', ']']).to_owned()
}

/// The bytes of a transfer. At their end the server must say that it sent them all; then the
/// session is given back.
fn body(
    transfer: Transfer,
    promised: Option<u64>,
    session: Session,
    lease: Lease,
) -> impl Stream<Item = Result<Bytes, Cause>> + Send + 'static {
    let state = Some((transfer, 0_u64, session, lease));
    futures::stream::try_unfold(state, move |state| async move {
        let Some((mut transfer, got, session, lease)) = state else {
            return Ok(None);
        };
        let mut piece = BytesMut::with_capacity(PIECE);
        match transfer.read_buf(&mut piece).await {
            Ok(n) if n > 0 => {
                let got = got + n as u64;
                return Ok(Some((
                    piece.freeze(),
                    Some((transfer, got, session, lease)),
                )));
            }
            // Servers exist that end TLS without saying so; the size tells that nothing is missing.
            Err(error)
                if error.kind() == std::io::ErrorKind::UnexpectedEof && promised == Some(got) => {}
            end => drop(end.map_err(Cause::from)?),
        }
        acknowledge(&session.ftp).await;
        transfer.finish().await?;
        lease.give_back(sessions::Session::Ftp(Box::new(session)));
        Ok(None)
    })
}

/// Acknowledges what the server said at the beginning of a transfer. Many servers say the next word
/// only then, and the system would put it off for 40 ms, with every file.
async fn acknowledge(ftp: &AsyncRustlsFtpStream) {
    let control = ftp.get_ref().await;
    // Without it the transfer is slower and nothing worse.
    let _ = rustix::net::sockopt::set_tcp_quickack(&*control, true);
}

/// A refusal as none; what says that the session is over stays an error.
fn refusable<T>(result: Result<T, FtpError>) -> Result<Option<T>, FtpError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(FtpError::UnexpectedResponse(response)) if response.status != Status::NotAvailable => {
            Ok(None)
        }
        Err(FtpError::BadResponse) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the server does not know what was asked of it.
fn is_unknown(error: &FtpError) -> bool {
    let FtpError::UnexpectedResponse(response) = error else {
        return false;
    };
    matches!(response.status.code(), 500..=504)
}

fn failure(request: &Request, error: FtpError) -> NetError {
    match error {
        FtpError::UnexpectedResponse(response) => NetError::Refused {
            url: ShownUrl::from(&request.url),
            why: meaning(&response),
            said: said(&response),
        },
        // The library tells the text only.
        FtpError::SecureError(text) if text.contains("certificate") => NetError::Refused {
            url: ShownUrl::from(&request.url),
            why: Refusal::Other,
            said: format!("its TLS cannot be trusted: {text}"),
        },
        FtpError::ConnectionError(error) => unreachable(request, error),
        other => unreachable(request, other),
    }
}

/// What a reply that was not hoped for means.
///
/// # Source
/// RFC 959 section 4.2. 550 is said of files that are not there and of those that may not be read
/// alike, so the words decide.
fn meaning(response: &Response) -> Refusal {
    let words = String::from_utf8_lossy(&response.body).to_ascii_lowercase();
    let has = |word: &str| words.contains(word);
    match response.status.code() {
        550 if has("denied") || has("permission") || has("privilege") || has("not allowed") => {
            Refusal::Denied
        }
        550 => Refusal::NotFound,
        // Servers that are full say so after the name.
        530 if has("too many") || has("maximum") || has("limit") => Refusal::Busy,
        430 | 530 | 532 => Refusal::NotLetIn,
        452 | 552 => Refusal::Full,
        400..=499 => Refusal::Busy,
        _ => Refusal::Other,
    }
}

/// The reply on one line, cut after 500 characters.
fn said(response: &Response) -> String {
    let text = String::from_utf8_lossy(&response.body);
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").chars().take(500).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_taken_for_what_it_means() {
        for (status, text, expected) in [
            (
                Status::FileUnavailable,
                "550 Failed to open file.",
                Refusal::NotFound,
            ),
            (
                Status::FileUnavailable,
                "550 Permission denied.",
                Refusal::Denied,
            ),
            (
                Status::NotLoggedIn,
                "530 Login incorrect.",
                Refusal::NotLetIn,
            ),
            (
                Status::NotLoggedIn,
                "530 Too many users are connected",
                Refusal::Busy,
            ),
            (Status::NotAvailable, "421 Idle.", Refusal::Busy),
            (Status::BadCommand, "500 What?", Refusal::Other),
        ] {
            let response = Response::new(status, text.as_bytes().to_vec());
            assert_eq!(meaning(&response), expected, "{text}");
            assert_eq!(said(&response), text);
        }
    }
}
