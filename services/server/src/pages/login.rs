//! Logging in, with a one-time code or by a provider that vouches for people, and out.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Redirect, Response};
use gantry_store::{ProviderLogin, random_secret, secret_hash};
use serde::Deserialize;
use url::Url;

use super::page;
use super::shell::{Link, Shell};
use crate::app::App;
use crate::auth::{self, AuthError, Began, Provider, let_in, session_s};
use crate::config::AuthMode;
use crate::extract::{FromForm, FromPath, FromQuery, once};
use crate::format;
use crate::identity::{Caller, cookie, cookie_name};
use crate::problem::Problem;
use crate::words::{filters, t};

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
    headers: HeaderMap,
    FromQuery(params): FromQuery<LoginParams>,
) -> Result<Response, Problem> {
    let next = local_path(params.next.as_deref());
    match &params.code {
        // Whatever only looks at the address must not use its code up.
        Some(code) if method == Method::GET => enter(&app, &headers, code, next).await,
        _ => login_page(&app, caller.as_ref(), next, None).await,
    }
}

pub(crate) async fn login(
    State(app): State<App>,
    headers: HeaderMap,
    FromForm(form): FromForm<LoginParams>,
) -> Result<Response, Problem> {
    let code = form.code.as_deref().unwrap_or_default().trim();
    enter(&app, &headers, code, local_path(form.next.as_deref())).await
}

async fn enter(
    app: &App,
    headers: &HeaderMap,
    code: &str,
    next: String,
) -> Result<Response, Problem> {
    // Somebody may paste the whole address instead of the code.
    let code = code.rsplit_once("code=").map_or(code, |(_, code)| code);
    let Some(user) = app.store.use_login(code).await? else {
        let error = t(
            "This code is unknown, was used before, or is too old. Make a new one where Gantry runs, with gantry user login NAME.",
        );
        return login_page(app, None, next, Some(error.into())).await;
    };
    end_session_of(app, headers).await?;
    let lasts_s = session_s(app);
    let secret = app.store.new_session(&user, lasts_s).await?;
    app.store.audit(Some(&user.id), "login", "session").await?;
    logged_in(app, &next, &secret, lasts_s)
}

/// The answer that begins a session in a browser.
fn logged_in(app: &App, next: &str, secret: &str, lasts_s: i64) -> Result<Response, Problem> {
    let mut response = unseen(Redirect::to(next));
    set_cookie(app, &mut response, &cookie_name(app), secret, lasts_s)?;
    Ok(response)
}

/// An answer that is kept nowhere, and from whose address nothing is told to where it leads.
fn unseen(to: Redirect) -> Response {
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, to).into_response()
}

fn set_cookie(
    app: &App,
    response: &mut Response,
    name: &str,
    value: &str,
    lasts_s: i64,
) -> Result<(), Problem> {
    let secure = match app.public_url().scheme() {
        "https" => "; Secure",
        _ => "",
    };
    let cookie =
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={lasts_s}{secure}");
    let cookie = HeaderValue::try_from(cookie).map_err(|error| Problem::internal(&error))?;
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(())
}

/// Whatever session a browser had ends when another begins in it.
async fn end_session_of(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    if let Some(secret) = cookie(headers, &cookie_name(app)) {
        app.store.end_session(&secret).await?;
    }
    Ok(())
}

async fn login_page(
    app: &App,
    caller: Option<&Caller>,
    next: String,
    error: Option<String>,
) -> Result<Response, Problem> {
    let providers = app.providers.iter().map(|provider| {
        let href = format!("/login/{}?next={}", provider.id(), format::encode(&next));
        let text = t("Log in with {provider}").with("provider", provider.title());
        Link::new(text, href)
    });
    page(&LoginPage {
        shell: Shell::new(app, caller, "", t("Log in")).await?,
        providers: providers.collect(),
        next,
        error,
        local: app.config.auth.mode == AuthMode::Local,
    })
}

/// The path of a provider.
#[derive(Deserialize)]
pub(crate) struct ProviderPath {
    provider: String,
}

impl ProviderPath {
    fn provider<'a>(&self, app: &'a App) -> Result<&'a Provider, Problem> {
        app.providers
            .get(&self.provider)
            .ok_or_else(|| Problem::not_found("provider of logins", &self.provider))
    }
}

/// How long a login at a provider may take, in seconds.
const LOGIN_S: i64 = 600;

/// The cookie of the browser in which a login began.
fn login_cookie(app: &App) -> String {
    format!("{}_login", cookie_name(app))
}

/// Sends a browser to a provider to log in there.
pub(crate) async fn to_provider(
    State(app): State<App>,
    method: Method,
    FromPath(path): FromPath<ProviderPath>,
    FromQuery(params): FromQuery<LoginParams>,
) -> Result<Response, Problem> {
    let provider = path.provider(&app)?;
    let next = local_path(params.next.as_deref());
    if method != Method::GET {
        return login_page(&app, None, next, None).await;
    }
    let (url, state, began) = match provider.begin().await {
        Ok(begun) => begun,
        Err(why) => return not_in(&app, next, &why).await,
    };
    let began = serde_json::to_string(&began).map_err(|error| Problem::internal(&error))?;
    let login = ProviderLogin {
        provider: provider.id().to_owned(),
        sealed: app.seal.seal(&secret_hash(&state), &began),
        next,
    };
    let browser = random_secret("");
    app.store
        .begin_provider_login((&state, &browser), &login)
        .await?;
    let mut response = unseen(Redirect::to(url.as_str()));
    set_cookie(&app, &mut response, &login_cookie(&app), &browser, LOGIN_S)?;
    Ok(response)
}

/// What a provider sends a browser back with.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct CallbackParams {
    #[serde(deserialize_with = "once")]
    code: Option<String>,
    #[serde(deserialize_with = "once")]
    state: Option<String>,
    #[serde(deserialize_with = "once")]
    iss: Option<String>,
    #[serde(deserialize_with = "once")]
    error: Option<String>,
    #[serde(deserialize_with = "once")]
    error_description: Option<String>,
}

/// Lets somebody in whom a provider sent back.
pub(crate) async fn from_provider(
    State(app): State<App>,
    headers: HeaderMap,
    method: Method,
    FromPath(path): FromPath<ProviderPath>,
    FromQuery(params): FromQuery<CallbackParams>,
) -> Result<Response, Problem> {
    let provider = path.provider(&app)?;
    if method != Method::GET {
        return login_page(&app, None, "/".to_owned(), None).await;
    }
    let state = params.state.as_deref().unwrap_or_default();
    let browser = cookie(&headers, &login_cookie(&app)).unwrap_or_default();
    let login = app
        .store
        .use_provider_login((state, &browser), provider.id())
        .await?;
    let Some(login) = login else {
        let why = "this login began in another browser, took longer than ten minutes, or was used before; begin anew";
        return not_in(&app, "/".to_owned(), &AuthError::Refused(why.to_owned())).await;
    };
    if let Some(error) = &params.error {
        let said = params.error_description.as_ref().unwrap_or(error);
        let said: String = said.chars().take(200).collect();
        let why = format!("{} says: {said}", provider.title());
        return not_in(&app, login.next, &AuthError::Refused(why)).await;
    }
    let began = app
        .seal
        .open_sealed(&secret_hash(state), &login.sealed)
        .map_err(|error| Problem::internal(&error))?;
    let began: Began = serde_json::from_str(&began).map_err(|error| Problem::internal(&error))?;
    let code = params.code.as_deref().unwrap_or_default();
    let vouched = match provider.finish(code, params.iss.as_deref(), &began).await {
        Ok(vouched) => vouched,
        Err(why) => return not_in(&app, login.next, &why).await,
    };
    let (user, secret, lasts_s) = match let_in(&app, provider, &vouched).await? {
        Ok(entered) => entered,
        Err(why) => return not_in(&app, login.next, &why).await,
    };
    end_session_of(&app, &headers).await?;
    app.store
        .audit(Some(&user.id), "login", provider.id())
        .await?;
    let mut response = logged_in(&app, &login.next, &secret, lasts_s)?;
    set_cookie(&app, &mut response, &login_cookie(&app), "", 0)?;
    Ok(response)
}

/// The login page again, with why somebody did not come in.
async fn not_in(app: &App, next: String, why: &AuthError) -> Result<Response, Problem> {
    tracing::info!(error = %why, "a login failed");
    let text = t("You are not logged in: {why}.").with("why", why);
    let status = match why {
        AuthError::Refused(_) => axum::http::StatusCode::FORBIDDEN,
        AuthError::Away(_) => axum::http::StatusCode::BAD_GATEWAY,
    };
    let page = login_page(app, None, next, Some(text.into())).await?;
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    Ok((status, headers, page).into_response())
}

/// A form with nothing but its token.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct BareForm {
    #[serde(deserialize_with = "once")]
    pub(crate) csrf: Option<String>,
}

/// Ends the session here, and leads to where it ends at its provider, where that is offered.
pub(crate) async fn logout(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    FromForm(form): FromForm<BareForm>,
) -> Result<Response, Problem> {
    caller.check_form(form.csrf.as_deref())?;
    let mut next = None;
    if let Some(secret) = cookie(&headers, &cookie_name(&app))
        && let Some(session) = app.store.session(&secret).await?
    {
        app.store.end_session(&secret).await?;
        app.store
            .audit(Some(&session.user.id), "logout", "session")
            .await?;
        next = at_provider(&app, &session).await;
    }
    let to = next.as_ref().map_or("/", Url::as_str);
    let mut response = unseen(Redirect::to(to));
    set_cookie(&app, &mut response, &cookie_name(&app), "", 0)?;
    Ok(response)
}

/// Where a session ends at its provider.
async fn at_provider(app: &App, session: &gantry_store::Session) -> Option<Url> {
    let vouching = session.provider.as_ref()?;
    let provider = app.providers.get(&vouching.provider)?;
    let tokens = auth::tokens(app, session);
    provider.end_session(&tokens, app.public_url()).await
}

/// A path of this service; anything else leads to the search.
/// A longer way back is not kept.
const NEXT_BYTES: usize = 16_384;

fn local_path(next: Option<&str>) -> String {
    let is_local = |path: &&str| {
        path.starts_with('/')
            && path.len() <= NEXT_BYTES
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
