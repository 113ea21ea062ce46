//! A volume that fails is marked and left alone for a while, longer each time; one that does not let us in is not asked
//! again until somebody changes it or tries it out.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use gantry_net::NetError;
use gantry_store::Store;
use serde::{Deserialize, Serialize};

use super::VolumeError;

/// What is wrong with a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Since when.
    pub since: DateTime<Utc>,
    /// How often it failed in a row.
    pub n_failures: u32,
    /// When it is asked again; never by itself when it does not let us in.
    pub until: Option<DateTime<Utc>>,
    /// What it said last.
    pub why: String,
}

/// This many failures in a row are taken for bad luck.
const PATIENCE: u32 = 2;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Lets questions to one volume through, or not, and keeps how it goes.
#[derive(Debug)]
pub(crate) struct Gate {
    store: Store,
    volume: String,
    trouble: Mutex<Option<Trouble>>,
}

impl Gate {
    pub(crate) fn new(store: Store, volume: &str, trouble: Option<&str>) -> Self {
        let known = trouble.and_then(|text| serde_json::from_str(text).ok());
        Self {
            store,
            volume: volume.to_owned(),
            trouble: Mutex::new(known),
        }
    }

    /// What is wrong now.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        self.trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Fails while the volume is not to be asked.
    pub(crate) fn check(&self) -> Result<(), VolumeError> {
        match self.trouble() {
            Some(Trouble {
                until: None, why, ..
            }) => Err(VolumeError::NotLetIn { why }),
            Some(Trouble {
                until: Some(until),
                why,
                ..
            }) if until > Utc::now() => Err(VolumeError::LeftAlone { until, why }),
            _ => Ok(()),
        }
    }

    /// What a question says of the volume; to be kept by [`Gate::keep`] where that is news.
    pub(crate) fn judge<T>(&self, result: &Result<T, NetError>) -> Option<News> {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let now = match result {
            Err(error) if error.is_not_let_in() => Some(Trouble {
                until: None,
                ..worse(trouble.as_ref(), error)
            }),
            Err(error) if error.is_transient() => Some(worse(trouble.as_ref(), error)),
            // Whatever else it says, it answers.
            _ => None,
        };
        if now == *trouble {
            return None;
        }
        trouble.clone_from(&now);
        Some(News(now))
    }

    pub(crate) async fn keep(&self, News(trouble): News) {
        let text =
            trouble.map(|trouble| serde_json::to_string(&trouble).expect("it is plain data"));
        if let Err(error) = self.store.mark_volume(&self.volume, text.as_deref()).await {
            tracing::warn!(volume.id = self.volume, %error, "could not mark a volume");
        }
    }
}

/// What has changed about a volume's trouble.
pub(crate) struct News(Option<Trouble>);

fn worse(before: Option<&Trouble>, error: &NetError) -> Trouble {
    let n_failures = before.map_or(0, |trouble| trouble.n_failures) + 1;
    let now = Utc::now();
    let pause = match n_failures.checked_sub(PATIENCE) {
        None | Some(0) => Duration::ZERO,
        Some(n) => (FIRST_PAUSE * 2_u32.pow((n - 1).min(9))).min(LONGEST_PAUSE),
    };
    Trouble {
        since: before.map_or(now, |trouble| trouble.since),
        n_failures,
        until: Some(error.retry_at().unwrap_or(now).max(now + pause)),
        why: error.told(),
    }
}
