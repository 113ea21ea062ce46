//! The tree: folders and the files in them, by path.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::content::Recipe;

/// A file of the tree.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) modified: DateTime<Utc>,
    pub(crate) content: Content,
}

/// Where its bytes are, or come from.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Generated(Recipe),
    Real(PathBuf),
    Added(Bytes),
}

/// What stands under a name in a folder.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Folder,
    File(Entry),
}

/// All folders by their path; the root is `/`, others have no slash at their end.
#[derive(Debug)]
pub(crate) struct Tree {
    folders: BTreeMap<String, BTreeMap<String, Node>>,
}

impl Tree {
    pub(crate) fn new() -> Self {
        Self {
            folders: BTreeMap::from([("/".to_owned(), BTreeMap::new())]),
        }
    }

    /// Adds a file, and the folders to it. A file that is there already stays.
    pub(crate) fn add(&mut self, folder: &str, name: &str, entry: Entry) {
        self.add_folder(folder);
        if let Some(nodes) = self.folders.get_mut(folder) {
            nodes
                .entry(name.to_owned())
                .or_insert_with(|| Node::File(entry));
        }
    }

    /// Adds a folder and those above it.
    fn add_folder(&mut self, path: &str) {
        if self.folders.contains_key(path) {
            return;
        }
        let (above, name) = split(path);
        self.add_folder(&above);
        if let Some(nodes) = self.folders.get_mut(&above) {
            nodes.insert(name, Node::Folder);
        }
        self.folders.insert(path.to_owned(), BTreeMap::new());
    }

    /// The names in a folder.
    pub(crate) fn folder(&self, path: &str) -> Option<&BTreeMap<String, Node>> {
        self.folders.get(path)
    }

    /// The date of a folder: that of its youngest file, or of those below.
    pub(crate) fn modified(&self, path: &str) -> DateTime<Utc> {
        let below = format!("{}/", path.trim_end_matches('/'));
        let of_files = |nodes: &BTreeMap<String, Node>| {
            let dates = nodes.values().filter_map(|node| match node {
                Node::File(entry) => Some(entry.modified),
                Node::Folder => None,
            });
            dates.max()
        };
        let own = self.folders.get(path).and_then(of_files);
        let deeper = || {
            let folders = self.folders.range(below.clone()..);
            let below = folders.take_while(|(path, _)| path.starts_with(&below));
            below.filter_map(|(_, nodes)| of_files(nodes)).max()
        };
        own.or_else(deeper).unwrap_or_default()
    }
}

/// A path from the root with neither empty parts nor dots, without a slash at its end.
pub(crate) fn normal(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// The folder and the name that a normal path is made of; the root has an empty name.
pub(crate) fn split(path: &str) -> (String, String) {
    match path.rsplit_once('/') {
        Some(("", name)) => ("/".to_owned(), name.to_owned()),
        Some((folder, name)) => (folder.to_owned(), name.to_owned()),
        None => ("/".to_owned(), path.to_owned()),
    }
}

/// The path of a name in a folder.
pub(crate) fn join(folder: &str, name: &str) -> String {
    format!("{}/{name}", folder.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_leave_the_root() {
        assert_eq!(normal("/a/./b//../../../c/"), "/c");
        assert_eq!(normal(""), "/");
        assert_eq!(split("/a"), ("/".to_owned(), "a".to_owned()));
        assert_eq!(split("/a/b"), ("/a".to_owned(), "b".to_owned()));
    }
}
