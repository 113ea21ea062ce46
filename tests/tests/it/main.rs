//! Gantry end to end: a service with a real record, volumes and a stand-in archive, asked over HTTP.

mod account;
mod archives;
mod assets;
mod datalabs;
mod elsewhere;
mod facets;
mod files;
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod hub_login;
mod identity;
mod language;
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod limits;
mod matrix;
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod oidc;
mod pages;
mod places;
mod plain_sql;
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod portal;
mod questions;
mod ranking;
mod real_data;
mod related;
mod search;
mod searches;
mod selections;
mod sets;
mod staging_jobs;
mod stations;
mod tables;
mod three_archives;
mod volumes;
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod webhooks;

use serde_json::Value;

/// The names of an object's members, sorted.
fn keys(object: &Value) -> Vec<&str> {
    let members = object
        .as_object()
        .unwrap_or_else(|| panic!("no object: {object}"));
    let mut keys: Vec<&str> = members.keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// The text at a JSON pointer.
fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no text at {pointer} of {value}"))
}

/// The list at a JSON pointer.
fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    let found = value.pointer(pointer).and_then(Value::as_array);
    found.unwrap_or_else(|| panic!("no list at {pointer} of {value}"))
}

/// The servers that `gantry-net` is tried out on.
#[path = "../../../connectors/net/tests/it/servers.rs"]
#[expect(
    dead_code,
    clippy::unwrap_used,
    reason = "they are those of another crate's tests"
)]
mod servers;
#[path = "../../../connectors/net/tests/it/storage.rs"]
#[expect(
    dead_code,
    clippy::unwrap_used,
    reason = "they are those of another crate's tests"
)]
mod storage;
mod peer {
    //! What their servers are asked with.

    pub(crate) fn quick() -> gantry_net::Limits {
        gantry_net::Limits::default()
    }
}
