//! The HTTP server: folders as pages of links, as a web server's index makes them, and files.

use std::fmt::Write;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};

use super::Way;
use super::archive::{Archive, Item, Opened};
use super::tree::normal;
use crate::answer::{Entity, page, unavailable};
use crate::error::StandinError;

/// Up to so many characters of a name are shown in a listing.
const SHOWN_CHARACTERS: usize = 50;

pub(crate) fn router(archive: Arc<Archive>) -> Router {
    Router::new().fallback(answer).with_state(archive)
}

async fn answer(
    State(archive): State<Arc<Archive>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let Some(path) = decoded(uri.path()) else {
        return page(StatusCode::BAD_REQUEST, "400 Bad Request");
    };
    if method != Method::GET && method != Method::HEAD {
        return page(StatusCode::METHOD_NOT_ALLOWED, "405 Not Allowed");
    }
    let answered = if path.ends_with('/') {
        list(&archive, &path).await
    } else {
        fetch(&archive, &path, &method, &headers).await
    };
    answered.unwrap_or_else(|error| {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "a file cannot be served"
        );
        page(
            StatusCode::INTERNAL_SERVER_ERROR,
            "500 Internal Server Error",
        )
    })
}

async fn list(archive: &Arc<Archive>, path: &str) -> Result<Response, StandinError> {
    Ok(match archive.list(Way::Http, path).await? {
        Some(items) => Html(index(path, &items)).into_response(),
        None => page(StatusCode::NOT_FOUND, "404 Not Found"),
    })
}

async fn fetch(
    archive: &Arc<Archive>,
    path: &str,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, StandinError> {
    if archive.stat(path).await?.is_some_and(|item| item.is_folder) {
        let location = format!("{}/", normal(path));
        return Ok((
            StatusCode::MOVED_PERMANENTLY,
            [(header::LOCATION, location)],
        )
            .into_response());
    }
    let from = first_byte(headers);
    let is_head = method == Method::HEAD;
    let Some(opened) = archive.open(Way::Http, path, from, is_head).await? else {
        return Ok(page(StatusCode::NOT_FOUND, "404 Not Found"));
    };
    let Opened {
        item,
        source,
        struck,
    } = opened;
    if struck.hang {
        std::future::pending::<()>().await;
    }
    if let Some(retry_after_s) = struck.unavailable {
        return Ok(unavailable(retry_after_s));
    }
    if struck.html_instead {
        return Ok(page(StatusCode::OK, "An error has occurred"));
    }
    let entity = Entity {
        media_type: media_type(&item.name),
        size_bytes: item.size_bytes,
        modified: item.modified,
        etag: item.etag(),
        name: item.name,
        is_attachment: false,
    };
    let plan = entity.plan(headers, &struck);
    Ok(match plan.has_bytes(method) {
        true => plan.with_bytes(source, item.size_bytes, &struck),
        false => plan.without_bytes(),
    })
}

/// The page of a folder.
fn index(path: &str, items: &[Item]) -> String {
    let title = escaped(path);
    let mut html = format!(
        "<html>\r\n<head><title>Index of {title}</title></head>\r\n<body>\r\n\
         <h1>Index of {title}</h1><hr><pre><a href=\"../\">../</a>\r\n"
    );
    let (folders, files): (Vec<_>, Vec<_>) = items.iter().partition(|item| item.is_folder);
    for item in folders.into_iter().chain(files) {
        let name = format!("{}{}", item.name, if item.is_folder { "/" } else { "" });
        let shown = if name.chars().count() > SHOWN_CHARACTERS {
            let start: String = name.chars().take(SHOWN_CHARACTERS - 3).collect();
            format!("{start}..>")
        } else {
            name.clone()
        };
        let pad = " ".repeat(SHOWN_CHARACTERS + 1 - shown.chars().count());
        let size = match item.is_folder {
            true => "-".to_owned(),
            false => item.size_bytes.to_string(),
        };
        let modified = item.modified.format("%d-%b-%Y %H:%M");
        // Writing to a string cannot fail.
        let _ = write!(
            html,
            "<a href=\"{}\">{}</a>{pad}{modified}{size:>20}\r\n",
            encoded(&name),
            escaped(&shown)
        );
    }
    html.push_str("</pre><hr></body>\r\n</html>\r\n");
    html
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn encoded(name: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~/+,".contains(byte);
    name.bytes().fold(String::new(), |mut text, byte| {
        match plain(&byte) {
            true => text.push(byte.into()),
            false => text.push_str(&format!("%{byte:02X}")),
        }
        text
    })
}

/// The path without percent signs; nothing when what they stand for is no text.
fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).ok()
}

/// The first byte that a range asks for.
fn first_byte(headers: &HeaderMap) -> u64 {
    let range = headers.get(header::RANGE);
    range
        .and_then(|range| range.to_str().ok())
        .and_then(|range| range.strip_prefix("bytes=")?.split('-').next())
        .and_then(|first| first.parse().ok())
        .unwrap_or(0)
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, end)| end) {
        Some("gz") => "application/gzip",
        Some("zip") => "application/zip",
        Some("log" | "txt") => "text/plain",
        Some("xml") => "text/xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_decoded_and_a_name_encoded() {
        assert_eq!(decoded("/a%20b").as_deref(), Some("/a b"));
        assert_eq!(decoded("/a%2"), None);
        assert_eq!(decoded("/a%ff"), None);
        assert_eq!(encoded("a b.Z"), "a%20b.Z");
    }
}
