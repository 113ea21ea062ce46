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
    RefusedVolume, Stops, VolumeRequest, resealed_request,
};
pub use environment::{Environment, EnvironmentState, PACKAGES, Progress};
pub use error::{EnvironmentError, LabError};
pub use lab::{
    Choice, Lab, LabCatalogue, LabEnvironment, LabKind, LabOption, Opens, Program, Resources,
    to_install,
};
pub use lab_run::lab_run;
pub use notebook::{Citation, Cite, notebook_name};
