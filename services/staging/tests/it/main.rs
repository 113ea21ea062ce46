//! Staging from outside: a real record, a volume in a temporary folder, and archives that misbehave.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cache;
mod conflicts;
mod control;
mod crashes;
mod cut_out;
mod elsewhere;
mod fairness;
mod fake;
mod full;
mod manifests;
mod mounts;
mod queries;
mod quotas;
mod schedules;
mod selections;
mod transfers;
mod unpack;
mod verification;
mod world;

/// The servers that `gantry-net` is tried out on.
#[path = "../../../../connectors/net/tests/it/servers.rs"]
#[expect(dead_code, reason = "not every server of theirs is wanted here")]
mod servers;
#[path = "../../../../connectors/net/tests/it/storage.rs"]
#[expect(dead_code, reason = "not every server of theirs is wanted here")]
mod storage;
mod peer {
    //! What their servers are asked with.
    use gantry_net::Limits;
    use std::time::Duration;

    pub(crate) fn quick() -> Limits {
        Limits {
            per_second: 1000.0,
            backoff: Duration::from_millis(2),
            ..Limits::default()
        }
    }
}
