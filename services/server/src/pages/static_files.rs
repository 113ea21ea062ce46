//! Style, scripts and pictures, carried in the binary.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;
use serde::Deserialize;

use crate::extract::FromPath;
use crate::problem::Problem;

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Assets;

/// The path of a static file.
#[derive(Deserialize)]
pub(crate) struct StaticPath {
    file: String,
}

pub(crate) async fn serve(FromPath(path): FromPath<StaticPath>) -> Result<Response, Problem> {
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
