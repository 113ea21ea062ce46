//! What the first bytes of a text say.

/// Bytes needed to tell HTML from data.
pub(crate) const SNIFFED: usize = 512;
/// Longest excerpt of a text, in characters.
const EXCERPT: usize = 500;

/// Whether the first bytes of a body look like a page.
///
/// Leading blanks, a byte order mark, an XML declaration and comments are passed over.
pub(crate) fn looks_like_html(first: &[u8]) -> bool {
    let text = String::from_utf8_lossy(first).to_ascii_lowercase();
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    while rest.starts_with("<?xml") || rest.starts_with("<!--") {
        let end = if rest.starts_with("<?") { "?>" } else { "-->" };
        let Some((_, after)) = rest.split_once(end) else {
            return false;
        };
        rest = after.trim_start();
    }
    let is_tag = |name: &str| {
        rest.strip_prefix(name).is_some_and(|after| {
            after.is_empty() || after.starts_with(|next: char| !next.is_ascii_alphanumeric())
        })
    };
    ["<!doctype html", "<html", "<head", "<body", "<title"]
        .into_iter()
        .any(is_tag)
}

/// Whether a media type is that of a page.
pub(crate) fn is_html(media_type: &str) -> bool {
    matches!(media_type, "text/html" | "application/xhtml+xml")
}

/// Whether a media type is that of a text somebody could read.
pub(crate) fn is_text(media_type: &str) -> bool {
    media_type.starts_with("text/")
        || ["json", "xml", "javascript", "form-urlencoded"]
            .iter()
            .any(|part| media_type.contains(part))
}

/// The first 500 characters of a text, without tags, control characters and needless blanks.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    let text = without_tags(&String::from_utf8_lossy(bytes));
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let mut clean = String::new();
    for word in words.filter(|word| !word.is_empty()) {
        if !clean.is_empty() {
            clean.push(' ');
        }
        clean.push_str(word);
    }
    clean.chars().take(EXCERPT).collect()
}

/// The text between the tags; scripts and styles are left out.
fn without_tags(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        out.push_str(before);
        if !tag.starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c)) {
            // A lone `<`, as in `ra < 10`.
            out.push('<');
            rest = tag;
            continue;
        }
        out.push(' ');
        let lower = tag.to_ascii_lowercase();
        let end = match ["script", "style"]
            .into_iter()
            .find(|name| lower.starts_with(name))
        {
            Some(name) => lower
                .find(&format!("</{name}"))
                .and_then(|at| Some(at + tag[at..].find('>')?)),
            None if tag.starts_with("![CDATA[") => {
                rest = &tag["![CDATA[".len()..];
                continue;
            }
            None => tag.find('>'),
        };
        rest = end.map_or("", |end| &tag[end + 1..]);
    }
    out.push_str(rest);
    out.replace("]]>", " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_told_from_data() {
        for page in [
            "<!DOCTYPE html><html>",
            "\u{feff}\n <HTML lang=\"en\">",
            "<html",
            "<!-- hi --><head>",
            "<?xml version=\"1.0\"?><!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0\">",
        ] {
            assert!(looks_like_html(page.as_bytes()), "{page}");
        }
        for data in [
            "",
            "<?xml version=\"1.0\"?><VOTABLE>",
            "SIMPLE  =                    T",
            "<headers/>",
            "{\"html\": 1}",
            "<!-- never closed",
            "\u{1f}\u{8b}",
        ] {
            assert!(!looks_like_html(data.as_bytes()), "{data}");
        }
    }

    #[test]
    fn an_excerpt_is_the_text_of_a_page() {
        let page = b"<html><head><style>b{color:red}</style><title>503</title></head>\n\
            <script>if (a < b) {}</script><body><h1>Service\x07 Unavailable</h1>\n\n come   back</body>";
        assert_eq!(excerpt(page), "503 Service Unavailable come back");
        assert_eq!(
            excerpt(b"<INFO><![CDATA[no column ra < 10]]></INFO>"),
            "no column ra < 10"
        );
        assert_eq!(excerpt("ä".repeat(900).as_bytes()).chars().count(), EXCERPT);
    }
}
