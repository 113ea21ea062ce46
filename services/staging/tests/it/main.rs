//! Staging from outside: a real record, a volume in a temporary folder, and archives that misbehave.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod conflicts;
mod control;
mod crashes;
mod fake;
mod full;
mod manifests;
mod mounts;
mod queries;
mod selections;
mod transfers;
mod verification;
mod world;
