//! The router: REST, pages, static files, and what surrounds them all.

use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use serde_json::json;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use tower_http::cors::{Any, CorsLayer};
use tracing::Instrument;

use crate::app::{App, Following};
use crate::auth::Providers;
use crate::problem::{BUSY, FOREIGN_HOST, METHOD_NOT_ALLOWED, Problem};
use crate::rest;
use crate::{base, identity, limits, pages};

/// What pages may load, and where their forms may lead: to labs of this machine, and to providers, which end sessions too.
pub(crate) fn content_policy(providers: &Providers) -> HeaderValue {
    let origins = providers.iter().map(|provider| {
        let origin = provider.url().origin().ascii_serialization();
        format!(" {origin}")
    });
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; \
         form-action 'self' http://127.0.0.1:*{}; base-uri 'none'; frame-ancestors 'none'",
        origins.collect::<String>()
    );
    HeaderValue::try_from(policy).expect("an origin is ASCII")
}

/// Everything the service answers.
pub fn router(app: App) -> Router {
    let (api, _) = rest::routes().split_for_parts();
    let reading = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::POST])
        .allow_headers([header::CONTENT_TYPE])
        .max_age(Duration::from_secs(24 * 3600));
    // The root of a volume is a folder, with or without its last slash.
    let root = "/api/v1/volumes/{name}/files/";
    // Its own word about methods lies within the layer, since a browser asks by OPTIONS first.
    let api = api
        .route(root, get(rest::files::list_root))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(reading);
    let compressed =
        DefaultPredicate::new().and(NotForContentType::const_new("application/octet-stream"));
    let routes = Router::new()
        .merge(pages::routes())
        .merge(api)
        .merge(beside())
        .fallback(
            |request: Request| async move { Problem::not_found("page", request.uri().path()) },
        )
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(app.clone(), limits::limited))
        .layer(from_fn_with_state(app.clone(), pages::problems_as_pages))
        .layer(from_fn_with_state(app.clone(), identity::recognise))
        .layer(from_fn_with_state(app.clone(), crate::words::in_language))
        .layer(CatchPanicLayer::custom(
            |panic: Box<dyn std::any::Any + Send>| {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
                let error = std::io::Error::other(text.unwrap_or("a panic").to_owned());
                Problem::internal(&error).into_response()
            },
        ))
        .layer(from_fn_with_state(app.clone(), surround))
        .with_state(app.clone());
    // Around the routes, since the path before them is taken off before one is chosen.
    Router::new()
        .fallback_service(routes)
        .layer(from_fn_with_state(app, base::below))
        .layer(CompressionLayer::new().gzip(true).compress_when(compressed))
}

async fn method_not_allowed(request: Request) -> Problem {
    Problem::new(
        &METHOD_NOT_ALLOWED,
        format!(
            "{} is not offered at `{}`; see /docs",
            request.method(),
            request.uri().path()
        ),
    )
}

/// What is neither page nor interface, by its path.
fn table() -> Vec<(&'static str, MethodRouter<App>)> {
    vec![
        ("/healthz", get(|| async { "ok\n" })),
        ("/readyz", get(ready)),
        ("/status.json", get(status)),
        ("/metrics", get(crate::metrics::show)),
        ("/openapi.json", get(openapi)),
    ]
}

fn beside() -> Router<App> {
    table()
        .into_iter()
        .fold(Router::new(), |router, (path, to)| router.route(path, to))
}

/// The paths of everything that `/openapi.json` does not list: pages, forms, and what operators ask for.
#[must_use]
pub fn page_paths() -> Vec<&'static str> {
    let all = pages::table().into_iter().chain(table());
    all.map(|(path, _)| path).collect()
}

/// What every answer has: the right host before it, safe headers and the request's id after it.
async fn surround(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span = tracing::info_span!("request", request.id = id);
    let mut response = async {
        if host_is_ours(&app, &request) {
            return next.run(request).await;
        }
        let why = format!("this service is at {}", app.public_url());
        Problem::new(&FOREIGN_HOST, why).into_response()
    }
    .instrument(span.clone())
    .await;
    let headers = response.headers_mut();
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert_with(|| app.content_policy.clone());
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ] {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(HeaderName::from_static(REQUEST_ID), id);
    }
    app.answers.count(response.status(), started.elapsed());
    let (status, duration_ms) = (response.status().as_u16(), started.elapsed().as_millis());
    let is_change = !matches!(method, Method::GET | Method::HEAD | Method::OPTIONS);
    span.in_scope(|| {
        // What only reads and works is told to those who want to see everything.
        if is_change || status >= 400 {
            tracing::info!(http.method = %method, http.path = path, http.status = status, duration_ms = duration_ms as u64, "answered");
        } else {
            tracing::debug!(http.method = %method, http.path = path, http.status = status, duration_ms = duration_ms as u64, "answered");
        }
    });
    response
}

const REQUEST_ID: &str = "x-request-id";

/// What a request is called in the log: what its sender calls it, where that is a name, or a new one.
fn request_id(headers: &HeaderMap) -> String {
    let named = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let is_name = |id: &&str| {
        (1..=64).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    match named.filter(is_name) {
        Some(id) => id.to_owned(),
        None => uuid::Uuid::new_v4().to_string(),
    }
}

/// Whether the request names this service: its public host, or a loopback name on a loopback address.
fn host_is_ours(app: &App, request: &Request) -> bool {
    let Some(host) = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .or(request.uri().host())
    else {
        return true;
    };
    let name = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
        .map_or(host, |(name, _)| name);
    name == app.public_url().host_str().unwrap_or_default()
        || matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

async fn ready(State(app): State<App>) -> Response {
    if let Err(error) = app.store.change_number().await {
        return Problem::from(error).into_response();
    }
    let why = match &*app.following.borrow() {
        Following::Up => None,
        // What it held before is answered from.
        _ if app.index.n_assets() > 0 => None,
        Following::Begins => Some("the index is being built".to_owned()),
        Following::Fails(why) => Some(format!("there is no index: {why}")),
    };
    match why {
        Some(why) => Problem::new(&BUSY, why).into_response(),
        None => "ready\n".into_response(),
    }
}

/// The state of the service's parts, what is wrong with them, and what is planned; open to all.
async fn status(State(app): State<App>) -> Response {
    let state = pages::State::of(&app).await;
    let components: Vec<_> = state
        .components
        .iter()
        .map(|part| json!({"name": part.name, "state": part.state, "text": part.text}))
        .collect();
    let incidents: Vec<_> = state
        .incidents
        .iter()
        .map(|(name, text)| json!({"component": name, "text": text}))
        .collect();
    let body = json!({"version": env!("CARGO_PKG_VERSION"), "uptime_s": app.started.elapsed().as_secs(), "components": components,
                      "incidents": incidents, "maintenance": state.maintenance});
    (
        [
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (header::CACHE_CONTROL, "no-cache"),
        ],
        axum::Json(body),
    )
        .into_response()
}

async fn openapi(State(app): State<App>) -> Response {
    (
        [
            (header::CONTENT_TYPE, "application/json"),
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        ],
        rest::openapi_json(app.base()),
    )
        .into_response()
}
