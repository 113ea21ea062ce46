//! The suite that every connector passes: one call from its `tests/conformance.rs`.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use gantry_asset::{Asset, AssetId};

use crate::{Connector, Cursor, Harvested, Resume, Since};

/// Everything one harvest yielded.
#[derive(Debug, Default)]
pub struct Harvest {
    /// The assets, by id.
    pub assets: BTreeMap<AssetId, Asset>,
    /// What was rejected, and why.
    pub rejected: Vec<(String, String)>,
    /// The scopes that were completed.
    pub scopes: BTreeSet<String>,
    /// The assets in the order they came.
    pub order: Vec<AssetId>,
    /// Where it could have gone on, and how many assets had come by then.
    pub cursors: Vec<(Cursor, usize)>,
    /// What was noted for harvests after it.
    pub notes: BTreeMap<String, Option<String>>,
    /// The scopes in the order they were completed, each with the number of cursors that had come by then.
    pub completed: Vec<(String, usize)>,
}

/// Harvests everything a connector lists from a cursor on.
///
/// # Errors
/// The first error of the harvest, in words.
pub async fn harvest(connector: &dyn Connector, cursor: Option<Cursor>) -> Result<Harvest, String> {
    harvest_since(connector, cursor.into()).await
}

/// Harvests what a connector lists when it knows what earlier harvests noted.
///
/// # Errors
/// The first error of the harvest, in words.
pub async fn harvest_since(connector: &dyn Connector, since: Since) -> Result<Harvest, String> {
    let mut harvest = Harvest::default();
    let mut events = connector.harvest(since);
    while let Some(event) = events.next().await {
        match event.map_err(|error| error.to_string())? {
            Harvested::Asset(asset) => {
                harvest.order.push(asset.id.clone());
                if let Some(twice) = harvest.assets.insert(asset.id.clone(), *asset) {
                    return Err(format!("`{}` came twice in one harvest", twice.id));
                }
            }
            Harvested::Rejected { what, why } => harvest.rejected.push((what, why)),
            Harvested::ScopeComplete(scope) => {
                harvest
                    .completed
                    .push((scope.clone(), harvest.cursors.len()));
                harvest.scopes.insert(scope);
            }
            Harvested::Cursor(cursor) => harvest.cursors.push((cursor, harvest.order.len())),
            Harvested::Note { about, note } => drop(harvest.notes.insert(about, note)),
            Harvested::Withdrawn(_) => {}
        }
    }
    Ok(harvest)
}

/// Runs the suite: every promise of [`Connector`] that can be checked from outside.
///
/// # Errors
/// The first promise that was broken, in words.
pub async fn conformance(connector: &dyn Connector) -> Result<Harvest, String> {
    let first = harvest(connector, None).await?;
    check_assets(connector, &first)?;
    check_repeatable(connector, &first).await?;
    check_cursors(connector, &first).await?;
    check_bytes(connector, &first).await?;
    Ok(first)
}

fn check_assets(connector: &dyn Connector, harvest: &Harvest) -> Result<(), String> {
    if harvest.assets.is_empty() || harvest.scopes.is_empty() {
        return Err("a whole harvest has assets and completes a scope".to_owned());
    }
    for asset in harvest.assets.values() {
        if asset.id.archive() != connector.archive().id {
            return Err(format!(
                "`{}` is not an asset of {}",
                asset.id,
                connector.archive().id
            ));
        }
        if asset.title.trim().is_empty() {
            return Err(format!("`{}` has no title", asset.id));
        }
        let is_series = asset.id.local().starts_with('~');
        if is_series != asset.files.is_empty() {
            return Err(format!(
                "`{}`: a series has no files, every other asset has",
                asset.id
            ));
        }
        for (field, _) in asset.facets.iter() {
            if gantry_asset::vocabulary().field(field).is_none() {
                return Err(format!(
                    "`{}` has a facet `{field}` that the vocabulary does not know",
                    asset.id
                ));
            }
        }
    }
    match harvest.assets.keys().find(|id| {
        !harvest
            .scopes
            .iter()
            .any(|scope| id.local().starts_with(scope.as_str()))
    }) {
        Some(id) => Err(format!("`{id}` lies in no scope that was completed")),
        None => Ok(()),
    }
}

async fn check_repeatable(connector: &dyn Connector, first: &Harvest) -> Result<(), String> {
    let second = harvest(connector, None).await?;
    let changed = first
        .assets
        .iter()
        .find(|(id, asset)| second.assets.get(id) != Some(asset));
    match changed {
        Some((id, _)) => Err(format!(
            "`{id}` differs in a second harvest of an unchanged archive"
        )),
        None if second.assets.len() != first.assets.len() => {
            Err("a second harvest has more assets".to_owned())
        }
        None => Ok(()),
    }
}

/// From every cursor on, nothing that follows it is missing.
async fn check_cursors(connector: &dyn Connector, first: &Harvest) -> Result<(), String> {
    for (n, (cursor, n_before)) in first.cursors.iter().enumerate().take(3) {
        let rest = harvest(connector, Some(cursor.clone())).await?;
        let missing = first.order[*n_before..]
            .iter()
            .find(|id| !rest.assets.contains_key(*id));
        if let Some(id) = missing {
            return Err(format!("`{id}` is missing when going on from {cursor:?}"));
        }
        if let Some(id) = rest
            .assets
            .keys()
            .find(|id| !first.assets.contains_key(*id))
        {
            return Err(format!("`{id}` appears only when going on from a cursor"));
        }
        // Scopes that were completed before the cursor stay so; they may come again, but no others may.
        let mut after = first
            .completed
            .iter()
            .filter(|(_, n_cursors)| *n_cursors > n);
        let is_missing = after.any(|(scope, _)| !rest.scopes.contains(scope));
        if is_missing || !rest.scopes.is_subset(&first.scopes) {
            return Err(format!(
                "going on from {cursor:?} does not complete the same scopes"
            ));
        }
    }
    Ok(())
}

/// The smallest files open, have the size listed, and resume to the same bytes.
async fn check_bytes(connector: &dyn Connector, harvest: &Harvest) -> Result<(), String> {
    for file in smallest_files(harvest) {
        let (_, whole, resume) = read(connector, file, &Resume::default()).await?;
        if file
            .size_bytes
            .is_some_and(|size| size != whole.len() as u64)
        {
            return Err(format!(
                "`{}` has {} bytes, listed {:?}",
                file.name,
                whole.len(),
                file.size_bytes
            ));
        }
        let half = whole.len() as u64 / 2;
        let same = Resume {
            from: half,
            ..resume
        };
        let (starts_at, rest, _) = read(connector, file, &same).await?;
        if (starts_at != half && starts_at != 0) || rest != whole[starts_at as usize..] {
            return Err(format!(
                "`{}` resumed at byte {half} is not the rest of it",
                file.name
            ));
        }
        check_other_bytes(connector, file, same, &whole).await?;
    }
    Ok(())
}

/// Where the first part was of other bytes, the whole file comes.
async fn check_other_bytes(
    connector: &dyn Connector,
    file: &gantry_asset::File,
    mut resume: Resume,
    whole: &[u8],
) -> Result<(), String> {
    if resume.from == 0 || resume.validator.etag.is_none() {
        return Ok(());
    }
    resume.validator.etag = Some("\"of-other-bytes\"".to_owned());
    let (starts_at, bytes, _) = read(connector, file, &resume).await?;
    if starts_at == 0 && bytes == whole {
        Ok(())
    } else {
        Err(format!(
            "`{}` goes on at byte {starts_at} behind bytes of another file",
            file.name
        ))
    }
}

fn smallest_files(harvest: &Harvest) -> Vec<&gantry_asset::File> {
    let mut files: Vec<_> = harvest
        .assets
        .values()
        .flat_map(|asset| &asset.files)
        .collect();
    files.sort_by_key(|file| file.size_bytes.unwrap_or(u64::MAX));
    files.truncate(5);
    files
}

async fn read(
    connector: &dyn Connector,
    file: &gantry_asset::File,
    resume: &Resume,
) -> Result<(u64, Vec<u8>, Resume), String> {
    let mut stream = connector
        .open(file, resume)
        .await
        .map_err(|error| error.to_string())?;
    let starts_at = stream.starts_at;
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.bytes.next().await {
        bytes.extend_from_slice(&chunk.map_err(|error| error.to_string())?);
    }
    let next = Resume {
        from: 0,
        validator: stream.validator,
        location: Some(stream.location),
        ..Resume::default()
    };
    Ok((starts_at, bytes, next))
}
