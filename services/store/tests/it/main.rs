//! The record, from outside: what is asked of it and what it answers, over a real database in a temporary folder.

mod assets;
mod datalabs;
mod harvests;
mod opening;
mod record;
mod staging_jobs;
mod users;
