//! Switches: misbehaviour that only an archive of folders and three ways has.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::Way;
use crate::faults::Faults;

/// How a folder changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The file of this name is gone.
    Remove(String),
    /// A file of this name and these bytes appears, or takes the place of one.
    Add(String, Bytes),
}

/// The switches of a running stand-in. Clones are the same switches.
#[derive(Debug, Clone, Default)]
pub struct Switches {
    state: Arc<Mutex<State>>,
    connections: [Faults; 3],
}

#[derive(Debug, Default)]
struct State {
    login_refused: bool,
    case_mixed: bool,
    changes: Vec<(String, u32, Change)>,
    n_listings: HashMap<String, u32>,
    versions: HashMap<String, u32>,
}

impl Switches {
    /// Whether every login is refused: 530 by FTP, no method left by SFTP. HTTP knows no login.
    pub fn refuse_login(&self, on: bool) {
        self.state().login_refused = on;
    }

    /// Whether the letters of every second name have the other case, in listings and for requests.
    pub fn mix_case(&self, on: bool) {
        self.state().case_mixed = on;
    }

    /// Changes a folder after it was listed `n` times from now on, by any way; 0 changes it at once.
    pub fn change_after_listings(&self, n: u32, folder: &str, change: Change) {
        let mut state = self.state();
        let folder = super::tree::normal(folder);
        let so_far = state.n_listings.get(&folder).copied().unwrap_or(0);
        state
            .changes
            .push((folder, so_far.saturating_add(n), change));
    }

    /// Replaces the file of this name, wherever it is: other bytes, another length, a day younger.
    pub fn replace(&self, name: &str) {
        *self.state().versions.entry(name.to_owned()).or_default() += 1;
    }

    /// Closes every `n`-th new connection of a way unanswered, counted from now; `None` closes none.
    /// FTP's are its control connections.
    pub fn drop_every_nth_connection(&self, way: Way, n: Option<u32>) {
        self.connections(way).drop_every_nth_connection(n);
    }

    /// Takes all of these back.
    pub fn clear(&self) {
        *self.state() = State::default();
        for faults in &self.connections {
            faults.clear();
        }
    }

    pub(crate) fn connections(&self, way: Way) -> &Faults {
        let [ftp, sftp, http] = &self.connections;
        match way {
            Way::Ftp => ftp,
            Way::Sftp => sftp,
            Way::Http => http,
        }
    }

    pub(crate) fn refuses_login(&self) -> bool {
        self.state().login_refused
    }

    /// The name as it is shown: every second one, by its letters, in the other case.
    pub(crate) fn shown(&self, name: &str) -> String {
        let is_second = name.bytes().map(u32::from).sum::<u32>() % 2 == 1;
        if !self.state().case_mixed || !is_second {
            return name.to_owned();
        }
        name.chars()
            .map(|c| match c.is_ascii_lowercase() {
                true => c.to_ascii_uppercase(),
                false => c.to_ascii_lowercase(),
            })
            .collect()
    }

    pub(crate) fn note_listing(&self, folder: &str) {
        *self
            .state()
            .n_listings
            .entry(folder.to_owned())
            .or_default() += 1;
    }

    /// The changes of a folder that have come about.
    pub(crate) fn changes(&self, folder: &str) -> Vec<Change> {
        let state = self.state();
        let n_listed = state.n_listings.get(folder).copied().unwrap_or(0);
        let here = state
            .changes
            .iter()
            .filter(|(of, after, _)| of == folder && *after <= n_listed);
        here.map(|(_, _, change)| change.clone()).collect()
    }

    /// How often the file of this name was replaced.
    pub(crate) fn version(&self, name: &str) -> u32 {
        self.state().versions.get(name).copied().unwrap_or(0)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
