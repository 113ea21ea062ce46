//! Writing a file of a volume, in one piece or in several.

use axum::Json;
use axum::body::BodyDataStream;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use gantry_staging::volume::Upload;
use serde_json::json;

use crate::app::App;
use crate::extract::FromPath;
use crate::identity::Caller;
use crate::problem::{BAD_REQUEST, CONFLICT, Problem};
use crate::rest::files::{FilePath, Place, place, refuse_part};

/// Write a file. `Content-Range: bytes N-M/T` goes on with a part; without it the file is written whole.
///
/// `Content-Range: bytes */T` asks how much of it is there.
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
    let piece = match headers.get(header::CONTENT_RANGE) {
        Some(value) => content_range(value)?,
        None => Piece {
            from: Some(0),
            total: None,
        },
    };
    let mut upload = place.files.upload(&place.path)?;
    let Some(from) = piece.from else {
        let there = is_there(&upload);
        if upload.written() == 0 {
            upload.give_up()?;
        }
        return Ok(there);
    };
    if from == 0 {
        // Measuring takes a walk through all volumes, so it is done once for a file and not for each piece.
        check_quota(&app, &place, piece.total, &headers).await?;
        upload.restart()?;
    }
    if upload.written() != from {
        let text = format!(
            "the part has {} bytes; go on from there with Content-Range",
            upload.written()
        );
        return Err(Problem::new(&CONFLICT, text));
    }
    take(&mut upload, request.into_body().into_data_stream()).await?;
    match piece.total {
        Some(total) if upload.written() > total => {
            let sent = upload.written();
            upload.give_up()?;
            let text = format!("{sent} bytes are more than Content-Range says; begin anew");
            Err(Problem::new(&BAD_REQUEST, text))
        }
        Some(total) if upload.written() < total => Ok(is_there(&upload)),
        _ => {
            upload.finish().await?;
            Ok(StatusCode::CREATED.into_response())
        }
    }
}

fn is_there(upload: &Upload) -> Response {
    let there = json!({"written_bytes": upload.written()});
    (StatusCode::ACCEPTED, Json(there)).into_response()
}

/// Refuses what the quota does not allow, going by the length that is announced.
async fn check_quota(
    app: &App,
    place: &Place,
    total: Option<u64>,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let quota = app.staging.worker().quota();
    if place.volume.kind != "local" || !quota.is_bounded() {
        return Ok(());
    }
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
    let (bytes, files) = app.volumes.usage(&place.volume.owner).await?;
    let more = total.or(length).unwrap_or(0);
    Ok(quota.check((bytes.saturating_add(more), files + 1))?)
}

/// Writes what comes; of what the volume has no room for nothing stays in the way.
async fn take(upload: &mut Upload, mut chunks: BodyDataStream) -> Result<(), Problem> {
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| {
            Problem::new(
                &BAD_REQUEST,
                "the body broke off; send the rest with Content-Range",
            )
        })?;
        if let Err(error) = upload.write(&chunk) {
            upload.restart()?;
            return Err(error.into());
        }
    }
    Ok(())
}

/// One piece of a file: from where, and how long the whole is.
struct Piece {
    /// `None` asks how much is there.
    from: Option<u64>,
    total: Option<u64>,
}

fn content_range(value: &HeaderValue) -> Result<Piece, Problem> {
    let read = || {
        let (range, total) = value
            .to_str()
            .ok()?
            .strip_prefix("bytes ")?
            .split_once('/')?;
        let total = Some(total.parse().ok()?);
        if range == "*" {
            return Some(Piece { from: None, total });
        }
        let (first, _) = range.split_once('-')?;
        Some(Piece {
            from: Some(first.parse().ok()?),
            total,
        })
    };
    read().ok_or_else(|| {
        Problem::new(
            &BAD_REQUEST,
            "Content-Range: write it as `bytes first-last/total`, or `bytes */total` to ask",
        )
    })
}
