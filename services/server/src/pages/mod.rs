//! Pages: the same calls as REST, shown to people.

mod archives;
mod asset;
mod chosen;
mod confirm;
mod datalabs;
mod facets;
mod help;
mod jobs;
mod labs;
mod launch;
mod login;
mod maps;
mod operator;
mod portal;
mod portal_kit;
mod post;
mod problem;
mod search;
mod search_facets;
mod searches;
mod selection;
mod shell;
mod static_files;
mod tokens;
mod volumes;

use askama::Template;
use axum::Router;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{MethodRouter, get, post as post_to};

use crate::app::App;
use crate::base;
use crate::problem::Problem;

pub(crate) use portal_kit::newest as newest_kit;
pub(crate) use problem::problems_as_pages;
pub(crate) use shell::State;

/// Every page and every form, by its path.
pub(crate) fn table() -> Vec<(&'static str, MethodRouter<App>)> {
    vec![
        ("/", get(search::show)),
        ("/assets/{id}", get(asset::show)),
        ("/facets/{field}", get(facets::show)),
        ("/searches", get(searches::list).post(searches::create)),
        ("/searches/{id}/seen", post_to(searches::seen)),
        ("/searches/{id}/forget", post_to(searches::forget)),
        ("/selections/{id}", get(selection::show)),
        ("/selections", post_to(post::selections)),
        ("/open-in-notebook", get(confirm::open_in_notebook)),
        ("/add-to-volume", get(confirm::add_to_volume)),
        ("/portal/selections", post_to(portal::click)),
        (
            "/portal/intents/{id}",
            get(portal::show).post(portal::confirm),
        ),
        ("/volumes", get(volumes::list).post(volumes::create)),
        ("/volumes/{name}", get(volumes::show)),
        ("/volumes/{name}/delete", post_to(volumes::delete)),
        ("/volumes/{name}/change", post_to(volumes::change)),
        ("/volumes/{name}/test", post_to(volumes::test)),
        ("/volumes/{name}/preview", get(volumes::preview)),
        ("/volumes/{name}/picture", get(volumes::image)),
        (
            "/volumes/{name}/edit",
            get(volumes::edit).post(volumes::save),
        ),
        ("/volumes/{name}/new-folder", post_to(volumes::new_folder)),
        ("/volumes/{name}/move-file", post_to(volumes::move_file)),
        ("/volumes/{name}/delete-file", post_to(volumes::delete_file)),
        ("/labs", get(labs::list)),
        ("/labs/{namespace}/{name}", get(labs::show)),
        ("/datalabs", get(datalabs::list).post(launch::launch)),
        ("/datalabs/{id}", get(datalabs::show)),
        ("/datalabs/{id}/open", get(datalabs::open)),
        ("/datalabs/{id}/logs", get(datalabs::logs)),
        ("/datalabs/{id}/extend", post_to(datalabs::extend)),
        ("/datalabs/{id}/destroy", post_to(datalabs::destroy)),
        ("/staging-jobs", get(jobs::list)),
        ("/staging-jobs/{id}", get(jobs::show)),
        ("/staging-jobs/{id}/{action}", post_to(jobs::act)),
        ("/archives", get(archives::list)),
        ("/archives/{id}/harvests", post_to(archives::harvest)),
        ("/archives/{id}/login", post_to(archives::login)),
        ("/harvests/{id}", get(archives::show_harvest)),
        (
            "/harvests/{id}/accept-withdrawals",
            post_to(archives::accept),
        ),
        ("/login", get(login::show).post(login::login)),
        ("/login/{provider}", get(login::to_provider)),
        ("/login/{provider}/callback", get(login::from_provider)),
        ("/logout", post_to(login::logout)),
        ("/operator", get(operator::show)),
        ("/operator/clicks.csv", get(operator::clicks)),
        ("/tokens", get(tokens::list).post(tokens::create)),
        ("/tokens/{id}/revoke", post_to(tokens::revoke_token)),
        ("/problems/{kind}", get(problem::show_kind)),
        ("/docs", get(problem::docs)),
        ("/status", get(problem::status)),
        ("/static/{file}", get(static_files::serve)),
        ("/help", get(help::show)),
        ("/help/{topic}", get(help::topic)),
        ("/portal/v1/gantry.js", get(portal_kit::compatible)),
        ("/portal/conformance", get(portal_kit::conformance)),
        ("/portal/{file}", get(portal_kit::file)),
    ]
}

/// All pages and the forms on them.
pub(crate) fn routes() -> Router<App> {
    table()
        .into_iter()
        .fold(Router::new(), |router, (path, to)| router.route(path, to))
}

/// A page as an answer.
pub(crate) fn page(template: &impl Template) -> Result<Response, Problem> {
    template
        .render()
        .map(|text| Html(base::in_page(text)).into_response())
        .map_err(|error| Problem::internal(&error))
}
