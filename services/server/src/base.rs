//! The path that all of Gantry lies below where a proxy gives it a part of a host, such as `/gantry` of
//! `https://archive.example/gantry/`; empty where it has the host to itself.
//!
//! Routes and links are written as if Gantry had the host to itself. What comes in loses the path, and what goes out
//! gets it: addresses in pages, `Location`, types of problems, and pages that the interface names ([`App::at`]).

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use url::Url;

use crate::app::App;
use crate::problem::{self, Problem};

tokio::task_local! {
    static BASE: String;
}

/// The attributes of our pages whose values are addresses.
const ADDRESSES: [&str; 7] = [
    "href",
    "src",
    "action",
    "formaction",
    "data-href",
    "data-events",
    "data-upload",
];

/// The path of an address that Gantry lies below, without a slash at its end.
pub(crate) fn of(public_url: &Url) -> &str {
    public_url.path().trim_end_matches('/')
}

/// Why Gantry cannot lie below the path of an address, if so.
pub(crate) fn wrong(public_url: &Url) -> Option<&'static str> {
    let is_web = matches!(public_url.scheme(), "http" | "https") && public_url.has_host();
    let Some(path) = public_url.path().strip_prefix('/').filter(|_| is_web) else {
        return Some("it begins with `https://` or `http://`");
    };
    let is_plain = |name: &str| {
        let mut bytes = name.bytes();
        !name.is_empty() && bytes.all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b))
    };
    if public_url.query().is_some() || public_url.fragment().is_some() {
        return Some("it ends with its path");
    }
    let mut names = path.trim_end_matches('/').split('/');
    let first = names.clone().next().unwrap_or_default();
    if path.is_empty() {
        return None;
    }
    if !names.all(is_plain) {
        return Some("its path has letters, digits and `-_.~` only");
    }
    let is_first = |route: &&str| route.split('/').nth(1) == Some(first);
    let is_route = first == "api" || crate::page_paths().iter().any(is_first);
    is_route
        .then_some("its path does not begin as one of Gantry's own, such as `/labs` or `/portal`")
}

/// The address of a page that is written as if Gantry had the host to itself.
pub(crate) fn in_page(page: String) -> String {
    BASE.try_with(|base| match base.as_str() {
        "" => None,
        base => Some(with_base(&page, base)),
    })
    .ok()
    .flatten()
    .unwrap_or(page)
}

/// Puts the path before each address of a page of ours that begins with a slash.
///
/// A quotation mark in what pages show is escaped, so `="/` stands in markup alone.
fn with_base(page: &str, base: &str) -> String {
    const VALUE: &str = "=\"/";
    let mut out = String::with_capacity(page.len() + page.len() / 16);
    let mut rest = page;
    while let Some(at) = rest.find(VALUE) {
        let name = rest[..at].rsplit([' ', '\n']).next().unwrap_or_default();
        let (before, value) = rest.split_at(at + VALUE.len() - 1);
        out.push_str(before);
        if ADDRESSES.contains(&name) && is_ours(value) {
            out.push_str(base);
        }
        rest = value;
    }
    out.push_str(rest);
    out.replacen("<html ", &format!("<html data-base=\"{base}\" "), 1)
}

/// Takes the path off what is asked, and puts it before what the answer names.
pub(crate) async fn below(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let base = app.base();
    if base.is_empty() {
        return next.run(request).await;
    }
    if request.uri().path() == base {
        let query = request.uri().query().map(|query| format!("?{query}"));
        let query = query.unwrap_or_default();
        return Redirect::permanent(&format!("{base}/{query}")).into_response();
    }
    if let Some(uri) = without(request.uri(), base) {
        *request.uri_mut() = uri;
    }
    let mut response = BASE.scope(base.to_owned(), next.run(request)).await;
    if let Some(to) = response.headers().get(LOCATION)
        && let Some(to) = to.to_str().ok().filter(|to| is_ours(to))
        && let Ok(to) = HeaderValue::try_from(format!("{base}{to}"))
    {
        response.headers_mut().insert(LOCATION, to);
    }
    named(response, base)
}

/// Whether an address is one of this service, written as if it had the host to itself.
fn is_ours(address: &str) -> bool {
    address.starts_with('/') && !address.starts_with("//")
}

fn without(uri: &Uri, base: &str) -> Option<Uri> {
    let asked = uri.path_and_query()?.as_str().strip_prefix(base)?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(asked.starts_with('/').then(|| asked.parse().ok())??);
    Uri::from_parts(parts).ok()
}

/// The kind of a problem is an address too.
fn named(response: Response, base: &str) -> Response {
    let is_problem = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind == problem::MEDIA_TYPE);
    let Some(problem) = response
        .extensions()
        .get::<Problem>()
        .filter(|_| is_problem)
    else {
        return response;
    };
    let mut problem = problem.clone();
    problem.kind.insert_str(0, base);
    let (mut head, _) = response.into_parts();
    head.headers.remove(CONTENT_LENGTH);
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    Response::from_parts(head, Body::from(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_a_page_get_the_path_and_nothing_else_does() {
        let page = "<html lang=\"en\"><a class=\"x\" href=\"/volumes?a=1\">href=&#34;/x</a><form action=\"/\"\n  \
                    data-href=\"/api/v1/x\"><input name=\"next\" value=\"/volumes\"><a href=\"//other\"><a href=\"#main\">\
                    <a href=\"https://a.example/\"><img src=\"/static/a.svg\" alt=\"/\">";
        assert_eq!(
            with_base(page, "/gantry"),
            "<html data-base=\"/gantry\" lang=\"en\"><a class=\"x\" href=\"/gantry/volumes?a=1\">href=&#34;/x</a><form action=\"/gantry/\"\n  \
             data-href=\"/gantry/api/v1/x\"><input name=\"next\" value=\"/volumes\"><a href=\"//other\"><a href=\"#main\">\
             <a href=\"https://a.example/\"><img src=\"/gantry/static/a.svg\" alt=\"/\">"
        );
    }

    #[test]
    fn a_path_is_taken_off_whole_or_not_at_all() {
        let taken = |uri: &'static str| {
            let uri = Uri::from_static(uri);
            without(&uri, "/a/gantry").map(|uri| uri.to_string())
        };
        assert_eq!(
            taken("/a/gantry/search?q=%2F"),
            Some("/search?q=%2F".to_owned())
        );
        assert_eq!(taken("/a/gantry/"), Some("/".to_owned()));
        assert_eq!(taken("/a/gantryx/search"), None);
        assert_eq!(taken("/healthz"), None);
    }

    #[test]
    fn a_path_of_a_public_address_is_plain() {
        let why = |url: &str| wrong(&Url::parse(url).expect("an address"));
        assert_eq!(why("https://a.example/"), None);
        assert_eq!(why("https://a.example/tools/gantry-2/"), None);
        assert_eq!(why("https://a.example/gantry"), None);
        assert!(why("https://a.example//gantry/").is_some());
        assert!(why("https://a.example/gan%20try/").is_some());
        assert!(why("https://a.example/gantry/?x=1").is_some());
        assert!(why("https://a.example/labs/").is_some());
        assert!(why("htps:a.example").is_some() && why("localhost:8080").is_some());
    }
}
