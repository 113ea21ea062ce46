//! The program as people run it: killed at bad moments, asked wrongly, stopped in order.
//!
//! Every test has a folder, a configuration and a stand-in archive of its own, ports that the system chose, and ends
//! every process it started, labs included, also when it fails. They run `gantry` as it was built last, so the
//! workspace is to be built first; `tests/run` does.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api;
mod backup;
mod demo;
mod fault_run;
mod further_archive;
mod gantry;
mod harvest;
mod import;
mod keys;
mod labs;
mod labs_hub;
mod logs;
mod output;
mod portal_check;
mod processes;
mod sentences;
/// The servers that `gantry-net` is tried out on.
#[path = "../../../connectors/net/tests/it/servers.rs"]
#[expect(dead_code, reason = "they are those of another crate's tests")]
mod servers;
mod small;
mod staging;
mod unlucky;
