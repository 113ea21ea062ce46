//! Paths below the root of storage elsewhere.

use url::Url;

use crate::error::NetError;

/// The longest path, in bytes.
const LONGEST: usize = 4096;

/// Refuses what is not a path below the root; `""` is the root.
pub(super) fn check(path: &str) -> Result<(), NetError> {
    match path {
        "" => Ok(()),
        path => check_file(path),
    }
}

/// Refuses what is not a path below the root, and the root.
pub(super) fn check_file(path: &str) -> Result<(), NetError> {
    let bad = |reason| {
        Err(NetError::BadPath {
            path: path.escape_debug().take(300).collect(),
            reason,
        })
    };
    if path.len() > LONGEST {
        return bad("it is longer than 4096 bytes");
    }
    if path.chars().any(char::is_control) {
        return bad("it holds a control character");
    }
    for name in path.split('/') {
        match name {
            "" => return bad("it begins or ends with `/` or has an empty name"),
            "." | ".." => return bad("`.` and `..` are no names"),
            _ => {}
        }
    }
    Ok(())
}

/// The last name of a path.
pub(super) fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// The folder of a path.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Where a file is written before it has its name.
pub(super) fn part(path: &str) -> String {
    format!("{path}.part")
}

/// The address of a path below a root.
pub(super) fn below(root: &Url, path: &str, is_folder: bool) -> Url {
    let mut url = root.clone();
    if path.is_empty() {
        return match url.path().ends_with('/') || !is_folder {
            true => url,
            false => {
                url.set_path(&format!("{}/", root.path()));
                url
            }
        };
    }
    let mut text = url.path().trim_end_matches('/').to_owned();
    for name in path.split('/') {
        text.push('/');
        text.extend(name.bytes().map(escaped));
    }
    if is_folder {
        text.push('/');
    }
    url.set_path(&text);
    url
}

/// A byte of a name in an address. All is escaped that can be: servers exist that take `;` for the
/// end of a name.
fn escaped(byte: u8) -> String {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address;

    #[test]
    fn what_leads_out_or_would_end_a_command_is_no_path() {
        for path in [
            "/etc/passwd",
            "a/../b",
            "..",
            ".",
            "a//b",
            "a/",
            "a\0b",
            "a\r\nDELE b",
            &"a".repeat(5000),
        ] {
            assert!(check(path).is_err(), "{path:?}");
        }
        for path in ["", "a", ".hidden", "a b/ä+%41#?.fits", "a..b", "-rf"] {
            assert!(check(path).is_ok(), "{path:?}");
        }
        assert!(check_file("").is_err());
    }

    #[test]
    fn an_address_below_the_root_holds_the_names_as_they_are() {
        let root: Url = "sftp://ada@h.example/data".parse().unwrap();
        let file = below(&root, "a b/c#%41.fits", false);
        assert_eq!(
            address::path(&file).unwrap(),
            "/data/a b/c#%41.fits",
            "{file}"
        );
        assert_eq!(below(&root, "", true).path(), "/data/");
        assert_eq!(below(&root, "x", true).path(), "/data/x/");
    }
}
