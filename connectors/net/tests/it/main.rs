//! The client against a small server on loopback that answers as a test wishes.

mod bodies;
mod ftp_faults;
mod guard;
mod peer;
mod politeness;
mod real;
mod resume;
mod servers;
