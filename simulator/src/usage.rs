//! What a process has used, read from `/proc`.

use std::fs;
use std::time::Duration;

use rustix::process::Pid;

/// What a process uses and has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The memory it has resident, in bytes.
    pub memory: u64,
    /// The part of that which is its own, not pages of files such as the program itself.
    pub own_memory: u64,
    /// The most memory it ever had resident, in bytes.
    pub peak_memory: u64,
    /// CPU time, user and system.
    pub cpu: Duration,
}

/// `USER_HZ`: on Linux always 100, whatever the kernel's own tick.
const TICKS_PER_SECOND: u64 = 100;

impl Usage {
    /// Of this process; `None` once it is gone.
    pub(crate) fn of(pid: Pid) -> Option<Usage> {
        let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).ok()?;
        Some(Usage {
            memory: bytes(&status, "VmRSS:")?,
            own_memory: bytes(&status, "RssAnon:")?,
            peak_memory: bytes(&status, "VmHWM:")?,
            cpu: cpu(pid)?,
        })
    }
}

fn bytes(status: &str, field: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(field))?;
    value.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// The CPU time of a process. Its living threads tell theirs in nanoseconds; the sum that counts the ended ones
/// too is told in ticks of 10 ms.
fn cpu(pid: Pid) -> Option<Duration> {
    let pid = pid.as_raw_nonzero();
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command's name, in parentheses, may hold blanks: count from behind it.
    let ticks: u64 =
        stat.rsplit(") ").next()?.split(' ').skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
    let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten();
    let of_thread = |thread: fs::DirEntry| {
        let schedstat = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        schedstat.split(' ').next()?.parse::<u64>().ok()
    };
    let nanoseconds: u64 = threads.filter_map(of_thread).sum();
    Some(Duration::from_nanos(nanoseconds).max(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)))
}

/// The state letter of a process: `S` sleeping, `R` running, `T` stopped; `None` once it is gone.
pub(crate) fn state(pid: Pid) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    stat.rsplit(") ").next()?.chars().next()
}

/// Whether somebody on this machine listens on the port (without connecting to it).
pub(crate) fn is_bound(port: u16) -> bool {
    let local = format!(":{port:04X}");
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().any(|file| {
        let sockets = fs::read_to_string(file).unwrap_or_default();
        sockets.lines().any(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let bound = fields.next().is_some_and(|address| address.ends_with(&local));
            // 0A: listening.
            bound && fields.nth(1) == Some("0A")
        })
    })
}
