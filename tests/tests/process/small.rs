//! A small disk, which can be filled.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system in memory that goes when it is dropped.
pub(crate) struct Small(PathBuf);

impl Small {
    /// One of so many MiB at this path; `None` where nothing can be mounted.
    pub(crate) fn mount(path: PathBuf, mib: u64) -> Option<Self> {
        std::fs::create_dir_all(&path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "gantry-test"])
            .arg(&path)
            .output();
        mounted
            .is_ok_and(|output| output.status.success())
            .then_some(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Gives it so many MiB.
    pub(crate) fn grow(&self, mib: u64) {
        let grown = Command::new("mount")
            .args(["-o", &format!("remount,size={mib}m")])
            .arg(&self.0)
            .status();
        assert!(grown.unwrap().success());
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Nothing can be done when it fails, and the test has its answer.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}
