//! The files of a volume over REST.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::DateTime;
use gantry_staging::volume::{Entry, Files, VolumePath};
use gantry_store::Volume;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::extract::{FromJson, FromPath, FromQuery};
use crate::identity::Caller;
use crate::problem::{BAD_REQUEST, Problem, RANGE_OUTSIDE};
use crate::rest::listing::ListParams;
use crate::rest::volumes::NamePath;

/// The path of a file in a volume.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct FilePath {
    /// The volume's name.
    pub(super) name: String,
    /// The path in the volume.
    pub(super) path: String,
}

/// A path in a volume that the caller may use.
pub(crate) struct Place {
    pub(crate) volume: Volume,
    pub(crate) files: Files,
    pub(crate) path: VolumePath,
}

pub(crate) async fn place(
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
#[utoipa::path(get, path = "/api/v1/volumes/{name}/files", tag = "volumes", operation_id = "listVolumeRoot", params(NamePath, ListParams),
    responses((status = 200, description = "files and folders", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list_root(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<NamePath>,
    FromQuery(params): FromQuery<ListParams>,
) -> Result<Json<Value>, Problem> {
    let place = place(&app, &caller, (&path.name, ""), "volumes:read").await?;
    list(&app, &place, &params).await
}

async fn list(app: &App, place: &Place, params: &ListParams) -> Result<Json<Value>, Problem> {
    let page = params.page(place.files.list(&place.path).await?)?;
    let files: Vec<Value> = page
        .entries
        .iter()
        .map(|entry| entry_json(&place.path, entry))
        .collect();
    let path = crate::format::encode_path(place.path.as_str());
    let at = app.at(&format!(
        "/api/v1/volumes/{}/files/{path}",
        place.volume.name
    ));
    let at = at.trim_end_matches('/');
    let next = page
        .next
        .map(|after| format!("{at}?{}", params.query(after)));
    Ok(Json(
        json!({"files": files, "total": page.total, "next": next}),
    ))
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
#[utoipa::path(get, path = "/api/v1/volumes/{name}/files/{*path}", tag = "volumes", operation_id = "readVolumeFile", params(FilePath, ListParams),
    responses((status = 200, description = "the bytes of a file, or `{files}` of a folder", body = String, content_type = "application/octet-stream"), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn read_file(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    FromPath(path): FromPath<FilePath>,
    FromQuery(params): FromQuery<ListParams>,
) -> Result<Response, Problem> {
    let place = place(&app, &caller, (&path.name, &path.path), "volumes:read").await?;
    match place.files.stat(&place.path).await? {
        None => Err(Problem::not_found("file", place.path.as_str())),
        Some(entry) if entry.is_folder => {
            let listed = list(&app, &place, &params).await;
            listed.map(IntoResponse::into_response)
        }
        Some(entry) => send(&place, &entry, &headers).await,
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
        .stat(&place.path)
        .await?
        .ok_or_else(|| Problem::not_found("file", place.path.as_str()))?;
    if entry.is_link {
        // A link that may not be followed is refused as it is when its bytes are asked for.
        place.files.read(&place.path, 0, Some(0)).await?;
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
    let encoded = crate::format::encode_path(place.path.name());
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

pub(crate) fn etag(entry: &Entry) -> String {
    format!(
        "\"{:x}-{:x}-{:x}\"",
        entry.inode, entry.size_bytes, entry.modified_ns
    )
}

async fn send(place: &Place, entry: &Entry, headers: &HeaderMap) -> Result<Response, Problem> {
    let size = entry.size_bytes;
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
    let reading = place
        .files
        .read(&place.path, start, Some(end - start))
        .await?;
    let mut response = Response::new(Body::from_stream(reading));
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
    place.files.remove(&place.path).await?;
    app.store
        .forget_staged(&place.volume.id, place.path.as_str())
        .await?;
    Ok(())
}

/// Names ending in `.part` belong to files that are being written.
pub(crate) fn refuse_part(path: &VolumePath) -> Result<(), Problem> {
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
    let at = (path.name.as_str(), path.path.as_str());
    match (change.action.as_str(), &change.to) {
        ("folder", _) => make_folder(&app, &caller, at).await?,
        ("move", Some(to)) => move_to(&app, &caller, at, to).await?,
        _ => {
            return Err(Problem::new(
                &BAD_REQUEST,
                "use {\"action\": \"folder\"} or {\"action\": \"move\", \"to\": \"path\"}",
            ));
        }
    }
    Ok(StatusCode::CREATED)
}

pub(crate) async fn make_folder(
    app: &App,
    caller: &Caller,
    at: (&str, &str),
) -> Result<(), Problem> {
    let place = place(app, caller, at, "volumes:write").await?;
    Ok(place.files.create_folder(&place.path).await?)
}

pub(crate) async fn move_to(
    app: &App,
    caller: &Caller,
    at: (&str, &str),
    to: &str,
) -> Result<(), Problem> {
    let place = place(app, caller, at, "volumes:write").await?;
    let to = VolumePath::parse(to)?;
    refuse_part(&to)?;
    place.files.rename(&place.path, &to).await?;
    app.store
        .forget_staged(&place.volume.id, place.path.as_str())
        .await?;
    Ok(())
}
