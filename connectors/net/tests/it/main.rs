//! The client against small servers on loopback that answer as a test wishes, and against those
//! that archives run.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bodies;
mod ftp_faults;
mod guard;
mod peer;
mod politeness;
mod real;
mod remotes;
mod resume;
mod servers;
mod storage;
