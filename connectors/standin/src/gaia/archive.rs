//! What the handlers share.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::bulk::BulkFile;
use super::catalogue::Catalogue;
use super::sources::Source;
use super::uws::Jobs;
use crate::faults::Faults;
use crate::requests::RequestLog;

#[derive(Debug)]
pub(crate) struct Archive {
    pub(crate) sources: Vec<Source>,
    pub(crate) catalogue: Catalogue,
    pub(crate) jobs: Jobs,
    /// Made when they are first asked for.
    pub(crate) bulk: OnceLock<Arc<Vec<BulkFile>>>,
    pub(crate) real_data: Option<std::path::PathBuf>,
    pub(crate) sync_rows: Option<usize>,
    /// The rows that any answer holds at most; what is cut says so.
    pub(crate) most_rows: Option<usize>,
    /// Whether it is an archive of observations, with files and links to them.
    pub(crate) has_observations: bool,
    /// Whether rows come as they lie, whatever order is asked for.
    pub(crate) ignores_order: bool,
    pub(crate) job_time: Duration,
    pub(crate) faults: Faults,
    pub(crate) log: RequestLog,
}
