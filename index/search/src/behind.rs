//! Threads that step back behind searches.

use std::io;
use std::thread::{Builder, JoinHandle};

/// How much nicer a thread is to others that want the processor; the kernel then gives it a tenth of what they get.
#[cfg(target_os = "linux")]
const NICER: i32 = 10;

/// Runs something on a thread of its own that does not hold up searches, nor do the threads it starts. Where nobody
/// searches it is as fast as any.
pub(crate) fn behind_searches<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    let named = Builder::new().name("gantry-index".to_owned());
    named.spawn(|| {
        step_back();
        work()
    })
}

/// Linux counts niceness by thread, and a thread begins with that of the one that starts it; elsewhere it is the
/// process's, which is left as it is.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICER) {
        tracing::debug!(%error, "indexing does not step back behind searches");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// The niceness of the present thread: the nineteenth value of its `stat`, proc_pid_stat(5).
    fn niceness() -> i32 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").expect("Linux says it");
        let (_, values) = stat.rsplit_once(") ").expect("a name stands in brackets");
        let value = values
            .split(' ')
            .nth(16)
            .and_then(|value| value.parse().ok());
        value.expect("the niceness is a number")
    }

    #[test]
    fn a_thread_that_writes_and_those_it_starts_are_nicer_and_no_other() {
        let own = niceness();
        let both = || (niceness(), std::thread::spawn(niceness).join().ok());
        let there = behind_searches(both)
            .ok()
            .and_then(|thread| thread.join().ok());
        // The kernel goes no farther than 19.
        let nicer = (own + NICER).min(19);
        assert_eq!(there, Some((nicer, Some(nicer))));
        assert_eq!(niceness(), own);
    }
}
