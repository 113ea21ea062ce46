//! A Gaia stand-in of few sources, and what is on the wire.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(
    clippy::allow_attributes,
    dead_code,
    unused_imports,
    reason = "each test binary uses its own part of this module"
)]

#[path = "../common/mod.rs"]
mod common;

use std::io::Read;

pub(crate) use common::{Answer, get, request};
use gantry_standin::{GaiaConfig, GaiaStandin, Running};

pub(crate) fn standin() -> Running {
    standin_with(|_| {})
}

pub(crate) fn standin_with(change: impl FnOnce(&mut GaiaConfig)) -> Running {
    let mut config = GaiaConfig {
        n_sources: 1000,
        ..GaiaConfig::default()
    };
    change(&mut config);
    GaiaStandin::start(config).unwrap()
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn unzipped(&self) -> String {
        let mut text = String::new();
        flate2::read::GzDecoder::new(&self.body[..])
            .read_to_string(&mut text)
            .unwrap();
        text
    }
}

pub(crate) fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

pub(crate) fn sync(running: &Running, query: &str, format: &str) -> Answer {
    let query = encoded(query);
    get(
        running.address(),
        &format!("/tap-server/tap/sync?REQUEST=doQuery&LANG=ADQL&FORMAT={format}&QUERY={query}"),
    )
}
