//! The stand-in for the GNSS Science Support Centre.
//!
//! One tree of files, read only, behind an FTP, an SFTP and an HTTP server, each a real one on a
//! port of its own. What the tree holds is generated: files of the archive's names and places whose
//! contents are valid in their formats, for the first 42 days of 2023. Real files can join them.

mod archive;
mod calendar;
mod content;
mod ftp;
mod http;
mod inventory;
mod log;
mod place;
mod running;
mod sftp;
mod store;
mod switches;
mod tree;

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::StandinError;
use crate::faults::{Fault, Faults, Scope, Times};
use archive::Archive;
pub use log::{GsscAction, GsscRequest};
pub use running::GsscRunning;
pub use switches::{Change, Switches};

/// The ways into the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// File transfer protocol.
    Ftp,
    /// SSH's file transfer.
    Sftp,
    /// Listings as pages and files, as a web server's index makes them.
    Http,
}

/// What the stand-in shall be.
#[derive(Debug, Clone)]
pub struct GsscConfig {
    /// The interface it listens on.
    pub interface: IpAddr,
    /// The port of each way; 0 takes a free one.
    pub ports: GsscPorts,
    /// A folder whose `gssc/` files are all served, each where its name belongs.
    pub real_data: Option<PathBuf>,
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// How much of its first day hours a generated daily observation file covers, in epochs of 30 s.
    pub epochs_per_day: u32,
    /// Where generated files are kept; each is written when it is first listed or read.
    pub cache_dir: PathBuf,
    /// Certificate chain and key in PEM, with which the FTP server offers explicit TLS.
    pub ftps: Option<(PathBuf, PathBuf)>,
    /// Faults from the start; a product is a file by its name.
    pub faults: Vec<(Scope, Fault, Times)>,
}

/// The ports of a stand-in.
#[derive(Debug, Clone, Copy, Default)]
pub struct GsscPorts {
    /// Of FTP's control connections.
    pub ftp: u16,
    /// Of SFTP.
    pub sftp: u16,
    /// Of HTTP.
    pub http: u16,
}

impl GsscConfig {
    /// Loopback, free ports, an hour of observations a day, generated files only.
    pub fn new(cache_dir: impl Into<PathBuf>) -> Self {
        Self {
            interface: Ipv4Addr::LOCALHOST.into(),
            ports: GsscPorts::default(),
            real_data: None,
            seed: 20_261_125,
            epochs_per_day: 120,
            cache_dir: cache_dir.into(),
            ftps: None,
            faults: Vec::new(),
        }
    }
}

/// The stand-in for the GNSS Science Support Centre.
#[derive(Debug)]
pub struct GsscStandin;

impl GsscStandin {
    /// Starts it; all three ways answer when this returns.
    ///
    /// # Errors
    /// When a port cannot be listened on, or `real_data` has no readable folder `gssc`.
    pub fn start(config: GsscConfig) -> Result<GsscRunning, StandinError> {
        let faults = Faults::default();
        for (scope, fault, times) in config.faults.clone() {
            faults.set(scope, fault, times);
        }
        let archive = Archive {
            tree: inventory::tree(config.real_data.as_deref())?,
            store: store::Store::new(&config.cache_dir, config.seed, config.epochs_per_day),
            faults,
            switches: Switches::default(),
            log: log::Log::default(),
        };
        GsscRunning::start(&config, Arc::new(archive))
    }
}
