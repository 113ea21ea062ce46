//! The files of a volume over REST.

use std::io::{Read, Seek, SeekFrom, Write};

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::DateTime;
use futures::StreamExt;
use gantry_staging::volume::{Entry, LocalVolume, VolumeError, VolumePath};
use gantry_store::Volume;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::extract::{FromJson, FromPath};
use crate::identity::Caller;
use crate::problem::{BAD_REQUEST, Problem, RANGE_OUTSIDE};
use crate::rest::volumes::NamePath;

/// The path of a file in a volume.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct FilePath {
    /// The volume's name.
    name: String,
    /// The path in the volume.
    path: String,
}

struct Place {
    volume: Volume,
    files: LocalVolume,
    path: VolumePath,
}

async fn place(
    app: &App,
    caller: &Caller,
    (name, path): (&str, &str),
    scope: &str,
) -> Result<Place, Problem> {
    let volume = app.store.volume(&caller.may(scope)?.id, name).await?;
    let files = app.volumes.open(&volume)?;
    Ok(Place {
        volume,
        files,
        path: VolumePath::parse(path)?,
    })
}

/// What lies in the root of a volume.
#[utoipa::path(get, path = "/api/v1/volumes/{name}/files", tag = "volumes", operation_id = "listVolumeRoot", params(NamePath),
    responses((status = 200, description = "files and folders", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list_root(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<NamePath>,
) -> Result<Json<Value>, Problem> {
    let place = place(&app, &caller, (&path.name, ""), "volumes:read").await?;
    list(&place)
}

fn list(place: &Place) -> Result<Json<Value>, Problem> {
    let files: Vec<Value> = place
        .files
        .list(&place.path)?
        .iter()
        .map(|entry| entry_json(&place.path, entry))
        .collect();
    Ok(Json(json!({"files": files, "next": null})))
}

fn entry_json(folder: &VolumePath, entry: &Entry) -> Value {
    let path = folder
        .join(&entry.name)
        .map(|path| path.as_str().to_owned())
        .unwrap_or_default();
    json!({
        "name": entry.name, "path": path, "is_folder": entry.is_folder, "is_link": entry.is_link,
        "size_bytes": if entry.is_folder { None } else { Some(entry.size_bytes) },
        "modified": DateTime::from_timestamp_nanos(entry.modified_ns),
    })
}

/// The bytes of a file, with `Range`; what lies in a folder.
#[utoipa::path(get, path = "/api/v1/volumes/{name}/files/{*path}", tag = "volumes", operation_id = "readVolumeFile", params(FilePath),
    responses((status = 200, description = "the bytes of a file, or `{files}` of a folder", body = String, content_type = "application/octet-stream"), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn read_file(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    FromPath(path): FromPath<FilePath>,
) -> Result<Response, Problem> {
    let place = place(&app, &caller, (&path.name, &path.path), "volumes:read").await?;
    match place.files.stat(&place.path)? {
        None => Err(Problem::not_found("file", place.path.as_str())),
        Some(entry) if entry.is_folder => list(&place).map(IntoResponse::into_response),
        Some(entry) => send(&place, &entry, &headers),
    }
}

/// Size and date of a file.
#[utoipa::path(head, path = "/api/v1/volumes/{name}/files/{*path}", tag = "volumes", operation_id = "statVolumeFile", params(FilePath),
    responses((status = 200, description = "Content-Length, Last-Modified and ETag"), (status = "4XX", description = "a problem")))]
pub(crate) async fn stat_file(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<FilePath>,
) -> Result<Response, Problem> {
    let place = place(&app, &caller, (&path.name, &path.path), "volumes:read").await?;
    let entry = place
        .files
        .stat(&place.path)?
        .ok_or_else(|| Problem::not_found("file", place.path.as_str()))?;
    if entry.is_link {
        // A link that may not be followed is refused as it is when its bytes are asked for.
        place.files.read(&place.path)?;
    }
    let mut response = Response::new(Body::empty());
    describe(response.headers_mut(), &place, &entry);
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(entry.size_bytes));
    Ok(response)
}

fn describe(headers: &mut HeaderMap, place: &Place, entry: &Entry) {
    let modified = DateTime::from_timestamp_nanos(entry.modified_ns)
        .format("%a, %d %b %Y %H:%M:%S GMT")
        .to_string();
    let name: String = place
        .path
        .name()
        .chars()
        .map(|c| {
            if c.is_ascii_graphic() && c != '"' {
                c
            } else {
                '_'
            }
        })
        .collect();
    let encoded = crate::format::encode(place.path.name()).replace('+', "%20");
    let values = [
        (header::ETAG, etag(entry)),
        (header::LAST_MODIFIED, modified),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\"; filename*=UTF-8''{encoded}"),
        ),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        // What a volume holds never runs in a page of this service.
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; sandbox".to_owned(),
        ),
    ];
    for (name, value) in values {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
}

fn etag(entry: &Entry) -> String {
    format!(
        "\"{:x}-{:x}-{:x}\"",
        entry.inode, entry.size_bytes, entry.modified_ns
    )
}

fn send(place: &Place, entry: &Entry, headers: &HeaderMap) -> Result<Response, Problem> {
    let mut file = place.files.read(&place.path)?;
    let size = file
        .metadata()
        .map_err(|error| Problem::internal(&error))?
        .len();
    // A part of another state of the file would not fit what the client has.
    let is_same = headers
        .get(header::IF_RANGE)
        .is_none_or(|known| known.as_bytes() == etag(entry).as_bytes());
    let range = headers
        .get(header::RANGE)
        .filter(|_| is_same)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| range(text, size));
    let (start, end, status) = match range {
        None => (0, size, StatusCode::OK),
        Some(Some((start, end))) => (start, end, StatusCode::PARTIAL_CONTENT),
        Some(None) => {
            let problem = Problem::new(
                &RANGE_OUTSIDE,
                format!("the range lies outside the file, which has {size} bytes"),
            );
            let whole = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
            return Ok((whole, problem).into_response());
        }
    };
    file.seek(SeekFrom::Start(start))
        .map_err(|error| Problem::internal(&error))?;
    let mut response = Response::new(body(file, end - start));
    *response.status_mut() = status;
    describe(response.headers_mut(), place, entry);
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(end - start));
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(value) = HeaderValue::try_from(format!("bytes {start}-{}/{size}", end - 1))
    {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    Ok(response)
}

/// A single byte range as start and end; `None` when it is no such range, `Some(None)` when it lies outside.
fn range(text: &str, size: u64) -> Option<Option<(u64, u64)>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    if last.contains(',') {
        return None;
    }
    let (start, end) = match (first.parse::<u64>().ok(), last.parse::<u64>().ok()) {
        (Some(start), Some(last)) if start > last => return None,
        (Some(start), Some(last)) => (start, last.saturating_add(1).min(size)),
        (Some(start), None) if last.is_empty() => (start, size),
        (None, Some(n)) if first.is_empty() => (size.saturating_sub(n), size),
        _ => return None,
    };
    Some((start < end).then_some((start, end)))
}

/// The next bytes of a file, read away from the threads that answer requests.
fn body(file: std::fs::File, n_bytes: u64) -> Body {
    let (sender, receiver) = mpsc::channel::<std::io::Result<Bytes>>(4);
    tokio::task::spawn_blocking(move || {
        let mut left = file.take(n_bytes);
        loop {
            let mut piece = Vec::with_capacity(256 << 10);
            let read = left.by_ref().take(256 << 10).read_to_end(&mut piece);
            let sent = match read {
                Ok(0) => return,
                Ok(_) => sender.blocking_send(Ok(Bytes::from(piece))),
                Err(error) => sender.blocking_send(Err(error)),
            };
            if sent.is_err() {
                return;
            }
        }
    });
    Body::from_stream(
        futures::stream::unfold(receiver, |mut receiver| async {
            Some((receiver.recv().await?, receiver))
        })
        .boxed(),
    )
}

/// Write a file. `Content-Range: bytes N-M/T` goes on with a part; without it the file is written whole.
#[utoipa::path(put, path = "/api/v1/volumes/{name}/files/{*path}", tag = "volumes", operation_id = "writeVolumeFile", params(FilePath),
    request_body(content = String, content_type = "application/octet-stream"),
    responses((status = 201, description = "it is there"), (status = 202, description = "the part is there; more is expected", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn write_file(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    FromPath(path): FromPath<FilePath>,
    request: Request,
) -> Result<Response, Problem> {
    let place = place(&app, &caller, (&path.name, &path.path), "volumes:write").await?;
    if place.path.is_root() {
        return Err(Problem::new(&BAD_REQUEST, "name the file to write"));
    }
    refuse_part(&place.path)?;
    let (from, total) = match headers.get(header::CONTENT_RANGE) {
        Some(value) => {
            let (from, total) = content_range(value)?;
            (from, Some(total))
        }
        None => (0, None),
    };
    let mut part = place.files.part(&place.path)?;
    if from == 0 && part.written > 0 {
        part.file
            .set_len(0)
            .and_then(|()| part.file.rewind())
            .map_err(|error| Problem::internal(&error))?;
        part.written = 0;
    }
    if part.written != from {
        return Err(Problem::new(
            &crate::problem::CONFLICT,
            format!(
                "the part has {} bytes; go on from there with Content-Range",
                part.written
            ),
        ));
    }
    let mut chunks = request.into_body().into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| {
            Problem::new(
                &BAD_REQUEST,
                "the body broke off; send the rest with Content-Range",
            )
        })?;
        if let Err(error) = part.file.write_all(&chunk) {
            drop(part);
            place.files.drop_part(&place.path)?;
            return Err(if error.kind() == std::io::ErrorKind::StorageFull {
                VolumeError::Full {
                    path: place.path.to_string(),
                }
                .into()
            } else {
                Problem::internal(&error)
            });
        }
        part.written += chunk.len() as u64;
    }
    if total.is_some_and(|total| part.written > total) {
        let sent = part.written;
        drop(part);
        place.files.drop_part(&place.path)?;
        return Err(Problem::new(
            &BAD_REQUEST,
            format!("{sent} bytes are more than Content-Range says; begin anew"),
        ));
    }
    if total.is_some_and(|total| part.written < total) {
        return Ok((
            StatusCode::ACCEPTED,
            Json(json!({"written_bytes": part.written})),
        )
            .into_response());
    }
    part.file
        .sync_all()
        .map_err(|error| Problem::internal(&error))?;
    place.files.finish_part(&place.path, &part)?;
    Ok(StatusCode::CREATED.into_response())
}

fn content_range(value: &HeaderValue) -> Result<(u64, u64), Problem> {
    let read = || {
        let (range, total) = value
            .to_str()
            .ok()?
            .strip_prefix("bytes ")?
            .split_once('/')?;
        let (first, _) = range.split_once('-')?;
        Some((first.parse().ok()?, total.parse().ok()?))
    };
    read().ok_or_else(|| {
        Problem::new(
            &BAD_REQUEST,
            "Content-Range: write it as `bytes first-last/total`",
        )
    })
}

/// Delete a file, or a folder with all it holds.
#[utoipa::path(delete, path = "/api/v1/volumes/{name}/files/{*path}", tag = "volumes", operation_id = "deleteVolumeFile", params(FilePath),
    responses((status = 204, description = "it is gone"), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn delete_file(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<FilePath>,
) -> Result<StatusCode, Problem> {
    remove(&app, &caller, (&path.name, &path.path)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn remove(app: &App, caller: &Caller, at: (&str, &str)) -> Result<(), Problem> {
    let place = place(app, caller, at, "volumes:write").await?;
    if place.path.is_root() {
        return Err(Problem::new(
            &BAD_REQUEST,
            "the root of a volume cannot be deleted; delete the volume",
        ));
    }
    place.files.remove(&place.path)?;
    app.store
        .forget_staged(&place.volume.id, place.path.as_str())
        .await?;
    Ok(())
}

/// Names ending in `.part` belong to files that are being written.
fn refuse_part(path: &VolumePath) -> Result<(), Problem> {
    if path.as_str().ends_with(".part") {
        let text =
            format!("`{path}`: names ending in `.part` belong to files that are being written");
        return Err(Problem::new(&BAD_REQUEST, text));
    }
    Ok(())
}

/// What to do with a path.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileChange {
    /// `folder` makes a folder, `move` moves what is there.
    action: String,
    /// Where to, for `move`.
    #[serde(default)]
    to: Option<String>,
}

/// Make a folder, or move a file or folder.
#[utoipa::path(post, path = "/api/v1/volumes/{name}/files/{*path}", tag = "volumes", operation_id = "changeVolumeFile", params(FilePath), request_body = FileChange,
    responses((status = 201, description = "done"), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn change_file(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<FilePath>,
    FromJson(change): FromJson<FileChange>,
) -> Result<StatusCode, Problem> {
    let place = place(&app, &caller, (&path.name, &path.path), "volumes:write").await?;
    match (change.action.as_str(), &change.to) {
        ("folder", _) => place.files.create_folder(&place.path)?,
        ("move", Some(to)) => {
            let to = VolumePath::parse(to)?;
            refuse_part(&to)?;
            place.files.rename(&place.path, &to)?;
            app.store
                .forget_staged(&place.volume.id, place.path.as_str())
                .await?;
        }
        _ => {
            return Err(Problem::new(
                &BAD_REQUEST,
                "use {\"action\": \"folder\"} or {\"action\": \"move\", \"to\": \"path\"}",
            ));
        }
    }
    Ok(StatusCode::CREATED)
}
