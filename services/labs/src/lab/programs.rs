//! The programs a lab needs, and how one gets those that are not there.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Lab;

/// Something a lab needs on its machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Its name, looked for where programs are; one that begins with `/` is a file that must be there.
    pub name: String,
    /// The package of Debian that brings it; of several, with blanks between them.
    pub package: String,
}

impl Program {
    /// Whether it is there, for a lab that looks for programs in `path`.
    #[must_use]
    pub fn is_there(&self, path: &std::ffi::OsStr) -> bool {
        if self.name.starts_with('/') {
            return Path::new(&self.name).exists();
        }
        std::env::split_paths(path).any(|folder| {
            let program = folder.join(&self.name).metadata();
            program.is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
        })
    }
}

impl Lab {
    /// The programs it needs that are not in `path`.
    #[must_use]
    pub fn missing(&self, path: &std::ffi::OsStr) -> Vec<&Program> {
        let missing = self.programs.iter();
        missing.filter(|program| !program.is_there(path)).collect()
    }
}

/// What to install for programs that are missing, in a sentence; `None` when none is.
#[must_use]
pub fn to_install(missing: &[&Program]) -> Option<String> {
    if missing.is_empty() {
        return None;
    }
    let names: Vec<String> = missing
        .iter()
        .map(|program| format!("`{}`", program.name))
        .collect();
    let mut packages: Vec<&str> = missing
        .iter()
        .flat_map(|program| program.package.split_whitespace())
        .collect();
    packages.sort_unstable();
    packages.dedup();
    let are = if names.len() == 1 { "is" } else { "are" };
    Some(format!(
        "{} {are} not installed here; whoever runs this service installs {}: `apt install {}`",
        names.join(", "),
        if names.len() == 1 { "it" } else { "them" },
        packages.join(" ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_packages_that_bring_it_once_each() {
        let program = |name: &str, package: &str| Program {
            name: name.to_owned(),
            package: package.to_owned(),
        };
        let there = program("sh", "dash");
        let folder = program("/usr", "base-files");
        let (one, two) = (program("no-such-a", "b a"), program("/no/such", "b"));
        let path = std::ffi::OsStr::new("/usr/bin:/bin");
        assert!(there.is_there(path) && folder.is_there(path));
        assert!(!one.is_there(path) && !two.is_there(path));
        assert_eq!(to_install(&[]), None);
        assert_eq!(
            to_install(&[&one, &two]).unwrap(),
            "`no-such-a`, `/no/such` are not installed here; whoever runs this service installs them: `apt install a b`"
        );
    }

    #[test]
    fn a_file_that_nobody_may_run_is_no_program() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tool"), "").unwrap();
        let tool = Program {
            name: "tool".to_owned(),
            package: "tools".to_owned(),
        };
        assert!(!tool.is_there(folder.path().as_os_str()));
    }
}
