//! Routes: what is answered where.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::archive::Archive;
use super::call::{Call, Reply, SESSION};
use super::{data, jobs, obscore, tap, vosi};
use crate::answer::{page, unavailable};
use crate::faults::Struck;

pub(crate) fn router(archive: Arc<Archive>) -> Router {
    Router::new().fallback(answer).with_state(archive)
}

async fn answer(State(archive): State<Arc<Archive>>, request: Request) -> Response {
    let Some(call) = Call::read(request).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let name = name_of(&call);
    let number = archive
        .log
        .begin(&call.method, &call.uri, &call.headers, Some(&name));
    let struck = archive.faults.strike(&name, call.method == Method::HEAD);
    if struck.hang {
        std::future::pending::<()>().await;
    }
    let response = match refusal(&struck) {
        Some(response) => response,
        None if call.segments.first().is_some_and(|first| first == "bulk") => {
            data::bulk(&archive, &call, &struck).await
        }
        None => dispatch(&archive, &call, &struck).await.response(&struck),
    };
    archive.log.end(number, response.status().as_u16());
    response
}

/// The name by which a request is logged and given faults.
fn name_of(call: &Call) -> String {
    let parts: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["bulk"] => "listing".to_owned(),
        ["bulk", rest @ ..] => rest.join("/"),
        ["tap-server", "tap", name, ..] | ["tap-server", name, ..] => (*name).to_owned(),
        ["data-server", "datalink", ..] => "links".to_owned(),
        ["data-server", name, ..] => (*name).to_owned(),
        _ => "home".to_owned(),
    }
}

/// What is answered in place of the truth, if anything is.
fn refusal(struck: &Struck) -> Option<Response> {
    if let Some(retry_after_s) = struck.unavailable {
        return Some(unavailable(retry_after_s));
    }
    if struck.removed {
        return Some(page(StatusCode::NOT_FOUND, "404 Not Found"));
    }
    if struck.html_instead {
        return Some(page(
            StatusCode::OK,
            "The Gaia archive is down for maintenance",
        ));
    }
    let message = if struck.pool_empty {
        "[http-nio] Timeout: Pool empty. Unable to fetch a connection in 60 seconds, none available"
    } else if struck.server_error {
        "500 Internal Server Error"
    } else {
        return None;
    };
    Some(page(StatusCode::INTERNAL_SERVER_ERROR, message))
}

async fn dispatch(archive: &Arc<Archive>, call: &Call, struck: &Struck) -> Reply {
    let parts: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["tap-server", "tap", "sync"] => sync(archive, call, struck).await,
        ["tap-server", "tap", "async", rest @ ..] => {
            jobs::answer(archive, call, rest, struck).await
        }
        ["tap-server", "tap", "jobs", "async"] => jobs::list(archive, call),
        ["tap-server", "tap", "tables"] => tables(archive, call),
        ["tap-server", "tap", "capabilities"] => {
            Reply::xml(vosi::capabilities(&call.base, archive.most_rows))
        }
        ["tap-server", "tap", "availability"] => Reply::xml(vosi::availability()),
        ["tap-server", "tap", "notification"] => Reply::text(StatusCode::OK, ""),
        ["tap-server" | "data-server", "login"] if call.is_post() => login(call),
        ["tap-server" | "data-server", "logout"] if call.is_post() => {
            Reply::text(StatusCode::OK, "").with(header::SET_COOKIE, "SESSION=; Path=/; Max-Age=0")
        }
        ["data-server", "datalink", "links"] => data::links(archive, call, struck),
        ["data-server", "data"] => data::products(archive, call, struck).await,
        ["obs", rest @ ..] if archive.has_observations => obscore::answer(call, rest),
        [] => Reply::new(
            StatusCode::OK,
            "text/html;charset=UTF-8",
            "<!DOCTYPE html>\n<html><body><h1>Gaia archive (stand-in)</h1></body></html>\n",
        ),
        _ => Reply::not_found(),
    }
}

async fn sync(archive: &Arc<Archive>, call: &Call, struck: &Struck) -> Reply {
    let cut_at = archive.sync_rows.filter(|_| !struck.no_silent_cut);
    let (running, parameters) = (Arc::clone(archive), call.parameters.clone());
    let base = call.base.clone();
    let written = tokio::task::spawn_blocking(move || {
        let outcome = tap::answer(&running, &parameters, cut_at);
        tap::write(&outcome, &parameters, &base, "")
    });
    match written.await {
        Ok(written) => written_reply(written, struck, "sync"),
        Err(_) => Reply::text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the query could not be run",
        ),
    }
}

/// A result, gzipped as the archive does, or as a fault says.
pub(super) fn written_reply(written: tap::Written, struck: &Struck, job: &str) -> Reply {
    let (format, is_error) = (written.format, written.is_error);
    let status = if is_error && struck.error_is_400 {
        StatusCode::BAD_REQUEST
    } else {
        StatusCode::OK
    };
    let file = format!("{job}-result.{}", format.extension());
    let (mut bytes, is_packed) = written.packed();
    if struck.tar_in_gzip {
        bytes = data::tar_in_gzip(&bytes, &file);
    }
    let reply = Reply::new(status, format.media_type(), bytes).with(
        header::CONTENT_DISPOSITION,
        format!("attachment;filename=\"{file}\""),
    );
    let is_said = is_packed
        && format != super::encode::Format::VotableGzip
        && !struck.gzip_unsaid
        && !struck.tar_in_gzip;
    if is_said {
        reply.with(header::CONTENT_ENCODING, "gzip")
    } else {
        reply
    }
}

fn tables(archive: &Archive, call: &Call) -> Reply {
    let only: Vec<&str> = call
        .parameter("tables")
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    let with_columns = !call
        .parameter("only_tables")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if let Some(missing) = only
        .iter()
        .find(|name| archive.catalogue.entry(name).is_none())
    {
        return Reply::text(
            StatusCode::NOT_FOUND,
            &format!("There is no table `{missing}`"),
        );
    }
    Reply::xml(vosi::tables(
        &archive.catalogue,
        &only,
        with_columns,
        &call.base,
    ))
}

/// Any user with a password is let in; what they may do is not more.
fn login(call: &Call) -> Reply {
    let given = |name| call.parameter(name).filter(|value| !value.is_empty());
    match (given("username"), given("password")) {
        (Some(_), Some("right")) => Reply::text(StatusCode::OK, "OK")
            .with(header::SET_COOKIE, "JSESSIONID=of-the-container; Path=/")
            .with(header::SET_COOKIE, format!("{SESSION}; Path=/; HttpOnly")),
        _ => Reply::text(StatusCode::UNAUTHORIZED, "Invalid user name or password"),
    }
}
