//! Processes of this machine, told apart from later ones with the same number.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

/// The variable that every process of a datalab inherits.
pub(crate) const MARK: &str = "GANTRY_DATALAB";

/// One process; a number alone may by now be another's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    /// When it started, in ticks since the machine did.
    pub(crate) start_time: u64,
    /// Which start of the machine.
    pub(crate) boot_id: String,
}

struct Stat {
    state: u8,
    group: i32,
    session: i32,
    start_time: u64,
}

impl Process {
    /// This process.
    pub(crate) fn current() -> io::Result<Self> {
        let pid = rustix::process::getpid().as_raw_nonzero().get();
        let stat = Stat::of(pid).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        Ok(Self {
            pid,
            start_time: stat.start_time,
            boot_id: boot_id()?,
        })
    }

    /// Whether it runs; one that has ended and waits for its parent does not.
    pub(crate) fn is_alive(&self) -> bool {
        let is_it = |stat: Stat| stat.start_time == self.start_time && stat.runs();
        boot_id().is_ok_and(|boot_id| boot_id == self.boot_id)
            && Stat::of(self.pid).is_some_and(is_it)
    }

    /// A handle that stays its own even when its number becomes another's; `None` when it has ended.
    fn handle(&self) -> Option<OwnedFd> {
        let handle = pidfd_open(Pid::from_raw(self.pid)?, PidfdFlags::empty()).ok()?;
        // The handle holds whatever had the number when it was opened.
        self.is_alive().then_some(handle)
    }

    /// Sends it a signal, and nobody else; nothing happens when it has ended.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(handle) = self.handle() {
            // It may have ended just now, which is what the signal is for.
            let _ = pidfd_send_signal(handle, signal);
        }
    }
}

impl Stat {
    fn of(pid: i32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field is the name in parentheses, and may itself hold blanks and parentheses.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        Some(Self {
            state: *fields.first()?.as_bytes().first()?,
            group: fields.get(2)?.parse().ok()?,
            session: fields.get(3)?.parse().ok()?,
            start_time: fields.get(19)?.parse().ok()?,
        })
    }

    fn runs(&self) -> bool {
        !matches!(self.state, b'Z' | b'X' | b'x')
    }
}

/// The living processes of a datalab: those that carry its mark, kernels in sessions of their own among them, and
/// those of the group or session that `leader` leads.
pub(crate) fn members(datalab: &str, leader: Option<i32>) -> BTreeSet<Process> {
    let mark = format!("{MARK}={datalab}");
    let is_member = |pid: i32, stat: &Stat| {
        leader.is_some_and(|leader| stat.group == leader || stat.session == leader)
            || marks(pid).is_some_and(|text| text == mark)
    };
    living()
        .filter(|(pid, stat)| is_member(*pid, stat))
        .filter_map(|(pid, stat)| with_boot(pid, &stat))
        .collect()
}

/// The ids of all datalabs whose mark a living process carries.
pub(crate) fn marked() -> BTreeSet<String> {
    let name = format!("{MARK}=");
    living()
        .filter_map(|(pid, _)| Some(marks(pid)?.strip_prefix(&name)?.to_owned()))
        .collect()
}

fn living() -> impl Iterator<Item = (i32, Stat)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| Some((pid, Stat::of(pid)?)))
        .filter(|(_, stat)| stat.runs())
}

fn with_boot(pid: i32, stat: &Stat) -> Option<Process> {
    Some(Process {
        pid,
        start_time: stat.start_time,
        boot_id: boot_id().ok()?,
    })
}

/// The mark in the environment of a process, `NAME=value`; only those of the same user can be read.
fn marks(pid: i32) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let name = MARK.as_bytes();
    let entry = environment
        .split(|byte| *byte == 0)
        .find(|entry| entry.starts_with(name) && entry.get(name.len()) == Some(&b'='))?;
    String::from_utf8(entry.to_vec()).ok()
}

/// Which start of the machine this is.
pub(crate) fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?
        .trim()
        .to_owned())
}
