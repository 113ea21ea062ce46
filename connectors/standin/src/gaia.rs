//! The stand-in for the Gaia archive: its TAP service, its data server and its bulk files.

mod adql;
mod archive;
mod bulk;
mod call;
mod catalogue;
mod data;
mod datalink;
mod encode;
mod healpix;
mod jobs;
mod obscore;
mod products;
mod routes;
mod sources;
mod tap;
mod upload;
mod uws;
mod value;
mod vosi;
mod votable;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::error::StandinError;
use crate::faults::{Fault, Faults, Scope, Times};
use crate::requests::RequestLog;
use crate::running::Running;
use archive::Archive;

pub use obscore::{N_SHARED, ObstapConfig, ObstapStandin};

/// What the stand-in shall be.
#[derive(Debug, Clone)]
pub struct GaiaConfig {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// A folder whose `gaia/`, `votable/` and `fits/` files are listed and served as bulk files, whatever their names.
    pub real_data: Option<PathBuf>,
    /// The same seed gives the same sources.
    pub seed: u64,
    /// Sources of the field; the cluster has a fifth as many more.
    pub n_sources: usize,
    /// The rows a synchronous query is silently cut at; `None` cuts none.
    pub sync_rows: Option<usize>,
    /// Whether jobs are written as UWS has them: times in UTC, no quote of -1. The archive does neither.
    pub standard_jobs: bool,
    /// How long an asynchronous job takes at least.
    pub job_time: Duration,
    /// Faults from the start.
    pub faults: Vec<(Scope, Fault, Times)>,
}

impl Default for GaiaConfig {
    /// Loopback, a free port, 4000 sources of the field, synchronous queries cut at 2000 rows.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            real_data: None,
            seed: 20_261_125,
            n_sources: 4000,
            sync_rows: Some(2000),
            standard_jobs: false,
            job_time: Duration::ZERO,
            faults: Vec::new(),
        }
    }
}

/// The stand-in for the Gaia archive.
#[derive(Debug)]
pub struct GaiaStandin;

impl GaiaStandin {
    /// Starts it; it answers when this returns. Bulk files are made when they are first asked for.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn start(config: GaiaConfig) -> Result<Running, StandinError> {
        let faults = Faults::default();
        for (scope, fault, times) in config.faults {
            faults.set(scope, fault, times);
        }
        let log = RequestLog::default();
        let sources = sources::sources(config.seed, config.n_sources.min(200_000));
        let archive = Archive {
            catalogue: catalogue::Catalogue::of(&sources),
            sources,
            jobs: uws::Jobs::new(config.standard_jobs),
            bulk: OnceLock::new(),
            real_data: config.real_data,
            sync_rows: config.sync_rows,
            most_rows: None,
            has_observations: false,
            ignores_order: false,
            job_time: config.job_time,
            faults: faults.clone(),
            log: log.clone(),
        };
        Running::start(
            config.listen,
            faults,
            log,
            routes::router(Arc::new(archive)),
        )
    }
}
