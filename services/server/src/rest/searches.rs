//! Saved searches: what a user keeps looking for, and how much of it is new since they last looked.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use gantry_search::{Query, SearchError};
use gantry_store::{SavedSearch, User};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::extract::{FromJson, FromPath, read_query};
use crate::identity::Caller;
use crate::problem::{BUSY, Problem, UNPROCESSABLE};
use crate::rest::blocking;
use crate::search_query::SearchParams;

/// The longest search that is kept, in bytes, and the longest name, in characters.
const SEARCH_BYTES: usize = 4_000;
const NAME_CHARS: usize = 200;

/// How long the searches of one user may take together; those behind are not counted.
const COUNTED_WITHIN: Duration = Duration::from_secs(5);

/// How many users' searches are counted at the same time.
static COUNTING: Semaphore = Semaphore::const_new(2);

/// A saved search.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SearchSaved {
    /// Its id.
    pub(crate) id: String,
    /// What its owner calls it.
    #[schema(example = "Orbits of ESA")]
    pub(crate) name: String,
    /// The search as it stands in an address.
    #[schema(example = "q=orbits&facet=analysis_centre/ESA")]
    pub(crate) search: String,
    /// How many match now; null for a search that can no longer be read, or where counting all would take too long.
    pub(crate) total: Option<u64>,
    /// How many of these are new or have changed since its owner last looked.
    pub(crate) new: Option<u64>,
    /// What `since` is in the address of these.
    pub(crate) since: u64,
    /// When its owner last looked.
    pub(crate) seen: DateTime<Utc>,
    /// Since when it is kept.
    pub(crate) created: DateTime<Utc>,
}

/// The caller's saved searches.
#[utoipa::path(get, path = "/api/v1/searches", tag = "assets", operation_id = "listSearches",
    responses((status = 200, description = "the searches, newest first", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list_searches(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Value>, Problem> {
    let (searches, up_to) = saved_searches(&app, caller.may("search")?).await?;
    Ok(Json(
        json!({"searches": searches, "up_to": up_to, "next": null}),
    ))
}

/// The searches a user keeps, each with what it finds now; and up to which change of the catalogue that is.
pub(crate) async fn saved_searches(
    app: &App,
    user: &User,
) -> Result<(Vec<SearchSaved>, u64), Problem> {
    let kept = app.store.saved_searches(&user.id).await?;
    let up_to = app.index.up_to();
    let turn = tokio::time::timeout(COUNTED_WITHIN, COUNTING.acquire()).await;
    let _turn = turn.map_err(|_| {
        let why = "many count their saved searches just now; try again in a moment";
        Problem::new(&BUSY, why)
    })?;
    let views = blocking(app, move |app| {
        let until = Instant::now() + COUNTED_WITHIN;
        let views = kept.into_iter().map(|saved| view(app, saved, until));
        views.collect::<Result<_, SearchError>>()
    });
    Ok((views.await??, up_to))
}

/// A saved search with what it finds; nothing is counted any more after `until`.
fn view(app: &App, saved: SavedSearch, until: Instant) -> Result<SearchSaved, SearchError> {
    let query = read(&saved.search).ok().filter(|_| Instant::now() < until);
    let count = |changed_after| {
        let asked = query.as_ref().map(|query| Query {
            changed_after,
            limit: 0,
            fields: Some(Vec::new()),
            ..query.clone()
        });
        let found = asked.map(|asked| app.index.search(&asked)).transpose()?;
        Ok(found.map(|found| found.total))
    };
    Ok(SearchSaved {
        total: count(None)?,
        new: count(Some(saved.seen_change))?,
        id: saved.id,
        name: saved.name,
        search: saved.search,
        since: saved.seen_change,
        seen: saved.seen,
        created: saved.created,
    })
}

/// The search that an address asks for.
fn read(search: &str) -> Result<Query, Problem> {
    read_query::<SearchParams>(search)?.query()
}

/// What to keep.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SaveSearch {
    /// What to call it; its words by default.
    pub(crate) name: Option<String>,
    /// The search as it stands in an address, with or without `?`.
    #[schema(example = "q=orbits&facet=analysis_centre/ESA")]
    pub(crate) search: String,
}

/// Keep a search; what it finds now counts as seen. The same search is kept once.
#[utoipa::path(post, path = "/api/v1/searches", tag = "assets", operation_id = "saveSearch", request_body = SaveSearch,
    responses((status = 201, description = "the search", body = SearchSaved), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn save_search(
    State(app): State<App>,
    caller: Caller,
    FromJson(asked): FromJson<SaveSearch>,
) -> Result<Response, Problem> {
    let saved = save(&app, caller.may("search")?, &asked).await?;
    let until = Instant::now() + COUNTED_WITHIN;
    let view = blocking(&app, move |app| view(app, saved, until)).await??;
    Ok((StatusCode::CREATED, Json(view)).into_response())
}

/// Keeps a search of a user.
pub(crate) async fn save(
    app: &App,
    user: &User,
    asked: &SaveSearch,
) -> Result<SavedSearch, Problem> {
    let search = asked.search.trim_start_matches('?');
    let mut params = read_query::<SearchParams>(search)?;
    params.locate(&app.names).await?;
    params.query()?;
    let search = SearchParams {
        since: None,
        view: None,
        ..params
    };
    let words = search.q.clone().filter(|q| !q.trim().is_empty());
    let text = search.to_text();
    let name = asked.name.clone().filter(|name| !name.trim().is_empty());
    let by_itself = || {
        words
            .unwrap_or_else(|| text.clone())
            .chars()
            .take(NAME_CHARS)
            .collect()
    };
    let name = name.unwrap_or_else(by_itself);
    if text.is_empty() || text.len() > SEARCH_BYTES || name.chars().count() > NAME_CHARS {
        return Err(Problem::new(
            &UNPROCESSABLE,
            format!(
                "a saved search has 1 to {SEARCH_BYTES} bytes, and a name of at most {NAME_CHARS} characters; the search of everything cannot be saved"
            ),
        ));
    }
    let change = app.index.up_to();
    Ok(app
        .store
        .save_search(&user.id, (name.trim(), &text), change)
        .await?)
}

/// The path of a saved search.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct SearchPath {
    /// Its id.
    pub(crate) id: String,
}

/// What was seen.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Seen {
    /// Up to which change of the catalogue, `up_to` of the list that was read; all there is now without.
    pub(crate) up_to: Option<u64>,
}

/// Say that what a saved search finds was seen.
#[utoipa::path(post, path = "/api/v1/searches/{id}/seen", tag = "assets", operation_id = "searchSeen", params(SearchPath), request_body = Seen,
    responses((status = 204, description = "it is noted"), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn search_seen(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<SearchPath>,
    FromJson(asked): FromJson<Seen>,
) -> Result<StatusCode, Problem> {
    seen(&app, caller.may("search")?, &path.id, asked.up_to).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Notes up to which change a user has seen what their search finds.
pub(crate) async fn seen(
    app: &App,
    user: &User,
    id: &str,
    up_to: Option<u64>,
) -> Result<(), Problem> {
    let there_is = app.index.up_to();
    let change = up_to.map_or(there_is, |up_to| up_to.min(there_is));
    Ok(app.store.search_seen(&user.id, id, change).await?)
}

/// Keep a search no longer.
#[utoipa::path(delete, path = "/api/v1/searches/{id}", tag = "assets", operation_id = "forgetSearch", params(SearchPath),
    responses((status = 204, description = "it is gone"), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn forget_search(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<SearchPath>,
) -> Result<StatusCode, Problem> {
    let user = caller.may("search")?;
    app.store.forget_search(&user.id, &path.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
