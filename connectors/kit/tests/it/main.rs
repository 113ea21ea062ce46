//! The kit from outside: opening addresses, the registry, and the suite, which must find a connector that breaks a promise.

mod open;
mod suite;
