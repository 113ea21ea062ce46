//! The pages of archives and harvests.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use gantry_asset::ArchiveId;
use gantry_connector::Login;
use gantry_store::{Harvest, Phase};
use serde::Deserialize;

use super::jobs::phase_text;
use super::login::BareForm;
use super::page;
use super::shell::{Link, Shell, state_text};
use crate::app::App;
use crate::extract::{FromForm, FromPath, FromQuery, once};
use crate::format;
use crate::identity::Caller;
use crate::problem::Problem;
use crate::rest::archives::{
    ArchivePath, HarvestPath, Harvests, RejectionsParams, connector, forget_login, keep_login_of,
    rejections_page, start_harvest,
};
use crate::words::{filters, t, tn};

/// So many rejections stand on one page.
const REJECTIONS: u32 = 200;

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
    state_text: String,
    text: String,
    n_assets: String,
    n_series: String,
    last: Option<Link>,
    good: Option<String>,
    budget: Option<String>,
    next: Option<String>,
    search_href: String,
    notice: Option<String>,
    login: LoginForm,
}

/// Whether somebody can have a login of their own there, and has one.
enum LoginForm {
    None,
    Wanted,
    Kept(String),
}

pub(crate) async fn list(
    State(app): State<App>,
    caller: Option<Caller>,
) -> Result<Response, Problem> {
    let mut rows = Vec::new();
    for (id, access) in app.archives.iter() {
        let (state, text) = app.archive_state(&*access.connector);
        let archive = access.connector.archive();
        let harvests = Harvests::of(&app, id).await?;
        rows.push(ArchiveRow {
            id: id.to_string(),
            title: archive.title.clone(),
            home: Some(archive.home.clone()),
            state,
            state_text: state_text(state),
            text,
            n_assets: format::count(app.store.n_assets(id).await?),
            n_series: format::count(app.store.n_series(id).await?),
            last: harvests.newest.first().map(|harvest| {
                Link::new(harvest_text(harvest), format!("/harvests/{}", harvest.id))
            }),
            good: harvests.good_text(),
            budget: harvests.budget_text(),
            next: harvests.next().map(format::time),
            search_href: format!("/?facet=archive%2F{id}"),
            notice: app.notices.of(id),
            login: match caller.as_ref().filter(|_| archive.asks.login) {
                Some(caller) => login_form(&app, caller, id).await?,
                None => LoginForm::None,
            },
        });
    }
    let can_harvest = caller
        .as_ref()
        .is_some_and(|caller| caller.operates().is_ok());
    page(&ArchivesPage {
        shell: Shell::new(&app, caller.as_ref(), "", t("Archives")).await?,
        archives: rows,
        can_harvest,
    })
}

async fn login_form(app: &App, caller: &Caller, archive: &ArchiveId) -> Result<LoginForm, Problem> {
    let Ok(user) = caller.may("volumes:write") else {
        return Ok(LoginForm::None);
    };
    let kept = app.store.archive_login(&user.id, archive).await?;
    Ok(kept.map_or(LoginForm::Wanted, |login| LoginForm::Kept(login.username)))
}

/// A login at an archive, as a form says it; without a name it is to be forgotten.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct LoginFields {
    #[serde(deserialize_with = "once")]
    csrf: Option<String>,
    #[serde(deserialize_with = "once")]
    username: Option<String>,
    #[serde(deserialize_with = "once")]
    password: Option<String>,
}

pub(crate) async fn login(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<ArchivePath>,
    FromForm(fields): FromForm<LoginFields>,
) -> Result<Response, Problem> {
    caller.check_form(fields.csrf.as_deref())?;
    match fields.username.filter(|name| !name.is_empty()) {
        None => drop(forget_login(State(app), caller, FromPath(path)).await?),
        Some(username) => {
            let password = fields.password.unwrap_or_default();
            keep_login_of(&app, &caller, &path.id, Login { username, password }).await?;
        }
    }
    Ok(Redirect::to("/archives").into_response())
}

impl Harvests {
    /// When the last good harvest was, where the newest one is not it.
    fn good_text(&self) -> Option<String> {
        let newest = self.newest.first()?;
        match &self.good {
            Some(good) if good.id == newest.id => None,
            Some(good) => {
                let said = t("the last good one {time}").with("time", format::time(good.started));
                Some(said.into())
            }
            None => Some(t("none came to its end so far").into()),
        }
    }

    /// How many failed, where any did.
    fn budget_text(&self) -> Option<String> {
        let budget = &self.budget;
        let said = tn(
            "{failed} of {n} harvest failed in {days} days",
            "{failed} of {n} harvests failed in {days} days",
            budget.harvests,
        )
        .with("failed", format::count(budget.failed))
        .with("days", budget.days);
        (budget.failed > 0).then(|| match budget.failed > budget.allowed {
            true => t("{failures}, more than one in ten")
                .with("failures", said)
                .into(),
            false => said.into(),
        })
    }
}

fn harvest_text(harvest: &Harvest) -> String {
    t("{time}, {new} new, {changed} changed")
        .with("time", format::time(harvest.started))
        .with("new", format::count(harvest.counts.new))
        .with("changed", format::count(harvest.counts.changed))
        .into()
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
    FromQuery(params): FromQuery<RejectionsParams>,
) -> Result<Response, Problem> {
    let harvest = app.store.harvest(&path.id).await?;
    let route = format!("/harvests/{}", harvest.id);
    let limit = params.limit.unwrap_or(REJECTIONS).clamp(1, 1000);
    let after = params.after.as_deref();
    let (rejections, next) = rejections_page(&app, &route, &harvest.id, after, limit).await?;
    let title = connector(&app, &harvest.archive).map_or_else(
        |_| harvest.archive.clone(),
        |connector| connector.archive().title.clone(),
    );
    let page_title = t("Harvest of {archive}").with("archive", &title);
    page(&HarvestPage {
        shell: Shell::new(&app, caller.as_ref(), "", page_title).await?,
        archive: Link::new(title, "/archives"),
        phase: harvest.phase.as_str().to_owned(),
        phase_text: phase_text(harvest.phase),
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
        next,
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
