//! `gantry import`.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;
use gantry_asset::{ArchiveId, Asset, AssetId};
use gantry_store::{Harvest, Lease, Phase, Store};
use serde_json::json;

use super::output::{Bar, Output};
use crate::app::App;
use crate::config::Config;
use crate::format;
use crate::import::{LINE_BYTES, LineReader};
use crate::rest::archives::harvest_json;

/// The arguments of `import`.
#[derive(Args)]
pub(super) struct ImportArgs {
    /// JSON Lines, one asset a line, in the form of export; `-` for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The archive the assets are of.
    #[arg(long)]
    archive: String,
}

/// So many assets are written at once.
const BATCH: usize = 500;

/// More lines than any archive has assets.
const MOST_LINES: u64 = 50_000_000;

/// A file with more bad lines is something else.
const MOST_REJECTED: u64 = 10_000;

/// So many bad lines are told one by one.
const TOLD: u64 = 20;

pub(super) async fn run(
    args: &ImportArgs,
    config: Config,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let Some(archive_config) = config.archive.get(&args.archive).cloned() else {
        let known: Vec<&str> = config.archive.keys().map(String::as_str).collect();
        let (name, known) = (&args.archive, known.join(", "));
        bail!("no archive `{name}` is configured; there are: {known}");
    };
    let archive = ArchiveId::new(&args.archive)?;
    let lines = open(&args.file)?;
    let app = App::open(config, false).await?;
    app.follow().await?;
    let owner = format!("{}:{}", app.owner, uuid::Uuid::new_v4().simple());
    // A harvest that was cut is not taken up: what it had listed would withdraw what it had not.
    let begun = app.store.begin_harvest(&archive, &owner, true).await?;
    let Some((lease, _)) = begun else {
        bail!("{archive} is being harvested right now; wait for that harvest to end");
    };
    let scope = archive_config.scope(&archive);
    let mut import = Import {
        store: &app.store,
        lease,
        reader: LineReader {
            archive: &archive,
            net: &app.net,
            scope: &scope,
        },
        output,
        bar: output.bar(&format!("Importing {}", args.file.display()), None),
        batch: Vec::new(),
        versions: HashMap::new(),
        n_assets: 0,
        n_rejected: 0,
        renewed: Instant::now(),
    };
    let ended = import.follow(lines).await;
    let report = import.end(ended).await?;
    app.store.sum_up_series().await?;
    app.follow().await?;
    let code = told(&report, output)?;
    app.shutdown().await;
    Ok(code)
}

/// Says what came of it; a file of which something was left out is a failure.
fn told(report: &Harvest, output: &Output) -> anyhow::Result<ExitCode> {
    let counts = report.counts;
    let mut text = format!(
        "{} new, {} changed, {} unchanged, {} rejected",
        counts.new, counts.changed, counts.unchanged, report.n_rejected
    );
    if let Some(message) = &report.message {
        text.push_str(&format!("; {message}"));
    }
    output.answer(&json!({"import": harvest_json(report)}), &text)?;
    let is_whole = report.phase == Phase::Completed && report.n_rejected == 0;
    Ok(if is_whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn open(path: &Path) -> anyhow::Result<Box<dyn BufRead + Send>> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(std::io::stdin())));
    }
    let file = std::fs::File::open(path);
    let file = file.with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(Box::new(BufReader::with_capacity(1 << 20, file)))
}

/// An import under way; to the record it is a harvest that completes no scope, and so withdraws nothing.
struct Import<'a> {
    store: &'a Store,
    lease: Lease,
    reader: LineReader<'a>,
    output: &'a Output,
    bar: Bar,
    batch: Vec<Asset>,
    versions: HashMap<AssetId, u32>,
    n_assets: u64,
    n_rejected: u64,
    renewed: Instant,
}

impl Import<'_> {
    async fn follow(&mut self, mut lines: Box<dyn BufRead + Send>) -> anyhow::Result<()> {
        let mut line = Vec::new();
        for number in 1_u64.. {
            let read = next_line(&mut lines, &mut line);
            let Some(is_whole) = read.with_context(|| format!("line {number}"))? else {
                break;
            };
            if number > MOST_LINES {
                bail!("there are more than {MOST_LINES} lines; import them in parts");
            }
            if is_whole && line.trim_ascii().is_empty() {
                continue;
            }
            let asset = match is_whole {
                true => self.reader.read(&line),
                false => Err(format!("it is longer than {LINE_BYTES} bytes")),
            };
            match asset {
                Ok((asset, version)) => {
                    self.versions.insert(asset.id.clone(), version);
                    self.batch.push(asset);
                }
                Err(why) => self.reject(number, &why).await?,
            }
            if self.batch.len() >= BATCH {
                self.flush().await?;
            }
            if self.renewed.elapsed() >= Lease::RENEW_EVERY {
                self.store.renew_harvest(&self.lease).await?;
                self.renewed = Instant::now();
            }
        }
        self.flush().await
    }

    async fn flush(&mut self) -> anyhow::Result<()> {
        let written = self
            .store
            .import_assets(&self.lease, &self.batch, &self.versions);
        written.await?;
        self.n_assets += self.batch.len() as u64;
        self.bar
            .say(&format!("{} assets", format::count(self.n_assets)));
        self.batch.clear();
        self.versions.clear();
        Ok(())
    }

    async fn reject(&mut self, number: u64, why: &str) -> anyhow::Result<()> {
        let what = format!("line {number}");
        self.n_rejected += 1;
        self.store.reject(&self.lease, &what, why).await?;
        match self.n_rejected {
            ..=TOLD => self.output.note(&format!("{what}: {why}")),
            n if n == TOLD + 1 => self.output.note(&format!(
                "further lines are rejected; /api/v1/harvests/{}/rejections lists them",
                self.lease.id
            )),
            n if n > MOST_REJECTED => bail!(
                "more than {MOST_REJECTED} lines were rejected, the last one is line {number}: {why}"
            ),
            _ => {}
        }
        Ok(())
    }

    async fn end(self, ended: anyhow::Result<()>) -> anyhow::Result<Harvest> {
        self.bar.end();
        Ok(match ended {
            Ok(()) => self.store.finish_harvest(&self.lease).await?,
            Err(error) => {
                let message = format!("the import could not go on: {error:#}");
                self.store.fail_harvest(&self.lease, &message).await?
            }
        })
    }
}

/// Reads a line without its end, and says whether it is whole; of a longer one than is allowed only the beginning is
/// held. `None` at the end.
fn next_line(lines: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<Option<bool>> {
    line.clear();
    let most = LINE_BYTES as u64 + 1;
    if lines.by_ref().take(most).read_until(b'\n', line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') || line.len() <= LINE_BYTES {
        return Ok(Some(true));
    }
    loop {
        let here = lines.fill_buf()?;
        let end = here.iter().position(|byte| *byte == b'\n');
        let n_read = end.map_or(here.len(), |end| end + 1);
        let is_end = end.is_some() || here.is_empty();
        lines.consume(n_read);
        if is_end {
            return Ok(Some(false));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_the_next_one_read() {
        let text = [vec![b'x'; LINE_BYTES + 5], b"\nshort\nlast".to_vec()].concat();
        let mut lines = BufReader::with_capacity(4096, text.as_slice());
        let mut line = Vec::new();
        assert_eq!(next_line(&mut lines, &mut line).unwrap(), Some(false));
        assert_eq!(next_line(&mut lines, &mut line).unwrap(), Some(true));
        assert_eq!(line, b"short\n");
        assert_eq!(next_line(&mut lines, &mut line).unwrap(), Some(true));
        assert_eq!(line, b"last");
        assert_eq!(next_line(&mut lines, &mut line).unwrap(), None);
    }
}
