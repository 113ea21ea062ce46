//! What can go wrong outside, and whether trying again makes sense.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::StatusCode;

use crate::network::Forbidden;
use crate::shown::ShownUrl;

/// What lies behind a failure: an error of one of the libraries that speak to the outside.
pub type Cause = Box<dyn Error + Send + Sync>;

/// What went wrong between us and somebody outside. No variant carries a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// The file of certificate authorities could not be read or is not PEM.
    #[error("could not read the certificates in `{}`", path.display())]
    Certificates {
        /// `[net] ca_file`.
        path: PathBuf,
        /// Why.
        source: Cause,
    },
    /// The HTTP client could not be made from the configuration.
    #[error("could not set up HTTP from section `[net]`")]
    Setup {
        /// Why.
        source: reqwest::Error,
    },
    /// Not an address we can ask: another scheme, or no host.
    #[error("`{url}` is not an address to ask: {reason}")]
    BadAddress {
        /// The address.
        url: ShownUrl,
        /// Why.
        reason: &'static str,
    },
    /// An address that addresses from outside may not lead to.
    #[error("`{url}` may not be opened; `[net] allow_private` can allow it")]
    Forbidden {
        /// The address.
        url: ShownUrl,
        /// Where it leads.
        source: Forbidden,
    },
    /// A redirect that is not followed.
    #[error("`{url}` leads to `{to}`, which is not followed: {reason}")]
    BadRedirect {
        /// The address asked.
        url: ShownUrl,
        /// Where it leads.
        to: String,
        /// Why.
        reason: &'static str,
    },
    /// More redirects than `max_redirects`.
    #[error("`{url}` {}", led(.limit))]
    TooManyRedirects {
        /// The address asked first.
        url: ShownUrl,
        /// `max_redirects`.
        limit: u32,
    },
    /// No connection, or it broke before the headers were there.
    #[error("could not reach `{url}`")]
    Unreachable {
        /// The address.
        url: ShownUrl,
        /// Why.
        source: Cause,
    },
    /// No headers in time.
    #[error("`{url}` did not answer within {} s", within.as_secs_f64())]
    NoAnswer {
        /// The address.
        url: ShownUrl,
        /// How long we waited.
        within: Duration,
    },
    /// An answer that is neither a success nor a redirect.
    #[error("`{url}` answered {status}")]
    Status {
        /// The address.
        url: ShownUrl,
        /// The status.
        status: StatusCode,
        /// The first 500 characters of a text body, without tags and needless blanks.
        excerpt: String,
        /// When `Retry-After` asks us to come back.
        retry_at: Option<DateTime<Utc>>,
    },
    /// A server of FTP or SFTP refused what was asked.
    #[error("`{url}` was refused: {said}")]
    Refused {
        /// The address.
        url: ShownUrl,
        /// What the refusal means.
        why: Refusal,
        /// What the server said.
        said: String,
    },
    /// A host that shows another key than it must.
    #[error("`{url}` shows the host key `{shown}`, which is not {expected}")]
    HostKey {
        /// The address.
        url: ShownUrl,
        /// The fingerprint shown.
        shown: String,
        /// What it should be, in words.
        expected: String,
    },
    /// The private key to log in with cannot be used.
    #[error("could not read the private key in `{}`", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Cause,
    },
    /// A listing of a folder that cannot be relied on.
    #[error("the listing of `{url}` {reason}")]
    BadListing {
        /// The folder.
        url: ShownUrl,
        /// What is wrong with it.
        reason: String,
    },
    /// A listing of a folder of which one line cannot be read, perhaps for a name with a line break in it.
    #[error("the listing of `{url}` has an unreadable line `{line}`")]
    BadLine {
        /// The folder.
        url: ShownUrl,
        /// The line, its first 200 characters.
        line: String,
    },
    /// A path that cannot be one below the root of storage elsewhere.
    #[error("`{path}` is not a path in storage elsewhere: {reason}")]
    BadPath {
        /// The path, its control characters escaped.
        path: String,
        /// Why.
        reason: &'static str,
    },
    /// Something is where something was to come, and is not replaced.
    #[error("`{url}` is there already")]
    Exists {
        /// The address.
        url: ShownUrl,
    },
    /// A folder that holds something.
    #[error("`{url}` is a folder that is not empty")]
    NotEmpty {
        /// The address.
        url: ShownUrl,
    },
    /// A folder that holds more than is deleted or moved in one go.
    #[error("`{url}` holds more than {limit} files and folders")]
    TooMuch {
        /// The address.
        url: ShownUrl,
        /// How many are taken.
        limit: usize,
    },
    /// Who was writing broke off; the other side has done nothing wrong.
    #[error("the writing of `{url}` was given up")]
    GivenUp {
        /// The address.
        url: ShownUrl,
    },
    /// What was written is not what is there.
    #[error("of `{url}` {got} bytes are there, not the {expected} that were to be")]
    NotWritten {
        /// The address.
        url: ShownUrl,
        /// Bytes written, or promised before.
        expected: u64,
        /// Bytes there, or written.
        got: u64,
    },
    /// The other side stopped taking what is written.
    #[error("`{url}` took nothing for {} s after {taken} bytes", idle.as_secs_f64())]
    NotTaken {
        /// The address.
        url: ShownUrl,
        /// Bytes taken, up to what was on its way.
        taken: u64,
        /// How long we waited.
        idle: Duration,
    },
    /// We are asked to stay away for longer than a request may wait.
    #[error("`{url}` answered {status} and asks to come back at {}", at(retry_at))]
    Overloaded {
        /// The address.
        url: ShownUrl,
        /// The status.
        status: StatusCode,
        /// When to come back.
        retry_at: DateTime<Utc>,
    },
    /// Not asked, since the host failed too often just now.
    #[error(
        "`{host}` is left alone until {} after failing repeatedly ({last})",
        at(until)
    )]
    CircuitOpen {
        /// `host:port`.
        host: String,
        /// When it is tried again.
        until: DateTime<Utc>,
        /// Its last failure.
        last: String,
    },
    /// The body ended before the length its headers promised.
    #[error("`{url}` ended after {got} of {expected} bytes")]
    CutShort {
        /// The address.
        url: ShownUrl,
        /// Bytes promised.
        expected: u64,
        /// Bytes that came.
        got: u64,
    },
    /// A body of unknown length broke.
    #[error("`{url}` broke off after {got} bytes")]
    Interrupted {
        /// The address.
        url: ShownUrl,
        /// Bytes that came.
        got: u64,
        /// Why.
        source: Cause,
    },
    /// The body stopped coming.
    #[error("`{url}` sent nothing for {} s after {got} bytes", idle.as_secs_f64())]
    Stalled {
        /// The address.
        url: ShownUrl,
        /// Bytes that came.
        got: u64,
        /// How long we waited.
        idle: Duration,
    },
    /// A body larger than the caller takes.
    #[error("`{url}` is larger than the {limit} bytes taken here")]
    BodyTooLarge {
        /// The address.
        url: ShownUrl,
        /// Bytes taken.
        limit: u64,
    },
}

/// What a refusal over FTP or SFTP means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such file or folder.
    NotFound,
    /// We are not let in with these credentials.
    NotLetIn,
    /// We are let in, but may not do that.
    Denied,
    /// Not now; perhaps later.
    Busy,
    /// It has no room for more.
    Full,
    /// The server cannot do that, or does not say why.
    Other,
}

fn at(time: &DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

fn led(limit: &u32) -> String {
    match limit {
        0 => "leads elsewhere, and no redirect is followed here".to_owned(),
        _ => format!("led through more than {limit} redirects"),
    }
}

impl NetError {
    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Status { status, .. } => is_transient(*status),
            Self::Unreachable { source, .. } => !is_about_certificates(source.as_ref()),
            Self::Refused { why, .. } => *why == Refusal::Busy,
            Self::NoAnswer { .. }
            | Self::Overloaded { .. }
            | Self::CircuitOpen { .. }
            | Self::CutShort { .. }
            | Self::Interrupted { .. }
            | Self::NotWritten { .. }
            | Self::NotTaken { .. }
            | Self::Stalled { .. } => true,
            _ => false,
        }
    }

    /// Whether the answer was that there is no such thing: 404 or 410, FTP's 550, SFTP's 2.
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::Refused { why, .. } => *why == Refusal::NotFound,
            other => matches!(
                other.status(),
                Some(StatusCode::NOT_FOUND | StatusCode::GONE)
            ),
        }
    }

    /// Whether the answer was that our credentials do not do: 401 or 403, FTP's 530, SFTP's 3.
    pub fn is_denied(&self) -> bool {
        match self {
            Self::Refused { why, .. } => matches!(why, Refusal::Denied | Refusal::NotLetIn),
            other => matches!(
                other.status(),
                Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
            ),
        }
    }

    /// Whether we were not let in at all, so that asking again with the same credentials is of no use: 401, FTP's 530,
    /// a login refused by SFTP, a signature that S3 does not take.
    pub fn is_not_let_in(&self) -> bool {
        match self {
            Self::Refused { why, .. } => *why == Refusal::NotLetIn,
            Self::Status {
                status, excerpt, ..
            } => match *status {
                StatusCode::UNAUTHORIZED => true,
                StatusCode::FORBIDDEN => S3_REFUSALS.iter().any(|code| excerpt.contains(code)),
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether the other side has no room for more: 507, FTP's 452 and 552, what SFTP says in words.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Refused { why, .. } => *why == Refusal::Full,
            other => other.status() == Some(StatusCode::INSUFFICIENT_STORAGE),
        }
    }

    /// The error with what the other side said and what is behind it, on one line of at most 1000 characters.
    pub fn told(&self) -> String {
        let mut told: Vec<String> = Vec::new();
        let excerpt = match self {
            // What it says is in the error's own words.
            Self::Refused { .. } => None,
            error => error.excerpt(),
        };
        if let Some(said) = excerpt {
            told.push(format!("{self}: {said}"));
        }
        for cause in causes(self) {
            let text = cause.to_string();
            if !told.iter().any(|before| before.contains(&text)) {
                told.push(text);
            }
        }
        told.join(": ").chars().take(1000).collect()
    }

    /// The status, when there was an answer with one.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status { status, .. } | Self::Overloaded { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// When to try again, when that is known.
    pub fn retry_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Status { retry_at, .. } => *retry_at,
            Self::Overloaded { retry_at, .. } => Some(*retry_at),
            Self::CircuitOpen { until, .. } => Some(*until),
            _ => None,
        }
    }

    /// What the other side said, when its answer was an error with a text.
    pub fn excerpt(&self) -> Option<&str> {
        match self {
            Self::Refused { said, .. } => Some(said),
            Self::Status { excerpt, .. } if !excerpt.is_empty() => Some(excerpt),
            _ => None,
        }
    }
}

/// Whether a status may be another one later. 500 is among them: the Gaia archive answers it when
/// its connections have run out.
fn is_transient(status: StatusCode) -> bool {
    match status.as_u16() {
        408 | 425 | 429 => true,
        501 | 505 => false,
        other => other >= 500,
    }
}

/// Whether a connection failed because of a certificate, which trying again does not mend.
fn is_about_certificates(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| {
        let cause = unwrapped(cause).downcast_ref::<rustls::Error>();
        matches!(cause, Some(rustls::Error::InvalidCertificate(_)))
    })
}

/// What an `io::Error` was made from; it is passed over by `source`.
fn unwrapped<'a>(mut error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    while let Some(inner) = error.downcast_ref().and_then(std::io::Error::get_ref) {
        error = inner;
    }
    error
}

/// What S3 says of a key or a signature it does not take.
const S3_REFUSALS: [&str; 3] = [
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
];

/// An error and everything behind it.
pub(crate) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16) -> NetError {
        NetError::Status {
            url: ShownUrl::from(&"https://pla.example/".parse().unwrap()),
            status: StatusCode::from_u16(code).unwrap(),
            excerpt: String::new(),
            retry_at: None,
        }
    }

    #[test]
    fn an_error_knows_whether_trying_again_makes_sense() {
        for code in [408, 429, 500, 502, 503, 504] {
            assert!(status(code).is_transient(), "{code}");
        }
        for code in [400, 401, 403, 404, 409, 410, 416, 501] {
            assert!(!status(code).is_transient(), "{code}");
        }
        assert!(status(404).is_not_found() && status(410).is_not_found());
        assert!(status(401).is_denied() && !status(400).is_denied());
    }

    #[test]
    fn a_bad_certificate_is_found_however_deep_it_lies() {
        use rustls::{CertificateError::UnknownIssuer, Error::InvalidCertificate};
        use std::io::Error as Io;
        let nested = Io::other(Io::other(InvalidCertificate(UnknownIssuer)));
        assert!(is_about_certificates(&nested));
        assert!(!is_about_certificates(&Io::other("connection reset")));
    }
}
