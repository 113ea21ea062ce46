//! Logging in with a one-time code, and out.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::page;
use super::shell::{Link, Shell};
use crate::app::App;
use crate::extract::{FromForm, FromQuery, once};
use crate::identity::{Caller, cookie, cookie_name};
use crate::problem::Problem;

const SESSION_S: i64 = 14 * 86_400;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    shell: Shell,
    next: String,
    error: Option<String>,
    providers: Vec<Link>,
    local: bool,
}

/// Where a login leads, and its code when it stands in the address.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct LoginParams {
    #[serde(deserialize_with = "once")]
    next: Option<String>,
    #[serde(deserialize_with = "once")]
    code: Option<String>,
}

/// The login page; with a code in the address it logs in at once.
pub(crate) async fn show(
    State(app): State<App>,
    caller: Option<Caller>,
    method: Method,
    FromQuery(params): FromQuery<LoginParams>,
) -> Result<Response, Problem> {
    match &params.code {
        // Whatever only looks at the address must not use its code up.
        Some(code) if method == Method::GET => {
            enter(&app, code, local_path(params.next.as_deref())).await
        }
        _ => {
            login_page(
                &app,
                caller.as_ref(),
                local_path(params.next.as_deref()),
                None,
            )
            .await
        }
    }
}

pub(crate) async fn login(
    State(app): State<App>,
    FromForm(form): FromForm<LoginParams>,
) -> Result<Response, Problem> {
    enter(
        &app,
        form.code.as_deref().unwrap_or_default().trim(),
        local_path(form.next.as_deref()),
    )
    .await
}

async fn enter(app: &App, code: &str, next: String) -> Result<Response, Problem> {
    // Somebody may paste the whole address instead of the code.
    let code = code.rsplit_once("code=").map_or(code, |(_, code)| code);
    let Some(user) = app.store.use_login(code).await? else {
        let error = "This code is unknown, was used before, or is too old. Take a new one from where Gantry was started.".to_owned();
        return login_page(app, None, next, Some(error)).await;
    };
    let secret = app.store.new_session(&user, SESSION_S).await?;
    app.store.audit(Some(&user.id), "login", "session").await?;
    let secure = if app.public_url().scheme() == "https" {
        "; Secure"
    } else {
        ""
    };
    let cookie = format!(
        "{}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={SESSION_S}{secure}",
        cookie_name(app)
    );
    let mut response = Redirect::to(&next).into_response();
    response.headers_mut().insert(
        header::SET_COOKIE,
        HeaderValue::try_from(cookie).map_err(|error| Problem::internal(&error))?,
    );
    response.headers_mut().insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn login_page(
    app: &App,
    caller: Option<&Caller>,
    next: String,
    error: Option<String>,
) -> Result<Response, Problem> {
    page(&LoginPage {
        shell: Shell::new(app, caller, "", "Log in").await?,
        next,
        error,
        providers: Vec::new(),
        local: true,
    })
}

/// A form with nothing but its token.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct BareForm {
    #[serde(deserialize_with = "once")]
    pub(crate) csrf: Option<String>,
}

pub(crate) async fn logout(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    FromForm(form): FromForm<BareForm>,
) -> Result<Response, Problem> {
    caller.check_form(form.csrf.as_deref())?;
    if let Some(secret) = cookie(&headers, &cookie_name(&app)) {
        app.store.end_session(&secret).await?;
    }
    Ok(Redirect::to("/").into_response())
}

/// A path of this service; anything else leads to the search.
fn local_path(next: Option<&str>) -> String {
    let is_local = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && !path.contains('\\')
            && !path.chars().any(char::is_control)
    };
    next.filter(is_local).unwrap_or("/").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_nowhere_but_to_this_service() {
        assert_eq!(
            local_path(Some("/assets/planck:x?y=1")),
            "/assets/planck:x?y=1"
        );
        for bad in [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "",
            "/a\nb",
        ] {
            assert_eq!(local_path(Some(bad)), "/", "{bad:?}");
        }
    }
}
