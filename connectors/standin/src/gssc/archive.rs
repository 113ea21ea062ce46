//! The archive: what the three ways see of the tree, with its faults and changes.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::Way;
use super::log::{GsscAction, Log};
use super::store::Store;
use super::switches::{Change, Switches};
use super::tree::{Content, Entry, Node, Tree, join, normal, split};
use crate::answer::Source;
use crate::error::StandinError;
use crate::faults::{Faults, Struck};

/// What the servers share.
#[derive(Debug)]
pub(crate) struct Archive {
    pub(crate) tree: Tree,
    pub(crate) store: Store,
    pub(crate) faults: Faults,
    pub(crate) switches: Switches,
    pub(crate) log: Log,
}

/// A folder or file as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) is_folder: bool,
    pub(crate) size_bytes: u64,
    pub(crate) modified: DateTime<Utc>,
}

/// A file about to be read.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) item: Item,
    pub(crate) source: Source,
    pub(crate) struck: Struck,
}

impl Archive {
    /// What a folder holds, in order of names; nothing when there is no such folder.
    pub(crate) async fn list(
        self: &Arc<Self>,
        way: Way,
        path: &str,
    ) -> Result<Option<Vec<Item>>, StandinError> {
        let path = normal(path);
        let archive = Arc::clone(self);
        let folder = path.clone();
        let items = blocking(move || archive.items(&folder)).await?;
        self.log
            .note(way, GsscAction::List, &path, 0, items.is_some());
        if items.is_some() {
            self.switches.note_listing(&path);
        }
        Ok(items)
    }

    /// What stands at a path; nothing when there is nothing.
    pub(crate) async fn stat(self: &Arc<Self>, path: &str) -> Result<Option<Item>, StandinError> {
        let archive = Arc::clone(self);
        let path = normal(path);
        blocking(move || {
            if archive.tree.folder(&path).is_some() {
                return Ok(Some(archive.folder_item(&path)));
            }
            match archive.find(&path) {
                Some((path, entry)) if !archive.is_removed(&path) => {
                    archive.file_item(&path, &entry).map(Some)
                }
                _ => Ok(None),
            }
        })
        .await
    }

    /// A file's bytes, and the faults that strike its reading; nothing when there is no such file.
    pub(crate) async fn open(
        self: &Arc<Self>,
        way: Way,
        path: &str,
        from: u64,
        is_head: bool,
    ) -> Result<Option<Opened>, StandinError> {
        let archive = Arc::clone(self);
        let path = normal(path);
        let asked = path.clone();
        let opened = blocking(move || {
            let Some((path, entry)) = archive.find(&path) else {
                return Ok(None);
            };
            let item = archive.file_item(&path, &entry)?;
            let source = archive.source(&path, &entry)?;
            let struck = archive.faults.strike(&split(&path).1, is_head);
            Ok(Some(Opened {
                item,
                source,
                struck,
            }))
        })
        .await?;
        let opened = opened.filter(|opened| !opened.struck.removed);
        if !is_head {
            let is_available = |opened: &Opened| opened.struck.unavailable.is_none();
            let granted = opened.as_ref().is_some_and(is_available);
            self.log
                .note(way, GsscAction::Retrieve, &asked, from, granted);
        }
        Ok(opened)
    }

    /// The files and folders of a folder as they are now, by their own names.
    fn nodes(&self, folder: &str) -> Option<BTreeMap<String, Node>> {
        let mut nodes = self.tree.folder(folder)?.clone();
        for change in self.switches.changes(folder) {
            match change {
                Change::Remove(name) => {
                    nodes.remove(&name);
                }
                Change::Add(name, bytes) => {
                    let entry = Entry {
                        modified: self.tree.modified(folder) + TimeDelta::days(1),
                        content: Content::Added(bytes),
                    };
                    nodes.insert(name, Node::File(entry));
                }
            }
        }
        Some(nodes)
    }

    fn items(&self, folder: &str) -> Result<Option<Vec<Item>>, StandinError> {
        let Some(nodes) = self.nodes(folder) else {
            return Ok(None);
        };
        let there = nodes
            .iter()
            .filter(|(name, _)| !self.faults.state_of(name).removed);
        let items = there.map(|(name, node)| match node {
            Node::Folder => Ok(self.folder_item(&join(folder, name))),
            Node::File(entry) => self.file_item(&join(folder, name), entry),
        });
        items.collect::<Result<_, _>>().map(Some)
    }

    /// The own path and the entry of a file that is asked for as it is shown.
    fn find(&self, path: &str) -> Option<(String, Entry)> {
        let (folder, shown) = split(path);
        let nodes = self.nodes(&folder)?;
        let is_it = |name: &String| self.switches.shown(name) == shown;
        let (name, node) = nodes.into_iter().find(|(name, _)| is_it(name))?;
        match node {
            Node::File(entry) => Some((join(&folder, &name), entry)),
            Node::Folder => None,
        }
    }

    fn is_removed(&self, path: &str) -> bool {
        self.faults.state_of(&split(path).1).removed
    }

    fn folder_item(&self, path: &str) -> Item {
        let n_changes = self.switches.changes(path).len();
        Item {
            name: split(path).1,
            is_folder: true,
            size_bytes: 4096,
            modified: self.tree.modified(path) + TimeDelta::days(n_changes.min(1) as i64),
        }
    }

    fn file_item(&self, path: &str, entry: &Entry) -> Result<Item, StandinError> {
        let name = split(path).1;
        let size_bytes = match self.source(path, entry)? {
            Source::Memory(bytes) => bytes.len() as u64,
            Source::File(file) => std::fs::metadata(&file)
                .map_err(|source| StandinError::File { path: file, source })?
                .len(),
        };
        let days = i64::from(self.switches.version(&name))
            + i64::from(self.faults.state_of(&name).changed);
        Ok(Item {
            name: self.switches.shown(&name),
            is_folder: false,
            size_bytes,
            modified: entry.modified + TimeDelta::days(days),
        })
    }

    fn source(&self, path: &str, entry: &Entry) -> Result<Source, StandinError> {
        let version = self.switches.version(&split(path).1);
        Ok(match &entry.content {
            Content::Added(bytes) => Source::Memory(bytes.clone()),
            Content::Real(file) if version == 0 => Source::File(file.clone()),
            Content::Real(file) => Source::File(self.store.replaced(path, file, version)?),
            Content::Generated(recipe) => {
                Source::File(self.store.generated(path, recipe, version)?)
            }
        })
    }
}

impl Item {
    /// Changes whenever size or date do.
    pub(crate) fn etag(&self) -> String {
        format!("\"{:x}-{:x}\"", self.modified.timestamp(), self.size_bytes)
    }
}

/// Runs what waits for disks or computes for long on a thread for that.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StandinError> + Send + 'static,
) -> Result<T, StandinError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(StandinError::Threads(io::Error::other(error))))
}
