//! The connector against the stand-in: what it lists, what it opens, and what it says when the archive fails.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod archive;
mod conformance;
mod corpus;
mod files;
mod lists;
mod mirrors;
mod real;
mod series;

/// The servers that `gantry-net` is tried out on.
#[path = "../../../net/tests/it/servers.rs"]
#[expect(dead_code, reason = "not every server of theirs is wanted here")]
mod servers;
