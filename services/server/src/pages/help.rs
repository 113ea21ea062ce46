//! Help: what Gantry is, how a portal embeds its buttons, the interface by example.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::page;
use super::portal_kit;
use super::shell::Shell;
use crate::app::App;
use crate::extract::FromPath;
use crate::identity::Caller;
use crate::problem::Problem;
use crate::words::{Said, filters, t};

#[derive(Template)]
#[template(path = "help.html")]
struct HelpPage {
    shell: Shell,
}

#[derive(Template)]
#[template(path = "help_portals.html")]
struct PortalsPage {
    shell: Shell,
    /// Gantry's own address, with a slash at its end.
    service: String,
    origin: String,
    version: &'static str,
    script: String,
    integrity: &'static str,
}

#[derive(Template)]
#[template(path = "help_rest.html")]
struct RestPage {
    shell: Shell,
    service: String,
}

/// The path of a page of help.
#[derive(Deserialize)]
pub(crate) struct HelpPath {
    topic: String,
}

pub(crate) async fn show(
    State(app): State<App>,
    caller: Option<Caller>,
) -> Result<Response, Problem> {
    let shell = Shell::new(&app, caller.as_ref(), "help", t("Help")).await?;
    page(&HelpPage { shell })
}

pub(crate) async fn topic(
    State(app): State<App>,
    caller: Option<Caller>,
    FromPath(path): FromPath<HelpPath>,
) -> Result<Response, Problem> {
    let service = app.public_url().to_string();
    let shell = |title: Said| Shell::new(&app, caller.as_ref(), "help", title);
    match path.topic.as_str() {
        "portals" => {
            let release = portal_kit::newest();
            page(&PortalsPage {
                shell: shell(t("Buttons on a portal")).await?,
                origin: app.public_url().origin().ascii_serialization(),
                version: &release.version,
                script: format!("{service}{}", release.path()),
                integrity: &release.integrity,
                service,
            })
        }
        "rest" => page(&RestPage {
            shell: shell(t("REST by example")).await?,
            service,
        }),
        other => Err(Problem::not_found("page of help", other)),
    }
}
