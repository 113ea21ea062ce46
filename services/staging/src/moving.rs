//! The files of a job, a few at a time.
//!
//! Everything here is waited for together: a file that has a connection to the record in hand must never be left alone
//! while something else of the same job waits for one.

use std::collections::VecDeque;

use futures::future::{BoxFuture, Fuse, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};
use gantry_store::{StagingFile, StoreError};
use tokio::sync::mpsc;

use crate::finish::Finished;
use crate::job::{JobRun, PAGE};
use crate::turn::Turns;

/// How many files of one job move at once; how many an archive is asked for at once is shared out among all jobs.
const FILES_AT_ONCE: usize = 6;

type Moved = Result<Option<Finished>, StoreError>;
type Page = Result<Vec<StagingFile>, StoreError>;

/// Brings the files of a job to their ends and hands them on, in whatever order they come.
///
/// # Errors
/// [`StoreError`] when the record fails; what is under way is dropped then.
pub(crate) async fn move_files(
    run: &JobRun<'_>,
    sender: mpsc::Sender<Finished>,
) -> Result<(), StoreError> {
    let mut moving: FuturesUnordered<BoxFuture<'_, Moved>> = FuturesUnordered::new();
    let (mut waiting, mut done) = (VecDeque::new(), VecDeque::new());
    let mut turns = Turns::default();
    let mut page = fetch(run, 0);
    let mut is_last = false;
    loop {
        if run.stop.is_cancelled() && !is_last {
            (page, is_last) = (Fuse::terminated(), true);
            waiting.clear();
        }
        while moving.len() + done.len() < FILES_AT_ONCE
            && let Some(file) = waiting.pop_front()
        {
            moving.push(Box::pin(run.move_file(file, turns.next())));
        }
        if is_last && waiting.is_empty() && moving.is_empty() && done.is_empty() {
            return Ok(());
        }
        tokio::select! {
            permit = sender.reserve(), if !done.is_empty() => match permit {
                Ok(permit) => {
                    if let Some(file) = done.pop_front() {
                        permit.send(file);
                    }
                }
                // The record failed, which ends the job anyhow.
                Err(_) => return Ok(()),
            },
            Some(finished) = moving.next(), if !moving.is_empty() => done.extend(finished?),
            fetched = &mut page, if !is_last && waiting.is_empty() => {
                let fetched = fetched?;
                match fetched.last() {
                    Some(last) => page = fetch(run, last.position + 1),
                    None => is_last = true,
                }
                waiting.extend(fetched.into_iter().filter(|file| is_wanted(run, file)));
            }
        }
    }
}

fn fetch<'a>(run: &'a JobRun<'_>, from: u64) -> Fuse<BoxFuture<'a, Page>> {
    let fetching = run.store.staging_files(&run.job.id, from, PAGE);
    fetching.boxed().fuse()
}

/// Whether a file has no outcome yet; one that has keeps its name.
fn is_wanted(run: &JobRun<'_>, file: &StagingFile) -> bool {
    if let Some(outcome) = &file.outcome {
        run.reserve(outcome);
    }
    file.outcome.is_none()
}
