#![doc = include_str!("../README.md")]

pub mod compression;
pub mod fits;
pub mod hatanaka;
pub mod lines;
pub mod lzw;
pub mod rinex;
pub mod votable;
mod xml;

mod error;

pub use error::FormatError;
pub use xml::{XmlError, XmlLimits};
