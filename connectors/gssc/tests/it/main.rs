//! The connector: what names mean, and what comes of the stand-in's tree by each of its ways, and of real servers.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod agree;
mod alias;
mod archive;
mod conformance;
mod names;
mod real;
mod recheck;
mod stations;
mod tree;

/// The servers that `gantry-net` is tried out on.
#[path = "../../../net/tests/it/servers.rs"]
#[expect(dead_code, reason = "not every server of theirs is wanted here")]
mod servers;
