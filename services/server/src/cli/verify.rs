//! `gantry verify`: whether what was staged is still what it was.

use std::process::ExitCode;

use clap::Args;
use gantry_staging::volume::VolumePath;
use gantry_staging::{CheckedFile, FileState, check_volume};
use serde_json::json;

use super::output::Output;
use crate::app::App;
use crate::config::Config;
use crate::format;

/// The arguments of `verify`.
#[derive(Args)]
pub(super) struct VerifyArgs {
    /// The volume.
    #[arg(value_name = "VOLUME")]
    volume: String,
    /// A folder in it; all of it by default.
    #[arg(value_name = "PATH", default_value = "")]
    path: String,
}

pub(super) async fn run(
    args: VerifyArgs,
    config: Config,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let app = App::open(config, false).await?;
    let user = app.user_named(None).await?;
    let row = app.store.volume(&user.id, &args.volume).await?;
    let folder = VolumePath::parse(args.path.trim_end_matches('/'))?;
    let volume = app.volumes.open(&row)?;
    let bar = output.bar("Reading", None);
    let seen = |path: &str| bar.say(&format!("Reading {path}"));
    let checked = check_volume(&volume, &folder, seen).await;
    bar.end();
    let checked = checked?;
    app.shutdown().await;
    answer(&checked, output)
}

fn answer(checked: &[CheckedFile], output: &Output) -> anyhow::Result<ExitCode> {
    let of = |state| checked.iter().filter(|file| file.state == state).count() as u64;
    let [intact, changed, missing, unreadable] = [
        FileState::Intact,
        FileState::Changed,
        FileState::Missing,
        FileState::Unreadable,
    ]
    .map(of);
    let mut lines: Vec<String> = checked
        .iter()
        .filter(|file| file.state != FileState::Intact)
        .map(|file| {
            let state = format!("{:?}", file.state).to_lowercase();
            let why = file.why.as_deref().unwrap_or_default();
            format!("{state:10} {}  {why}", file.path)
        })
        .collect();
    if checked.is_empty() {
        lines.push("No manifest lists a file there; staging writes ro-crate-metadata.json beside what it brings.".to_owned());
    }
    lines.push(format!(
        "{}: {intact} intact, {changed} changed, {missing} missing, {unreadable} unreadable",
        format::plural(checked.len() as u64, "file")
    ));
    let counts =
        json!({"intact": intact, "changed": changed, "missing": missing, "unreadable": unreadable});
    output.answer(
        &json!({"counts": counts, "files": checked}),
        &lines.join("\n"),
    )?;
    let good = intact == checked.len() as u64;
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
