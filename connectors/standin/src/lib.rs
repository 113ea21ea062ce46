#![doc = include_str!("../README.md")]

mod answer;
mod error;
mod faults;
pub mod gaia;
pub mod gssc;
mod listener;
pub mod planck;
mod portal;
mod requests;
mod running;
mod sesame;

pub use error::StandinError;
pub use faults::{Fault, Faults, Scope, Times};
pub use gaia::{GaiaConfig, GaiaStandin, ObstapConfig, ObstapStandin};
pub use gssc::{GsscConfig, GsscRunning, GsscStandin};
pub use planck::{Maps, PlanckStandin, StandinConfig};
pub use portal::{PortalConfig, PortalRow, PortalStandin};
pub use requests::Request;
pub use running::Running;
pub use sesame::SesameStandin;
