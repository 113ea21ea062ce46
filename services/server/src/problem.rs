//! Problems: every error as RFC 9457 problem details.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gantry_labs::LabError;
use gantry_search::SearchError;
use gantry_staging::StagingError;
use gantry_staging::volume::VolumeError;
use gantry_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// One kind of problem, documented at `/problems/<kind>`.
pub(crate) struct ProblemKind {
    pub(crate) kind: &'static str,
    pub(crate) status: StatusCode,
    pub(crate) title: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) advice: &'static str,
    pub(crate) retry: bool,
}

macro_rules! kinds {
    ($($name:ident = $kind:literal, $status:ident, $title:literal, $meaning:literal, $advice:literal, $retry:literal;)*) => {
        $(pub(crate) const $name: ProblemKind = ProblemKind {
            kind: $kind, status: StatusCode::$status, title: $title, meaning: $meaning, advice: $advice, retry: $retry,
        };)*
        /// Every kind of problem there is.
        pub(crate) const KINDS: &[ProblemKind] = &[$($name),*];
    };
}

kinds! {
    BAD_REQUEST = "bad-request", BAD_REQUEST, "The request cannot be read", "Something in the address, the headers or the body does not have the form it must have.", "Correct what the detail names and send the request again.", false;
    NOT_LOGGED_IN = "not-logged-in", UNAUTHORIZED, "Not logged in", "This needs to know who asks.", "Log in, or send a personal token as `Authorization: Bearer gnt_…`.", false;
    NOT_ALLOWED = "not-allowed", FORBIDDEN, "Not allowed", "The token lacks a scope, the form lacks its token, or only an operator may do this.", "Use a token with the scope that the detail names, or ask an operator.", false;
    FOREIGN_HOST = "foreign-host", MISDIRECTED_REQUEST, "Wrong host", "The request names another host than this service.", "Use the address that the service printed when it started.", false;
    NOT_FOUND = "not-found", NOT_FOUND, "Not found", "There is nothing of that name, or it is somebody else's.", "Check the id, or list what there is.", false;
    ASSET_NOT_FOUND = "asset-not-found", NOT_FOUND, "Asset not found", "The catalogue has no asset of that id.", "Search for it, or ask `/api/v1/assets/resolve` for the id of a file name.", false;
    ASSET_WITHDRAWN = "asset-withdrawn", GONE, "Asset withdrawn", "The archive no longer has this asset; what is known of it is in the answer.", "Look at its related assets for what replaced it.", false;
    INTENT_GONE = "intent-gone", GONE, "This click is no longer kept", "A click on a portal's button is kept for an hour, and for who confirmed it longer.", "Go back to the archive's page and press the button again.", false;
    METHOD_NOT_ALLOWED = "method-not-allowed", METHOD_NOT_ALLOWED, "Method not allowed", "The address exists, but not with this method.", "See `/docs` for the methods of each address.", false;
    CONFLICT = "conflict", CONFLICT, "Conflict", "What was asked for collides with what is there.", "Use another name, or wait until what is in the way has ended.", false;
    TOO_SLOW = "too-slow", REQUEST_TIMEOUT, "Too slow", "The body of the request did not arrive in time.", "Send it faster, or less of it at once.", true;
    TOO_LARGE = "too-large", PAYLOAD_TOO_LARGE, "Too large", "The body is larger than is allowed.", "Send less at once.", false;
    RANGE_OUTSIDE = "range-outside", RANGE_NOT_SATISFIABLE, "Range outside the file", "The part asked for lies outside the file.", "Ask for a part that is there; Content-Range says how long the file is.", false;
    UNPROCESSABLE = "unprocessable", UNPROCESSABLE_ENTITY, "Cannot be done as asked", "The request is readable, but something it asks for cannot be done.", "Change what the detail names.", false;
    UNKNOWN_ASSETS = "unknown-assets", UNPROCESSABLE_ENTITY, "Unknown assets", "Some of the assets named are not in the catalogue.", "Leave them out, or look for their ids.", false;
    TOO_MANY_ASSETS = "too-many-assets", UNPROCESSABLE_ENTITY, "Too many assets", "A selection holds at most 100 000 assets.", "Narrow the search or make several selections.", false;
    KEY_REUSED = "idempotency-key-reused", UNPROCESSABLE_ENTITY, "Idempotency key used before", "The key was used within 24 hours for another request.", "Use a new key for a new request.", false;
    VOLUME_FULL = "volume-full", INSUFFICIENT_STORAGE, "Volume full", "No space is left in the volume.", "Make room in the volume, then try again.", true;
    OVER_QUOTA = "over-quota", INSUFFICIENT_STORAGE, "Quota used up", "Your volumes hold as much as they may.", "Remove what is no longer needed, or ask the operator for more.", true;
    READ_ONLY = "read-only", FORBIDDEN, "Read-only", "Nothing may be written to this volume; it is one the operator shares.", "Write to a volume of your own.", false;
    VOLUME_UNAVAILABLE = "volume-unavailable", BAD_GATEWAY, "Volume does not answer", "The storage elsewhere did not do what was asked, or does not let us in.", "Test the volume: that says which step fails and why.", true;
    ARCHIVE_UNAVAILABLE = "archive-unavailable", BAD_GATEWAY, "Archive does not answer", "The archive did not answer, or not with what was asked for.", "Try again later; the archive's state is on the archives page.", true;
    LAB_UNAVAILABLE = "lab-unavailable", SERVICE_UNAVAILABLE, "Lab not available", "The lab does not run, or cannot be started here.", "Wait until it is ready, see its log, or have installed what the detail names.", true;
    BUSY = "busy", SERVICE_UNAVAILABLE, "Busy", "The service could not answer in time.", "Try again in a moment.", true;
    TOO_MANY = "too-many-requests", TOO_MANY_REQUESTS, "Too many requests", "One user, or one address, asks for more at once than this service lets it.", "Wait as long as Retry-After says, and ask for less at the same time.", true;
    INTERNAL = "internal-error", INTERNAL_SERVER_ERROR, "Something went wrong here", "An error that is not yours; the log has it under the instance.", "Try again; if it happens again, tell the operator the instance.", true;
}

/// What problems are sent as (RFC 9457, section 3).
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// Problem details, RFC 9457.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// The kind of problem, a relative address that this service serves.
    #[serde(rename = "type")]
    #[schema(example = "/problems/asset-not-found")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What was wrong, with what, and what to do.
    pub detail: String,
    /// This occurrence; the log has it too.
    pub instance: String,
    /// What is known all the same, such as a withdrawn asset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub known: Option<serde_json::Value>,
    /// After how many seconds it is worth trying again, for `Retry-After`.
    #[serde(skip)]
    pub(crate) retry_after_s: Option<u64>,
}

/// When a busy service is worth asking again, in seconds.
const BUSY_S: u64 = 5;

impl Problem {
    pub(crate) fn new(kind: &ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("/problems/{}", kind.kind),
            title: kind.title.to_owned(),
            status: kind.status.as_u16(),
            detail: detail.into(),
            instance: format!("urn:uuid:{}", Uuid::new_v4()),
            known: None,
            retry_after_s: (kind.kind == BUSY.kind).then_some(BUSY_S),
        }
    }

    /// An error that is not the caller's: they read "try again", the log has the chain.
    pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        let problem = Self::new(
            &INTERNAL,
            "something went wrong here; try again, or tell the operator this instance",
        );
        tracing::error!(
            problem.instance = problem.instance,
            error = crate::format::sentence(error),
            "request failed"
        );
        problem
    }

    pub(crate) fn not_logged_in() -> Self {
        Self::new(&NOT_LOGGED_IN, "this needs a login or a personal token")
    }

    pub(crate) fn not_found(noun: &str, id: &str) -> Self {
        Self::new(
            &NOT_FOUND,
            format!("no {noun} `{id}`, or it is somebody else's"),
        )
    }

    pub(crate) fn kind_of(&self) -> Option<&'static ProblemKind> {
        let name = self.kind.strip_prefix("/problems/")?;
        KINDS.iter().find(|kind| kind.kind == name)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&self)).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after_s {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        // A page takes the problem from here and shows it to people.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::NoSuchAsset(id) => Self::new(
                &ASSET_NOT_FOUND,
                format!(
                    "no asset `{id}`; search /api/v1/assets?facet=archive/{}",
                    id.archive()
                ),
            ),
            StoreError::NotFound { noun, id } => Self::not_found(noun, id),
            StoreError::Exists { noun, id } => {
                Self::new(&CONFLICT, format!("there is a {noun} `{id}` already"))
            }
            StoreError::TooMany { .. } => {
                Self::new(&CONFLICT, format!("{error}; end or delete one first"))
            }
            error if error.is_transient() => {
                Self::new(&BUSY, "the record is busy; try again in a moment")
            }
            _ => Self::internal(&error),
        }
    }
}

impl From<VolumeError> for Problem {
    fn from(error: VolumeError) -> Self {
        match &error {
            VolumeError::Missing { path } => Self::not_found("file", path),
            VolumeError::Path { .. } | VolumeError::ForeignLink { .. } => {
                Self::new(&UNPROCESSABLE, error.to_string())
            }
            VolumeError::Busy { .. } => {
                Self::new(&CONFLICT, format!("{error}; try again when it is done"))
            }
            VolumeError::Full { .. } => {
                Self::new(&VOLUME_FULL, format!("{error}; make room and try again"))
            }
            VolumeError::Quota { .. } => Self::new(&OVER_QUOTA, error.to_string()),
            VolumeError::ReadOnly { .. } => Self::new(&READ_ONLY, error.to_string()),
            VolumeError::Exists { .. } => Self::new(&CONFLICT, error.to_string()),
            VolumeError::Address { .. } => Self::new(&UNPROCESSABLE, error.to_string()),
            VolumeError::NotLetIn { .. }
            | VolumeError::LeftAlone { .. }
            | VolumeError::Elsewhere { .. } => Self::new(&VOLUME_UNAVAILABLE, error.to_string()),
            VolumeError::Io { source, .. }
                if source.kind() == std::io::ErrorKind::AlreadyExists =>
            {
                Self::new(&CONFLICT, error.to_string())
            }
            // What lies in a volume is its owner's: a link that leads out, a file taken for a folder.
            VolumeError::Io { source, .. } if is_of_the_path(source.kind()) => {
                Self::new(&UNPROCESSABLE, error.to_string())
            }
            _ => Self::internal(&error),
        }
    }
}

fn is_of_the_path(kind: std::io::ErrorKind) -> bool {
    use std::io::ErrorKind as Kind;
    matches!(
        kind,
        Kind::PermissionDenied
            | Kind::NotADirectory
            | Kind::IsADirectory
            | Kind::DirectoryNotEmpty
            | Kind::InvalidInput
            | Kind::InvalidFilename
    )
}

impl From<StagingError> for Problem {
    fn from(error: StagingError) -> Self {
        match error {
            StagingError::Store(error) => error.into(),
            StagingError::Volume(error) => error.into(),
            StagingError::NoSuchAssets(_) => Self::new(&UNKNOWN_ASSETS, error.to_string()),
            StagingError::Asked { .. } => Self::new(&BAD_REQUEST, error.to_string()),
            StagingError::TooMany { .. } => Self::new(&TOO_MANY_ASSETS, error.to_string()),
            error => Self::new(&UNPROCESSABLE, error.to_string()),
        }
    }
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        match &error {
            SearchError::Cursor(_) => Self::new(
                &BAD_REQUEST,
                format!("after={error}; use `next` of the page before as it is"),
            ),
            _ => Self::internal(&error),
        }
    }
}

impl From<LabError> for Problem {
    fn from(error: LabError) -> Self {
        match error {
            LabError::Store(error) => error.into(),
            LabError::Volume(error) => error.into(),
            LabError::NoSuchLab(id) => Self::not_found("lab", &id),
            LabError::Refused(_) | LabError::Variable { .. } => {
                Self::new(&UNPROCESSABLE, error.to_string())
            }
            LabError::Unavailable { .. } => Self::new(&LAB_UNAVAILABLE, error.to_string()),
            LabError::Away(text) => Self::new(&LAB_UNAVAILABLE, text),
            LabError::NotServing(_) => {
                Self::new(&LAB_UNAVAILABLE, format!("{error}; wait until it is ready"))
            }
            error => Self::internal(&error),
        }
    }
}
