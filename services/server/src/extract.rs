//! Extractors that answer with a [`Problem`].

use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::problem::{BAD_REQUEST, NOT_FOUND, Problem, TOO_LARGE, TOO_SLOW};

/// What the path of an address says.
pub(crate) struct FromPath<T>(pub(crate) T);

#[expect(clippy::disallowed_types, reason = "this is the replacement")]
impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for FromPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(value)| Self(value))
            .map_err(|error| {
                Problem::new(
                    &NOT_FOUND,
                    format!("`{}`: {}", parts.uri.path(), error.body_text()),
                )
            })
    }
}

/// What the query of an address says; a name may come several times.
pub(crate) struct FromQuery<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for FromQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        read_pairs(&pairs(query.as_bytes())).map(Self)
    }
}

/// The fields of a form.
pub(crate) struct FromForm<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequest<S> for FromForm<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = read_body(request, FORM_BYTES).await?;
        read_form(&bytes).map(Self)
    }
}

/// A JSON body.
pub(crate) struct FromJson<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequest<S> for FromJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = read_body(request, JSON_BYTES).await?;
        from_json(&bytes).map(Self)
    }
}

/// The largest JSON body: a selection of 100 000 ids fits.
pub(crate) const JSON_BYTES: usize = 16 << 20;
const FORM_BYTES: usize = 16 << 20;

/// How long the body of a request may take to arrive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience(pub(crate) Duration);

pub(crate) async fn read_body(
    request: Request,
    limit: usize,
) -> Result<axum::body::Bytes, Problem> {
    let within = request.extensions().get::<Patience>();
    let within = within.map_or(Duration::from_secs(60), |patience| patience.0);
    let body = axum::body::to_bytes(request.into_body(), limit);
    let read = tokio::time::timeout(within, body).await.map_err(|_| {
        let why = format!("the body did not arrive within {} s", within.as_secs());
        Problem::new(&TOO_SLOW, why)
    })?;
    read.map_err(|_| {
        Problem::new(
            &TOO_LARGE,
            format!("the body did not arrive whole, or is larger than {limit} bytes"),
        )
    })
}

/// Reads JSON; an empty body is an empty object.
pub(crate) fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let bytes = if bytes.trim_ascii().is_empty() {
        b"{}"
    } else {
        bytes
    };
    serde_json::from_slice(bytes)
        .map_err(|error| Problem::new(&BAD_REQUEST, format!("the body cannot be read: {error}")))
}

/// Reads the fields of a form.
pub(crate) fn read_form<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    read_pairs(&pairs(bytes))
}

/// Reads what stands behind the `?` of an address.
pub(crate) fn read_query<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    read_pairs(&pairs(text.as_bytes()))
}

fn pairs(bytes: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(bytes).into_owned().collect()
}

/// Reads name-value pairs into a structure whose lists take repeated names.
fn read_pairs<T: DeserializeOwned>(pairs: &[(String, String)]) -> Result<T, Problem> {
    let mut object = serde_json::Map::new();
    for (name, value) in pairs {
        let values = object
            .entry(name.clone())
            .or_insert_with(|| serde_json::Value::Array(Vec::new()));
        if let serde_json::Value::Array(values) = values {
            values.push(serde_json::Value::String(value.clone()));
        }
    }
    serde_json::from_value(serde_json::Value::Object(object)).map_err(|error| {
        Problem::new(
            &BAD_REQUEST,
            format!("the parameters cannot be read: {error}"),
        )
    })
}

/// For fields of [`FromQuery`] and [`FromForm`] structures that come once, read from text.
pub(crate) fn once<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    use serde::Deserialize;
    use serde::de::Error;
    let values = Vec::<String>::deserialize(deserializer)?;
    let last = values
        .last()
        .map(String::as_str)
        .filter(|value| !value.is_empty());
    last.map(|value| {
        value
            .parse()
            .map_err(|error| D::Error::custom(format!("`{value}`: {error}")))
    })
    .transpose()
}
