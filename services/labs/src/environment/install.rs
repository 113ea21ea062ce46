//! What `python3 -m venv` and `pip` are asked, and how their output is read.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

use super::Progress;
use crate::error::EnvironmentError;

/// Prints the version, and whether this Python can make environments.
const ASK: &str = "import sys, importlib.util as u; print('%d.%d.%d' % sys.version_info[:3], all(u.find_spec(m) for m in ('venv', 'ensurepip')))";

/// The version of a Python that can make environments for labs.
pub(super) async fn python_version(python: &Path) -> Result<String, EnvironmentError> {
    let name = python.display().to_string();
    let asked = command(python).args(["-c", ASK]).output().await;
    let output = asked.map_err(|_| EnvironmentError::NoPython {
        python: name.clone(),
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let Some((version, can_make)) = text.trim().split_once(' ') else {
        return Err(EnvironmentError::NoPython { python: name });
    };
    let numbers: Vec<u32> = version
        .split('.')
        .filter_map(|part| part.parse().ok())
        .collect();
    if numbers.as_slice() < [3, 11].as_slice() {
        return Err(EnvironmentError::OldPython {
            python: name,
            version: version.to_owned(),
        });
    }
    if can_make != "True" {
        return Err(EnvironmentError::NoVenv { python: name });
    }
    Ok(version.to_owned())
}

/// Makes an empty environment.
pub(super) async fn make_venv(python: &Path, path: &Path) -> Result<(), EnvironmentError> {
    let output = command(python)
        .args(["-m", "venv"])
        .arg(path)
        .output()
        .await;
    let output = output.map_err(EnvironmentError::io("run", python))?;
    if output.status.success() {
        return Ok(());
    }
    // `venv` says what went wrong on either of the two.
    let said = [output.stderr, output.stdout].concat();
    Err(EnvironmentError::Venv(last_line(&String::from_utf8_lossy(
        &said,
    ))))
}

/// The folder an environment's packages are in.
pub(super) fn site_packages(path: &Path) -> Result<PathBuf, EnvironmentError> {
    let library = path.join("lib");
    let entries = std::fs::read_dir(&library).map_err(EnvironmentError::io("read", &library))?;
    let mut folders = entries
        .flatten()
        .map(|entry| entry.path().join("site-packages"));
    folders
        .find(|folder| folder.is_dir())
        .ok_or_else(|| EnvironmentError::Venv("it has no site-packages".to_owned()))
}

/// Where packages go.
pub(super) enum Target<'a> {
    /// Into the environment of this Python, whose packages are in `site_packages`.
    Environment {
        python: &'a Path,
        site_packages: &'a Path,
    },
    /// Into a folder, for this Python; what they need is in its environment or in the lock file.
    Folder { python: &'a Path, folder: &'a Path },
}

/// Installs what the lock file names, and nothing else.
pub(super) async fn install(
    into: &Target<'_>,
    lock: &Path,
    total: u64,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<(), EnvironmentError> {
    let (python, place) = match *into {
        Target::Environment {
            python,
            site_packages,
        } => (python, site_packages),
        Target::Folder { python, folder } => (python, folder),
    };
    let mut asked = command(python);
    asked
        .args([
            "-m",
            "pip",
            "install",
            "--require-hashes",
            "--only-binary",
            ":all:",
            "--no-input",
        ])
        .args(["--disable-pip-version-check", "--progress-bar", "off", "-r"])
        .arg(lock);
    if let Target::Folder { folder, .. } = into {
        asked.args(["--no-deps", "--target"]).arg(folder);
    }
    let mut pip = asked
        .stdout(Stdio::piped())
        .spawn()
        .map_err(EnvironmentError::io("run", python))?;
    let (stdout, stderr) = (pip.stdout.take(), pip.stderr.take());
    let n_before = n_installed(place);
    let follow = async {
        let mut lines = BufReader::new(stdout.expect("it was asked for")).lines();
        let mut fetched = 0;
        let mut text = "asking for packages".to_owned();
        loop {
            match tokio::time::timeout(Duration::from_secs(1), lines.next_line()).await {
                Ok(Ok(Some(line))) => match read_line(&line) {
                    Some(Step::Fetching(name)) => {
                        (fetched, text) = (fetched + 1, format!("fetching {name}"))
                    }
                    Some(Step::Installing) => text = "installing the packages".to_owned(),
                    None => continue,
                },
                Ok(_) => return,
                Err(_) => {}
            }
            let done = fetched + n_installed(place).saturating_sub(n_before);
            progress(Progress {
                text: text.clone(),
                done: done.min(total),
                total,
            });
        }
    };
    let complain = async {
        let mut said = String::new();
        // What cannot be read as text is not shown either.
        let _ = stderr
            .expect("it was asked for")
            .read_to_string(&mut said)
            .await;
        said
    };
    let ((), said) = tokio::join!(follow, complain);
    let status = pip
        .wait()
        .await
        .map_err(EnvironmentError::io("run", python))?;
    if status.success() {
        Ok(())
    } else {
        Err(EnvironmentError::Pip(last_line(&said)))
    }
}

/// A step that a line of pip's output tells of.
#[derive(Debug, PartialEq, Eq)]
enum Step<'a> {
    Fetching(&'a str),
    Installing,
}

fn read_line(line: &str) -> Option<Step<'_>> {
    if line.starts_with("Installing collected packages") {
        return Some(Step::Installing);
    }
    let wanted = line.strip_prefix("Collecting ")?;
    Some(Step::Fetching(
        wanted
            .split([' ', '=', '<', '>', '[', ';'])
            .next()
            .unwrap_or(wanted),
    ))
}

/// How many packages are in an environment.
fn n_installed(site_packages: &Path) -> u64 {
    let entries = std::fs::read_dir(site_packages)
        .into_iter()
        .flatten()
        .flatten();
    entries
        .filter(|entry| {
            entry
                .path()
                .extension()
                .is_some_and(|extension| extension == "dist-info")
        })
        .count() as u64
}

/// The last thing that was said, or the last error where there is one.
fn last_line(said: &str) -> String {
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines()
        .rfind(|line| line.starts_with("ERROR:"))
        .or_else(|| lines().next_back());
    line.unwrap_or("it did not say why")
        .trim_start_matches("ERROR:")
        .trim()
        .to_owned()
}

/// A command that is not led astray by the variables of another environment.
fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    for name in [
        "PYTHONHOME",
        "PYTHONPATH",
        "VIRTUAL_ENV",
        "PIP_USER",
        "PIP_TARGET",
        "PIP_PREFIX",
    ] {
        command.env_remove(name);
    }
    command
        .env("PYTHONUNBUFFERED", "1")
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_pip_tell_what_it_does() {
        let line = "Collecting anyio==4.16.0 (from -r requirements.lock (line 1))";
        assert_eq!(read_line(line), Some(Step::Fetching("anyio")));
        assert_eq!(
            read_line("Installing collected packages: a, b"),
            Some(Step::Installing)
        );
        assert_eq!(
            read_line("  Using cached anyio-4.16.0-py3-none-any.whl"),
            None
        );
    }

    #[test]
    fn the_last_error_is_told_rather_than_the_hint_below_it() {
        let said = "WARNING: x\nERROR: No matching distribution found for a==1\n[notice] try something\n\n";
        assert_eq!(last_line(said), "No matching distribution found for a==1");
        assert_eq!(last_line(""), "it did not say why");
    }
}
