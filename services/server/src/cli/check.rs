//! `gantry check`: tries everything that is configured and says what is wrong with each.

use std::path::Path;
use std::process::ExitCode;

use futures::StreamExt;
use gantry_asset::{File, Location};
use gantry_connector::{Connector, Harvested, Resume, Since};
use gantry_labs::EnvironmentState;
use gantry_staging::volume::{LocalVolume, VolumePath};
use serde_json::json;

use super::output::Output;
use super::serve::environment;
use crate::app::App;
use crate::config::Config;
use crate::format;
use crate::launchers;
use crate::webhooks;

/// An archive that takes longer is said to be out of reach.
const ARCHIVE_ANSWERS_WITHIN: std::time::Duration = std::time::Duration::from_secs(20);
/// As long may it take to list the first product.
const ARCHIVE_LISTS_WITHIN: std::time::Duration = std::time::Duration::from_secs(60);

/// With less than this the record and the index may stop in the middle of a harvest.
const LEAST_FREE: u64 = 64 << 20;

/// One thing that was tried.
pub(super) struct Checked {
    pub(super) what: String,
    pub(super) result: Result<String, String>,
}

pub(super) async fn run(config: Config, output: &Output) -> anyhow::Result<ExitCode> {
    let mut checks = vec![Checked {
        what: "configuration".to_owned(),
        result: Ok("readable".to_owned()),
    }];
    let app = App::open(config, false).await?;
    checks.push(Checked {
        what: "record".to_owned(),
        result: Ok(format!(
            "{} changes",
            format::count(app.store.change_number().await?)
        )),
    });
    checks.push(Checked {
        what: "index".to_owned(),
        result: Ok(format!("{} assets", format::count(app.index.n_assets()))),
    });
    let (data, root) = (app.config.data_dir.clone(), app.config.volume_root());
    for (what, folder) in [("data folder", &data), ("volume root", &root)] {
        checks.push(Checked {
            what: format!("{what} {}", folder.display()),
            result: try_space(folder),
        });
    }
    for (name, entry) in app.volumes.catalogue() {
        checks.push(Checked {
            what: format!("volume {name} of the catalogue"),
            result: try_volume(&app, name, entry.kind()).await,
        });
    }
    for (id, access) in app.archives.iter() {
        let result = try_archive(&*access.connector).await;
        checks.push(Checked {
            what: format!("archive {id}"),
            result,
        });
        for mount in &access.mounts {
            let result = if mount.is_dir() {
                Ok("is a folder".to_owned())
            } else {
                Err("is not there, or no folder".to_owned())
            };
            checks.push(Checked {
                what: format!("mount {}", mount.display()),
                result,
            });
        }
    }
    for (name, told) in webhooks::check(&app).await {
        checks.push(Checked {
            what: format!("webhook {name}"),
            result: told.map_err(|error| format::sentence(&error)),
        });
    }
    let name = launchers::chosen(&app.config).map_or("local", |(name, _)| name);
    checks.push(Checked {
        what: format!("launcher {name}"),
        result: try_launcher(&app).await,
    });
    app.shutdown().await;
    print(&checks, output)
}

/// Prints what came of it all; 1 when something failed.
pub(super) fn print(checks: &[Checked], output: &Output) -> anyhow::Result<ExitCode> {
    let rows: Vec<_> = checks.iter().map(|check| json!({"what": check.what, "ok": check.result.is_ok(), "text": check.result.as_ref().unwrap_or_else(|text| text)})).collect();
    let lines: Vec<String> = checks
        .iter()
        .map(|check| match &check.result {
            Ok(text) => format!("ok      {}: {text}", check.what),
            Err(text) => format!("FAILED  {}: {text}", check.what),
        })
        .collect();
    output.answer(&json!({"checks": rows}), &lines.join("\n"))?;
    Ok(if checks.iter().all(|check| check.result.is_ok()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Whether labs can be started: locally the environment must be there, elsewhere the launcher is asked.
async fn try_launcher(app: &App) -> Result<String, String> {
    if !app.labs.are_here() {
        let told = app.labs.check_launcher().await;
        return told.map_err(|error| crate::format::sentence(&error));
    }
    match environment(&app.config, |_| {}).await {
        EnvironmentState::Ready(environment) => {
            Ok(format!("labs use {}", environment.python.display()))
        }
        EnvironmentState::Failed(text) | EnvironmentState::Making(text) => Err(text),
    }
}

/// Whether there is room to write in a folder.
fn try_space(folder: &Path) -> Result<String, String> {
    let space = LocalVolume::create(folder).and_then(|volume| volume.space());
    let free = space
        .map_err(|error| crate::format::sentence(&error))?
        .free_bytes;
    match free < LEAST_FREE {
        true => Err(format!(
            "only {} free; make room, at least {}",
            format::size(free),
            format::size(LEAST_FREE)
        )),
        false => Ok(format!("{} free", format::size(free))),
    }
}

/// Lists the root of a volume that the operator shares.
async fn try_volume(app: &App, name: &str, kind: &str) -> Result<String, String> {
    let volume = gantry_store::Volume {
        kind: kind.to_owned(),
        catalogue: Some(name.to_owned()),
        ..gantry_store::Volume::local("check", name, "")
    };
    let files = app
        .volumes
        .open(&volume)
        .map_err(|error| error.to_string())?;
    let listed = files.list(&VolumePath::root()).await;
    let listed = listed.map_err(|error| error.to_string())?;
    Ok(format!(
        "{} at its top",
        format::plural(listed.len() as u64, "name")
    ))
}

/// The first file that an archive lists with an address; what is asked of it by a query has none.
async fn first_file(connector: &dyn Connector) -> Result<File, String> {
    let mut events = connector.harvest(Since::default());
    loop {
        match events.next().await {
            Some(Ok(Harvested::Asset(asset))) => {
                let has_address = |file: &File| {
                    let mut locations = file.locations.iter();
                    locations.any(|location| matches!(location, Location::Address(_)))
                };
                if let Some(file) = asset.files.into_iter().find(has_address) {
                    return Ok(file);
                }
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(crate::format::sentence(&error)),
            None => return Err("it lists no product that can be opened".to_owned()),
        }
    }
}

/// Lists an archive up to its first product, and opens that.
async fn try_archive(connector: &dyn Connector) -> Result<String, String> {
    let listed = tokio::time::timeout(ARCHIVE_LISTS_WITHIN, first_file(connector)).await;
    let file = listed.map_err(|_| {
        let seconds = ARCHIVE_LISTS_WITHIN.as_secs();
        format!("it lists no product that can be opened within {seconds} s")
    })??;
    let resume = Resume::default();
    let opened = tokio::time::timeout(ARCHIVE_ANSWERS_WITHIN, connector.open(&file, &resume)).await;
    match opened {
        Ok(Ok(_)) => Ok(format!("lists its products and opens `{}`", file.name)),
        Ok(Err(error)) => Err(crate::format::sentence(&error)),
        Err(_) => {
            let last = connector.health().last_error;
            let why = last.map(|error| format!(": {error}")).unwrap_or_default();
            Err(format!(
                "lists its products but does not open `{}`{why}",
                file.name
            ))
        }
    }
}
