//! The page of one's account: personal tokens, one's data, logging out.

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::login::BareForm;
use super::page;
use super::shell::Shell;
use crate::app::App;
use crate::extract::{FromForm, FromPath, once};
use crate::identity::{Caller, DEFAULT_SCOPES, SCOPES};
use crate::problem::Problem;
use crate::rest::me::{CreateToken, TokenPath, make_token, revoke};
use crate::words::{Said, filters, t};

#[derive(Template)]
#[template(path = "tokens.html")]
struct TokensPage {
    shell: Shell,
    name: String,
    operator: bool,
    secret: Option<String>,
    tokens: Vec<TokenRow>,
    error: Option<String>,
    asked: String,
    scopes: Vec<ScopeChoice>,
    audit_days: u32,
}

struct TokenRow {
    id: String,
    name: String,
    scopes: String,
    expires: String,
}

struct ScopeChoice {
    name: &'static str,
    text: String,
    chosen: bool,
}

/// What each scope lets a token do, in words.
fn scope_text(scope: &str) -> Said {
    match scope {
        "search" => t("search, and make selections"),
        "volumes:read" => t("read your volumes"),
        "volumes:write" => t("write to your volumes, make and delete them"),
        "staging" => t("bring products into your volumes"),
        "datalabs" => t("start and stop datalabs"),
        _ => t("make and revoke tokens, and operate Gantry where you may"),
    }
}

/// What of the form is shown again.
#[derive(Default)]
struct Shown {
    secret: Option<String>,
    error: Option<String>,
    asked: CreateToken,
}

pub(crate) async fn list(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    tokens_page(&app, &caller, Shown::default()).await
}

async fn tokens_page(app: &App, caller: &Caller, shown: Shown) -> Result<Response, Problem> {
    let user = caller.may("admin")?;
    let tokens = app.store.tokens(&user.id).await?.into_iter();
    let is_asked = |scope: &str| match shown.asked.scopes.as_slice() {
        [] => DEFAULT_SCOPES.contains(&scope),
        asked => asked.iter().any(|known| known == scope),
    };
    let status = match shown.error {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let shown = page(&TokensPage {
        shell: Shell::new(app, Some(caller), "", t("Your account")).await?,
        name: user.name.clone(),
        operator: user.operator,
        secret: shown.secret,
        tokens: tokens
            .map(|token| TokenRow {
                scopes: token.scopes.join(", "),
                expires: token.expires.format("%Y-%m-%d %H:%M UTC").to_string(),
                id: token.id,
                name: token.name,
            })
            .collect(),
        error: shown.error,
        scopes: SCOPES
            .into_iter()
            .map(|name| ScopeChoice {
                name,
                text: scope_text(name).into(),
                chosen: is_asked(name),
            })
            .collect(),
        asked: shown.asked.name,
        audit_days: app.config.retention.audit_days,
    })?;
    Ok((status, [(header::CACHE_CONTROL, "no-store")], shown).into_response())
}

/// The form that makes a token.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct TokenForm {
    #[serde(deserialize_with = "once")]
    csrf: Option<String>,
    #[serde(deserialize_with = "once")]
    name: Option<String>,
    scope: Vec<String>,
    #[serde(deserialize_with = "once")]
    days: Option<u16>,
}

/// Makes a token and shows its secret this once.
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    FromForm(form): FromForm<TokenForm>,
) -> Result<Response, Problem> {
    caller.check_form(form.csrf.as_deref())?;
    let asked = CreateToken {
        name: form.name.unwrap_or_default(),
        scopes: form.scope,
        lasts_s: form.days.map(|days| i64::from(days) * 86_400),
    };
    let shown = match make_token(&app, &caller, &asked).await {
        Ok((secret, _)) => Shown {
            secret: Some(secret),
            ..Shown::default()
        },
        Err(problem) if problem.status == 422 => Shown {
            error: Some(problem.detail),
            asked,
            ..Shown::default()
        },
        Err(problem) => return Err(problem),
    };
    tokens_page(&app, &caller, shown).await
}

pub(crate) async fn revoke_token(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<TokenPath>,
    FromForm(form): FromForm<BareForm>,
) -> Result<Response, Problem> {
    caller.check_form(form.csrf.as_deref())?;
    revoke(&app, &caller, &path.id).await?;
    Ok(Redirect::to("/tokens").into_response())
}
