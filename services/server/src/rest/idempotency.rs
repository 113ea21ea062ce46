//! `Idempotency-Key`: the same request with the same key is carried out once, per user and route, for 24 hours.

use axum::Json;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gantry_store::{Idempotent, User, secret_hash};
use serde_json::Value;

use crate::app::App;
use crate::problem::{BAD_REQUEST, CONFLICT, KEY_REUSED, Problem};

/// An answer that can be given again: status, address of what was started, body.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) location: Option<String>,
    pub(crate) body: Value,
}

impl Answer {
    fn into_response(self) -> Response {
        match self.location {
            Some(location) => {
                (self.status, [(header::LOCATION, location)], Json(self.body)).into_response()
            }
            None => (self.status, Json(self.body)).into_response(),
        }
    }
}

/// Carries a request out, or gives the answer it got before.
pub(crate) async fn once(
    app: &App,
    user: &User,
    (route, headers, body): (&str, &HeaderMap, &Bytes),
    work: impl Future<Output = Result<Answer, Problem>>,
) -> Result<Response, Problem> {
    let Some(key) = headers.get("idempotency-key") else {
        return work.await.map(Answer::into_response);
    };
    let key = key
        .to_str()
        .ok()
        .filter(|key| !key.is_empty() && key.len() <= 200);
    let key = key.ok_or_else(|| {
        Problem::new(
            &BAD_REQUEST,
            "Idempotency-Key: use 1 to 200 visible ASCII characters",
        )
    })?;
    match app
        .store
        .idempotent(
            &user.id,
            route,
            key,
            &secret_hash(&String::from_utf8_lossy(body)),
        )
        .await?
    {
        Idempotent::First => {}
        Idempotent::Answered { status, answer } => return again(status, &answer),
        Idempotent::Running => {
            return Err(Problem::new(
                &CONFLICT,
                "the same request is being carried out right now; ask again in a moment",
            ));
        }
        Idempotent::OtherBody => {
            return Err(Problem::new(
                &KEY_REUSED,
                format!("the Idempotency-Key `{key}` was used for another request"),
            ));
        }
    }
    match work.await {
        Ok(answer) => {
            let text =
                serde_json::json!({"location": answer.location, "body": answer.body}).to_string();
            app.store
                .keep_answer(&user.id, route, key, Some((answer.status.as_u16(), &text)))
                .await?;
            Ok(answer.into_response())
        }
        Err(problem) => {
            app.store.keep_answer(&user.id, route, key, None).await?;
            Err(problem)
        }
    }
}

fn again(status: u16, text: &str) -> Result<Response, Problem> {
    let mut kept: Value = serde_json::from_str(text).map_err(|error| Problem::internal(&error))?;
    let location = kept["location"].as_str().map(ToOwned::to_owned);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    Ok(Answer {
        status,
        location,
        body: kept["body"].take(),
    }
    .into_response())
}
