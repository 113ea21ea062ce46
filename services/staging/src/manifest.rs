//! The manifests beside the data: what is there, where it came from, how it was verified, how to cite it.
//!
//! `report-<job>.json` is one job's own; `ro-crate-metadata.json` (RO-Crate 1.1) and `CITATION.bib` speak for all that
//! was staged in the folder and are rewritten whole, by one writer at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::Utc;
use gantry_asset::{Asset, AssetId, File, Location};
use gantry_connector::Archive;
use gantry_store::{NOT_RUN, Phase, StagedFile, StagingFile};
use serde_json::{Value, json};

use crate::blocking::blocking;
use crate::error::StagingError;
use crate::job::JobRun;
use crate::volume::{Upload, VolumeError, VolumePath};

/// The name of the manifest of all that is staged in a folder.
pub(crate) const CRATE: &str = "ro-crate-metadata.json";

/// How one asset is cited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Citation {
    /// For a reference list, one line.
    pub text: String,
    /// For BibTeX.
    pub bibtex: String,
    /// How its archive asks to be acknowledged.
    pub acknowledgement: String,
}

/// How an asset of an archive is cited.
#[must_use]
pub fn citation(asset: &Asset, archive: &Archive) -> Citation {
    let year = asset
        .facets
        .first("release")
        .and_then(release_year)
        .map_or_else(String::new, |year| format!(" ({year})"));
    let name = asset
        .files
        .first()
        .map_or(asset.id.local(), |file| file.name.as_str());
    let text = format!(
        "{}{year}: {}, {name}. {}, {}",
        archive.publisher, asset.title, archive.title, archive.home
    );
    let key: String = asset
        .id
        .as_str()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    let year_field = asset
        .facets
        .first("release")
        .and_then(release_year)
        .map_or_else(String::new, |year| format!("  year = {{{year}}},\n"));
    let bibtex = format!(
        "@misc{{{key},\n  author = {{{{{}}}}},\n  title = {{{{{}}}}},\n{year_field}  howpublished = {{\\url{{{}}}}},\n  note = {{{} asset {}}},\n}}\n",
        tex(&archive.publisher),
        tex(&asset.title),
        archive.home,
        tex(&archive.title),
        tex(asset.id.as_str()),
    );
    Citation {
        text,
        bibtex,
        acknowledgement: archive.acknowledgement.clone(),
    }
}

/// The year a release was published, as the vocabulary's label says it.
fn release_year(release: &str) -> Option<String> {
    let label = gantry_asset::vocabulary()
        .field("release")?
        .label_of(release);
    label.rsplit_once("· ").map(|(_, year)| year.to_owned())
}

fn tex(text: &str) -> String {
    text.chars().fold(String::new(), |mut tex, c| {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => tex.extend(['\\', c]),
            '\\' => tex.push_str("\\textbackslash{}"),
            '~' => tex.push_str("\\textasciitilde{}"),
            '^' => tex.push_str("\\textasciicircum{}"),
            c => tex.push(c),
        }
        tex
    })
}

/// Writes the manifests of a job that has ended.
pub(crate) async fn write(run: &JobRun<'_>, phase: Phase) -> Result<(), StagingError> {
    let files = all_files(run).await?;
    let folders: BTreeSet<VolumePath> = files
        .iter()
        .map(|file| run.request.folder(file.asset.archive().as_str()))
        .collect::<Result<_, _>>()?;
    let report = report(run, &files, phase).await?;
    for folder in &folders {
        let path = folder.join(&format!("report-{}.json", run.job.id))?;
        run.files.write(&path, pretty(&report).into()).await?;
        write_crate(run, folder).await?;
    }
    Ok(())
}

async fn all_files(run: &JobRun<'_>) -> Result<Vec<StagingFile>, StagingError> {
    let mut files: Vec<StagingFile> = Vec::new();
    loop {
        let from = files.last().map_or(0, |file| file.position + 1);
        let page = run.store.staging_files(&run.job.id, from, 1000).await?;
        if page.is_empty() {
            return Ok(files);
        }
        files.extend(page);
    }
}

async fn report(
    run: &JobRun<'_>,
    files: &[StagingFile],
    phase: Phase,
) -> Result<Value, StagingError> {
    let counts = run.store.file_counts(&run.job.id).await?;
    let owner = Some(run.job.owner.as_str());
    let days = run.store.selection(&run.job.selection, owner).await?.days;
    let rows: Vec<Value> = files.iter().map(file_json).collect();
    Ok(json!({
        "gantry_manifest": 1,
        "job": run.job.id,
        "phase": phase,
        "selection": run.job.selection,
        "volume": run.row.name,
        "request": serde_json::from_str::<Value>(&run.job.request).unwrap_or_default(),
        "created": run.job.created,
        "written": Utc::now(),
        "counts": counts,
        "expected": days.expected,
        "found": days.found,
        "gaps": days.gaps,
        "notes": days.notes,
        "files": rows,
    }))
}

/// One file of a job as the interface and the report show it.
#[must_use]
pub fn file_json(file: &StagingFile) -> Value {
    let outcome = file.outcome.clone().unwrap_or_default();
    let mut value = json!({
        "asset": file.asset,
        "version": (file.version != NOT_RUN).then_some(file.version),
        "name": file.name,
        "outcome": file.outcome.as_ref().map(|outcome| &outcome.outcome),
        "method": outcome.method,
        "path": outcome.path,
        "size_bytes": file.size_bytes,
        "sha256": outcome.sha256,
        "verified_by": outcome.verified_by,
        "warnings": outcome.warnings,
        "reason": outcome.reason,
        "retry_may_help": outcome.retry_may_help,
    });
    // Only the answers of queries have rows.
    if let Some(n_rows) = outcome.n_rows {
        value["n_rows"] = n_rows.into();
    }
    value
}

/// Writes what speaks for all that was staged in a folder.
///
/// What is staged is looked up under the lock, so that of two jobs the later writer knows what the other staged.
async fn write_crate(run: &JobRun<'_>, folder: &VolumePath) -> Result<(), StagingError> {
    let upload = lock(run, &folder.join(CRATE)?).await?;
    match describe(run, folder).await {
        Ok(metadata) => Ok(upload.write_whole(metadata.as_bytes()).await?),
        Err(error) => {
            upload.give_up()?;
            Err(error)
        }
    }
}

/// What speaks for all that was staged in a folder; how to cite it is written on the way.
async fn describe(run: &JobRun<'_>, folder: &VolumePath) -> Result<String, StagingError> {
    let staged = run.store.staged_files(&run.row.id, folder.as_str()).await?;
    let staged = still_there(run, staged).await;
    let assets = assets_of(run, &staged).await?;
    let cited = |asset: &Asset| {
        run.archives
            .get(&asset.id.archive())
            .map(|access| citation(asset, access.connector.archive()))
    };
    let bibtex: String = assets
        .values()
        .filter_map(cited)
        .map(|citation| citation.bibtex)
        .collect::<Vec<_>>()
        .join("\n");
    let citations = folder.join("CITATION.bib")?;
    run.files.write(&citations, bibtex.into()).await?;
    Ok(pretty(&ro_crate(run, folder, &staged, &assets)))
}

/// The assets of staged files; one that is not in the record any more is left out.
async fn assets_of(
    run: &JobRun<'_>,
    staged: &[StagedFile],
) -> Result<BTreeMap<AssetId, Asset>, StagingError> {
    let ids: BTreeSet<AssetId> = staged.iter().map(|file| file.asset.clone()).collect();
    let ids: Vec<AssetId> = ids.into_iter().collect();
    let records = run.store.assets(&ids, Some(&run.job.owner)).await?;
    Ok(records
        .into_iter()
        .map(|record| (record.asset.id.clone(), record.asset))
        .collect())
}

/// What has not been taken out of the volume since it was staged.
///
/// Storage elsewhere is asked once for each folder.
async fn still_there(run: &JobRun<'_>, mut staged: Vec<StagedFile>) -> Vec<StagedFile> {
    if let Some(volume) = run.files.as_local().cloned() {
        return blocking(move || {
            staged.retain(|file| {
                VolumePath::parse(&file.path)
                    .and_then(|path| volume.stat(&path))
                    .is_ok_and(|there| there.is_some())
            });
            staged
        })
        .await;
    }
    let mut folders: BTreeMap<VolumePath, BTreeSet<String>> = BTreeMap::new();
    let mut there = Vec::with_capacity(staged.len());
    for file in staged {
        let Ok(path) = VolumePath::parse(&file.path) else {
            continue;
        };
        let folder = path.parent().unwrap_or_else(VolumePath::root);
        if !folders.contains_key(&folder) {
            let entries = run.files.list(&folder).await.unwrap_or_default();
            let names = entries.into_iter().map(|entry| entry.name).collect();
            folders.insert(folder.clone(), names);
        }
        if folders[&folder].contains(path.name()) {
            there.push(file);
        }
    }
    there
}

/// Takes a file that other jobs write too: whoever comes second waits for the first.
async fn lock(run: &JobRun<'_>, path: &VolumePath) -> Result<Upload, StagingError> {
    for _ in 0..200 {
        match run.files.upload(path) {
            Err(VolumeError::Busy { .. }) => tokio::time::sleep(Duration::from_millis(50)).await,
            upload => return Ok(upload?),
        }
    }
    Err(VolumeError::Busy {
        path: path.to_string(),
    }
    .into())
}

fn ro_crate(
    run: &JobRun<'_>,
    folder: &VolumePath,
    staged: &[StagedFile],
    assets: &BTreeMap<AssetId, Asset>,
) -> Value {
    let below = |path: &str| {
        path.strip_prefix(folder.as_str())
            .unwrap_or(path)
            .trim_start_matches('/')
            .to_owned()
    };
    let parts: Vec<Value> = staged
        .iter()
        .map(|file| json!({"@id": below(&file.path)}))
        .collect();
    let mut graph = vec![
        json!({"@id": CRATE, "@type": "CreativeWork", "about": {"@id": "./"}, "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"}}),
        json!({"@id": "./", "@type": "Dataset", "name": format!("Staged by Gantry into {}", folder), "description": "Products of science archives, with how each was verified.",
               "datePublished": Utc::now().format("%Y-%m-%d").to_string(), "license": "see each file", "hasPart": parts}),
    ];
    for file in staged {
        let asset = assets.get(&file.asset);
        let archive = run
            .archives
            .get(&file.asset.archive())
            .map(|access| access.connector.archive());
        let known =
            asset.and_then(|asset| asset.files.iter().find(|known| known.name == file.name));
        graph.push(json!({
            "@id": below(&file.path),
            "@type": "File",
            "name": asset.map_or_else(|| file.name.clone(), |asset| asset.title.clone()),
            // What it is called at the archive, where it may be packed.
            "alternateName": file.name,
            "identifier": format!("{}@{}", file.asset, file.version),
            "version": file.version,
            "url": known.and_then(address),
            "dateModified": known.and_then(|known| known.modified),
            "sdDatePublished": file.staged,
            "contentSize": file.size_bytes.to_string(),
            "encodingFormat": known.filter(|_| file.path.ends_with(&file.name)).map(|known| known.media_type.clone()),
            "sha256": file.sha256,
            "publisher": archive.map(|archive| archive.publisher.clone()),
            "license": archive.and_then(|archive| archive.license.clone()),
            "verified_by": file.verified_by,
            "method": file.method,
        }));
    }
    json!({"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph})
}

/// Where a file is at its archive; a query has no address that anybody may ask.
fn address(file: &File) -> Option<&str> {
    file.locations.iter().find_map(|location| match location {
        Location::Address(address) => Some(address.as_str()),
        Location::Mounted(_) | Location::Query(_) => None,
    })
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("JSON values are written without fail") + "\n"
}
