//! REST: `/api/v1`.

pub(crate) mod archives;
pub(crate) mod assets;
pub(crate) mod datalabs;
pub(crate) mod events;
pub(crate) mod facets;
pub(crate) mod files;
pub(crate) mod idempotency;
pub(crate) mod labs;
pub(crate) mod listing;
pub(crate) mod me;
pub(crate) mod searches;
pub(crate) mod selections;
pub(crate) mod staging_jobs;
pub(crate) mod table;
mod uploads;
pub(crate) mod volume_login;
pub(crate) mod volumes;

use serde_json::{Value, json};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::problem::Problem;

/// The document that the routes' own entries are added to.
#[derive(OpenApi)]
#[openapi(
    info(title = "Gantry", version = "1.0.0", description = "The bridge between science archives and labs: search, select, stage, launch.",
         license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")),
    servers((url = "/", description = "this service")),
    components(schemas(Problem)),
    modifiers(&Security),
    tags((name = "assets", description = "Search and look at assets"), (name = "archives", description = "Archives and their harvests"),
         (name = "selections", description = "Immutable sets of assets"), (name = "staging", description = "Making files appear in volumes"),
         (name = "volumes", description = "Storage that labs can use"), (name = "labs", description = "Labs and running datalabs"),
         (name = "identity", description = "Who asks, and what they may do"))
)]
struct Document;

struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{
            ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme,
        };
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(
            "token",
            SecurityScheme::Http(
                HttpBuilder::new()
                    .scheme(HttpAuthScheme::Bearer)
                    .bearer_format("gnt_…")
                    .build(),
            ),
        );
        components.add_security_scheme(
            "session",
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("gantry"))),
        );
    }
}

/// All routes of the interface, with their description.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(assets::search_assets))
        .routes(routes!(assets::suggest_assets))
        .routes(routes!(assets::resolve_assets))
        .routes(routes!(assets::show_asset))
        .routes(routes!(assets::show_asset_files))
        .routes(routes!(assets::show_asset_versions))
        .routes(routes!(assets::show_related_assets))
        .routes(routes!(assets::cite_asset))
        .routes(routes!(facets::list_facet_values))
        .routes(routes!(searches::list_searches, searches::save_search))
        .routes(routes!(searches::forget_search))
        .routes(routes!(searches::search_seen))
        .routes(routes!(archives::list_archives))
        .routes(routes!(archives::show_archive))
        .routes(routes!(archives::harvest_archive))
        .routes(routes!(archives::keep_login, archives::forget_login))
        .routes(routes!(archives::list_harvests))
        .routes(routes!(archives::show_harvest))
        .routes(routes!(archives::list_rejections))
        .routes(routes!(archives::accept_withdrawals))
        .routes(routes!(selections::make_selection))
        .routes(routes!(selections::show_selection))
        .routes(routes!(selections::cite_selection))
        .routes(routes!(selections::plan_selection))
        .routes(routes!(staging_jobs::add_to_volume))
        .routes(routes!(staging_jobs::list_staging_jobs))
        .routes(routes!(
            staging_jobs::show_staging_job,
            staging_jobs::abort_staging_job
        ))
        .routes(routes!(staging_jobs::list_staging_files))
        .routes(routes!(staging_jobs::follow_staging_job))
        .routes(routes!(staging_jobs::retry_staging_job))
        .routes(routes!(staging_jobs::hold_staging_job))
        .routes(routes!(staging_jobs::release_staging_job))
        .routes(routes!(volumes::list_volumes, volumes::create_volume))
        .routes(routes!(
            volumes::show_volume,
            volumes::change_volume,
            volumes::delete_volume
        ))
        .routes(routes!(volumes::test_volume))
        .routes(routes!(volumes::list_volume_kinds))
        .routes(routes!(files::list_root))
        .routes(routes!(
            files::read_file,
            files::stat_file,
            uploads::write_file,
            files::delete_file,
            files::change_file
        ))
        .routes(routes!(datalabs::open_in_notebook))
        .routes(routes!(labs::list_labs))
        .routes(routes!(labs::show_lab))
        .routes(routes!(datalabs::list_datalabs, datalabs::create_datalab))
        .routes(routes!(datalabs::show_datalab, datalabs::destroy_datalab))
        .routes(routes!(datalabs::show_datalab_logs))
        .routes(routes!(datalabs::follow_datalab))
        .routes(routes!(datalabs::extend_datalab))
        .routes(routes!(me::show_me, me::erase_me))
        .routes(routes!(me::export_me))
        .routes(routes!(me::list_tokens, me::create_token))
        .routes(routes!(me::revoke_token))
        .routes(routes!(me::list_audit))
        .routes(routes!(me::list_users))
}

/// The description of the interface below a path, empty where it has its host to itself as `gantry openapi` prints it.
///
/// # Panics
/// Never: the document has only string keys.
#[must_use]
pub fn openapi_json(base: &str) -> String {
    let mut document =
        serde_json::to_value(routes().to_openapi()).expect("the document has only string keys");
    let paths = document["paths"]
        .as_object_mut()
        .map(std::mem::take)
        .unwrap_or_default();
    document["paths"] = paths
        .into_iter()
        .map(|(path, item)| (path.replace("{*", "{"), secured(item)))
        .collect();
    if !base.is_empty() {
        document["servers"][0]["url"] = base.into();
    }
    serde_json::to_string_pretty(&document).expect("the document has only string keys") + "\n"
}

/// What anybody may ask.
const OPEN: [&str; 19] = [
    "searchAssets",
    "suggestAssets",
    "resolveAssets",
    "showAsset",
    "showAssetFiles",
    "showAssetVersions",
    "showRelatedAssets",
    "citeAsset",
    "listFacetValues",
    "listArchives",
    "showArchive",
    "listHarvests",
    "showHarvest",
    "listRejections",
    "showSelection",
    "citeSelection",
    "listLabs",
    "showLab",
    "listVolumeKinds",
];

/// Says of every operation that needs to know who asks how it is told.
fn secured(mut item: Value) -> Value {
    for operation in item
        .as_object_mut()
        .into_iter()
        .flat_map(|item| item.values_mut())
    {
        let is_open = operation["operationId"]
            .as_str()
            .is_some_and(|id| OPEN.contains(&id));
        if operation.is_object() && !is_open {
            operation["security"] = json!([{"token": []}, {"session": []}]);
        }
    }
    item
}

/// Runs work that holds a core for a while away from the threads that answer requests.
pub(crate) async fn blocking<T: Send + 'static>(
    app: &App,
    work: impl FnOnce(&App) -> T + Send + 'static,
) -> Result<T, Problem> {
    let app = app.clone();
    tokio::task::spawn_blocking(move || work(&app))
        .await
        .map_err(|error| Problem::internal(&error))
}
