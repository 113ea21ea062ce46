#![doc = include_str!("../README.md")]

mod datalab;
mod environment;
mod error;
mod lab;
mod lab_run;
pub mod launcher;
mod notebook;

pub use datalab::{
    DatalabView, Labs, LabsConfig, LaunchPlan, LaunchRequest, OpensOn, PlannedVolume,
    RefusedVolume, VolumeRequest, resealed_request,
};
pub use environment::{Environment, EnvironmentState, Progress};
pub use error::{EnvironmentError, LabError};
pub use lab::{Lab, LabCatalogue, LabEnvironment, LabKind, Resources};
pub use lab_run::lab_run;
pub use notebook::{Citation, Cite, notebook_name};
