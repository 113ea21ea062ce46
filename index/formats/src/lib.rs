#![doc = include_str!("../README.md")]

pub mod antex;
pub mod compression;
mod document;
pub mod ecsv;
mod epoch;
pub mod fits;
pub mod hatanaka;
pub mod inspect;
pub mod ionex;
pub mod lines;
pub mod listing;
pub mod lzw;
pub mod members;
pub mod products;
pub mod rinex;
pub mod sesame;
pub mod sinex;
pub mod sitelog;
pub mod sp3;
pub mod uws;
pub mod vodataservice;
pub mod vosi;
pub mod votable;
mod xml;

mod error;

pub use document::DocumentError;
pub use error::FormatError;
pub use xml::{XmlError, XmlLimits};
