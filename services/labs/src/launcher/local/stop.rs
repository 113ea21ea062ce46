//! Ending everything of a datalab.

use std::collections::BTreeSet;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::time::{Instant, sleep};

use super::{LocalLauncher, blocking};
use crate::LabError;
use crate::launcher::folder::Folder;
use crate::launcher::process::{Process, members};

/// How long processes may take to go once they were killed.
const KILLED_WITHIN: Duration = Duration::from_secs(10);

impl LocalLauncher {
    pub(super) async fn stop_all_of(&self, datalab: &str, grace: Duration) -> Result<(), LabError> {
        let folder = self.folder(datalab);
        let leader = blocking(move || forget(&folder)).await?;
        let group = leader.as_ref().map(|leader| leader.pid);
        if let Some(group) = group.and_then(Pid::from_raw) {
            // The leader ends its kernels in order. It may have ended just now, with them.
            let _ = kill_process_group(group, Signal::TERM);
        }
        let mut asked = BTreeSet::new();
        let deadline = Instant::now() + grace;
        loop {
            let id = datalab.to_owned();
            let left = blocking(move || Ok(members(&id, group))).await?;
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline + KILLED_WITHIN {
                return Err(LabError::Unstoppable(datalab.to_owned()));
            }
            let is_led = leader.as_ref().is_some_and(Process::is_alive);
            for process in left {
                if Instant::now() > deadline {
                    process.signal(Signal::KILL);
                } else if !is_led && asked.insert(process.clone()) {
                    process.signal(Signal::TERM);
                }
            }
            sleep(Duration::from_millis(30)).await;
        }
    }
}

/// Says that nothing is wanted any more, so that a start still under way gives up; the answer is what was started.
fn forget(folder: &Folder) -> Result<Option<Process>, LabError> {
    if !folder.path().exists() {
        return Ok(None);
    }
    let _lock = folder.lock()?;
    folder.forget_spec()?;
    Ok(folder
        .started()?
        .map(|started| started.process)
        .filter(Process::is_alive))
}
