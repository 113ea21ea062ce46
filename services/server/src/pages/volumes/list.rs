//! The list of volumes, and the two ways to add one.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use gantry_staging::volume::{Kind, RemoteVolume};
use gantry_store::Volume;

use super::super::page;
use super::super::shell::Shell;
use super::browse::room;
use super::forms::{Field, KindChoice, VolumeForm, choices, fields, kind_title};
use super::place;
use crate::app::App;
use crate::extract::{FromForm, FromQuery};
use crate::format;
use crate::identity::Caller;
use crate::problem::Problem;
use crate::rest::volumes::{CreateVolume, create as create_volume};
use crate::words::{filters, t, tn};

#[derive(Template)]
#[template(path = "volumes.html")]
struct VolumesPage {
    shell: Shell,
    volumes: Vec<VolumeRow>,
    quota: Option<String>,
    catalogue: Vec<Offer>,
    kinds: Vec<KindChoice>,
    kind: &'static str,
    fields: Vec<Field>,
    asks_plain: bool,
    error: Option<String>,
    name: String,
    title: String,
}

struct VolumeRow {
    name: String,
    title: String,
    kind: String,
    place: String,
    href: String,
    mountable: bool,
    permanent: bool,
    read_only: bool,
    room: String,
    trouble: Option<String>,
}

/// A volume that the operator offers.
struct Offer {
    name: String,
    title: String,
    kind: String,
    /// Whether the user has it already.
    has: bool,
}

pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    FromQuery(form): FromQuery<VolumeForm>,
) -> Result<Response, Problem> {
    volumes_page(&app, &caller, None, &form).await
}

async fn volumes_page(
    app: &App,
    caller: &Caller,
    error: Option<String>,
    form: &VolumeForm,
) -> Result<Response, Problem> {
    let user = caller.may("volumes:read")?;
    let volumes = app.store.volumes(&user.id).await?;
    let kind = form.kind();
    page(&VolumesPage {
        shell: Shell::new(app, Some(caller), "volumes", t("Volumes")).await?,
        quota: quota(app, &user.id).await?,
        catalogue: offers(app, &volumes),
        volumes: volumes.iter().map(|volume| row(app, volume)).collect(),
        kinds: choices(kind),
        kind: kind.name,
        fields: fields(kind, form),
        asks_plain: kind.sends_in_the_clear(),
        error,
        name: form.name.clone().unwrap_or_default(),
        title: form.title.clone().unwrap_or_default(),
    })
}

async fn quota(app: &App, user: &str) -> Result<Option<String>, Problem> {
    let quota = app.staging.worker().quota();
    if !quota.is_bounded() {
        return Ok(None);
    }
    let (bytes, files) = app.volumes.usage(user).await?;
    let bytes = match (format::size(bytes), quota.bytes.map(format::size)) {
        (used, None) => used,
        (used, Some(limit)) => t("{used} of {limit}")
            .with("used", used)
            .with("limit", limit)
            .into(),
    };
    let files = match quota.files.map(format::count) {
        None => tn("{n} file", "{n} files", files),
        Some(limit) => {
            tn("{n} file of {limit}", "{n} files of {limit}", files).with("limit", limit)
        }
    };
    Ok(Some(format!("{bytes}, {files}")))
}

fn offers(app: &App, volumes: &[Volume]) -> Vec<Offer> {
    let entries = app.volumes.catalogue().iter();
    entries
        .map(|(name, entry)| Offer {
            name: name.clone(),
            title: entry.title.clone(),
            kind: Kind::named(entry.kind()).map_or_else(String::new, kind_title),
            has: volumes
                .iter()
                .any(|volume| volume.catalogue.as_deref() == Some(name)),
        })
        .collect()
}

fn row(app: &App, volume: &Volume) -> VolumeRow {
    let opened = app.volumes.open(volume);
    VolumeRow {
        name: volume.name.clone(),
        title: volume.title.clone(),
        kind: Kind::named(&volume.kind).map_or_else(String::new, kind_title),
        place: place(app, volume),
        href: format!("/volumes/{}", volume.name),
        mountable: app.labs.mountable(&volume.kind),
        permanent: volume.permanent,
        read_only: volume.catalogue.is_some(),
        room: room(opened.as_ref().ok()),
        trouble: match &opened {
            Ok(files) => files.as_remote().and_then(trouble),
            Err(error) => Some(error.to_string()),
        },
    }
}

/// What is wrong with storage elsewhere, and what to do.
pub(super) fn trouble(remote: &RemoteVolume) -> Option<String> {
    let trouble = remote.trouble()?;
    Some(match trouble.until {
        None => t("it does not let us in: {why}")
            .with("why", &trouble.why)
            .into(),
        Some(until) => tn(
            "it failed {n} time; asked again at {time} UTC: {why}",
            "it failed {n} times; asked again at {time} UTC: {why}",
            trouble.n_failures,
        )
        .with("time", until.format("%H:%M:%S"))
        .with("why", &trouble.why)
        .into(),
    })
}

pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    FromForm(form): FromForm<VolumeForm>,
) -> Result<Response, Problem> {
    caller.check_form(form.csrf.as_deref())?;
    let user = caller.may("volumes:write")?;
    let is_offer = form.catalogue.is_some();
    let asked = CreateVolume {
        name: form.name.clone().unwrap_or_default().trim().to_owned(),
        title: form.title.clone(),
        kind: form.kind.clone().filter(|_| !is_offer),
        path: form.path.clone(),
        catalogue: form.catalogue.clone(),
        login: form.login(),
    };
    match create_volume(&app, user, asked).await {
        Ok(volume) => {
            let new = if volume.address.is_some() {
                "?new=1"
            } else {
                ""
            };
            Ok(Redirect::to(&format!("/volumes/{}{new}", volume.name)).into_response())
        }
        Err(problem) if problem.status < 500 => {
            let shown = volumes_page(&app, &caller, Some(problem.detail), &form).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, shown).into_response())
        }
        Err(problem) => Err(problem),
    }
}
