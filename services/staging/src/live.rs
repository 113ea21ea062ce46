//! What is moving right now: shown to whoever looks, kept nowhere.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The files that are moving, by job.
#[derive(Debug, Clone, Default)]
pub struct Live(Arc<Mutex<HashMap<String, LiveJob>>>);

#[derive(Debug, Default)]
struct LiveJob {
    files: HashMap<u64, u64>,
    moved: u64,
    recent: VecDeque<(Instant, u64)>,
}

/// Speed is measured over this long.
const WINDOW: Duration = Duration::from_secs(10);

impl Live {
    fn with<T>(&self, job: &str, change: impl FnOnce(&mut LiveJob) -> T) -> T {
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(jobs.entry(job.to_owned()).or_default())
    }

    /// A file has this many bytes now, of which `moved` came just now over the network.
    pub(crate) fn advance(&self, job: &str, position: u64, bytes_done: u64, moved: u64) {
        self.with(job, |live| {
            live.files.insert(position, bytes_done);
            live.moved += moved;
            let now = Instant::now();
            live.recent.push_back((now, moved));
            while live
                .recent
                .front()
                .is_some_and(|(at, _)| now - *at > WINDOW)
            {
                live.recent.pop_front();
            }
        });
    }

    /// A file moves no more.
    pub(crate) fn settle(&self, job: &str, position: u64) {
        self.with(job, |live| live.files.remove(&position));
    }

    /// Takes the bytes that were moved since the last time.
    pub(crate) fn take_moved(&self, job: &str) -> u64 {
        self.with(job, |live| std::mem::take(&mut live.moved))
    }

    /// Forgets a job.
    pub(crate) fn forget(&self, job: &str) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(job);
    }

    /// How many bytes of the files that move are there, by position.
    #[must_use]
    pub fn moving(&self, job: &str) -> HashMap<u64, u64> {
        let jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.get(job)
            .map(|live| live.files.clone())
            .unwrap_or_default()
    }

    /// How fast a job moves, over the last ten seconds.
    #[must_use]
    pub fn bytes_per_second(&self, job: &str) -> Option<u64> {
        let jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let live = jobs.get(job)?;
        let first = live.recent.front()?.0;
        let bytes: u64 = live.recent.iter().map(|(_, bytes)| bytes).sum();
        let seconds = first.elapsed().as_secs_f64();
        (seconds > 0.5).then(|| (bytes as f64 / seconds) as u64)
    }
}
