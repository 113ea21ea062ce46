#![doc = include_str!("../README.md")]

mod account;
pub mod app;
mod ask;
mod auth;
mod changes;
mod citing;
pub mod cli;
pub mod config;
mod connectors;
mod extract;
mod format;
mod identity;
mod import;
mod launchers;
mod limits;
mod listen;
mod metrics;
mod names;
mod notices;
mod pages;
mod portal;
mod problem;
mod proposals;
mod related;
pub mod rest;
mod retention;
mod search_query;
mod select;
mod serve;
mod sets;
mod stations;
mod views;

pub use listen::serve;
pub use problem::Problem;
pub use serve::{page_paths, router};
