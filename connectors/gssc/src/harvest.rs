//! From the tree to assets: a folder at a time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::StreamExt;
use futures::stream::BoxStream;
use gantry_asset::{Asset, AssetId, Related, Relation};
use gantry_connector::tree::{Event, TreeError, Walk};
use gantry_connector::{Cursor, HarvestError, Harvested, Since};
use gantry_net::Entry;

use crate::Gssc;
use crate::files::Found;
use crate::names::{Name, read_name};
use crate::recheck::Rechecks;
use crate::route::{OpenFolders, Route, Way};
use crate::stations::Stations;
use crate::twins::{Proper, Twins};
use crate::{asset, series};

/// The scope of all series.
const SERIES: &str = "~";
/// When more folders cannot be relied on, neither can the archive, as it is now.
const MOST_REFUSED: usize = 100;

pub(crate) fn harvest(
    gssc: &Gssc,
    mut since: Since,
) -> BoxStream<'_, Result<Harvested, HarvestError>> {
    Box::pin(async_stream::try_stream! {
        let route = gssc.route(since.cursor);
        let stations = Stations::take(&mut since.notes);
        let rechecks = Arc::new(Rechecks::read(since.notes, &gssc.told_by, Utc::now()));
        let mut walk = Walk::new(gssc.client.clone(), gssc.facts.root.clone());
        // Only a link that leads to a folder asked for is followed; see `Route::way`.
        walk.follow_links = true;
        walk.first.clone_from(&route.first);
        let (decide, known) = (route.clone(), Arc::clone(&rechecks));
        let mut events = walk.events(move |path, entry| decide.way(path, entry) == Way::Into && !known.leaves_out(path, entry));
        let mut open = OpenFolders::default();
        let (mut entries, mut listed) = (Vec::new(), HashSet::new());
        let mut told = Told { gssc, rechecks, twins: Twins::new(gssc), series: HashSet::new(), times: HashMap::new(), stations, n_refused: 0 };
        while let Some(event) = events.next().await {
            match event.map_err(|error| gssc.failed(error))? {
                Event::Found { path, entry } if entry.is_folder => {
                    told.found(&mut open, &route, &path, &entry);
                    listed.insert(entry.name);
                }
                Event::Found { entry, .. } => {
                    // Behind a link there may be a folder.
                    listed.extend(entry.is_link.then(|| entry.name.clone()));
                    entries.push(entry);
                }
                Event::FolderMissing { path } if path.is_empty() => Err(gssc.has_no("folder", gssc.facts.root.path()))?,
                Event::FolderMissing { path } => tracing::debug!(folder = path, "a folder vanished while it was walked"),
                Event::FolderRefused { path, why } => {
                    for harvested in told.refused(&mut open, &route, path, why)? {
                        yield harvested;
                    }
                }
                Event::FolderComplete { path } => {
                    open.meet(&route, &path);
                    for harvested in told.whole(&route, open.enter(&path)) {
                        yield harvested;
                    }
                    let here = std::mem::take(&mut entries);
                    for harvested in told.vanished(&route, &path, &std::mem::take(&mut listed)) {
                        yield harvested;
                    }
                    if !route.counts(&path) {
                        continue;
                    }
                    if route.was_told(&path) {
                        // What the logs say is needed again.
                        let _ = told.stations.read(gssc, &path, &here).await;
                        continue;
                    }
                    for await harvested in told.folder(&path, here) {
                        yield harvested?;
                    }
                    // Behind a refused folder nothing is resumed: its parent would then count as whole.
                    if told.n_refused == 0 {
                        yield Harvested::Cursor(gssc.cursor(&path));
                    }
                }
            }
        }
        for harvested in told.whole(&route, open.end()) {
            yield harvested;
        }
        for harvested in gssc.missing(&open, &route)? {
            yield harvested;
        }
        if open.is_whole(&route, |folder| gssc.aliases.iter().any(|alias| alias.alias == folder)) {
            yield Harvested::ScopeComplete(SERIES.to_owned());
        }
    })
}

impl Gssc {
    /// Where to walk, from a cursor on; a cursor of another configuration does not count.
    fn route(&self, cursor: Option<Cursor>) -> Route {
        let done = cursor.and_then(|Cursor(text)| {
            let path = text.strip_prefix(&self.route_mark())?.strip_prefix(' ')?;
            Some(path.to_owned())
        });
        Route {
            done,
            ..self.route.clone()
        }
    }

    fn cursor(&self, path: &str) -> Cursor {
        Cursor(format!("{} {path}", self.route_mark()))
    }

    /// What tells a walk through other folders or years from this one.
    fn route_mark(&self) -> String {
        use std::hash::{Hash, Hasher};
        let mut hasher = std::hash::DefaultHasher::new();
        (&self.route.folders, &self.route.years, &self.route.first).hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    /// The prefix of all ids in a folder; none for one that only leads to those asked for.
    fn scope(&self, route: &Route, path: &str) -> Option<String> {
        route.counts(path).then_some(())?;
        if path.is_empty() {
            return Some(String::new());
        }
        let id = AssetId::from_path(&self.archive.id, path).ok()?;
        Some(format!("{}~", id.local()))
    }

    /// What is told of folders asked for that the tree does not have; an error where it has none of them.
    fn missing(&self, open: &OpenFolders, route: &Route) -> Result<Vec<Harvested>, HarvestError> {
        let missing = open.missing(route);
        if missing.len() == route.folders.len() {
            return Err(self.has_no("folder", &missing.join(", ")));
        }
        // Not every archive has all of the folders that are shipped.
        let named = missing.into_iter().filter(|_| self.asks_for_folders);
        let why = "is named in `folders` and not in the tree";
        Ok(named
            .map(|what| Harvested::Rejected {
                what,
                why: why.to_owned(),
            })
            .collect())
    }

    fn has_no(&self, what: &'static str, which: &str) -> HarvestError {
        HarvestError::Missing {
            archive: self.archive.id.clone(),
            what,
            which: which.to_owned(),
        }
    }

    fn failed(&self, error: TreeError) -> HarvestError {
        let archive = self.archive.id.clone();
        match error {
            TreeError::Net { source, .. } => HarvestError::Net {
                archive,
                what: "folder",
                source,
            },
            other => HarvestError::Unreadable {
                archive,
                what: "tree",
                why: other.to_string(),
            },
        }
    }
}

/// What was told so far.
struct Told<'a> {
    gssc: &'a Gssc,
    rechecks: Arc<Rechecks>,
    twins: Twins<'a>,
    series: HashSet<AssetId>,
    /// The times of folders in the listings above them, until they are whole.
    times: HashMap<String, Option<DateTime<Utc>>>,
    stations: Stations,
    n_refused: usize,
}

impl Told<'_> {
    /// Takes note of a folder that was found, whether it is gone into or left out.
    fn found(&mut self, open: &mut OpenFolders, route: &Route, path: &str, entry: &Entry) {
        let is_left_out =
            route.way(path, entry) == Way::Into && self.rechecks.leaves_out(path, entry);
        if !is_left_out {
            self.times.insert(path.to_owned(), entry.modified);
            return open.found(route, path, entry);
        }
        open.leave_out(route, path);
        if let Some(broadcast) = self.rechecks.broadcast(path) {
            self.twins.take_broadcast(path, broadcast);
        }
    }

    /// What follows from a folder that cannot be relied on; an error where too much depends on it.
    fn refused(
        &mut self,
        open: &mut OpenFolders,
        route: &Route,
        path: String,
        why: String,
    ) -> Result<Vec<Harvested>, HarvestError> {
        self.n_refused += 1;
        if !route.counts(&path) || self.n_refused > MOST_REFUSED {
            return Err(HarvestError::Unreadable {
                archive: self.gssc.archive.id.clone(),
                what: "folder",
                why: format!("`{path}` {why}"),
            });
        }
        let mut events = self.whole(route, open.refuse(&path));
        events.push(Harvested::Rejected { what: path, why });
        Ok(events)
    }

    /// What follows from folders being whole: their scopes, and notes about them.
    fn whole(&mut self, route: &Route, folders: Vec<String>) -> Vec<Harvested> {
        let mut events = Vec::new();
        for path in folders {
            let modified = self.times.remove(&path).flatten();
            if let Some(scope) = self.gssc.scope(route, &path) {
                events.push(Harvested::ScopeComplete(scope));
                let broadcast = self.twins.broadcast(&path);
                if let Some(note) = self.rechecks.note(&path, modified, broadcast) {
                    events.push(Harvested::Note {
                        about: path,
                        note: Some(note),
                    });
                }
            }
        }
        events
    }

    /// What follows from folders being in a listing no more that earlier harvests have told.
    fn vanished(&self, route: &Route, path: &str, listed: &HashSet<String>) -> Vec<Harvested> {
        let mut events = Vec::new();
        for vanished in self.rechecks.vanished(path, |name| listed.contains(name)) {
            if let Some(scope) = self.gssc.scope(route, &vanished.folder) {
                events.push(Harvested::ScopeComplete(scope));
                let taken_back = vanished.noted.into_iter();
                events.extend(taken_back.map(|about| Harvested::Note { about, note: None }));
            }
        }
        events
    }

    /// The assets of one folder, a series before the first of its members.
    fn folder<'s>(
        &'s mut self,
        folder: &'s str,
        entries: Vec<Entry>,
    ) -> BoxStream<'s, Result<Harvested, HarvestError>> {
        Box::pin(async_stream::try_stream! {
            let mut also = self.twins.also_at(folder, &entries).await?;
            let (notes, mut faults) = self.stations.read(self.gssc, folder, &entries).await;
            for note in notes {
                yield note;
            }
            for entry in entries {
                let name = read_name(&entry.name);
                // FTP does not tell whether a file or a folder is behind a link.
                if entry.is_link && name.is_other() {
                    continue;
                }
                let related = match self.twins.proper(folder, &entry, &name).await? {
                    Proper::Same => continue,
                    Proper::Here => None,
                    Proper::Other { path, size_bytes } => self.same_name(&path, size_bytes),
                };
                let also_at = also.remove(&entry.name).unwrap_or_default();
                let path = format!("{folder}/{}", entry.name);
                let found = Found { path: path.trim_start_matches('/').to_owned(), entry, also_at };
                match asset::asset(&self.gssc.facts, &found, &name) {
                    Ok(mut asset) => {
                        asset.related.extend(related);
                        self.gssc.look_into(&mut asset, &name).await;
                        self.stations.describe(&mut asset, &name);
                        self.stations.describe_log(&mut asset, &found.path);
                        asset.warnings.extend(faults.remove(&found.path));
                        if let Some(series) = self.new_series(&asset, &name) {
                            yield Harvested::Asset(Box::new(series));
                        }
                        yield Harvested::Asset(Box::new(asset));
                    }
                    Err(error) => yield Harvested::Rejected { what: found.path, why: error.to_string() },
                }
            }
        })
    }

    fn new_series(&mut self, asset: &Asset, name: &Name) -> Option<Asset> {
        let id = asset.series.clone()?;
        self.series.insert(id.clone()).then(|| {
            let mut series = series::asset(&self.gssc.facts, id, name);
            self.stations.describe(&mut series, name);
            series
        })
    }

    fn same_name(&self, path: &str, size_bytes: Option<u64>) -> Option<Related> {
        let size = size_bytes.map_or_else(|| "unknown size".to_owned(), |n| format!("{n} bytes"));
        Some(Related {
            relation: Relation::SameName,
            asset: AssetId::from_path(&self.gssc.archive.id, path).ok()?,
            label: format!("the file of this name in its own folder, {size}"),
        })
    }
}

impl Gssc {
    async fn look_into(&self, asset: &mut Asset, name: &Name) {
        if self.peek.wants(!name.is_other()) {
            self.peek_into(asset, name).await;
        }
    }
}
