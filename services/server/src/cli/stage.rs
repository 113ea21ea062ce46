//! The two buttons from the shell.

use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use gantry_labs::EnvironmentState;
use gantry_staging::CutOut;
use gantry_store::{Datalab, Phase, StagingJob, User};
use serde_json::json;

use super::output::{Bar, Output};
use super::serve::{environment, stop_signal};
use crate::app::{App, Roles};
use crate::config::Config;
use crate::format;
use crate::problem::Problem;
use crate::rest::datalabs::{OpenInNotebook, open};
use crate::rest::staging_jobs::{AddToVolume, Progress, job_json, start_staging};
use crate::select::Take;

/// The arguments of `add-to-volume`.
#[derive(Args)]
pub(super) struct AddToVolumeArgs {
    /// The products, by asset id.
    #[arg(required = true, value_name = "ASSET")]
    assets: Vec<String>,
    /// The volume.
    #[arg(long, value_name = "V")]
    volume: String,
    /// The folder in it; the archive's id by default.
    #[arg(long)]
    directory: Option<String>,
    /// Take off gzip, `.Z`, bzip2 and Hatanaka on the way.
    #[arg(long)]
    unpack: bool,
    /// Only a cone of HEALPix maps, as RA,DEC,RADIUS in degrees (ICRS); what is no map in NESTED order is skipped.
    #[arg(long, value_name = "RA,DEC,RADIUS", value_parser = cone, allow_hyphen_values = true, conflicts_with = "unpack")]
    cut_out: Option<CutOut>,
    /// What to do when something else has a file's name.
    #[arg(long, value_name = "DO", value_parser = ["keep", "replace", "rename"], default_value = "keep")]
    on_conflict: String,
}

/// The arguments of `open-in-notebook`.
#[derive(Args)]
pub(super) struct OpenInNotebookArgs {
    /// The products, by asset id.
    #[arg(required = true, value_name = "ASSET")]
    assets: Vec<String>,
    /// The name of the datalab and its notebook.
    #[arg(long)]
    name: Option<String>,
    /// The volume to stage into.
    #[arg(long, default_value = gantry_staging::WORKSPACE)]
    volume: String,
}

/// `RA,DEC,RADIUS`.
fn cone(text: &str) -> Result<CutOut, String> {
    let numbers: Result<Vec<f64>, _> = text.split(',').map(|n| n.trim().parse()).collect();
    let Ok([ra, dec, radius]) = numbers.as_deref() else {
        return Err("it is three numbers with commas between them, as in 83.6,22,1.5".to_owned());
    };
    let cut_out = CutOut {
        ra: *ra,
        dec: *dec,
        radius: *radius,
    };
    cut_out.check().map_err(|error| error.to_string())?;
    Ok(cut_out)
}

fn words(problem: Problem) -> anyhow::Error {
    anyhow::anyhow!(problem.detail)
}

pub(super) async fn add_to_volume(
    args: AddToVolumeArgs,
    config: Config,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let app = App::open(config, false).await?;
    let user = app.user_named(None).await?;
    let asked = AddToVolume {
        take: take(args.assets),
        volume: args.volume,
        directory: args.directory,
        unpack: args.unpack,
        cut_out: args.cut_out,
        on_conflict: serde_json::from_value(json!(args.on_conflict))?,
        ..AddToVolume::default()
    };
    let job = start_staging(&app, &user, &asked).await.map_err(words)?;
    app.start(Roles {
        api: false,
        worker: true,
        harvester: false,
        launcher: false,
    });
    let job = watch_job(&app, &job, output).await?;
    let code = report(&app, &job, output, None).await?;
    app.shutdown().await;
    Ok(code)
}

fn take(assets: Vec<String>) -> Take {
    Take {
        assets: Some(assets),
        ..Take::default()
    }
}

/// Shows a job's progress until it has ended or is held.
async fn watch_job(app: &App, job: &StagingJob, output: &Output) -> anyhow::Result<StagingJob> {
    let bar = output.bar("Staging", Some(0));
    // One for the whole loop, so that a signal between two looks is not lost.
    let mut stopped = pin!(stop_signal());
    let ended = loop {
        let now = app.store.staging_job_by_id(&job.id).await?;
        show_progress(app, &now, &bar).await?;
        if now.phase.is_final() || now.phase == Phase::Held {
            break now;
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(100)) => {}
            () = &mut stopped => anyhow::bail!("stopped; the job {} goes on where it was when Gantry runs again", job.id),
        }
    };
    bar.end();
    Ok(ended)
}

async fn show_progress(app: &App, job: &StagingJob, bar: &Bar) -> anyhow::Result<()> {
    let progress = Progress::of(app, job).await.map_err(words)?;
    let cause = progress
        .waiting_for
        .first()
        .and_then(|wait| wait["text"].as_str())
        .unwrap_or_default();
    let text = format!(
        "Staging {} {cause}",
        format::part_of(progress.counts.bytes_done, progress.counts.bytes_total)
    );
    bar.set(
        progress.counts.total - progress.counts.waiting,
        progress.counts.total,
        &text,
    );
    Ok(())
}

/// Prints each file with its outcome; fails when one failed.
async fn report(
    app: &App,
    job: &StagingJob,
    output: &Output,
    datalab: Option<(&Datalab, &str)>,
) -> anyhow::Result<ExitCode> {
    let counts = app.store.file_counts(&job.id).await?;
    let files = app.store.staging_files(&job.id, 0, 10_000).await?;
    let mut lines: Vec<String> = files
        .iter()
        .map(|file| {
            let outcome = file.outcome.clone().unwrap_or_default();
            let detail = outcome
                .reason
                .or(outcome.verified_by.map(|by| format!("verified by {by}")))
                .unwrap_or_default();
            format!(
                "{:8} {} {detail}",
                outcome.outcome,
                outcome.path.as_deref().unwrap_or(&file.name)
            )
        })
        .collect();
    lines.push(format!(
        "{} staged, {} present, {} skipped, {} failed",
        counts.staged, counts.present, counts.skipped, counts.failed
    ));
    lines.extend(job.message.clone());
    let mut answer = json!({"staging_job": job_json(app, job).await.map_err(words)?, "files": files.iter().map(gantry_staging::file_json).collect::<Vec<_>>()});
    if let Some((datalab, url)) = datalab {
        answer["datalab"] = json!(datalab.id);
        answer["notebook"] = json!(datalab.notebook);
        answer["url"] = json!(url);
        lines.push(format!(
            "The notebook {} is open at\n  {url}",
            datalab.notebook.as_deref().unwrap_or_default()
        ));
    }
    output.answer(&answer, &lines.join("\n"))?;
    let bad = counts.failed > 0 || job.phase != Phase::Completed;
    Ok(if bad {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

pub(super) async fn open_in_notebook(
    args: OpenInNotebookArgs,
    config: Config,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let app = App::open(config, false).await?;
    let user = app.user_named(None).await?;
    let asked = OpenInNotebook {
        take: take(args.assets),
        name: args.name,
        volume: Some(args.volume),
        ..OpenInNotebook::default()
    };
    let (datalab, job) = open(&app, &user, &asked).await.map_err(words)?;
    if app.labs.are_here() {
        let bar = output.bar("Making the labs' Python environment, once", None);
        let made = environment(&app.config, |text| bar.say(&text)).await;
        bar.end();
        if let EnvironmentState::Failed(text) = &made {
            anyhow::bail!("no lab can be started: {text}");
        }
        app.environment.send_replace(made);
    }
    app.start(Roles {
        api: false,
        worker: true,
        harvester: false,
        launcher: true,
    });
    let job = watch_job(&app, &job, output).await?;
    let counts = app.store.file_counts(&job.id).await?;
    if counts.staged + counts.present == 0 {
        app.labs.stop(&datalab).await?;
        report(&app, &job, output, None).await?;
        app.shutdown().await;
        return Ok(ExitCode::FAILURE);
    }
    let datalab = watch_datalab(&app, &user, &datalab, output).await?;
    let url = app.labs.open_url(&datalab).await?;
    let code = report(&app, &job, output, Some((&datalab, &url))).await?;
    app.shutdown().await;
    Ok(code)
}

async fn watch_datalab(
    app: &App,
    user: &User,
    datalab: &Datalab,
    output: &Output,
) -> anyhow::Result<Datalab> {
    let bar = output.bar("Starting the lab", None);
    let mut stopped = pin!(stop_signal());
    loop {
        let now = app.store.datalab(&datalab.id, &user.id).await?;
        let view = app.labs.view(&now)?;
        if now.phase.is_final() {
            bar.end();
            anyhow::bail!(
                "the lab has ended: {}",
                now.message.unwrap_or_else(|| now.phase.as_str().to_owned())
            );
        }
        if view.ready {
            bar.end();
            return Ok(now);
        }
        if let Some(text) = view
            .waiting_for
            .as_array()
            .and_then(|waits| waits.first())
            .and_then(|wait| wait["text"].as_str())
        {
            bar.say(text);
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(100)) => {}
            () = &mut stopped => anyhow::bail!("stopped; the datalab {} goes on where it was when Gantry runs again", datalab.id),
        }
    }
}

/// The arguments of `restage`.
#[derive(Args)]
pub(super) struct RestageArgs {
    /// A `report-….json` that a staging job wrote.
    #[arg(value_name = "MANIFEST")]
    manifest: std::path::PathBuf,
    /// The volume.
    #[arg(long, value_name = "V")]
    volume: String,
}

/// `gantry restage`: what a manifest says was staged, staged again.
pub(super) async fn restage(
    args: RestageArgs,
    config: Config,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    use anyhow::Context;
    let shown = args.manifest.display().to_string();
    let text = std::fs::read(&args.manifest)
        .with_context(|| format!("cannot read the manifest `{shown}`"))?;
    let manifest: serde_json::Value =
        serde_json::from_slice(&text).with_context(|| format!("`{shown}` is no manifest"))?;
    let files = manifest["files"]
        .as_array()
        .with_context(|| format!("`{shown}` lists no files"))?;
    let mut assets: Vec<String> = files
        .iter()
        .filter_map(|file| file["asset"].as_str().map(ToOwned::to_owned))
        .collect();
    assets.dedup();
    let directory = manifest["request"]["directory"]
        .as_str()
        .map(ToOwned::to_owned);
    let asked = |name: &str| manifest["request"][name].clone();
    let wanted = AddToVolumeArgs {
        assets,
        volume: args.volume,
        directory,
        unpack: asked("unpack").as_bool().unwrap_or(false),
        cut_out: serde_json::from_value(asked("cut_out"))
            .with_context(|| format!("`{shown}` has a `cut_out` that is none"))?,
        on_conflict: asked("on_conflict").as_str().unwrap_or("keep").to_owned(),
    };
    let files = files.clone();
    let store = gantry_store::Store::open(&config.store_url()).await?;
    let code = add_to_volume(wanted, config, output).await?;
    for line in other_versions(&store, &files).await? {
        output.note(&line);
    }
    Ok(code)
}

/// The products that are no longer at the version a manifest has, a sentence each.
async fn other_versions(
    store: &gantry_store::Store,
    files: &[serde_json::Value],
) -> anyhow::Result<Vec<String>> {
    let mut told = std::collections::BTreeSet::new();
    for file in files {
        let (Some(asset), Some(was)) = (file["asset"].as_str(), file["version"].as_u64()) else {
            continue;
        };
        let id = gantry_asset::AssetId::parse(asset)?;
        // A query belongs to who asked it; its runs are versions of their own.
        let Ok(record) = store.asset(&id, None).await else {
            continue;
        };
        let now = u64::from(record.version);
        if now != was {
            told.insert(format!(
                "{asset} is at version {now} now; the manifest has version {was}, whose files the archive no longer lists"
            ));
        }
    }
    Ok(told.into_iter().collect())
}
