//! A scope: one archive (or hub, or volume) as the outside sees us deal with it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::access::Access;
use crate::address;

/// Whom we talk to, which hosts belong to it, and how much we ask of it.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Scope {
    /// The name in logs and errors, such as the archive's id.
    pub name: String,
    /// The hosts that are trusted, `host` or `host:port`. A host without a port stands for its
    /// ports 80 and 443, and for the usual ports of FTP and SFTP by these; every other address
    /// goes through the guarded client.
    pub hosts: Vec<String>,
    /// How much we ask of it.
    pub limits: Limits,
    /// How its files are reached over FTP and SFTP.
    pub access: Access,
    /// Addresses with a user, whose login goes to their host and port by the same scheme. What we ask for need not have
    /// it, so that addresses can be shown and kept.
    pub logins: Vec<Url>,
}

/// How much we ask of a scope, and how long we wait.
///
/// In the configuration the durations are in seconds and their names end with `_s`:
/// `max_in_flight`, `per_second`, `connect_s`, `headers_s`, `head_s`, `idle_s`, `attempts`,
/// `backoff_s`, `max_redirects`, `failures`, `open_for_s`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "LimitsText", into = "LimitsText")]
pub struct Limits {
    /// Requests in flight at once, at least 1. One counts until its body is read or dropped. 4.
    pub max_in_flight: usize,
    /// Requests started per second. 8.
    pub per_second: f64,
    /// Time for a connection to be made. 10 s.
    pub connect: Duration,
    /// Time from sending a request until its headers are there. 60 s.
    pub headers: Duration,
    /// The same for a HEAD, since there are servers whose HEAD never answers. 5 s.
    pub head: Duration,
    /// Time between two pieces of a body. 60 s.
    pub idle: Duration,
    /// How often a request is tried, at least 1. 4.
    pub attempts: u32,
    /// Wait before the second attempt; doubled each time, up to 30 s, and shortened at random by
    /// up to half. 0.5 s.
    pub backoff: Duration,
    /// Redirects followed for one request. 5.
    pub max_redirects: u32,
    /// Transient failures in a row after which the circuit of a host opens, at least 1. 5.
    pub failures: u32,
    /// Time a circuit stays open before one request is let through to try. 30 s.
    pub open_for: Duration,
}

/// A limit that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("`{name} = {value}` is out of range; allowed is {allowed}")]
pub struct BadLimit {
    name: &'static str,
    value: f64,
    allowed: &'static str,
}

impl Scope {
    /// A scope with the default limits that trusts the hosts of the given addresses, each on the
    /// port of its address only.
    pub fn new<'a>(name: impl Into<String>, urls: impl IntoIterator<Item = &'a Url>) -> Self {
        let hosts = urls.into_iter().filter_map(|url| {
            let port = address::port(url)?;
            Some(format!("{}:{port}", url.host_str()?))
        });
        Self {
            name: name.into(),
            hosts: hosts.collect(),
            limits: Limits::default(),
            access: Access::default(),
            logins: Vec::new(),
        }
    }

    /// The address with the login that is known for its place, where it has none.
    pub(crate) fn with_login(&self, mut url: Url) -> Url {
        let place = |url: &Url| {
            (
                url.scheme().to_owned(),
                url.host_str().map(str::to_owned),
                address::port(url),
            )
        };
        let is_bare = url.username().is_empty() && url.password().is_none();
        if is_bare && let Some(login) = self.logins.iter().find(|login| place(login) == place(&url))
        {
            // Both fail only for addresses that cannot have a user.
            let _ = url.set_username(login.username());
            let _ = url.set_password(login.password());
        }
        url
    }

    /// Whether the address is on a host of this scope.
    pub fn trusts(&self, url: &Url) -> bool {
        let (Some(host), Some(port)) = (url.host_str(), address::port(url)) else {
            return false;
        };
        self.hosts.iter().any(|entry| {
            let (name, is_port) = match split(entry) {
                (name, Some(trusted)) => (name, trusted == port),
                (name, None) => (name, address::has_usual_port(url)),
            };
            name.eq_ignore_ascii_case(host) && is_port
        })
    }
}

/// `host:port` as name and port; the colons of `[::1]` belong to the name.
fn split(entry: &str) -> (&str, Option<u16>) {
    match entry.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_in_flight: 4,
            per_second: 8.0,
            connect: Duration::from_secs(10),
            headers: Duration::from_secs(60),
            head: Duration::from_secs(5),
            idle: Duration::from_secs(60),
            attempts: 4,
            backoff: Duration::from_millis(500),
            max_redirects: 5,
            failures: 5,
            open_for: Duration::from_secs(30),
        }
    }
}

/// The limits as they are written in the configuration.
#[derive(Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LimitsText {
    max_in_flight: usize,
    per_second: f64,
    connect_s: f64,
    headers_s: f64,
    head_s: f64,
    idle_s: f64,
    attempts: u32,
    backoff_s: f64,
    max_redirects: u32,
    failures: u32,
    open_for_s: f64,
}

impl Default for LimitsText {
    fn default() -> Self {
        Limits::default().into()
    }
}

impl From<Limits> for LimitsText {
    fn from(limits: Limits) -> Self {
        Self {
            max_in_flight: limits.max_in_flight,
            per_second: limits.per_second,
            connect_s: limits.connect.as_secs_f64(),
            headers_s: limits.headers.as_secs_f64(),
            head_s: limits.head.as_secs_f64(),
            idle_s: limits.idle.as_secs_f64(),
            attempts: limits.attempts,
            backoff_s: limits.backoff.as_secs_f64(),
            max_redirects: limits.max_redirects,
            failures: limits.failures,
            open_for_s: limits.open_for.as_secs_f64(),
        }
    }
}

impl TryFrom<LimitsText> for Limits {
    type Error = BadLimit;

    fn try_from(text: LimitsText) -> Result<Self, BadLimit> {
        Ok(Self {
            max_in_flight: count("max_in_flight", text.max_in_flight as u64)? as usize,
            per_second: rate("per_second", text.per_second)?,
            connect: seconds("connect_s", text.connect_s)?,
            headers: seconds("headers_s", text.headers_s)?,
            head: seconds("head_s", text.head_s)?,
            idle: seconds("idle_s", text.idle_s)?,
            attempts: count("attempts", text.attempts.into())? as u32,
            backoff: seconds("backoff_s", text.backoff_s)?,
            max_redirects: text.max_redirects,
            failures: count("failures", text.failures.into())? as u32,
            open_for: seconds("open_for_s", text.open_for_s)?,
        })
    }
}

fn count(name: &'static str, value: u64) -> Result<u64, BadLimit> {
    if (1..=10_000).contains(&value) {
        return Ok(value);
    }
    Err(BadLimit {
        name,
        value: value as f64,
        allowed: "a whole number from 1 to 10000",
    })
}

fn rate(name: &'static str, value: f64) -> Result<f64, BadLimit> {
    if (0.001..=10_000.0).contains(&value) {
        return Ok(value);
    }
    let allowed = "a number from 0.001 to 10000";
    Err(BadLimit {
        name,
        value,
        allowed,
    })
}

fn seconds(name: &'static str, value: f64) -> Result<Duration, BadLimit> {
    if (0.001..=86_400.0).contains(&value) {
        return Ok(Duration::from_secs_f64(value));
    }
    let allowed = "a number of seconds from 0.001 to 86400";
    Err(BadLimit {
        name,
        value,
        allowed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusts(hosts: &[&str], url: &str) -> bool {
        let scope = Scope {
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            ..Scope::default()
        };
        scope.trusts(&Url::parse(url).unwrap())
    }

    #[test]
    fn a_login_goes_to_its_host_and_port_by_its_scheme_alone() {
        let url = |text: &str| -> Url { text.parse().unwrap() };
        let scope = Scope {
            logins: vec![url("ftp://bob:hunter2@h.example:2121/gnss/")],
            ..Scope::default()
        };
        let asked = |text: &str| scope.with_login(url(text)).to_string();
        assert_eq!(
            asked("ftp://h.example:2121/a"),
            "ftp://bob:hunter2@h.example:2121/a"
        );
        for other in [
            "ftp://h.example/a",
            "ftp://other.example:2121/a",
            "sftp://h.example:2121/a",
            "ftp://ada@h.example:2121/a",
        ] {
            assert_eq!(asked(other), other);
        }
    }

    #[test]
    fn a_host_without_a_port_stands_for_the_usual_ports() {
        assert!(trusts(&["pla.example"], "https://PLA.example/a"));
        assert!(trusts(&["Pla.Example"], "http://pla.example/a"));
        assert!(!trusts(&["pla.example"], "http://pla.example:8080/a"));
        assert!(!trusts(
            &["pla.example"],
            "https://evil.example/pla.example"
        ));
        assert!(!trusts(
            &["pla.example"],
            "https://pla.example.evil.example/"
        ));
        assert!(!trusts(
            &["pla.example"],
            "https://pla.example@evil.example/"
        ));
        assert!(!trusts(&[], "https://pla.example/"));
    }

    #[test]
    fn a_host_with_a_port_stands_for_that_port_only() {
        assert!(trusts(&["127.0.0.1:9000"], "http://127.0.0.1:9000/"));
        assert!(!trusts(&["127.0.0.1:9000"], "http://127.0.0.1:9001/"));
        assert!(trusts(&["[::1]:9000"], "http://[::1]:9000/"));
        assert!(trusts(&["[::1]"], "http://[::1]/"));
        assert!(!trusts(&["[::1]"], "http://[::1]:9000/"));
        assert!(trusts(&["pla.example:443"], "https://pla.example/"));
        assert!(!trusts(&["pla.example:443"], "http://pla.example/"));
    }

    #[test]
    fn a_host_without_a_port_stands_for_the_port_of_ftp_and_sftp_by_these_only() {
        let hosts = ["gssc.example"];
        for url in [
            "ftp://gssc.example/a",
            "ftps://GSSC.example/a",
            "sftp://gssc.example/a",
        ] {
            assert!(trusts(&hosts, url), "{url}");
        }
        for url in [
            "http://gssc.example:22/",
            "sftp://gssc.example:21/",
            "ftp://gssc.example:2121/",
        ] {
            assert!(!trusts(&hosts, url), "{url}");
        }
        assert!(trusts(&["gssc.example:2200"], "sftp://gssc.example:2200/a"));
        let url = Url::parse("sftp://gssc.example/gnss/").unwrap();
        assert_eq!(Scope::new("gssc", [&url]).hosts, ["gssc.example:22"]);
    }

    #[test]
    fn a_scope_made_from_addresses_trusts_their_ports() {
        let url = Url::parse("http://127.0.0.1:9000/tap").unwrap();
        let scope = Scope::new("gaia", [&url]);
        assert_eq!(scope.hosts, ["127.0.0.1:9000"]);
        assert!(scope.trusts(&url));
    }

    #[test]
    fn limits_are_read_in_seconds_and_checked() {
        let limits: Limits = toml::from_str("per_second = 2.5\nopen_for_s = 0.5").unwrap();
        assert_eq!(limits.per_second, 2.5);
        assert_eq!(limits.open_for, Duration::from_millis(500));
        assert_eq!(limits.max_in_flight, Limits::default().max_in_flight);

        for wrong in [
            "per_second = 0.0",
            "idle_s = -1.0",
            "attempts = 0",
            "open_for = 3",
            "idle_s = nan",
        ] {
            let error = toml::from_str::<Limits>(wrong).unwrap_err().to_string();
            let key = wrong.split(' ').next().unwrap();
            assert!(error.contains(key), "{error}");
        }
    }
}
