//! Addresses as people may see them.

use std::fmt;

use url::Url;

/// Longer addresses are cut; a query in ADQL can have many thousand characters.
const LONGEST: usize = 300;
/// A query key that has one of these in it carries something to be kept.
const SECRET_KEYS: [&str; 8] = [
    "token", "key", "password", "passwd", "pwd", "secret", "sig", "auth",
];

/// An address as it may stand in an error, a log line or a page: without user and password, with
/// `***` for the values of query keys that sound like secrets and for the names of jobs (UWS 1.1), which open their
/// results to whoever has them, cut after 300 characters.
#[derive(Clone, PartialEq, Eq)]
pub struct ShownUrl(Box<str>);

impl ShownUrl {
    /// The text to show.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&Url> for ShownUrl {
    fn from(url: &Url) -> Self {
        let mut shown = url.clone();
        // Both fail only for addresses that cannot have a user, which then show none either.
        let _ = shown.set_username("");
        let _ = shown.set_password(None);
        shown.set_fragment(None);
        let path = without_job(shown.path());
        shown.set_path(&path);
        let query = shown.query().map(masked);
        shown.set_query(query.as_deref());
        let mut text = String::from(shown);
        if let Some((at, _)) = text.char_indices().nth(LONGEST) {
            text.truncate(at);
            text.push('…');
        }
        Self(text.into())
    }
}

/// The path with the names of jobs, what follows `async` in it, masked.
fn without_job(path: &str) -> String {
    let mut follows = false;
    let parts = path.split('/').map(|part| {
        let is_job = follows && !part.is_empty();
        follows = part == "async";
        if is_job { "***" } else { part }
    });
    parts.collect::<Vec<_>>().join("/")
}

/// The query with the values of secret keys masked.
fn masked(query: &str) -> String {
    let parts = query.split('&').map(|part| match part.split_once('=') {
        Some((key, _)) if is_secret(key) => format!("{key}=***"),
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("&")
}

fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    SECRET_KEYS.iter().any(|secret| key.contains(secret))
}

impl fmt::Display for ShownUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ShownUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> String {
        ShownUrl::from(&Url::parse(url).unwrap()).to_string()
    }

    #[test]
    fn users_passwords_and_secret_values_are_masked_and_the_rest_is_kept() {
        assert_eq!(
            shown("https://ada:pw@pla.example/d?OID=1904&access_token=abc&X-Amz-Signature=f0#frag"),
            "https://pla.example/d?OID=1904&access_token=***&X-Amz-Signature=***"
        );
    }

    #[test]
    fn the_name_of_a_job_is_masked() {
        assert_eq!(
            shown("https://tap.example/tap/async/1479386030738O/results/result"),
            "https://tap.example/tap/async/***/results/result"
        );
        assert_eq!(
            shown("https://tap.example/tap/async/"),
            "https://tap.example/tap/async/"
        );
    }

    #[test]
    fn a_long_address_is_cut() {
        let long = shown(&format!(
            "https://tap.example/sync?QUERY={}",
            "a".repeat(5000)
        ));
        assert_eq!(long.chars().count(), LONGEST + 1);
    }
}
