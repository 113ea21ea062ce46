//! Style, scripts and pictures, carried in the binary.

use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;
use serde::Deserialize;

use crate::extract::FromPath;
use crate::problem::Problem;
use crate::words;

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Assets;

/// The path of a static file.
#[derive(Deserialize)]
pub(crate) struct StaticPath {
    file: String,
}

pub(crate) async fn serve(FromPath(path): FromPath<StaticPath>) -> Result<Response, Problem> {
    if let Some(tag) = path
        .file
        .strip_prefix("words.")
        .and_then(|file| file.strip_suffix(".json"))
    {
        return words_of(tag).ok_or_else(|| Problem::not_found("file", &path.file));
    }
    let file = Assets::get(&path.file).ok_or_else(|| Problem::not_found("file", &path.file))?;
    let media_type = match path.file.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml; charset=utf-8",
        _ => "application/octet-stream",
    };
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    Ok((headers, file.data.into_owned()).into_response())
}

/// What scripts say in a language.
fn words_of(tag: &str) -> Option<Response> {
    let scripts = Assets::iter().filter(|name| name.ends_with(".js"));
    let scripts: Vec<_> = scripts.filter_map(|name| Assets::get(&name)).collect();
    let scripts: Vec<_> = scripts
        .iter()
        .map(|file| String::from_utf8_lossy(&file.data))
        .collect();
    let words = words::for_scripts(tag, &scripts.concat())?;
    let headers = [(header::CACHE_CONTROL, "public, max-age=600")];
    Some((headers, Json(words)).into_response())
}
