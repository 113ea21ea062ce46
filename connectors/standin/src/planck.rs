//! The stand-in for the Planck Legacy Archive.
//!
//! It serves products by name or number as the archive does, and a list of them, which the archive
//! does not: there its name is `products.json`, and a harvest has to begin somewhere.

mod cache;
mod channel;
mod grid;
mod lists;
mod maps;
mod product;
mod routes;
mod sky;
mod texts;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::StandinError;
use crate::faults::{Fault, Faults, Scope, Times};
use crate::requests::RequestLog;
use crate::running::Running;
use routes::Archive;

/// What the stand-in shall be.
#[derive(Debug, Clone)]
pub struct StandinConfig {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// A folder whose `planck/` files are all served, whatever their names.
    pub real_data: Option<PathBuf>,
    /// The products it makes itself.
    pub maps: Maps,
    /// Faults from the start.
    pub faults: Vec<(Scope, Fault, Times)>,
}

/// How the generated products are.
#[derive(Debug, Clone)]
pub struct Maps {
    /// Pixels along the side of a base pixel, a power of two up to 8192; also in the names.
    pub nside: u32,
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// Where they are kept; written on first request, up to 0.6 GB at NSIDE 256.
    pub cache_dir: PathBuf,
}

impl StandinConfig {
    /// Loopback, a free port, NSIDE 256, generated products only.
    pub fn new(cache_dir: impl Into<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            real_data: None,
            maps: Maps {
                nside: 256,
                seed: 20_261_122,
                cache_dir: cache_dir.into(),
            },
            faults: Vec::new(),
        }
    }
}

/// The stand-in for the Planck Legacy Archive.
#[derive(Debug)]
pub struct PlanckStandin;

impl PlanckStandin {
    /// Starts it; it answers when this returns. Maps are generated when they are asked for.
    ///
    /// # Errors
    /// When NSIDE is not a power of two up to 8192, the address cannot be listened on, or
    /// `real_data` has no readable folder `planck`.
    pub fn start(config: StandinConfig) -> Result<Running, StandinError> {
        let Maps {
            nside,
            seed,
            cache_dir,
        } = &config.maps;
        if !nside.is_power_of_two() || *nside > 8192 {
            return Err(StandinError::Nside { nside: *nside });
        }
        let faults = Faults::default();
        for (scope, fault, times) in config.faults {
            faults.set(scope, fault, times);
        }
        let log = RequestLog::default();
        let archive = Archive {
            products: product::products(config.real_data.as_deref(), *nside, *seed)?,
            cache: cache::Cache::new(cache_dir, *nside, *seed),
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
