//! Routes: `product-action`, `data-action`, and the list of products.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use axum::routing::get;
use chrono::SecondsFormat;
use serde::Serialize;

use super::cache::Cache;
use super::product::{Class, Content, Product};
use crate::answer::{Entity, Source, page, unavailable};
use crate::error::StandinError;
use crate::faults::{Faults, Struck};
use crate::requests::RequestLog;

/// The name under which the list is logged and given faults.
const LIST: &str = "products.json";

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct Archive {
    pub(crate) products: Vec<Product>,
    pub(crate) cache: Cache,
    pub(crate) faults: Faults,
    pub(crate) log: RequestLog,
}

type Shared = State<Arc<Archive>>;

pub(crate) fn router(archive: Arc<Archive>) -> Router {
    Router::new()
        .route("/", get(show_home))
        .route("/pla/aio/product-action", get(fetch_product))
        .route("/pla-sl/data-action", get(fetch_product))
        .route("/products.json", get(list_products))
        .fallback(answer_unknown)
        .with_state(archive)
}

/// The landing page, which answers even when the service behind it does not.
async fn show_home(
    State(archive): Shared,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let number = archive.log.begin(&method, &uri, &headers, None);
    archive.log.end(number, 200);
    page(StatusCode::OK, "Planck Legacy Archive (stand-in)")
}

async fn answer_unknown(
    State(archive): Shared,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let number = archive.log.begin(&method, &uri, &headers, None);
    archive.not_found(number)
}

async fn fetch_product(
    State(archive): Shared,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    Query(parameters): Query<Vec<(String, String)>>,
) -> Response {
    let product = archive.find(&parameters);
    let name = product.map(|product| product.name.as_str());
    let number = archive.log.begin(&method, &uri, &headers, name);
    let Some(product) = product else {
        return archive.not_found(number);
    };
    let struck = archive.faults.strike(&product.name, method == Method::HEAD);
    if let Some(response) = archive.refusal(number, &struck).await {
        return response;
    }
    let entity = with_faults(product.entity(), &struck);
    let plan = entity.plan(&headers, &struck);
    let response = if plan.has_bytes(&method) {
        match Archive::source(&archive, &product.name).await {
            Ok(source) => plan.with_bytes(source, product.size_bytes, &struck),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a product cannot be served"
                );
                page(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }
        }
    } else {
        plan.without_bytes()
    };
    archive.log.end(number, response.status().as_u16());
    response
}

#[derive(Serialize)]
struct ProductList<'a> {
    products: Vec<Listed<'a>>,
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    class: Class,
    oid: Option<i64>,
    size_bytes: u64,
    modified: String,
    media_type: &'a str,
}

async fn list_products(
    State(archive): Shared,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let number = archive.log.begin(&method, &uri, &headers, Some(LIST));
    let struck = archive.faults.strike(LIST, method == Method::HEAD);
    if let Some(response) = archive.refusal(number, &struck).await {
        return response;
    }
    let list = archive.list();
    // The bytes of a changed list must still be JSON, so it only gets another ETag and date.
    let entity = with_faults(archive.list_entity(&list), &struck);
    let struck = Struck {
        changed: false,
        ..struck
    };
    let plan = entity.plan(&headers, &struck);
    let response = if plan.has_bytes(&method) {
        let size_bytes = list.len() as u64;
        plan.with_bytes(Source::Memory(list.into()), size_bytes, &struck)
    } else {
        plan.without_bytes()
    };
    archive.log.end(number, response.status().as_u16());
    response
}

fn with_faults(entity: Entity, struck: &Struck) -> Entity {
    if struck.changed {
        entity.changed()
    } else {
        entity
    }
}

impl Archive {
    /// The product that a `CLASS.KEY=value` names; of several parameters the first that is one counts.
    fn find(&self, parameters: &[(String, String)]) -> Option<&Product> {
        let (class, is_oid, value) = parameters
            .iter()
            .find_map(|(key, value)| key_of(key).map(|(class, is_oid)| (class, is_oid, value)))?;
        let oid = value.parse::<i64>().ok();
        self.products.iter().find(|product| {
            let is_named = if is_oid {
                oid.is_some() && product.oid == oid
            } else {
                product.name == *value
            };
            is_named && product.class == class
        })
    }

    /// What is answered in place of the product, if anything is.
    async fn refusal(&self, number: usize, struck: &Struck) -> Option<Response> {
        if struck.hang {
            std::future::pending::<()>().await;
        }
        let response = if struck.removed {
            return Some(self.not_found(number));
        } else if let Some(retry_after_s) = struck.unavailable {
            unavailable(retry_after_s)
        } else if struck.html_instead {
            page(
                StatusCode::OK,
                "Planck Legacy Archive: an error has occurred",
            )
        } else {
            return None;
        };
        self.log.end(number, response.status().as_u16());
        Some(response)
    }

    fn not_found(&self, number: usize) -> Response {
        let status = if self.faults.unknown_is_html() {
            StatusCode::OK
        } else {
            StatusCode::NOT_FOUND
        };
        self.log.end(number, status.as_u16());
        page(status, "The requested product was not found")
    }

    /// The bytes of a product, generated now if they have not been.
    async fn source(archive: &Arc<Self>, name: &str) -> Result<Source, StandinError> {
        let found = archive.products.iter().find(|product| product.name == name);
        let map = match found.map(|product| &product.content) {
            Some(Content::Memory(bytes)) => return Ok(Source::Memory(bytes.clone())),
            Some(Content::File(path)) => return Ok(Source::File(path.clone())),
            Some(Content::Generated(map)) => map.clone(),
            None => return Ok(Source::Memory(bytes::Bytes::new())),
        };
        let generating = Arc::clone(archive);
        let written = tokio::task::spawn_blocking(move || generating.cache.file(&map)).await;
        written
            .unwrap_or_else(|error| {
                let source = std::io::Error::other(error);
                Err(StandinError::File {
                    path: name.into(),
                    source,
                })
            })
            .map(Source::File)
    }

    fn list(&self) -> String {
        let products = self
            .products
            .iter()
            .filter_map(|product| product.listed(&self.faults.state_of(&product.name)))
            .collect();
        serde_json::to_string(&ProductList { products }).expect("texts and numbers are always JSON")
    }

    fn list_entity(&self, list: &str) -> Entity {
        // FNV-1a: the tag changes with the list.
        let hash = list.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Entity {
            name: LIST.to_owned(),
            media_type: "application/json",
            size_bytes: list.len() as u64,
            modified: self
                .products
                .iter()
                .map(|product| product.modified)
                .max()
                .unwrap_or_default(),
            etag: format!("\"{hash:x}\""),
            is_attachment: false,
        }
    }
}

impl Product {
    /// Its entry in the list, unless it is removed.
    fn listed(&self, state: &Struck) -> Option<Listed<'_>> {
        let modified = with_faults(self.entity(), state).modified;
        let listed = Listed {
            name: &self.name,
            class: self.class,
            oid: self.oid,
            size_bytes: self.size_bytes,
            modified: modified.to_rfc3339_opts(SecondsFormat::Secs, true),
            media_type: self.media_type(),
        };
        (!state.removed).then_some(listed)
    }

    fn entity(&self) -> Entity {
        Entity {
            name: self.name.clone(),
            media_type: self.media_type(),
            size_bytes: self.size_bytes,
            modified: self.modified,
            etag: self.etag(),
            is_attachment: true,
        }
    }
}

/// The class a key belongs to, and whether its value is a number.
fn key_of(key: &str) -> Option<(Class, bool)> {
    Some(match key {
        "MAP.MAP_ID" => (Class::Map, false),
        "MAP.MAP_OID" => (Class::Map, true),
        "COSMOLOGY.FILE_ID" => (Class::Cosmology, false),
        "COSMOLOGY.COSMOLOGY_OID" => (Class::Cosmology, true),
        "SIMULATED_MAP.FILE_ID" => (Class::SimulatedMap, false),
        "SIMULATED_MAP.SIMULATED_MAP_OID" => (Class::SimulatedMap, true),
        "DOCUMENT.DOCUMENT_ID" => (Class::Document, false),
        "DOCUMENT.DOCUMENT_OID" => (Class::Document, true),
        "SOURCE_LIST.FILE_ID" => (Class::SourceList, false),
        "SOURCE_LIST.SOURCE_LIST_OID" => (Class::SourceList, true),
        "TIMELINE.TIMELINE_OID" => (Class::Timeline, true),
        _ => return None,
    })
}
