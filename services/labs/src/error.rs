//! What can go wrong with labs.

use std::io;
use std::path::{Path, PathBuf};

use gantry_staging::volume::VolumeError;
use gantry_store::{SealError, StoreError};

/// Something a lab could not do, or was not allowed to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// The catalogue has no such lab.
    #[error("no lab `{0}`")]
    NoSuchLab(String),
    /// A lab that cannot be started here.
    #[error("{lab} is not available: {why}")]
    Unavailable {
        /// Its title.
        lab: String,
        /// Why not, with what to do.
        why: String,
    },
    /// An entry of the lab catalogue that cannot be used.
    #[error("the lab in `{file}` cannot be used: {why}")]
    Catalogue {
        /// Where it stands.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// Volumes that cannot be in this datalab.
    #[error("{}", refused_text(.0))]
    Refused(Vec<crate::RefusedVolume>),
    /// A variable that cannot be set in a datalab.
    #[error("the variable `{name}` cannot be set: {why}")]
    Variable {
        /// Its name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The datalab cannot be opened just now.
    #[error("datalab `{0}` does not serve")]
    NotServing(String),
    /// A lab could not be started.
    #[error("{lab} cannot be started: {why}")]
    Start {
        /// Its title.
        lab: String,
        /// Why not, in a sentence.
        why: String,
    },
    /// Where labs run cannot be asked just now, or does not let Gantry in; nothing is lost, and it is tried again.
    #[error("{0}")]
    Away(String),
    /// Processes that do not go away.
    #[error("processes of datalab `{0}` do not end")]
    Unstoppable(String),
    /// A start that another one has replaced; its process ends without becoming a lab.
    #[error("another start has taken the place of this one")]
    Superseded,
    /// A block of the starter notebook and its values do not fit.
    #[error("the block `{block}` of a notebook has no value for `{placeholder}`")]
    Placeholder {
        /// Which block.
        block: &'static str,
        /// Which placeholder.
        placeholder: String,
    },
    /// A file of Gantry's own could not be read or written.
    #[error("cannot {what} `{}`", path.display())]
    Io {
        /// What was to be done.
        what: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A volume refused a write.
    #[error("cannot write to the workspace")]
    Volume(#[from] VolumeError),
    /// The record did not answer or refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The secret of a datalab cannot be opened.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl LabError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NotServing(_) | Self::Away(_) => true,
            Self::Store(error) => error.is_transient(),
            _ => false,
        }
    }

    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }

    /// The error with its causes, for people.
    pub(crate) fn told(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let more = error.to_string();
            if !text.contains(&more) {
                text = format!("{text}: {more}");
            }
            cause = error.source();
        }
        text
    }
}

fn refused_text(refused: &[crate::RefusedVolume]) -> String {
    let texts: Vec<_> = refused
        .iter()
        .map(|volume| format!("volume `{}`: {}", volume.name, volume.reason))
        .collect();
    texts.join("; ")
}

/// Why the labs' Python environment is not there; each says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvironmentError {
    /// There is no Python.
    #[error(
        "`{python}` is not installed; labs need Python 3.11 or newer (`apt install python3 python3-venv`)"
    )]
    NoPython {
        /// What was looked for.
        python: String,
    },
    /// The Python that is there is too old.
    #[error("`{python}` is Python {version}; labs need 3.11 or newer")]
    OldPython {
        /// Which Python.
        python: String,
        /// Its version.
        version: String,
    },
    /// Python cannot make environments.
    #[error("`{python}` has no module venv; install it with `apt install python3-venv`")]
    NoVenv {
        /// Which Python.
        python: String,
    },
    /// The environment could not be made.
    #[error("making the labs' Python environment failed: {0}")]
    Venv(String),
    /// The packages could not be installed.
    #[error("installing the labs' Python packages failed: {0}")]
    Pip(String),
    /// A set of packages that is not known.
    #[error("there are no Python packages called `{0}`")]
    NoPackages(String),
    /// The configured environment is none.
    #[error("`{}` is no Python environment: it has no `bin/python`", .0.display())]
    NotAnEnvironment(PathBuf),
    /// A file could not be read or written.
    #[error("cannot {what} `{}`: {source}", path.display())]
    Io {
        /// What was to be done.
        what: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl EnvironmentError {
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}
