#![doc = include_str!("../README.md")]

mod error;
mod run;
mod schedule;

pub use error::HarvestRunError;
pub use run::{Progress, harvest};
pub use schedule::{Scheduled, keep_harvesting, next_harvest};
