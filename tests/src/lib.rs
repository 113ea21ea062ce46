#![doc = include_str!("../README.md")]

mod app;
mod client;
mod http;

pub use app::{Builder, NSIDE, TestApp, product};
pub use client::{Ask, Client, Job, SCOPES};
pub use http::{Answer, Event, Events, Request, send, stream};

use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

/// How long anything may take that is waited for.
pub const DEADLINE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(15);

/// The SHA-256 of some bytes, hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Looks again and again until there is something.
///
/// # Panics
/// When [`DEADLINE`] has passed, naming what was waited for.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
