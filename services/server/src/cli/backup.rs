//! `gantry backup` and `gantry restore`: the record and the key that opens its secrets.
//!
//! The index is made again from the record, and the cache fills itself; files in volumes are not part of a backup.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use clap::Args;
use gantry_store::Store;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::output::Output;
use crate::app::App;
use crate::config::Config;

/// The arguments of `backup` and `restore`.
#[derive(Args)]
pub(super) struct BackupArgs {
    /// The folder of the backup.
    dir: PathBuf,
}

/// What a backup says of itself.
#[derive(Serialize, Deserialize)]
struct Manifest {
    gantry: String,
    made: chrono::DateTime<chrono::Utc>,
    catalogue: uuid::Uuid,
    record_sha256: String,
    /// Whether the key lies beside the record; where it is given by the environment it does not.
    has_key: bool,
}

const RECORD: &str = "gantry.db";
const KEY: &str = "seal.key";
const MANIFEST: &str = "backup.json";

/// Writes the record and its key to a folder, while a service may go on.
pub(super) async fn backup(
    args: &BackupArgs,
    config: Config,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let dir = &args.dir;
    std::fs::create_dir_all(dir).with_context(|| cannot("make the folder", dir))?;
    ensure!(
        std::fs::read_dir(dir)?.next().is_none(),
        "`{}` is not empty; a backup is never written over another",
        dir.display()
    );
    let key = key_file(&config);
    let app = App::open(config, false).await?;
    let record = dir.join(RECORD);
    app.store.copy_to(&record).await?;
    if let Some(key) = &key {
        std::fs::copy(key, dir.join(KEY)).with_context(|| cannot("copy the key", key))?;
    }
    let manifest = Manifest {
        gantry: env!("CARGO_PKG_VERSION").to_owned(),
        made: chrono::Utc::now(),
        catalogue: app.store.catalogue(),
        record_sha256: sha256(&record)?,
        has_key: key.is_some(),
    };
    // Written last: a folder without it is no backup.
    let text = serde_json::to_string_pretty(&manifest)?;
    std::fs::write(dir.join(MANIFEST), text).with_context(|| cannot("write", dir))?;
    app.shutdown().await;
    let bytes = std::fs::metadata(&record)?.len();
    let mut text = format!(
        "The record is in {}, {}.",
        dir.display(),
        crate::format::size(bytes)
    );
    if key.is_none() {
        text.push_str(" Its key is given by the environment and not in it: keep it elsewhere.");
    }
    output.answer(
        &json!({"dir": dir, "bytes": bytes, "has_key": key.is_some()}),
        &text,
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Puts a backup where the configuration says that the record is; there must be none.
pub(super) async fn restore(
    args: &BackupArgs,
    config: Config,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let dir = &args.dir;
    let text = std::fs::read_to_string(dir.join(MANIFEST))
        .with_context(|| format!("`{}` is no backup, or not a whole one", dir.display()))?;
    let manifest: Manifest = serde_json::from_str(&text).context("backup.json cannot be read")?;
    ensure!(
        sha256(&dir.join(RECORD))? == manifest.record_sha256,
        "`{}` is not what was written: its hash is another",
        dir.join(RECORD).display()
    );
    let url = config.store_url();
    let Some(record) = url.strip_prefix("sqlite:").map(PathBuf::from) else {
        bail!("store.url = `{url}`: only a record in a file is restored by this");
    };
    ensure!(
        !record.exists(),
        "there is a record `{}`; stop its service and move it away first",
        record.display()
    );
    for end in ["-wal", "-shm", "-journal"] {
        // SQLite would play it back into the record that is restored.
        let beside = PathBuf::from(format!("{}{end}", record.display()));
        ensure!(
            !beside.exists(),
            "there is `{}` of another record; move it away too",
            beside.display()
        );
    }
    std::fs::create_dir_all(&config.data_dir)
        .with_context(|| cannot("make the folder", &config.data_dir))?;
    if let Some(key) = key_file(&config).filter(|_| manifest.has_key) {
        ensure!(
            !key.exists() || std::fs::read(&key)? == std::fs::read(dir.join(KEY))?,
            "there is another key `{}`; move it away first",
            key.display()
        );
        std::fs::copy(dir.join(KEY), &key).with_context(|| cannot("write the key", &key))?;
    }
    copy_whole(&dir.join(RECORD), &record)?;
    let store = Store::open(&url).await?;
    if let Some(damage) = store.damage().await? {
        bail!("the restored record is damaged: {damage}");
    }
    // Who was logged in then may have been put out since.
    store.end_all_sessions().await?;
    let change = store.change_number().await?;
    store.close().await;
    let made = manifest.made.format("%Y-%m-%d %H:%M UTC");
    output.answer(
        &json!({"made": manifest.made, "catalogue": manifest.catalogue, "change": change}),
        &format!("The record of {made} is back, {change} changes. The index is made again when the service starts. Everybody has to log in again; tokens that were revoked since, and users that were erased since, are back: `gantry token list`, `gantry user list`."),
    )?;
    Ok(ExitCode::SUCCESS)
}

/// The file with the key; none where it is given by the environment.
fn key_file(config: &Config) -> Option<PathBuf> {
    let file = config.store.seal_key_file.clone();
    let file = file.unwrap_or_else(|| config.data_dir.join(KEY));
    config.store.seal_key.is_none().then_some(file)
}

/// Copies beside the target and renames, so that no half of a record is ever taken for one.
fn copy_whole(from: &Path, to: &Path) -> anyhow::Result<()> {
    let part = to.with_extension("restoring");
    std::fs::copy(from, &part).with_context(|| cannot("write", &part))?;
    std::fs::File::open(&part)?.sync_all()?;
    std::fs::rename(&part, to).with_context(|| cannot("write", to))
}

fn sha256(path: &Path) -> anyhow::Result<String> {
    gantry_store::sha256_of(path).with_context(|| cannot("read", path))
}

fn cannot(what: &str, path: &Path) -> String {
    format!("cannot {what} `{}`", path.display())
}
