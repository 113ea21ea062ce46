//! What archives say of outages, asked for now and then.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use gantry_asset::ArchiveId;
use gantry_staging::Archives;
use tokio_util::sync::CancellationToken;

/// The notices there are just now; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notices(Arc<Mutex<BTreeMap<ArchiveId, String>>>);

/// How often archives are asked.
const ASK_EVERY: Duration = Duration::from_secs(600);
/// How long an archive may take to say something.
const PATIENCE: Duration = Duration::from_secs(30);

impl Notices {
    /// What an archive says.
    pub(crate) fn of(&self, archive: &ArchiveId) -> Option<String> {
        self.lock().get(archive).cloned()
    }

    /// Asks archives again and again until it is cancelled.
    pub(crate) async fn keep_asking(&self, archives: &Archives, cancelled: &CancellationToken) {
        while !cancelled.is_cancelled() {
            self.ask(archives).await;
            tokio::select! {
                () = tokio::time::sleep(ASK_EVERY) => {}
                () = cancelled.cancelled() => {}
            }
        }
    }

    async fn ask(&self, archives: &Archives) {
        let each = archives.iter().map(|(id, access)| async move {
            let said = tokio::time::timeout(PATIENCE, access.connector.notice()).await;
            match said.ok().flatten() {
                Some(text) => self.lock().insert(id.clone(), text),
                None => self.lock().remove(id),
            };
        });
        join_all(each).await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<ArchiveId, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
