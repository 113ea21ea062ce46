//! Sessions with servers of FTP and SFTP, kept while they are of use.
//!
//! A session serves one request at a time, so there are never more of them at work than requests
//! in flight. One that has done its work well is kept for the next request to the same host with
//! the same credentials; one that broke, or whose answer was not read to the end, is dropped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, IF_RANGE, LAST_MODIFIED, RANGE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tokio::time::Instant;
use tower::Service;

use crate::access::{Access, HostKey};
use crate::address::{self, Protocol};
use crate::errand::Errand;
use crate::error::{NetError, Refusal};
use crate::layers::{Answer, Answering};
use crate::network::Guard;
use crate::request::Request;
use crate::scope::{Limits, Scope};
use crate::shown::ShownUrl;
use crate::transport::Transport;
use crate::{ftp, sftp};

/// Idle sessions are ended after this; servers end them after some minutes.
const KEPT: Duration = Duration::from_secs(30);
/// Hosts whose first key is remembered.
const REMEMBERED: usize = 256;

/// The transport of a scope: HTTP, and beside it the sessions.
#[derive(Clone)]
pub(crate) struct Ways {
    http: Transport,
    sessions: Arc<Sessions>,
}

/// The sessions of a scope, and what they are made with.
pub(crate) struct Sessions {
    pub(crate) guard: Guard,
    pub(crate) tls: rustls::ClientConfig,
    pub(crate) access: Access,
    pub(crate) limits: Limits,
    idle: Mutex<Vec<Idle>>,
    login: Login,
    /// The first key each host showed.
    first_keys: Mutex<HashMap<String, HostKey>>,
}

/// How the hosts outside a scope are logged in to, which only storage elsewhere does: its hosts are
/// reached guardedly, and are still known.
#[derive(Clone, Default)]
pub(crate) struct Login {
    /// The private key to log in with over SFTP.
    pub(crate) key: Option<Arc<russh::keys::PrivateKey>>,
    /// Whether guarded hosts, too, must show one of `host_keys`.
    pub(crate) knows_hosts: bool,
}

/// A session that waits for its next request.
struct Idle {
    key: Key,
    since: Instant,
    session: Session,
}

/// What two requests have in common that may use the same session.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Key {
    protocol: Protocol,
    host: String,
    pub(crate) user: String,
    pub(crate) password: String,
    guarded: bool,
}

/// A session with one server.
pub(crate) enum Session {
    Ftp(Box<ftp::Session>),
    Sftp(sftp::Session),
}

/// Where a session goes when its answer was read to the end.
pub(crate) struct Lease {
    sessions: Arc<Sessions>,
    key: Key,
}

/// What is asked of a session.
pub(crate) enum Ask {
    /// The names in a folder.
    List,
    /// Size and date of a file.
    Stat,
    /// The bytes of a file.
    Read {
        /// From which byte on.
        from: u64,
        /// Only if its date, as a header has it, is this one; else from the beginning.
        if_date: Option<String>,
        /// The last byte that is wanted.
        upto: Option<u64>,
    },
    /// What changes something.
    Errand(Errand),
}

impl Ways {
    pub(crate) fn new(
        http: Transport,
        tls: rustls::ClientConfig,
        scope: &Scope,
        login: Login,
    ) -> Self {
        let sessions = Sessions {
            guard: http.guard.clone(),
            tls,
            access: scope.access.clone(),
            limits: scope.limits.clone(),
            idle: Mutex::default(),
            login,
            first_keys: Mutex::default(),
        };
        Self {
            http,
            sessions: Arc::new(sessions),
        }
    }

    /// The key that a host of SFTP showed first, `host:port`.
    pub(crate) fn first_key(&self, host: &str) -> Option<HostKey> {
        self.sessions.first_key(host)
    }

    /// Refuses what can be refused by looking at the address alone.
    pub(crate) fn check(&self, request: &Request) -> Result<(), NetError> {
        self.http.check(request)
    }
}

impl Service<Request> for Ways {
    type Response = Answer;
    type Error = NetError;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NetError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Answering {
        let (errand, url) = (request.errand.clone(), request.url.clone());
        let sending: Answering = match Protocol::of(&request.url) {
            Some(Protocol::Http) | None => self.http.call(request),
            Some(protocol) => {
                let sessions = Arc::clone(&self.sessions);
                Box::pin(async move { sessions.send(request, protocol).await })
            }
        };
        let Some(Errand::Write { source, .. }) = errand else {
            return sending;
        };
        // What broke because we broke it off does not count against the host.
        Box::pin(async move {
            let answer = sending.await;
            answer.map_err(|error| match source.is_given_up() {
                true => NetError::GivenUp {
                    url: ShownUrl::from(&url),
                },
                false => error,
            })
        })
    }
}

impl Sessions {
    /// Asks through a session that is there, else through a new one. A kept session that turns out
    /// to have ended meanwhile is replaced.
    async fn send(
        self: Arc<Self>,
        request: Request,
        protocol: Protocol,
    ) -> Result<Answer, NetError> {
        let key = Key::of(&request, protocol);
        loop {
            let kept = self.take(&key);
            let is_kept = kept.is_some();
            let session = match kept {
                Some(session) => session,
                None => self.connect(&request, &key).await?,
            };
            let lease = Lease {
                sessions: Arc::clone(&self),
                key: key.clone(),
            };
            match session.answer(&request, lease).await {
                Err(error) if is_kept && has_ended(&error) && !is_begun(&request) => {}
                answer => return answer,
            }
        }
    }

    async fn connect(&self, request: &Request, key: &Key) -> Result<Session, NetError> {
        match key.protocol {
            Protocol::Sftp => sftp::Session::connect(request, key, self)
                .await
                .map(Session::Sftp),
            _ => ftp::Session::connect(request, key, self)
                .await
                .map(|session| Session::Ftp(Box::new(session))),
        }
    }

    /// The private key for the request's host, where there is one.
    pub(crate) fn private_key(&self, request: &Request) -> Option<Arc<russh::keys::PrivateKey>> {
        self.login.key.clone().filter(|_| request.guarded)
    }

    /// The key that the host of the request showed first.
    pub(crate) fn first_key(&self, host: &str) -> Option<HostKey> {
        let first = self.first_keys.lock();
        first
            .unwrap_or_else(PoisonError::into_inner)
            .get(host)
            .cloned()
    }

    fn take(&self, key: &Key) -> Option<Session> {
        let mut idle = self.idle();
        idle.retain(|idle| idle.since.elapsed() < KEPT);
        let at = idle.iter().rposition(|idle| idle.key == *key)?;
        Some(idle.remove(at).session)
    }

    fn keep(self: Arc<Self>, key: Key, session: Session) {
        let mut idle = self.idle();
        if idle.len() >= self.limits.max_in_flight.max(1) {
            idle.remove(0);
        }
        idle.push(Idle {
            key,
            since: Instant::now(),
            session,
        });
        drop(idle);
        let sessions = Arc::downgrade(&self);
        tokio::spawn(async move {
            tokio::time::sleep(KEPT).await;
            if let Some(sessions) = sessions.upgrade() {
                sessions.idle().retain(|idle| idle.since.elapsed() < KEPT);
            }
        });
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a host may show this key; if not, what it should have been.
    ///
    /// A host of the scope must show one of `host_keys`, if there are any; every other must show
    /// the key that it showed first.
    pub(crate) fn check_key(&self, request: &Request, shown: &HostKey) -> Result<(), String> {
        let is_known = !request.guarded || self.login.knows_hosts;
        if is_known && !self.access.host_keys.is_empty() {
            return match self.access.host_keys.contains(shown) {
                true => Ok(()),
                false => Err("one of `host_keys`".to_owned()),
            };
        }
        let mut first = self
            .first_keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match first.get(&request.host()) {
            Some(known) if known == shown => Ok(()),
            Some(known) => Err(format!("`{known}`, which it showed before")),
            None if first.len() >= REMEMBERED => Err(format!(
                "known, and no more than {REMEMBERED} are remembered"
            )),
            None => {
                first.insert(request.host(), shown.clone());
                Ok(())
            }
        }
    }
}

impl Session {
    async fn answer(self, request: &Request, lease: Lease) -> Result<Answer, NetError> {
        match self {
            Self::Ftp(session) => session.answer(request, lease).await,
            Self::Sftp(session) => session.answer(request, lease).await,
        }
    }
}

impl Lease {
    /// Keeps a session that is ready for its next request.
    pub(crate) fn give_back(self, session: Session) {
        self.sessions.keep(self.key, session);
    }
}

impl Key {
    /// Without a user the address means `anonymous`.
    fn of(request: &Request, protocol: Protocol) -> Self {
        let url = &request.url;
        let text = |text: &str| address::decoded(text).map(Into::into);
        let user = text(url.username()).filter(|user: &String| !user.is_empty());
        let usual = match (&user, protocol) {
            // Servers want something that looks like an address to write to.
            (None, protocol) if protocol != Protocol::Sftp => "gantry@",
            _ => "",
        };
        Self {
            protocol,
            host: request.host(),
            user: user.unwrap_or_else(|| "anonymous".to_owned()),
            password: url
                .password()
                .and_then(text)
                .unwrap_or_else(|| usual.to_owned()),
            guarded: request.guarded,
        }
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }
}

impl Ask {
    pub(crate) fn of(request: &Request) -> Self {
        if let Some(errand) = &request.errand {
            return Self::Errand(errand.clone());
        }
        if request.listing {
            return Self::List;
        }
        if request.method == Method::HEAD {
            return Self::Stat;
        }
        let text = |name| request.headers.get(name)?.to_str().ok();
        let range = text(RANGE)
            .and_then(|text: &str| text.strip_prefix("bytes="))
            .and_then(|text| text.split_once('-'));
        let (from, upto) = range.unwrap_or_default();
        Self::Read {
            from: from.parse().unwrap_or(0),
            upto: upto.parse().ok(),
            if_date: text(IF_RANGE).map(ToOwned::to_owned),
        }
    }
}

/// Whether a kept session failed because it had ended.
fn has_ended(error: &NetError) -> bool {
    matches!(
        error,
        NetError::Unreachable { .. }
            | NetError::Refused {
                why: Refusal::Busy,
                ..
            }
    )
}

/// Whether some of what it writes is gone.
fn is_begun(request: &Request) -> bool {
    matches!(&request.errand, Some(Errand::Write { source, .. }) if source.is_begun())
}

/// What is known of a file before its bytes come.
#[derive(Default)]
pub(crate) struct Stat {
    pub(crate) size_bytes: Option<u64>,
    pub(crate) modified: Option<chrono::DateTime<chrono::Utc>>,
}

impl Stat {
    /// Where reading begins: at `from`, unless the file ends there or is another one by its date.
    pub(crate) fn begins(&self, from: u64, if_date: Option<&str>) -> u64 {
        let date = self.date();
        let is_same = if_date.is_none() || if_date == date.as_deref();
        let goes_on = self.size_bytes.is_some_and(|size| from < size);
        if is_same && goes_on { from } else { 0 }
    }

    fn date(&self) -> Option<String> {
        let modified = self.modified?;
        Some(modified.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
    }

    /// Where reading up to byte `upto` ends, where that is known.
    pub(crate) fn end(&self, from: u64, upto: Option<u64>) -> Option<u64> {
        let size = self.size_bytes?;
        let wanted = upto.filter(|upto| *upto >= from);
        Some(wanted.map_or(size, |upto| size.min(upto.saturating_add(1))))
    }

    /// The headers a server of HTTP would have sent for the file from byte `from` on, to byte
    /// `upto` or its end.
    pub(crate) fn answer(&self, from: u64, upto: Option<u64>) -> Answer {
        let mut answer = Answer::empty(StatusCode::OK);
        let mut is_part = from > 0;
        let mut put = |name, text: String| {
            if let Ok(value) = HeaderValue::try_from(text) {
                answer.headers.insert(name, value);
            }
        };
        if let Some(size) = self.size_bytes {
            let end = self.end(from, upto).unwrap_or(size);
            put(CONTENT_LENGTH, (end - from).to_string());
            if from > 0 || end < size {
                put(CONTENT_RANGE, format!("bytes {from}-{}/{size}", end - 1));
                is_part = true;
            }
        }
        if let Some(date) = self.date() {
            put(LAST_MODIFIED, date);
        }
        if is_part {
            answer.status = StatusCode::PARTIAL_CONTENT;
        }
        answer
    }
}

/// An answer that holds a listing of the given kind.
pub(crate) fn listing(
    media_type: &'static str,
    body: impl futures::Stream<Item = Result<bytes::Bytes, crate::error::Cause>> + Send + 'static,
) -> Answer {
    let mut answer = Answer::empty(StatusCode::OK);
    answer.headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media_type))]);
    answer.body = body.boxed();
    answer
}
