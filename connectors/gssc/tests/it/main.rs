//! The connector: what names mean, and what comes of the stand-in's tree by each of its ways.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod alias;
mod archive;
mod conformance;
mod names;
mod real;
mod recheck;
mod tree;
