//! The portal kit: the script that archives' portals embed, under addresses that last.
//!
//! `/portal/v1/gantry.js` is always the newest compatible one; `/portal/gantry-X.Y.Z.js` never changes, and
//! `/portal/kit.json` has its hash. A release that is replaced stays, as `assets/portal/gantry-X.Y.Z.js`.

use std::sync::LazyLock;

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rust_embed::RustEmbed;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha384};

use super::page;
use super::shell::Shell;
use crate::app::App;
use crate::extract::FromPath;
use crate::identity::Caller;
use crate::problem::Problem;
use crate::words::{filters, t};

#[derive(RustEmbed)]
#[folder = "assets/portal/"]
struct Files;

/// One release of the kit.
#[derive(Clone)]
pub(crate) struct Release {
    pub(crate) version: String,
    /// `sha384-…`, as the attribute `integrity` takes it.
    pub(crate) integrity: String,
    script: Vec<u8>,
}

/// The newest release first.
static RELEASES: LazyLock<Vec<Release>> = LazyLock::new(|| {
    let mut releases: Vec<Release> = Files::iter()
        .filter_map(|name| Files::get(&name))
        .filter_map(|file| Release::read(file.data.into_owned()))
        .collect();
    releases.sort_by_key(|release| std::cmp::Reverse(numbers(&release.version)));
    releases
});

/// The newest release.
///
/// # Panics
/// Never: the kit is part of the binary, and a test reads it.
pub(crate) fn newest() -> &'static Release {
    RELEASES.first().expect("the kit is part of the binary")
}

impl Release {
    /// Reads a script that says which release it is in its first line: `// Gantry portal kit 1.0.0: …`.
    fn read(script: Vec<u8>) -> Option<Self> {
        let first = script.split(|byte| *byte == b'\n').next()?;
        let version = std::str::from_utf8(first).ok()?;
        let version = version
            .strip_prefix("// Gantry portal kit ")?
            .split(':')
            .next()?;
        Some(Self {
            version: version.to_owned(),
            integrity: format!("sha384-{}", STANDARD.encode(Sha384::digest(&script))),
            script,
        })
    }

    /// Its lasting address below the service's own.
    pub(crate) fn path(&self) -> String {
        format!("portal/gantry-{}.js", self.version)
    }

    fn answer(&self, cache: &'static str, asked: &HeaderMap) -> Response {
        let tag = format!("\"{}\"", self.integrity);
        let headers = [
            (
                header::CONTENT_TYPE,
                "text/javascript; charset=utf-8".to_owned(),
            ),
            (header::CACHE_CONTROL, cache.to_owned()),
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*".to_owned()),
            (
                HeaderName::from_static("cross-origin-resource-policy"),
                "cross-origin".to_owned(),
            ),
            (header::ETAG, tag.clone()),
        ];
        let known = asked
            .get(header::IF_NONE_MATCH)
            .and_then(|value| value.to_str().ok());
        if known.is_some_and(|known| known.contains(&tag)) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        (headers, self.script.clone()).into_response()
    }
}

/// `1.10.0` stands after `1.9.0`.
fn numbers(version: &str) -> Vec<u32> {
    version
        .split('.')
        .filter_map(|number| number.parse().ok())
        .collect()
}

/// The newest release under the address that stays; looked at again after ten minutes.
pub(crate) async fn compatible(headers: HeaderMap) -> Response {
    newest().answer(
        "public, max-age=600, stale-while-revalidate=86400",
        &headers,
    )
}

/// The path of a file of the kit.
#[derive(Deserialize)]
pub(crate) struct KitPath {
    file: String,
}

/// One release, for ever; or what there is.
pub(crate) async fn file(
    State(app): State<App>,
    FromPath(path): FromPath<KitPath>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if path.file == "kit.json" {
        let headers = [
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (header::CACHE_CONTROL, "public, max-age=600"),
        ];
        return Ok((headers, Json(kit(&app))).into_response());
    }
    let asked = path
        .file
        .strip_prefix("gantry-")
        .and_then(|rest| rest.strip_suffix(".js"));
    let release = RELEASES
        .iter()
        .find(|release| Some(release.version.as_str()) == asked);
    match release {
        Some(release) => Ok(release.answer("public, max-age=31536000, immutable", &headers)),
        None => Err(Problem::not_found("release of the portal kit", &path.file)),
    }
}

fn kit(app: &App) -> Value {
    let at = |path: &str| format!("{}{path}", app.public_url());
    let releases: Vec<Value> = RELEASES
        .iter()
        .map(|release| json!({"version": release.version, "url": at(&release.path()), "integrity": release.integrity, "size_bytes": release.script.len()}))
        .collect();
    json!({"version": newest().version, "compatible": at("portal/v1/gantry.js"), "releases": releases})
}

#[derive(Template)]
#[template(path = "portal_conformance.html")]
struct ConformancePage {
    shell: Shell,
    service: String,
    version: &'static str,
    script: String,
    integrity: &'static str,
    example: Option<String>,
}

/// The kit on a page of its own, which tries it and says what it found.
pub(crate) async fn conformance(
    State(app): State<App>,
    caller: Option<Caller>,
) -> Result<Response, Problem> {
    let query = gantry_search::Query {
        limit: 1,
        ..Default::default()
    };
    let found = crate::rest::blocking(&app, move |app| app.index.search(&query)).await??;
    let release = newest();
    page(&ConformancePage {
        shell: Shell::new(&app, caller.as_ref(), "", t("Portal kit, conformance")).await?,
        service: app.public_url().to_string(),
        version: &release.version,
        script: format!("/{}", release.path()),
        integrity: &release.integrity,
        example: found.hits.first().map(|hit| hit.id.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was published under a number never changes; a change of the kit is a new number and a further line.
    const PUBLISHED: &[(&str, &str)] = &[(
        "1.0.0",
        "sha384-3bhhlRJ56byo1h8UzYoiDcNeMzp7sM/6Wx5RHXHzDFCfLmCglCs/TooCfK6+mnMc",
    )];

    #[test]
    fn a_published_release_of_the_kit_has_not_changed() {
        for (version, integrity) in PUBLISHED {
            let release = RELEASES.iter().find(|release| release.version == *version);
            let found = release.map(|release| release.integrity.as_str());
            assert_eq!(
                found,
                Some(*integrity),
                "release {version} of the portal kit"
            );
        }
        assert_eq!(newest().version, PUBLISHED[0].0);
    }

    #[test]
    fn the_kit_says_the_same_number_everywhere() {
        let script = String::from_utf8(newest().script.clone()).unwrap();
        assert!(script.contains(&format!("version: '{}'", newest().version)));
    }

    #[test]
    fn releases_are_ordered_by_their_numbers() {
        assert!(numbers("1.10.0") > numbers("1.9.12"));
    }
}
