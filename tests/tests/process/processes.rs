//! Processes of this machine, told by what stands in their environment.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Looks until something is there; the limit is for machines far slower than this one.
pub(crate) fn until<T>(what: &str, within: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A minute, which nothing here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How often long loops run.
pub(crate) fn rounds() -> u64 {
    number("GANTRY_TEST_ROUNDS").unwrap_or(5)
}

/// The number that a variable holds.
pub(crate) fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable}=`{text}` is no number")),
    )
}

/// The living processes in whose environment this text stands; one that has ended has none.
pub(crate) fn with(text: &str) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    })
    .collect()
}

/// The processes of a datalab.
pub(crate) fn of_datalab(id: &str) -> Vec<i32> {
    with(&format!("GANTRY_DATALAB={id}"))
}

/// The labs of a datalab, which should be one.
pub(crate) fn labs_of(id: &str) -> Vec<i32> {
    let is_lab = |pid: &i32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains("jupyter-lab")
    };
    of_datalab(id).into_iter().filter(is_lab).collect()
}

pub(crate) fn signal(pid: i32, signal: Signal) {
    // It may have ended just now.
    let _ = kill_process(Pid::from_raw(pid).expect("a process has a number"), signal);
}

/// Ends every process that a Gantry of this folder started.
pub(crate) fn end_all_of(folder: &Path) {
    let folder = folder.to_str().unwrap();
    for _ in 0..500 {
        let left = with(folder);
        if left.is_empty() {
            return;
        }
        for pid in left {
            signal(pid, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
