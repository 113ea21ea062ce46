//! Files that lie in more than one place: under an alias of their folder, in the folder of the year's broadcast
//! files, at a mirror.
//!
//! Where name and size agree a file is one asset with several locations; it stands where its day or week is.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use gantry_connector::HarvestError;
use gantry_net::{Entry, NetError};
use url::Url;

use crate::Gssc;
use crate::calendar::label;
use crate::files::below;
use crate::names::Name;
use crate::recheck::Broadcast;
use crate::route::is_in;

/// Listings that are kept for the next folder.
const KEPT: usize = 8;
/// The folder beside those of the days.
const BROADCAST: &str = "brdc";

type Sizes = HashMap<String, Option<u64>>;

/// The other places of the files of one archive.
pub(crate) struct Twins<'a> {
    gssc: &'a Gssc,
    kept: VecDeque<(Url, Arc<Sizes>)>,
    /// The broadcast files of the days of one year, by folder.
    broadcast: HashMap<String, Sizes>,
}

/// Where a file that lies under an alias belongs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Proper {
    /// Here.
    Here,
    /// There, and there it is the same.
    Same,
    /// There is another of its name.
    Other {
        /// Its path below the root.
        path: String,
        /// Its size.
        size_bytes: Option<u64>,
    },
}

impl<'a> Twins<'a> {
    pub(crate) fn new(gssc: &'a Gssc) -> Self {
        Self {
            gssc,
            kept: VecDeque::new(),
            broadcast: HashMap::new(),
        }
    }

    /// Where else the files of a folder are, by name.
    pub(crate) async fn also_at(
        &mut self,
        folder: &str,
        entries: &[Entry],
    ) -> Result<HashMap<String, Vec<Url>>, HarvestError> {
        self.keep_broadcast(folder, entries);
        let mut also: HashMap<String, Vec<Url>> = HashMap::new();
        for (url, is_ours) in self.other_folders(folder).await? {
            let there = match self.list(&url).await {
                Ok(there) => there,
                Err(error) if is_ours => return Err(self.failed(error)),
                Err(error) => {
                    tracing::warn!(archive.id = %self.gssc.archive.id, %error, "a mirror could not be listed");
                    continue;
                }
            };
            for entry in entries {
                if entry.size_bytes.is_some() && there.get(&entry.name) == Some(&entry.size_bytes) {
                    let at = gantry_net::child(&url, &entry.name, false);
                    also.entry(entry.name.clone()).or_default().push(at);
                }
            }
        }
        Ok(also)
    }

    /// The folders in which the files of this one may lie too, and whether they are of the same server.
    async fn other_folders(&mut self, folder: &str) -> Result<Vec<(Url, bool)>, HarvestError> {
        let root = self.gssc.facts.root.clone();
        let mut others = Vec::new();
        for alias in &self.gssc.aliases {
            if let Some(rest) = rest_of(folder, &alias.of) {
                let top = below(&root, &alias.alias, true);
                let top = self.list(&top).await.map_err(|error| self.failed(error))?;
                if !top.is_empty() {
                    others.push((below(&root, &format!("{}{rest}", alias.alias), true), true));
                }
            }
        }
        if let Some(year) = year_of(folder) {
            others.push((below(&root, &format!("{year}/{BROADCAST}"), true), true));
        }
        for mirror in &self.gssc.mirrors {
            others.push((below(mirror, folder, true), false));
        }
        Ok(others)
    }

    /// Where a file belongs that may lie under an alias.
    pub(crate) async fn proper(
        &mut self,
        folder: &str,
        entry: &Entry,
        name: &Name,
    ) -> Result<Proper, HarvestError> {
        let Some(home) = self.home(folder, name) else {
            return Ok(Proper::Here);
        };
        let there = match self.broadcast.get(&home) {
            Some(sizes) => sizes.get(&entry.name).copied(),
            None => {
                let url = below(&self.gssc.facts.root, &home, true);
                let sizes = self.list(&url).await.map_err(|error| self.failed(error))?;
                sizes.get(&entry.name).copied()
            }
        };
        Ok(match there {
            None => Proper::Here,
            Some(Some(size)) if Some(size) == entry.size_bytes => Proper::Same,
            Some(size_bytes) => Proper::Other {
                path: format!("{home}/{}", entry.name),
                size_bytes,
            },
        })
    }

    /// The folder in which a file of this folder belongs, where that is another one.
    fn home(&self, folder: &str, name: &Name) -> Option<String> {
        if let Some(year) = folder.strip_suffix(&format!("/{BROADCAST}")) {
            let day = label(name.start?.date());
            let day = day
                .strip_prefix(year.rsplit('/').next()?)?
                .strip_prefix('-')?;
            return Some(format!("{year}/{day}"));
        }
        let aliases = &self.gssc.aliases;
        aliases.iter().find_map(|alias| {
            rest_of(folder, &alias.alias).map(|rest| format!("{}{rest}", alias.of))
        })
    }

    /// The broadcast files of a day's folder.
    pub(crate) fn broadcast(&self, folder: &str) -> Broadcast {
        let sizes = self.broadcast.get(folder).into_iter().flatten();
        sizes.map(|(name, size)| (name.clone(), *size)).collect()
    }

    /// Takes the broadcast files of a day's folder from what was noted of it.
    pub(crate) fn take_broadcast(&mut self, folder: &str, sizes: &Broadcast) {
        if year_of(folder).is_some() {
            let sizes = sizes.iter().map(|(name, size)| (name.clone(), *size));
            self.broadcast.insert(folder.to_owned(), sizes.collect());
        }
    }

    /// Remembers the broadcast files of a day, so that its folder need not be listed again.
    fn keep_broadcast(&mut self, folder: &str, entries: &[Entry]) {
        let Some(year) = year_of(folder) else {
            return;
        };
        self.broadcast.retain(|other, _| is_in(other, year));
        let is_broadcast = |entry: &&Entry| entry.name.to_ascii_lowercase().starts_with("brdc");
        let sizes = entries.iter().filter(is_broadcast);
        let sizes = sizes.map(|entry| (entry.name.clone(), entry.size_bytes));
        self.broadcast.insert(folder.to_owned(), sizes.collect());
    }

    /// The names and sizes in a folder; none when it is not there.
    async fn list(&mut self, url: &Url) -> Result<Arc<Sizes>, NetError> {
        if let Some((_, sizes)) = self.kept.iter().find(|(kept, _)| kept == url) {
            return Ok(Arc::clone(sizes));
        }
        let entries = match self.gssc.client.list(url).await {
            Err(error) if error.is_not_found() => Vec::new(),
            answer => answer?,
        };
        let sizes = entries
            .into_iter()
            .map(|entry| (entry.name, entry.size_bytes));
        let sizes = Arc::new(sizes.collect::<Sizes>());
        self.kept.push_back((url.clone(), Arc::clone(&sizes)));
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
        Ok(sizes)
    }

    fn failed(&self, source: NetError) -> HarvestError {
        HarvestError::Net {
            archive: self.gssc.archive.id.clone(),
            what: "folder",
            source,
        }
    }
}

/// What follows a folder in a path, with its slash.
fn rest_of<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    is_in(path, folder).then(|| &path[folder.len()..])
}

/// The folder of the year, when this one is of a day in it: `…/daily/2023` of `…/daily/2023/001`.
fn year_of(folder: &str) -> Option<&str> {
    let (year, day) = folder.rsplit_once('/')?;
    let (above, digits) = year.rsplit_once('/')?;
    let is_number = |text: &str, n| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
    (above.ends_with("daily") && is_number(digits, 4) && is_number(day, 3)).then_some(year)
}
