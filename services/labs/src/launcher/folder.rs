//! The folder of a datalab: what is to be started, what was started, and the log.
//!
//! `spec.json` says what is wanted and carries the number of the attempt; `started.json` is written by the process
//! itself. Both change only under `lock`, so of two starts one wins, even when Gantry was killed between them.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::process::Process;
use crate::{LabError, Resources};

/// The folder of one datalab.
#[derive(Debug, Clone)]
pub(crate) struct Folder(PathBuf);

/// What is to be started; holds no secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Spec {
    pub(crate) attempt: String,
    pub(crate) command: Vec<String>,
    pub(crate) workspace: PathBuf,
    pub(crate) port: u16,
    pub(crate) health: String,
    pub(crate) resources: Resources,
}

/// What was started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Started {
    pub(crate) attempt: String,
    pub(crate) process: Process,
}

impl Folder {
    pub(crate) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Makes the folder, for its owner's eyes only.
    pub(crate) fn create(&self) -> Result<(), LabError> {
        let made = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(self.runtime());
        made.map_err(LabError::io("make the folder", &self.0))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Where the lab keeps what matters only while it runs; files there may hold its secret.
    pub(crate) fn runtime(&self) -> PathBuf {
        self.0.join("runtime")
    }

    /// Writes files into the folder that matters while the lab runs; each a plain path.
    pub(crate) fn write_files(&self, files: &BTreeMap<String, String>) -> Result<(), LabError> {
        for (path, text) in files {
            let file = self.runtime().join(path);
            let parent = file.parent().unwrap_or(&self.0);
            fs::create_dir_all(parent).map_err(LabError::io("make the folder", parent))?;
            fs::write(&file, text).map_err(LabError::io("write", &file))?;
        }
        Ok(())
    }

    /// Holds the folder's lock until the answer is dropped.
    pub(crate) fn lock(&self) -> Result<File, LabError> {
        let path = self.0.join("lock");
        let fail = LabError::io("lock", &path);
        let file = private().append(true).create(true).open(&path);
        file.and_then(|file| file.lock().map(|()| file))
            .map_err(fail)
    }

    pub(crate) fn spec(&self) -> Result<Option<Spec>, LabError> {
        read(&self.0.join("spec.json"))
    }

    pub(crate) fn write_spec(&self, spec: &Spec) -> Result<(), LabError> {
        write(&self.0.join("spec.json"), spec)
    }

    /// Says that nothing is wanted any more.
    pub(crate) fn forget_spec(&self) -> Result<(), LabError> {
        let path = self.0.join("spec.json");
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(LabError::io("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn started(&self) -> Result<Option<Started>, LabError> {
        read(&self.0.join("started.json"))
    }

    pub(crate) fn write_started(&self, started: &Started) -> Result<(), LabError> {
        write(&self.0.join("started.json"), started)
    }

    /// What was started and is alive, with what was wanted of it.
    pub(crate) fn living(&self) -> Option<(Spec, Process)> {
        let started = self.started().ok()??;
        let spec = self
            .spec()
            .ok()?
            .filter(|spec| spec.attempt == started.attempt)?;
        started
            .process
            .is_alive()
            .then_some((spec, started.process))
    }

    /// The log, opened for writing at its end.
    pub(crate) fn open_log(&self) -> Result<File, LabError> {
        let path = self.0.join("log");
        private()
            .append(true)
            .create(true)
            .open(&path)
            .map_err(LabError::io("open the log", &path))
    }

    /// The end of the log, from the beginning of a line on; empty where there is none.
    pub(crate) fn tail(&self, bytes: u64) -> Result<String, LabError> {
        let path = self.0.join("log");
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
            file => file.map_err(LabError::io("read the log", &path))?,
        };
        let read = (|| {
            let from = file.metadata()?.len().saturating_sub(bytes);
            file.seek(SeekFrom::Start(from))?;
            let mut tail = Vec::new();
            file.take(bytes).read_to_end(&mut tail)?;
            let text = String::from_utf8_lossy(&tail).into_owned();
            let cut = if from == 0 {
                0
            } else {
                text.find('\n').map_or(0, |end| end + 1)
            };
            Ok(text[cut..].to_owned())
        })();
        read.map_err(LabError::io("read the log", &path))
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, LabError> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(LabError::io("read", path)(error)),
        // Written whole or not at all, so what cannot be read is from another Gantry, and as good as absent.
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
    }
}

/// Writes a file whole or not at all.
fn write(path: &Path, value: &impl Serialize) -> Result<(), LabError> {
    let beside = path.with_extension("new");
    let bytes = serde_json::to_vec(value).expect("it has only string keys");
    let written = (|| {
        let mut file = private()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&beside)?;
        file.write_all(&bytes)?;
        fs::rename(&beside, path)
    })();
    written.map_err(LabError::io("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_log_begins_with_a_whole_line() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::at(&place.path().join("a"));
        folder.create().unwrap();
        assert_eq!(folder.tail(100).unwrap(), "");
        folder
            .open_log()
            .unwrap()
            .write_all(b"first\nsecond\nthird\n")
            .unwrap();
        assert_eq!(folder.tail(100).unwrap(), "first\nsecond\nthird\n");
        assert_eq!(folder.tail(9).unwrap(), "third\n");
    }

    #[test]
    fn a_process_of_another_attempt_or_another_boot_is_not_the_one_that_is_wanted() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::at(place.path());
        let spec = Spec {
            attempt: "2".to_owned(),
            command: vec!["true".to_owned()],
            workspace: place.path().to_owned(),
            port: 1,
            health: "/".to_owned(),
            resources: Resources::default(),
        };
        folder.write_spec(&spec).unwrap();
        let process = Process::current().unwrap();
        folder
            .write_started(&Started {
                attempt: "1".to_owned(),
                process: process.clone(),
            })
            .unwrap();
        assert!(folder.living().is_none());
        folder
            .write_started(&Started {
                attempt: "2".to_owned(),
                process: process.clone(),
            })
            .unwrap();
        assert_eq!(folder.living().unwrap().1, process);
        let earlier = Process {
            boot_id: "another".to_owned(),
            ..process.clone()
        };
        folder
            .write_started(&Started {
                attempt: "2".to_owned(),
                process: earlier,
            })
            .unwrap();
        assert!(folder.living().is_none());
        let other = Process {
            start_time: process.start_time + 1,
            ..process
        };
        folder
            .write_started(&Started {
                attempt: "2".to_owned(),
                process: other,
            })
            .unwrap();
        assert!(folder.living().is_none());
    }
}
