//! What must be so at the end of a job, whatever went wrong on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Tally;
use super::archive::Asked;
use super::holdings::{Held, Kind, Mishap};
use super::round::Job;
use crate::gantry::{files_below, parts, sha256, tree};

/// How a job ended.
pub(crate) struct Judged {
    pub(crate) n_staged: u64,
    pub(crate) n_failed: u64,
    /// Whether it could not go on.
    pub(crate) is_full: bool,
}

/// The counts, the report, and every file in the volume.
pub(crate) fn job(
    held: &[Held],
    shown: &Value,
    files: &[Value],
    job: &Job,
    wrong: &mut Vec<String>,
) -> Judged {
    if !matches!(shown["phase"].as_str(), Some("COMPLETED" | "ERROR")) {
        wrong.push(format!("the job ended as {}", shown["phase"]));
    }
    let n_of = |outcome: &str| {
        files
            .iter()
            .filter(|file| file["outcome"] == outcome)
            .count() as u64
    };
    let counts = &shown["files"];
    let told = |what: &str| counts[what].as_u64().unwrap_or(u64::MAX);
    let mut sum = 0;
    for outcome in ["staged", "present", "skipped", "failed"] {
        sum += told(outcome);
        if told(outcome) != n_of(outcome) {
            wrong.push(format!(
                "{} files are {outcome}, the job says {counts}",
                n_of(outcome)
            ));
        }
    }
    if told("waiting") != 0 || told("total") != held.len() as u64 || sum != held.len() as u64 {
        wrong.push(format!("of {} files the job says {counts}", held.len()));
    }
    let named: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| file["name"].as_str())
        .collect();
    if named.len() != held.len() || files.len() != held.len() {
        wrong.push(format!(
            "{} files selected, {} told, {} names",
            held.len(),
            files.len(),
            named.len()
        ));
    }
    let there = tree(&job.volume);
    for held in held {
        let told: Vec<_> = files
            .iter()
            .filter(|file| file["name"] == held.name.as_str())
            .collect();
        if let [told] = told[..] {
            file(
                held,
                told,
                there.get(&format!("planck/{}", held.name)),
                wrong,
            );
        }
    }
    let known = |path: &str| {
        files
            .iter()
            .any(|file| file["path"] == path && file["outcome"] == "staged")
    };
    for path in there.keys().filter(|path| !known(path)) {
        wrong.push(format!(
            "`{path}` is in the volume, and no file is said to be there"
        ));
    }
    report(&job.volume, shown, files, wrong);
    Judged {
        n_staged: n_of("staged"),
        n_failed: n_of("failed"),
        is_full: shown["phase"] == "ERROR",
    }
}

/// One file is whole, or said to have failed.
fn file(held: &Held, told: &Value, there: Option<&String>, wrong: &mut Vec<String>) {
    match told["outcome"].as_str() {
        Some("failed") => {
            let has_reason = told["reason"]
                .as_str()
                .is_some_and(|reason| reason.contains(": "));
            if !has_reason || !told["retry_may_help"].is_boolean() {
                wrong.push(format!("failed without saying why: {told}"));
            }
            if there.is_some() {
                wrong.push(format!("said to have failed, and it is there: {told}"));
            }
        }
        Some("staged") => staged(held, told, there, wrong),
        _ => wrong.push(format!("neither staged nor failed: {told}")),
    }
}

fn staged(held: &Held, told: &Value, there: Option<&String>, wrong: &mut Vec<String>) {
    let Some(there) = there else {
        return wrong.push(format!("said to be staged, and it is not there: {told}"));
    };
    if told["sha256"] != there.as_str() {
        wrong.push(format!(
            "another hash than that of the file, {there}: {told}"
        ));
    }
    let version = held
        .versions
        .iter()
        .position(|version| sha256(version) == *there);
    let has_warnings = told["warnings"]
        .as_array()
        .is_some_and(|warnings| !warnings.is_empty());
    match version {
        // A wrong sum inside a FITS file is told and kept: copies in circulation carry wrong ones.
        None if held.kind == Kind::Fits
            && has_warnings
            && told["verified_by"] != "embedded-checksum" => {}
        None => wrong.push(format!("bytes that the archive never had: {told}")),
        Some(1) if held.is_lost() => wrong.push(format!("not what was selected: {told}")),
        Some(_) => {
            let is_summed =
                held.kind == Kind::Gzip || held.kind == Kind::Fits && told["size_bytes"] != 2880;
            if is_summed && told["verified_by"] != "embedded-checksum" {
                wrong.push(format!("its own sum was not looked at: {told}"));
            }
        }
    }
}

/// `report-<job>.json` says what the job says.
fn report(volume: &Path, shown: &Value, files: &[Value], wrong: &mut Vec<String>) {
    let path = volume.join(format!(
        "planck/report-{}.json",
        shown["id"].as_str().unwrap_or_default()
    ));
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    // On a disk so full that what was freed is not enough for it, the job says so; a retry of what failed writes it.
    let said = shown["message"].as_str().unwrap_or_default();
    let is_excused = shown["phase"] == "ERROR" || said.starts_with("the manifests could not be");
    if is_excused && !path.exists() {
        return;
    }
    let Ok(report) = serde_json::from_str::<Value>(&text) else {
        return wrong.push(format!("no report at `{}`", path.display()));
    };
    if report["counts"] != shown["files"] || report["phase"] != shown["phase"] {
        wrong.push(format!(
            "the report says {} {}, the job {} {}",
            report["phase"], report["counts"], shown["phase"], shown["files"]
        ));
    }
    let reported = report["files"].as_array().cloned().unwrap_or_default();
    if reported.len() != files.len() {
        wrong.push(format!(
            "{} files in the report, {} in the job",
            reported.len(),
            files.len()
        ));
    }
    for (reported, told) in reported.iter().zip(files) {
        let differs = [
            "name",
            "outcome",
            "path",
            "size_bytes",
            "sha256",
            "verified_by",
            "reason",
            "retry_may_help",
        ]
        .iter()
        .any(|key| reported[key] != told[key]);
        if differs {
            wrong.push(format!("the report says {reported}, the job {told}"));
        }
    }
}

/// Nothing half written is left anywhere.
pub(crate) fn leftovers(folders: &[PathBuf], wrong: &mut Vec<String>) {
    for folder in folders {
        for (path, length) in parts(folder) {
            wrong.push(format!("{length} bytes are left at `{}`", path.display()));
        }
        let temporary = files_below(folder)
            .into_iter()
            .filter(|path| path.extension().is_some_and(|end| end == "tmp"));
        wrong.extend(temporary.map(|path| format!("left: `{}`", path.display())));
    }
}

/// With nothing in the way any more, all is staged but what the archive no longer has.
pub(crate) fn retried(
    held: &[Held],
    struck: &BTreeSet<(String, Mishap)>,
    files: &[Value],
    wrong: &mut Vec<String>,
) {
    let replaced: BTreeMap<&str, bool> = held
        .iter()
        .map(|held| {
            (
                held.name.as_str(),
                held.is_lost() && struck.contains(&(held.name.clone(), Mishap::Replaced)),
            )
        })
        .collect();
    for file in files.iter().filter(|file| file["outcome"] != "staged") {
        let is_lost = file["name"].as_str().and_then(|name| replaced.get(name)) == Some(&true);
        let says_so = file["reason"]
            .as_str()
            .is_some_and(|reason| reason.starts_with("replaced-at-archive: "));
        if !is_lost || !says_so || file["retry_may_help"] != false {
            wrong.push(format!(
                "not staged although nothing was in the way: {file}"
            ));
        }
    }
}

/// What was staged is never asked for again, and what was kept before a kill is not either.
pub(crate) fn requests(log: &[Asked], job: &Job, has_small_disk: bool, tally: &mut Tally) {
    for (name, n_before) in &job.staged_at {
        if let Some(again) = log[*n_before..].iter().find(|asked| asked.name == *name) {
            tally
                .wrong
                .push(format!("staged, and asked for again: {again:?}"));
        }
    }
    // Parts of a full disk are freed when the job stops, which is not to be told from outside.
    let kept = job.kept.iter().filter(|_| !has_small_disk);
    for (n_before, kept) in kept {
        for (name, n_bytes) in kept {
            let of_file = |asked: &&Asked| asked.name == *name;
            // What came behind a wrong byte, or in place of a range, is rightly thrown away.
            let spoils = |mishap| {
                !matches!(
                    mishap,
                    Mishap::Cut(_) | Mishap::Unavailable(_) | Mishap::ServerError | Mishap::Page
                )
            };
            let before = log[..*n_before].iter().filter(of_file);
            let is_spoiled = before.filter_map(|asked| asked.mishap).any(spoils);
            let Some(next) = log[*n_before..]
                .iter()
                .find(of_file)
                .filter(|_| !is_spoiled)
            else {
                continue;
            };
            if next.from < *n_bytes {
                let all: Vec<_> = log.iter().filter(of_file).collect();
                tally.wrong.push(format!(
                    "{n_bytes} bytes were kept before request {n_before}: {next:?}; all: {all:?}"
                ));
            } else {
                tally.resumes += 1;
            }
        }
    }
}
