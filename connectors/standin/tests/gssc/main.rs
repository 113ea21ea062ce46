//! The stand-in for the GNSS Science Support Centre, seen by clients of its three ways.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
mod common;
mod contents;
mod faults;
mod ftp;
mod sftp;
mod ways;

use gantry_standin::gssc::Way;
use gantry_standin::{GsscConfig, GsscRunning, GsscStandin};

pub(crate) const DAY: &str = "/gnss/data/daily/2023/001";
pub(crate) const BRUX: &str = "BRUX00BEL_R_20230010000_01D_30S_MO.crx.gz";
pub(crate) const WEEK: &str = "/gnss/products/2243";
pub(crate) const ORBITS: &str = "IGS0OPSFIN_20230010000_01D_15M_ORB.SP3.gz";

pub(crate) struct Standin {
    pub(crate) running: GsscRunning,
    _cache: tempfile::TempDir,
}

pub(crate) fn standin() -> Standin {
    standin_with(|_| {})
}

/// A stand-in whose days have four epochs, so that they are made at once.
pub(crate) fn standin_with(change: impl FnOnce(&mut GsscConfig)) -> Standin {
    let cache = tempfile::tempdir().unwrap();
    let mut config = GsscConfig::new(cache.path());
    config.epochs_per_day = 4;
    change(&mut config);
    let running = GsscStandin::start(config).unwrap();
    Standin {
        running,
        _cache: cache,
    }
}

impl Standin {
    pub(crate) fn ftp(&self) -> ftp::Client {
        let mut client = ftp::Client::connect(self.running.address(Way::Ftp)).unwrap();
        client.log_in("anonymous", "").unwrap();
        client
    }

    pub(crate) fn get(&self, target: &str) -> common::Answer {
        common::get(self.running.address(Way::Http), target)
    }
}
