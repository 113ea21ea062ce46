//! The pages of archives and harvests.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use gantry_store::{Harvest, Phase};

use super::jobs::phase_text;
use super::login::BareForm;
use super::page;
use super::shell::{Link, Shell};
use crate::app::App;
use crate::extract::{FromForm, FromPath};
use crate::format;
use crate::identity::Caller;
use crate::problem::Problem;
use crate::rest::archives::{ArchivePath, HarvestPath, connector, start_harvest};

#[derive(Template)]
#[template(path = "archives.html")]
struct ArchivesPage {
    shell: Shell,
    archives: Vec<ArchiveRow>,
    can_harvest: bool,
}

struct ArchiveRow {
    id: String,
    title: String,
    home: Option<String>,
    state: &'static str,
    text: String,
    n_assets: String,
    n_series: String,
    last: Option<Link>,
    next: Option<String>,
    search_href: String,
    notice: Option<String>,
}

pub(crate) async fn list(
    State(app): State<App>,
    caller: Option<Caller>,
) -> Result<Response, Problem> {
    let mut rows = Vec::new();
    for (id, access) in app.archives.iter() {
        let (state, text) = app.archive_state(&*access.connector);
        let archive = access.connector.archive();
        let last = app.store.harvests(Some(id), 1).await?;
        rows.push(ArchiveRow {
            id: id.to_string(),
            title: archive.title.clone(),
            home: Some(archive.home.clone()),
            state,
            text,
            n_assets: format::count(app.store.n_assets(id).await?),
            n_series: format::count(app.store.n_series(id).await?),
            last: last.first().map(|harvest| {
                Link::new(harvest_text(harvest), format!("/harvests/{}", harvest.id))
            }),
            next: None,
            search_href: format!("/?facet=archive%2F{id}"),
            notice: None,
        });
    }
    let can_harvest = caller
        .as_ref()
        .is_some_and(|caller| caller.operates().is_ok());
    page(&ArchivesPage {
        shell: Shell::new(&app, caller.as_ref(), "", "Archives").await?,
        archives: rows,
        can_harvest,
    })
}

fn harvest_text(harvest: &Harvest) -> String {
    format!(
        "{}, {} new, {} changed",
        format::time(harvest.started),
        format::count(harvest.counts.new),
        format::count(harvest.counts.changed)
    )
}

#[derive(Template)]
#[template(path = "harvest.html")]
struct HarvestPage {
    shell: Shell,
    id: String,
    archive: Link,
    phase: String,
    phase_text: String,
    started: String,
    ended: Option<String>,
    new: String,
    changed: String,
    unchanged: String,
    withdrawn: String,
    n_rejected: String,
    awaiting: Option<String>,
    error: Option<String>,
    rejections: Vec<Rejection>,
    next: Option<String>,
}

struct Rejection {
    what: String,
    why: String,
}

pub(crate) async fn show_harvest(
    State(app): State<App>,
    caller: Option<Caller>,
    FromPath(path): FromPath<HarvestPath>,
) -> Result<Response, Problem> {
    let harvest = app.store.harvest(&path.id).await?;
    let rejections = app.store.rejections(&harvest.id).await?;
    let title = connector(&app, &harvest.archive).map_or_else(
        |_| harvest.archive.clone(),
        |connector| connector.archive().title.clone(),
    );
    page(&HarvestPage {
        shell: Shell::new(&app, caller.as_ref(), "", format!("Harvest of {title}")).await?,
        archive: Link::new(title, "/archives"),
        phase: harvest.phase.as_str().to_owned(),
        phase_text: phase_text(harvest.phase).to_owned(),
        started: format::time(harvest.started),
        ended: harvest.ended.map(format::time),
        new: format::count(harvest.counts.new),
        changed: format::count(harvest.counts.changed),
        unchanged: format::count(harvest.counts.unchanged),
        withdrawn: format::count(harvest.n_withdrawn),
        n_rejected: format::count(harvest.n_rejected),
        awaiting: harvest
            .message
            .clone()
            .filter(|_| harvest.phase == Phase::Held),
        error: harvest.message.filter(|_| harvest.phase != Phase::Held),
        rejections: rejections
            .into_iter()
            .map(|rejection| Rejection {
                what: rejection.what,
                why: rejection.why,
            })
            .collect(),
        next: None,
        id: harvest.id,
    })
}

pub(crate) async fn harvest(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<ArchivePath>,
    FromForm(form): FromForm<BareForm>,
) -> Result<Response, Problem> {
    caller.check_form(form.csrf.as_deref())?;
    let user = caller.operates()?;
    let connector = connector(&app, &path.id)?;
    app.store
        .audit(Some(&user.id), "harvest.start", &path.id)
        .await?;
    let id = start_harvest(&app, connector, false).await?;
    Ok(Redirect::to(&format!("/harvests/{id}")).into_response())
}

pub(crate) async fn accept(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<HarvestPath>,
    FromForm(form): FromForm<BareForm>,
) -> Result<Response, Problem> {
    caller.check_form(form.csrf.as_deref())?;
    let user = caller.operates()?;
    app.store
        .audit(Some(&user.id), "harvest.accept-withdrawals", &path.id)
        .await?;
    app.store.accept_withdrawals(&path.id).await?;
    Ok(Redirect::to(&format!("/harvests/{}", path.id)).into_response())
}
