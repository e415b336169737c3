//! What happened and when: the record that tests assert on and figures are computed from.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::shared::Shared;

/// Something that happened in the sandbox. `extension` is an extension's name, `request` a request id.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the fields say it")]
pub enum Moment {
    /// The init phase begins; its kind is `init` or, after a reset, `invoke`.
    InitStart { phase: String },
    /// The extension's process was started.
    Launched { extension: String },
    /// The extension registered.
    Registered { extension: String },
    /// Somebody listens on this watched port.
    Bound { port: u16 },
    /// A telemetry subscription was accepted.
    Subscribed { extension: String, destination: String },
    /// The function's runtime was started (after all extensions had registered).
    RuntimeStarted,
    /// The runtime asked for its first invocation.
    RuntimeReady,
    /// The extension asked for its first event: it is ready.
    Ready { extension: String },
    /// The init phase is over.
    InitDone,
    /// INVOKE was released to the extensions.
    Invoke { request: String },
    /// The function was given its invocation.
    FunctionStarted { request: String },
    /// The function has answered.
    Responded { request: String },
    /// The runtime asked for the next invocation (or timed out, or crashed): the function is done.
    RuntimeDone { request: String },
    /// A batch with this invocation's `platform.runtimeDone` is about to be written to the extension.
    RuntimeDoneSent { request: String, extension: String },
    /// A batch of telemetry was taken by the extension (answered below 400).
    TelemetryTaken { extension: String, events: usize },
    /// A batch of telemetry was refused, or nobody listened.
    TelemetryRefused { extension: String, why: String },
    /// A batch of telemetry was lost on its way, as a quirk wants it.
    TelemetryLost { extension: String, events: usize },
    /// The extension asked for its next event.
    Next { extension: String },
    /// The extension reported `init/error` or `exit/error`.
    Fault { extension: String, error: String },
    /// A snapshot is being restored.
    RestoreStart,
    /// Somebody asked for the credentials of a SnapStart function.
    CredentialsRead,
    /// All processes were stopped.
    Frozen,
    /// All processes run again.
    Thawed,
    /// The shutdown phase begins.
    ShutdownStart { reason: String },
    /// SHUTDOWN was released to the extension.
    Shutdown { extension: String },
    /// The process was killed because its time was over.
    Killed { process: String },
    /// The process is gone; `None` if a signal ended it.
    Exited { process: String, code: Option<i32> },
}

/// A moment with its time.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When it happened.
    pub at: Instant,
    /// What happened.
    pub moment: Moment,
}

/// The record of a sandbox, in order of time. Cheap to clone; all clones are the same record.
#[derive(Clone)]
pub struct Journal(Arc<Shared<Vec<Entry>>>);

impl Journal {
    pub(crate) fn new() -> Journal {
        Journal(Arc::new(Shared::new(Vec::new())))
    }

    pub(crate) fn record(&self, moment: Moment) -> Instant {
        self.0.change(|entries| {
            let at = Instant::now();
            entries.push(Entry { at, moment });
            at
        })
    }

    /// Everything so far.
    pub fn entries(&self) -> Vec<Entry> {
        self.0.read(Clone::clone)
    }

    /// When the first moment that `wanted` accepts happened.
    pub fn first(&self, wanted: impl Fn(&Moment) -> bool) -> Option<Instant> {
        self.0.read(|entries| entries.iter().find(|entry| wanted(&entry.moment)).map(|entry| entry.at))
    }

    /// When the last moment that `wanted` accepts happened.
    pub fn last(&self, wanted: impl Fn(&Moment) -> bool) -> Option<Instant> {
        self.0.read(|entries| entries.iter().rev().find(|entry| wanted(&entry.moment)).map(|entry| entry.at))
    }

    /// How often a moment that `wanted` accepts happened.
    pub fn count(&self, wanted: impl Fn(&Moment) -> bool) -> usize {
        self.0.read(|entries| entries.iter().filter(|entry| wanted(&entry.moment)).count())
    }

    /// Waits until a moment that `wanted` accepts is recorded; at once if it is already. `None` after `patience`.
    pub async fn wait_for(&self, patience: Duration, wanted: impl Fn(&Moment) -> bool) -> Option<Instant> {
        let found =
            self.0.until(|entries| entries.iter().find(|entry| wanted(&entry.moment)).map(|entry| entry.at));
        tokio::time::timeout(patience, found).await.ok()
    }
}
