//! Who asks: a browser's session, a personal token, or nobody.

use axum::extract::{FromRequestParts, OptionalFromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use gantry_store::User;

use crate::app::App;
use crate::auth;
use crate::problem::{NOT_ALLOWED, Problem};

/// What a token may do where nothing is said.
pub(crate) const DEFAULT_SCOPES: [&str; 3] = ["search", "volumes:read", "staging"];

/// What a token may be allowed.
pub(crate) const SCOPES: [&str; 6] = [
    "search",
    "volumes:read",
    "volumes:write",
    "staging",
    "datalabs",
    "admin",
];

/// Somebody who is known.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) user: User,
    /// What a token allows; a session allows all its user may do.
    scopes: Option<Vec<String>>,
    /// What the forms of a session must carry.
    pub(crate) csrf: Option<String>,
}

impl Caller {
    /// Refuses unless the caller may do this.
    pub(crate) fn may(&self, scope: &str) -> Result<&User, Problem> {
        match &self.scopes {
            Some(scopes) if !scopes.iter().any(|known| known == scope) => Err(Problem::new(
                &NOT_ALLOWED,
                format!("this token lacks the scope `{scope}`"),
            )),
            _ => Ok(&self.user),
        }
    }

    /// Refuses unless the caller operates this Gantry.
    pub(crate) fn operates(&self) -> Result<&User, Problem> {
        let user = self.may("admin")?;
        if user.operator {
            Ok(user)
        } else {
            Err(Problem::new(&NOT_ALLOWED, "only an operator may do this"))
        }
    }

    /// Refuses a form that does not carry its token.
    pub(crate) fn check_form(&self, csrf: Option<&str>) -> Result<(), Problem> {
        match &self.csrf {
            Some(expected) if csrf != Some(expected.as_str()) => Err(Problem::new(
                &NOT_ALLOWED,
                "the form is too old or not from this site; load the page again",
            )),
            _ => Ok(()),
        }
    }
}

/// The name of the session's cookie; browsers send cookies of one host to all its ports.
pub(crate) fn cookie_name(app: &App) -> String {
    let url = app.public_url();
    let prefix = if url.scheme() == "https" {
        "__Host-"
    } else {
        ""
    };
    let port = url.port_or_known_default().unwrap_or_default();
    // Below a path there may be another Gantry beside this one.
    format!("{prefix}gantry_{port}{}", app.base().replace('/', "_"))
}

pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    all.flat_map(|text| text.split(';')).find_map(|pair| {
        Some(
            pair.trim()
                .strip_prefix(name)?
                .strip_prefix('=')?
                .to_owned(),
        )
    })
}

/// Who a request is from, found out once.
#[derive(Clone)]
struct Recognised(Result<Option<Caller>, Problem>);

/// Finds out who a request is from, for all that ask after it.
pub(crate) async fn recognise(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let caller = find_out(&parts, &app).await;
    parts.extensions.insert(Recognised(caller));
    next.run(Request::from_parts(parts, body)).await
}

async fn known(parts: &Parts, app: &App) -> Result<Option<Caller>, Problem> {
    match parts.extensions.get::<Recognised>() {
        Some(Recognised(caller)) => caller.clone(),
        None => find_out(parts, app).await,
    }
}

async fn find_out(parts: &Parts, app: &App) -> Result<Option<Caller>, Problem> {
    if let Some(token) = bearer(&parts.headers) {
        let found = app
            .store
            .token_user(token, crate::auth::session_s(app))
            .await?;
        let (user, scopes) = found.ok_or_else(|| {
            Problem::new(
                &crate::problem::NOT_LOGGED_IN,
                "the token is unknown or has expired, or its owner has not logged in for too long",
            )
        })?;
        return Ok(Some(Caller {
            user,
            scopes: Some(scopes),
            csrf: None,
        }));
    }
    let Some(secret) = cookie(&parts.headers, &cookie_name(app)) else {
        return Ok(None);
    };
    let Some(session) = app.store.session(&secret).await? else {
        return Ok(None);
    };
    let Some(session) = auth::still_holds(app, session).await? else {
        return Ok(None);
    };
    let caller = Caller {
        user: session.user,
        scopes: None,
        csrf: Some(session.csrf),
    };
    let is_api = parts.uri.path().starts_with("/api/");
    let is_safe = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    if is_api && !is_safe {
        caller.check_form(
            parts
                .headers
                .get("x-csrf-token")
                .and_then(|value| value.to_str().ok()),
        )?;
    }
    Ok(Some(caller))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        known(parts, app).await?.ok_or_else(Problem::not_logged_in)
    }
}

impl OptionalFromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>, Problem> {
        known(parts, app).await
    }
}
