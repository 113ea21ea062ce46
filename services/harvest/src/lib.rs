#![doc = include_str!("../README.md")]

mod error;
mod run;

pub use error::HarvestRunError;
pub use run::{Progress, harvest};
