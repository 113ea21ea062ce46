//! Sets of Python packages beside those that every lab has, each in a folder of its own and made when first wanted.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{COMPLETE, Environment, Progress, install, lock, n_packages};
use crate::error::EnvironmentError;

/// The sets there are: name, lock file. None has a package that the labs' environment has itself.
pub const PACKAGES: &[(&str, &str)] = &[
    ("ai", include_str!("../../environment/packages/ai.lock")),
    ("cmb", include_str!("../../environment/packages/cmb.lock")),
    ("gaia", include_str!("../../environment/packages/gaia.lock")),
    ("gnss", include_str!("../../environment/packages/gnss.lock")),
];

impl Environment {
    /// This environment and a set of packages, installed below `cache_dir` if they are not there yet.
    ///
    /// # Errors
    /// Any [`EnvironmentError`]; what was half made is thrown away at the next try.
    pub async fn with_packages(
        self,
        cache_dir: &Path,
        name: &str,
        progress: impl Fn(Progress) + Send + Sync,
    ) -> Result<Self, EnvironmentError> {
        let known = PACKAGES.iter().find(|(known, _)| *known == name);
        let (_, text) = known.ok_or_else(|| EnvironmentError::NoPackages(name.to_owned()))?;
        let version = install::python_version(&self.python).await?;
        let path = cache_dir.join(format!("packages-{name}-{}", hash(&version, text)));
        if !path.join(COMPLETE).exists() {
            std::fs::create_dir_all(cache_dir)
                .map_err(EnvironmentError::io("make the folder", cache_dir))?;
            let _lock = lock(&path.with_extension("lock"), &progress).await?;
            if !path.join(COMPLETE).exists() {
                self.install(&path, text, &progress).await?;
            }
        }
        Ok(Self {
            packages: Some(path),
            ..self
        })
    }

    /// Installs the packages of a lock file into a folder, throwing away what is there.
    async fn install(
        &self,
        path: &PathBuf,
        text: &str,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<(), EnvironmentError> {
        match std::fs::remove_dir_all(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(EnvironmentError::io("remove", path)(error));
            }
            _ => {}
        }
        std::fs::create_dir_all(path).map_err(EnvironmentError::io("make the folder", path))?;
        let wanted = path.join("requirements.lock");
        std::fs::write(&wanted, text).map_err(EnvironmentError::io("write", &wanted))?;
        let into = install::Target::Folder {
            python: &self.python,
            folder: path,
        };
        install::install(&into, &wanted, 2 * n_packages(text), progress).await?;
        let marker = path.join(COMPLETE);
        std::fs::write(&marker, "").map_err(EnvironmentError::io("write", &marker))
    }
}

fn hash(version: &str, text: &str) -> String {
    let digest = Sha256::digest(format!("{version}\0{text}"));
    digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn names(lock: &str) -> BTreeSet<&str> {
        let lines = lock
            .lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_alphanumeric()));
        lines.map(|line| line.split("==").next().unwrap()).collect()
    }

    #[test]
    fn every_set_has_what_it_names_with_hashes_and_nothing_of_the_environment_itself() {
        for (name, lock) in PACKAGES {
            let own = names(lock);
            assert!(!own.is_empty() && lock.contains("--hash=sha256:"), "{name}");
            assert!(own.is_disjoint(&names(super::super::LOCK)), "{name}");
            let wanted = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join(format!("environment/packages/{name}.in"));
            for line in std::fs::read_to_string(wanted).unwrap().lines() {
                assert!(
                    line.starts_with('#') || own.contains(line),
                    "{name}: {line}"
                );
            }
        }
    }

    #[tokio::test]
    async fn a_set_that_is_not_known_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let environment = Environment {
            python: "python3".into(),
            bin: place.path().to_owned(),
            has_client: false,
            packages: None,
        };
        let refused = environment
            .with_packages(place.path(), "none", |_| {})
            .await;
        let error = refused.unwrap_err().to_string();
        assert_eq!(error, "there are no Python packages called `none`");
    }
}
