//! What pages say, in the language of who reads: English as it stands in templates, Rust and scripts, or what a
//! catalogue of messages has for it (`strings/*.po`, the format of GNU gettext).
//!
//! `"Log in"|t` in a template, `t("Log in")` in Rust and `t('Log in')` in a script name the same message; values come
//! in by name (`t("Log of {name}").with("name", name)`), and [`tn`] chooses between one and many.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use polib::po_file::parse_from_reader;

use crate::app::App;
use crate::format;
use crate::identity::cookie;

/// A language pages are written in.
pub(crate) struct Language {
    /// Its tag (BCP 47).
    pub(crate) tag: &'static str,
    /// What it calls itself.
    pub(crate) name: &'static str,
    /// What stands between thousands, and before the first digit of a fraction.
    pub(crate) separators: (char, char),
    /// What it says for a text, or for one and for many.
    messages: HashMap<String, Vec<String>>,
}

static LANGUAGES: LazyLock<[Language; 2]> = LazyLock::new(|| {
    [
        Language {
            tag: "en",
            name: "English",
            separators: (',', '.'),
            messages: HashMap::new(),
        },
        Language {
            tag: "de",
            name: "Deutsch",
            separators: ('.', ','),
            messages: messages(include_str!("../strings/de.po")),
        },
    ]
});

/// The messages of a catalogue that somebody has translated.
fn messages(catalogue: &str) -> HashMap<String, Vec<String>> {
    let catalogue = parse_from_reader(catalogue.as_bytes()).expect("a catalogue we wrote");
    let done = catalogue
        .messages()
        .filter(|message| message.is_translated() && !message.is_fuzzy());
    done.map(|message| {
        let said = match message.msgstr_plural() {
            Ok(forms) => forms.clone(),
            Err(_) => vec![message.msgstr().unwrap_or_default().to_owned()],
        };
        (message.msgid().to_owned(), said)
    })
    .collect()
}

/// Who reads: in what language, and where the page is.
struct Reader {
    language: &'static Language,
    here: String,
}

tokio::task_local! {
    static READER: Reader;
}

/// The language of the page that is being made; English for all that is no page.
pub(crate) fn language() -> &'static Language {
    READER
        .try_with(|reader| reader.language)
        .unwrap_or(&LANGUAGES[0])
}

/// The other languages, each with the address of this page in it.
pub(crate) fn others() -> Vec<(&'static Language, String)> {
    let here = READER.try_with(|reader| reader.here.clone());
    let here = here.unwrap_or_else(|_| "/".to_owned());
    let mark = if here.contains('?') { '&' } else { '?' };
    LANGUAGES
        .iter()
        .filter(|other| other.tag != language().tag)
        .map(|other| (other, format!("{here}{mark}{PARAMETER}={}", other.tag)))
        .collect()
}

/// Something to say, with the values that stand in it.
#[derive(Clone)]
pub(crate) struct Said {
    text: &'static str,
    values: Vec<(&'static str, String)>,
}

impl Said {
    /// Puts a value where `{name}` stands.
    pub(crate) fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.values.push((name, value.to_string()));
        self
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.text;
        while let Some((before, after)) = rest.split_once('{') {
            f.write_str(before)?;
            let value = after.split_once('}').and_then(|(name, after)| {
                let (_, value) = self.values.iter().find(|(one, _)| *one == name)?;
                Some((value, after))
            });
            match value {
                Some((value, after)) => {
                    f.write_str(value)?;
                    rest = after;
                }
                None => {
                    f.write_str("{")?;
                    rest = after;
                }
            }
        }
        f.write_str(rest)
    }
}

impl From<Said> for String {
    fn from(said: Said) -> Self {
        said.to_string()
    }
}

/// A text in the reader's language.
pub(crate) fn t(text: &'static str) -> Said {
    let said = language()
        .messages
        .get(text)
        .and_then(|forms| forms.first());
    Said {
        text: said.map_or(text, String::as_str),
        values: Vec::new(),
    }
}

/// A text about `{n}` things in the reader's language.
pub(crate) fn tn(one: &'static str, many: &'static str, n: impl fmt::Display) -> Said {
    let n = n.to_string();
    let form = usize::from(n != "1");
    let forms = language().messages.get(one);
    let said = forms.and_then(|forms| forms.get(form));
    let text = said.map_or([one, many][form], String::as_str);
    // A number is written as the language does; what is text already stays.
    let n = n
        .parse()
        .map_or(Cow::Borrowed(&*n), |n| format::count(n).into());
    Said {
        text,
        values: Vec::new(),
    }
    .with("n", n)
}

/// What templates call.
#[expect(unreachable_pub, reason = "the macro makes public items of them")]
pub(crate) mod filters {
    use std::fmt::Display;

    use askama::{Result, Values};

    use super::Said;

    #[askama::filter_fn]
    pub(crate) fn t(text: &'static str, _: &dyn Values) -> Result<Said> {
        Ok(super::t(text))
    }

    #[askama::filter_fn]
    pub(crate) fn tn<N: Display>(
        one: &'static str,
        _: &dyn Values,
        many: &'static str,
        n: N,
    ) -> Result<Said> {
        Ok(super::tn(one, many, n))
    }

    #[askama::filter_fn]
    pub(crate) fn with<V: Display>(
        said: Said,
        _: &dyn Values,
        name: &'static str,
        value: V,
    ) -> Result<Said> {
        Ok(said.with(name, value))
    }
}

/// The parameter of any page that chooses a language, and the cookie that keeps the choice.
const PARAMETER: &str = "language";
const COOKIE: &str = "gantry_language";

/// What the cookie is called: where the service is reached by https, nothing but the service can set it.
fn cookie_name(service: &url::Url) -> &'static str {
    match service.scheme() {
        "https" => "__Host-gantry_language",
        _ => COOKIE,
    }
}

/// Answers a page in the language its reader chose, or the browser asks for; the interface always speaks English.
pub(crate) async fn in_language(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    if path.starts_with("/api/") || matches!(path, "/status.json" | "/openapi.json") {
        return next.run(request).await;
    }
    let chosen = in_query(request.uri().query().unwrap_or_default());
    let name = cookie_name(app.public_url());
    let kept = || cookie(request.headers(), name).and_then(|tag| by_tag(&tag));
    let language = chosen
        .or_else(kept)
        .unwrap_or_else(|| preferred(request.headers()));
    let without_choice = without_choice(request.uri());
    let query = request.uri().query().unwrap_or_default();
    if query.split('&').any(chooses)
        && let Ok(uri) = without_choice.parse()
    {
        *request.uri_mut() = uri;
    }
    let here = match request.method() {
        &Method::GET => without_choice,
        _ => "/".to_owned(),
    };
    let mut response = READER
        .scope(Reader { language, here }, next.run(request))
        .await;
    let headers = response.headers_mut();
    let is_page = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if is_page {
        headers.insert(
            header::CONTENT_LANGUAGE,
            HeaderValue::from_static(language.tag),
        );
        headers.append(
            header::VARY,
            HeaderValue::from_static("accept-language, cookie"),
        );
    }
    if let Some(language) = chosen.filter(|_| is_page) {
        let keep = format!(
            "{name}={}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly{}",
            language.tag,
            if name == COOKIE { "" } else { "; Secure" },
        );
        headers.append(
            header::SET_COOKIE,
            HeaderValue::try_from(keep).expect("a tag is ASCII"),
        );
    }
    response
}

fn by_tag(tag: &str) -> Option<&'static Language> {
    let main = tag.split('-').next().unwrap_or_default();
    LANGUAGES
        .iter()
        .find(|language| language.tag.eq_ignore_ascii_case(main))
}

fn in_query(query: &str) -> Option<&'static Language> {
    url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name == PARAMETER)
        .find_map(|(_, tag)| by_tag(&tag))
}

/// Whether a pair of a query chooses a language, some or none that there is.
fn chooses(pair: &str) -> bool {
    let mut pairs = url::form_urlencoded::parse(pair.as_bytes());
    pairs.next().is_some_and(|(name, _)| name == PARAMETER)
}

fn without_choice(uri: &axum::http::Uri) -> String {
    let query = uri.query().unwrap_or_default();
    let rest: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.is_empty() && !chooses(pair))
        .collect();
    // Two slashes at its beginning would lead to another host.
    let path = uri.path().trim_start_matches(['/', '\\']);
    match rest.is_empty() {
        true => format!("/{path}"),
        false => format!("/{path}?{}", rest.join("&")),
    }
}

/// The language a browser would rather have (RFC 9110, section 12.5.4).
fn preferred(headers: &HeaderMap) -> &'static Language {
    let wanted = headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|wanted| wanted.to_str().ok());
    let weighed = wanted.unwrap_or_default().split(',').filter_map(|one| {
        let (tag, weight) = one.split_once(';').unwrap_or((one, "q=1"));
        let weight: f32 = weight.trim().strip_prefix("q=")?.parse().ok()?;
        by_tag(tag.trim())
            .filter(|_| weight > 0.0)
            .map(|language| (language, weight))
    });
    weighed
        .reduce(|best, one| if one.1 > best.1 { one } else { best })
        .map_or(&LANGUAGES[0], |(language, _)| language)
}

/// The messages of scripts that this language has, as `words.<tag>.json` for them.
pub(crate) fn for_scripts(tag: &str, scripts: &str) -> Option<serde_json::Value> {
    let language = LANGUAGES.iter().find(|language| language.tag == tag)?;
    let said = language.messages.iter().filter(|(text, _)| {
        let quoted = format!("'{}'", text.replace('\'', "\\'"));
        scripts.contains(&quoted)
    });
    serde_json::to_value(said.collect::<HashMap<_, _>>()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading<T>(tag: &str, read: impl FnOnce() -> T) -> T {
        let language = by_tag(tag).unwrap();
        READER.sync_scope(
            Reader {
                language,
                here: "/labs?q=a".to_owned(),
            },
            read,
        )
    }

    #[test]
    fn a_value_is_put_in_once_and_never_read_as_a_place_for_another() {
        let said = Said {
            text: "{a} of {b}, {c}",
            values: Vec::new(),
        };
        let said = said.with("a", "{b}").with("b", 2);
        assert_eq!(said.to_string(), "{b} of 2, {c}");
    }

    #[test]
    fn a_reader_of_german_reads_german_and_everything_else_reads_english() {
        assert_eq!(t("Log in").to_string(), "Log in");
        assert_eq!(
            tn("{n} product", "{n} products", 1234).to_string(),
            "1,234 products"
        );
        reading("de", || {
            assert_eq!(t("Log in").to_string(), "Anmelden");
            assert_eq!(
                tn("{n} product", "{n} products", 1).to_string(),
                "1 Produkt"
            );
            assert_eq!(
                tn("{n} product", "{n} products", 1234).to_string(),
                "1.234 Produkte"
            );
            assert_eq!(others()[0].1, "/labs?q=a&language=en");
        });
    }

    #[test]
    fn the_language_a_browser_would_rather_have_is_taken() {
        for (wanted, tag) in [
            ("de-AT,de;q=0.9,en;q=0.8", "de"),
            ("fr,en;q=0.5,de;q=0.4", "en"),
            ("fr;q=1, de;q=0.1", "de"),
            ("de;q=0", "en"),
            ("de;q=x, \u{e9}", "en"),
            ("", "en"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(
                header::ACCEPT_LANGUAGE,
                HeaderValue::from_bytes(wanted.as_bytes()).unwrap(),
            );
            assert_eq!(preferred(&headers).tag, tag, "{wanted}");
        }
    }
}
