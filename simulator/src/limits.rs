//! The CPU share, the memory limit and the freezer of an environment, by cgroup where this machine lets us.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// This many MB of memory buy one CPU.
const MB_PER_CPU: f64 = 1769.0;
/// CFS bandwidth is handed out per this period.
const PERIOD_US: u64 = 100_000;
/// The freezer of cgroup v1 freezes while one looks; this is how long we look.
const FREEZING: Duration = Duration::from_secs(5);

/// The cgroups of one environment; none where they are not writable. Removed on drop.
#[derive(Default)]
pub(crate) struct Limits {
    groups: Vec<PathBuf>,
    freezer: Option<Freezer>,
    /// What is limited, for people: `0.29 CPU, 512 MB, freezer`.
    pub applied: Vec<String>,
}

struct Freezer {
    control: PathBuf,
    frozen: &'static str,
    thawed: &'static str,
    /// Where the kernel tells that it is done, and how.
    status: PathBuf,
    done: &'static str,
}

impl Limits {
    /// Makes the cgroups for a function of this memory size.
    pub fn create(memory_mb: u32) -> Limits {
        let mut limits = Limits::default();
        let name = format!("otelcol-lambda-{:016x}", crate::clock::random());
        let share = f64::from(memory_mb) / MB_PER_CPU;
        let quota = (share * PERIOD_US as f64) as u64;
        let bytes = u64::from(memory_mb) << 20;
        let root = Path::new("/sys/fs/cgroup");
        if root.join("cgroup.controllers").exists() {
            if let Some(group) = limits.group(&unified_parent(root).join(&name)) {
                limits.set(&group, "cpu.max", format!("{quota} {PERIOD_US}"), format!("{share:.2} CPU"));
                limits.set(&group, "memory.max", bytes.to_string(), format!("{memory_mb} MB"));
                limits.freezer(Freezer {
                    control: group.join("cgroup.freeze"),
                    frozen: "1",
                    thawed: "0",
                    status: group.join("cgroup.events"),
                    done: "frozen 1",
                });
            }
            return limits;
        }
        if let Some(group) = limits.group(&root.join("cpu").join(&name)) {
            let period = fs::write(group.join("cpu.cfs_period_us"), PERIOD_US.to_string());
            if period.is_ok() {
                limits.set(&group, "cpu.cfs_quota_us", quota.to_string(), format!("{share:.2} CPU"));
            }
        }
        if let Some(group) = limits.group(&root.join("memory").join(&name)) {
            limits.set(&group, "memory.limit_in_bytes", bytes.to_string(), format!("{memory_mb} MB"));
        }
        if let Some(group) = limits.group(&root.join("freezer").join(&name)) {
            let state = group.join("freezer.state");
            limits.freezer(Freezer {
                control: state.clone(),
                frozen: "FROZEN",
                thawed: "THAWED",
                status: state,
                done: "FROZEN",
            });
        }
        limits
    }

    fn group(&mut self, path: &Path) -> Option<PathBuf> {
        // No `create_dir_all`: where the controller is not mounted, there is nothing to make.
        fs::create_dir(path).ok()?;
        self.groups.push(path.to_owned());
        Some(path.to_owned())
    }

    fn set(&mut self, group: &Path, file: &str, value: String, what: String) {
        if fs::write(group.join(file), value).is_ok() {
            self.applied.push(what);
        }
    }

    fn freezer(&mut self, freezer: Freezer) {
        if fs::write(&freezer.control, freezer.thawed).is_ok() {
            self.freezer = Some(freezer);
            self.applied.push("freezer".into());
        }
    }

    /// The files that take the number of a process to be put under the limits.
    pub fn doors(&self) -> Vec<PathBuf> {
        self.groups.iter().map(|group| group.join("cgroup.procs")).collect()
    }

    /// Stops all processes; false if that is not possible here.
    pub fn freeze(&self) -> bool {
        let Some(freezer) = &self.freezer else { return false };
        if fs::write(&freezer.control, freezer.frozen).is_err() {
            return false;
        }
        let given_up = Instant::now() + FREEZING;
        while Instant::now() < given_up {
            if self.is_frozen() {
                return true;
            }
            std::thread::yield_now();
        }
        self.thaw();
        false
    }

    /// The freezer says that all processes are stopped.
    pub fn is_frozen(&self) -> bool {
        self.freezer.as_ref().is_some_and(|freezer| {
            fs::read_to_string(&freezer.status).is_ok_and(|status| status.contains(freezer.done))
        })
    }

    /// Lets all processes run again.
    pub fn thaw(&self) {
        if let Some(freezer) = &self.freezer {
            let _ = fs::write(&freezer.control, freezer.thawed);
        }
    }
}

impl Drop for Limits {
    fn drop(&mut self) {
        self.thaw();
        for group in &self.groups {
            // Killed processes leave their cgroup a moment later.
            let given_up = Instant::now() + Duration::from_millis(100);
            while fs::remove_dir(group).is_err() && Instant::now() < given_up {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

/// Where a cgroup of ours may be: beside the one we live in, since one with processes can have no controllers.
fn unified_parent(root: &Path) -> PathBuf {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    let own = root.join(own);
    match own.parent() {
        Some(parent) if own != root && parent.starts_with(root) => parent.to_owned(),
        _ => root.to_owned(),
    }
}
