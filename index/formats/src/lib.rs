#![doc = include_str!("../README.md")]

pub mod antex;
pub mod compression;
mod epoch;
pub mod fits;
pub mod ionex;
pub mod lines;
pub mod lzw;
pub mod products;
pub mod rinex;
pub mod sinex;
pub mod sitelog;
pub mod sp3;
pub mod votable;
mod xml;

mod error;

pub use error::FormatError;
pub use xml::{XmlError, XmlLimits};
