//! `[launcher.<name>]`: where labs run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use gantry_net::Url;
use serde::Deserialize;

use super::ConfigError;

/// `[launcher.<name>]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LauncherConfig {
    /// What kind of launcher it is.
    pub kind: LauncherKind,
    /// Of kind `jupyterhub`: the Hub's address as browsers reach it.
    pub url: Option<Url>,
    /// Of kind `jupyterhub`: the file with the token of Gantry's service at the Hub.
    pub token_file: Option<PathBuf>,
    /// Of kind `jupyterhub`: whether the Hub's spawner mounts volumes, as KubeSpawner does; it does by default.
    pub mounts: Option<bool>,
    /// Of kind `jupyterhub`: the ids of labs besides those of notebooks that the Hub's profiles start.
    pub labs: Option<Vec<String>>,
}

/// The kinds of launchers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LauncherKind {
    /// Processes of this machine.
    Local,
    /// Named servers of a JupyterHub.
    Jupyterhub,
}

impl LauncherConfig {
    /// Processes of this machine.
    #[must_use]
    pub fn local() -> Self {
        Self {
            kind: LauncherKind::Local,
            url: None,
            token_file: None,
            mounts: None,
            labs: None,
        }
    }

    /// What is wrong with it: the key, and a sentence.
    fn wrong(&self) -> Option<(&'static str, String)> {
        match self.kind {
            LauncherKind::Local => {
                let keys = [
                    ("url", self.url.is_some()),
                    ("token_file", self.token_file.is_some()),
                    ("mounts", self.mounts.is_some()),
                    ("labs", self.labs.is_some()),
                ];
                let given = keys.into_iter().find(|(_, is_given)| *is_given);
                given.map(|(key, _)| (key, "only `kind = \"jupyterhub\"` takes it".to_owned()))
            }
            LauncherKind::Jupyterhub => match (&self.url, &self.token_file) {
                (None, _) => Some(("url", "the Hub's address is needed".to_owned())),
                (Some(url), _) if !matches!(url.scheme(), "http" | "https") => Some((
                    "url",
                    format!("`{url}`: allowed is an address of http or https"),
                )),
                (_, None) => Some((
                    "token_file",
                    "the file with the token of Gantry's service at the Hub is needed".to_owned(),
                )),
                _ => None,
            },
        }
    }
}

/// Labs run on this machine where nothing else is said.
pub(super) fn default() -> BTreeMap<String, LauncherConfig> {
    BTreeMap::from([("local".to_owned(), LauncherConfig::local())])
}

/// Refuses what no single key shows to be wrong.
pub(super) fn check(launchers: &BTreeMap<String, LauncherConfig>) -> Result<(), ConfigError> {
    for (name, launcher) in launchers {
        if let Some((key, why)) = launcher.wrong() {
            return Err(ConfigError::Bad(format!("launcher.{name}.{key}: {why}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_launcher_that_lacks_a_key_or_has_one_too_many_is_refused_with_the_key() {
        for (text, why) in [
            (
                "kind = 'local'\nmounts = true",
                "launcher.x.mounts: only `kind = \"jupyterhub\"` takes it",
            ),
            (
                "kind = 'jupyterhub'\ntoken_file = '/t'",
                "launcher.x.url: the Hub's address is needed",
            ),
            (
                "kind = 'jupyterhub'\nurl = 'ftp://hub/'\ntoken_file = '/t'",
                "launcher.x.url: `ftp://hub/`: allowed is an address of http or https",
            ),
            (
                "kind = 'jupyterhub'\nurl = 'http://hub/'",
                "launcher.x.token_file: the file with the token of Gantry's service at the Hub is needed",
            ),
        ] {
            let launcher: LauncherConfig = toml::from_str(text).unwrap();
            let error = check(&BTreeMap::from([("x".to_owned(), launcher)])).unwrap_err();
            assert_eq!(error.to_string(), why);
        }
        check(&default()).unwrap();
    }
}
