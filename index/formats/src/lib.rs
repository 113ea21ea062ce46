#![doc = include_str!("../README.md")]

pub mod compression;
mod document;
pub mod ecsv;
pub mod fits;
pub mod lines;
pub mod listing;
pub mod lzw;
pub mod rinex;
pub mod uws;
pub mod vodataservice;
pub mod vosi;
pub mod votable;
mod xml;

mod error;

pub use document::DocumentError;
pub use error::FormatError;
pub use xml::{XmlError, XmlLimits};
