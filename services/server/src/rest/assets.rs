//! Assets over REST.

use std::collections::{BTreeMap, HashMap};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use gantry_asset::{ArchiveId, AssetId};
use gantry_search::FacetCount;
use gantry_staging::citation;
use gantry_store::AssetRecord;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::extract::{FromJson, FromPath, FromQuery, once};
use crate::identity::Caller;
use crate::problem::{ASSET_WITHDRAWN, BAD_REQUEST, Problem};
use crate::proposals::Proposed;
use crate::related;
use crate::rest::{blocking, table};
use crate::search_query::SearchParams;
use crate::views::AssetView;

/// The answer to a search.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SearchView {
    /// How many match, exactly.
    total: u64,
    /// What is counted, `series` or `assets`.
    counted: &'static str,
    /// How long it took, in milliseconds.
    took_ms: u64,
    /// The relative address of the next page.
    next: Option<String>,
    /// What was taken as plain words, and other things to know.
    notes: Vec<String>,
    /// This page of matches.
    #[schema(value_type = Vec<Object>)]
    assets: Vec<Box<RawValue>>,
    /// The values of facet fields with their counts.
    #[schema(value_type = Object)]
    facets: BTreeMap<String, Vec<FacetCount>>,
}

/// Search the catalogue.
///
/// `Accept: text/csv`, `application/x-votable+xml` or `application/jsonl`, or `format=csv`, `votable` or `jsonl`, streams
/// all matches instead of a page, in the order of the search, `limit` left aside. JSON Lines are in the form of
/// `GET /assets/{id}`. A table that takes too long ends with a note and the address of the rest: the last row of CSV,
/// which begins with `# `, `QUERY_STATUS` `OVERFLOW` of a VOTable, a last line `{note, next}`. One that has failed is cut.
/// In CSV a text that a spreadsheet would take for a formula has a `'` before it.
#[utoipa::path(get, path = "/api/v1/assets", tag = "assets", operation_id = "searchAssets", params(SearchParams),
    responses((status = 200, description = "a page of matches", body = SearchView), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn search_assets(
    State(app): State<App>,
    caller: Option<Caller>,
    headers: HeaderMap,
    FromQuery(mut params): FromQuery<SearchParams>,
) -> Result<Response, Problem> {
    if let Some(caller) = &caller {
        caller.may("search")?;
    }
    let located = params.locate(&app.names).await?;
    let format = match &params.format {
        Some(_) => params.table()?,
        None => table::Format::wanted(&headers),
    };
    if let Some(format) = format {
        return table::stream(app, params, format).await;
    }
    let query = params.query()?;
    let mut found = blocking(&app, move |app| app.index.search(&query)).await??;
    found.notes.extend(located);
    let proposed = found.proposal.as_ref();
    let proposed = proposed.and_then(|proposal| Proposed::of(&app, proposal));
    found.notes.extend(proposed.map(|proposed| proposed.note()));
    let facets = found.facets.into_iter();
    let facets = facets.map(|field| (field.field, field.values)).collect();
    let view = SearchView {
        total: found.total,
        counted: match found.counted {
            gantry_search::Counted::Series => "series",
            gantry_search::Counted::Assets => "assets",
        },
        took_ms: found.took.as_millis() as u64,
        next: found
            .next
            .map(|after| params.page_after(&app.at("/api/v1/assets"), &after)),
        notes: found.notes,
        assets: found.hits.into_iter().map(|hit| hit.view).collect(),
        facets,
    };
    Ok(([(header::VARY, "accept")], Json(view)).into_response())
}

/// The path of one asset.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct AssetPath {
    /// `archive:local`.
    pub(crate) id: String,
}

impl AssetPath {
    async fn record(&self, app: &App, caller: Option<&Caller>) -> Result<AssetRecord, Problem> {
        record(app, caller, &self.id).await
    }
}

/// One asset that the caller may see.
pub(crate) async fn record(
    app: &App,
    caller: Option<&Caller>,
    id: &str,
) -> Result<AssetRecord, Problem> {
    let viewer = caller.map(|caller| caller.may("search")).transpose()?;
    let id = AssetId::parse(id)
        .map_err(|error| Problem::new(&crate::problem::ASSET_NOT_FOUND, error.to_string()))?;
    Ok(app
        .store
        .asset(&id, viewer.map(|user| user.id.as_str()))
        .await?)
}

/// Show one asset with its files. A withdrawn one answers 410 with what is known.
#[utoipa::path(get, path = "/api/v1/assets/{id}", tag = "assets", operation_id = "showAsset", params(AssetPath),
    responses((status = 200, description = "the asset", body = AssetView), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn show_asset(
    State(app): State<App>,
    caller: Option<Caller>,
    FromPath(path): FromPath<AssetPath>,
) -> Result<Json<AssetView>, Problem> {
    let record = path.record(&app, caller.as_ref()).await?;
    let view = AssetView::from(&record);
    if record.withdrawn.is_some() {
        let mut problem = Problem::new(
            &ASSET_WITHDRAWN,
            format!("`{}` is no longer in its archive", record.asset.id),
        );
        problem.known = Some(json!(view));
        return Err(problem);
    }
    Ok(Json(view))
}

/// The files of one asset.
#[utoipa::path(get, path = "/api/v1/assets/{id}/files", tag = "assets", operation_id = "showAssetFiles", params(AssetPath),
    responses((status = 200, description = "its files", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn show_asset_files(
    State(app): State<App>,
    caller: Option<Caller>,
    FromPath(path): FromPath<AssetPath>,
) -> Result<Json<Value>, Problem> {
    let record = path.record(&app, caller.as_ref()).await?;
    Ok(Json(json!({"files": record.asset.files})))
}

/// The versions of one asset, newest first.
#[utoipa::path(get, path = "/api/v1/assets/{id}/versions", tag = "assets", operation_id = "showAssetVersions", params(AssetPath),
    responses((status = 200, description = "its versions", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn show_asset_versions(
    State(app): State<App>,
    caller: Option<Caller>,
    FromPath(path): FromPath<AssetPath>,
) -> Result<Json<Value>, Problem> {
    let record = path.record(&app, caller.as_ref()).await?;
    let versions = app.store.asset_versions(&record.asset.id).await?;
    let rows: Vec<Value> = versions.iter().map(|version| json!({"version": version.version, "hash": version.hash, "created": version.created, "files": version.files})).collect();
    Ok(Json(json!({"versions": rows})))
}

/// Assets that belong with one: other releases, re-issues, splits, bands; what is needed for a day of observations.
///
/// `related` are the relations its archive tells; `groups` holds these and what a search finds beside the asset, each
/// with a label and at most 20 assets.
#[utoipa::path(get, path = "/api/v1/assets/{id}/related", tag = "assets", operation_id = "showRelatedAssets", params(AssetPath),
    responses((status = 200, description = "related assets", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn show_related_assets(
    State(app): State<App>,
    caller: Option<Caller>,
    FromPath(path): FromPath<AssetPath>,
) -> Result<Json<Value>, Problem> {
    let record = path.record(&app, caller.as_ref()).await?;
    let mut groups = related::groups(&app, &record).await?;
    for group in &mut groups {
        group.search = group.search.take().map(|search| app.at(&search));
    }
    Ok(Json(
        json!({"related": record.asset.related, "groups": groups}),
    ))
}

/// How something is cited.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CitationView {
    /// For a reference list.
    pub(crate) text: String,
    /// For BibTeX.
    pub(crate) bibtex: String,
    /// How its archive asks to be acknowledged.
    pub(crate) acknowledgement: String,
}

/// How to cite one asset.
#[utoipa::path(get, path = "/api/v1/assets/{id}/citation", tag = "assets", operation_id = "citeAsset", params(AssetPath),
    responses((status = 200, description = "how to cite it", body = CitationView), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn cite_asset(
    State(app): State<App>,
    caller: Option<Caller>,
    FromPath(path): FromPath<AssetPath>,
) -> Result<Json<CitationView>, Problem> {
    let record = path.record(&app, caller.as_ref()).await?;
    citation_of(&app, &record).map(Json)
}

pub(crate) fn citation_of(app: &App, record: &AssetRecord) -> Result<CitationView, Problem> {
    let archive = record.asset.id.archive();
    let connector = app
        .connector(&archive)
        .ok_or_else(|| Problem::not_found("archive", archive.as_str()))?;
    let cited = citation(&record.asset, connector.archive());
    Ok(CitationView {
        text: cited.text,
        bibtex: cited.bibtex,
        acknowledgement: cited.acknowledgement,
    })
}

/// Names to be resolved.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ResolveRequest {
    /// The archive.
    archive: String,
    /// File names or local ids, at most 10 000.
    names: Vec<String>,
}

/// Find the ids of file names: `{archive, names}` → id, title, size and state of each, and how the archive is. Open to
/// other origins.
#[utoipa::path(post, path = "/api/v1/assets/resolve", tag = "assets", operation_id = "resolveAssets", request_body = ResolveRequest,
    responses((status = 200, description = "one entry per name, and how the archive is", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn resolve_assets(
    State(app): State<App>,
    FromJson(request): FromJson<ResolveRequest>,
) -> Result<Json<Value>, Problem> {
    let archive = ArchiveId::new(&request.archive)
        .map_err(|error| Problem::new(&BAD_REQUEST, error.to_string()))?;
    if request.names.len() > 10_000 {
        return Err(Problem::new(
            &BAD_REQUEST,
            format!(
                "{} names are more than 10 000; ask in parts",
                request.names.len()
            ),
        ));
    }
    let resolved = Resolved::of(&app, &archive, &request.names).await?;
    let rows: Vec<Value> = request
        .names
        .iter()
        .map(|name| resolved.row(name))
        .collect();
    Ok(Json(
        json!({"assets": rows, "archive": archive_health(&app, &archive)}),
    ))
}

/// How an archive is; null for one that this Gantry has not.
fn archive_health(app: &App, archive: &ArchiveId) -> Value {
    app.connector(archive).map_or(Value::Null, |connector| {
        let (state, text) = app.archive_state(&*connector);
        json!({"id": archive, "title": connector.archive().title, "state": state, "text": text})
    })
}

/// What names stand for, looked up together.
struct Resolved {
    by_name: HashMap<String, Vec<AssetId>>,
    records: HashMap<AssetId, AssetRecord>,
    archive: ArchiveId,
}

impl Resolved {
    async fn of(app: &App, archive: &ArchiveId, names: &[String]) -> Result<Self, Problem> {
        let texts: Vec<&str> = names.iter().map(String::as_str).collect();
        let by_name = app.store.assets_by_file_names(archive, &texts).await?;
        let mut ids: Vec<AssetId> = names
            .iter()
            .flat_map(|name| local_ids(archive, name))
            .collect();
        ids.extend(by_name.values().flatten().cloned());
        ids.sort_unstable();
        ids.dedup();
        let records = app.store.assets(&ids, None).await?.into_iter();
        Ok(Self {
            by_name,
            records: records
                .map(|record| (record.asset.id.clone(), record))
                .collect(),
            archive: archive.clone(),
        })
    }

    fn row(&self, name: &str) -> Value {
        let by_id = local_ids(&self.archive, name).find_map(|id| self.records.get(&id));
        let by_name = self.by_name.get(name).map_or(&[][..], Vec::as_slice);
        let record = by_id.or_else(|| match by_name {
            [id] => self.records.get(id),
            _ => None,
        });
        let state = match record {
            Some(record) if record.withdrawn.is_some() => "withdrawn",
            Some(_) => "available",
            None if by_name.is_empty() => "unknown",
            None => "ambiguous",
        };
        let mut row = json!({
            "name": name,
            "id": record.map(|record| &record.asset.id),
            "title": record.map(|record| &record.asset.title),
            "size_bytes": record.and_then(|record| record.asset.size_bytes()),
            "state": state,
        });
        if state == "ambiguous" {
            row["candidates"] = json!(by_name.iter().take(10).collect::<Vec<_>>());
        }
        row
    }
}

/// The ids that a name may be, when it is a path or a local id.
fn local_ids(archive: &ArchiveId, name: &str) -> impl Iterator<Item = AssetId> + use<> {
    let by_path = AssetId::from_path(archive, name).ok();
    let by_id = AssetId::parse(&format!("{archive}:{name}")).ok();
    by_path.into_iter().chain(by_id)
}

/// What is being typed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SuggestParams {
    /// The text so far.
    #[serde(deserialize_with = "once")]
    q: Option<String>,
}

/// Completions of what is being typed; and, where it asks for a source or a part of the sky, a `proposal` with the query
/// to `take` in a selection.
#[utoipa::path(get, path = "/api/v1/assets/suggest", tag = "assets", operation_id = "suggestAssets", params(SuggestParams),
    responses((status = 200, description = "completions", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn suggest_assets(
    State(app): State<App>,
    FromQuery(params): FromQuery<SuggestParams>,
) -> Result<Json<Value>, Problem> {
    let text = params.q.unwrap_or_default();
    let proposal = gantry_search::proposal_of(&text).and_then(|asked| Proposed::of(&app, &asked));
    let suggestions = blocking(&app, move |app| app.index.suggest(&text, 10)).await??;
    let mut answer = json!({"suggestions": suggestions});
    if let Some(proposed) = proposal {
        answer["proposal"] = json!({"text": proposed.note(), "take": proposed.take()});
    }
    Ok(Json(answer))
}
