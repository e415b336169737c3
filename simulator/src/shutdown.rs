//! The shutdown phase.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rustix::process::Signal;
use serde_json::json;
use tokio::time::timeout_at;

use crate::clock::epoch_ms;
use crate::journal::Moment;
use crate::platform::FUNCTION;
use crate::sandbox::Sandbox;

/// What runtime and extensions have together.
pub(crate) const BUDGET: Duration = Duration::from_secs(2);
/// What the runtime may use of it.
const RUNTIME_BUDGET: Duration = Duration::from_millis(300);
/// How long Managed Instances deliver telemetry before they tell the extensions.
const LAST_TELEMETRY: Duration = Duration::from_secs(1);

/// How the shutdown phase went.
#[derive(Clone, Debug)]
pub struct Ended {
    /// How long it took.
    pub took: Duration,
    /// How each extension ended.
    pub extensions: Vec<Exit>,
}

/// How an extension ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The extension's name.
    pub extension: String,
    /// From SHUTDOWN to its end.
    pub took: Duration,
    /// It had to be killed: its time was over, or it did not subscribe to SHUTDOWN.
    pub killed: bool,
    /// Its exit code, if it was not killed.
    pub code: Option<i32>,
}

impl Sandbox {
    /// Ends the environment because it is no longer needed (`spindown`).
    pub async fn shutdown(&mut self) -> Ended {
        self.shutdown_because("spindown").await
    }

    /// Ends the environment for this reason: `spindown`, `timeout`, `failure` or whatever a test thinks of.
    pub async fn shutdown_because(&mut self, reason: &str) -> Ended {
        let begun = Instant::now();
        let platform = Arc::clone(&self.platform);
        platform.state.change(|state| state.ending = true);
        self.thaw();
        self.release_last_reports(false);
        if let Some(runtime) = self.process(FUNCTION).cloned() {
            runtime.signal(Signal::TERM);
            if tokio::time::timeout(RUNTIME_BUDGET, runtime.exit()).await.is_err() {
                platform.record(Moment::Killed { process: FUNCTION.into() });
                runtime.signal(Signal::KILL);
            }
        }
        if platform.managed() {
            let _ = tokio::time::timeout(LAST_TELEMETRY, platform.telemetry.drained()).await;
        }
        let extensions = self.end_extensions(reason, begun + BUDGET).await;
        self.ready = false;
        Ended { took: begun.elapsed(), extensions }
    }

    /// Tells the extensions, waits until the deadline, and kills what is left.
    pub(crate) async fn end_extensions(&mut self, reason: &str, deadline: Instant) -> Vec<Exit> {
        let platform = Arc::clone(&self.platform);
        let begun = platform.record(Moment::ShutdownStart { reason: reason.into() });
        let remaining = deadline.saturating_duration_since(begun);
        let reason = if platform.quirks.read(|quirks| quirks.upper_case_shutdown_reason) {
            reason.to_uppercase()
        } else {
            reason.into()
        };
        let event = json!({
            "eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": epoch_ms(SystemTime::now() + remaining),
        });
        let told = platform.state.change(|state| {
            let wanting = state.extensions.iter_mut().filter(|extension| extension.wants("SHUTDOWN"));
            wanting
                .map(|extension| {
                    extension.queue.push_back(event.clone());
                    extension.name.clone()
                })
                .collect::<Vec<_>>()
        });
        for extension in &told {
            platform.record(Moment::Shutdown { extension: extension.clone() });
        }
        self.release_last_reports(true);
        let mut exits = Vec::new();
        for process in std::mem::take(&mut self.processes) {
            let in_time = (process.name == FUNCTION || told.contains(&process.name))
                && timeout_at(deadline.into(), process.exit()).await.is_ok();
            if !in_time {
                platform.record(Moment::Killed { process: process.name.clone() });
                process.signal(Signal::KILL);
                process.exit().await;
            }
            if process.name != FUNCTION {
                exits.push(self.exit_of(&process.name, begun, !in_time));
            }
        }
        exits
    }

    fn exit_of(&self, name: &str, begun: Instant, killed: bool) -> Exit {
        let entries = self.platform.journal.entries();
        let end = entries.iter().rev().find_map(|entry| match &entry.moment {
            Moment::Exited { process, code } if process == name => Some((entry.at, *code)),
            _ => None,
        });
        let (at, code) = end.unwrap_or((begun, None));
        Exit { extension: name.into(), took: at.saturating_duration_since(begun), killed, code }
    }
}
