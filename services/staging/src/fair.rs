//! Places at the archives, shared out fairly: each archive is asked by so many files at once, and whoever waits gets a
//! place in turn by user, however many jobs a user has.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use gantry_asset::ArchiveId;
use tokio::sync::oneshot;

/// The places of all archives; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places(Arc<Mutex<HashMap<ArchiveId, Queue>>>);

#[derive(Debug, Default)]
struct Queue {
    taken: usize,
    /// Users that wait, whoever comes next first, with those of their files that wait.
    waiting: VecDeque<(String, VecDeque<oneshot::Sender<Place>>)>,
}

/// A place at an archive; it goes to whoever is next when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Places,
    archive: ArchiveId,
}

impl Places {
    /// Waits for one of the `n` places of an archive.
    pub(crate) async fn take(&self, archive: &ArchiveId, n: usize, user: &str) -> Place {
        loop {
            let coming = {
                let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                let queue = queues.entry(archive.clone()).or_default();
                if queue.taken < n.max(1) {
                    queue.taken += 1;
                    return self.place(archive);
                }
                queue.wait(user)
            };
            // An error would mean that the queue is gone, which it never is.
            if let Ok(place) = coming.await {
                return place;
            }
        }
    }

    fn place(&self, archive: &ArchiveId) -> Place {
        Place {
            places: self.clone(),
            archive: archive.clone(),
        }
    }

    /// Gives a place that became free to whoever is next.
    fn pass_on(&self, archive: &ArchiveId) {
        let next = {
            let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(queue) = queues.get_mut(archive) else {
                return;
            };
            let next = queue.next();
            if next.is_none() {
                queue.taken = queue.taken.saturating_sub(1);
            }
            next
        };
        if let Some(next) = next {
            // When nobody waits for this one any more, dropping the place passes it on again.
            drop(next.send(self.place(archive)));
        }
    }
}

impl Queue {
    fn wait(&mut self, user: &str) -> oneshot::Receiver<Place> {
        let (sender, receiver) = oneshot::channel();
        match self.waiting.iter_mut().find(|(of, _)| of == user) {
            Some((_, files)) => files.push_back(sender),
            None => self
                .waiting
                .push_back((user.to_owned(), VecDeque::from([sender]))),
        }
        receiver
    }

    /// The first file of the user whose turn it is; the user goes to the end.
    fn next(&mut self) -> Option<oneshot::Sender<Place>> {
        let (user, mut files) = self.waiting.pop_front()?;
        let next = files.pop_front();
        if !files.is_empty() {
            self.waiting.push_back((user, files));
        }
        next
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let places = self.places.clone();
        places.pass_on(&self.archive);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_user_with_many_files_waits_as_long_as_one_with_few() {
        let (places, archive) = (Places::default(), ArchiveId::new("planck").unwrap());
        let held = places.take(&archive, 1, "ada").await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut waiting = Vec::new();
        for user in ["ada", "ada", "ada", "ada", "bob", "eve", "eve"] {
            let (places, archive, order) = (places.clone(), archive.clone(), Arc::clone(&order));
            waiting.push(tokio::spawn(async move {
                let place = places.take(&archive, 1, user).await;
                order.lock().unwrap().push(user);
                drop(place);
            }));
            tokio::task::yield_now().await;
        }
        // One that gives up takes nobody's place with it.
        waiting.remove(0).abort();
        drop(held);
        for task in waiting {
            task.await.unwrap();
        }
        assert_eq!(
            *order.lock().unwrap(),
            ["bob", "eve", "ada", "eve", "ada", "ada"]
        );
        let again = places.take(&archive, 1, "bob");
        tokio::time::timeout(std::time::Duration::from_secs(5), again)
            .await
            .expect("all places are free again");
    }
}
