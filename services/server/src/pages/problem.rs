//! Problems as pages, what each kind means, the interface's documentation and the service's state.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::page;
use super::shell::{Component, Link, Shell, State as ServiceState};
use crate::app::App;
use crate::extract::FromPath;
use crate::format;
use crate::identity::Caller;
use crate::problem::{KINDS, Problem};
use crate::words::{filters, t};

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    shell: Shell,
    status: u16,
    title: String,
    detail: String,
    advice: Vec<String>,
    links: Vec<Link>,
    instance: String,
    type_href: Option<String>,
}

/// Turns a problem into a page for a browser that asks for one; somebody not logged in is sent to log in.
pub(crate) async fn problems_as_pages(
    State(app): State<App>,
    caller: Result<Option<Caller>, Problem>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let wants_page = !path.starts_with("/api/")
        && request
            .headers()
            .get(header::ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html"));
    let is_get = request.method() == axum::http::Method::GET;
    let target = request
        .uri()
        .path_and_query()
        .map_or_else(|| path.clone(), ToString::to_string);
    let response = next.run(request).await;
    let Some(problem) = response
        .extensions()
        .get::<Problem>()
        .filter(|_| wants_page)
        .cloned()
    else {
        return response;
    };
    if problem.status == StatusCode::UNAUTHORIZED.as_u16() && is_get {
        return Redirect::to(&format!("/login?next={}", format::encode(&target))).into_response();
    }
    let status = response.status();
    let caller = caller.ok().flatten();
    let retry_after = response.headers().get(header::RETRY_AFTER).cloned();
    match problem_page(&app, caller.as_ref(), problem).await {
        Ok(page) => {
            let retry_after = retry_after.map(|seconds| [(header::RETRY_AFTER, seconds)]);
            (status, retry_after, page).into_response()
        }
        Err(_) => response,
    }
}

async fn problem_page(
    app: &App,
    caller: Option<&Caller>,
    problem: Problem,
) -> Result<Response, Problem> {
    let shell = Shell::new(app, caller, "", problem.title.clone()).await?;
    let advice = problem
        .kind_of()
        .map(|kind| kind.advice.to_owned())
        .into_iter()
        .collect();
    page(&ProblemPage {
        shell,
        status: problem.status,
        title: problem.title,
        detail: problem.detail,
        advice,
        links: vec![Link::new(t("State of the service"), "/status")],
        instance: problem.instance,
        type_href: Some(problem.kind),
    })
}

#[derive(Template)]
#[template(path = "problem_type.html")]
struct ProblemTypePage {
    shell: Shell,
    kind: String,
    status: String,
    title: String,
    meaning: String,
    advice: Vec<String>,
    retry: bool,
    others: Vec<Link>,
}

/// The path of a kind of problem.
#[derive(Deserialize)]
pub(crate) struct KindPath {
    kind: String,
}

pub(crate) async fn show_kind(
    State(app): State<App>,
    caller: Option<Caller>,
    FromPath(path): FromPath<KindPath>,
) -> Result<Response, Problem> {
    let kind = KINDS
        .iter()
        .find(|kind| kind.kind == path.kind)
        .ok_or_else(|| Problem::not_found("kind of problem", &path.kind))?;
    page(&ProblemTypePage {
        shell: Shell::new(&app, caller.as_ref(), "", kind.title).await?,
        kind: kind.kind.to_owned(),
        status: kind.status.to_string(),
        title: kind.title.to_owned(),
        meaning: kind.meaning.to_owned(),
        advice: vec![kind.advice.to_owned()],
        retry: kind.retry,
        others: KINDS
            .iter()
            .filter(|other| other.kind != kind.kind)
            .map(|other| Link::new(other.title, format!("/problems/{}", other.kind)))
            .collect(),
    })
}

#[derive(Template)]
#[template(path = "docs.html")]
struct DocsPage {
    shell: Shell,
    public_url: String,
}

pub(crate) async fn docs(
    State(app): State<App>,
    caller: Option<Caller>,
) -> Result<Response, Problem> {
    let public_url = app.public_url().as_str().trim_end_matches('/').to_owned();
    page(&DocsPage {
        shell: Shell::new(&app, caller.as_ref(), "", t("Interface")).await?,
        public_url,
    })
}

#[derive(Template)]
#[template(path = "status.html")]
struct StatusPage {
    shell: Shell,
    version: String,
    uptime: String,
    components: Vec<Component>,
    incidents: Vec<(String, String)>,
    maintenance: Vec<Planned>,
}

/// What is planned.
struct Planned {
    when: String,
    text: String,
}

pub(crate) async fn status(
    State(app): State<App>,
    caller: Option<Caller>,
) -> Result<Response, Problem> {
    let state = ServiceState::of(&app).await;
    page(&StatusPage {
        shell: Shell::new(&app, caller.as_ref(), "", t("State of the service")).await?,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime: format::duration(app.started.elapsed().as_secs()),
        components: state.components,
        incidents: state.incidents,
        maintenance: state
            .maintenance
            .into_iter()
            .map(|planned| Planned {
                when: t("{from} to {until}")
                    .with("from", format::time(planned.from))
                    .with("until", format::time(planned.until))
                    .into(),
                text: planned.text,
            })
            .collect(),
    })
}
