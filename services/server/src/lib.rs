#![doc = include_str!("../README.md")]

pub mod app;
mod ask;
mod changes;
pub mod cli;
pub mod config;
mod connectors;
mod extract;
mod format;
mod identity;
mod import;
mod launchers;
mod notices;
mod pages;
mod problem;
mod proposals;
mod related;
pub mod rest;
mod search_query;
mod select;
mod serve;
mod sets;
mod stations;
mod views;

pub use problem::Problem;
pub use serve::{page_paths, router, serve};
