//! Identity over REST.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use gantry_store::{NewToken, Token, User};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::account;
use crate::app::App;
use crate::extract::{FromJson, FromPath, FromQuery, once};
use crate::identity::{Caller, SCOPES};
use crate::problem::{Problem, UNPROCESSABLE};
use crate::search_query::limit;

/// Who asks.
#[utoipa::path(get, path = "/api/v1/me", tag = "identity", operation_id = "showMe",
    responses((status = 200, description = "the user", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn show_me(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Value>, Problem> {
    let user = &caller.user;
    let volumes = app.store.volumes(&user.id).await?;
    let quota = app.staging.worker().quota();
    let used = match quota.is_bounded() {
        true => Some(app.volumes.usage(&user.id).await?),
        false => None,
    };
    Ok(Json(
        json!({"id": user.id, "name": user.name, "operator": user.operator, "n_volumes": volumes.len(),
                   "limits": {"selection_assets": gantry_staging::MAX_ASSETS},
                   "quota": {"bytes": quota.bytes, "files": quota.files,
                             "bytes_used": used.map(|used| used.0), "files_used": used.map(|used| used.1)}}),
    ))
}

/// Everything that is kept of the caller, to take with them; secrets are left out.
#[utoipa::path(get, path = "/api/v1/me/export", tag = "identity", operation_id = "exportMe",
    responses((status = 200, description = "what is kept", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn export_me(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    let user = caller.may("admin")?;
    let kept = account::export(&app, user).await?;
    app.store
        .audit(Some(&user.id), "user.export", &user.id)
        .await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(kept)).into_response())
}

/// That erasing is meant.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EraseParams {
    /// The caller's own name.
    #[serde(deserialize_with = "once")]
    confirm: Option<String>,
}

/// Erase the caller with all that is kept of them and their files on the service's machine; it cannot be taken back.
#[utoipa::path(delete, path = "/api/v1/me", tag = "identity", operation_id = "eraseMe", params(EraseParams),
    responses((status = 204, description = "they are erased"), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn erase_me(
    State(app): State<App>,
    caller: Caller,
    FromQuery(params): FromQuery<EraseParams>,
) -> Result<StatusCode, Problem> {
    let user = caller.may("admin")?;
    if params.confirm.as_ref() != Some(&user.name) {
        let why = "this erases you with your jobs, datalabs and files, and cannot be taken back; say `?confirm=` and your name";
        return Err(Problem::new(&UNPROCESSABLE, why));
    }
    account::erase(&app, user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The caller's personal tokens, without their secrets.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "identity", operation_id = "listTokens",
    responses((status = 200, description = "the tokens", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list_tokens(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Value>, Problem> {
    let tokens = app.store.tokens(&caller.may("admin")?.id).await?;
    Ok(Json(
        json!({"tokens": tokens.iter().map(token_json).collect::<Vec<_>>(), "next": null}),
    ))
}

pub(crate) fn token_json(token: &Token) -> Value {
    json!({"id": token.id, "name": token.name, "scopes": token.scopes, "expires": token.expires})
}

/// What a new token is to be.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CreateToken {
    /// What its owner calls it.
    pub(crate) name: String,
    /// What it may do.
    pub(crate) scopes: Vec<String>,
    /// For how many seconds; 30 days by default, at most a year.
    pub(crate) lasts_s: Option<i64>,
}

/// Make a personal token; its secret is in this answer only.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "identity", operation_id = "createToken", request_body = CreateToken,
    responses((status = 201, description = "the token with its secret", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn create_token(
    State(app): State<App>,
    caller: Caller,
    FromJson(asked): FromJson<CreateToken>,
) -> Result<Response, Problem> {
    let (secret, token) = make_token(&app, &caller, &asked).await?;
    let mut view = token_json(&token);
    view["token"] = json!(secret);
    let headers = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, headers, Json(view)).into_response())
}

/// Makes the token that is asked for; the answer holds its secret.
pub(crate) async fn make_token(
    app: &App,
    caller: &Caller,
    asked: &CreateToken,
) -> Result<(String, Token), Problem> {
    make_token_for(app, caller.may("admin")?, asked).await
}

/// Makes the token that is asked for in the name of a user.
pub(crate) async fn make_token_for(
    app: &App,
    user: &User,
    asked: &CreateToken,
) -> Result<(String, Token), Problem> {
    let scopes: Vec<&str> = asked.scopes.iter().map(String::as_str).collect();
    if scopes.is_empty() || scopes.iter().any(|scope| !SCOPES.contains(scope)) {
        return Err(Problem::new(
            &UNPROCESSABLE,
            format!("`scopes`: name one or more of {}", SCOPES.join(", ")),
        ));
    }
    let lasts_s = asked.lasts_s.unwrap_or(30 * 86_400);
    if !(60..=366 * 86_400).contains(&lasts_s)
        || asked.name.trim().is_empty()
        || asked.name.len() > 100
    {
        return Err(Problem::new(
            &UNPROCESSABLE,
            "give the token a `name` of at most 100 bytes and let it last 60 seconds to a year (`lasts_s`)",
        ));
    }
    let new = NewToken {
        name: asked.name.trim(),
        scopes: &scopes,
        lasts_s,
        datalab: None,
    };
    let made = app.store.new_token(&user.id, &new).await?;
    app.store
        .audit(Some(&user.id), "token.create", &made.1.id)
        .await?;
    Ok(made)
}

/// Revokes a token of the caller.
pub(crate) async fn revoke(app: &App, caller: &Caller, id: &str) -> Result<(), Problem> {
    revoke_for(app, caller.may("admin")?, id).await
}

/// Revokes a token of a user.
pub(crate) async fn revoke_for(app: &App, user: &User, id: &str) -> Result<(), Problem> {
    app.store.revoke_token(&user.id, id).await?;
    app.store.audit(Some(&user.id), "token.revoke", id).await?;
    Ok(())
}

/// The path of a token.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct TokenPath {
    /// Its id.
    pub(crate) id: String,
}

/// Revoke a personal token.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "identity", operation_id = "revokeToken", params(TokenPath),
    responses((status = 204, description = "it is revoked"), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn revoke_token(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<TokenPath>,
) -> Result<StatusCode, Problem> {
    revoke(&app, &caller, &path.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which lines of the audit.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AuditParams {
    /// How many, at most 1000.
    #[serde(deserialize_with = "once")]
    limit: Option<u32>,
    /// The line the page before ended with.
    #[serde(deserialize_with = "once")]
    after: Option<Uuid>,
}

/// The audit, newest lines first; for operators.
#[utoipa::path(get, path = "/api/v1/audit", tag = "identity", operation_id = "listAudit", params(AuditParams),
    responses((status = 200, description = "who did what", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list_audit(
    State(app): State<App>,
    caller: Caller,
    FromQuery(params): FromQuery<AuditParams>,
) -> Result<Json<Value>, Problem> {
    caller.operates()?;
    let limit = limit(params.limit)?;
    let asked = u32::try_from(limit).unwrap_or(1000);
    let after = params.after.map(|after| after.to_string());
    let lines = app.store.audit_entries(after.as_deref(), asked).await?;
    let next = lines
        .last()
        .filter(|_| lines.len() == limit && limit > 0)
        .map(|last| app.at(&format!("/api/v1/audit?limit={limit}&after={}", last.id)));
    Ok(Json(json!({"audit": lines, "next": next})))
}

/// Which users.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct UsersParams {
    /// How many, at most 1000; 20 by default.
    #[serde(deserialize_with = "once")]
    limit: Option<u32>,
    /// The name the page before ended with.
    #[serde(deserialize_with = "once")]
    after: Option<String>,
}

/// The users by name; for operators.
#[utoipa::path(get, path = "/api/v1/users", tag = "identity", operation_id = "listUsers", params(UsersParams),
    responses((status = 200, description = "the users", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list_users(
    State(app): State<App>,
    caller: Caller,
    FromQuery(params): FromQuery<UsersParams>,
) -> Result<Json<Value>, Problem> {
    caller.operates()?;
    let limit = limit(params.limit)?;
    let after = params.after.unwrap_or_default();
    let n = u32::try_from(limit).unwrap_or(1000);
    let users = app.store.users(&after, n).await?;
    let last = users.last().filter(|_| users.len() == limit && limit > 0);
    let next = last.map(|last| {
        let after = crate::format::encode(&last.name);
        app.at(&format!("/api/v1/users?limit={limit}&after={after}"))
    });
    let rows: Vec<Value> = users.iter().map(user_json).collect();
    Ok(Json(json!({"users": rows, "next": next})))
}

pub(crate) fn user_json(user: &User) -> Value {
    json!({"id": user.id, "name": user.name, "operator": user.operator})
}
