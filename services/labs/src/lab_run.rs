//! `gantry lab-run`: a process that prepares itself and then becomes the lab.
//!
//! It leads a session of its own, so that the lab outlives Gantry; takes its limits; writes down who it is; and only
//! then becomes the lab by `exec`, with the same process id. So a lab that Gantry started and had no time to record is
//! found again by that file, and one whose start was replaced meanwhile never comes to be. What it inherits stays as it
//! is: the environment holds the secrets, and standard output is the log.

use std::convert::Infallible;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, setsid};

use crate::error::LabError;
use crate::launcher::folder::{Folder, Spec, Started};
use crate::launcher::process::Process;

/// Becomes the lab that the folder describes; returns only when that fails.
///
/// The arguments are the folder of the datalab and the attempt; neither is a secret. To be called before anything
/// else is set up, so that the process is small.
///
/// # Errors
/// [`LabError::Superseded`] when this start is no longer wanted, [`LabError::Io`] and [`LabError::Start`] otherwise.
pub fn lab_run(args: impl IntoIterator<Item = OsString>) -> Result<Infallible, LabError> {
    let mut args = args.into_iter();
    let (Some(folder), Some(attempt)) = (args.next(), args.next()) else {
        let why = "use `lab-run FOLDER ATTEMPT`".to_owned();
        return Err(LabError::Start {
            lab: "a lab".to_owned(),
            why,
        });
    };
    let folder = Folder::at(Path::new(&folder));
    // Fails only for a process that leads a group already, and then nothing is missing.
    let _ = setsid();
    let spec = record(&folder, &attempt.to_string_lossy())?;
    limit(Resource::Core, Some(0));
    limit(Resource::Nofile, spec.resources.open_files);
    limit(Resource::Data, spec.resources.memory_bytes);
    let error = Command::new(&spec.command[0])
        .args(&spec.command[1..])
        .current_dir(&spec.workspace)
        .exec();
    Err(LabError::Start {
        lab: spec.command[0].clone(),
        why: error.to_string(),
    })
}

/// Writes down who this process is, unless another start has taken its place.
fn record(folder: &Folder, attempt: &str) -> Result<Spec, LabError> {
    let _lock = folder.lock()?;
    let spec = folder
        .spec()?
        .filter(|spec| spec.attempt == attempt && !spec.command.is_empty());
    let spec = spec.ok_or(LabError::Superseded)?;
    let process = Process::current().map_err(LabError::io("read", Path::new("/proc/self/stat")))?;
    folder.write_started(&Started {
        attempt: spec.attempt.clone(),
        process,
    })?;
    Ok(spec)
}

/// Lowers or raises a limit as far as the system allows.
fn limit(resource: Resource, value: Option<u64>) {
    let Some(value) = value else { return };
    let maximum = getrlimit(resource).maximum;
    let value = maximum.map_or(value, |maximum| value.min(maximum));
    // A lab with the limits it inherited is better than none.
    let _ = setrlimit(
        resource,
        Rlimit {
            current: Some(value),
            maximum,
        },
    );
}
