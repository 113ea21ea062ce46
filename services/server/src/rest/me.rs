//! Identity over REST.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gantry_store::{NewToken, Token};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::extract::{FromJson, FromPath};
use crate::identity::{Caller, SCOPES};
use crate::problem::{Problem, UNPROCESSABLE};

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

fn token_json(token: &Token) -> Value {
    json!({"id": token.id, "name": token.name, "scopes": token.scopes, "expires": token.expires})
}

/// What a new token is to be.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CreateToken {
    /// What its owner calls it.
    name: String,
    /// What it may do.
    scopes: Vec<String>,
    /// For how many seconds; 30 days by default, at most a year.
    lasts_s: Option<i64>,
}

/// Make a personal token; its secret is in this answer only.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "identity", operation_id = "createToken", request_body = CreateToken,
    responses((status = 201, description = "the token with its secret", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn create_token(
    State(app): State<App>,
    caller: Caller,
    FromJson(asked): FromJson<CreateToken>,
) -> Result<Response, Problem> {
    let user = caller.may("admin")?;
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
    let (secret, token) = app
        .store
        .new_token(
            &user.id,
            &NewToken {
                name: asked.name.trim(),
                scopes: &scopes,
                lasts_s,
                datalab: None,
            },
        )
        .await?;
    app.store
        .audit(Some(&user.id), "token.create", &token.id)
        .await?;
    let mut view = token_json(&token);
    view["token"] = json!(secret);
    Ok((StatusCode::CREATED, Json(view)).into_response())
}

/// The path of a token.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct TokenPath {
    /// Its id.
    id: String,
}

/// Revoke a personal token.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "identity", operation_id = "revokeToken", params(TokenPath),
    responses((status = 204, description = "it is revoked"), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn revoke_token(
    State(app): State<App>,
    caller: Caller,
    FromPath(path): FromPath<TokenPath>,
) -> Result<StatusCode, Problem> {
    let user = caller.may("admin")?;
    app.store.revoke_token(&user.id, &path.id).await?;
    app.store
        .audit(Some(&user.id), "token.revoke", &path.id)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The newest lines of the audit; for operators.
#[utoipa::path(get, path = "/api/v1/audit", tag = "identity", operation_id = "listAudit",
    responses((status = 200, description = "who did what", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list_audit(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Value>, Problem> {
    caller.operates()?;
    Ok(Json(
        json!({"audit": app.store.audit_entries(1000).await?, "next": null}),
    ))
}

/// All users; for operators.
#[utoipa::path(get, path = "/api/v1/users", tag = "identity", operation_id = "listUsers",
    responses((status = 200, description = "the users", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list_users(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Value>, Problem> {
    caller.operates()?;
    let users = app.store.users().await?;
    let rows: Vec<Value> = users
        .iter()
        .map(|user| json!({"id": user.id, "name": user.name, "operator": user.operator}))
        .collect();
    Ok(Json(json!({"users": rows, "next": null})))
}
