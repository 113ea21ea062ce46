//! The schemes spoken, and what the addresses of each say.
//!
//! The URL standard knows the hosts and ports of HTTP and FTP only; those of the other schemes are
//! read here by the same rules, so that a spelling that leads to loopback is seen for what it is.

use std::borrow::Cow;

use url::{Host, Url};

/// How a host is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http,
    /// FTP; also explicit FTPS, by the scheme `ftpes` or as the scope says.
    Ftp,
    /// Implicit FTPS.
    Ftps,
    Ftpes,
    Sftp,
}

impl Protocol {
    pub(crate) fn of(url: &Url) -> Option<Self> {
        match url.scheme() {
            "http" | "https" => Some(Self::Http),
            "ftp" => Some(Self::Ftp),
            "ftps" => Some(Self::Ftps),
            "ftpes" => Some(Self::Ftpes),
            "sftp" => Some(Self::Sftp),
            _ => None,
        }
    }
}

/// The host of an address, as the standard reads hosts; none for an address without a usable one.
pub(crate) fn host(url: &Url) -> Option<Host<String>> {
    match url.host()? {
        Host::Domain("") => None,
        // The host of a scheme that the standard does not know comes as it was written.
        Host::Domain(text) => Host::parse(text).ok(),
        Host::Ipv4(address) => Some(Host::Ipv4(address)),
        Host::Ipv6(address) => Some(Host::Ipv6(address)),
    }
}

/// The port of an address, or that of its scheme.
pub(crate) fn port(url: &Url) -> Option<u16> {
    let usual = match url.scheme() {
        "ftps" => Some(990),
        "ftpes" => Some(21),
        "sftp" => Some(22),
        _ => None,
    };
    url.port_or_known_default().or(usual)
}

/// Whether the port is the one that the scheme of the address has by itself.
pub(crate) fn has_usual_port(url: &Url) -> bool {
    match Protocol::of(url) {
        Some(Protocol::Http) => matches!(port(url), Some(80 | 443)),
        Some(Protocol::Ftp | Protocol::Ftpes) => port(url) == Some(21),
        Some(Protocol::Ftps) => port(url) == Some(990),
        Some(Protocol::Sftp) => port(url) == Some(22),
        None => false,
    }
}

/// The path of an address as bytes of a name on the server: `%20` is a blank.
pub(crate) fn path(url: &Url) -> Option<String> {
    let path = decoded(url.path())?;
    Some(if path.is_empty() {
        "/".to_owned()
    } else {
        path.into_owned()
    })
}

/// A part of an address without its percent signs; none when that is not UTF-8 or holds a control
/// character, which no name has and which would end a command.
pub fn decoded(text: &str) -> Option<Cow<'_, str>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let after = rest.clone();
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match (byte, digit(rest.next()), digit(rest.next())) {
            (b'%', Some(high), Some(low)) => bytes.push((high * 16 + low) as u8),
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    let text = String::from_utf8(bytes).ok()?;
    (!text.chars().any(char::is_control)).then_some(Cow::Owned(text))
}

/// The address of a name in a folder.
///
/// The name is taken as the server spells it; what an address cannot hold is written with percent
/// signs. A folder's address ends with `/`.
#[must_use]
pub fn child(folder: &Url, name: &str, is_folder: bool) -> Url {
    let mut url = folder.clone();
    url.set_query(None);
    url.set_fragment(None);
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().push(name);
        if is_folder {
            segments.push("");
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_inside_is_seen_in_every_spelling_of_every_scheme() {
        for scheme in ["ftp", "ftps", "ftpes", "sftp"] {
            for inside in ["127.0.0.1", "0x7f.1", "2130706433", "0177.0.0.1"] {
                let found = host(&url(&format!("{scheme}://{inside}/a")));
                assert_eq!(
                    found,
                    Some(Host::Ipv4([127, 0, 0, 1].into())),
                    "{scheme} {inside}"
                );
            }
            assert!(matches!(
                host(&url(&format!("{scheme}://[::1]/"))),
                Some(Host::Ipv6(_))
            ));
        }
        assert_eq!(host(&url("sftp:///a")), None);
    }

    #[test]
    fn every_scheme_has_its_port() {
        for (text, expected) in [
            ("ftp://a.example/", 21),
            ("ftpes://a.example/", 21),
            ("ftps://a.example/", 990),
            ("sftp://a.example/", 22),
            ("sftp://a.example:2200/", 2200),
            ("https://a.example/", 443),
        ] {
            assert_eq!(port(&url(text)), Some(expected), "{text}");
        }
    }

    #[test]
    fn names_are_written_into_addresses_and_read_back() {
        for name in ["BRUX00BEL_R_2023.rnx.gz", "a b", "100%25", "ä#?;", "%41"] {
            let file = child(&url("sftp://h.example/gnss/"), name, false);
            assert_eq!(path(&file).unwrap(), format!("/gnss/{name}"), "{file}");
        }
        let folder = child(&url("ftp://h.example/gnss?x=1"), "2023", true);
        assert_eq!(folder.as_str(), "ftp://h.example/gnss/2023/");
        assert_eq!(path(&url("ftp://h.example/a%0d%0aDELE%20b")), None);
        assert_eq!(path(&url("ftp://h.example/%ff")), None);
    }
}
