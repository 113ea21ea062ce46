//! Walking a tree of folders at an address: over HTTP, FTP or SFTP, whichever the address names.
//!
//! [`Walk`] lists every folder that is asked for exactly once and tells what it found in the order
//! of the names, those in [`Walk::first`] before others, a folder's own entries first and then what lies below them. It lists folders
//! ahead, as many at once as the client's limits allow, without changing that order. What happens
//! to the files found is left to the caller.

use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt};
use gantry_net::{Client, Entry, NetError, child};
use tokio::task::JoinHandle;
use url::Url;

/// What a walk tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A file or a folder.
    Found {
        /// Its path below the root, without a slash at either end.
        path: String,
        /// What the listing says of it.
        entry: Entry,
    },
    /// Everything in this folder itself was told; what lies in its folders comes later.
    FolderComplete {
        /// The folder's path below the root; empty for the root.
        path: String,
    },
    /// The folder is not there, or no longer.
    FolderMissing {
        /// The folder's path below the root; empty for the root.
        path: String,
    },
    /// The folder is there and cannot be told: its listing is none that can be relied on, or it lies too deep. What it
    /// holds is not known; the walk goes on beside it.
    FolderRefused {
        /// The folder's path below the root, never the root itself.
        path: String,
        /// Why, to stand behind the folder's path.
        why: String,
    },
}

/// A walk that ended before its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// A folder could not be listed whole.
    #[error("could not list the folder `{path}`")]
    Net {
        /// The folder's path below the root.
        path: String,
        /// Why not.
        source: NetError,
    },
    /// More names than a walk takes.
    #[error("the tree has more than {limit} names")]
    TooMany {
        /// How many it takes.
        limit: usize,
    },
}

impl TreeError {
    /// Whether the same walk may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Net { source, .. } if source.is_transient())
    }
}

/// A walk through the folders below a root.
#[derive(Debug, Clone)]
pub struct Walk {
    /// Who asks.
    pub client: Client,
    /// The folder that the walk begins with.
    pub root: Url,
    /// How deep folders may lie below the root, which lies at 0. 32.
    pub max_depth: usize,
    /// How many names are taken in all. 20 000 000.
    pub max_entries: usize,
    /// Whether links to folders are followed, through at most [`Walk::MAX_LINKS`] on one path. No.
    pub follow_links: bool,
    /// Folders that are told before those beside them, with all that leads to them, by path below the root.
    pub first: Vec<String>,
}

/// Which folders are gone into, by path below the root.
type Decide = Arc<dyn Fn(&str, &Entry) -> bool + Send + Sync>;

impl Walk {
    /// Links that one path may lead through, so that one that leads back ends somewhere.
    pub const MAX_LINKS: usize = 4;

    /// A walk below a folder, with the usual limits.
    #[must_use]
    pub fn new(client: Client, root: Url) -> Self {
        Self {
            client,
            root,
            max_depth: 32,
            max_entries: 20_000_000,
            follow_links: false,
            first: Vec::new(),
        }
    }

    fn is_first(&self, path: &str) -> bool {
        let is_in = |path: &str, folder: &str| {
            let rest = path.strip_prefix(folder);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut first = self.first.iter();
        first.any(|folder| is_in(folder, path) || is_in(path, folder))
    }

    /// Walks, going into the folders that `descend` says yes to; the root always.
    ///
    /// A folder that vanished since it was found is told as [`Event::FolderMissing`], one that cannot be relied on as
    /// [`Event::FolderRefused`]. The stream
    /// ends after an error; what was told as complete before it remains so.
    pub fn events(
        self,
        descend: impl Fn(&str, &Entry) -> bool + Send + Sync + 'static,
    ) -> BoxStream<'static, Result<Event, TreeError>> {
        let root = Folder {
            path: String::new(),
            url: self.root.clone(),
            depth: 0,
            n_links: 0,
            may_be_a_file: false,
            listing: None,
        };
        let walking = Walking {
            walk: self,
            descend: Arc::new(descend),
            folders: vec![root],
            n_entries: 0,
        };
        stream::unfold(Some(walking), |walking| async move {
            let mut walking = walking?;
            let events = walking.next_folder().await?;
            let goes_on = events.last().is_none_or(Result::is_ok);
            Some((stream::iter(events), goes_on.then_some(walking)))
        })
        .flatten()
        .boxed()
    }
}

/// A folder still to be told.
struct Folder {
    path: String,
    url: Url,
    depth: usize,
    n_links: usize,
    /// A link of which the server does not say what is behind it.
    may_be_a_file: bool,
    listing: Option<Listing>,
}

impl Folder {
    fn below(&self, path: &str, entry: &Entry) -> Self {
        Self {
            url: child(&self.url, &entry.name, true),
            path: path.to_owned(),
            depth: self.depth + 1,
            n_links: self.n_links + usize::from(entry.is_link),
            may_be_a_file: !entry.is_folder,
            listing: None,
        }
    }
}

/// A listing under way; called off when dropped.
struct Listing(JoinHandle<Result<Vec<Entry>, NetError>>);

impl Drop for Listing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Walking {
    walk: Walk,
    descend: Decide,
    /// The folders still to be told, the next one last.
    folders: Vec<Folder>,
    n_entries: usize,
}

impl Walking {
    /// What is told of the next folder; none when all were told.
    async fn next_folder(&mut self) -> Option<Vec<Result<Event, TreeError>>> {
        let ahead = self.walk.client.limits().max_in_flight.max(1);
        for folder in self.folders.iter_mut().rev().take(ahead) {
            let (client, url) = (self.walk.client.clone(), folder.url.clone());
            folder.listing.get_or_insert_with(|| {
                Listing(tokio::spawn(async move { client.list(&url).await }))
            });
        }
        let mut folder = self.folders.pop()?;
        let mut listing = folder.listing.take()?;
        let path = folder.path.clone();
        match (&mut listing.0).await {
            Ok(Ok(entries)) => Some(self.tell(&folder, entries)),
            Ok(Err(error)) if error.is_not_found() && folder.may_be_a_file => Some(Vec::new()),
            Ok(Err(error)) if error.is_not_found() => Some(vec![Ok(Event::FolderMissing { path })]),
            Ok(Err(source @ NetError::BadLine { .. })) if !path.is_empty() => {
                let why = source.to_string();
                Some(vec![Ok(Event::FolderRefused { path, why })])
            }
            Ok(Err(source)) => Some(vec![Err(TreeError::Net { path, source })]),
            // Nobody calls it off while we wait, so it panicked.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    fn tell(&mut self, folder: &Folder, entries: Vec<Entry>) -> Vec<Result<Event, TreeError>> {
        self.n_entries += entries.len();
        if self.n_entries > self.walk.max_entries {
            let limit = self.walk.max_entries;
            return vec![Err(TreeError::TooMany { limit })];
        }
        let mut events = Vec::with_capacity(entries.len() + 1);
        let (mut below, mut too_deep) = (Vec::new(), Vec::new());
        for entry in entries {
            let path = match folder.path.as_str() {
                "" => entry.name.clone(),
                above => format!("{above}/{}", entry.name),
            };
            if self.goes_into(folder, &path, &entry) {
                match folder.depth < self.walk.max_depth {
                    true => below.push(folder.below(&path, &entry)),
                    false => too_deep.push(path.clone()),
                }
            }
            events.push(Ok(Event::Found { path, entry }));
        }
        events.push(Ok(Event::FolderComplete {
            path: folder.path.clone(),
        }));
        // Perhaps a folder that leads back to where it lies.
        let why = format!("lies deeper than {} folders", self.walk.max_depth);
        events.extend(too_deep.into_iter().map(|path| {
            let why = why.clone();
            Ok(Event::FolderRefused { path, why })
        }));
        below.sort_by_key(|folder| !self.walk.is_first(&folder.path));
        self.folders.extend(below.into_iter().rev());
        events
    }

    fn goes_into(&self, folder: &Folder, path: &str, entry: &Entry) -> bool {
        let may = match entry.is_link {
            true => self.walk.follow_links && folder.n_links < Walk::MAX_LINKS,
            false => entry.is_folder,
        };
        may && (self.descend)(path, entry)
    }
}

/// Finds a name in a folder without regard to case; the entry has the server's spelling.
///
/// The name as it is goes before other spellings, and among these the first in order. None when
/// neither is there, nor when the folder is not.
///
/// # Errors
/// As [`Client::list`].
pub async fn find_without_case(
    client: &Client,
    folder: &Url,
    name: &str,
) -> Result<Option<Entry>, NetError> {
    let entries = match client.list(folder).await {
        Err(error) if error.is_not_found() => return Ok(None),
        answer => answer?,
    };
    let wanted = name.to_lowercase();
    let same = entries
        .into_iter()
        .filter(|entry| entry.name.to_lowercase() == wanted);
    Ok(same.min_by_key(|entry| (entry.name != name, entry.name.clone())))
}
