#![doc = include_str!("../README.md")]

pub mod compression;
pub mod fits;
pub mod lines;
pub mod lzw;
pub mod rinex;
pub mod votable;

mod error;

pub use error::FormatError;
