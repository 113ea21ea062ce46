//! The client against a small server on loopback that answers as a test wishes.

mod bodies;
mod guard;
mod peer;
mod politeness;
mod resume;
