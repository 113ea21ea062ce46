//! The connector against a stand-in of the archive that speaks its protocols.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod archive;
mod conformance;
mod listing;
mod questions;
mod users;
