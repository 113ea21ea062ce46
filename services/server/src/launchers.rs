//! Where labs run: the launcher that the configuration names.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use gantry_labs::launcher::{
    HubLauncher, HubLauncherConfig, Launcher, LocalLauncher, LocalLauncherConfig,
};
use gantry_net::Net;
use gantry_staging::Archives;
use gantry_store::Store;

use crate::config::{Config, LauncherConfig, LauncherKind};

/// How often a lab on a Hub is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The launcher that is used: of several, the first by name.
pub(crate) fn chosen(config: &Config) -> Option<(&str, &LauncherConfig)> {
    let first = config.launcher.first_key_value();
    first.map(|(name, launcher)| (name.as_str(), launcher))
}

/// Makes the launcher; does not try it.
pub(crate) fn make(
    config: &Config,
    store: &Store,
    net: &Net,
    archives: &Archives,
) -> anyhow::Result<Arc<dyn Launcher>> {
    let local = LauncherConfig::local();
    let launcher = chosen(config).map_or(&local, |(_, launcher)| launcher);
    match (launcher.kind, &launcher.url, &launcher.token_file) {
        (LauncherKind::Jupyterhub, Some(url), Some(token_file)) => {
            let mounts = archives
                .iter()
                .flat_map(|(_, access)| access.mounts.clone());
            Ok(Arc::new(HubLauncher::new(HubLauncherConfig {
                url: url.clone(),
                token_file: token_file.clone(),
                mounts: launcher.mounts.unwrap_or(true),
                labs: launcher.labs.clone().unwrap_or_default(),
                archive_mounts: mounts.collect(),
                gantry: store.catalogue().to_string(),
                look_every: LOOK_EVERY,
                net: net.clone(),
            })))
        }
        (LauncherKind::Jupyterhub, ..) => anyhow::bail!("a launcher lacks `url` or `token_file`"),
        (LauncherKind::Local, ..) => {
            let program: PathBuf = std::env::current_exe().context("cannot find this program")?;
            let config = LocalLauncherConfig {
                data_dir: config.data_dir.clone(),
                lab_run: (program, vec!["lab-run".into()]),
                net: net.clone(),
            };
            Ok(Arc::new(LocalLauncher::new(config)?))
        }
    }
}
