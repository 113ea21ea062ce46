//! The labs' Python environment: made once, in a cache folder, by `venv` and `pip`.
//!
//! Its name is a hash over the lock file, the Python client and the Python it is made with, so a new Gantry makes a new
//! one beside the old. It is made at its final place, since an environment cannot be moved; the file `.complete` says
//! that it is whole, and one without it is made again. Two that want it at once wait for each other at a lock.

mod install;
mod packages;

pub use packages::PACKAGES;

use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::error::EnvironmentError;

/// The packages, with versions and hashes.
const LOCK: &str = include_str!("../environment/requirements.lock");

/// The Python client: file, content.
const CLIENT: &[(&str, &str)] = &[
    (
        "__init__.py",
        include_str!("../../../openapi/python/gantry/__init__.py"),
    ),
    (
        "_async.py",
        include_str!("../../../openapi/python/gantry/_async.py"),
    ),
    (
        "_calls.py",
        include_str!("../../../openapi/python/gantry/_calls.py"),
    ),
    (
        "_client.py",
        include_str!("../../../openapi/python/gantry/_client.py"),
    ),
    (
        "_errors.py",
        include_str!("../../../openapi/python/gantry/_errors.py"),
    ),
    (
        "_models.py",
        include_str!("../../../openapi/python/gantry/_models.py"),
    ),
    (
        "_products.py",
        include_str!("../../../openapi/python/gantry/_products.py"),
    ),
    (
        "_progress.py",
        include_str!("../../../openapi/python/gantry/_progress.py"),
    ),
    (
        "_take.py",
        include_str!("../../../openapi/python/gantry/_take.py"),
    ),
    (
        "_transport.py",
        include_str!("../../../openapi/python/gantry/_transport.py"),
    ),
    (
        "_volumes.py",
        include_str!("../../../openapi/python/gantry/_volumes.py"),
    ),
    (
        "_words.py",
        include_str!("../../../openapi/python/gantry/_words.py"),
    ),
    (
        "_work.py",
        include_str!("../../../openapi/python/gantry/_work.py"),
    ),
    (
        "gaia/__init__.py",
        include_str!("../../../openapi/python/gantry/gaia/__init__.py"),
    ),
    (
        "gaia/_products.py",
        include_str!("../../../openapi/python/gantry/gaia/_products.py"),
    ),
    (
        "gaia/_tables.py",
        include_str!("../../../openapi/python/gantry/gaia/_tables.py"),
    ),
    (
        "gnss/__init__.py",
        include_str!("../../../openapi/python/gantry/gnss/__init__.py"),
    ),
    (
        "gnss/_antennas.py",
        include_str!("../../../openapi/python/gantry/gnss/_antennas.py"),
    ),
    (
        "gnss/_clocks.py",
        include_str!("../../../openapi/python/gantry/gnss/_clocks.py"),
    ),
    (
        "gnss/_geometry.py",
        include_str!("../../../openapi/python/gantry/gnss/_geometry.py"),
    ),
    (
        "gnss/_ionex.py",
        include_str!("../../../openapi/python/gantry/gnss/_ionex.py"),
    ),
    (
        "gnss/_names.py",
        include_str!("../../../openapi/python/gantry/gnss/_names.py"),
    ),
    (
        "gnss/_navigation.py",
        include_str!("../../../openapi/python/gantry/gnss/_navigation.py"),
    ),
    (
        "gnss/_observations.py",
        include_str!("../../../openapi/python/gantry/gnss/_observations.py"),
    ),
    (
        "gnss/_orbits.py",
        include_str!("../../../openapi/python/gantry/gnss/_orbits.py"),
    ),
    (
        "gnss/_text.py",
        include_str!("../../../openapi/python/gantry/gnss/_text.py"),
    ),
    (
        "gnss/_time.py",
        include_str!("../../../openapi/python/gantry/gnss/_time.py"),
    ),
    (
        "gnss/_world.py",
        include_str!("../../../openapi/python/gantry/gnss/_world.py"),
    ),
    (
        "py.typed",
        include_str!("../../../openapi/python/gantry/py.typed"),
    ),
];

/// Keeps JupyterLab from asking whether it may fetch news from the outside.
const PAGE_CONFIG: &str =
    r#"{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}"#;

/// Says that an environment is whole.
const COMPLETE: &str = ".complete";

/// A Python environment that labs can run in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its Python.
    pub python: PathBuf,
    /// The folder of its programs.
    pub bin: PathBuf,
    /// Whether `import gantry` finds the client in it.
    pub has_client: bool,
    /// A folder with further packages, where the lab needs some.
    pub packages: Option<PathBuf>,
}

/// How far the making of an environment is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub text: String,
    /// How many steps are done: a package that is there, and one that is installed, is a step each.
    pub done: u64,
    /// How many steps there are.
    pub total: u64,
}

/// Whether the environment that labs need is there; the server keeps it in a `watch` channel.
#[derive(Debug, Clone)]
pub enum EnvironmentState {
    /// It is being made; what is being done.
    Making(String),
    /// It is there.
    Ready(Environment),
    /// It cannot be made; why, in a sentence.
    Failed(String),
}

impl Environment {
    /// An environment that is there already, such as the one of `[labs] environment`.
    ///
    /// Where it lacks the package `gantry-client`, labs find the client that comes with Gantry.
    ///
    /// # Errors
    /// [`EnvironmentError::NotAnEnvironment`] when it has no `bin/python`.
    pub fn at(path: &Path) -> Result<Self, EnvironmentError> {
        let bin = path.join("bin");
        let python = bin.join("python");
        if !python.exists() {
            return Err(EnvironmentError::NotAnEnvironment(path.to_owned()));
        }
        let libraries = std::fs::read_dir(path.join("lib"))
            .into_iter()
            .flatten()
            .flatten();
        let has_client = libraries
            .map(|entry| entry.path().join("site-packages/gantry/__init__.py"))
            .any(|file| file.exists());
        Ok(Self {
            python,
            bin,
            has_client,
            packages: None,
        })
    }

    /// The environment of this Gantry in `cache_dir`, made with `python` if it is not there yet.
    ///
    /// # Errors
    /// Any [`EnvironmentError`]; what was half made is thrown away at the next try.
    pub async fn ensure(
        cache_dir: &Path,
        python: &Path,
        progress: impl Fn(Progress) + Send + Sync,
    ) -> Result<Self, EnvironmentError> {
        Recipe {
            lock: LOCK,
            client: CLIENT,
        }
        .ensure(cache_dir, python, &progress)
        .await
    }
}

/// Writes the Python client below a folder, for environments that lack it.
pub(crate) fn write_client(folder: &Path) -> Result<(), EnvironmentError> {
    write_package(folder, CLIENT)
}

/// What an environment is made from.
struct Recipe {
    lock: &'static str,
    client: &'static [(&'static str, &'static str)],
}

impl Recipe {
    async fn ensure(
        &self,
        cache_dir: &Path,
        python: &Path,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Environment, EnvironmentError> {
        let version = install::python_version(python).await?;
        let path = cache_dir.join(format!("labs-{}", self.name(&version)));
        if !is_complete(&path) {
            std::fs::create_dir_all(cache_dir)
                .map_err(EnvironmentError::io("make the folder", cache_dir))?;
            let _lock = lock(&path.with_extension("lock"), progress).await?;
            if !is_complete(&path) {
                self.make(&path, python, progress).await?;
            }
        }
        Environment::at(&path)
    }

    /// Makes the environment at its place, throwing away what is there.
    async fn make(
        &self,
        path: &Path,
        python: &Path,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<(), EnvironmentError> {
        match tokio::fs::remove_dir_all(path).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(EnvironmentError::io("remove", path)(error));
            }
            _ => {}
        }
        let total = 2 * n_packages(self.lock);
        progress(Progress {
            text: "making a Python environment".to_owned(),
            done: 0,
            total,
        });
        install::make_venv(python, path).await?;
        let lock = path.join("requirements.lock");
        std::fs::write(&lock, self.lock).map_err(EnvironmentError::io("write", &lock))?;
        let site_packages = install::site_packages(path)?;
        let into = install::Target::Environment {
            python: &path.join("bin/python"),
            site_packages: &site_packages,
        };
        install::install(&into, &lock, total, progress).await?;
        write_package(&site_packages, self.client)?;
        write_page_config(path)?;
        let marker = path.join(COMPLETE);
        std::fs::write(&marker, "").map_err(EnvironmentError::io("write", &marker))?;
        progress(Progress {
            text: "the Python environment is there".to_owned(),
            done: total,
            total,
        });
        Ok(())
    }

    fn name(&self, version: &str) -> String {
        let mut hasher = Sha256::new();
        for text in [version, self.lock, PAGE_CONFIG]
            .into_iter()
            .chain(self.client.iter().flat_map(|(name, text)| [*name, *text]))
        {
            hasher.update(text.as_bytes());
            hasher.update([0]);
        }
        hasher.finalize()[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

fn write_page_config(environment: &Path) -> Result<(), EnvironmentError> {
    let folder = environment.join("etc/jupyter/labconfig");
    std::fs::create_dir_all(&folder).map_err(EnvironmentError::io("make the folder", &folder))?;
    let file = folder.join("page_config.json");
    std::fs::write(&file, PAGE_CONFIG).map_err(EnvironmentError::io("write", &file))
}

fn is_complete(path: &Path) -> bool {
    path.join(COMPLETE).exists() && path.join("bin/python").exists()
}

/// How many packages a lock file names.
fn n_packages(lock: &str) -> u64 {
    lock.lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_alphanumeric()))
        .count() as u64
}

fn write_package(folder: &Path, files: &[(&str, &str)]) -> Result<(), EnvironmentError> {
    let package = folder.join("gantry");
    for (name, text) in files {
        let file = package.join(name);
        let parent = file.parent().unwrap_or(&package);
        std::fs::create_dir_all(parent).map_err(EnvironmentError::io("make the folder", parent))?;
        std::fs::write(&file, text).map_err(EnvironmentError::io("write", &file))?;
    }
    Ok(())
}

/// Holds the lock of an environment; the system gives it back when its holder ends, however that happens.
async fn lock(
    path: &Path,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<std::fs::File, EnvironmentError> {
    let file = std::fs::File::create(path).map_err(EnvironmentError::io("make the lock", path))?;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(std::fs::TryLockError::Error(error)) => {
                return Err(EnvironmentError::io("lock", path)(error));
            }
            Err(std::fs::TryLockError::WouldBlock) if told => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                told = true;
                let text = "another Gantry is making the Python environment".to_owned();
                progress(Progress {
                    text,
                    done: 0,
                    total: 0,
                });
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    use super::*;

    /// An environment without packages, so that nothing is fetched.
    const BARE: Recipe = Recipe {
        lock: "# none\n",
        client: CLIENT,
    };

    #[test]
    fn every_file_of_the_python_client_is_embedded() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi/python/gantry");
        let mut there = BTreeSet::new();
        let mut folders = vec![folder.clone()];
        while let Some(now) = folders.pop() {
            for entry in std::fs::read_dir(now).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() && !path.ends_with("__pycache__") {
                    folders.push(path);
                } else if path.is_file() {
                    let name = path.strip_prefix(&folder).unwrap().to_str().unwrap();
                    there.insert(name.to_owned());
                }
            }
        }
        assert_eq!(
            there,
            CLIENT.iter().map(|(name, _)| (*name).to_owned()).collect()
        );
    }

    #[test]
    fn the_lock_names_its_packages_and_a_hash_for_each() {
        assert!(n_packages(LOCK) > 50);
        assert!(LOCK.contains("jupyterlab==") && LOCK.contains("--hash=sha256:"));
    }

    #[tokio::test]
    async fn without_python_one_sentence_says_what_to_install() {
        let cache = tempfile::tempdir().unwrap();
        let error = Environment::ensure(cache.path(), Path::new("/nowhere/python3"), |_| {})
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "`/nowhere/python3` is not installed; labs need Python 3.11 or newer (`apt install python3 python3-venv`)"
        );
    }

    #[tokio::test]
    async fn a_python_that_is_too_old_or_lacks_venv_is_named() {
        let cache = tempfile::tempdir().unwrap();
        for (answer, sentence) in [
            ("3.9.2 True", "is Python 3.9.2"),
            ("3.11.2 False", "has no module venv; install it with `apt"),
        ] {
            let python = cache.path().join("python3");
            std::fs::write(&python, format!("#!/bin/sh\necho {answer}\n")).unwrap();
            std::fs::set_permissions(&python, std::os::unix::fs::PermissionsExt::from_mode(0o755))
                .unwrap();
            let error = Environment::ensure(cache.path(), &python, |_| {})
                .await
                .unwrap_err()
                .to_string();
            assert!(error.contains(sentence), "{error}");
        }
    }

    #[tokio::test]
    async fn two_that_want_it_at_once_make_it_once_and_a_half_made_one_is_made_again() {
        let cache = tempfile::tempdir().unwrap();
        let made = Mutex::new(0);
        let count = |progress: Progress| {
            *made.lock().unwrap() += u32::from(progress.text.starts_with("making"))
        };
        let python = Path::new("python3");
        let (first, second) = tokio::join!(
            BARE.ensure(cache.path(), python, &count),
            BARE.ensure(cache.path(), python, &count)
        );
        let environment = first.unwrap();
        assert_eq!(environment, second.unwrap());
        assert_eq!(*made.lock().unwrap(), 1);
        let output = std::process::Command::new(&environment.python)
            .args(["-c", "import gantry; print(gantry.volume('cmb'))"])
            .env("GANTRY_VOLUMES", r#"{"cmb": "/v/cmb"}"#)
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "/v/cmb\n");

        std::fs::remove_file(environment.bin.parent().unwrap().join(COMPLETE)).unwrap();
        assert_eq!(
            BARE.ensure(cache.path(), python, &count).await.unwrap(),
            environment
        );
        assert_eq!(*made.lock().unwrap(), 2);
    }

    #[tokio::test]
    async fn when_pip_fails_its_last_line_is_the_reason() {
        let cache = tempfile::tempdir().unwrap();
        let unpinned = Recipe {
            lock: "no-such-package-of-gantry==1.0\n",
            client: CLIENT,
        };
        let error = unpinned
            .ensure(cache.path(), Path::new("python3"), &|_| {})
            .await
            .unwrap_err();
        let EnvironmentError::Pip(line) = &error else {
            panic!("{error}")
        };
        assert!(!line.is_empty() && !line.contains('\n'), "{line}");
        assert!(!is_complete(
            &cache
                .path()
                .join(format!("labs-{}", unpinned.name("3.11.2")))
        ));
    }
}
