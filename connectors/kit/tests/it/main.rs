//! The kit from outside: opening addresses, the registry, and the suite, which must find a connector that breaks a promise.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod open;
mod suite;
mod tap;
mod tree;
