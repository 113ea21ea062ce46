//! The page of saved searches: what one keeps looking for, and how much of it is new.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::login::BareForm;
use super::page;
use super::shell::Shell;
use crate::app::App;
use crate::extract::{FromForm, FromPath, once};
use crate::format;
use crate::identity::Caller;
use crate::problem::Problem;
use crate::rest::searches::{self, SaveSearch, SearchPath, SearchSaved, save, saved_searches};
use crate::words::{filters, t};

#[derive(Template)]
#[template(path = "searches.html")]
struct SearchesPage {
    shell: Shell,
    searches: Vec<SearchRow>,
    /// Up to which change of the catalogue they are counted.
    up_to: u64,
}

struct SearchRow {
    id: String,
    name: String,
    search: String,
    total: String,
    new: u64,
    href: String,
    new_href: String,
    seen: String,
}

pub(crate) async fn list(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    let (searches, up_to) = saved_searches(&app, caller.may("search")?).await?;
    page(&SearchesPage {
        shell: Shell::new(&app, Some(&caller), "search", t("Saved searches")).await?,
        searches: searches.into_iter().map(row).collect(),
        up_to,
    })
}

fn row(saved: SearchSaved) -> SearchRow {
    let words = url::form_urlencoded::parse(saved.search.as_bytes());
    let words: Vec<String> = words
        .map(|(name, value)| match &*name {
            "q" | "facet" => value.into_owned(),
            name => format!("{name}: {value}"),
        })
        .collect();
    SearchRow {
        total: saved
            .total
            .map_or_else(|| t("cannot be read any more").into(), format::count),
        new: saved.new.unwrap_or_default(),
        href: format!("/?{}", saved.search),
        new_href: format!("/?{}&since={}", saved.search, saved.since),
        seen: format::time(saved.seen),
        search: words.join(" · "),
        id: saved.id,
        name: saved.name,
    }
}

/// The form that keeps a search.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct SearchForm {
    #[serde(deserialize_with = "once")]
    csrf: Option<String>,
    #[serde(deserialize_with = "once")]
    name: Option<String>,
    #[serde(deserialize_with = "once")]
    search: Option<String>,
}

pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    FromForm(form): FromForm<SearchForm>,
) -> Result<Response, Problem> {
    caller.check_form(form.csrf.as_deref())?;
    let asked = SaveSearch {
        name: form.name,
        search: form.search.unwrap_or_default(),
    };
    save(&app, caller.may("search")?, &asked).await?;
    Ok(Redirect::to("/searches").into_response())
}

/// The form that says what was seen.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct SeenForm {
    #[serde(deserialize_with = "once")]
    csrf: Option<String>,
    #[serde(deserialize_with = "once")]
    up_to: Option<u64>,
}

pub(crate) async fn seen(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<SearchPath>,
    FromForm(form): FromForm<SeenForm>,
) -> Result<Response, Problem> {
    caller.check_form(form.csrf.as_deref())?;
    searches::seen(&app, caller.may("search")?, &path.id, form.up_to).await?;
    Ok(Redirect::to("/searches").into_response())
}

pub(crate) async fn forget(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<SearchPath>,
    FromForm(form): FromForm<BareForm>,
) -> Result<Response, Problem> {
    caller.check_form(form.csrf.as_deref())?;
    let user = caller.may("search")?;
    app.store.forget_search(&user.id, &path.id).await?;
    Ok(Redirect::to("/searches").into_response())
}
