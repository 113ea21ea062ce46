//! `gantry harvest`, `export`, `rebuild-index`.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use gantry_asset::ArchiveId;
use gantry_connector::Connector;
use gantry_store::{Harvest, Phase};
use serde_json::json;

use super::output::Output;
use crate::app::App;
use crate::changes::Catalogue;
use crate::config::Config;
use crate::format;
use crate::rest::archives::harvest_json;
use crate::views::AssetView;

/// The arguments of `harvest`.
#[derive(Args)]
pub(super) struct HarvestArgs {
    /// The archives to harvest.
    #[arg(required_unless_present = "all", value_name = "ARCHIVE")]
    archives: Vec<String>,
    /// All configured archives.
    #[arg(long, conflicts_with = "archives")]
    all: bool,
    /// Begin anew where a harvest that was cut could be taken up.
    #[arg(long)]
    full: bool,
}

pub(super) async fn run(
    args: &HarvestArgs,
    config: Config,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let app = App::open(config, false).await?;
    let known: Vec<&str> = app.archives.iter().map(|(id, _)| id.as_str()).collect();
    let asked: Vec<&str> = if args.all {
        known.clone()
    } else {
        args.archives.iter().map(String::as_str).collect()
    };
    for name in &asked {
        if !known.contains(name) {
            bail!(
                "no archive `{name}` is configured; there are: {}",
                known.join(", ")
            );
        }
    }
    // From now on there is an index that other commands can read, however long this takes.
    app.follow().await?;
    let mut failed = false;
    let mut reports = Vec::new();
    for name in asked {
        let id = ArchiveId::new(name)?;
        let Some(connector) = app.connector(&id) else {
            continue;
        };
        let report = harvest_one(&app, &id, &*connector, args.full, output).await?;
        failed |= report.phase == Phase::Error;
        reports.push(harvest_json(&report));
    }
    app.follow().await?;
    if output.json {
        output.raw(&format!("{}\n", json!({"harvests": reports})))?;
    }
    app.shutdown().await;
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Harvests one archive with live progress and says what came of it.
pub(super) async fn harvest_one(
    app: &App,
    id: &ArchiveId,
    connector: &dyn Connector,
    full: bool,
    output: &Output,
) -> anyhow::Result<Harvest> {
    let title = connector.archive().title.clone();
    let bar = output.bar(&format!("Harvesting {title}"), None);
    let owner = format!("{}:{}", app.owner, uuid::Uuid::new_v4().simple());
    let shown = |progress: gantry_harvest::Progress| {
        let counts = progress.counts;
        bar.say(&format!(
            "Harvesting {title}: {} assets",
            format::count(counts.new + counts.changed + counts.unchanged)
        ));
    };
    let harvested =
        gantry_harvest::harvest(&app.store, connector, &owner, full, &app.stop, &shown).await;
    bar.end();
    let report = harvested.with_context(|| format!("{id} was not harvested"))?;
    let counts = report.counts;
    output.note(&format!(
        "{title}: {} new, {} changed, {} unchanged, {} withdrawn, {} rejected{}",
        counts.new,
        counts.changed,
        counts.unchanged,
        report.n_withdrawn,
        report.n_rejected,
        report
            .message
            .as_ref()
            .map(|message| format!("; {message}"))
            .unwrap_or_default(),
    ));
    Ok(report)
}

/// The arguments of `export`.
#[derive(Args)]
pub(super) struct ExportArgs {
    /// Only this archive.
    #[arg(long)]
    archive: Option<String>,
}

pub(super) async fn export(
    args: &ExportArgs,
    config: Config,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let app = App::open(config, false).await?;
    let archive = args.archive.as_deref().map(ArchiveId::new).transpose()?;
    if let Some(name) = &archive
        && app.connector(name).is_none()
        && app.store.assets_after(Some(name), "", 1).await?.is_empty()
    {
        let known: Vec<&str> = app.archives.iter().map(|(id, _)| id.as_str()).collect();
        bail!(
            "nothing is of an archive `{name}`, and none is configured; there are: {}",
            known.join(", ")
        );
    }
    let mut after = String::new();
    loop {
        let page = app
            .store
            .assets_after(archive.as_ref(), &after, 500)
            .await?;
        let Some(last) = page.last() else { break };
        after = last.asset.id.to_string();
        for record in &page {
            output.raw(&(serde_json::to_string(&AssetView::from(record))? + "\n"))?;
        }
    }
    app.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn rebuild_index(config: Config, output: &Output) -> anyhow::Result<ExitCode> {
    let app = App::open(config, false).await?;
    if !app.writes_index {
        bail!("a running service writes the index; stop it first");
    }
    let bar = output.bar("Building the index anew", None);
    let followed = app.index.rebuild(&Catalogue(app.store.clone())).await?;
    bar.end();
    output.answer(
        &json!({"applied": followed.applied, "up_to": followed.up_to}),
        &format!("{} assets indexed", format::count(followed.applied)),
    )?;
    app.shutdown().await;
    Ok(ExitCode::SUCCESS)
}
