//! The names in a folder, from the listings that servers give.

mod html;

use std::collections::HashSet;
use std::time::{Duration, UNIX_EPOCH};

use chrono::{DateTime, NaiveDateTime, Utc};
use russh_sftp::protocol::FileAttributes;
use serde::{Deserialize, Serialize};
use suppaftp::list::ListParser;
use url::Url;

use crate::error::NetError;
use crate::shown::ShownUrl;

/// The longest listing that is read.
pub(crate) const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// The most names that are taken from one folder.
pub(crate) const MAX_ENTRIES: usize = 1_000_000;

/// The kinds of listing that do not come over HTTP.
pub(crate) const MLSD: &str = "text/x-mlsd";
pub(crate) const LIST: &str = "text/x-ls";

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The name as the server spells it; neither `.` nor `..`, without `/`.
    pub name: String,
    /// Whether it is a folder. Of a link: whether a folder is behind it, which FTP does not tell.
    pub is_folder: bool,
    /// Whether it is a symbolic link and the server says so.
    pub is_link: bool,
    /// The size in bytes, where the listing has it exactly; never for folders.
    pub size_bytes: Option<u64>,
    /// When it was last changed. Listings made for people tell it to the minute or the day and
    /// do not name the time zone; it is then taken for UTC.
    pub modified: Option<DateTime<Utc>>,
}

/// What is wrong with a listing.
#[derive(Debug)]
pub(crate) enum Fault {
    /// One of its lines, as it is.
    Line(String),
    /// All of it, to stand behind "the listing of `…`".
    Whole(String),
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self::Whole(reason)
    }
}

impl Fault {
    /// The error of the folder that was listed.
    pub(crate) fn of(self, folder: &Url) -> NetError {
        let url = ShownUrl::from(folder);
        match self {
            Self::Line(line) => NetError::BadLine { url, line },
            Self::Whole(reason) => NetError::BadListing { url, reason },
        }
    }
}

/// Reads a listing of the given media type; `folder` is the address that answered.
///
/// The names come sorted and each only once.
///
/// # Errors
/// What is wrong with the listing.
pub(crate) fn read(folder: &Url, media_type: &str, bytes: &[u8]) -> Result<Vec<Entry>, Fault> {
    let entries = match media_type {
        MLSD => lines(bytes, mlsd)?,
        LIST => lines(bytes, ls)?,
        "application/json" => json(bytes)?,
        _ if crate::media::is_html(media_type) || crate::media::looks_like_html(bytes) => {
            html::entries(folder, &String::from_utf8_lossy(bytes))?
        }
        _ => {
            let reason = format!("is of type `{media_type}`, which is not one of a listing");
            return Err(reason.into());
        }
    };
    Ok(checked(entries)?)
}

fn checked(mut entries: Vec<Entry>) -> Result<Vec<Entry>, String> {
    entries.retain(|entry| is_name(&entry.name));
    if entries.len() > MAX_ENTRIES {
        return Err(format!("has more than {MAX_ENTRIES} names"));
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let mut seen = HashSet::new();
    entries.retain(|entry| seen.insert(entry.name.clone()));
    for entry in &mut entries {
        let is_known = |size: &u64| !entry.is_folder && i64::try_from(*size).is_ok();
        entry.size_bytes = entry.size_bytes.filter(is_known);
    }
    Ok(entries)
}

/// Whether a name can stand in a folder; a control character would end a command.
pub(crate) fn is_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains('/') && !name.chars().any(char::is_control)
}

/// The entries of a listing with a line each. A name that is not UTF-8 could not be asked for
/// and is left out.
fn lines(
    bytes: &[u8],
    entry: impl Fn(&str) -> Result<Option<Entry>, String>,
) -> Result<Vec<Entry>, Fault> {
    let mut entries = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Ok(line) = std::str::from_utf8(line) else {
            tracing::warn!(line = %String::from_utf8_lossy(line), "leaving out a name that is not UTF-8");
            continue;
        };
        if line.trim().is_empty() {
            continue;
        }
        entries.extend(entry(line).map_err(Fault::Line)?);
        if entries.len() > MAX_ENTRIES + 2 {
            return Err(format!("has more than {MAX_ENTRIES} names").into());
        }
    }
    Ok(entries)
}

/// A line of MLSD: `type=file;size=5;modify=20231122080000; name`.
///
/// # Source
/// RFC 3659 section 7. The fact `x.link` is ours, for SFTP.
fn mlsd(line: &str) -> Result<Option<Entry>, String> {
    let (facts, name) = match line.strip_prefix(' ') {
        Some(name) => ("", name),
        None => line.split_once("; ").ok_or_else(|| unreadable(line))?,
    };
    let mut entry = Entry {
        name: name.to_owned(),
        is_folder: false,
        is_link: false,
        size_bytes: None,
        modified: None,
    };
    for fact in facts.split(';') {
        let Some((key, value)) = fact.split_once('=') else {
            continue;
        };
        let value_lower = value.to_ascii_lowercase();
        match key.to_ascii_lowercase().as_str() {
            "type" if matches!(value_lower.as_str(), "cdir" | "pdir") => return Ok(None),
            "type" => {
                entry.is_folder = value_lower == "dir";
                entry.is_link = value_lower.contains("link");
            }
            "x.link" => entry.is_link = true,
            "size" => entry.size_bytes = value.parse().ok(),
            "modify" => {
                let time = NaiveDateTime::parse_from_str(value, "%Y%m%d%H%M%S%.f");
                entry.modified = time.ok().map(|time| time.and_utc());
            }
            _ => {}
        }
    }
    // The size of a link is the length of its text.
    let is_known = !entry.is_link || facts.contains("x.link");
    entry.size_bytes = entry.size_bytes.filter(|_| is_known);
    Ok(Some(entry))
}

/// A name of a folder of SFTP as a line of MLSD.
pub(crate) fn mlsd_line(name: &str, attrs: &FileAttributes, is_link: bool) -> String {
    if !is_name(name) {
        return String::new();
    }
    let is_folder = attrs.permissions.is_some() && attrs.file_type().is_dir();
    let mut line = format!("type={};", if is_folder { "dir" } else { "file" });
    if let Some(size) = attrs.size {
        line.push_str(&format!("size={size};"));
    }
    let modified = attrs.mtime.map(i64::from);
    if let Some(time) = modified.and_then(|seconds| DateTime::from_timestamp(seconds, 0)) {
        line.push_str(&time.format("modify=%Y%m%d%H%M%S;").to_string());
    }
    if is_link {
        line.push_str("x.link=1;");
    }
    format!("{line} {name}\r\n")
}

/// A line of LIST, in the manner of Unix or DOS.
fn ls(line: &str) -> Result<Option<Entry>, String> {
    // A first line tells the blocks; devices, pipes and sockets hold no files.
    if line.starts_with("total ") || line.starts_with(['b', 'c', 'p', 's']) {
        return Ok(None);
    }
    let file = ListParser::parse_posix(line)
        .or_else(|_| ListParser::parse_dos(line))
        .map_err(|_| unreadable(line))?;
    let since = file.modified().duration_since(UNIX_EPOCH).ok();
    Ok(Some(Entry {
        name: file.name().to_owned(),
        is_folder: file.is_directory(),
        is_link: file.is_symlink(),
        size_bytes: file.is_file().then_some(file.size() as u64),
        modified: since
            .filter(|since| *since > Duration::ZERO)
            .map(|since| DateTime::from(UNIX_EPOCH + since)),
    }))
}

fn unreadable(line: &str) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    line.chars().take(200).map(shown).collect()
}

/// What nginx sends with `autoindex_format json`.
#[derive(Deserialize)]
struct Item {
    name: String,
    r#type: String,
    mtime: Option<String>,
    size: Option<u64>,
}

fn json(bytes: &[u8]) -> Result<Vec<Entry>, String> {
    let items: Vec<Item> =
        serde_json::from_slice(bytes).map_err(|error| format!("is not one of nginx: {error}"))?;
    let entries = items.into_iter().map(|item| Entry {
        is_folder: item.r#type == "directory",
        is_link: false,
        size_bytes: item.size,
        modified: item
            .mtime
            .and_then(|text| DateTime::parse_from_rfc2822(&text).ok())
            .map(|time| time.to_utc()),
        name: item.name,
    });
    Ok(entries.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<DateTime<Utc>> {
        Some(text.parse().unwrap())
    }

    fn entry(name: &str, is_folder: bool, size_bytes: Option<u64>) -> Entry {
        Entry {
            name: name.to_owned(),
            is_folder,
            is_link: false,
            size_bytes,
            modified: None,
        }
    }

    fn listed(kind: &str, text: &str) -> Result<Vec<Entry>, Fault> {
        read(&"ftp://h.example/".parse().unwrap(), kind, text.as_bytes())
    }

    #[test]
    fn a_listing_for_programs_is_read_as_rfc_3659_has_it() {
        // The examples of RFC 3659 section 7.7, and names that are hard.
        let text = "type=cdir;perm=el; .\r\nType=pdir; ..\r\n\
                    type=file;size=25730;modify=19940728095854;perm=; cap60.pl198.tar.gz\r\n\
                    Type=dir;Modify=19981107085215.123; tmp\r\n\
                    Type=OS.unix=slink:/foobar;Size=7; link\r\n\
                    type=file; two  blanks; and = signs\r\n  leading\r\ntype=file; a/b\r\n";
        let entries = listed(MLSD, text).unwrap();
        let names: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
        let expected = [
            " leading",
            "cap60.pl198.tar.gz",
            "link",
            "tmp",
            "two  blanks; and = signs",
        ];
        assert_eq!(names, expected);
        assert_eq!(entries[1].size_bytes, Some(25730));
        assert_eq!(entries[1].modified, at("1994-07-28T09:58:54Z"));
        assert_eq!((entries[2].is_link, entries[2].size_bytes), (true, None));
        assert!(entries[3].is_folder);
        assert!(matches!(listed(MLSD, "<html>"), Err(Fault::Line(line)) if line == "<html>"));
    }

    #[test]
    fn a_listing_for_people_is_read_in_both_manners() {
        let unix = "total 12\r\ndrwxr-xr-x    2 0 0     4096 Nov 22  2023 daily\r\n\
                    -rw-r--r--    1 ftp      ftp      5000000000 Jan 05  2021 big file.gz\r\n\
                    lrwxrwxrwx    1 0 0        5 Nov 22  2023 latest -> daily\r\n";
        let entries = listed(LIST, unix).unwrap();
        assert_eq!(entries[0].name, "big file.gz");
        assert_eq!(entries[0].size_bytes, Some(5_000_000_000));
        assert_eq!(entries[0].modified, at("2021-01-05T00:00:00Z"));
        assert!(entries[1].is_folder && entries[1].size_bytes.is_none());
        assert!(entries[2].is_link && entries[2].name == "latest");

        let dos = "10-19-20  03:19PM       <DIR>          pub\r\n04-08-14  03:09PM      403 readme.txt\r\n";
        let entries = listed(LIST, dos).unwrap();
        assert_eq!(
            (entries[0].name.as_str(), entries[0].is_folder),
            ("pub", true)
        );
        assert_eq!(entries[1].size_bytes, Some(403));
        assert_eq!(entries[1].modified, at("2014-04-08T15:09:00Z"));

        assert!(listed(LIST, "-rw-r--r-- broken\r\n").is_err());
    }

    #[test]
    fn a_name_of_sftp_survives_its_way_as_a_line() {
        let mut attrs = FileAttributes::empty();
        attrs.size = Some(7);
        attrs.mtime = Some(1_700_640_000);
        attrs.permissions = Some(0o100_644);
        let text = mlsd_line(" a; b", &attrs, true) + &mlsd_line("..", &attrs, false);
        let entries = listed(MLSD, &text).unwrap();
        let expected = Entry {
            is_link: true,
            modified: at("2023-11-22T08:00:00Z"),
            ..entry(" a; b", false, Some(7))
        };
        assert_eq!(entries, [expected]);
    }

    #[test]
    fn a_listing_in_json_is_that_of_nginx() {
        // As nginx 1.22 writes it.
        let text = r#"[
            { "name":"2023", "type":"directory", "mtime":"Wed, 22 Nov 2023 08:00:00 GMT" },
            { "name":"a b.gz", "type":"file", "mtime":"Wed, 22 Nov 2023 08:00:01 GMT", "size":5 }
        ]"#;
        let entries = listed("application/json", text).unwrap();
        assert_eq!(entries[0].modified, at("2023-11-22T08:00:00Z"));
        assert_eq!(
            (entries[0].is_folder, entries[1].size_bytes),
            (true, Some(5))
        );
        assert!(listed("application/json", "{}").is_err());
        assert!(listed("text/plain", "a\nb\n").is_err());
    }
}
