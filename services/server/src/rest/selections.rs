//! Selections over REST.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use gantry_staging::{Plan, StageRequest, members};
use gantry_store::{NOT_RUN, Selection};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::citing::SelectionCitation;
use crate::extract::{FromJson, FromPath, FromQuery, once};
use crate::identity::Caller;
use crate::problem::Problem;
use crate::rest::assets::CitationView;
use crate::search_query::limit;
use crate::select::{Take, selection_of};

/// Make a selection: an immutable set of (asset, version).
#[utoipa::path(post, path = "/api/v1/selections", tag = "selections", operation_id = "makeSelection", request_body = Take,
    responses((status = 201, description = "the selection", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn make_selection(
    State(app): State<App>,
    caller: Caller,
    FromJson(take): FromJson<Take>,
) -> Result<Response, Problem> {
    let user = caller.may("search")?;
    let selection = selection_of(&app, Some(user), &take).await?;
    let location = format!("/api/v1/selections/{}", selection.id);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(selection_json(&selection)),
    )
        .into_response())
}

pub(crate) fn selection_json(selection: &Selection) -> Value {
    json!({
        "id": selection.id, "n_assets": selection.n_assets, "n_files": selection.n_files, "size_bytes": selection.size_bytes,
        "change": selection.change.to_string(), "created": selection.created,
        "expected": selection.days.expected, "found": selection.days.found, "gaps": selection.days.gaps,
        "notes": selection.days.notes,
    })
}

/// The path of a selection.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct SelectionPath {
    /// `sel_…`.
    pub(crate) id: String,
}

impl SelectionPath {
    pub(crate) async fn selection(
        &self,
        app: &App,
        caller: Option<&Caller>,
    ) -> Result<Selection, Problem> {
        let viewer = caller.map(|caller| caller.may("search")).transpose()?;
        Ok(app
            .store
            .selection(&self.id, viewer.map(|user| user.id.as_str()))
            .await?)
    }
}

/// Which page.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PageParams {
    /// How many, at most 1000.
    #[serde(deserialize_with = "once")]
    pub(crate) limit: Option<u32>,
    /// Where the page before ended; take `next` as it is.
    #[serde(deserialize_with = "once")]
    pub(crate) after: Option<u64>,
}

/// A page of a selection.
#[utoipa::path(get, path = "/api/v1/selections/{id}", tag = "selections", operation_id = "showSelection", params(SelectionPath, PageParams),
    responses((status = 200, description = "the selection and a page of its members", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn show_selection(
    State(app): State<App>,
    caller: Option<Caller>,
    FromPath(path): FromPath<SelectionPath>,
    FromQuery(page): FromQuery<PageParams>,
) -> Result<Json<Value>, Problem> {
    let selection = path.selection(&app, caller.as_ref()).await?;
    let (limit, from) = (limit(page.limit)?, page.after.unwrap_or(0));
    let rows = members(
        &app.store,
        &selection.id,
        from,
        u32::try_from(limit).unwrap_or(1000),
    )
    .await?;
    let next = from + rows.len() as u64;
    let assets: Vec<Value> = rows.iter().map(|(member, record)| {
        let run = (member.version != NOT_RUN).then_some(member.version);
        json!({"id": member.asset, "version": run, "title": record.asset.title, "n_files": run.map(|_| record.asset.files.len()), "size_bytes": record.asset.size_bytes()})
    }).collect();
    let mut view = selection_json(&selection);
    view["assets"] = json!(assets);
    let id = &selection.id;
    view["next"] = json!((next < selection.n_assets && limit > 0).then(|| {
        app.at(&format!(
            "/api/v1/selections/{id}?limit={limit}&after={next}"
        ))
    }));
    Ok(Json(view))
}

/// How to cite everything in a selection.
#[utoipa::path(get, path = "/api/v1/selections/{id}/citation", tag = "selections", operation_id = "citeSelection", params(SelectionPath),
    responses((status = 200, description = "how to cite it", body = CitationView), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn cite_selection(
    State(app): State<App>,
    caller: Option<Caller>,
    FromPath(path): FromPath<SelectionPath>,
) -> Result<Json<CitationView>, Problem> {
    let selection = path.selection(&app, caller.as_ref()).await?;
    selection_citation(&app, &selection.id).await.map(Json)
}

pub(crate) async fn selection_citation(
    app: &App,
    selection: &str,
) -> Result<CitationView, Problem> {
    let cited = SelectionCitation {
        store: app.store.clone(),
        archives: app.archives.clone(),
    }
    .of_selection(selection)
    .await?;
    Ok(CitationView {
        text: cited.text,
        bibtex: cited.bibtex,
        acknowledgement: cited.acknowledgement,
    })
}

/// What staging is planned for.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct PlanRequest {
    /// The volume; without one, only what is mounted is told from what is not.
    volume: Option<String>,
    /// How the files are to get there.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    request: StageRequest,
}

/// What staging a selection would do: present, link, copy, download or skip, per file; nothing is done.
#[utoipa::path(post, path = "/api/v1/selections/{id}/plan", tag = "selections", operation_id = "planSelection", params(SelectionPath), request_body = PlanRequest,
    responses((status = 200, description = "the plan", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn plan_selection(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<SelectionPath>,
    FromJson(request): FromJson<PlanRequest>,
) -> Result<Json<Plan>, Problem> {
    let selection = path.selection(&app, Some(&caller)).await?;
    let volume = match &request.volume {
        Some(name) => Some(
            app.store
                .volume(&caller.may("volumes:read")?.id, name)
                .await?,
        ),
        None => None,
    };
    Ok(Json(
        app.staging
            .plan(&selection, volume.as_ref(), &request.request)
            .await?,
    ))
}
