//! Pages that list a folder, as nginx (plain and fancy), Apache, lighttpd and Python write them.

use chrono::{DateTime, NaiveDateTime, Utc};
use url::Url;

use super::Entry;
use crate::address::decoded;

/// What the title or the heading of a listing says, in lower case. Any other page is no listing:
/// one that says sorry would be taken for an empty folder.
const TITLES: [&str; 3] = ["index of", "directory listing", "directory: "];
/// Attributes longer than this are none of a name.
const LONGEST: usize = 4096;

/// The names a page links to that lie in the folder itself.
///
/// # Errors
/// When the page is not a listing.
pub(super) fn entries(folder: &Url, page: &str) -> Result<Vec<Entry>, String> {
    let lower = page.to_ascii_lowercase();
    let is_listing = ["title", "h1"].iter().any(|tag| {
        let text = between(&lower, &format!("<{tag}"), &format!("</{tag}"));
        text.is_some_and(|text| TITLES.iter().any(|title| text.contains(title)))
    });
    if !is_listing {
        return Err("is a page that lists no files".to_owned());
    }
    // Without a length, a connection that breaks off looks like the end of a page.
    if !["</body", "</html"].iter().any(|end| lower.contains(end)) {
        return Err("ends too early".to_owned());
    }
    let mut entries = Vec::new();
    let mut at = 0;
    while let Some(found) = lower[at..].find("<a ") {
        let start = at + found;
        let Some(end) = lower[start..].find('>').map(|end| start + end) else {
            // The page ends within a link.
            return Err("ends too early".to_owned());
        };
        let next = lower[end..]
            .find("<a ")
            .map_or(page.len(), |next| end + next);
        at = end;
        let Some(href) = attribute(&page[start..end], &lower[start..end]) else {
            continue;
        };
        if let Some((name, is_folder)) = name_of(folder, &href) {
            let mut words = behind(&page[end..next], &lower[end..next]);
            let modified = take_date(&mut words);
            entries.push(Entry {
                name,
                is_folder,
                is_link: false,
                size_bytes: size(&words),
                modified,
            });
        }
    }
    Ok(entries)
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    let start = text.find(from)?;
    let end = text[start..].find(to)?;
    Some(&text[start..start + end])
}

/// The value of `href`, without entities.
fn attribute(tag: &str, lower: &str) -> Option<String> {
    let start = lower.find("href=")? + "href=".len();
    let rest = tag.get(start..)?;
    let value = match rest.chars().next()? {
        quote @ ('"' | '\'') => rest[1..].split(quote).next()?,
        _ => rest.split(char::is_whitespace).next()?,
    };
    (value.len() <= LONGEST).then(|| without_entities(value))
}

fn without_entities(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        whole.push_str(&rest[..at]);
        rest = &rest[at..];
        let entity = rest.find(';').map(|end| (&rest[1..end], &rest[end + 1..]));
        match entity.and_then(|(name, after)| Some((character(name)?, after))) {
            Some((character, after)) => {
                whole.push(character);
                rest = after;
            }
            None => {
                whole.push('&');
                rest = &rest[1..];
            }
        }
    }
    whole + rest
}

fn character(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

/// The name that a link leads to, when it lies in the folder itself: not above, not elsewhere, not
/// deeper, and not the folder in another order.
fn name_of(folder: &Url, href: &str) -> Option<(String, bool)> {
    let url = folder.join(href).ok()?;
    let is_here = url.origin() == folder.origin()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username() == folder.username();
    let rest = url.path().strip_prefix(folder.path())?;
    let (name, is_folder) = match rest.strip_suffix('/') {
        Some(name) => (name, true),
        None => (rest, false),
    };
    if !is_here || name.is_empty() || name.contains('/') {
        return None;
    }
    Some((decoded(name)?.into_owned(), is_folder))
}

/// The words between a link's end and the next link, tags left out.
fn behind(text: &str, lower: &str) -> Vec<String> {
    let start = lower.find("</a>").map_or(0, |at| at + "</a>".len());
    let end = ["</tr", "</li", "</pre", "\n<hr"]
        .iter()
        .filter_map(|stop| lower[start..].find(stop))
        .min()
        .map_or(text.len(), |end| start + end);
    let mut words = String::new();
    let mut is_tag = false;
    for character in text[start..end].chars() {
        match character {
            '<' => is_tag = true,
            '>' => {
                is_tag = false;
                words.push(' ');
            }
            _ if !is_tag => words.push(character),
            _ => {}
        }
    }
    let words = words.replace("&nbsp;", " ");
    words.split_whitespace().map(ToOwned::to_owned).collect()
}

/// The forms of a date in two words.
const DATES: [&str; 4] = [
    "%d-%b-%Y %H:%M",
    "%Y-%b-%d %H:%M",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d %H:%M:%S",
];

/// Takes the date out of the words.
fn take_date(words: &mut Vec<String>) -> Option<DateTime<Utc>> {
    let read = |pair: &[String]| {
        let text = pair.join(" ");
        let time = |form: &&str| NaiveDateTime::parse_from_str(&text, form).ok();
        DATES.iter().find_map(time)
    };
    let (at, time) = words
        .windows(2)
        .enumerate()
        .find_map(|(at, pair)| Some((at, read(pair)?)))?;
    words.drain(at..at + 2);
    Some(time.and_utc())
}

/// The size, when nothing else is said and it is in bytes: `12K` is not exact.
fn size(words: &[String]) -> Option<u64> {
    match words {
        [bytes] => bytes.parse().ok(),
        [bytes, unit] if matches!(unit.as_str(), "B" | "bytes" | "Bytes") => bytes.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: &str = "https://h.example/gnss/";

    fn listed(page: &str) -> Vec<Entry> {
        let page = format!("{page}</body>");
        let mut entries = entries(&FOLDER.parse().unwrap(), &page).unwrap();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        entries
    }

    fn entry(name: &str, is_folder: bool, size_bytes: Option<u64>, modified: &str) -> Entry {
        Entry {
            name: name.to_owned(),
            is_folder,
            is_link: false,
            size_bytes,
            modified: Some(modified.parse().unwrap()),
        }
    }

    #[test]
    fn a_page_that_breaks_off_between_two_links_is_no_listing() {
        let folder = FOLDER.parse().unwrap();
        let page = "<html><title>Index of /gnss/</title><pre><a href=\"a.gz\">a.gz</a> 5\n";
        assert_eq!(entries(&folder, page).unwrap_err(), "ends too early");
        let whole = format!("{page}</pre></html>");
        assert_eq!(entries(&folder, &whole).unwrap().len(), 1);
    }

    #[test]
    fn the_pages_of_the_usual_servers_are_read() {
        let expected = [
            entry("2023", true, None, "2023-11-22T08:00:00Z"),
            entry("a b.gz", false, Some(403), "2023-11-22T08:01:00Z"),
        ];
        // Written after what nginx 1.22, its fancy index and Apache 2.4 send.
        let nginx = "<html>\r\n<head><title>Index of /gnss/</title></head>\r\n<body>\r\n<h1>Index of /gnss/</h1><hr><pre><a href=\"../\">../</a>\r\n\
             <a href=\"2023/\">2023/</a>      22-Nov-2023 08:00       -\r\n\
             <a href=\"a%20b.gz\">a b.gz</a>     22-Nov-2023 08:01     403\r\n</pre><hr></body>\r\n</html>";
        let fancy = "<!DOCTYPE html><html><head><title>Index of /gnss/</title></head><body><h1>Index of /gnss/</h1><table id=\"list\"><thead><tr>\
             <th><a href=\"?C=N&amp;O=A\">File Name</a></th></tr></thead><tbody><tr><td class=\"link\"><a href=\"../\">Parent directory/</a></td></tr>\
             <tr><td class=\"link\"><a href=\"2023/\" title=\"2023\">2023/</a></td><td class=\"size\">-</td><td class=\"date\">2023-Nov-22 08:00</td></tr>\
             <tr><td class=\"link\"><a href=\"a%20b.gz\" title=\"a b.gz\">a b.gz</a></td><td class=\"size\">403</td><td class=\"date\">2023-Nov-22 08:01</td></tr></tbody></table></body></html>";
        let apache = "<!DOCTYPE HTML>\n<html><head><title>Index of /gnss</title></head><body><h1>Index of /gnss</h1><pre><a href=\"?C=N;O=D\">Name</a> \
             <a href=\"?C=S;O=A\">Size</a><hr><a href=\"/\">Parent Directory</a>   -   \n<a href=\"2023/\">2023/</a>   2023-11-22 08:00    -   \n\
             <a href=\"a%20b.gz\">a b.gz</a>   2023-11-22 08:01  403   \n<hr></pre></body></html>";
        for page in [nginx, fancy, apache] {
            assert_eq!(listed(page), expected, "{page}");
        }
    }

    #[test]
    fn links_that_lead_elsewhere_are_not_names() {
        let page = "<title>Index of /gnss/</title><a href=\"/gnss/\">.</a><a href=\"..\">..</a><a href=\"/other/x\">x</a>\
             <a href=\"http://h.example/gnss/y\">y</a><a href='https://evil.example/gnss/z'>z</a><a href=\"deep/er\">d</a>\
             <a href=\"?C=M\">m</a><a href=\"#top\">t</a><a href=\"javascript:alert(1)\">j</a><a href=\"x%2Fy\">q</a>\
             <a name=\"n\">n</a><a href=\"/gnss/r&amp;d.txt\">ok</a><a href=here>here</a>";
        let names: Vec<_> = listed(page).into_iter().map(|entry| entry.name).collect();
        // What holds a slash is dropped where all listings are checked.
        assert_eq!(names, ["here", "r&d.txt", "x/y"]);
    }

    #[test]
    fn sizes_are_taken_only_when_they_are_exact() {
        for (words, expected) in [
            ("22-Nov-2023 08:01 403", Some(403)),
            ("2023-11-22 08:01 1.2K", None),
            ("2023-11-22 08:01 12M", None),
            ("403 B 2023-Nov-22 08:01", Some(403)),
            ("1.2 KiB", None),
            ("22-Nov-2023 08:01 -", None),
            ("22-Nov-2023 08:01", None),
            ("", None),
        ] {
            let mut words: Vec<_> = words.split_whitespace().map(ToOwned::to_owned).collect();
            take_date(&mut words);
            assert_eq!(size(&words), expected, "{words:?}");
        }
    }

    #[test]
    fn a_page_that_says_sorry_is_not_an_empty_folder() {
        let page = "<html><title>Maintenance</title><a href=\"a\">a</a></html>";
        assert!(entries(&FOLDER.parse().unwrap(), page).is_err());
        let cut = "<title>Index of /gnss/</title><a href=\"a\">a</a> <a hre";
        assert!(entries(&FOLDER.parse().unwrap(), cut).is_err());
    }
}
