//! The data server and the bulk files over HTTP.

use std::sync::Arc;

use axum::http::{StatusCode, header};
use axum::response::Response;

use super::archive::Archive;
use super::bulk::{self, BulkFile};
use super::call::{Call, Reply};
use super::datalink::{self, MAX_SOURCES};
use super::encode::{Format, gzipped};
use super::products::{Product, Retrieval, Structure, zip};
use crate::answer::{Entity, page};
use crate::faults::Struck;

fn bad(message: &str) -> Reply {
    Reply::text(StatusCode::BAD_REQUEST, message)
}

fn ids(archive: &Archive, call: &Call) -> Result<Vec<datalink::Asked>, String> {
    let values: Vec<&str> = call
        .parameters
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("ID"))
        .map(|(_, value)| value.as_str())
        .collect();
    datalink::read_ids(&values, &archive.sources)
}

pub(super) fn links(archive: &Archive, call: &Call, struck: &Struck) -> Reply {
    match ids(archive, call) {
        Ok(asked) => {
            let xml = datalink::links(&asked, &archive.sources, !struck.no_products, &call.base);
            Reply::new(
                StatusCode::OK,
                "application/x-votable+xml;content=datalink",
                xml,
            )
        }
        Err(message) => bad(&format!("UsageFault: {message}")),
    }
}

pub(super) async fn products(archive: &Arc<Archive>, call: &Call, struck: &Struck) -> Reply {
    let asked = match ids(archive, call) {
        Ok(asked) if asked.is_empty() => return bad("The parameter ID is missing"),
        Ok(asked) => asked,
        Err(message) => return bad(&message),
    };
    debug_assert!(asked.len() <= MAX_SOURCES);
    let release = call.parameter("RELEASE").unwrap_or("Gaia DR3");
    if !release.eq_ignore_ascii_case("Gaia DR3") && !release.is_empty() {
        return bad(&format!(
            "the release `{release}` is not here; it is `Gaia DR3`"
        ));
    }
    let format_name = call.parameter("FORMAT").unwrap_or_default();
    let format = match Format::read(format_name) {
        Some(format) if format != Format::VotableGzip => format,
        _ => {
            return Reply::text(
                StatusCode::INTERNAL_SERVER_ERROR,
                &format!("There is no formatter for {format_name}"),
            );
        }
    };
    let types = match Product::read(call.parameter("RETRIEVAL_TYPE").unwrap_or_default()) {
        Ok(types) => types,
        Err(message) => return bad(&message),
    };
    let Some(structure) = Structure::read(call.parameter("DATA_STRUCTURE").unwrap_or_default())
    else {
        return bad("the DATA_STRUCTURE is not known");
    };
    let is_on = |name| {
        call.parameter(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    };
    let (always_zip, valid_only) = (is_on("USE_ZIP_ALWAYS"), is_on("VALID_DATA"));
    let (archive, has_products) = (Arc::clone(archive), !struck.no_products);
    let made = tokio::task::spawn_blocking(move || {
        let found = asked
            .iter()
            .filter_map(|asked| datalink::find(&archive.sources, asked.source_id?));
        let sources = found.filter(|_| has_products).collect();
        send(
            &Retrieval {
                sources,
                products: types,
                structure,
                format,
                valid_only,
            },
            always_zip,
        )
    });
    match made.await {
        Ok(Ok(reply)) => reply,
        Ok(Err(message)) => Reply::text(StatusCode::INTERNAL_SERVER_ERROR, &message),
        Err(_) => Reply::text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the products could not be made",
        ),
    }
}

/// A single file as it is, unless ZIP is asked for; several in a ZIP.
fn send(retrieval: &Retrieval<'_>, always_zip: bool) -> Result<Reply, String> {
    let mut members = retrieval.members()?;
    if members.len() == 1 && !always_zip {
        let member = members.remove(0);
        let name = format!("attachment;filename=\"{}\"", member.name);
        return Ok(
            Reply::new(StatusCode::OK, retrieval.format.media_type(), member.bytes)
                .with(header::CONTENT_DISPOSITION, name),
        );
    }
    let reply = Reply::new(StatusCode::OK, "application/zip", zip(&members)?);
    Ok(reply.with(
        header::CONTENT_DISPOSITION,
        "attachment;filename=\"datalink.zip\"",
    ))
}

/// The bytes in a tar in a gzip, under a name that says neither.
pub(super) fn tar_in_gzip(bytes: &[u8], name: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    let made = builder
        .append_data(&mut header, name, bytes)
        .and_then(|()| builder.into_inner());
    gzipped(&made.unwrap_or_default())
}

async fn files(archive: &Arc<Archive>) -> Arc<Vec<BulkFile>> {
    let archive = Arc::clone(archive);
    let made = tokio::task::spawn_blocking(move || {
        let make = || match bulk::files(&archive.sources, archive.real_data.as_deref()) {
            Ok(files) => Arc::new(files),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the bulk files cannot be listed"
                );
                Arc::default()
            }
        };
        Arc::clone(archive.bulk.get_or_init(make))
    });
    made.await.unwrap_or_default()
}

/// `/bulk/` is the listing, `/bulk/<key>` a file.
pub(super) async fn bulk(archive: &Arc<Archive>, call: &Call, struck: &Struck) -> Response {
    let files = files(archive).await;
    let key = call.segments[1..].join("/");
    if key.is_empty() {
        let asked = bulk::Asked {
            prefix: call.parameter("prefix").unwrap_or_default(),
            delimiter: call.parameter("delimiter").unwrap_or_default(),
            marker: call.parameter("marker").unwrap_or_default(),
            max_keys: call
                .parameter("max-keys")
                .and_then(|text| text.parse().ok()),
        };
        let listed: Vec<&BulkFile> = files
            .iter()
            .filter(|file| !archive.faults.state_of(&file.key).removed)
            .collect();
        let reply = Reply::new(
            StatusCode::OK,
            "application/xml",
            bulk::listing(&listed, &asked),
        );
        return reply.response(struck);
    }
    let Some(file) = files.iter().find(|file| file.key == key) else {
        return page(StatusCode::NOT_FOUND, "404 Not Found");
    };
    let entity = Entity {
        name: key,
        media_type: "application/octet-stream",
        size_bytes: file.size_bytes,
        modified: file.modified,
        etag: format!("\"{}\"", file.md5),
        is_attachment: false,
    };
    let entity = if struck.changed {
        entity.changed()
    } else {
        entity
    };
    let plan = entity.plan(&call.headers, struck);
    if plan.has_bytes(&call.method) {
        plan.with_bytes(file.content.clone(), file.size_bytes, struck)
    } else {
        plan.without_bytes()
    }
}
