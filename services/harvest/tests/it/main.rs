//! Harvests of the stand-in into a real record.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod archive;
mod runs;
mod schedule;
