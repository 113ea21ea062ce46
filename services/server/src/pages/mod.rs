//! Pages: the same calls as REST, shown to people.

mod archives;
mod asset;
mod confirm;
mod datalabs;
mod jobs;
mod login;
mod post;
mod problem;
mod search;
mod selection;
mod shell;
mod static_files;
mod volumes;

use askama::Template;
use axum::Router;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post as post_to};

use crate::app::App;
use crate::problem::Problem;

pub(crate) use problem::problems_as_pages;
pub(crate) use shell::components;

/// All pages and the forms on them.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(search::show))
        .route("/assets/{id}", get(asset::show))
        .route("/selections/{id}", get(selection::show))
        .route("/selections", post_to(post::selections))
        .route("/open-in-notebook", get(confirm::open_in_notebook))
        .route("/add-to-volume", get(confirm::add_to_volume))
        .route("/volumes", get(volumes::list).post(volumes::create))
        .route("/volumes/{name}", get(volumes::show))
        .route("/volumes/{name}/delete", post_to(volumes::delete))
        .route("/volumes/{name}/delete-file", post_to(volumes::delete_file))
        .route("/labs", get(datalabs::labs))
        .route("/datalabs", get(datalabs::list).post(post::datalabs))
        .route("/datalabs/{id}", get(datalabs::show))
        .route("/datalabs/{id}/open", get(datalabs::open))
        .route("/datalabs/{id}/destroy", post_to(datalabs::destroy))
        .route("/staging-jobs", get(jobs::list))
        .route("/staging-jobs/{id}", get(jobs::show))
        .route("/staging-jobs/{id}/{action}", post_to(jobs::act))
        .route("/archives", get(archives::list))
        .route("/archives/{id}/harvests", post_to(archives::harvest))
        .route("/harvests/{id}", get(archives::show_harvest))
        .route(
            "/harvests/{id}/accept-withdrawals",
            post_to(archives::accept),
        )
        .route("/login", get(login::show).post(login::login))
        .route("/logout", post_to(login::logout))
        .route("/problems/{kind}", get(problem::show_kind))
        .route("/docs", get(problem::docs))
        .route("/status", get(problem::status))
        .route("/static/{file}", get(static_files::serve))
}

/// A page as an answer.
pub(crate) fn page(template: &impl Template) -> Result<Response, Problem> {
    template
        .render()
        .map(|text| Html(text).into_response())
        .map_err(|error| Problem::internal(&error))
}
