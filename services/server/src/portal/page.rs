//! What a portal's page has of Gantry: buttons, links, forms, the script.

use std::collections::BTreeSet;

use url::Url;

/// What was found on a page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Addresses of Gantry's script, each with whether it has an `integrity`.
    pub(crate) scripts: Vec<(Url, bool)>,
    /// How many elements of the kit.
    pub(crate) n_elements: usize,
    /// Plain links and forms that lead to Gantry.
    pub(crate) plain: Vec<Url>,
    /// The assets that are named, as (archive, name).
    pub(crate) named: BTreeSet<(String, String)>,
}

impl Found {
    /// Reads a page that stands at `base`.
    pub(crate) fn on(html: &str, base: &Url) -> Self {
        let mut found = Self::default();
        for tag in tags(html) {
            found.take(&tag, base);
        }
        found
    }

    /// Where the Gantry is that the page leads to.
    pub(crate) fn gantry(&self) -> Option<Url> {
        let scripts = self.scripts.iter().map(|(url, _)| url);
        let first = self.plain.iter().chain(scripts).next()?;
        let path = first.path();
        let actions = ["portal/", "open-in-notebook", "add-to-volume"].iter();
        let end = actions.filter_map(|action| path.rfind(action)).min()?;
        let mut gantry = first.clone();
        gantry.set_path(&path[..end]);
        gantry.set_query(None);
        gantry.set_fragment(None);
        Some(gantry)
    }

    fn take(&mut self, tag: &Tag, base: &Url) {
        let address = |name: &str| tag.get(name).and_then(|text| base.join(text).ok());
        match tag.name.as_str() {
            "script" => {
                let is_kit =
                    |url: &Url| url.path().contains("/portal/") && url.path().ends_with(".js");
                let url = address("src").filter(is_kit);
                let has_integrity = tag.get("integrity").is_some();
                self.scripts.extend(url.map(|url| (url, has_integrity)));
            }
            "a" => {
                let is_link = |url: &Url| {
                    url.path().ends_with("/open-in-notebook")
                        || url.path().ends_with("/add-to-volume")
                };
                if let Some(url) = address("href").filter(is_link) {
                    self.named_by(&url);
                    self.plain.push(url);
                }
            }
            "form" => {
                let url =
                    address("action").filter(|url| url.path().ends_with("/portal/selections"));
                self.plain.extend(url);
            }
            "gantry-button" | "gantry-actions" | "gantry-menu" => {
                self.n_elements += 1;
                for id in tag.get("assets").unwrap_or_default().split_whitespace() {
                    self.name(id);
                }
                if let (Some(archive), Some(name)) = (tag.get("archive"), tag.get("name")) {
                    self.named.insert((archive.to_owned(), name.to_owned()));
                }
            }
            "input" if tag.get("name") == Some("asset") => {
                self.name(tag.get("value").unwrap_or_default());
            }
            _ => {}
        }
    }

    fn named_by(&mut self, url: &Url) {
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let archive = pairs.iter().find(|(name, _)| name == "archive");
        for (name, value) in &pairs {
            match (name.as_str(), archive) {
                ("asset", _) => self.name(value),
                ("name", Some((_, archive))) => {
                    self.named.insert((archive.clone(), value.clone()));
                }
                _ => {}
            }
        }
    }

    fn name(&mut self, id: &str) {
        if let Some((archive, name)) = id.split_once(':') {
            self.named.insert((archive.to_owned(), name.to_owned()));
        }
    }
}

/// One start tag.
struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn get(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// The start tags of a page, comments and scripts left out.
fn tags(html: &str) -> Vec<Tag> {
    let (mut tags, mut rest) = (Vec::new(), html);
    while let Some((_, after)) = rest.split_once('<') {
        rest = after;
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
            continue;
        }
        if !after.starts_with(|first: char| first.is_ascii_alphabetic()) {
            continue;
        }
        let (tag, after) = tag(after);
        rest = after;
        if tag.name == "script" || tag.name == "style" {
            rest = behind_end(rest, &tag.name);
        }
        tags.push(tag);
    }
    tags
}

/// What follows the end of an element whose text is no HTML.
fn behind_end<'a>(text: &'a str, name: &str) -> &'a str {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("</") {
        rest = after;
        let found = rest.get(..name.len());
        if found.is_some_and(|found| found.eq_ignore_ascii_case(name)) {
            return rest;
        }
    }
    ""
}

/// Reads a tag whose `<` was read; and what follows it.
fn tag(text: &str) -> (Tag, &str) {
    let is_end = |c: char| c.is_ascii_whitespace() || c == '>' || c == '/';
    let (name, mut rest) = text.split_at(text.find(is_end).unwrap_or(text.len()));
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            break;
        }
        if let Some(after) = rest.strip_prefix('>') {
            rest = after;
            break;
        }
        let until = rest
            .find(|c: char| is_end(c) || c == '=')
            .unwrap_or(rest.len());
        // An attribute may begin with a stray `=`.
        let (attribute, after) = rest.split_at(until.max(usize::from(until == 0)));
        rest = after.trim_start();
        let Some(value) = rest.strip_prefix('=') else {
            attributes.push((attribute.to_ascii_lowercase(), String::new()));
            continue;
        };
        let value = value.trim_start();
        let (value, after) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..].split_once(quote).unwrap_or((&value[1..], "")),
            _ => value.split_at(
                value
                    .find(|c: char| c.is_ascii_whitespace() || c == '>')
                    .unwrap_or(value.len()),
            ),
        };
        rest = after;
        attributes.push((attribute.to_ascii_lowercase(), plain(value)));
    }
    let name = name.to_ascii_lowercase();
    (Tag { name, attributes }, rest)
}

/// A value without its entities.
fn plain(value: &str) -> String {
    value
        .replace("&#38;", "&")
        .replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buttons_links_forms_and_scripts_are_found_and_nothing_in_comments() {
        let base = Url::parse("https://pla.example/results").unwrap();
        let html = r#"<!doctype html><!-- <gantry-button assets="x:y"> --><script>"<a href='https://g/open-in-notebook?asset=a:b'>"</script>
            <SCRIPT async SRC=https://g.example/portal/gantry-1.2.3.js integrity="sha384-x" crossorigin></SCRIPT>
            <gantry-button action="open-in-notebook" assets="planck:a planck:b"><a href="https://g.example/open-in-notebook?archive=planck&amp;name=c.fits">Open</a></gantry-button>
            <form action='https://g.example/portal/selections' method=post><input type=hidden name=asset value=gaia:d></form><br/><a href="/elsewhere">x</a>"#;
        let found = Found::on(html, &base);
        assert_eq!(
            found.scripts,
            [(
                Url::parse("https://g.example/portal/gantry-1.2.3.js").unwrap(),
                true
            )]
        );
        assert_eq!((found.n_elements, found.plain.len()), (1, 2));
        let named: Vec<String> = found
            .named
            .iter()
            .map(|(archive, name)| format!("{archive}:{name}"))
            .collect();
        assert_eq!(named, ["gaia:d", "planck:a", "planck:b", "planck:c.fits"]);
        assert_eq!(found.gantry().unwrap().as_str(), "https://g.example/");
        let below = r#"<a href="/gantry/add-to-volume?asset=a:b#c">Add</a>"#;
        let found = Found::on(below, &base);
        assert_eq!(
            found.gantry().unwrap().as_str(),
            "https://pla.example/gantry/"
        );
    }

    #[test]
    fn no_page_however_ugly_stops_the_reading() {
        let base = Url::parse("https://pla.example/").unwrap();
        for html in [
            "<",
            "<a",
            "<a =",
            "<a href",
            "<a href=",
            "<a href='",
            "<script>",
            "<!--",
            "<a ===>",
            "<é",
            "<a é='ü>",
        ] {
            let found = Found::on(html, &base);
            assert_eq!(found.plain.len(), 0, "{html}");
        }
    }
}
