//! Volumes over REST.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use gantry_net::Step;
use gantry_staging::volume::{Files, KINDS, Kind, RemoteVolume, VolumeError, VolumePath};
use gantry_staging::{NewVolume, Source};
use gantry_store::{User, Volume};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::extract::{FromJson, FromPath};
use crate::identity::Caller;
use crate::problem::{Problem, UNPROCESSABLE};
use crate::rest::volume_login::VolumeLogin;

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
    let (files, elsewhere) = (app.volumes.open(volume), app.volumes.elsewhere(volume));
    let space = files.as_ref().ok().and_then(Files::space);
    // Where the operator's storage is, is the operator's.
    let is_own = volume.catalogue.is_none();
    let elsewhere = elsewhere.ok().flatten().filter(|_| is_own);
    let address = elsewhere
        .as_ref()
        .map(|(elsewhere, credentials)| elsewhere.masked(credentials.password.is_some()));
    let trouble = match &files {
        Ok(files) => json!(files.as_remote().and_then(RemoteVolume::trouble)),
        Err(error) => {
            json!({"since": null, "n_failures": null, "until": null, "why": error.to_string()})
        }
    };
    json!({
        "name": volume.name, "title": volume.title, "kind": volume.kind, "address": address,
        "path": Some(&volume.path).filter(|path| !path.is_empty()),
        "catalogue": volume.catalogue, "read_only": !is_own,
        "settings": elsewhere.map(|(elsewhere, _)| elsewhere.settings),
        "mountable": app.labs.mountable(&volume.kind), "permanent": volume.permanent, "created": volume.created,
        "free_bytes": space.map(|space| space.free_bytes), "total_bytes": space.map(|space| space.total_bytes),
        "trouble": trouble,
    })
}

/// What a new volume is to be: a new folder, a folder that is there (`path`), an entry of the operator's `catalogue`,
/// or storage elsewhere (`address`).
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateVolume {
    /// Its name, unique per user.
    #[serde(default)]
    pub(crate) name: String,
    /// Its name for people.
    pub(crate) title: Option<String>,
    /// Its kind, one of `/volume-kinds`; by default what the address says, `local` without one.
    pub(crate) kind: Option<String>,
    /// A folder that is there, below one of the operator's `local_roots`.
    pub(crate) path: Option<String>,
    /// An entry of the operator's catalogue.
    pub(crate) catalogue: Option<String>,
    /// How storage elsewhere is reached.
    #[serde(flatten)]
    pub(crate) login: VolumeLogin,
}

/// What of a volume is to change; what is not said stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeVolume {
    /// Its name for people.
    pub(crate) title: Option<String>,
    /// How storage elsewhere is reached.
    #[serde(flatten)]
    pub(crate) login: VolumeLogin,
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
    let source = source(&asked)?;
    let new = NewVolume {
        name: asked.name,
        title: asked.title,
        source,
    };
    let volume = app.volumes.create(user, &new).await?;
    app.store
        .audit(Some(&user.id), "volume.create", &volume.name)
        .await?;
    Ok(volume)
}

fn source(asked: &CreateVolume) -> Result<Source, Problem> {
    let refuse = |why: String| Err(Problem::new(&UNPROCESSABLE, why));
    let kind = asked.kind.as_deref();
    if let Some(unknown) = kind.filter(|kind| Kind::named(kind).is_none()) {
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        return refuse(format!(
            "`{unknown}` is no kind of volume; allowed: {}",
            names.join(", ")
        ));
    }
    let elsewhere_kind = kind.filter(|kind| *kind != "local");
    let elsewhere = asked.login.read(elsewhere_kind, None)?;
    match (&asked.catalogue, &asked.path, elsewhere) {
        (Some(entry), None, None) => Ok(Source::Catalogue(entry.clone())),
        (None, Some(path), None) => Ok(Source::Folder(path.into())),
        (None, None, Some((elsewhere, credentials))) => {
            Ok(Source::Elsewhere(Box::new(elsewhere), credentials))
        }
        (None, None, None) => match elsewhere_kind {
            None => Ok(Source::New),
            Some(kind) => refuse(format!("a volume of kind `{kind}` needs an `address`")),
        },
        _ => refuse("say one of `catalogue`, `path` and `address`".to_owned()),
    }
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

/// Change the title of a volume, or where and how storage elsewhere is reached.
#[utoipa::path(patch, path = "/api/v1/volumes/{name}", tag = "volumes", operation_id = "changeVolume", params(NamePath), request_body = ChangeVolume,
    responses((status = 200, description = "the volume", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn change_volume(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<NamePath>,
    FromJson(change): FromJson<ChangeVolume>,
) -> Result<Json<Value>, Problem> {
    let user = caller.may("volumes:write")?;
    let volume = change_one(&app, user, &path.name, change).await?;
    Ok(Json(volume_json(&app, &volume)))
}

pub(crate) async fn change_one(
    app: &App,
    user: &User,
    name: &str,
    change: ChangeVolume,
) -> Result<Volume, Problem> {
    let mut volume = app.store.volume(&user.id, name).await?;
    if let Some(title) = &change.title {
        let title: String = title.trim().chars().take(120).collect();
        if title.is_empty() {
            return Err(Problem::new(
                &UNPROCESSABLE,
                "the `title` is empty; give the volume a name for people",
            ));
        }
        volume.title = title;
    }
    app.store
        .audit(Some(&user.id), "volume.change", &volume.name)
        .await?;
    if change.login.is_empty() {
        return Ok(app.store.retitle_volume(&volume).await?);
    }
    let before = match volume.catalogue {
        Some(_) => None,
        None => app.volumes.elsewhere(&volume)?,
    };
    if before.is_none() {
        return Err(Problem::new(
            &UNPROCESSABLE,
            format!("`{name}` is no storage elsewhere of your own; only its title can change"),
        ));
    }
    let (elsewhere, credentials) = change
        .login
        .read(Some(&volume.kind), before)?
        .ok_or_else(|| Problem::new(&UNPROCESSABLE, "it has no address"))?;
    let changed = app
        .volumes
        .change_elsewhere(volume, &elsewhere, &credentials);
    Ok(changed.await?)
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
    Ok(Json(try_out(&app, &volume).await?))
}

/// The steps of trying a volume out, and which of them failed why.
pub(crate) async fn try_out(app: &App, volume: &Volume) -> Result<Value, Problem> {
    if let Some(tried) = app.volumes.try_out(volume).await? {
        // Of what is only read, the steps that write are of no interest.
        let wanted = tried.iter().filter(|tried| {
            let reads = matches!(tried.step, Step::Connect | Step::List);
            reads || volume.catalogue.is_none()
        });
        let went = wanted.map(|tried| (tried.step.name(), tried.why.clone()));
        return Ok(told(&went.collect::<Went>()));
    }
    let mut went = Went::new();
    let files = app.volumes.open(volume);
    went.push(("open", files.as_ref().err().map(ToString::to_string)));
    if let Ok(files) = files {
        try_folder(&files, &mut went).await;
    }
    Ok(told(&went))
}

/// Steps in their order, each with why it failed if it did.
type Went = Vec<(&'static str, Option<String>)>;

fn told(went: &Went) -> Value {
    let failed = went.iter().find(|(_, why)| why.is_some());
    let steps: Vec<Value> = went
        .iter()
        .map(|(step, why)| json!({"step": step, "ok": why.is_none(), "why": why}))
        .collect();
    json!({
        "ok": failed.is_none(), "steps": steps, "failed": failed.map(|(step, _)| step),
        "why": failed.and_then(|(_, why)| why.as_ref()),
    })
}

async fn try_folder(files: &Files, went: &mut Went) {
    let why = |error: VolumeError| error.to_string();
    let listed = files.list(&VolumePath::root()).await;
    went.push(("list", listed.err().map(why)));
    if files.is_read_only() {
        return;
    }
    let name = format!(".gantry-test-{}", uuid::Uuid::new_v4().simple());
    let probe = VolumePath::parse(&name).expect("letters and digits are a path");
    let written = files.write(&probe, "gantry".into()).await;
    let is_written = written.is_ok();
    went.push(("write", written.err().map(why)));
    if !is_written {
        return;
    }
    let read = match files.read(&probe, 0, None).await {
        Ok(reading) => reading.bytes(64).await,
        Err(error) => Err(error),
    };
    went.push((
        "read back",
        match read {
            Ok(bytes) if bytes == b"gantry" => None,
            Ok(_) => Some("what was written came back otherwise".to_owned()),
            Err(error) => Some(error.to_string()),
        },
    ));
    went.push(("delete", files.remove(&probe).await.err().map(why)));
}

/// The kinds of volumes, each with the fields its form has, and the volumes the operator lists.
#[utoipa::path(get, path = "/api/v1/volume-kinds", tag = "volumes", operation_id = "listVolumeKinds",
    responses((status = 200, description = "the kinds", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list_volume_kinds(State(app): State<App>) -> Json<Value> {
    let kinds = KINDS.iter().map(|kind| {
        json!({
            "kind": kind.name, "title": kind.title, "schemes": kind.schemes,
            "mountable": app.labs.mountable(kind.name), "schema": schema(kind),
        })
    });
    let catalogue = app.volumes.catalogue().iter().map(|(name, entry)| {
        json!({
            "name": name, "title": entry.title, "kind": entry.kind(),
            "mountable": app.labs.mountable(entry.kind()), "read_only": true,
        })
    });
    Json(json!({
        "volume_kinds": kinds.collect::<Vec<_>>(),
        "catalogue": catalogue.collect::<Vec<_>>(),
    }))
}

/// The form of a kind as JSON Schema.
fn schema(kind: &Kind) -> Value {
    let mut properties = json!({
        "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,39}$", "title": "Name"},
        "title": {"type": "string", "maxLength": 120, "title": "Title"},
    });
    let mut required = vec!["name"];
    for field in kind.fields {
        let mut property =
            json!({"type": "string", "title": field.title, "description": field.help});
        if field.secret {
            property["writeOnly"] = true.into();
            property["format"] = "password".into();
        }
        properties[field.name] = property;
        if field.required {
            required.push(field.name);
        }
    }
    if kind.sends_in_the_clear() {
        properties["allow_plain"] =
            json!({"type": "boolean", "title": "The password may cross the network in the clear"});
    }
    json!({"type": "object", "required": required, "properties": properties})
}
