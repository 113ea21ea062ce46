//! The record, from outside: what is asked of it and what it answers, over a real database in a temporary folder.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod assets;
mod datalabs;
mod harvests;
mod intents;
mod opening;
mod record;
mod series;
mod staging_jobs;
mod users;
mod volumes;
