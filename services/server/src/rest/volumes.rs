//! Volumes over REST.

use std::path::PathBuf;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use gantry_staging::NewVolume;
use gantry_staging::volume::VolumePath;
use gantry_store::{User, Volume};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::extract::{FromJson, FromPath};
use crate::identity::Caller;
use crate::problem::{Problem, UNPROCESSABLE};

/// The caller's volumes.
#[utoipa::path(get, path = "/api/v1/volumes", tag = "volumes", operation_id = "listVolumes",
    responses((status = 200, description = "the volumes", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list_volumes(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Value>, Problem> {
    let volumes = app.store.volumes(&caller.may("volumes:read")?.id).await?;
    Ok(Json(
        json!({"volumes": volumes.iter().map(|volume| volume_json(&app, volume)).collect::<Vec<_>>(), "next": null}),
    ))
}

pub(crate) fn volume_json(app: &App, volume: &Volume) -> Value {
    let space = app
        .volumes
        .open(volume)
        .ok()
        .and_then(|files| files.space().ok());
    json!({
        "name": volume.name, "title": volume.title, "kind": volume.kind, "address": null, "path": volume.path,
        "mountable": app.labs.mountable(&volume.kind), "permanent": volume.permanent, "created": volume.created,
        "free_bytes": space.map(|space| space.free_bytes), "total_bytes": space.map(|space| space.total_bytes),
    })
}

/// What a new volume is to be.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CreateVolume {
    /// Its name, unique per user.
    pub(crate) name: String,
    /// Its name for people.
    pub(crate) title: Option<String>,
    /// `local`, a folder of the service's machine.
    pub(crate) kind: Option<String>,
    /// A folder that is there, below one of the operator's `local_roots`.
    pub(crate) path: Option<String>,
}

/// Make a volume.
#[utoipa::path(post, path = "/api/v1/volumes", tag = "volumes", operation_id = "createVolume", request_body = CreateVolume,
    responses((status = 201, description = "the volume", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn create_volume(
    State(app): State<App>,
    caller: Caller,
    FromJson(asked): FromJson<CreateVolume>,
) -> Result<Response, Problem> {
    let user = caller.may("volumes:write")?;
    let volume = create(&app, user, asked).await?;
    let location = format!("/api/v1/volumes/{}", volume.name);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(volume_json(&app, &volume)),
    )
        .into_response())
}

pub(crate) async fn create(app: &App, user: &User, asked: CreateVolume) -> Result<Volume, Problem> {
    if let Some(kind) = asked.kind.as_deref().filter(|kind| *kind != "local") {
        return Err(Problem::new(
            &UNPROCESSABLE,
            format!("volumes of the kind `{kind}` are not offered by this service; allowed: local"),
        ));
    }
    let volume = app
        .volumes
        .create(
            user,
            &NewVolume {
                name: asked.name,
                title: asked.title,
                path: asked.path.map(PathBuf::from),
            },
        )
        .await?;
    app.store
        .audit(Some(&user.id), "volume.create", &volume.name)
        .await?;
    Ok(volume)
}

/// The path of a volume.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct NamePath {
    /// Its name.
    pub(crate) name: String,
}

/// One volume.
#[utoipa::path(get, path = "/api/v1/volumes/{name}", tag = "volumes", operation_id = "showVolume", params(NamePath),
    responses((status = 200, description = "the volume", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn show_volume(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<NamePath>,
) -> Result<Json<Value>, Problem> {
    let volume = app
        .store
        .volume(&caller.may("volumes:read")?.id, &path.name)
        .await?;
    Ok(Json(volume_json(&app, &volume)))
}

/// What of a volume is to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeVolume {
    /// Its name for people.
    title: String,
}

/// Change the title of a volume.
#[utoipa::path(patch, path = "/api/v1/volumes/{name}", tag = "volumes", operation_id = "changeVolume", params(NamePath), request_body = ChangeVolume,
    responses((status = 200, description = "the volume", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn change_volume(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<NamePath>,
    FromJson(change): FromJson<ChangeVolume>,
) -> Result<Json<Value>, Problem> {
    let user = caller.may("volumes:write")?;
    let title: String = change.title.trim().chars().take(120).collect();
    if title.is_empty() {
        return Err(Problem::new(
            &UNPROCESSABLE,
            "the `title` is empty; give the volume a name for people",
        ));
    }
    let volume = app
        .store
        .retitle_volume(&user.id, &path.name, &title)
        .await?;
    Ok(Json(volume_json(&app, &volume)))
}

/// Delete a volume; a folder below the volume root goes with it, one of the `local_roots` stays.
#[utoipa::path(delete, path = "/api/v1/volumes/{name}", tag = "volumes", operation_id = "deleteVolume", params(NamePath),
    responses((status = 204, description = "it is gone"), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn delete_volume(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<NamePath>,
) -> Result<StatusCode, Problem> {
    let user = caller.may("volumes:write")?;
    delete(&app, user, &path.name).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn delete(app: &App, user: &User, name: &str) -> Result<(), Problem> {
    let volume = app.store.volume(&user.id, name).await?;
    app.volumes.delete(&volume).await?;
    app.store
        .audit(Some(&user.id), "volume.delete", name)
        .await?;
    Ok(())
}

/// Try a volume: open, list, write, read back, delete; says which step failed and why.
#[utoipa::path(post, path = "/api/v1/volumes/{name}/test", tag = "volumes", operation_id = "testVolume", params(NamePath),
    responses((status = 200, description = "the steps", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn test_volume(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<NamePath>,
) -> Result<Json<Value>, Problem> {
    let volume = app
        .store
        .volume(&caller.may("volumes:write")?.id, &path.name)
        .await?;
    let mut steps = Vec::new();
    let failed = try_steps(&app, &volume, &mut steps)
        .err()
        .map(|error| error.detail);
    Ok(Json(
        json!({"ok": failed.is_none(), "steps": steps, "failed": failed}),
    ))
}

fn try_steps(app: &App, volume: &Volume, steps: &mut Vec<&'static str>) -> Result<(), Problem> {
    let files = app.volumes.open(volume)?;
    steps.push("open");
    files.list(&VolumePath::root())?;
    steps.push("list");
    let probe = VolumePath::parse(&format!(".gantry-test-{}", uuid::Uuid::new_v4().simple()))?;
    files.write(&probe, b"gantry")?;
    steps.push("write");
    let mut text = String::new();
    let read = std::io::Read::read_to_string(&mut files.read(&probe)?, &mut text);
    files.remove(&probe)?;
    if read.is_err() || text != "gantry" {
        return Err(Problem::new(
            &UNPROCESSABLE,
            "what was written could not be read back",
        ));
    }
    steps.extend(["read back", "delete"]);
    Ok(())
}

/// The kinds of volumes, each with the fields its form has.
#[utoipa::path(get, path = "/api/v1/volume-kinds", tag = "volumes", operation_id = "listVolumeKinds",
    responses((status = 200, description = "the kinds", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list_volume_kinds(State(app): State<App>) -> Json<Value> {
    Json(json!({"volume_kinds": [{
        "kind": "local", "title": "Folder of the service's machine", "mountable": app.labs.mountable("local"),
        "schema": {"type": "object", "required": ["name"], "properties": {
            "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,39}$", "title": "Name"},
            "title": {"type": "string", "maxLength": 120, "title": "Title"},
            "path": {"type": "string", "title": "Folder below an allowed root"}}}
    }]}))
}
