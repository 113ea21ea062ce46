//! Harvests of the stand-in into a real record.

mod archive;
mod runs;
