//! Logging in as somebody: the archive answers with a cookie that says who asks.

use gantry_connector::{Login, OpenError};
use gantry_net::header::SET_COOKIE;
use gantry_net::{HeaderMap, HeaderValue, Method, Request};
use url::{Host, Url};

use crate::Gaia;

/// The cookies that are sessions, the one that counts first.
const SESSIONS: [&str; 2] = ["SESSION", "JSESSIONID"];

impl Gaia {
    /// Logs in; gives the cookie of the session.
    ///
    /// A login that is refused is refused once: nobody tries it again by themselves.
    pub(crate) async fn log_in(
        &self,
        name: &str,
        at: &Url,
        login: &Login,
    ) -> Result<HeaderValue, OpenError> {
        if shows_passwords(at) {
            let why = format!(
                "`{at}` is no https address, so the login of `{}` could be read on the way; the operator sets `url` of the archive",
                login.username
            );
            return Err(self.refused(name, why));
        }
        let form = [
            ("username".to_owned(), login.username.clone()),
            ("password".to_owned(), login.password.clone()),
        ];
        let answer = self
            .client
            .request(Request::new(Method::POST, at.clone()).form(&form))
            .await;
        let response = match answer {
            Ok(response) => response,
            Err(error)
                if error
                    .status()
                    .is_some_and(|status| status.is_client_error())
                    && !error.is_transient() =>
            {
                let why = format!(
                    "the archive refused the login of `{}`; change it or take it away, where the archive is listed",
                    login.username
                );
                return Err(self.refused(name, why));
            }
            Err(error) => return Err(self.net(name, error)),
        };
        session(response.headers()).ok_or_else(|| {
            self.refused(
                name,
                format!("the archive let `{}` in without a session", login.username),
            )
        })
    }
}

/// Whether a password could be read on its way there: over the network without TLS.
fn shows_passwords(at: &Url) -> bool {
    let is_here = match at.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    at.scheme() != "https" && !is_here
}

/// The cookie of a session among those that are set.
fn session(headers: &HeaderMap) -> Option<HeaderValue> {
    let set: Vec<&str> = headers
        .get_all(SET_COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok()?.split(';').next())
        .collect();
    let named = |name: &&str| {
        let of_name = |cookie: &&&str| {
            cookie
                .split_once('=')
                .is_some_and(|(key, value)| key == *name && !value.is_empty())
        };
        set.iter().find(of_name).map(|cookie| (*cookie).to_owned())
    };
    let cookie = SESSIONS.iter().find_map(named)?;
    let mut cookie = HeaderValue::try_from(cookie).ok()?;
    cookie.set_sensitive(true);
    Some(cookie)
}

#[cfg(test)]
mod tests {
    use super::shows_passwords;

    #[test]
    fn a_password_goes_over_tls_or_stays_on_this_machine() {
        let shown = |url: &str| shows_passwords(&url.parse().unwrap());
        assert!(shown("http://archive.example/tap-server/login"));
        assert!(shown("http://127.0.0.1.archive.example/login"));
        for url in [
            "https://archive.example/login",
            "http://127.0.0.1:8080/login",
            "http://localhost/login",
            "http://[::1]/login",
        ] {
            assert!(!shown(url), "{url}");
        }
    }
}
